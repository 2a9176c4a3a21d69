"""How we sign in to Mautic's REST API. OAuth2 by choice: with basic auth every call costs Mautic 0.4 s of computing."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from sidecar.cache import Cache
from sidecar.errors import SetupError
from sidecar.hosts.mautic.connection import MauticConnection

RENEW_BEFORE = timedelta(seconds=60)
TokenCall = Callable[[dict[str, str]], tuple[str, int]]
"""Asks Mautic for a token with this form; returns the token and its life in seconds."""


class Auth(Protocol):
    """Says what goes into the Authorization header."""

    def header(self) -> str:
        """Return the header's value; may ask Mautic for a token."""

    def renew(self, refused_header: str) -> bool:
        """Give up what was refused; True if another attempt makes sense."""


class BasicAuth:
    """User name and password with every call; the fallback where no API client exists."""

    def __init__(self, connection: MauticConnection) -> None:
        pair = f"{connection.username}:{connection.password}".encode()
        self._header = "Basic " + base64.b64encode(pair).decode("ascii")

    def header(self) -> str:
        """See Auth."""
        return self._header

    def renew(self, refused_header: str) -> bool:  # noqa: ARG002  (there is nothing to renew)
        """See Auth."""
        return False


class ClientCredentials:
    """OAuth2 client credentials. The token is shared through the cache until shortly before it runs out; safe among threads."""

    def __init__(
        self, connection: MauticConnection, cache: Cache, clock: Callable[[], datetime], call: TokenCall
    ) -> None:
        self._connection = connection
        self._cache = cache
        self._clock = clock
        self._call = call
        self._lock = threading.Lock()
        who = f"{connection.base_url}\n{connection.client_id}\n{connection.client_secret}".encode()
        self._key = "mautic-token:" + hashlib.sha256(who).hexdigest()[:16]

    def header(self) -> str:
        """See Auth."""
        with self._lock:
            return f"Bearer {self._remembered() or self._ask()}"

    def renew(self, refused_header: str) -> bool:
        """See Auth. Only the first of several threads drops the token they were all refused with."""
        with self._lock:
            if self._remembered() == refused_header.removeprefix("Bearer "):
                self._cache.drop(self._key)
        return True

    def _remembered(self) -> str | None:
        text = self._cache.get(self._key)
        if text is None:
            return None
        try:
            kept = json.loads(text)
            token, expires_at = str(kept["token"]), datetime.fromisoformat(kept["expires_at"])
        except (ValueError, KeyError, TypeError):
            return None
        return token if self._clock() < expires_at - RENEW_BEFORE else None

    def _ask(self) -> str:
        if not (self._connection.client_id and self._connection.client_secret):
            raise SetupError("Mautic's client id or client secret is missing", code="mautic-sign-in-missing")
        token, seconds = self._call(
            {
                "grant_type": "client_credentials",
                "client_id": self._connection.client_id,
                "client_secret": self._connection.client_secret,
            }
        )
        expires_at = self._clock() + timedelta(seconds=seconds)
        kept = json.dumps({"token": token, "expires_at": expires_at.isoformat()})
        self._cache.put(self._key, kept, expires_at=expires_at)
        return token
