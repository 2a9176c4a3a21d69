"""The whole activities lane: a real Mautic's database, our database, and an org over its API."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from sidecar.activities.model import ActivityReport
from sidecar.activities.run import push_activities
from sidecar.cache import MemoryCache
from sidecar.errors import SetupError
from sidecar.hosts.mautic.database import open_database
from sidecar.hosts.mautic.timeline import TimelineReader
from sidecar.hosts.mautic.timeline_sources import TIMELINE_SOURCES
from sidecar.mapping.activities import ActivityMapping
from sidecar.records import Ref
from sidecar.salesforce.connection import SalesforceConnection
from sidecar.salesforce.side import connect
from sidecar.salesforce.timeline import OrgTimeline
from sidecar.sandbox.org import Org
from sidecar.sandbox.org.faults import Fault
from sidecar.store.activities import SqlActivityStore
from sidecar.store.lane import LeasedLane
from sidecar.store.links import Scope
from sidecar.store.schedule import Schedules
from sidecar.store.session import Database
from sidecar.sync.model import Link, LinkState, Status
from tests.activities import a_mapping
from tests.builders_store import LEASE_SECONDS, Clock, Worker, an_instance, an_outcome, host
from tests.recorded_mautic import loaded_dump, run_sql
from tests.wsgi import WsgiAdapter

OBJECT = "mautic_timeline__c"
NOW = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
EVERYTHING = a_mapping(*TIMELINE_SOURCES)
COLLECTIONS = "/composite"


class StillTimeline(TimelineReader):
    """A timeline at the time of its recording."""

    time = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class Instance:
    """One instance with its org, its Mautic and its state."""

    timeline: StillTimeline
    database: Database
    org: Org = field(default_factory=Org)

    def __post_init__(self) -> None:
        self.clock = Clock(NOW)
        self.org.add_client("client", "secret")
        connection = SalesforceConnection("https://org.my.salesforce.com", "client_credentials", "client", "secret")
        self.side = connect(
            connection,
            cache=MemoryCache(),
            clock=self.clock,
            adapter=WsgiAdapter(self.org.app),
            sleep=lambda seconds: None,
        )
        self.id = an_instance(self.database).id
        self.people = Worker(self.database, self.id, self.clock).take()
        fence = Schedules(self.database).claim_lease(self.id, "activities", "w", NOW, LEASE_SECONDS * 10_000)
        self.store = SqlActivityStore(LeasedLane(self.database, Scope(self.id, "activities"), "w", fence, self.clock))

    def link(self, *numbers: int) -> list[str]:
        """Make a Lead for each Mautic contact and link them; return the Leads' ids."""
        leads = self.org.insert_many("Lead", [{"LastName": f"P{each}", "Company": "C"} for each in numbers])
        links = [Link(host(each), Ref("Lead", lead)) for each, lead in zip(numbers, leads, strict=True)]
        self.people.settle([an_outcome(int(link.host.id), link) for link in links])
        return leads

    def run(self, mapping: ActivityMapping = EVERYTHING, hours_later: float = 0) -> ActivityReport:
        self.timeline.time += timedelta(hours=hours_later)
        self.org.reset_calls()
        writer = OrgTimeline(self.side)
        return push_activities(mapping, self.timeline, self.store, writer, now=self.timeline.time)

    def records(self) -> list[dict]:
        return self.org.rows(OBJECT)

    def references(self) -> list[str]:
        return sorted(row["ReferenceId__c"] for row in self.records())


@pytest.fixture(scope="module")
def recorded(mariadb_url: str) -> Iterator[Engine]:
    with loaded_dump(mariadb_url, "final") as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


@pytest.fixture
def instance(recorded: Engine, sqlite_database: Database) -> Iterator[Instance]:
    made = Instance(StillTimeline(recorded, "", "https://mautic.example"), sqlite_database)
    yield made
    made.org.close()


def test_a_persons_whole_timeline_arrives(instance: Instance) -> None:
    [lead] = instance.link(56)
    report = instance.run()
    assert report.problems == ()
    assert report.counts == {Status.WRITTEN: len(instance.records())}
    by_reference = {row["ReferenceId__c"]: row for row in instance.records()}
    read = by_reference[f"EmailRead1-{lead}"]
    assert read["Name"] == "Email read - Welcome mail"
    assert read["ActivityDate__c"] == "2026-11-21T21:15:51.000+0000"
    assert read["Description__c"] == "https://mautic.example/email/view/6b0209e0d95c7816716129"
    assert (read["WhoId__c"], read["contact_id__c"], read["MauticLead__c"]) == (lead, None, 56)
    assert read["Mautic_url__c"] == "https://mautic.example/s/contacts/view/56"
    assert {f"183-{lead}", f"FocusOn_view1-{lead}", f"Campaign_membership449-{lead}"} <= by_reference.keys()


def test_an_idle_run_costs_no_call(instance: Instance) -> None:
    instance.link(56, 2, 31)
    instance.run()
    before = instance.references()
    assert instance.run(hours_later=0.1).counts == {}
    assert instance.org.calls == 0
    assert instance.references() == before


def test_an_org_filled_by_mautics_own_plugin_gets_no_doubles(instance: Instance) -> None:
    [lead] = instance.link(56)
    instance.org.insert(OBJECT, {"Name": "Email read - Welcome mail", "ReferenceId__c": f"EmailRead1-{lead}"})
    instance.run()
    assert instance.references().count(f"EmailRead1-{lead}") == 1


@pytest.mark.parametrize("is_key", [True, False])
def test_a_lost_answer_doubles_nothing_and_loses_nothing(instance: Instance, is_key: bool) -> None:
    instance.org.set_external_id(OBJECT, "ReferenceId__c", is_key)
    instance.link(56, 2, 31, 22)
    instance.org.faults.add(Fault(f"POST {COLLECTIONS}", "timeout_after"))
    instance.org.faults.add(Fault(f"PATCH {COLLECTIONS}", "timeout_after"))
    first = instance.run()
    instance.org.faults.clear()
    assert first.counts.get(Status.DEFERRED, 0) > 0
    total = len(instance.records())
    second = instance.run(hours_later=5)
    assert second.counts == {Status.WRITTEN: first.counts[Status.DEFERRED]}
    assert len(set(instance.references())) == len(instance.references()) == total


def test_a_locked_row_arrives_later(instance: Instance) -> None:
    [lead] = instance.link(56)
    locked = {"ReferenceId__c": f"EmailRead1-{lead}"}
    instance.org.faults.add(Fault(COLLECTIONS, "row_error", times=2, row_match=locked))
    assert instance.run().counts[Status.DEFERRED] == 1
    assert f"EmailRead1-{lead}" not in instance.references()
    assert instance.run(hours_later=72).counts == {Status.WRITTEN: 1}
    assert f"EmailRead1-{lead}" in instance.references()


def test_after_a_conversion_new_events_go_to_the_contact(instance: Instance) -> None:
    forms = a_mapping("page.hit")
    instance.timeline.time = datetime(2026, 11, 21, 21, 17, tzinfo=UTC)
    [lead] = instance.link(56)
    instance.run(forms)
    before = instance.references()
    contact = instance.org.convert_lead(lead)
    found = instance.people.load_links(an_outcome().decision.pair.trigger, [host(56)])[host(56)]
    moved = Link(found.host, Ref("Contact", contact), LinkState.ACTIVE, id=found.id)
    instance.people.settle([an_outcome(56, moved)])
    instance.run(forms, hours_later=0.5)
    new = sorted(set(instance.references()) - set(before))
    assert before
    assert new
    assert all(reference.endswith(f"-{lead}") for reference in before)
    assert all(reference.endswith(f"-{contact}") for reference in new)
    events = [reference.partition("-")[0] for reference in instance.references()]
    assert len(set(events)) == len(events)
    assert [row["contact_id__c"] for row in instance.records() if row["ReferenceId__c"] in new] == [contact] * len(new)


def test_a_field_that_is_hidden_from_us_is_left_out(instance: Instance) -> None:
    instance.org.hide_field(OBJECT, "MauticLead__c")
    instance.link(56)
    report = instance.run()
    assert [problem.code for problem in report.problems] == ["timeline-field-missing"]
    assert set(report.counts) == {Status.WRITTEN}


def test_an_org_without_the_object_is_told_and_gets_everything_once_it_is_there(instance: Instance) -> None:
    instance.org.drop_object(OBJECT)
    instance.link(56)
    with pytest.raises(SetupError) as caught:
        instance.run()
    assert caught.value.code == "timeline-object-missing"
    instance.org.drop_object(OBJECT, missing=False)
    instance.clock.pass_(days=1)
    assert instance.run(hours_later=24).counts == {Status.WRITTEN: len(instance.records())}
    assert len(instance.records()) > 30


def test_four_thousand_events_cost_a_handful_of_calls(mariadb_url: str, sqlite_database: Database) -> None:
    # seq_… is a sequence of numbers that MariaDB makes up.
    hits = (
        "INSERT INTO page_hits (id, lead_id, date_hit, code, url, tracking_id) SELECT seq, "
        "(SELECT id FROM leads ORDER BY id LIMIT 1 OFFSET 3), '2026-11-21 20:00:00', 200, 'u', seq FROM seq_10001_to_14000"
    )
    with loaded_dump(mariadb_url, "seeded") as url:
        run_sql(url, hits)
        engine = open_database(url)
        instance = Instance(StillTimeline(engine, "", "https://mautic.example"), sqlite_database)
        instance.link(*range(1, 51))
        report = instance.run(a_mapping("page.hit"))
        engine.dispose()
        calls = instance.org.calls
        instance.org.close()
    assert report.written_by_type["page.hit"] >= 4000
    describe = 1
    assert calls - describe <= 6
