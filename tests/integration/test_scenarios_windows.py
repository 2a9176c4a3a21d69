"""What a run covers: everything since the last moment fully seen, whatever the clocks, commits and failures between."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from sidecar.records import Side
from sidecar.sandbox.host.faults import Fault as HostFault
from sidecar.sandbox.org.faults import Fault
from tests.world import World, make_world

QUERY, COMPOSITE = "/queryAll", "/composite"


class After:
    """Fits calls to a path from the n-th on; a fault's `match` for what goes wrong half way."""

    def __init__(self, calls: int, path: str) -> None:
        self.calls, self.path = calls, path

    def __call__(self, method: str, path: str) -> bool:
        self.calls -= self.path in path
        return self.calls < 0 and self.path in path


class WorkerKilledError(BaseException):
    """The worker is gone in the middle of a run."""


@dataclass
class SkewedWorld(World):
    """A world in which Mautic's clock and ours are fast or slow, seen from Salesforce."""

    skew: timedelta = timedelta()

    def later(self, **span: float) -> datetime:
        moment = super().later(**span)
        self.host.clock.set(moment + self.skew)
        return moment


def kill_at(world: World, side: Side, calls: int, path: str):
    """Let the worker die at the n-th call to a path; return what brings the next one to life."""
    adapter, is_due = world.adapters[side], After(calls, path)
    send = adapter.send

    def deadly(request, *args, **kwargs):
        if is_due(request.method, request.path_url):
            raise WorkerKilledError
        return send(request, *args, **kwargs)

    adapter.send = deadly
    return lambda: setattr(adapter, "send", send)


def test_a_salesforce_change_45_minutes_before_an_hourly_run_reaches_mautic(world: World) -> None:
    _, lead = world.link_person()
    world.later(minutes=13)
    world.org.update("Lead", lead, {"Phone": "45 minutes ago"})
    world.later(minutes=45)
    world.sync()
    assert world.contact_of("Lead", lead)["phone"] == "45 minutes ago"


def test_a_mautic_change_45_minutes_before_an_hourly_run_reaches_salesforce(world: World) -> None:
    contact, _ = world.link_person()
    world.later(minutes=13)
    world.host.edit_contact(contact, {"phone": "45 minutes ago"})
    world.later(minutes=45)
    world.sync()
    assert world.twin(contact)["Phone"] == "45 minutes ago"


def test_a_change_days_before_the_next_run_is_still_covered(world: World) -> None:
    contact, _ = world.link_person()
    world.host.edit_contact(contact, {"phone": "on Friday evening"})
    world.later(days=3)
    world.sync()
    assert world.twin(contact)["Phone"] == "on Friday evening"


def test_a_salesforce_change_that_is_committed_after_its_window_was_read_reaches_mautic(world: World) -> None:
    _, lead = world.link_person()
    with world.org.late_commit() as transaction:
        world.org.update("Lead", lead, {"Phone": "committed late"})
    world.later(minutes=10)
    world.sync()
    transaction.commit()
    world.hourly()
    assert world.contact_of("Lead", lead)["phone"] == "committed late"


def test_a_mautic_change_that_is_committed_after_its_window_was_read_reaches_salesforce(world: World) -> None:
    contact, _ = world.link_person()
    with world.host.late_commit() as transaction:
        world.host.edit_contact(contact, {"phone": "committed late"})
    world.later(minutes=10)
    world.sync()
    transaction.commit()
    world.hourly()
    assert world.twin(contact)["Phone"] == "committed late"


def test_a_person_whose_creation_is_committed_late_is_created_once_on_each_side(world: World) -> None:
    with world.org.late_commit() as org_transaction:
        lead = world.org.insert("Lead", {"LastName": "Late", "Company": "C", "Email": "late@example.org"})
    with world.host.late_commit() as host_transaction:
        contact = world.host.create_contact({"lastname": "Slow", "email": "slow@example.org"})
    world.later(minutes=10)
    world.sync()
    org_transaction.commit()
    host_transaction.commit()
    world.settle(runs=2)
    assert world.contact_of("Lead", lead)["lastname"] == "Late"
    assert world.twin(contact)["LastName"] == "Slow"
    assert (len(world.host.contacts()), len(world.people_in_org())) == (2, 2)


@pytest.mark.timeout(300)
def test_of_5000_leads_of_one_second_none_is_lost_or_doubled_when_the_run_is_cut_after_two_pages(world: World) -> None:
    rows = [{"LastName": f"N{i}", "Company": "C", "Email": f"p{i}@example.org"} for i in range(5000)]
    world.org.insert_many("Lead", rows)
    assert len({row["SystemModstamp"] for row in world.org.rows("Lead")}) == 1
    world.org.faults.add(Fault(After(1, QUERY), "status", times=3, status=503))
    first = world.hourly()
    assert first.state == "postponed"
    assert len(world.host.contacts()) == 4000
    second = world.hourly()
    assert (first.counts["written"]["new-in-salesforce"], second.counts["written"]["new-in-salesforce"]) == (4000, 1000)
    assert second.counts["skipped"] == {"unchanged": 4000}, (
        "Mautic's news of these pages, and not those pages themselves"
    )
    assert {row["email"] for row in world.host.contacts()} == {row["Email"] for row in rows}
    assert len(world.host.contacts()) == 5000


@pytest.mark.timeout(300)
def test_of_5000_contacts_of_one_second_none_is_lost_or_doubled_when_the_worker_dies_halfway(world: World) -> None:
    by_collections = world.app.settings.model_copy(update={"bulk_threshold": 100_000})
    object.__setattr__(world.app, "settings", by_collections)
    rows = [{"lastname": f"N{i}", "email": f"p{i}@example.org"} for i in range(5000)]
    world.host.create_many(rows)
    revive = kill_at(world, Side.SALESFORCE, 4, COMPOSITE)
    with pytest.raises(WorkerKilledError):
        world.hourly()
    revive()
    made = len(world.org.rows("Lead"))
    assert 0 < made < 5000
    world.settle(runs=2, minutes=70)
    assert Counter(row["Email"] for row in world.org.rows("Lead")) == Counter(row["email"] for row in rows)


def test_a_run_that_fails_keeps_its_watermark_on_both_sides(world: World) -> None:
    _, lead = world.link_person("ana@example.org")
    contact, _ = world.link_person("bo@example.org")
    world.org.update("Lead", lead, {"Title": "Director"})
    world.host.edit_contact(contact, {"phone": "0"})
    world.org.faults.add(Fault("", "status", times=100, status=503))
    before = _watermarks(world)
    for _ in range(3):
        assert world.hourly().state == "postponed"
    assert _watermarks(world) == before
    world.org.faults.clear()
    world.hourly()
    assert world.contact_of("Lead", lead)["position"] == "Director"
    assert world.twin(contact)["Phone"] == "0"
    assert _watermarks(world) > before


@pytest.mark.parametrize("minutes", [-90, 90])
def test_a_salesforce_whose_clock_differs_from_mautics_and_ours_loses_nothing(minutes: int) -> None:
    made = make_world()
    world = SkewedWorld(**vars(made), skew=timedelta(minutes=minutes))
    object.__setattr__(world.app, "clock", world.host.clock.now)
    world.later(hours=2)  # its clock is then past the first window's beginning, too
    world.sync()
    _, lead = world.link_person("ana@example.org")
    contact, _ = world.link_person("bo@example.org")
    for number in range(3):
        world.org.update("Lead", lead, {"Phone": f"phone {number}"})
        world.host.edit_contact(contact, {"position": f"title {number}"})
        world.hourly()
        assert world.contact_of("Lead", lead)["phone"] == f"phone {number}"
        assert world.twin(contact)["Title"] == f"title {number}"
    world.close()


def test_a_change_in_the_very_second_of_the_run_is_not_lost(world: World) -> None:
    _, lead = world.link_person("ana@example.org")
    contact, _ = world.link_person("bo@example.org")
    world.later(minutes=58)
    run_now(world)
    world.org.update("Lead", lead, {"Phone": "same second"})
    world.host.edit_contact(contact, {"position": "same second"})
    world.hourly()
    assert world.contact_of("Lead", lead)["phone"] == "same second"
    assert world.twin(contact)["Title"] == "same second"


@pytest.mark.needs_mautic("Mautic's REST API is made to fail")
def test_mautic_being_away_while_it_is_written_to_loses_nothing(world: World) -> None:
    _, lead = world.link_person()
    world.org.update("Lead", lead, {"Phone": "behind a broken Mautic"})
    world.host.faults.add(HostFault("/api/contacts", times=100, status=503))
    world.hourly()
    assert world.contact_of("Lead", lead)["phone"] != "behind a broken Mautic"
    world.host.faults.clear()
    world.hourly()
    assert world.contact_of("Lead", lead)["phone"] == "behind a broken Mautic"


def run_now(world: World):
    """Run without letting time pass."""
    from sidecar.lanes import run_lane

    return run_lane(world.app, world.instance, "people", "test")


def _watermarks(world: World) -> list:
    return [(each.side, each.feed, each.seen_until) for each in world.app.ledger.history.freshness(world.instance.id)]
