"""Signing in by browser: the page where a person allows the access, codes with PKCE, and refresh tokens that may rotate.

With rotation on, a refresh token is good for one use. Using it again ends the sign-in: the present refresh token and all
access tokens that came of it (Salesforce Help 005316711).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlencode

from sidecar.sandbox.org.wire import Answer

CODE_LIFE = timedelta(minutes=15)
PAGE = """<!doctype html><html lang="en"><head><title>Allow Access?</title></head><body><h1>Allow Access?</h1>
<p>{app} asks for: {scope}</p><form method="post" action="/services/oauth2/authorize">{fields}
<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></form></body></html>"""
REFUSED = """<!doctype html><html lang="en"><head><title>Error</title></head><body>
<p>error={}&amp;error_description={}</p></body></html>"""


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was handed out, for one use."""

    client_id: str
    user_id: str
    redirect_uri: str
    scope: str
    challenge: str
    given_at: datetime


@dataclass(slots=True)
class Grant:
    """One sign-in of a user by an app: the refresh token that is good now, those that were, and the access tokens."""

    client_id: str
    user_id: str
    scope: str
    token: str
    used: set[str] = field(default_factory=set)
    access_tokens: list[str] = field(default_factory=list)
    is_revoked: bool = False


@dataclass(slots=True)
class WebFlow:
    """The codes and grants of an org."""

    codes: dict[str, Code] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)

    def give_code(self, params: Mapping[str, str], user_id: str, now: datetime) -> str:
        """Return a new code for what was asked."""
        code = f"aPrx{secrets.token_urlsafe(40)}"
        self.codes[code] = Code(
            params["client_id"],
            user_id,
            params["redirect_uri"],
            params.get("scope", "api"),
            params.get("code_challenge", ""),
            now,
        )
        return code

    def take_code(self, form: Mapping[str, str], now: datetime) -> Code | str:
        """Return what a code was given for, or why it is refused. A code goes with the first try."""
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or now - code.given_at > CODE_LIFE or code.client_id != form.get("client_id"):
            return "expired authorization code"
        if code.redirect_uri != form.get("redirect_uri"):
            return "redirect_uri must match configuration"
        if code.challenge and not hmac.compare_digest(code.challenge, challenge_of(form.get("code_verifier", ""))):
            return "invalid code verifier"
        return code

    def open_grant(self, code: Code) -> Grant:
        """Begin a grant with its first refresh token."""
        grant = Grant(code.client_id, code.user_id, code.scope, new_refresh_token())
        self.grants.append(grant)
        return grant

    def find(self, token: str, client_id: str) -> Grant | None:
        """Return the grant that a refresh token belongs or belonged to."""
        mine = (grant for grant in self.grants if grant.client_id == client_id)
        return next((grant for grant in mine if token == grant.token or token in grant.used), None)


def rotate(grant: Grant) -> None:
    """Replace the refresh token."""
    grant.used.add(grant.token)
    grant.token = new_refresh_token()


def new_refresh_token() -> str:
    """Return a fresh refresh token."""
    return f"5Aep861{secrets.token_urlsafe(50)}"


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def ask_person(params: Mapping[str, str]) -> Answer:
    """Return the page with Allow and Deny."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(text)}">' for name, text in params.items()
    )
    app, scope = escape(params.get("client_id", "")), escape(params.get("scope", "api"))
    return page(200, PAGE.format(app=app, scope=scope, fields=fields))


def refuse_person(error: str, description: str) -> Answer:
    """Return the org's own error page: the app hears nothing of it."""
    return page(400, REFUSED.format(escape(error), escape(description)))


def send_back(params: Mapping[str, str], **answer: str) -> Answer:
    """Redirect to the app."""
    more = answer | ({"state": params["state"]} if "state" in params else {})
    separator = "&" if "?" in params["redirect_uri"] else "?"
    return Answer(302, b"", {"Location": f"{params['redirect_uri']}{separator}{urlencode(more)}"})


def page(status: int, text: str) -> Answer:
    """Return HTML."""
    return Answer(status, text.encode(), {"Content-Type": "text/html; charset=UTF-8"})
