"""An administrator's connection, given for one set-up and kept nowhere."""

import time
from collections.abc import Callable

from requests.adapters import BaseAdapter

from sidecar.errors import SetupError
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.signin import Token, TokenSource
from sidecar.salesforce.transport import OrgSession, speak_plain_http


class GivenToken(TokenSource):
    """Hands out the one access token that was given; it cannot be replaced."""

    def __init__(self, token: Token) -> None:
        self._given = token

    def token(self) -> Token:
        """See TokenSource."""
        return self._given

    def replace(self, refused: Token) -> Token:  # noqa: ARG002  (there is only one)
        """See TokenSource."""
        raise SetupError(
            "Salesforce does not accept the administrator's access token.",
            code="org-admin-token-refused",
            fixed_by="salesforce_admin",
        )


def open_admin(
    tokens: TokenSource,
    session: OrgSession,
    *,
    api_version: str,
    adapter: BaseAdapter | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> SalesforceClient:
    """Return a client that acts as the administrator whose tokens these are."""
    return SalesforceClient(
        tokens,
        session,
        api_version=api_version,
        on_instance=lambda url: speak_plain_http(session, url, adapter),
        sleep=sleep,
    )
