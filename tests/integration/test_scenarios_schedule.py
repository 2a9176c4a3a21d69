"""When lanes run, what a pause keeps, and where the first run begins."""

from datetime import UTC, datetime

import pytest

from sidecar.bootstrap import App
from sidecar.lanes import RunReport, open_preview, run_lane
from sidecar.store.instances import InstanceState
from sidecar.store.session import Database
from sidecar.sync.run import preview_mapping
from tests.world import World


def tick(world: World, app: App | None = None) -> list[RunReport]:
    """Run every lane that is due, as ticker and workers would."""
    app = app or world.app
    slots = app.schedules.claim_due(world.now)
    return [run_lane(app, app.instances.get_by_id(slot.instance_id), slot.lane, "schedule") for slot in slots]


def switch_on(world: World, lane: str = "people") -> None:
    world.app.instances.set_state(world.instance.id, InstanceState.ENABLED)
    world.app.schedules.switch(world.instance.id, lane, by_customer=True, by_support=True)


def test_an_hourly_schedule_brings_changes_across_without_anybody(world: World) -> None:
    contact, lead = world.link_person()
    switch_on(world)
    tick(world)
    for number in range(3):
        world.later(minutes=15)
        world.host.edit_contact(contact, {"phone": str(number)})
        world.org.update("Lead", lead, {"Title": f"title {number}"})
        for _ in range(9):
            world.later(minutes=5)
            tick(world)
        assert world.twin(contact)["Phone"] == str(number)
        assert world.host.contact(contact)["position"] == f"title {number}"


def test_a_lane_runs_once_an_hour_unless_another_interval_was_chosen(world: World) -> None:
    switch_on(world)
    tick(world)
    runs = sum(len(tick(world)) for _ in range(60) if world.later(minutes=2))
    assert runs == 2
    world.app.schedules.set_interval(world.instance.id, "people", 600)
    tick(world)
    runs = sum(len(tick(world)) for _ in range(30) if world.later(minutes=2))
    assert runs == 6


def test_nothing_runs_before_support_and_the_customer_both_switched_it_on(world: World) -> None:
    world.app.instances.set_state(world.instance.id, InstanceState.ENABLED)
    world.app.schedules.switch(world.instance.id, "people", by_customer=True)
    assert tick(world) == []
    world.app.schedules.switch(world.instance.id, "people", by_support=True)
    assert [report.state for report in tick(world)] == ["done"]


def test_a_draft_runs_nothing_until_it_is_enabled(world: World) -> None:
    switch_on(world)
    world.app.instances.set_state(world.instance.id, InstanceState.DRAFT)
    assert tick(world) == []
    world.app.instances.set_state(world.instance.id, InstanceState.ENABLED)
    assert len(tick(world)) == 1


def test_a_pause_keeps_its_place_and_nothing_of_it_is_lost(world: World) -> None:
    contact, _ = world.link_person()
    switch_on(world)
    tick(world)
    world.app.instances.pause(world.instance.id)
    world.host.edit_contact(contact, {"phone": "during the pause"})
    lead = world.org.insert("Lead", {"LastName": "New", "Company": "C", "Email": "new@example.org"})
    for _ in range(48):
        world.later(hours=1)
        assert tick(world) == []
    world.app.instances.resume(world.instance.id)
    assert [report.state for report in tick(world)] == ["done"]
    assert world.twin(contact)["Phone"] == "during the pause"
    assert world.contact_of("Lead", lead)["lastname"] == "New"


@pytest.mark.needs_mautic("a plain table has no timeline")
def test_one_lane_can_be_switched_off_and_the_other_goes_on(world: World) -> None:
    contact, _ = world.link_person()
    switch_on(world, "people")
    switch_on(world, "activities")
    world.app.schedules.switch(world.instance.id, "people", by_customer=False)
    world.host.submit_form(contact)
    world.host.edit_contact(contact, {"phone": "1"})
    world.later(minutes=1)
    assert len(tick(world)) == 1
    assert world.org.rows("mautic_timeline__c")
    assert world.twin(contact)["Phone"] is None


def test_somebody_can_have_a_lane_run_now_between_two_slots(world: World) -> None:
    contact, _ = world.link_person()
    switch_on(world)
    tick(world)
    world.later(minutes=1)
    world.host.edit_contact(contact, {"phone": "now"})
    world.later(minutes=1)
    report = run_lane(world.app, world.instance, "people", "button")
    assert world.twin(contact)["Phone"] == "now"
    assert world.app.ledger.history.run(world.instance.id, report.run_id).trigger == "button"


def test_two_deployments_on_one_database_share_the_work_and_do_nothing_twice(world: World) -> None:
    switch_on(world)
    other = App(world.app.settings, Database(world.app.settings.database_url), world.app.cipher,
                clock=world.app.clock, adapters=world.app.adapters, sleep=world.app.sleep)  # fmt: skip
    world.host.create_many([{"email": f"p{i}@example.org", "lastname": "L"} for i in range(20)])
    world.later(hours=1)
    assert len(tick(world)) + len(tick(world, other)) == 1
    for _ in range(24):
        world.later(minutes=10)
        tick(world)
        tick(world, other)
    assert len(world.org.rows("Lead")) == 20
    assert len([run for run in world.app.ledger.history.runs(world.instance.id) if run.trigger == "schedule"]) == 5
    other.database.close()


# -- where it begins -------------------------------------------------------------------------------------------------


def old_people(world: World) -> tuple[int, str]:
    contact = world.host.create_contact({"email": "old@example.org", "lastname": "Old"})
    lead = world.org.insert("Lead", {"LastName": "Older", "Company": "C", "Email": "older@example.org"})
    world.later(days=400)
    return contact, lead


def test_activation_imports_nobody_who_was_there_before(new_world: World) -> None:
    old_people(new_world)
    new_world.activate()
    new_world.settle(runs=2)
    assert (len(new_world.people_in_org()), len(new_world.host.contacts())) == (1, 1)


def test_somebody_old_is_synced_from_the_first_change_on(new_world: World) -> None:
    contact, lead = old_people(new_world)
    new_world.activate()
    new_world.host.edit_contact(contact, {"phone": "1"})
    new_world.org.update("Lead", lead, {"Phone": "2"})
    new_world.hourly()
    assert new_world.twin(contact)["Phone"] == "1"
    assert new_world.contact_of("Lead", lead)["phone"] == "2"


def test_since_the_beginning_imports_everybody(new_world: World) -> None:
    contact, lead = old_people(new_world)
    new_world.app.instances.set_synced_from(new_world.instance.id, datetime(1970, 1, 1, tzinfo=UTC))
    new_world.sync()
    assert new_world.twin(contact)["LastName"] == "Old"
    assert new_world.contact_of("Lead", lead)["lastname"] == "Older"


def test_an_import_of_everybody_can_be_cut_short_and_goes_on(new_world: World) -> None:
    world = new_world
    emails = [f"p{i}@example.org" for i in range(2500)]
    world.host.create_many([{"email": email, "lastname": "L"} for email in emails])
    world.later(days=400)
    world.app.instances.set_synced_from(world.instance.id, datetime(1970, 1, 1, tzinfo=UTC))
    world.org.set_api_limit(world.org.limits.used() + 8)
    world.sync()
    assert 0 < len(world.org.rows("Lead")) < 2500
    world.org.set_api_limit(15000)
    world.later(hours=2)
    world.settle(runs=2, hours=7)
    assert sorted(row["Email"] for row in world.org.rows("Lead")) == sorted(emails)


def test_a_dry_run_says_what_would_happen_and_does_nothing(world: World) -> None:
    contact, _ = world.link_person()
    world.host.edit_contact(contact, {"phone": "1"})
    world.host.create_contact({"email": "new@example.org", "lastname": "New"})
    world.later(minutes=30)
    before = (world.people_in_org(), world.host.contacts())
    with open_preview(world.app, world.instance, "people") as lane:
        decisions = [decision for plan in preview_mapping(lane) for decision in plan]
    assert {str(decision.action) for decision in decisions} >= {"create", "update"}
    assert (world.people_in_org(), world.host.contacts()) == before
    world.later(minutes=30)
    world.sync()
    assert world.twin(contact)["Phone"] == "1"
