"""Which API calls an instance may make, counted before each is made, and what it wrote this month. Start here: `Budgets.claim`.

Any number of workers share one budget: a call is counted in the same transaction that finds room for it, before it is sent,
so that a worker that dies has forgotten nothing.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from sidecar.budget import (
    NO_BUDGET,
    REMEMBERED,
    Budget,
    Calls,
    HourOfCalls,
    Refusal,
    hour_of,
    month_of,
)
from sidecar.errors import BudgetError
from sidecar.records import Side
from sidecar.store.bulk import upsert
from sidecar.store.session import Database
from sidecar.store.tables import api_usage, budgets, operations, org_limits, runs
from sidecar.sync.model import Status

_HOUR_KEYS = ("instance_id", "side", "hour")
_FIELDS = ("calls", "percent", "reserve_percent", "alert_percent", "operations_per_month")

Told = tuple[int, int] | None
"""What an org last said of everybody's calls: used and allowed."""


@dataclass(frozen=True, slots=True)
class OrgLimit:
    """One of an org's own limits, as it last told."""

    name: str
    used: int
    allowed: int
    seen_at: datetime

    @property
    def free(self) -> int:
        """What is left of it."""
        return max(0, self.allowed - self.used)


class Budgets:
    """Keeps budgets, counts calls and operations, remembers an org's limits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, instance_id: int) -> Budget:
        """Return what an instance may use; no limits if nobody set any."""
        with self._database.read() as connection:
            return _budget(connection, instance_id)

    def save(self, instance_id: int, budget: Budget, now: datetime) -> None:
        """Set what an instance may use. Holds from the next call on, in every worker."""
        row = {"instance_id": instance_id, "changed_at": now, **asdict(budget)}
        with self._database.write() as connection:
            upsert(connection, budgets, [row], ("instance_id",), update=(*_FIELDS, "changed_at"))

    def calls(self, instance_id: int, now: datetime) -> Calls:
        """Return all that is known of the calls of an instance's org."""
        with self._database.read() as connection:
            return _calls(connection, instance_id, now, _budget(connection, instance_id))

    def claim(
        self, instance_id: int, now: datetime, told: Told = None, *, is_urgent: bool = False, is_paused: bool = False
    ) -> Refusal | None:
        """Count one call that is about to be made, or return why it may not be made. Stores what the org told before."""
        with self._database.write() as connection:
            budget = _budget(connection, instance_id, lock=True)  # others who ask wait here
            if told is not None:
                _add(connection, instance_id, now, 0, told)
            refusal = _calls(connection, instance_id, now, budget).refusal(is_urgent=is_urgent, is_paused=is_paused)
            if refusal is None:
                _add(connection, instance_id, now, 1, None, urgent=int(is_urgent))
            return refusal

    def note_told(self, instance_id: int, now: datetime, told: tuple[int, int]) -> None:
        """Remember what the org said of everybody's calls."""
        with self._database.write() as connection:
            _add(connection, instance_id, now, 0, told)

    # -- operations --------------------------------------------------------------------------------------------------

    def add_operations(self, instance_id: int, now: datetime, count: int) -> int:
        """Count records written; return how many that makes this month."""
        row = {"instance_id": instance_id, "month": month_of(now), "count": count}
        with self._database.write() as connection:
            upsert(connection, operations, [row], ("instance_id", "month"), add=("count",))
            return _operations(connection, instance_id, now)

    def operations(self, instance_id: int, now: datetime) -> int:
        """Return how many records were written this month."""
        with self._database.read() as connection:
            return _operations(connection, instance_id, now)

    def records_written(self, instance_id: int, lane: str, since: datetime) -> int:
        """Return how many records a lane's runs have written since then."""
        chosen = select(runs.c.counts).where(
            runs.c.instance_id == instance_id, runs.c.lane == lane, runs.c.started_at >= since
        )
        with self._database.read() as connection:
            return sum(sum(counts.get(Status.WRITTEN, {}).values()) for counts in connection.scalars(chosen))

    # -- what the org says of itself -----------------------------------------------------------------------------------

    def save_limits(self, instance_id: int, now: datetime, limits: Mapping[str, tuple[int, int]]) -> None:
        """Remember limits of an org: (used, allowed) by name."""
        rows = [
            {"instance_id": instance_id, "name": name, "used": used, "allowed": allowed, "seen_at": now}
            for name, (used, allowed) in limits.items()
        ]
        with self._database.write() as connection:
            upsert(connection, org_limits, rows, ("instance_id", "name"), update=("used", "allowed", "seen_at"))

    def limits(self, instance_id: int) -> dict[str, OrgLimit]:
        """Return the limits of an org, as it last told them."""
        chosen = select(org_limits).where(org_limits.c.instance_id == instance_id).order_by(org_limits.c.name)
        with self._database.read() as connection:
            rows = connection.execute(chosen).all()
        return {row.name: OrgLimit(row.name, row.used, row.allowed, row.seen_at) for row in rows}


class InstanceGate:
    """The gate of one instance, for as long as its Salesforce side is open. Implements the client's CallGate."""

    def __init__(
        self, budgets: Budgets, instance_id: int, now: Callable[[], datetime], *, is_paused: bool = False
    ) -> None:
        self._budgets = budgets
        self._instance_id = instance_id
        self._now = now
        self._is_paused = is_paused
        self._is_urgent = False
        self._told: Told = None

    def before_call(self) -> None:
        """See CallGate."""
        now, told = self._now(), self._told
        refusal = self._budgets.claim(
            self._instance_id, now, told, is_urgent=self._is_urgent, is_paused=self._is_paused
        )
        self._told = None
        if refusal is not None:
            raise out_of_calls(refusal, now)
        if not self._is_urgent:
            self._is_paused = False

    def after_call(self, usage: Told) -> None:
        """See CallGate. Stored with the next call, or at the end."""
        self._told = usage or self._told

    def flush(self) -> None:
        """Store what the org told last."""
        if self._told is not None:
            self._budgets.note_told(self._instance_id, self._now(), self._told)
            self._told = None

    @contextmanager
    def on_reserve(self) -> Iterator[None]:
        """Let calls use the reserve meanwhile."""
        self._is_urgent = True
        try:
            yield
        finally:
            self._is_urgent = False

    def may_listen(self) -> bool:
        """Tell whether the reserve lasts if Salesforce is asked whether it has anything urgent."""
        return self._budgets.calls(self._instance_id, self._now()).may_listen()


def out_of_calls(refusal: Refusal, now: datetime) -> BudgetError:
    """Return the error for a call that may not be made now."""
    seconds = max(60, math.ceil((refusal.free_at - now).total_seconds()))
    return BudgetError(
        refusal.message,
        code=refusal.code,
        retry_after_seconds=seconds,
    )


def _budget(connection: Connection, instance_id: int, *, lock: bool = False) -> Budget:
    chosen = select(budgets).where(budgets.c.instance_id == instance_id)
    row = connection.execute(chosen.with_for_update() if lock else chosen).one_or_none()
    return NO_BUDGET if row is None else Budget(**{name: getattr(row, name) for name in _FIELDS})


def _calls(connection: Connection, instance_id: int, now: datetime, budget: Budget) -> Calls:
    of_org = (api_usage.c.instance_id == instance_id) & (api_usage.c.side == Side.SALESFORCE)
    recent = select(api_usage).where(of_org, api_usage.c.hour > hour_of(now) - REMEMBERED).order_by(api_usage.c.hour)
    hours = [_hour(row) for row in connection.execute(recent)]
    told = next((each for each in reversed(hours) if each.used is not None), None)
    if told is None:
        told = _last_told(connection, select(api_usage).where(of_org, api_usage.c.used.is_not(None)))
    written = 0 if budget.operations_per_month is None else _operations(connection, instance_id, now)
    if told is None:
        return Calls(budget, hours, now, operations=written)
    is_recent = now - told.hour < timedelta(hours=24)
    used = told.used if is_recent else None
    return Calls(budget, hours, now, used, told.allowed, told.seen_at, written)


def _last_told(connection: Connection, chosen: Select[Any]) -> HourOfCalls | None:
    row = connection.execute(chosen.order_by(api_usage.c.hour.desc()).limit(1)).one_or_none()
    return None if row is None else _hour(row)


def _add(connection: Connection, instance_id: int, now: datetime, calls: int, told: Told, *, urgent: int = 0) -> None:
    used, allowed = told or (None, None)
    row = {
        "instance_id": instance_id,
        "side": Side.SALESFORCE,
        "hour": hour_of(now),
        "calls": calls,
        "urgent": urgent,
        "used": used,
        "allowed": allowed,
        "seen_at": now,
    }
    update = () if told is None else ("seen_at", "used", "allowed")
    upsert(connection, api_usage, [row], _HOUR_KEYS, update=update, add=("calls", "urgent"))


def _operations(connection: Connection, instance_id: int, now: datetime) -> int:
    of_month = (operations.c.instance_id == instance_id) & (operations.c.month == month_of(now))
    return int(connection.scalar(select(operations.c.count).where(of_month)) or 0)


def _hour(row: Row[Any]) -> HourOfCalls:
    return HourOfCalls(row.hour, row.calls, row.used, row.allowed, row.seen_at, row.urgent)
