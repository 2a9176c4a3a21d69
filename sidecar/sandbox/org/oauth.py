"""Sign-in: client credentials and JWT bearer, and the tokens they give."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.x509 import load_pem_x509_certificate

from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.wire import Answer

CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = frozenset({"https://login.salesforce.com", "https://test.salesforce.com"})
SESSION = timedelta(hours=2)  # of inactivity; each call begins it anew
LONGEST_ASSERTION = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Client:
    """An external client app: its secret, its certificate or public key, and the user it runs as."""

    client_id: str
    client_secret: str
    public_key: str | None
    username: str
    user_id: str | None


@dataclass(slots=True)
class Session:
    """A token in use."""

    user_id: str
    used_at: datetime


@dataclass(slots=True)
class SignIn:
    """Gives tokens and knows which are good."""

    clock: Clock
    org_id: str
    clients: dict[str, Client] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)

    def open_session(self, user_id: str) -> str:
        """Return a fresh token."""
        token = f"{self.org_id[:15]}!AQ0AQ{secrets.token_urlsafe(60)}"
        self.sessions[token] = Session(user_id, self.clock.now())
        return token

    def user_of(self, authorization: str | None) -> str:
        """Return who a bearer token stands for, or refuse it."""
        scheme, _, token = (authorization or "").partition(" ")
        session = self.sessions.get(token.strip()) if scheme.lower() in {"bearer", "oauth"} else None
        if session is None or self.clock.now() - session.used_at > SESSION:
            raise OrgError("INVALID_SESSION_ID", "Session expired or invalid", status=401)
        session.used_at = self.clock.now()
        return session.user_id

    def answer(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> Answer:
        """Answer a request for a token."""
        grant = form.get("grant_type", "")
        try:
            if grant == CLIENT_CREDENTIALS:
                return Answer(200, self._token(self._by_secret(form, authorization), base_url))
            if grant == JWT_BEARER:
                return Answer(200, self._token(self._by_assertion(form.get("assertion", ""), base_url), base_url))
        except SignInError as error:
            return Answer(400, {"error": error.code, "error_description": error.description})
        return Answer(400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"})

    def _by_secret(self, form: Mapping[str, str], authorization: str | None) -> Client:
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization and authorization.lower().startswith("basic "):
            client_id, client_secret = read_basic(authorization[6:])
        client = self._client(client_id)
        if not hmac.compare_digest(client.client_secret.encode(), client_secret.encode()):
            raise SignInError("invalid_client", "invalid client credentials")
        if client.user_id is None:
            raise SignInError("invalid_grant", "no client credentials user enabled")
        return client

    def _client(self, client_id: str) -> Client:
        if client_id not in self.clients:
            raise SignInError("invalid_client_id", "client identifier invalid")
        return self.clients[client_id]

    def _by_assertion(self, assertion: str, base_url: str) -> Client:
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise SignInError("invalid_grant", "invalid assertion") from None
        client = self._client(str(claims.get("iss", "")))
        if client.public_key is None:
            raise SignInError("invalid_grant", "user hasn't approved this consumer")
        try:
            jwt.decode(
                assertion,
                read_key(client.public_key),
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_aud": False},
            )
        except jwt.InvalidTokenError:
            raise SignInError("invalid_grant", "invalid assertion") from None
        if claims.get("aud") not in AUDIENCES | {base_url}:
            raise SignInError("invalid_grant", "Audience validation failed")
        left = float(claims.get("exp", 0)) - self.clock.now().timestamp()
        if not 0 < left <= LONGEST_ASSERTION.total_seconds():
            raise SignInError("invalid_grant", "expired assertion" if left <= 0 else "invalid assertion")
        if claims.get("sub") != client.username or client.user_id is None:
            raise SignInError("invalid_grant", "user hasn't approved this consumer")
        return client

    def _token(self, client: Client, base_url: str) -> dict[str, Any]:
        assert client.user_id is not None
        issued_at = str(int(self.clock.now().timestamp() * 1000))
        identity = f"{base_url}/id/{self.org_id}/{client.user_id}"
        digest = hmac.new(client.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
        return {
            "access_token": self.open_session(client.user_id),
            "signature": base64.b64encode(digest).decode(),
            "token_format": "opaque",
            "scope": "api",
            "instance_url": base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
            "api_instance_url": "https://api.salesforce.com",
        }


class SignInError(Exception):
    """A refused sign-in; its body is an object, unlike every other error."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


def read_basic(encoded: str) -> tuple[str, str]:
    """Return client id and secret of a Basic header."""
    try:
        client_id, _, client_secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, client_secret


def read_key(pem: str) -> Any:
    """Return the public key of a certificate, or the key itself."""
    if "BEGIN CERTIFICATE" in pem:
        return load_pem_x509_certificate(pem.encode()).public_key()
    return pem
