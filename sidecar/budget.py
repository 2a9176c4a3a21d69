"""The arithmetic of API calls: what we may use of an org's calls, when more frees, and what comes. Pure.

Calls are kept per hour. A call made at any moment of an hour counts until the whole hour is 24 hours old: so it holds in
every stretch of 24 hours, and not only between full hours, that we make no more calls than we were allowed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

BUDGET_USED: Final = "budget-used"
ORG_CALLS_USED: Final = "org-calls-used"
OPERATIONS_USED: Final = "operations-used"

HOUR: Final = timedelta(hours=1)
REMEMBERED: Final = timedelta(hours=25)
"""An hour's calls count that long from its beginning."""

LEAST_CALLS: Final = 20
"""Fewer calls a day can end before a single page of people is through."""
LEAST_RESERVE: Final = 10
_KEPT_FOR_THE_HOST: Final = 3
"""Of the reserve: what one batch of opt-outs costs, to read, to ask for their history, and to write."""
RESERVE_PERCENT: Final = 10
ALERT_PERCENT: Final = 80
ORG_REST_PERCENT: Final = 5
"""Of the org's own calls this much is left to people and to others."""
SUGGESTED_SHARE: Final = 0.8
ORG_SEEN: Final = timedelta(minutes=30)
"""What the org said of everybody's calls is believed that long; then one call asks anew."""

RECORD_KB: Final = 2
"""What a record takes of the data storage, whatever is in it (Salesforce help, "Data and File Storage Allocations")."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What an instance may use. `calls` or `percent` of the org's daily calls per 24 hours, neither: no limit of ours."""

    calls: int | None = None
    percent: int | None = None
    reserve_percent: int = RESERVE_PERCENT
    alert_percent: int = ALERT_PERCENT
    operations_per_month: int | None = None

    def allocation(self, org_allowed: int | None) -> int | None:
        """Return how many calls that is; None: as many as the org has, or it is not known yet."""
        if self.calls is not None:
            return self.calls
        if self.percent is None or org_allowed is None:
            return None
        return max(LEAST_CALLS, org_allowed * self.percent // 100)

    def reserve(self, org_allowed: int | None) -> int:
        """Return how many calls beyond the allocation opt-outs and deletions may use."""
        return max(LEAST_RESERVE, (self.allocation(org_allowed) or 0) * self.reserve_percent // 100)


NO_BUDGET: Final = Budget()
_LARGEST_BATCH: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class HourOfCalls:
    """Our calls in one hour; `used` and `allowed` are what the org last said then of everybody's calls, at `seen_at`.

    `urgent` of the calls used the reserve.
    """

    hour: datetime
    calls: int
    used: int | None = None
    allowed: int | None = None
    seen_at: datetime | None = None
    urgent: int = 0

    @property
    def planned(self) -> int:
        """The calls that used the allocation."""
        return self.calls - self.urgent


@dataclass(frozen=True, slots=True)
class Calls:
    """All that is known of an org's calls at one moment."""

    budget: Budget
    hours: Sequence[HourOfCalls]
    now: datetime
    org_used: int | None = None
    org_allowed: int | None = None
    org_seen_at: datetime | None = None
    operations: int = 0
    """Records written this month."""

    @property
    def ours(self) -> int:
        """Our calls that still count."""
        return self.planned + self.urgent

    @property
    def planned(self) -> int:
        """Those of them that used the allocation. The reserve is counted apart, or it would keep the lanes from resuming."""
        return sum(each.planned for each in self._counting())

    @property
    def urgent(self) -> int:
        """Those of them that used the reserve."""
        return sum(each.urgent for each in self._counting())

    @property
    def allocation(self) -> int | None:
        """The most calls we may make in 24 hours, if there is such a limit."""
        return self.budget.allocation(self.org_allowed)

    @property
    def reserve(self) -> int:
        """Calls beyond it for what cannot wait."""
        return self.budget.reserve(self.org_allowed)

    @property
    def others(self) -> int | None:
        """Calls of everybody else, as far as the org told."""
        return None if self.org_used is None else max(0, self.org_used - self.ours)

    @property
    def free(self) -> int | None:
        """Calls that nobody used yet."""
        if self.org_used is None or self.org_allowed is None:
            return None
        return max(0, self.org_allowed - self.org_used)

    @property
    def are_operations_used(self) -> bool:
        """Whether as many records were written this month as may be."""
        return self.budget.operations_per_month is not None and self.operations >= self.budget.operations_per_month

    @property
    def room(self) -> int:
        """Calls that must be free before a paused lane goes on: with a single one it would only begin and stop again."""
        return min(self.allocation or 0, max(LEAST_RESERVE, (self.allocation or 0) // 10))

    @property
    def records_at_once(self) -> int:
        """How many records to take through every step together, so that a small budget ends no batch half way."""
        known = [each for each in (self.allocation, self.free) if each is not None]
        most = 1000 * max(1, min(known) // 40) if known else _LARGEST_BATCH
        if self.budget.operations_per_month is not None:
            most = min(most, self.budget.operations_per_month - self.operations)
        return max(1, most)

    def refusal(self, *, is_urgent: bool = False, is_paused: bool = False) -> "Refusal | None":
        """Return why a call may not be made now, or None. `is_paused`: it would be the first after a pause."""
        if self.allocation is not None and is_urgent and self.urgent >= self.reserve:
            return Refusal(BUDGET_USED, self.frees_at())
        wanted = self.room if is_paused else 1
        if self.allocation is not None and not is_urgent and self.planned + wanted > self.allocation:
            return Refusal(BUDGET_USED, self.frees_at())
        if not is_urgent and self._is_org_low():
            return Refusal(ORG_CALLS_USED, (self.org_seen_at or self.now) + ORG_SEEN)
        if not is_urgent and self.are_operations_used:
            return Refusal(OPERATIONS_USED, next_month(self.now))
        return None

    def frees_at(self) -> datetime:
        """Return when enough calls will be free for a paused lane to go on."""
        target, left = (self.allocation or 0) - self.room, self.planned
        for each in sorted(self._counting(), key=lambda each: each.hour):
            if left <= target:
                break
            left -= each.planned
            if left <= target:
                return each.hour + REMEMBERED
        return self.now

    def may_listen(self) -> bool:
        """Tell whether the reserve lasts if Salesforce is asked now whether it has anything urgent.

        What a person did in the host is sent at once; asking on suspicion is spread over the time until calls free.
        """
        if self.allocation is None or self.refusal(is_paused=True) is None:
            return True
        left = self.reserve - self.urgent
        waiting = self.frees_at() - self.now
        return left > _KEPT_FOR_THE_HOST and left * REMEMBERED >= self.reserve * waiting

    def _counting(self) -> list[HourOfCalls]:
        return [each for each in self.hours if each.hour > self.now - REMEMBERED]

    def _is_org_low(self) -> bool:
        if self.free is None or self.org_allowed is None or self.org_seen_at is None:
            return False
        is_news = self.now - self.org_seen_at < ORG_SEEN
        return is_news and self.free * 100 <= self.org_allowed * ORG_REST_PERCENT


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no call may be made now, and when it is worth while to ask again."""

    code: str
    free_at: datetime

    @property
    def message(self) -> str:
        """Say it to an administrator."""
        return (
            f"{_WHAT_IS_USED[self.code]} until about {self.free_at:%Y-%m-%d %H:%M} UTC. "
            "Opt-outs and deletions go on; everything else goes on by itself then."
        )


_WHAT_IS_USED: Final = {
    BUDGET_USED: "The API calls allotted to this instance are used up",
    ORG_CALLS_USED: "The org has hardly any API calls left",
    OPERATIONS_USED: "This month's quota of records written is used up",
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """The most of our calls that will count together within the next 24 hours, and when that is."""

    calls: int
    at: datetime


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def forecast(calls: Calls, history: Iterable[HourOfCalls]) -> Forecast:
    """Return what comes if each hour of the next day is as that hour was on average in our history."""
    usual = usual_by_hour(history, calls.now)
    made = {each.hour: each.calls for each in calls.hours}
    this_hour = hour_of(calls.now)
    expected = dict(made)
    found = Forecast(calls.ours, calls.now)
    for ahead in range(24):
        hour = this_hour + ahead * HOUR
        most = usual.get(hour.hour, 0.0)
        expected[hour] = max(made.get(hour, 0), round(most))
        total = sum(count for each, count in expected.items() if hour + HOUR - REMEMBERED < each <= hour)
        if total > found.calls:
            found = Forecast(total, hour + HOUR)
    return found


def usual_by_hour(history: Iterable[HourOfCalls], now: datetime) -> Mapping[int, float]:
    """Return our mean calls per hour of the day, over the days that the history covers; the present hour is left out."""
    past = [each for each in history if each.hour < hour_of(now)]
    if not past:
        return {}
    days = max(1, -(-(hour_of(now) - min(each.hour for each in past)) // timedelta(days=1)))
    sums: dict[int, int] = {}
    for each in past:
        sums[each.hour.hour] = sums.get(each.hour.hour, 0) + each.calls
    return {hour: calls / days for hour, calls in sums.items()}


def others_peak(history: Sequence[HourOfCalls]) -> int | None:
    """Return the most calls that others ever had within 24 hours, by what the org said each hour; None if it never did."""
    told = [each for each in history if each.used is not None]
    made = {each.hour: each.calls for each in history}
    return max((max(0, (each.used or 0) - _ours_until(made, each.hour)) for each in told), default=None)


def suggested_allocation(org_allowed: int | None, peak_of_others: int | None) -> int | None:
    """Return what we advise to allow us: most of what others never needed."""
    if org_allowed is None or peak_of_others is None:
        return None
    return max(0, int((org_allowed - peak_of_others) * SUGGESTED_SHARE))


def days_until_full(free_mb: int, records_per_day: float) -> float | None:
    """Return how long the data storage lasts if records are made at that rate; None: it will not fill up by us."""
    per_day = records_per_day * RECORD_KB / 1024
    return None if per_day <= 0 else max(0, free_mb) / per_day


def is_low(used: int, allowed: int, alert_percent: int) -> bool:
    """Tell whether so much of a limit is used that somebody should know."""
    return allowed > 0 and used * 100 >= allowed * alert_percent


def month_of(moment: datetime) -> str:
    """Name the month, as operations are counted."""
    return f"{moment:%Y-%m}"


def next_month(moment: datetime) -> datetime:
    """Return when the next month begins."""
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _ours_until(made: Mapping[datetime, int], hour: datetime) -> int:
    return sum(made.get(hour - ago * HOUR, 0) for ago in range(24))
