"""The web server flow: a person signs in on Salesforce's own page, and we get a code for it. PKCE S256, by Authlib."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.common.security import generate_token
from authlib.oauth2.client import OAuth2Client
from requests.adapters import BaseAdapter

from sidecar.errors import SetupError, SidecarError
from sidecar.salesforce.connection import SalesforceConnection, is_loopback, require_allowed_url
from sidecar.salesforce.environments import require_environment
from sidecar.salesforce.oauth import TokenEndpoint
from sidecar.salesforce.refusals import sign_in_error
from sidecar.salesforce.transport import open_session

SCOPES: Final = "api refresh_token"
_SECRET_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a person is sent to sign in, and the two secrets that belong to this one sign-in."""

    url: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a finished sign-in gave: the refresh token, and as whom ("org id/user id")."""

    refresh_token: str = field(repr=False)
    signed_in_as: str
    instance_url: str


def depart(connection: SalesforceConnection, redirect_uri: str) -> Departure:
    """Make a sign-in: a new state, a new PKCE verifier, and the address of Salesforce's page."""
    state, verifier = generate_token(_SECRET_LENGTH), generate_token(_SECRET_LENGTH)
    client = OAuth2Client(session=None, client_id=connection.client_id, code_challenge_method="S256")
    url, _ = client.create_authorization_url(
        f"{require_allowed_url(connection.login_url)}/services/oauth2/authorize",
        state=state,
        code_verifier=verifier,
        redirect_uri=redirect_uri,
        scope=SCOPES,
    )
    return Departure(str(url), state, verifier)


def arrive(
    connection: SalesforceConnection,
    redirect_uri: str,
    verifier: str,
    answer: Mapping[str, str],
    adapter: BaseAdapter | None = None,
) -> Arrival:
    """Turn the parameters of the callback into a refresh token. SetupError names what a person did or must change."""
    if "code" not in answer:
        raise refusal_of(answer, connection.login_url)
    session = open_session(adapter)
    try:
        given = TokenEndpoint(connection, session).fetch(
            "authorization_code", code=answer["code"], redirect_uri=redirect_uri, code_verifier=verifier
        )
    finally:
        session.close()
    is_local = is_loopback(urlsplit(connection.login_url).hostname)
    instance_url = require_allowed_url(given["instance_url"], allow_loopback=is_local)
    require_environment(connection.login_url, instance_url)
    if not given.get("refresh_token"):
        raise SetupError(
            "Salesforce gave no refresh token: our app there needs the scope refresh_token.",
            code="salesforce-scope-missing",
            fixed_by="salesforce_admin",
        )
    return Arrival(given["refresh_token"], _who(given), instance_url)


def refusal_of(answer: Mapping[str, str], login_url: str = "") -> SidecarError:
    """Return what the callback's `error` means; an answer with neither code nor error is no answer to a sign-in."""
    return sign_in_error(400, answer if answer.get("error") else {"error": "invalid_request"}, login_url)


def _who(given: Mapping[str, Any]) -> str:
    # The identity address reads https://login.salesforce.com/id/<org id>/<user id>.
    return "/".join(urlsplit(str(given.get("id", ""))).path.split("/")[-2:])
