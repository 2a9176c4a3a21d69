"""The arithmetic of API calls."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.budget import (
    BUDGET_USED,
    HOUR,
    OPERATIONS_USED,
    ORG_CALLS_USED,
    Budget,
    Calls,
    Forecast,
    HourOfCalls,
    days_until_full,
    forecast,
    hour_of,
    is_low,
    next_month,
    others_peak,
    suggested_allocation,
)
from tests.builders import NOON

DAY = timedelta(hours=24)


def hours_ago(*counts: int) -> list[HourOfCalls]:
    """Calls of the present hour, the one before, and so on."""
    return [HourOfCalls(hour_of(NOON) - ago * HOUR, count) for ago, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("budget", "org_allowed", "allocation", "reserve"),
    [
        (Budget(), 15_000, None, 10),
        (Budget(calls=20), None, 20, 10),
        (Budget(calls=5_000), 15_000, 5_000, 500),
        (Budget(calls=5_000, reserve_percent=2), 15_000, 5_000, 100),
        (Budget(percent=30), 15_000, 4_500, 450),
        (Budget(percent=30), None, None, 10),
        (Budget(percent=1), 1_000, 20, 10),
    ],
)
def test_an_allocation_is_a_number_or_a_share_of_what_the_org_has(
    budget: Budget, org_allowed: int | None, allocation: int | None, reserve: int
) -> None:
    assert budget.allocation(org_allowed) == allocation
    assert budget.reserve(org_allowed) == reserve


def test_calls_count_until_their_whole_hour_is_a_day_old() -> None:
    made = [HourOfCalls(hour_of(NOON), 20)]
    late = hour_of(NOON) + DAY + timedelta(minutes=59)
    assert Calls(Budget(calls=20), made, late).refusal() is not None
    assert Calls(Budget(calls=20), made, late + timedelta(minutes=1)).refusal() is None


def test_a_refusal_says_when_enough_is_free_to_go_on() -> None:
    refusal = Calls(Budget(calls=20), hours_ago(2, 6, 12), NOON).refusal()
    assert refusal is not None
    assert (refusal.code, refusal.free_at) == (BUDGET_USED, hour_of(NOON) - 2 * HOUR + timedelta(hours=25))


def test_a_paused_lane_waits_until_more_than_a_single_call_is_free() -> None:
    nearly_full = Calls(Budget(calls=20), hours_ago(15), NOON)
    assert nearly_full.refusal() is None
    assert nearly_full.refusal(is_paused=True) is not None
    assert Calls(Budget(calls=20), hours_ago(10), NOON).refusal(is_paused=True) is None


def test_what_cannot_wait_uses_a_reserve_that_does_not_hold_up_the_rest() -> None:
    hour = hour_of(NOON)
    full = Calls(Budget(calls=20), [HourOfCalls(hour, 29, urgent=9)], NOON)
    assert full.refusal() is not None
    assert full.refusal(is_urgent=True) is None
    used_up = Calls(Budget(calls=20), [HourOfCalls(hour, 30, urgent=10)], NOON)
    assert used_up.refusal(is_urgent=True) is not None
    assert Calls(Budget(calls=20), [HourOfCalls(hour, 12, urgent=10)], NOON).refusal(is_paused=True) is None


@pytest.mark.parametrize(
    ("used", "allowed", "minutes_old", "stops"),
    [(14_249, 15_000, 1, False), (14_250, 15_000, 1, True), (15_100, 15_000, 1, True), (15_000, 15_000, 31, False)],
)
def test_the_last_calls_of_the_org_are_left_to_others_and_asked_about_again(
    used: int, allowed: int, minutes_old: int, stops: bool
) -> None:
    calls = Calls(Budget(), [], NOON, used, allowed, NOON - timedelta(minutes=minutes_old))
    refusal = calls.refusal()
    assert (refusal is not None and refusal.code == ORG_CALLS_USED) is stops
    assert calls.refusal(is_urgent=True) is None


def test_a_quota_of_operations_lasts_until_the_next_month() -> None:
    calls = Calls(Budget(operations_per_month=100), [], NOON, operations=100)
    refusal = calls.refusal()
    assert refusal is not None
    assert (refusal.code, refusal.free_at) == (OPERATIONS_USED, next_month(NOON))
    assert refusal.free_at.day == 1
    assert calls.refusal(is_urgent=True) is None
    assert next_month(datetime(2026, 12, 31, 23, tzinfo=NOON.tzinfo)) == datetime(2027, 1, 1, tzinfo=NOON.tzinfo)


@given(
    budget=st.builds(Budget, calls=st.integers(20, 60), reserve_percent=st.integers(0, 100)),
    steps=st.lists(
        st.tuples(st.integers(0, 400), st.booleans(), st.booleans(), st.integers(1, 30)), min_size=1, max_size=60
    ),
)
def test_no_24_hours_ever_hold_more_than_allocation_and_reserve(
    budget: Budget, steps: list[tuple[int, bool, bool, int]]
) -> None:
    now, made, by_hour = NOON, [], {}
    for minutes, is_urgent, is_paused, wanted in steps:
        now += timedelta(minutes=minutes)
        for _ in range(wanted):
            hours = [HourOfCalls(hour, calls, urgent=urgent) for hour, (calls, urgent) in by_hour.items()]
            if Calls(budget, hours, now).refusal(is_urgent=is_urgent, is_paused=is_paused):
                break
            calls, urgent = by_hour.get(hour_of(now), (0, 0))
            by_hour[hour_of(now)] = (calls + 1, urgent + is_urgent)
            made.append((now, is_urgent))
    for first, _ in made:
        within = [urgent for at, urgent in made if first <= at < first + DAY]
        assert within.count(False) <= (budget.calls or 0)
        assert within.count(True) <= budget.reserve(None)


@given(
    counts=st.lists(st.integers(0, 20), min_size=1, max_size=25), allowed=st.integers(20, 100), urgent=st.integers(0, 5)
)
def test_at_the_moment_a_refusal_names_the_lane_may_go_on(counts: list[int], allowed: int, urgent: int) -> None:
    hours = [HourOfCalls(each.hour, each.calls + urgent, urgent=urgent) for each in hours_ago(*counts)]
    refusal = Calls(Budget(calls=allowed), hours, NOON).refusal(is_paused=True)
    if refusal is not None:
        assert refusal.free_at > NOON
        assert Calls(Budget(calls=allowed), hours, refusal.free_at).refusal(is_paused=True) is None
        just_before = refusal.free_at - timedelta(minutes=1)
        assert Calls(Budget(calls=allowed), hours, just_before).refusal(is_paused=True) is not None


def test_the_forecast_is_the_usual_day_laid_over_what_was_used() -> None:
    week = [HourOfCalls(hour_of(NOON) - ago * HOUR, 10) for ago in range(1, 24 * 7)]
    calls = Calls(Budget(calls=300), [each for each in week if each.hour > NOON - DAY], NOON)
    found = forecast(calls, week)
    assert found.calls == pytest.approx(250, abs=11)
    assert found.calls <= 300


def test_a_forecast_sees_the_morning_come() -> None:
    morning = [HourOfCalls(hour_of(NOON) + 3 * HOUR - day * DAY, 80) for day in range(1, 8)]
    calls = Calls(Budget(calls=100), [HourOfCalls(hour_of(NOON), 50)], NOON)
    assert forecast(calls, morning) == Forecast(130, hour_of(NOON) + 4 * HOUR)


def test_without_a_history_the_forecast_is_the_present() -> None:
    assert forecast(Calls(Budget(), hours_ago(7), NOON), []) == Forecast(7, NOON)


def test_the_suggestion_is_most_of_what_others_never_needed() -> None:
    history = [
        HourOfCalls(hour_of(NOON) - 2 * HOUR, 100, used=4_100, allowed=15_000),
        HourOfCalls(hour_of(NOON) - HOUR, 50, used=5_150, allowed=15_000),
        HourOfCalls(hour_of(NOON), 10),
    ]
    assert others_peak(history) == 5_000
    assert suggested_allocation(15_000, 5_000) == 8_000
    assert (others_peak(hours_ago(3)), suggested_allocation(15_000, None)) == (None, None)


def test_storage_lasts_by_two_kilobytes_a_record() -> None:
    assert days_until_full(200, 1_024) == 100
    assert days_until_full(200, 0) is None
    assert days_until_full(-5, 1_024) == 0


@pytest.mark.parametrize(("used", "allowed", "is_told"), [(79, 100, False), (80, 100, True), (0, 0, False)])
def test_80_percent_is_told(used: int, allowed: int, is_told: bool) -> None:
    assert is_low(used, allowed, 80) is is_told
