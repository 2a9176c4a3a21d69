"""Sign-in: client credentials, JWT bearer, web server flow and refresh tokens, and the access tokens they give."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.x509 import load_pem_x509_certificate

from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.web_flow import WebFlow, ask_person, refuse_person, rotate, send_back
from sidecar.sandbox.org.wire import Answer

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
COMMON_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})
AUDIENCES = frozenset(f"https://{host}" for host in COMMON_HOSTS)
SESSION = timedelta(hours=2)  # of inactivity; each call begins it anew
LONGEST_ASSERTION = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Client:
    """An external client app: its secret, its certificate or public key, the user it runs as, and its settings."""

    client_id: str
    client_secret: str
    public_key: str | None
    username: str
    user_id: str | None
    redirect_uri: str = ""
    rotates: bool = False
    needs_pkce: bool = True
    scopes: frozenset[str] = frozenset({"api", "refresh_token"})


@dataclass(slots=True)
class Session:
    """A token in use."""

    user_id: str
    used_at: datetime


@dataclass(slots=True)
class SignIn:
    """Gives tokens and knows which are good. `is_active` tells of a user; `my_domain` is the org's own address, if moved."""

    clock: Clock
    org_id: str
    is_active: Callable[[str], bool] = lambda _: True
    my_domain: str = ""
    clients: dict[str, Client] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    web: WebFlow = field(default_factory=WebFlow)
    refusals: list[tuple[str, str]] = field(default_factory=list)

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

    def revoke(self) -> None:
        """End every sign-in, as an administrator does at "OAuth Usage"."""
        self.sessions.clear()
        for grant in self.web.grants:
            grant.is_revoked = True

    # The token endpoint

    def answer(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> Answer:
        """Answer a request for a token."""
        by_grant: dict[str, Callable[[], dict[str, Any]]] = {
            "client_credentials": lambda: self._token(self._by_secret(form, authorization, base_url), base_url),
            JWT_BEARER: lambda: self._token(self._by_assertion(form.get("assertion", ""), base_url), base_url),
            "authorization_code": lambda: self._by_code(form, authorization, base_url),
            "refresh_token": lambda: self._by_refresh_token(form, authorization, base_url),
            "password": _by_password,
        }
        give = by_grant.get(form.get("grant_type", ""), _by_unknown_grant)
        try:
            self._arranged_refusal()
            return Answer(200, give())
        except SignInError as error:
            return Answer(400, {"error": error.code, "error_description": error.description})

    def _arranged_refusal(self) -> None:
        if self.refusals:
            raise SignInError(*self.refusals.pop(0))

    def _by_secret(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> Client:
        if urlsplit(base_url).hostname in COMMON_HOSTS:
            raise SignInError("invalid_grant", "request not supported on this domain")
        client = self._proven(form, authorization)
        if client.user_id is None:
            raise SignInError("invalid_grant", "no client credentials user enabled")
        return self._with_active_user(client)

    def _proven(self, form: Mapping[str, str], authorization: str | None) -> Client:
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization and authorization.lower().startswith("basic "):
            client_id, client_secret = read_basic(authorization[6:])
        client = self._client(client_id)
        if not hmac.compare_digest(client.client_secret.encode(), client_secret.encode()):
            raise SignInError("invalid_client", "invalid client credentials")
        return client

    def _client(self, client_id: str) -> Client:
        if client_id not in self.clients:
            raise SignInError("invalid_client_id", "client identifier invalid")
        return self.clients[client_id]

    def _with_active_user(self, client: Client) -> Client:
        if client.user_id is not None and not self.is_active(client.user_id):
            raise SignInError("invalid_grant", "inactive user")
        return client

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
        return self._with_active_user(client)

    # Signing in by browser

    def authorize(self, params: Mapping[str, str], method: str) -> Answer:
        """Ask the person at the browser, or send them back with what they decided."""
        client = self.clients.get(params.get("client_id", ""))
        if client is None:
            return refuse_person("invalid_client_id", "client identifier invalid")
        if params.get("redirect_uri") != client.redirect_uri:
            return refuse_person("redirect_uri_mismatch", "redirect_uri must match configuration")
        if params.get("response_type") != "code":
            return send_back(params, error="unsupported_response_type", error_description="response type not supported")
        if client.needs_pkce and (params.get("code_challenge_method") != "S256" or not params.get("code_challenge")):
            return send_back(params, error="invalid_request", error_description="missing required code challenge")
        if not set(params.get("scope", "api").split()) <= client.scopes:
            return send_back(params, error="invalid_scope", error_description="the requested scope is not allowed")
        if method == "GET":
            return ask_person(params)
        if params.get("decision") != "allow" or client.user_id is None:
            return send_back(params, error="access_denied", error_description="end-user denied authorization")
        return send_back(params, code=self.web.give_code(params, client.user_id, self.clock.now()))

    def _by_code(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> dict[str, Any]:
        client = self._proven(form, authorization)
        code = self.web.take_code(form, self.clock.now())
        if isinstance(code, str):
            raise SignInError("redirect_uri_mismatch" if "redirect" in code else "invalid_grant", code)
        given = self._token(client, base_url, code.scope)
        if "refresh_token" in code.scope.split():
            grant = self.web.open_grant(code)
            grant.access_tokens.append(given["access_token"])
            given["refresh_token"] = grant.token
        return _without(given, "api_instance_url")

    def _by_refresh_token(self, form: Mapping[str, str], authorization: str | None, base_url: str) -> dict[str, Any]:
        client, token = self._proven(form, authorization), form.get("refresh_token", "")
        grant = self.web.find(token, client.client_id)
        if grant is not None and token != grant.token:  # a token that was used already: somebody has a copy
            grant.is_revoked = True
            for each in grant.access_tokens:
                self.sessions.pop(each, None)
        if grant is None or grant.is_revoked:
            raise SignInError("invalid_grant", "expired access/refresh token")
        given = self._token(self._with_active_user(client), base_url, grant.scope)
        grant.access_tokens.append(given["access_token"])
        if client.rotates:
            rotate(grant)
            given["refresh_token"] = grant.token
        return _without(given, "api_instance_url", "token_format")

    def _token(self, client: Client, base_url: str, scope: str = "api") -> dict[str, Any]:
        assert client.user_id is not None
        issued_at = str(int(self.clock.now().timestamp() * 1000))
        identity = f"{base_url}/id/{self.org_id}/{client.user_id}"
        digest = hmac.new(client.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
        return {
            "access_token": self.open_session(client.user_id),
            "signature": base64.b64encode(digest).decode(),
            "token_format": "opaque",
            "scope": scope,
            "instance_url": self.my_domain or base_url,
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


def _by_password() -> dict[str, Any]:
    """Refuse, as for any password that is not the right one: this org has the flow switched off."""
    raise SignInError("invalid_grant", "authentication failure - Invalid Password")


def _by_unknown_grant() -> dict[str, Any]:
    raise SignInError("unsupported_grant_type", "grant type not supported")


def _without(answer: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in names}


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
