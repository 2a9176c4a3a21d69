"""A plain HTTP caller for the sandbox org: no client of ours in between, so that nothing is translated twice."""

from typing import Any

import requests

from sidecar.sandbox.org import Org
from tests.wsgi import WsgiAdapter

HOST = "https://sandbox.my.salesforce.com"


class Caller:
    """Asks an org over its API, signed in as the integration user."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.session = requests.Session()
        self.session.mount("https://", WsgiAdapter(org.app))
        self.session.headers["Authorization"] = f"Bearer {org.token()}"

    def ask(self, method: str, path: str, body: Any = None, *, version: str = "66.0", **more: Any) -> requests.Response:
        """Send one call below /services/data/vXX.0."""
        return self.session.request(method, f"{HOST}/services/data/v{version}{path}", json=body, **more)

    def query(self, soql: str, *, everything: bool = False, **more: Any) -> requests.Response:
        """Ask a query, or queryAll."""
        return self.ask("GET", "/queryAll" if everything else "/query", params={"q": soql}, **more)

    def many(
        self, method: str, path: str, object_name: str, *rows: dict[str, Any], **options: Any
    ) -> requests.Response:
        """Send a collection of records of one object."""
        records = [{"attributes": {"type": object_name}, **row} for row in rows]
        return self.ask(method, f"/composite/sobjects{path}", {"records": records, **options})

    def composite(self, *requests_: dict[str, Any], **options: Any) -> requests.Response:
        """Send several calls in one."""
        return self.ask("POST", "/composite", {"compositeRequest": list(requests_), **options})

    def sign_in(self, **form: str) -> requests.Response:
        """Ask for a token."""
        return requests.Session.request(
            self.session, "POST", f"{HOST}/services/oauth2/token", data=form, headers={"Authorization": ""}
        )
