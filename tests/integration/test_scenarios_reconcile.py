"""The nightly comparison: what no feed tells of is found, and what is as agreed costs next to nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from sidecar.records import Side
from sidecar.store.history import RunState
from sidecar.store.overview import Overview
from sidecar.store.reconciles import Mode, Reconciles
from sidecar.store.watermarks import Feed
from tests.generic_host import GenericHost
from tests.world import make_world


@pytest.fixture
def world():
    found = make_world()
    yield found
    found.close()


def in_host(world, statement, **values):
    """Change the host's database behind its back."""
    engine = create_engine(world.host.database_url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def night(world):
    """Let a night pass, compare, and let the next hourly run do what was found."""
    world.later(hours=20)
    world.hourly()
    report = world.sync("reconcile")
    world.hourly()
    return report


def found(report):
    return dict(report.counts.get("deferred", {}))


def test_an_opt_out_that_vanished_without_a_trace_is_put_back(world):
    contact, lead = world.link_person()
    world.host.opt_out(contact)
    world.hourly()
    assert world.org.row("Lead", lead)["HasOptedOutOfEmail"]
    world.host.lose_opt_out(contact)
    world.hourly()
    assert not world.is_opted_out(contact), "no feed tells of it"
    report = night(world)
    assert found(report) == {"drift-found": 1}
    assert world.is_opted_out(contact)


def test_a_contact_that_was_removed_from_the_database_is_marked_in_salesforce(world):
    contact, lead = world.link_person()
    table = "customers" if isinstance(world.host, GenericHost) else "leads"
    in_host(world, f"DELETE FROM {table} WHERE id = :id", id=contact)
    world.hourly()
    assert not world.org.row("Lead", lead)["Deleted_in_Mautic__c"]
    night(world)
    assert world.org.row("Lead", lead)["Deleted_in_Mautic__c"]


def test_a_night_in_which_nothing_differs_finds_nothing_and_writes_nothing(world):
    world.link_person()
    world.link_person("bo@example.org")
    night(world)
    report = night(world)
    lead = Feed(world.instance.id, "people", Side.SALESFORCE, "Lead")
    assert Reconciles(world.app.database).last(lead).mode is Mode.LOG
    assert report.state is RunState.DONE
    assert found(report) == {}
    assert report.calls["salesforce"] <= 5
    assert world.written(world.hourly()) == 0


def test_a_change_that_became_visible_long_after_its_stamp_is_found(world):
    contact, lead = world.link_person()
    night(world)
    late = world.org.late_commit()
    late.update("Lead", lead, {"Phone": "555"})
    world.later(hours=2)
    world.hourly()
    late.commit()
    world.hourly()
    assert world.host.contact(contact)["phone"] != "555", "its stamp lies before every window since"
    report = night(world)
    assert found(report) == {"drift-found": 1}
    assert world.host.contact(contact)["phone"] == "555"


@pytest.mark.parametrize("refuses", [False, True])
def test_a_log_that_was_purged_leads_to_a_comparison_of_everyone(world, refuses):
    contact, lead = world.link_person()
    night(world)
    late = world.org.late_commit()
    late.update("Lead", lead, {"Phone": "555"})
    world.later(hours=2)
    world.hourly()
    late.commit()
    world.later(days=2)
    world.hourly()
    world.org.rest.replication.purge(world.now, refuses=refuses)
    night(world)
    assert world.host.contact(contact)["phone"] == "555"


def test_a_record_that_nobody_may_see_any_more_is_told_and_never_taken_for_deleted(world):
    contact, lead = world.link_person()
    night(world)
    world.org.delete("Lead", lead)
    world.org.empty_recycle_bin("Lead")
    world.later(days=8)
    report = night(world)
    assert found(report) == {"record-not-visible": 1}
    assert not world.host.contact(contact)["deleted_in_salesforce"]


def test_the_comparison_is_as_fresh_as_what_it_compared(world):
    world.link_person()
    night(world)
    view = Overview(world.app.database).find("acme", world.now)
    [lane] = [lane for lane in view.lanes if lane.lane == "reconcile"]
    assert lane.age(world.now) < timedelta(hours=3)


def test_what_waits_already_is_not_told_again(world):
    _, lead = world.link_person()
    world.org.delete("Lead", lead)
    world.org.empty_recycle_bin("Lead")
    night(world)
    world.later(days=8)
    assert found(night(world)) == {}


def test_a_formula_that_came_to_another_value_is_found_in_the_night(world):
    world.org.make_read_only("Lead", "Score__c")
    contact, lead = world.link_person()
    for _ in range(2):
        night(world)
    storage = world.org.storage
    storage.update(world.org.schema.objects["lead"], lead, {"Score__c": 12.5})  # a formula's new value moves no stamp
    world.hourly()
    assert world.host.contact(contact)["score"] is None
    assert found(night(world)) == {"drift-found": 1}
    assert float(world.host.contact(contact)["score"]) == 12.5
