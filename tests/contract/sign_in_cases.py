"""How to bring the sandbox org to each answer of the token endpoint that real orgs are on record with."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.contract.org_caller import HOST, Caller
from tests.contract.org_cases import Case, an_assertion

REDIRECT = "https://sidecar.example.com/oauth/salesforce/callback"
VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
APP = {"client_id": "app", "client_secret": "secret"}


def send(caller: Caller, method: str, url: str, **more: Any) -> requests.Response:
    """Send a request that carries no token."""
    return caller.session.request(method, url, headers={"Authorization": ""}, allow_redirects=False, **more)


def authorize(caller: Caller, decision: str = "allow", **changes: Any) -> requests.Response:
    """Sign in at the org's page."""
    asked = {"response_type": "code", "client_id": "app", "redirect_uri": REDIRECT, "scope": "api refresh_token"}
    asked |= {"state": "s-1", "code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    form = {name: text for name, text in (asked | changes | {"decision": decision}).items() if text is not None}
    return send(caller, "POST", f"{HOST}/services/oauth2/authorize", data=form)


def sent_back(response: requests.Response) -> dict[str, str]:
    """Return the parameters of a redirect to the app."""
    assert response.status_code == 302, response.text
    assert response.headers["Location"].startswith(f"{REDIRECT}?")
    return {name: texts[0] for name, texts in parse_qs(urlsplit(response.headers["Location"]).query).items()}


def redeem(caller: Caller, code: str, **changes: str) -> requests.Response:
    """Turn a code into tokens."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return caller.sign_in(**(form | APP | changes))


def tokens(caller: Caller, **settings: Any) -> dict[str, str]:
    """Register an app and sign in by browser."""
    caller.org.add_client("app", "secret", redirect_uri=REDIRECT, **settings)
    return redeem(caller, sent_back(authorize(caller))["code"]).json()


def refresh(caller: Caller, refresh_token: str) -> requests.Response:
    """Ask for a new access token."""
    return caller.sign_in(grant_type="refresh_token", refresh_token=refresh_token, **APP)


def refreshed(caller: Caller) -> requests.Response:
    return refresh(caller, tokens(caller)["refresh_token"])


def by_code(caller: Caller) -> requests.Response:
    caller.org.add_client("app", "secret", redirect_uri=REDIRECT)
    return redeem(caller, sent_back(authorize(caller, scope="api"))["code"])


def revoked(caller: Caller) -> requests.Response:
    given = tokens(caller)
    caller.org.revoke_tokens()
    return refresh(caller, given["refresh_token"])


def inactive(caller: Caller) -> requests.Response:
    given = tokens(caller)
    caller.org.update("User", caller.org.user_ids["api"], {"IsActive": False})
    return refresh(caller, given["refresh_token"])


def by_password(caller: Caller) -> requests.Response:
    return caller.sign_in(grant_type="password", username="a@example.com", password="wrong", **APP)


def at_the_common_host(caller: Caller) -> requests.Response:
    caller.org.add_client("app", "secret")
    form = {"grant_type": "client_credentials"} | APP
    return send(caller, "POST", "https://login.salesforce.com/services/oauth2/token", data=form)


def identity(caller: Caller) -> requests.Response:
    assertion = an_assertion(caller)
    given = caller.sign_in(grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion).json()
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    return caller.session.get(given["id"], headers=headers)


OF_COMMUNITIES = frozenset({"sfdc_community_url", "sfdc_community_id", "id_token"})
"""Only in answers to users of a site, or with the scope openid."""

SIGN_IN_CASES = (
    Case("oauth-refresh-200", refreshed),
    Case("oauth-refresh-200-2016", refreshed),
    Case("oauth-invalid-grant-refresh", revoked),
    Case("oauth-inactive-user-400", inactive),
    Case("oauth-invalid-grant-password", by_password),
    Case("oauth-request-not-supported-on-this-domain-400", at_the_common_host),
    Case("identity-url-200", identity),
)
