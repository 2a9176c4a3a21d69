"""A sandbox Mautic with the bundle, and two API clients: the one named in its settings and another."""

import json
from typing import Any

from werkzeug.test import Client, TestResponse

from sidecar.sandbox.host.fields import NewField
from tests.contract.host_replay import a_host

KEY = "0123456789abcdef0123456789abcdef"
MARK = {"X-Sidecar-Write": "1"}
CALLS = (
    ("GET", "/api/sidecar/status"),
    ("GET", "/api/sidecar/outbox"),
    ("POST", "/api/sidecar/outbox/done"),
    ("POST", "/api/sidecar/contacts/bulk"),
)
SALESFORCE_ID = NewField("salesforce_id", "text", "Salesforce Id", is_unique=True)


class Site:
    """A Mautic, who may call it, and what was posted to the sidecar."""

    def __init__(self, *, installed: bool = True) -> None:
        self.host = a_host(SALESFORCE_ID)
        self.client_id, secret = self.host.add_oauth_client("sync sidecar")
        self.own = self.bearer(self.client_id, secret)
        self.other = self.bearer(*self.host.add_oauth_client("another"))
        self.posted: list[tuple[str, dict[str, str], bytes]] = []
        self.ana, self.bob = self.host.create_many([{"email": "ana@example.com"}, {"email": "bob@example.com"}])
        if installed:
            self.install()

    def install(self, **options: Any) -> None:
        self.host.install_bundle(
            self.client_id,
            KEY,
            "https://sidecar.example",
            "acme",
            sender=lambda url, headers, body: self.posted.append((url, dict(headers), body)),
            **options,
        )

    def bearer(self, client_id: str, secret: str) -> dict[str, str]:
        wish = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        answer = Client(self.host.app).post("/oauth/v2/token", data=wish).json
        assert answer
        return {"Authorization": f"Bearer {answer['access_token']}"}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Call as the bundle's own client unless the headers say otherwise."""
        return Client(self.host.app).open(path, method=method, json=body, headers=headers or self.own)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call, expect success, return the body."""
        response = self.send(method, path, body, **headers)
        assert response.status_code in {200, 201}, response.text
        return json.loads(response.data)

    def patch(self, contact_id: int, values: dict[str, Any], headers: dict[str, str]) -> None:
        self.call("PATCH", f"/api/contacts/{contact_id}/edit", values, **headers)

    def patch_company(self, company_id: int, values: dict[str, Any], headers: dict[str, str]) -> None:
        self.call("PATCH", f"/api/companies/{company_id}/edit", values, **headers)

    def bulk(self, *items: Any, **headers: str) -> list[dict[str, Any]]:
        """Write in bulk; return the results."""
        answer = self.call("POST", "/api/sidecar/contacts/bulk", {"items": list(items)}, **headers)
        results: list[dict[str, Any]] = answer["results"]
        return results

    def told(self) -> list[tuple[str, str, int]]:
        """Return what the outbox says, as (kind, what, object id) by id, without the row that says since when."""
        return [(r["kind"], r["what"], r["object_id"]) for r in self.host.outbox() if r["kind"] != "began"]

    def news(self) -> list[tuple[str, str, int]]:
        """Return what the outbox says and take it away."""
        found = self.told()
        self.call("POST", "/api/sidecar/outbox/done", {"ids": [row["id"] for row in self.host.outbox()]})
        return found
