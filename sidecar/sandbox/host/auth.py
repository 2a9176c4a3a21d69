"""Signing in: OAuth2 client credentials, and basic auth with a user's password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, timedelta

from sqlalchemy import select
from werkzeug.datastructures import Authorization
from werkzeug.wrappers import Request, Response

from sidecar.sandbox.host import php
from sidecar.sandbox.host.answers import ApiError, answer, typed_error
from sidecar.sandbox.host.work import Actor, Work

TOKEN_SECONDS = 3600
GRANTS = ["authorization_code", "refresh_token", "client_credentials"]
NO_CLIENT = "The client credentials are invalid"


def add_client(work: Work, name: str) -> tuple[str, str]:
    """Make an API client and return its id (row id and random part) and secret."""
    random_id, secret = secrets.token_hex(25), secrets.token_hex(25)
    grants = php.serialize(GRANTS)
    values = {"name": name, "random_id": random_id, "secret": secret, "allowed_grant_types": grants, "role_id": 1}
    return f"{work.add('oauth2_clients', **values)}_{random_id}", secret


def issue_token(work: Work, request: Request) -> Response:
    """Answer a call for a token; credentials come as a form, as JSON or in a Basic header."""
    sent = dict(request.form) or (request.get_json(silent=True) or {})
    basic = request.authorization
    if basic and basic.type == "basic":
        sent |= {"client_id": basic.username or "", "client_secret": basic.password or ""}
    if not sent.get("grant_type"):
        raise typed_error(400, "Invalid grant_type parameter or parameter missing", "invalid_request")
    row_id, _, random_id = str(sent.get("client_id", "")).partition("_")
    clients = work.schema["oauth2_clients"]
    found = work.rows("oauth2_clients", clients.c.id == (int(row_id) if row_id.isdigit() else 0))
    is_right = found and found[0]["random_id"] == random_id
    if not is_right or not hmac.compare_digest(found[0]["secret"], str(sent.get("client_secret", ""))):
        raise typed_error(400, NO_CLIENT, "invalid_client")
    if sent["grant_type"] != "client_credentials":
        raise typed_error(400, "The grant type is unauthorized for this client_id", "unauthorized_client")
    token = secrets.token_urlsafe(64)[:86]
    expires_at = int((work.now + timedelta(seconds=TOKEN_SECONDS)).timestamp())
    work.add("oauth2_accesstokens", client_id=found[0]["id"], token=token, expires_at=expires_at)
    return answer({"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "bearer", "scope": None})


def sign_in(work: Work, request: Request) -> Actor:
    """Return who is calling, or raise the 401 Mautic answers."""
    given = request.authorization
    token = given.token if given and given.type == "bearer" else request.args.get("access_token")
    if token:
        return client_of(work, token)
    if given and given.type == "basic":
        return user_of(work, given)
    raise typed_error(401, "API authorization denied.", "access_denied")


def client_of(work: Work, token: str) -> Actor:
    """Return the API client a token was given to."""
    tokens, clients = work.schema["oauth2_accesstokens"], work.schema["oauth2_clients"]
    query = select(tokens.c.expires_at, clients.c.id, clients.c.name, clients.c.random_id).join_from(
        tokens, clients, tokens.c.client_id == clients.c.id
    )
    found = work.connection.execute(query.where(tokens.c.token == token)).first()
    if not found:
        raise typed_error(401, "The access token provided is invalid.", "invalid_grant")
    if found.expires_at is not None and found.expires_at <= work.now.astimezone(UTC).timestamp():
        raise expired_token()
    name = f"{found.name} [{found.id}]"
    return Actor(name=name, audit_name=name, client_id=f"{found.id}_{found.random_id}")


def expired_token() -> ApiError:
    """Return the answer to a token whose hour is over."""
    return typed_error(401, "The access token provided has expired.", "invalid_grant")


def user_of(work: Work, given: Authorization) -> Actor:
    """Return the user whose name and password were sent."""
    users = work.schema["users"]
    found = work.rows("users", users.c.username == (given.username or ""))
    if not found or not hmac.compare_digest(found[0]["password"], hashed(given.password or "")):
        raise typed_error(401, "Authorization denied, invalid credentials.", "access_denied")
    return actor_of(found[0])


def hashed(password: str) -> str:
    """Return what the sandbox keeps of a password."""
    return hashlib.sha256(password.encode()).hexdigest()


def actor_of(user: dict[str, object]) -> Actor:
    """Return a user as the one who does something."""
    name = f"{user['first_name']} {user['last_name']}"
    return Actor(int(str(user["id"])), name, int(str(user["id"])), name)
