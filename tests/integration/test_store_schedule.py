"""Slots and leases: each goes to exactly one, however many ask."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from sidecar.errors import LeaseLostError, UsageError
from sidecar.store.instances import Instances, InstanceState
from sidecar.store.lane import LeasedLane
from sidecar.store.links import Scope
from sidecar.store.schedule import INTERVALS_SECONDS, Schedules
from tests.builders_store import LEASE_SECONDS, NOW, Clock, Worker, an_instance, at_once

HOUR = timedelta(hours=1)


@pytest.fixture
def schedules(database):
    return Schedules(database)


@pytest.fixture
def instance(database):
    ready = an_instance(database)
    Instances(database).set_state(ready.id, InstanceState.READY)
    return ready


@pytest.fixture
def running(instance, schedules):
    """An instance whose people lane runs."""
    schedules.switch(instance.id, "people", by_customer=True, by_support=True)
    return instance


def test_a_lane_runs_as_soon_as_both_switches_are_on(instance, schedules):
    assert schedules.claim_due(NOW) == []
    schedules.switch(instance.id, "people", by_customer=True)
    assert schedules.claim_due(NOW) == []
    schedules.switch(instance.id, "people", by_support=True)
    (slot,) = schedules.claim_due(NOW)
    assert (slot.instance_id, slot.lane, slot.slot_text) == (instance.id, "people", "20260504T120000Z")
    assert schedules.claim_due(NOW) == []


def test_the_nightly_comparison_waits_for_its_first_night(instance, schedules):
    schedules.switch(instance.id, "reconcile", by_customer=True, by_support=True)
    assert schedules.claim_due(NOW) == []
    planned = schedules.get(instance.id, "reconcile").next_run_at
    assert NOW < planned <= NOW + 24 * HOUR
    assert schedules.claim_due(planned - timedelta(seconds=1)) == []
    assert [slot.lane for slot in schedules.claim_due(planned)] == ["reconcile"]


def test_turning_one_switch_off_leaves_the_other_as_it_is(running, schedules):
    schedules.switch(running.id, "people", by_customer=False)
    assert schedules.claim_due(NOW) == []
    assert schedules.get(running.id, "people").on_by_support


@pytest.mark.parametrize("state", [InstanceState.DRAFT, InstanceState.PAUSED, InstanceState.BLOCKED])
def test_an_instance_that_may_not_run_has_no_slots(running, schedules, database, state):
    Instances(database).set_state(running.id, state)
    assert schedules.claim_due(NOW) == []


def test_hourly_by_default_and_at_the_same_minute_each_hour(running, schedules):
    schedules.claim_due(NOW)
    first = schedules.get(running.id, "people").next_run_at
    assert NOW < first <= NOW + HOUR
    assert schedules.claim_due(first - timedelta(seconds=1)) == []
    assert len(schedules.claim_due(first)) == 1
    assert schedules.get(running.id, "people").next_run_at == first + HOUR


def test_slots_missed_meanwhile_count_as_one(running, schedules):
    schedules.claim_due(NOW)
    first = schedules.get(running.id, "people").next_run_at
    late = NOW + timedelta(days=3)
    assert len(schedules.claim_due(late)) == 1
    assert schedules.claim_due(late) == []
    following = schedules.get(running.id, "people").next_run_at
    assert late < following <= late + HOUR
    assert (following - first) % HOUR == timedelta(0)


@pytest.mark.parametrize("seconds", [INTERVALS_SECONDS[0], INTERVALS_SECONDS[-1]])
def test_lanes_of_many_instances_start_spread_over_minutes(schedules, database, seconds):
    shifts = set()
    for number in range(6):
        instance = an_instance(database, f"i-{number}")
        schedules.set_interval(instance.id, "people", seconds)
        shifts.add(schedules.get(instance.id, "people").jitter_seconds)
    assert len(shifts) > 2
    assert all(0 <= shift <= min(300, seconds / 4) for shift in shifts)


def test_a_cron_expression_decides_when(running, schedules):
    schedules.set_cron(running.id, "people", " 30 2 * *  1 ")
    schedules.claim_due(NOW)
    found = schedules.get(running.id, "people")
    monday_night = NOW.replace(day=11, hour=2, minute=30)
    assert found.cron == "30 2 * * 1"
    assert found.next_run_at == monday_night + timedelta(seconds=found.jitter_seconds)


def test_an_interval_takes_the_place_of_a_cron_expression(running, schedules):
    schedules.set_cron(running.id, "people", "0 0 1 1 *")
    schedules.set_interval(running.id, "people", 600)
    schedules.claim_due(NOW)
    assert schedules.get(running.id, "people").next_run_at <= NOW + timedelta(minutes=10)


@pytest.mark.parametrize("cron", ["", "every hour", "61 * * * *", "0 0 30 2 *", "0 0 " + "1," * 60 + "1 1 *"])
def test_a_cron_expression_that_makes_no_sense_is_refused(instance, schedules, cron):
    with pytest.raises(UsageError) as caught:
        schedules.set_cron(instance.id, "people", cron)
    assert caught.value.code == "cron-unreadable"


@pytest.mark.parametrize("seconds", [0, 60, 601, -3600])
def test_an_interval_that_is_not_on_offer_is_refused(instance, schedules, seconds):
    with pytest.raises(UsageError) as caught:
        schedules.set_interval(instance.id, "people", seconds)
    assert caught.value.code == "interval-not-offered"


def test_a_postponed_lane_that_is_resumed_runs_when_it_was_planned_and_may_run_early(running, schedules):
    schedules.claim_due(NOW)
    planned = schedules.get(running.id, "people").next_run_at
    schedules.postpone(running.id, "people", NOW + 3 * HOUR)
    assert schedules.hasten(running.id, "people", NOW, NOW) == NOW + 3 * HOUR
    schedules.resume(running.id, "people", NOW)
    assert schedules.get(running.id, "people").next_run_at == planned
    assert schedules.hasten(running.id, "people", NOW, NOW) == NOW


def test_a_postponed_lane_comes_back_at_its_time_and_then_as_planned(running, schedules):
    schedules.claim_due(NOW)
    planned = schedules.get(running.id, "people").next_run_at
    schedules.postpone(running.id, "people", NOW + timedelta(minutes=1))
    assert len(schedules.claim_due(NOW + timedelta(minutes=1))) == 1
    assert (schedules.get(running.id, "people").next_run_at - planned) % HOUR == timedelta(0)


def test_a_slot_is_claimed_by_one_of_many_tickers(running, schedules, database):
    schedules.switch(running.id, "companies", by_customer=True, by_support=True)
    for hour in range(5):
        now = NOW + hour * HOUR
        claimed = at_once(database, 4, lambda own, _number, now=now: Schedules(own).claim_due(now))
        assert sorted(slot.lane for slots in claimed for slot in slots) == ["companies", "people"]


def test_a_lease_goes_to_one_of_many_workers(running, database):
    for round_ in range(1, 6):
        now = NOW + round_ * HOUR
        fences = at_once(
            database,
            4,
            lambda own, number, now=now: Schedules(own).claim_lease(running.id, "people", f"w{number}", now, 60),
        )
        assert [fence for fence in fences if fence is not None] == [round_]


def test_a_lane_nobody_ever_touched_can_be_leased_by_one_of_many(instance, database):
    fences = at_once(
        database, 4, lambda own, number: Schedules(own).claim_lease(instance.id, "fresh", f"w{number}", NOW, 60)
    )
    assert [fence for fence in fences if fence is not None] == [1]


def test_a_lease_that_was_given_back_is_free_and_the_fence_still_grows(instance, schedules):
    first = schedules.claim_lease(instance.id, "people", "a", NOW, 60)
    assert schedules.claim_lease(instance.id, "people", "b", NOW, 60) is None
    schedules.release_lease(instance.id, "people", first)
    assert schedules.claim_lease(instance.id, "people", "b", NOW, 60) == first + 1


def test_giving_back_a_lease_that_was_lost_takes_nothing_from_its_new_owner(instance, schedules):
    old = schedules.claim_lease(instance.id, "people", "a", NOW, 60)
    later = NOW + timedelta(seconds=60)
    new = schedules.claim_lease(instance.id, "people", "b", later, 60)
    schedules.release_lease(instance.id, "people", old)
    assert schedules.claim_lease(instance.id, "people", "c", later, 60) is None
    schedules.renew_lease(instance.id, "people", new, later, 60)


def test_a_dead_worker_s_lease_runs_out_and_a_renewed_one_does_not(instance, schedules):
    fence = schedules.claim_lease(instance.id, "people", "a", NOW, 60)
    schedules.renew_lease(instance.id, "people", fence, NOW + timedelta(seconds=50), 60)
    assert schedules.claim_lease(instance.id, "people", "b", NOW + timedelta(seconds=109), 60) is None
    assert schedules.claim_lease(instance.id, "people", "b", NOW + timedelta(seconds=110), 60) == fence + 1
    with pytest.raises(LeaseLostError):
        schedules.renew_lease(instance.id, "people", fence, NOW + timedelta(seconds=111), 60)


def test_nobody_takes_a_lane_over_between_the_check_of_its_lease_and_the_commit(instance, database):
    fence = Schedules(database).claim_lease(instance.id, "people", "a", NOW, 60)
    lane = LeasedLane(database, Scope(instance.id, "people"), "a", fence, Clock(NOW))
    late = NOW + timedelta(hours=1)
    with ThreadPoolExecutor(1) as pool:
        with lane.write():
            claim = pool.submit(Schedules(database).claim_lease, instance.id, "people", "b", late, 60)
            with pytest.raises(TimeoutError):
                claim.result(timeout=0.3)
        assert claim.result(timeout=10) == fence + 1


def test_working_keeps_a_lease_alive(instance, schedules, database):
    worker = Worker(database, instance.id)
    store = worker.take()
    for _ in range(3):
        worker.clock.pass_(seconds=LEASE_SECONDS * 0.9)
        store.open_window("host", "contact", worker.clock())
    assert schedules.claim_lease(instance.id, "people", "b", worker.clock(), 60) is None
