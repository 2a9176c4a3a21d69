"""What the host told us already: fingerprints of deliveries, so that a replay is accepted once, and when we wrote ourselves."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from sidecar.store.bulk import chunks, upsert
from sidecar.store.session import Database
from sidecar.store.tables import host_events, runs

WAKE_UP = "wake-up-"
"""What the fingerprint of a wake-up begins with: it is no delivery of the webhook."""
LENGTH = 64


def fingerprint(body: bytes, *, is_wake_up: bool) -> str:
    """Return what a delivery, or a wake-up, is known by."""
    digest = hashlib.sha256(body).hexdigest()
    return f"{WAKE_UP}{digest}"[:LENGTH] if is_wake_up else digest


class HostEvents:
    """Remembers deliveries by the hash of their body."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, instance_id: int, hashes: Iterable[str]) -> set[str]:
        """Return which of the deliveries were handled already."""
        found: set[str] = set()
        with self._database.read() as connection:
            for some in chunks(sorted(set(hashes))):
                chosen = select(host_events.c.delivery_hash).where(
                    host_events.c.instance_id == instance_id, host_events.c.delivery_hash.in_(some)
                )
                found.update(connection.execute(chosen).scalars())
        return found

    def remember(self, instance_id: int, hashes: Collection[str], now: datetime) -> None:
        """Note that deliveries were handled. Can be repeated."""
        rows = [{"instance_id": instance_id, "delivery_hash": each, "received_at": now} for each in sorted(set(hashes))]
        if rows:
            with self._database.write() as connection:
                upsert(connection, host_events, rows, ("instance_id", "delivery_hash"))

    def last_heard_at(self, instance_id: int) -> datetime | None:
        """Return when our webhook last delivered something, or None."""
        mine = (host_events.c.instance_id == instance_id) & ~host_events.c.delivery_hash.startswith(WAKE_UP)
        with self._database.read() as connection:
            return connection.execute(select(func.max(host_events.c.received_at)).where(mine)).scalar()

    def prune(self, before: datetime) -> int:
        """Forget deliveries that came earlier; return how many."""
        with self._database.write() as connection:
            return connection.execute(delete(host_events).where(host_events.c.received_at < before)).rowcount


def load_run_times(
    database: Database, instance_id: int, lane: str, since: datetime
) -> Sequence[tuple[datetime, datetime | None]]:
    """Return when runs of a lane began and ended that went on at that moment or later; None for one that goes on."""
    chosen = (
        select(runs.c.started_at, runs.c.finished_at)
        .where(runs.c.instance_id == instance_id, runs.c.lane == lane)
        .where(runs.c.finished_at.is_(None) | (runs.c.finished_at >= since))
        .order_by(runs.c.id.desc())
        .limit(100)
    )
    with database.read() as connection:
        return [(row.started_at, row.finished_at) for row in connection.execute(chosen)]
