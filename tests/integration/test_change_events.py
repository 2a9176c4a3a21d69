"""An org's change events wake the people lane; what they cannot tell, a run finds."""

from datetime import timedelta

import pytest

from sidecar.errors import SetupError
from tests.change_events import Wired, say_where, wired_world

SOON = timedelta(seconds=10)
LEADS = "/data/LeadChangeEvent"


@pytest.fixture
def wired():
    with wired_world() as found:
        yield found


@pytest.fixture
def linked(wired):
    """The ids of a contact and its Lead, whose next run is almost an hour away."""
    ids = wired.world.link_person()
    wired.world.later(minutes=10)
    wired.take_slot()
    assert wired.next_run_at > wired.world.now + timedelta(minutes=5)
    return ids


def stored(wired: Wired, topic: str = LEADS) -> bytes | None:
    return wired.world.app.replays(wired.world.instance).load(topic)


# -- waking ----------------------------------------------------------------------------------------------------------


def test_an_edit_in_the_org_wakes_the_lane_within_one_event(wired, linked):
    contact, lead = linked
    world = wired.world
    listening = wired.listen(stop_after=1)
    world.org.update("Lead", lead, {"Title": "Captain"})
    assert listening.result().hint_count == 1
    assert wired.next_run_at == world.now + SOON
    assert wired.hints() == 1
    world.later(seconds=10)
    assert wired.take_slot() == ["people"]
    world.sync()
    assert world.host.contact(contact)["position"] == "Captain"
    assert wired.hints() == 0


def test_after_an_early_run_the_schedule_goes_on_as_before(wired, linked):
    planned = wired.next_run_at
    listening = wired.listen(stop_after=1)
    wired.world.org.update("Lead", linked[1], {"Title": "Captain"})
    listening.result()
    wired.world.later(seconds=10)
    wired.take_slot()
    assert wired.next_run_at == planned


def test_somebody_new_wakes_the_lane_and_is_found_by_the_run(wired, linked):
    listening = wired.listen(stop_after=1)
    new = wired.world.org.insert("Contact", {"LastName": "New", "Email": "new@example.org"})
    listening.result()
    assert wired.next_run_at == wired.world.now + SOON
    assert wired.hints() == 0, "nothing is known of a record that nobody linked, perhaps not even that we may see it"
    wired.world.sync()
    assert wired.world.contact_of("Contact", new)["lastname"] == "New"


def test_a_deletion_wakes_the_lane_too(wired, linked):
    listening = wired.listen(stop_after=1)
    wired.world.org.delete("Lead", linked[1])
    listening.result()
    assert (wired.next_run_at, wired.hints()) == (wired.world.now + SOON, 1)


def test_more_events_do_not_put_the_early_run_off(wired, linked):
    world = wired.world
    first = world.now
    listening = wired.listen(stop_after=1)
    world.org.update("Lead", linked[1], {"Title": "Captain"})
    listening.result()
    world.later(seconds=7)
    listening = wired.listen(stop_after=1)
    world.org.update("Lead", linked[1], {"Title": "Major"})
    listening.result()
    assert wired.next_run_at == first + SOON


def test_when_a_hundred_wait_the_run_comes_at_once(wired, linked):
    planned = wired.next_run_at
    listening = wired.listen(stop_after=100)
    rows = [{"LastName": "Lee", "Company": "Lees", "Email": f"lee{number}@example.org"} for number in range(100)]
    wired.world.org.insert_many("Lead", rows)
    listening.result()
    assert wired.jobs == ["jobs.sync.sync_people"], "the listener queues it, without waiting for a tick"
    assert wired.next_run_at == planned


def test_a_run_that_was_postponed_is_not_hurried(wired, linked):
    later = wired.world.now + timedelta(minutes=10)
    wired.world.app.schedules.postpone(wired.world.instance.id, "people", later)
    listening = wired.listen(stop_after=1)
    wired.world.org.update("Lead", linked[1], {"Title": "Captain"})
    listening.result()
    assert wired.next_run_at == later
    assert wired.hints() == 1


def test_our_own_writes_wake_nobody(wired, linked):
    world = wired.world
    planned = wired.next_run_at
    listening = wired.listen(stop_after=1)
    world.host.edit_contact(linked[0], {"position": "Captain"})
    world.later(minutes=5)
    world.sync()
    assert world.twin(linked[0])["Title"] == "Captain"
    wake = listening.result()
    assert (wake.event_count, wake.hint_count) == (1, 0)
    assert wired.next_run_at == planned


def test_what_an_org_does_not_capture_wakes_nobody_and_is_found_on_schedule(wired, linked):
    world = wired.world
    world.org.events.selected.discard("Lead")
    listening = wired.listen(stop_after=1)
    world.org.update("Lead", linked[1], {"Title": "Captain"})
    world.org.insert("Contact", {"LastName": "New"})
    assert listening.result().event_count == 1
    world.hourly()
    assert world.host.contact(linked[0])["position"] == "Captain"


def test_what_a_transaction_takes_back_was_never_told(wired, linked):
    org = wired.world.org
    listening = wired.listen(stop_after=1)
    with org.lock, org.storage.transaction() as undone:
        org.records.update(org.schema.objects["lead"], linked[1], {"Title": "Nobody"}, org.actor("user"))
        undone.undo()
    org.update("Lead", linked[1], {"Title": "Captain"})
    assert listening.result().event_count == 1


# -- gaps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE"])
def test_a_gap_event_names_records_to_look_at(wired, linked, kind):
    listening = wired.listen(stop_after=1)
    wired.world.org.events.publish("Lead", kind, [linked[1]])
    listening.result()
    assert (wired.hints(), wired.next_run_at) == (1, wired.world.now + SOON)


@pytest.mark.parametrize(("kind", "ids"), [("GAP_OVERFLOW", []), ("GAP_UPDATE", ["00Q*"])])
def test_an_event_that_names_no_records_asks_for_a_run_at_once(wired, linked, kind, ids):
    listening = wired.listen(stop_after=1)
    wired.world.org.events.publish("Lead", kind, ids)
    listening.result()
    assert (wired.hints(), wired.jobs) == (0, ["jobs.sync.sync_people"])


# -- going on --------------------------------------------------------------------------------------------------------


def test_a_lost_connection_is_resumed_with_nothing_missed(wired, linked):
    org = wired.world.org
    listening = wired.listen(stop_after=3)
    org.update("Lead", linked[1], {"Title": "One"})
    wired.wait_until(lambda: stored(wired))
    org.events.break_streams()
    org.update("Lead", linked[1], {"Title": "Two"})
    org.update("Lead", linked[1], {"Title": "Three"})
    wake = listening.result()
    assert wake.event_count == 3
    assert listening.pauses, "it waited before it connected again"
    assert stored(wired) == org.events.tip().to_bytes(8)


def test_a_listener_that_was_away_goes_on_where_it_stopped(wired, linked):
    org = wired.world.org
    first = wired.listen(stop_after=1)
    org.update("Lead", linked[1], {"Title": "One"})
    first.result()
    for title in ("Two", "Three", "Four"):
        org.update("Lead", linked[1], {"Title": title})
    assert wired.hear(stop_after=3).result().event_count == 3


def test_a_place_is_kept_only_once_its_hint_is_stored(wired, linked, monkeypatch):
    org = wired.world.org
    first = wired.listen(stop_after=1)
    org.update("Lead", linked[1], {"Title": "One"})
    first.result()
    before = stored(wired)
    monkeypatch.setattr("sidecar.events.Outbox.hint", _out_of_order)
    broken = wired.listen(stop_after=1)
    org.update("Lead", linked[1], {"Title": "Two"})
    with pytest.raises(SetupError):
        broken.result()
    assert stored(wired) == before
    monkeypatch.undo()
    assert wired.hear(stop_after=1).result().event_count == 1


def _out_of_order(*_: object) -> None:
    raise SetupError("The store is out of order", code="database-not-upgraded")


def test_a_place_that_is_too_old_begins_anew_and_asks_for_a_run(wired, linked):
    world = wired.world
    first = wired.listen(stop_after=1)
    world.org.update("Lead", linked[1], {"Title": "One"})
    first.result()
    world.sync()
    world.org.update("Lead", linked[1], {"Title": "Two"})
    world.later(hours=73)
    wired.take_slot()
    world.later(seconds=10)
    again = wired.listen(stop_after=1)
    wired.wait_until(lambda: wired.jobs == ["jobs.sync.sync_people"])
    world.org.insert("Lead", {"LastName": "New", "Company": "News"})
    assert again.result().event_count == 1
    world.sync()
    assert world.host.contact(linked[0])["position"] == "Two"


def test_a_quiet_stream_moves_the_place_on(wired, linked):
    listening = wired.listen(stop_after=1)
    wired.world.org.events.publish("Account", "CREATE", [])
    wired.world.org.events.keep_alive()
    wired.wait_until(lambda: stored(wired))
    assert stored(wired) == wired.world.org.events.tip().to_bytes(8)
    wired.world.org.update("Lead", linked[1], {"Title": "One"})
    listening.result()


def test_no_more_than_a_hundred_events_are_asked_for_at_a_time(wired, linked):
    org = wired.world.org
    listening = wired.listen(stop_after=250)
    for number in range(250):
        org.update("Lead", linked[1], {"Title": f"Captain {number}"})
    assert listening.result().event_count == 250
    asked = [request.num_requested for request in wired.pubsub.asked]
    assert max(asked) <= 100
    assert len(asked) > 3, "it asked for more as it went"


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_session_that_ended_is_replaced(wired, linked):
    world = wired.world
    listening = wired.listen(stop_after=2)
    world.org.update("Lead", linked[1], {"Title": "One"})
    wired.wait_until(lambda: stored(wired))
    world.org.expire_tokens()
    world.org.events.break_streams()
    world.org.update("Lead", linked[1], {"Title": "Two"})
    assert listening.result().event_count == 2


def test_a_user_who_may_not_receive_an_objects_events_is_told_to_the_administrator(wired):
    wired.world.org.events.denied.add("Contact")
    with pytest.raises(SetupError) as told:
        wired.hear(stop_after=1).result()
    assert (told.value.code, told.value.fixed_by) == ("change-events-not-permitted", "salesforce_admin")


def test_a_bus_that_refuses_every_token_ends_the_listener(wired):
    wired.world.org.org_id = "00D000000000000EAA"
    listening = wired.hear(stop_after=1)
    with pytest.raises(SetupError) as told:
        listening.result()
    assert told.value.code == "change-events-sign-in-refused"


@pytest.mark.parametrize(
    "address", ["bus.example.com:7443", "api.pubsub.salesforce.com", "salesforce.com.example:7443", "x@127.0.0.1:1", ""]
)
def test_our_token_goes_to_salesforce_only(wired, address):
    say_where(wired.world, address)
    with pytest.raises(SetupError) as told:
        wired.world.app.open_events(wired.world.instance)
    assert told.value.code == "change-events-address-not-allowed"
