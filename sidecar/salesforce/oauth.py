"""The token endpoint, asked through Authlib over our own session; what it refuses is translated before Authlib sees it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import requests
from authlib.integrations.requests_client.oauth2_session import OAuth2ClientAuth
from authlib.oauth2.client import OAuth2Client

from sidecar.errors import SetupError, TransientError
from sidecar.salesforce.connection import SalesforceConnection, require_allowed_url
from sidecar.salesforce.refusals import sign_in_error
from sidecar.salesforce.transport import OrgSession

Json = dict[str, Any]

_NEEDED: Final = {"access_token", "instance_url"}


class _Client(OAuth2Client):  # type: ignore[misc]  # Authlib has no types
    client_auth_class = OAuth2ClientAuth


class TokenEndpoint:
    """Asks one org for tokens. An answer has at least `access_token` and `instance_url`, or an error is raised."""

    def __init__(self, connection: SalesforceConnection, session: OrgSession) -> None:
        self.login_url = require_allowed_url(connection.login_url)
        self._url = f"{self.login_url}/services/oauth2/token"
        self._client = _Client(
            session,
            client_id=connection.client_id,
            client_secret=connection.client_secret,
            token_endpoint_auth_method="client_secret_post" if connection.client_secret else "none",
        )
        self._client.register_compliance_hook("access_token_response", self._checked)
        self._client.register_compliance_hook("refresh_token_response", self._checked)

    def fetch(self, grant_type: str, *, names_client: bool = True, **parameters: str) -> Json:
        """Ask for a token by a grant; an assertion names the client itself."""
        auth = None if names_client else _as_it_is
        return self._ask(lambda: self._client.fetch_token(self._url, grant_type=grant_type, auth=auth, **parameters))

    def refresh(self, refresh_token: str) -> Json:
        """Ask for a new access token; the answer's `refresh_token` differs from ours where Salesforce rotates it."""
        return self._ask(lambda: self._client.refresh_token(self._url, refresh_token=refresh_token))

    def _ask(self, ask: Callable[[], Mapping[str, Any]]) -> Json:
        try:
            return dict(ask())
        except requests.exceptions.SSLError:
            raise SetupError(
                "Salesforce's certificate was not accepted.", code="salesforce-certificate-refused"
            ) from None
        except requests.RequestException:
            # The request that failed carries secrets, so its exception is not kept.
            raise TransientError("Salesforce's sign-in could not be reached.", code="salesforce-unreachable") from None
        finally:
            self._client.token = None  # nothing is remembered here

    def _checked(self, response: requests.Response) -> requests.Response:
        answer = _json_object(response)
        if response.status_code == 200 and answer.keys() >= _NEEDED:
            return response
        raise sign_in_error(response.status_code, answer, self.login_url)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _json_object(response: requests.Response) -> Json:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
