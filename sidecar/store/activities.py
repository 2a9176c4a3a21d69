"""The state of the activities lane while its lease is held: what was sent, whom we looked back at, how far feeds were read."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from sidecar.activities.model import LogRow, LogState, WaitingEvent
from sidecar.activities.ports import NOT_LATE
from sidecar.records import Ref, Side
from sidecar.store import watermarks
from sidecar.store.bulk import chunks, upsert
from sidecar.store.lane import LeasedLane
from sidecar.store.ledger import Now
from sidecar.store.links import Scope
from sidecar.store.session import Database
from sidecar.store.tables import activity_log, activity_starts, links
from sidecar.sync.model import Cursor, LinkState, Window

HOST_OBJECT = "contact"
PEOPLE = ("Lead", "Contact")
_FEED = "feed"
"""Stands for the object's name in `activity_starts` where a feed began, not a person."""


class SqlActivityStore:
    """The ActivityStore of `sidecar/activities/ports.py` on our database."""

    def __init__(
        self, database: Database, instance_id: int, lane: str, fence: int, owner: str, now: Now
    ) -> None:
        self._database = database
        self._lane = LeasedLane(database, Scope(instance_id, lane), owner, fence, now)
        self._instance_id = instance_id

    def open_window(
        self, feed: str, source_now: datetime, first_start: datetime, lateness: timedelta = NOT_LATE
    ) -> Window:
        """See ActivityStore."""
        with self._lane.write() as connection:
            window = watermarks.open_window(connection, self._feed(feed), source_now, first_start)
            if not lateness:
                return window
            # Only what the feed adds to its overlap is kept: where it began.
            self._start(connection, _FEED, [feed], window.start)
            beginning = connection.scalar(select(activity_starts.c.at).where(self._is_start(_FEED, feed)))
        start = min(window.start, max(window.start - lateness, beginning or window.start))
        return Window(start, window.end, window.after)

    def save_cursor(self, feed: str, cursor: Cursor) -> None:
        """See ActivityStore."""
        with self._lane.write() as connection:
            watermarks.save_cursor(connection, self._feed(feed), cursor)

    def advance(self, feed: str) -> None:
        """See ActivityStore."""
        with self._lane.write() as connection:
            watermarks.advance(connection, self._feed(feed))

    def linked(self, contact_ids: Sequence[str]) -> dict[str, Ref]:
        """See ActivityStore."""
        found: dict[str, Ref] = {}
        with self._database.read() as connection:
            for some in chunks(contact_ids):
                chosen = self._living_links().where(links.c.host_id.in_(some))
                found.update(_person(row) for row in connection.execute(chosen))
        return found

    def new_links(self, limit: int) -> list[tuple[str, Ref]]:
        """See ActivityStore."""
        is_theirs = and_(
            activity_starts.c.instance_id == links.c.instance_id,
            activity_starts.c.host_object == links.c.host_object,
            activity_starts.c.host_id == links.c.host_id,
        )
        chosen = (
            self._living_links()
            .outerjoin(activity_starts, is_theirs)
            .where(activity_starts.c.id.is_(None))
            .order_by(links.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_person(row) for row in connection.execute(chosen)]

    def mark_started(self, contact_ids: Sequence[str]) -> None:
        """See ActivityStore."""
        with self._lane.write() as connection:
            self._start(connection, HOST_OBJECT, contact_ids, self._lane.now())

    def known(self, event_ids: Sequence[str]) -> set[str]:
        """See ActivityStore."""
        found: set[str] = set()
        with self._database.read() as connection:
            for some in chunks(event_ids):
                chosen = select(activity_log.c.event_id).where(
                    activity_log.c.instance_id == self._instance_id,
                    activity_log.c.event_id.in_(some),
                    activity_log.c.state != LogState.WAITING,
                )
                found.update(connection.scalars(chosen))
        return found

    def add(self, rows: Sequence[LogRow]) -> None:
        """See ActivityStore."""
        kept = [
            {
                "instance_id": self._instance_id,
                "event_id": row.event_id,
                "reference_id": row.reference_id,
                "event_type": row.event_type,
                "salesforce_id": row.salesforce_id,
                "state": row.state,
                "reason": row.reason,
                "since": row.at,
                "at": row.at,
            }
            for row in rows
        ]
        changing = ("reference_id", "salesforce_id", "state", "reason", "at")
        with self._lane.write() as connection:
            upsert(connection, activity_log, kept, ("instance_id", "event_id"), update=changing)

    def retries(self, event_types: Sequence[str], limit: int) -> list[WaitingEvent]:
        """See ActivityStore."""
        chosen = (
            select(activity_log)
            .where(
                activity_log.c.instance_id == self._instance_id,
                activity_log.c.state == LogState.WAITING,
                activity_log.c.event_type.in_(event_types),
            )
            .order_by(activity_log.c.at, activity_log.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_waiting(row) for row in connection.execute(chosen)]

    def _feed(self, name: str) -> watermarks.Feed:
        return self._lane.feed(Side.HOST, name)

    def _living_links(self) -> Any:
        return select(links.c.host_id, links.c.salesforce_object, links.c.salesforce_id).where(
            links.c.instance_id == self._instance_id,
            links.c.host_object == HOST_OBJECT,
            links.c.salesforce_object.in_(PEOPLE),
            links.c.state == LinkState.ACTIVE,
        )

    def _is_start(self, host_object: str, host_id: str) -> Any:
        return and_(
            activity_starts.c.instance_id == self._instance_id,
            activity_starts.c.host_object == host_object,
            activity_starts.c.host_id == host_id,
        )

    def _start(self, connection: Connection, host_object: str, host_ids: Sequence[str], at: datetime) -> None:
        """Remember beginnings; one that is known already stays as it is."""
        rows = [
            {"instance_id": self._instance_id, "host_object": host_object, "host_id": host_id, "at": at}
            for host_id in host_ids
        ]
        upsert(connection, activity_starts, rows, ("instance_id", "host_object", "host_id"))


def _person(row: Row[Any]) -> tuple[str, Ref]:
    return row.host_id, Ref(row.salesforce_object, row.salesforce_id)


def _waiting(row: Row[Any]) -> WaitingEvent:
    log = LogRow(
        row.event_id, row.reference_id, row.event_type, row.salesforce_id, LogState(row.state), row.at, row.reason
    )
    return WaitingEvent(log, row.since)
