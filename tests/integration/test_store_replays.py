"""Where change events were handled up to, and runs that come early."""

from datetime import timedelta

import pytest

from sidecar.store.instances import Instances, InstanceState
from sidecar.store.replays import Replays
from sidecar.store.schedule import HASTE, Schedules
from tests.builders_store import NOW as NOON
from tests.builders_store import Clock, an_instance

TOPIC = "/data/LeadChangeEvent"
NOW = NOON + timedelta(minutes=10)
"""Past the minutes in which the hour's slots of all lanes lie: the next one is far."""


@pytest.fixture
def lane(database):
    """An instance whose hourly people lane has had its first slot."""
    instance = an_instance(database)
    Instances(database).set_state(instance.id, InstanceState.READY)
    Schedules(database).switch(instance.id, "people", by_customer=True, by_support=True)
    Schedules(database).claim_due(NOW)
    return instance


def next_run(database, lane):
    return Schedules(database).get(lane.id, "people").next_run_at


def test_a_place_is_kept_byte_for_byte_and_replaced(database):
    replays = Replays(database, an_instance(database).id, Clock())
    assert replays.load(TOPIC) is None
    replays.save(TOPIC, b"\x00\xff'\\1")
    replays.save(TOPIC, b"\x00\xff'\\2")
    assert replays.load(TOPIC) == b"\x00\xff'\\2"
    replays.forget(TOPIC)
    assert replays.load(TOPIC) is None


def test_topics_and_instances_do_not_share_places(database):
    first = Replays(database, an_instance(database).id, Clock())
    second = Replays(database, an_instance(database, "other").id, Clock())
    first.save(TOPIC, b"1")
    assert (second.load(TOPIC), first.load("/data/ContactChangeEvent")) == (None, None)


def test_a_planned_run_can_come_earlier_and_its_successor_is_as_planned(database, lane):
    planned = next_run(database, lane)
    Schedules(database).hasten(lane.id, "people", NOW + HASTE, NOW)
    assert next_run(database, lane) == NOW + HASTE
    Schedules(database).claim_due(NOW + HASTE)
    assert next_run(database, lane) == planned


def test_an_early_run_can_come_earlier_still_but_not_later(database, lane):
    schedules = Schedules(database)
    schedules.hasten(lane.id, "people", NOW + HASTE, NOW)
    schedules.hasten(lane.id, "people", NOW + HASTE + timedelta(seconds=5), NOW + timedelta(seconds=5))
    assert next_run(database, lane) == NOW + HASTE
    schedules.hasten(lane.id, "people", NOW + timedelta(seconds=6), NOW + timedelta(seconds=6))
    assert next_run(database, lane) == NOW + timedelta(seconds=6)


def test_a_postponed_run_keeps_its_moment(database, lane):
    later = NOW + timedelta(minutes=7)
    Schedules(database).postpone(lane.id, "people", later)
    Schedules(database).hasten(lane.id, "people", NOW + HASTE, NOW)
    assert next_run(database, lane) == later


def test_a_cron_schedule_can_be_hastened_too(database, lane):
    schedules = Schedules(database)
    schedules.set_cron(lane.id, "people", "0 3 * * *")
    schedules.claim_due(NOW)
    schedules.hasten(lane.id, "people", NOW + HASTE, NOW)
    assert next_run(database, lane) == NOW + HASTE


def test_a_lane_nobody_planned_yet_is_left_alone(database):
    instance = an_instance(database)
    Schedules(database).hasten(instance.id, "people", NOW + HASTE, NOW)
    assert next_run(database, instance) is None


def test_two_early_runs_are_ten_seconds_apart_whoever_asks(database, lane):
    schedules = Schedules(database)
    schedules.hasten(lane.id, "people", NOW, NOW)
    assert [slot.instance_id for slot in schedules.claim_due(NOW, only=(lane.id, "people"))] == [lane.id]
    soon = NOW + timedelta(seconds=3)
    assert schedules.hasten(lane.id, "people", soon, soon) == NOW + HASTE
    schedules.claim_due(NOW + HASTE)
    late = NOW + timedelta(seconds=30)
    assert schedules.hasten(lane.id, "people", late, late) == late


def test_a_planned_run_does_not_put_an_early_one_off(database, lane):
    planned = next_run(database, lane)
    schedules = Schedules(database)
    schedules.claim_due(planned)
    assert schedules.hasten(lane.id, "people", planned, planned) == planned


def test_a_lane_that_is_running_keeps_its_slot_until_it_is_done(database, lane):
    schedules = Schedules(database)
    schedules.hasten(lane.id, "people", NOW, NOW)
    fence = schedules.claim_lease(lane.id, "people", "a worker", NOW, 60)
    assert (schedules.claim_due(NOW), schedules.is_running(lane.id, "people", NOW)) == ([], True)
    schedules.release_lease(lane.id, "people", fence)
    assert not schedules.is_running(lane.id, "people", NOW)
    assert len(schedules.claim_due(NOW)) == 1


def test_one_lane_is_claimed_without_the_others(database, lane):
    other = an_instance(database, "other")
    Instances(database).set_state(other.id, InstanceState.READY)
    for each in (lane, other):
        Schedules(database).switch(each.id, "activities", by_customer=True, by_support=True)
    claimed = Schedules(database).claim_due(NOW, only=(other.id, "activities"))
    assert [(slot.instance_id, slot.lane) for slot in claimed] == [(other.id, "activities")]
    assert len(Schedules(database).claim_due(NOW)) == 1
