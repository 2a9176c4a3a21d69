"""How many metered calls each instance made, per side and hour, and what the side said about its limit."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from sidecar.records import Side
from sidecar.store.bulk import upsert
from sidecar.store.session import Database
from sidecar.store.tables import api_usage

_KEYS = ("instance_id", "side", "hour")


@dataclass(frozen=True, slots=True)
class HourOfUsage:
    """Our calls in one hour; `used` and `allowed` are what the side last said of everybody's calls, if it did."""

    hour: datetime
    calls: int
    used: int | None
    allowed: int | None
    seen_at: datetime


class Usage:
    """Counts calls; safe for any number of workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, instance_id: int, side: Side, now: datetime, calls: int, *, used: int | None, allowed: int | None
    ) -> None:
        """Add calls to the present hour, and remember the limit if the side told it."""
        row = {
            "instance_id": instance_id,
            "side": side,
            "hour": now.replace(minute=0, second=0, microsecond=0),
            "calls": calls,
            "used": used,
            "allowed": allowed,
            "seen_at": now,
        }
        seen = ("seen_at",) if used is None else ("seen_at", "used", "allowed")
        with self._database.write() as connection:
            upsert(connection, api_usage, [row], _KEYS, update=seen, add=("calls",))

    def calls_in_last_day(self, instance_id: int, side: Side, now: datetime) -> int:
        """Return our calls of the last 24 hours, to the hour."""
        recent = select(func.coalesce(func.sum(api_usage.c.calls), 0)).where(
            api_usage.c.instance_id == instance_id,
            api_usage.c.side == side,
            api_usage.c.hour > now - timedelta(hours=24),
        )
        with self._database.read() as connection:
            return int(connection.execute(recent).scalar_one())

    def hours(self, instance_id: int, side: Side, since: datetime) -> list[HourOfUsage]:
        """Return the hours since then in which there were calls, oldest first."""
        chosen = (
            select(api_usage)
            .where(api_usage.c.instance_id == instance_id, api_usage.c.side == side, api_usage.c.hour >= since)
            .order_by(api_usage.c.hour)
        )
        with self._database.read() as connection:
            return [
                HourOfUsage(row.hour, row.calls, row.used, row.allowed, row.seen_at)
                for row in connection.execute(chosen)
            ]

    def limit(self, instance_id: int, side: Side) -> HourOfUsage | None:
        """Return the newest hour in which the side told its limit."""
        chosen = (
            select(api_usage)
            .where(api_usage.c.instance_id == instance_id, api_usage.c.side == side, api_usage.c.used.is_not(None))
            .order_by(api_usage.c.hour.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(chosen).one_or_none()
        return None if row is None else HourOfUsage(row.hour, row.calls, row.used, row.allowed, row.seen_at)
