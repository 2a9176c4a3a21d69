"""Getting an access token: client credentials or JWT bearer, never a password. Signing in is not a metered call."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import requests

from sidecar.cache import Cache
from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.salesforce.connection import SalesforceConnection, is_loopback, require_allowed_url
from sidecar.salesforce.transport import OrgSession

_CACHE_KEY: Final = "salesforce-token"
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFE: Final = timedelta(minutes=3)  # Salesforce takes at most 3 to 5 minutes (OAuth 2.0 JWT Bearer Flow)
_TOKEN_LIFE: Final = timedelta(hours=12)  # answers name no end; a refused token is replaced when that happens
_JWT_TOKEN_LIFE: Final = timedelta(minutes=25)  # tokens in JWT form live 30 minutes by default


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the org host it is for."""

    access_token: str = field(repr=False)
    instance_url: str


class TokenSource:
    """Hands out the org's access token: from the cache while it is good, else by signing in."""

    def __init__(
        self, connection: SalesforceConnection, session: OrgSession, cache: Cache, clock: Callable[[], datetime]
    ) -> None:
        self._connection = connection
        self._login_url = require_allowed_url(connection.login_url)
        self._session = session
        self._cache = cache
        self._clock = clock

    def token(self) -> Token:
        """Return a token that nobody has refused yet."""
        return self._load() or self._sign_in()

    def replace(self, refused: Token) -> Token:
        """Return another token than the refused one; another worker may have fetched it already."""
        known = self._load()
        if known and known.access_token != refused.access_token:
            return known
        self._cache.drop(_CACHE_KEY)
        return self._sign_in()

    def _load(self) -> Token | None:
        text = self._cache.get(_CACHE_KEY)
        kept = json.loads(text) if text else {}
        if kept.get("for") != self.identity:
            return None
        return Token(kept["access_token"], kept["instance_url"])

    def _sign_in(self) -> Token:
        answer = self._ask()
        token = Token(answer["access_token"], self._instance_url(answer["instance_url"]))
        life = _JWT_TOKEN_LIFE if answer.get("token_format") == "jwt" else _TOKEN_LIFE
        kept = {"for": self.identity, "access_token": token.access_token, "instance_url": token.instance_url}
        self._cache.put(_CACHE_KEY, json.dumps(kept), expires_at=self._clock() + life)
        return token

    def _ask(self) -> dict[str, Any]:
        url = f"{self._login_url}/services/oauth2/token"
        try:
            response = self._session.post(url, data=self._form(), headers={"Accept": "application/json"})
        except requests.exceptions.SSLError as error:
            raise SetupError(
                "Salesforce's certificate was not accepted.", code="salesforce-certificate-refused"
            ) from error
        except requests.RequestException:
            # The request that failed carries secrets, so its exception is not kept.
            raise TransientError("Salesforce's sign-in could not be reached.", code="salesforce-unreachable") from None
        answer = _json_object(response)
        if response.status_code == 200 and {"access_token", "instance_url"} <= answer.keys():
            return answer
        raise sign_in_error(response.status_code, answer)

    def _form(self) -> dict[str, str]:
        connection = self._connection
        if connection.flow == "jwt_bearer":
            return {"grant_type": _JWT_GRANT, "assertion": self._assertion()}
        return {
            "grant_type": "client_credentials",
            "client_id": connection.client_id,
            "client_secret": connection.client_secret,
        }

    def _assertion(self) -> str:
        claims = {
            "iss": self._connection.client_id,
            "sub": self._connection.username,
            "aud": audience(self._login_url),
            "exp": int((self._clock() + _ASSERTION_LIFE).timestamp()),
        }
        try:
            return jwt.encode(claims, self._connection.private_key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise SetupError(
                "The private key of the Salesforce connection cannot be used: it must be an RSA key in PEM form.",
                code="salesforce-private-key-unusable",
            ) from None

    def _instance_url(self, url: str) -> str:
        return require_allowed_url(url, allow_loopback=is_loopback(urlsplit(self._login_url).hostname))

    @property
    def identity(self) -> str:
        """What the token and everything seen with it belongs to: another connection must not use it."""
        parts = self._connection
        text = "\x1f".join(
            (parts.login_url, parts.flow, parts.client_id, parts.username, parts.client_secret, parts.private_key)
        )
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def audience(login_url: str) -> str:
    """Return whom an assertion is for: only the two log-in hosts are, whatever the org's own address is."""
    host = urlsplit(login_url).hostname or ""
    # A sandbox's My Domain reads acme--name.sandbox.my.salesforce.com.
    is_sandbox = host == "test.salesforce.com" or "--" in host or ".sandbox." in host
    return f"https://{'test' if is_sandbox else 'login'}.salesforce.com"


_ADMIN: Final = "salesforce_admin"
_BY_DESCRIPTION: Final = (
    # (what the description contains, code, message, who fixes it); OAuth descriptions are not localised.
    (
        "inactive user",
        "salesforce-user-inactive",
        "The Salesforce user we sign in as is not active.",
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
        "salesforce-wrong-environment",
        "Sign in at the org's own My Domain address, not at login.salesforce.com or test.salesforce.com.",
        "operator",
    ),
    (
        "audience",
        "salesforce-wrong-environment",
        "The sign-in address belongs to another environment: production and sandboxes have different ones.",
        "operator",
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
    "invalid_client": ("salesforce-client-refused", "Salesforce does not accept the consumer secret."),
    "invalid_client_id": ("salesforce-client-refused", "Salesforce does not know the consumer key."),
    "unsupported_grant_type": ("salesforce-flow-off", "This way to sign in is switched off in Salesforce."),
}


def sign_in_error(status: int, answer: dict[str, Any]) -> SidecarError:
    """Translate a refused sign-in; the answer is an object with `error` and perhaps `error_description`."""
    error = str(answer.get("error") or "")
    description = str(answer.get("error_description") or "").lower()
    if status >= 500 or status == 429:
        return TransientError("Salesforce's sign-in does not work right now.", code="salesforce-unreachable")
    if "rate exceeded" in description:
        return TransientError("Salesforce saw too many sign-ins.", code="salesforce-limit-reached")
    for text, code, message, fixed_by in _BY_DESCRIPTION:
        if text in description:
            return SetupError(message, code=code, fixed_by=fixed_by)
    code, message = _BY_ERROR.get(error, ("salesforce-sign-in-refused", "Salesforce refused to sign us in."))
    return SetupError(message, code=code, fixed_by=_ADMIN)


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
