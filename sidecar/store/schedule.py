"""When each lane of each instance runs next, and who may run it: slots and leases.

Any number of tickers and workers may ask at once: every claim is one conditional UPDATE that only one of them wins.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from cronsim import CronSim, CronSimError
from sqlalchemy import ColumnElement, Connection, Row, Update, select, update

from sidecar.errors import LeaseLostError, UsageError
from sidecar.store.bulk import upsert
from sidecar.store.instances import RUNNING_STATES
from sidecar.store.session import Database
from sidecar.store.tables import instances, schedules

_MINUTE, _HOUR = 60, 3600
INTERVALS_SECONDS = (
    *(minutes * _MINUTE for minutes in (10, 15, 20, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 24)),
)
DEFAULT_INTERVAL_SECONDS = _HOUR
INTERVAL_BY_LANE = {"reconcile": 24 * _HOUR}
"""Lanes that begin with another interval than the usual one, and not at once: before others ran there is nothing to compare."""
_MAX_JITTER_SECONDS = 300
_MAX_CRON_LENGTH = 100
HASTE = timedelta(seconds=10)
"""How long an early run waits for more to do, and the least time between two early runs of a lane."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DueSlot:
    """One run that is due. `slot_text` names the moment it was planned for, in characters a job id may have."""

    instance_id: int
    lane: str
    slot_text: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a lane runs. It does so only while both switches are on. `next_run_at` is None until it was planned once."""

    instance_id: int
    lane: str
    interval_seconds: int
    cron: str | None
    on_by_customer: bool
    on_by_support: bool
    next_run_at: datetime | None
    jitter_seconds: int
    lease_owner: str | None
    lease_until: datetime | None
    fence: int


class Schedules:
    """Plans and switches lanes, hands out due slots and leases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, instance_id: int) -> list[Schedule]:
        """Return the schedules of an instance, by lane."""
        chosen = select(schedules).where(schedules.c.instance_id == instance_id).order_by(schedules.c.lane)
        with self._database.read() as connection:
            return [_schedule(row) for row in connection.execute(chosen)]

    def get(self, instance_id: int, lane: str) -> Schedule:
        """Return a lane's schedule: hourly (the nightly comparison: daily) and switched off if nobody touched it yet."""
        with self._database.write() as connection:
            _ensure(connection, instance_id, lane)
            return _schedule(connection.execute(select(schedules).where(_is(instance_id, lane))).one())

    def switch(
        self, instance_id: int, lane: str, *, by_customer: bool | None = None, by_support: bool | None = None
    ) -> None:
        """Turn the customer's or the support's switch; None leaves a switch as it is."""
        wanted = {"on_by_customer": by_customer, "on_by_support": by_support}
        self._change(instance_id, lane, {name: is_on for name, is_on in wanted.items() if is_on is not None})

    def set_interval(self, instance_id: int, lane: str, seconds: int) -> None:
        """Run every so many seconds; UsageError unless it is one of INTERVALS_SECONDS."""
        if seconds not in INTERVALS_SECONDS:
            raise UsageError("This interval is not on offer", code="interval-not-offered")
        jitter = _jitter_seconds(instance_id, lane, seconds)
        planned = {"interval_seconds": seconds, "cron": None, "jitter_seconds": jitter, "next_run_at": None}
        self._change(instance_id, lane, planned)

    def set_cron(self, instance_id: int, lane: str, cron: str) -> None:
        """Run by a cron expression, in UTC; UsageError if it cannot be read or never comes."""
        text = " ".join(cron.split())
        try:
            next(CronSim(text, _EPOCH))
        except (CronSimError, StopIteration) as error:
            raise UsageError("This cron expression cannot be read", code="cron-unreadable") from error
        if len(text) > _MAX_CRON_LENGTH:
            raise UsageError("This cron expression is too long", code="cron-unreadable")
        self._change(instance_id, lane, {"cron": text, "next_run_at": None})

    def postpone(self, instance_id: int, lane: str, until: datetime) -> None:
        """Let the next run come at that moment; those after it keep to the schedule."""
        self._change(instance_id, lane, {"next_run_at": until})

    def resume(self, instance_id: int, lane: str, now: datetime) -> None:
        """Let the next run come at the moment it was planned for, whatever it was put off to."""
        with self._database.write() as connection:
            _ensure(connection, instance_id, lane)
            row = connection.execute(select(schedules).where(_is(instance_id, lane))).one()
            connection.execute(_unless_moved(row).values(next_run_at=next_run(row, now)))

    def hasten(self, instance_id: int, lane: str, at: datetime, now: datetime) -> datetime | None:
        """Let the next planned run come at that moment already; return when it comes, or None if none is planned.

        Afterwards the schedule goes on as before. A run that is due or comes earlier anyway stays, and so does one that was
        postponed: somebody had a reason. Between two early runs there are ten seconds, whoever asks for them.
        """
        with self._database.write() as connection:
            row = connection.execute(select(schedules).where(_is(instance_id, lane))).one_or_none()
            if row is None or row.next_run_at is None:
                return None
            soonest = at if row.early_at is None else max(at, row.early_at + HASTE)
            if row.next_run_at <= soonest or not (_is_planned(row, now) or row.next_run_at <= now + HASTE):
                return cast(datetime, row.next_run_at)
            connection.execute(_unless_moved(row).values(next_run_at=soonest))
            return soonest

    def claim_due(self, now: datetime, *, only: tuple[int, str] | None = None) -> Sequence[DueSlot]:
        """Return the slots that are due and ours; nobody else gets them. Slots missed meanwhile count as one.

        A lane that is running keeps its slot until it is done: what was noted since the run began must be looked at as well.
        `only` names one lane of one instance.
        """
        due = (
            select(schedules)
            .join(instances, instances.c.id == schedules.c.instance_id)
            .where(schedules.c.on_by_customer, schedules.c.on_by_support, instances.c.state.in_(RUNNING_STATES))
            .where((schedules.c.next_run_at <= now) | schedules.c.next_run_at.is_(None), _is_free(now))
            .order_by(schedules.c.id)
        )
        if only is not None:
            due = due.where(_is(*only))
        with self._database.read() as connection:
            rows = connection.execute(due).all()
        if not rows:
            return []
        with self._database.write() as connection:
            ours = [row for row in rows if connection.execute(_claim(row, now)).rowcount == 1]
        return [_slot(row, now) for row in ours if row.next_run_at is not None or row.lane not in INTERVAL_BY_LANE]

    def is_running(self, instance_id: int, lane: str, now: datetime) -> bool:
        """Tell whether somebody holds the lane's lease."""
        held = select(schedules.c.id).where(_is(instance_id, lane), ~_is_free(now))
        with self._database.read() as connection:
            return connection.scalar(held) is not None

    def claim_lease(self, instance_id: int, lane: str, owner: str, now: datetime, seconds: int) -> int | None:
        """Return the fence of a new lease, or None while someone else holds one. Each lease has a greater fence."""
        taken = {
            "lease_owner": owner,
            "lease_until": now + timedelta(seconds=seconds),
            "lease_seconds": seconds,
            "fence": schedules.c.fence + 1,
        }
        with self._database.write() as connection:
            _ensure(connection, instance_id, lane)
            claimed = connection.execute(update(schedules).where(_is(instance_id, lane), _is_free(now)).values(taken))
            if claimed.rowcount == 0:
                return None
            return connection.scalar(select(schedules.c.fence).where(_is(instance_id, lane)))

    def renew_lease(self, instance_id: int, lane: str, fence: int, now: datetime, seconds: int) -> None:
        """Hold a lease for so many seconds from now; LeaseLostError if someone else took it."""
        held = _is(instance_id, lane) & (schedules.c.fence == fence) & schedules.c.lease_owner.is_not(None)
        renewed = {"lease_until": now + timedelta(seconds=seconds), "lease_seconds": seconds}
        with self._database.write() as connection:
            if connection.execute(update(schedules).where(held).values(renewed)).rowcount == 0:
                raise lease_lost(lane)

    def release_lease(self, instance_id: int, lane: str, fence: int) -> None:
        """Give a lease back; nothing happens if it is not ours any more."""
        held = _is(instance_id, lane) & (schedules.c.fence == fence)
        with self._database.write() as connection:
            connection.execute(update(schedules).where(held).values(lease_owner=None, lease_until=None))

    def _change(self, instance_id: int, lane: str, values: dict[str, Any]) -> None:
        with self._database.write() as connection:
            _ensure(connection, instance_id, lane)
            if values:
                connection.execute(update(schedules).where(_is(instance_id, lane)).values(values))


def require_lease(connection: Connection, lease: tuple[int, str, str, int], now: datetime) -> None:
    """Make sure, inside the caller's transaction, that the lease (instance, lane, owner, fence) still holds, and keep it alive.

    The row stays locked until the transaction ends: nobody takes the lease over between this check and the commit.
    """
    instance_id, lane, owner, fence = lease
    found = select(schedules.c.lease_until, schedules.c.lease_seconds).where(
        _is(instance_id, lane), schedules.c.fence == fence, schedules.c.lease_owner == owner
    )
    row = connection.execute(found.with_for_update()).one_or_none()
    if row is None:
        raise lease_lost(lane)
    full = timedelta(seconds=row.lease_seconds)
    if row.lease_until - now < full / 2:
        connection.execute(update(schedules).where(_is(instance_id, lane)).values(lease_until=now + full))


def lease_lost(lane: str) -> LeaseLostError:
    """Return the error for a lease that someone else took."""
    return LeaseLostError(f"Another worker took over the {lane} lane", code="lease-lost")


def next_run(schedule: Row[Any], now: datetime) -> datetime:
    """Return the first planned moment after now.

    Intervals are counted from midnight UTC, each lane shifted by its own jitter, so that a fleet does not start as one.
    """
    jitter = timedelta(seconds=schedule.jitter_seconds)
    if schedule.cron is not None:
        return next(CronSim(schedule.cron, now - jitter)) + jitter
    interval = timedelta(seconds=schedule.interval_seconds)
    return _EPOCH + jitter + ((now - _EPOCH - jitter) // interval + 1) * interval


def _jitter_seconds(instance_id: int, lane: str, interval_seconds: int) -> int:
    number = int.from_bytes(hashlib.sha256(f"{instance_id}:{lane}".encode()).digest()[:4], "big")
    return number % (min(_MAX_JITTER_SECONDS, interval_seconds // 4) + 1)


def _is(instance_id: int, lane: str) -> ColumnElement[bool]:
    return (schedules.c.instance_id == instance_id) & (schedules.c.lane == lane)


def _is_free(now: datetime) -> ColumnElement[bool]:
    return schedules.c.lease_until.is_(None) | (schedules.c.lease_until <= now)


def _ensure(connection: Connection, instance_id: int, lane: str) -> None:
    """Make the row of a lane nobody touched yet."""
    if connection.scalar(select(schedules.c.id).where(_is(instance_id, lane))) is not None:
        return
    interval = INTERVAL_BY_LANE.get(lane, DEFAULT_INTERVAL_SECONDS)
    row = {
        "instance_id": instance_id,
        "lane": lane,
        "interval_seconds": interval,
        "on_by_customer": False,
        "on_by_support": False,
        "jitter_seconds": _jitter_seconds(instance_id, lane, interval),
        "lease_seconds": 0,
        "fence": 0,
    }
    upsert(connection, schedules, [row], ("instance_id", "lane"))


def _claim(row: Row[Any], now: datetime) -> Update:
    """Move the slot on, if nobody did since we looked."""
    is_early = row.next_run_at is not None and not _is_planned(row, row.next_run_at - timedelta(seconds=1))
    return _unless_moved(row).values(next_run_at=next_run(row, now), early_at=now if is_early else row.early_at)


def _is_planned(row: Row[Any], before: datetime) -> bool:
    """Tell whether the next run comes when the schedule says, seen from some moment before it."""
    return bool(row.next_run_at == next_run(row, before))


def _unless_moved(row: Row[Any]) -> Update:
    seen = schedules.c.next_run_at.is_(None) if row.next_run_at is None else schedules.c.next_run_at == row.next_run_at
    return update(schedules).where(schedules.c.id == row.id, seen)


def _slot(row: Row[Any], now: datetime) -> DueSlot:
    planned = (row.next_run_at or now).astimezone(UTC)
    return DueSlot(row.instance_id, row.lane, f"{planned:%Y%m%dT%H%M%SZ}")


def _schedule(row: Row[Any]) -> Schedule:
    left_out = ("id", "lease_seconds", "early_at")
    return Schedule(**{name: value for name, value in row._asdict().items() if name not in left_out})
