"""Companies in Mautic's feed: made, edited, deleted and joined; and a new name is news of every member."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sidecar.cache import MemoryCache
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.side import MauticSide, connect
from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.model import FieldPair, ObjectMapping
from sidecar.mapping.rules import FieldRule, Rules
from sidecar.records import Record, Ref
from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.control import Host
from sidecar.sync.model import Window
from tests.builders import NOON
from tests.recorded_mautic import rules_for
from tests.wsgi import WsgiAdapter


class Site:
    """A Mautic with its clock, and the side that reads it; everything happens a minute after what was before."""

    def __init__(self, folder: Path, profile: str, *, with_bundle: bool = False) -> None:
        self.host = Host(f"sqlite:///{folder}/mautic.sqlite3", clock=HostClock(NOON), profile=profile)
        client_id, secret = self.host.add_oauth_client("Sidecar")
        self.other_id, other_secret = self.host.add_oauth_client("Somebody")
        if with_bundle:
            self.host.install_bundle(client_id)
        self.side, self.somebody = self._connect(client_id, secret), self._connect(self.other_id, other_secret)
        self.now = NOON

    def _connect(self, client_id: str, secret: str) -> MauticSide:
        connection = MauticConnection(
            "http://127.0.0.1:1", self.host.database_url, client_id=client_id, client_secret=secret, parallel=1
        )
        return connect(connection, cache=MemoryCache(), clock=lambda: self.now, adapter=WsgiAdapter(self.host.app))

    def later(self) -> None:
        self.now += timedelta(minutes=1)
        self.host.clock.set(self.now)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Let somebody use Mautic's API."""
        self.later()
        return self.somebody.client.call(method, path, body).body

    def company(self, **values: Any) -> int:
        return int(self.call("POST", "/api/companies/new", values)["company"]["id"])

    def news(self, what: str = "company") -> dict[str, Record]:
        """Return what the feed tells of the last action."""
        window = Window(self.now, self.now + timedelta(seconds=1), begins_at=NOON)
        rules = (
            company_rules(self.side) if what == "company" else rules_for(self.side.reader.schema, "email", "company")
        )
        return {each.ref.id: each for page in self.side.read_changes(rules, what, window) for each in page.records}


def company_rules(side: MauticSide) -> Rules:
    schema = side.describe("company")
    assert schema is not None
    pairs = tuple(FieldPair(name, name, {"Account": name}) for name in ("id", "companyname", "companycity"))
    mapping = ObjectMapping(
        name="companies",
        lane="companies",
        host_object="company",
        salesforce_objects=("Account",),
        fields=pairs,
        match_on=("companyname",),
        create_in_salesforce="Account",
        create_in_host=True,
        external_id=None,
        consent=None,
    )
    fields = tuple(FieldRule(pair, schema.fields[pair.host], schema.fields[pair.host]) for pair in pairs)
    assert side.feeds(mapping) == ("company",)
    return Rules(mapping, {"Account": fields}, Fingerprinter(b"salt"))


@pytest.fixture(params=["5.1", "7.2"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, request.param)
    yield made
    made.side.close()
    made.somebody.close()
    made.host.close()


def test_a_company_is_news_when_made_edited_joined_and_deleted(site: Site) -> None:
    acme = site.company(companyname="Acme", companycity="Köln")
    assert site.news()[str(acme)].values == {"id": str(acme), "companyname": "Acme", "companycity": "Köln"}
    site.call("PATCH", f"/api/companies/{acme}/edit", {"companycity": "Bonn"})
    told = site.news()[str(acme)]
    assert (told.values["companycity"], told.modified_at) == ("Bonn", site.now)
    ana = site.host.create_contact({"email": "ana@example.org"})
    site.call("POST", f"/api/companies/{acme}/contact/{ana}/add")
    assert set(site.news()) == {str(acme)}
    site.call("DELETE", f"/api/companies/{acme}/delete")
    assert site.news()[str(acme)].is_deleted
    ref = Ref("company", str(acme))
    assert site.side.read(company_rules(site.side), [ref])[ref].is_deleted


def test_joining_a_company_and_its_new_name_are_news_of_the_contact(site: Site) -> None:
    acme = site.company(companyname="Acme")
    ana, bob, _ = site.host.create_many([{"email": f"{name}@example.org"} for name in ("ana", "bob", "eve")])
    for member in (ana, bob):
        site.call("POST", f"/api/companies/{acme}/contact/{member}/add")
    assert set(site.news("contact")) == {str(bob)}
    site.call("PATCH", f"/api/companies/{acme}/edit", {"companyname": "Acme & Sons"})
    told = site.news("contact")
    assert set(told) == {str(ana), str(bob)}
    assert {record.values["company"] for record in told.values()} == {"Acme & Sons"}
    site.call("PATCH", f"/api/companies/{acme}/edit", {"companycity": "Bonn"})
    assert site.news("contact") == {}, "nothing of a member changes with it"


def test_with_the_bundle_they_are_news_too_and_so_is_who_left(tmp_path: Path) -> None:
    site = Site(tmp_path, "6.0", with_bundle=True)
    acme = site.company(companyname="Acme")
    ana, bob = site.host.create_many([{"email": f"{name}@example.org"} for name in ("ana", "bob")])
    for member in (ana, bob):
        site.call("POST", f"/api/companies/{acme}/contact/{member}/add")
    assert set(site.news("contact")) == {str(ana), str(bob)}
    site.side.confirm("contact")
    site.call("PATCH", f"/api/companies/{acme}/edit", {"companyname": "Acme & Sons"})
    assert set(site.news("contact")) == {str(ana), str(bob)}
    site.side.confirm("contact")
    site.call("POST", f"/api/companies/{acme}/contact/{bob}/remove")
    assert set(site.news("contact")) == {str(bob)}
