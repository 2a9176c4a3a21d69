"""Getting an access token: client credentials, JWT bearer or a refresh token, never a password. It is not a metered call."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from sidecar.cache import Cache
from sidecar.errors import SetupError
from sidecar.salesforce.connection import SalesforceConnection, is_loopback, require_allowed_url
from sidecar.salesforce.environments import audience, require_own_address
from sidecar.salesforce.oauth import TokenEndpoint
from sidecar.salesforce.refreshing import MemoryRefreshTokens, RefreshTokens, refresh
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


def last_instance_url(cache: Cache) -> str | None:
    """Return the org's address as it said at the last sign-in, if that is still remembered."""
    text = cache.get(_CACHE_KEY)
    return json.loads(text)["instance_url"] if text else None


class TokenSource:
    """Hands out the org's access token: from the cache while it is good, else by signing in."""

    def __init__(
        self,
        connection: SalesforceConnection,
        session: OrgSession,
        cache: Cache,
        clock: Callable[[], datetime],
        refresh_tokens: RefreshTokens | None = None,
    ) -> None:
        require_own_address(connection)
        self._connection = connection
        self._endpoint = TokenEndpoint(connection, session)
        self._cache = cache
        self._clock = clock
        self._refresh_tokens = refresh_tokens or MemoryRefreshTokens(connection.refresh_token)

    def token(self) -> Token:
        """Return a token that nobody has refused yet."""
        return self._load() or self._sign_in(None)

    def replace(self, refused: Token) -> Token:
        """Return another token than the refused one; another worker may have fetched it already."""
        return self._other_than(refused) or self._sign_in(refused)

    def _other_than(self, refused: Token | None) -> Token | None:
        known = self._load()
        return known if known and (refused is None or known.access_token != refused.access_token) else None

    def _load(self) -> Token | None:
        text = self._cache.get(_CACHE_KEY)
        kept = json.loads(text) if text else {}
        if kept.get("for") != self.identity:
            return None
        return Token(kept["access_token"], kept["instance_url"])

    def _sign_in(self, refused: Token | None) -> Token:
        if self._connection.flow == "web_server":
            return self._renew(refused)
        self._cache.drop(_CACHE_KEY)
        return self._keep(self._ask())

    def _renew(self, refused: Token | None) -> Token:
        """Use the refresh token, unless another worker did while we waited for it."""
        with self._refresh_tokens.alone():
            known = self._other_than(refused)
            return known or self._keep(refresh(self._endpoint, self._refresh_tokens))

    def _keep(self, answer: dict[str, Any]) -> Token:
        token = Token(answer["access_token"], self._instance_url(answer["instance_url"]))
        life = _JWT_TOKEN_LIFE if answer.get("token_format") == "jwt" else _TOKEN_LIFE
        kept = {"for": self.identity, "access_token": token.access_token, "instance_url": token.instance_url}
        self._cache.put(_CACHE_KEY, json.dumps(kept), expires_at=self._clock() + life)
        return token

    def _ask(self) -> dict[str, Any]:
        if self._connection.flow == "jwt_bearer":
            return self._endpoint.fetch(_JWT_GRANT, names_client=False, assertion=self._assertion())
        return self._endpoint.fetch("client_credentials")

    def _assertion(self) -> str:
        claims = {
            "iss": self._connection.client_id,
            "sub": self._connection.username,
            "aud": audience(self._endpoint.login_url),
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
        return require_allowed_url(url, allow_loopback=is_loopback(urlsplit(self._endpoint.login_url).hostname))

    @property
    def identity(self) -> str:
        """What the token and everything seen with it belongs to: another connection must not use it."""
        parts = self._connection
        texts = [parts.login_url, parts.flow, parts.client_id, parts.username, parts.client_secret, parts.private_key]
        if parts.flow == "web_server":  # a refresh token comes and goes, the user stays
            texts.append(parts.signed_in_as)
        return hashlib.blake2b("\x1f".join(texts).encode(), digest_size=16).hexdigest()
