"""What a refused sign-in means, and who can change it. OAuth errors are an object, and their words are not localised."""

from collections.abc import Mapping
from typing import Any, Final

from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.salesforce.environments import WRONG_ENVIRONMENT, is_common_login, is_sandbox

_ADMIN: Final = "salesforce_admin"
_OPERATOR: Final = "operator"
RATE_PAUSE_SECONDS: Final = 900

SIGN_IN_EXPIRED: Final = "salesforce-sign-in-expired"
SIGN_IN_REFUSED: Final = "salesforce-sign-in-refused"
CLIENT_REFUSED: Final = "salesforce-client-refused"
UNEXPECTED: Final = "salesforce-unexpected-answer"

MENDED_HERE: Final = frozenset(
    {
        SIGN_IN_EXPIRED,
        CLIENT_REFUSED,
        WRONG_ENVIRONMENT,
        "salesforce-session-refused",
        "salesforce-private-key-unusable",
    }
)
"""Nothing that happens at Salesforce alone makes the same request succeed: somebody must connect again, or check."""

CONNECTION_CODES: Final = MENDED_HERE | {
    SIGN_IN_REFUSED,
    "salesforce-access-denied",
    "salesforce-address-moved",
    "salesforce-api-disabled",
    "salesforce-app-not-approved",
    "salesforce-certificate-refused",
    "salesforce-client-credentials-off",
    "salesforce-flow-off",
    "salesforce-ip-restricted",
    "salesforce-not-found",
    "salesforce-org-inactive",
    "salesforce-scope-missing",
    "salesforce-user-inactive",
}
"""The connection as a whole does not work, whatever is asked."""

_BY_DESCRIPTION: Final = (
    # (what the description contains, code, message, who fixes it)
    (
        "expired access/refresh token",
        SIGN_IN_EXPIRED,
        "The sign-in to Salesforce was revoked or has run out: connect Salesforce again.",
        _ADMIN,
    ),
    (
        "authorization code",
        "salesforce-code-expired",
        "The sign-in at Salesforce took too long, or its answer came twice: connect again.",
        _OPERATOR,
    ),
    (
        "code verifier",
        "salesforce-code-expired",
        "The sign-in at Salesforce was not the one that was begun here: connect again.",
        _OPERATOR,
    ),
    (
        "inactive user",
        "salesforce-user-inactive",
        "The Salesforce user we sign in as is not active.",
        _ADMIN,
    ),
    (
        "ip restricted",
        "salesforce-ip-restricted",
        "Salesforce does not let our app or its user sign in from this machine's IP address.",
        _ADMIN,
    ),
    (
        "approved",
        "salesforce-app-not-approved",
        "The Salesforce user is not pre-authorised for our app.",
        _ADMIN,
    ),
    (
        "request not supported on this domain",
        WRONG_ENVIRONMENT,
        "Sign in at the org's own My Domain address, not at login.salesforce.com or test.salesforce.com.",
        _OPERATOR,
    ),
    (
        "audience",
        WRONG_ENVIRONMENT,
        "The sign-in address belongs to another environment: production and sandboxes have different ones.",
        _OPERATOR,
    ),
    (
        "no client credentials user",
        "salesforce-client-credentials-off",
        "Our app in Salesforce has no user to run as: set one in its client credentials settings.",
        _ADMIN,
    ),
    (
        "client credentials flow",
        "salesforce-client-credentials-off",
        "The client credentials flow is off in our app in Salesforce.",
        _ADMIN,
    ),
)
_BY_ERROR: Final = {
    "invalid_client": (CLIENT_REFUSED, "Salesforce does not accept the consumer secret.", _ADMIN),
    "invalid_client_id": (CLIENT_REFUSED, "Salesforce does not know the consumer key.", _ADMIN),
    "unsupported_grant_type": ("salesforce-flow-off", "This way to sign in is switched off in Salesforce.", _ADMIN),
    "unauthorized_client": ("salesforce-flow-off", "This way to sign in is switched off in Salesforce.", _ADMIN),
    "invalid_scope": (
        "salesforce-scope-missing",
        "Our app in Salesforce lacks a scope: it needs api and refresh_token.",
        _ADMIN,
    ),
    "redirect_uri_mismatch": (
        "salesforce-callback-mismatch",
        "Our app in Salesforce has another callback URL than this one.",
        _ADMIN,
    ),
    "access_denied": (
        "salesforce-access-denied",
        "Somebody at Salesforce did not allow the access, or may not allow it.",
        _ADMIN,
    ),
    "inactive_user": ("salesforce-user-inactive", "The Salesforce user we sign in as is not active.", _ADMIN),
    "inactive_org": ("salesforce-org-inactive", "The Salesforce org is locked, closed or suspended.", _ADMIN),
}
_SPELLINGS: Final = {"oauth_app_access_denied": "access_denied"}
"""Ways in which Salesforce spells what the standard calls otherwise."""


def sign_in_error(status: int, answer: Mapping[str, Any], login_url: str = "") -> SidecarError:
    """Translate a refused sign-in. `answer` has `error` and perhaps `error_description`; nothing of it is passed on."""
    error = str(answer.get("error") or "").lower().replace("-", "_")
    error = _SPELLINGS.get(error, error)
    description = str(answer.get("error_description") or "").lower().replace("+", " ")
    if _is_passing(status, error, description):
        return _passing(status, description)
    if not error:
        return _no_answer(status)
    for text, code, message, fixed_by in _BY_DESCRIPTION:
        if text in description:
            return SetupError(message, code=code, fixed_by=fixed_by)
    code, message, fixed_by = _BY_ERROR.get(
        error, (SIGN_IN_REFUSED, "Salesforce refused to sign us in and did not say why.", _ADMIN)
    )
    hint = _other_environment(login_url) if code in {CLIENT_REFUSED, SIGN_IN_REFUSED} else ""
    return SetupError(f"{message}{hint}", code=code, fixed_by=fixed_by)


def _is_passing(status: int, error: str, description: str) -> bool:
    return status >= 500 or status == 429 or "rate" in error.split("_") or "rate exceeded" in description


def _passing(status: int, description: str) -> TransientError:
    if status >= 500 or (status == 429 and not description):
        return TransientError("Salesforce's sign-in does not work right now.", code="salesforce-unreachable")
    return TransientError(
        "Salesforce saw too many sign-ins.", code="salesforce-limit-reached", retry_after_seconds=RATE_PAUSE_SECONDS
    )


def _no_answer(status: int) -> SidecarError:
    """Return what an answer means that is no object with an error: a page, half an answer, a redirect."""
    if 300 <= status < 400:
        return SetupError(
            "The sign-in address leads elsewhere: give the org's present My Domain address.",
            code="salesforce-address-moved",
        )
    if status == 404:
        return SetupError("There is no Salesforce sign-in at that address.", code="salesforce-not-found")
    return TransientError("The answer to our sign-in is not Salesforce's.", code=UNEXPECTED)


def _other_environment(login_url: str) -> str:
    """Return a hint where a wrong choice of production or sandbox would look just like this."""
    if not is_common_login(login_url):
        return ""
    mine, other = ("sandbox", "production") if is_sandbox(login_url) else ("production", "sandbox")
    return f" It was asked as a {mine} org: if it is {other}, choose that, or give its My Domain address."
