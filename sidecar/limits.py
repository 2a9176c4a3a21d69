"""How an instance stands with its limits: reads what the org says, counts what was written, opens and closes the alerts.

An alert opens when a limit gets near or is used up and closes when it is not any more: one per change, not one per run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sidecar.bootstrap import App, OpenSides
from sidecar.budget import (
    BUDGET_USED,
    HOUR,
    LEAST_CALLS,
    OPERATIONS_USED,
    ORG_CALLS_USED,
    Budget,
    Calls,
    Forecast,
    HourOfCalls,
    Refusal,
    days_until_full,
    forecast,
    hour_of,
    is_low,
    others_peak,
    suggested_allocation,
)
from sidecar.errors import BudgetError, SidecarError, UsageError
from sidecar.mapping.rules import Problem
from sidecar.records import Side
from sidecar.salesforce.limits import read_limits
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.budget import OrgLimit
from sidecar.store.instances import Instance

LANE: Final = "budget"
"""Alerts about limits stand under this name: they are about all lanes."""

REMEMBERED_DAYS: Final = 30
_RATE_DAYS: Final = 7
_ASK_AFTER_WRITING: Final = timedelta(hours=1)
_ASK_WHEN_IDLE: Final = timedelta(days=1)
_ASKED: Final = "limits-asked"

USED_CODES: Final = (BUDGET_USED, ORG_CALLS_USED, OPERATIONS_USED)
_WATCHED: Final[Mapping[str, tuple[str, str]]] = {
    "DailyBulkApiBatches": ("bulk-batches-low", "batches of the Bulk API in 24 hours"),
    "DataStorageMB": ("storage-low", "megabytes of data storage"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything there is to say about an instance's limits at one moment."""

    calls: Calls
    refusal: Refusal | None
    forecast: Forecast
    others_peak: int | None
    suggested: int | None
    hours: tuple[HourOfCalls, ...]
    operations: int
    limits: Mapping[str, OrgLimit]
    timeline_records_per_day: float
    storage_days: float | None

    def document(self) -> dict[str, Any]:
        """Return the same as plain names and numbers."""
        calls, budget = self.calls, self.calls.budget
        return {
            "budget": {
                "calls": budget.calls,
                "percent": budget.percent,
                "reserve_percent": budget.reserve_percent,
                "alert_percent": budget.alert_percent,
                "operations_per_month": budget.operations_per_month,
            },
            "allocation": calls.allocation,
            "reserve": calls.reserve if calls.allocation is not None else None,
            "ours": calls.ours,
            "others": calls.others,
            "free": calls.free,
            "org_used": calls.org_used,
            "org_allowed": calls.org_allowed,
            "org_seen_at": calls.org_seen_at,
            "paused": self.refusal and {"code": self.refusal.code, "until": self.refusal.free_at},
            "forecast": {"calls": self.forecast.calls, "at": self.forecast.at},
            "others_peak": self.others_peak,
            "suggested": self.suggested,
            "operations": self.operations,
            "limits": {name: {"used": each.used, "allowed": each.allowed} for name, each in self.limits.items()},
            "storage_days": None if self.storage_days is None else round(self.storage_days),
            "hours": [{"hour": each.hour, "calls": each.calls} for each in self.hours],
        }


def standing(app: App, instance_id: int) -> Standing:
    """Return how an instance stands with its limits now."""
    now = app.clock()
    calls, limits = app.budgets.calls(instance_id, now), app.budgets.limits(instance_id)
    history = _history(app, instance_id, now)
    is_paused = any(alert.code == BUDGET_USED for alert in app.alerts.list_open(instance_id))
    per_day = app.budgets.records_written(instance_id, "activities", now - timedelta(days=_RATE_DAYS)) / _RATE_DAYS
    storage, peak = limits.get("DataStorageMB"), others_peak(history)
    return Standing(
        calls=calls,
        refusal=calls.refusal(is_paused=is_paused),
        forecast=forecast(calls, history),
        others_peak=peak,
        suggested=suggested_allocation(calls.org_allowed, peak),
        hours=_last_day(calls),
        operations=app.budgets.operations(instance_id, now),
        limits=limits,
        timeline_records_per_day=per_day,
        storage_days=days_until_full(storage.free, per_day) if storage else None,
    )


def set_budget(app: App, instance_id: int, budget: Budget, *, who: str, reason: str = "") -> None:
    """Set what an instance may use, and note who did it; UsageError if it makes no sense."""
    check_budget(budget)
    now, before = app.clock(), app.budgets.load(instance_id)
    app.budgets.save(instance_id, budget, now)
    entry = AuditEntry(who, "budget-set", now, asdict(before), asdict(budget), reason, instance_id)
    AuditLog(app.database).add(entry)
    _look_now(app, instance_id, now)


def check_budget(budget: Budget) -> None:
    """Refuse a budget that makes no sense."""
    shares = (budget.reserve_percent, budget.alert_percent, budget.percent if budget.percent is not None else 1)
    if budget.calls is not None and budget.percent is not None:
        raise UsageError("Give a number of calls or a percentage, not both.", code="budget-unclear")
    if budget.calls is not None and budget.calls < LEAST_CALLS:
        raise UsageError(f"Fewer than {LEAST_CALLS} calls a day carry nothing across.", code="budget-too-small")
    if not (0 <= shares[0] <= 100 and all(1 <= each <= 100 for each in shares[1:])):
        raise UsageError("A percentage is a number from 1 to 100.", code="budget-unclear")
    if budget.operations_per_month is not None and budget.operations_per_month < 1:
        raise UsageError("A quota of records is at least 1; leave it away for any number.", code="budget-unclear")


def _look_now(app: App, instance_id: int, now: datetime) -> None:
    """Let lanes that wait for calls go on at once: they find out by themselves whether they may."""
    open_codes = {alert.code for alert in app.alerts.list_open(instance_id) if alert.lane == LANE}
    if open_codes.isdisjoint(USED_CODES):
        return
    for code in USED_CODES:
        app.alerts.close(instance_id, LANE, code, now)
    for schedule in app.schedules.list(instance_id):
        app.schedules.postpone(instance_id, schedule.lane, now)


def count_operations(app: App, instance: Instance, written: int) -> None:
    """Count records written in this month."""
    if written:
        app.budgets.add_operations(instance.id, app.clock(), written)


def refresh_limits(app: App, instance: Instance, sides: OpenSides, *, has_written: bool) -> None:
    """Read the org's own limits, a metered call: at most once an hour, and once a day while nothing is written.

    They are good to know and no more: a user who may not read them, or a budget that is used up, stops nothing.
    """
    cache = app.cache(instance, Side.SALESFORCE)
    now, asked = app.clock(), cache.get(_ASKED)
    pause = _ASK_AFTER_WRITING if has_written else _ASK_WHEN_IDLE
    if asked is not None and now - datetime.fromisoformat(asked) < pause:
        return
    cache.put(_ASKED, now.isoformat(), expires_at=now + _ASK_WHEN_IDLE)
    try:
        found = read_limits(sides.salesforce.client)
    except SidecarError:
        return
    app.budgets.save_limits(instance.id, now, found)


def tell(app: App, instance: Instance, calls_made: int, error: SidecarError | None = None) -> None:
    """Let the open alerts be those that are true after a run that made so many calls, and was perhaps stopped."""
    now = app.clock()
    is_paused = calls_made == 0 and any(alert.code == BUDGET_USED for alert in app.alerts.list_open(instance.id))
    calls = app.budgets.calls(instance.id, now)
    stopped = (error.code, error.message) if isinstance(error, BudgetError) else None
    if stopped is None and (refusal := calls.refusal(is_paused=is_paused)):
        stopped = (refusal.code, refusal.message)
    problems = [*_used_up(stopped), *_low(calls, stopped), *_low_limits(app, instance, calls.budget.alert_percent)]
    app.alerts.replace(instance.id, LANE, problems, now)


def _used_up(stopped: tuple[str, str] | None) -> Iterator[Problem]:
    if stopped is not None:
        code, message = stopped
        yield Problem(code, message, "salesforce_admin" if code == ORG_CALLS_USED else "operator")


def _low(calls: Calls, stopped: tuple[str, str] | None) -> Iterator[Problem]:
    """Yield what gets near, unless it is used up already."""
    percent, code = calls.budget.alert_percent, stopped and stopped[0]
    allocation, quota = calls.allocation, calls.budget.operations_per_month
    if allocation is not None and code != BUDGET_USED and is_low(calls.planned, allocation, percent):
        yield Problem("budget-low", f"{calls.planned} of the {allocation} API calls allotted are used", "operator")
    used, allowed = calls.org_used, calls.org_allowed
    if used is not None and allowed and code != ORG_CALLS_USED and is_low(used, allowed, percent):
        message = f"{used} of the org's {allowed} API calls in 24 hours are used"
        yield Problem("org-calls-low", message, "salesforce_admin")
    if quota is not None and code != OPERATIONS_USED and is_low(calls.operations, quota, percent):
        message = f"{calls.operations} of the {quota} records that may be written this month were written"
        yield Problem("operations-low", message, "operator")


def _low_limits(app: App, instance: Instance, percent: int) -> Iterator[Problem]:
    limits = app.budgets.limits(instance.id)
    for name, (code, what) in _WATCHED.items():
        limit = limits.get(name)
        if limit and is_low(limit.used, limit.allowed, percent):
            yield Problem(code, f"{limit.used} of the org's {limit.allowed} {what} are used", "salesforce_admin")


def _history(app: App, instance_id: int, now: datetime) -> list[HourOfCalls]:
    since = now - timedelta(days=REMEMBERED_DAYS)
    return [
        HourOfCalls(each.hour, each.calls, each.used, each.allowed, each.seen_at)
        for each in app.usage.hours(instance_id, Side.SALESFORCE, since)
    ]


def _last_day(calls: Calls) -> tuple[HourOfCalls, ...]:
    """Return each of the last 24 hours, those without calls too."""
    made = {each.hour: each for each in calls.hours}
    hours = [hour_of(calls.now) - ago * HOUR for ago in reversed(range(24))]
    return tuple(made.get(hour, HourOfCalls(hour, 0)) for hour in hours)
