"""What the pages show of many rows at once, in a number of queries that does not grow with them. Only reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cronsim import CronSim
from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from sidecar.records import Ref, Side
from sidecar.store.instances import InstanceState
from sidecar.store.session import Database
from sidecar.store.tables import alerts, instances, outbox, runs, schedules, watermarks
from sidecar.sync.model import Reaction

PAGE_ROWS = 50
WAITING = (Reaction.DATA, Reaction.SETUP, Reaction.PERSON)


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """Something that someone must look at."""

    lane: str
    code: str
    message: str
    fixed_by: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many records of a lane wait for the same thing, for the same reason."""

    lane: str
    reason: str
    waits_for: str
    count: int


@dataclass(frozen=True, slots=True)
class LaneView:
    """One lane: its switches, its plan, and how far it has seen both sides."""

    lane: str
    interval_seconds: int
    cron: str | None
    on_by_customer: bool
    on_by_support: bool
    next_run_at: datetime | None
    is_running: bool
    seen_until: datetime | None
    last_run_id: int | None

    @property
    def is_on(self) -> bool:
        """Whether both switches are on."""
        return self.on_by_customer and self.on_by_support

    def is_stale(self, now: datetime, grace: timedelta) -> bool:
        """Tell whether the lane is on but has not kept its promise, or was never seen through although it was its turn."""
        if not self.is_on:
            return False
        age = self.age(now)
        if age is not None:
            return age > self.promise(now, grace)
        is_overdue = self.next_run_at is not None and now - self.next_run_at > grace
        return is_overdue or (self.last_run_id is not None and not self.is_running)

    def age(self, now: datetime) -> timedelta | None:
        """Return how old the newest moment is up to which everything was seen, or None before the first run."""
        return None if self.seen_until is None else max(now - self.seen_until, timedelta(0))

    def promise(self, now: datetime, grace: timedelta) -> timedelta:
        """Return the age the lane may reach."""
        if self.cron is None:
            return timedelta(seconds=self.interval_seconds) + grace
        times = CronSim(self.cron, now)
        first = next(times)
        return next(times) - first + grace


@dataclass(frozen=True, slots=True)
class InstanceView:
    """One instance as the list of instances shows it."""

    id: int
    slug: str
    label: str
    state: InstanceState
    lanes: tuple[LaneView, ...] = ()
    alerts: tuple[OpenAlert, ...] = ()
    waiting: tuple[Waiting, ...] = field(default=())

    def count_waiting(self) -> int:
        """Return how many records wait for someone to act."""
        return sum(entry.count for entry in self.waiting)


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """One record that waits for someone."""

    id: int
    side: Side
    ref: Ref
    waits_for: Reaction
    attempts: int


class Overview:
    """Answers what the pages ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def instances(self, now: datetime, only: int | None = None) -> list[InstanceView]:
        """Return all instances, or the one of that number, with all that tells how they are: six queries."""
        with self._database.read() as connection:
            last_runs = _last_runs(connection, only)
            lanes = _grouped(connection.execute(_lanes(only)), lambda row: _lane(row, now, last_runs))
            open_alerts = _grouped(connection.execute(_alerts(only)), _alert)
            waiting = _grouped(connection.execute(_waiting(only)), _waits)
            return [
                InstanceView(
                    id=row.id,
                    slug=row.slug,
                    label=row.label,
                    state=InstanceState(row.state),
                    lanes=tuple(lanes.get(row.id, ())),
                    alerts=tuple(open_alerts.get(row.id, ())),
                    waiting=tuple(waiting.get(row.id, ())),
                )
                for row in connection.execute(_of(select(instances), instances.c.id, only).order_by(instances.c.slug))
            ]

    def find(self, slug: str, now: datetime) -> InstanceView | None:
        """Return one instance by its short name, or None."""
        with self._database.read() as connection:
            number = connection.scalar(select(instances.c.id).where(instances.c.slug == slug))
        return None if number is None else self.instances(now, number)[0]

    def waiting(self, instance_id: int, lane: str, reason: str, *, after: int = 0) -> list[WaitingRow]:
        """Return the records that wait for one reason, oldest first, a page of them."""
        of_reason = (outbox.c.instance_id == instance_id) & (outbox.c.lane == lane) & (outbox.c.reason == reason)
        chosen = select(outbox).where(of_reason, outbox.c.waits_for.in_(WAITING), outbox.c.id > after)
        with self._database.read() as connection:
            return [_waiting_row(row) for row in connection.execute(chosen.order_by(outbox.c.id).limit(PAGE_ROWS))]


def _of(chosen: Select[Any], column: ColumnElement[int], only: int | None) -> Select[Any]:
    return chosen if only is None else chosen.where(column == only)


def _lanes(only: int | None) -> Select[Any]:
    """Every lane with the moment up to which all its feeds were seen."""
    seen = (
        select(watermarks.c.instance_id, watermarks.c.lane, func.min(watermarks.c.watermark).label("seen_until"))
        .group_by(watermarks.c.instance_id, watermarks.c.lane)
        .subquery()
    )
    same = (seen.c.instance_id == schedules.c.instance_id) & (seen.c.lane == schedules.c.lane)
    chosen = select(schedules, seen.c.seen_until).join(seen, same, isouter=True)
    return _of(chosen, schedules.c.instance_id, only).order_by(schedules.c.lane.desc())


def _alerts(only: int | None) -> Select[Any]:
    chosen = select(alerts).where(alerts.c.is_open.is_(True)).order_by(alerts.c.first_seen_at, alerts.c.id)
    return _of(chosen, alerts.c.instance_id, only)


def _waiting(only: int | None) -> Select[Any]:
    columns = (outbox.c.instance_id, outbox.c.lane, outbox.c.reason, outbox.c.waits_for)
    chosen = select(*columns, func.count().label("count")).where(outbox.c.waits_for.in_(WAITING))
    return _of(chosen, outbox.c.instance_id, only).group_by(*columns).order_by(func.count().desc(), outbox.c.reason)


def _last_runs(connection: Connection, only: int | None) -> dict[tuple[int, str], int]:
    columns = (runs.c.instance_id, runs.c.lane)
    newest = _of(select(*columns, func.max(runs.c.id)), runs.c.instance_id, only).group_by(*columns)
    return {(row[0], row[1]): row[2] for row in connection.execute(newest)}


def _grouped(rows: Sequence[Row[Any]] | Any, build: Any) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.instance_id, []).append(build(row))
    return groups


def _lane(row: Row[Any], now: datetime, last_runs: Mapping[tuple[int, str], int]) -> LaneView:
    return LaneView(
        lane=row.lane,
        interval_seconds=row.interval_seconds,
        cron=row.cron,
        on_by_customer=row.on_by_customer,
        on_by_support=row.on_by_support,
        next_run_at=row.next_run_at,
        is_running=row.lease_until is not None and row.lease_until > now,
        seen_until=row.seen_until,
        last_run_id=last_runs.get((row.instance_id, row.lane)),
    )


def _alert(row: Row[Any]) -> OpenAlert:
    return OpenAlert(row.lane, row.code, row.message, row.fixed_by, row.first_seen_at)


def _waits(row: Row[Any]) -> Waiting:
    return Waiting(row.lane, row.reason, row.waits_for, row._mapping["count"])


def _waiting_row(row: Row[Any]) -> WaitingRow:
    return WaitingRow(row.id, Side(row.side), Ref(row.object, row.record_id), Reaction(row.waits_for), row.attempts)
