"""The state of one instance's activities lane while its lease is held: which events were sent, and whose past was."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from sidecar.activities.model import LogRow, LogState, WaitingEvent
from sidecar.activities.ports import NOT_LATE
from sidecar.records import Ref, Side
from sidecar.store import watermarks
from sidecar.store.bulk import chunks, upsert
from sidecar.store.lane import LeasedLane
from sidecar.store.links import load_links
from sidecar.store.tables import activity_log, activity_starts, links
from sidecar.sync.model import Cursor, LinkState, Window

HOST_OBJECT = "contact"


class SqlActivityStore:
    """The ActivityStore of `sidecar/activities/ports.py` on our database."""

    def __init__(self, lane: LeasedLane) -> None:
        self._lane = lane
        self._instance_id = lane.scope.instance_id

    def open_window(
        self, feed: str, source_now: datetime, first_start: datetime, lateness: timedelta = NOT_LATE
    ) -> Window:
        """See ActivityStore."""
        with self._lane.write() as connection:
            return watermarks.open_window(connection, self._feed(feed), source_now, first_start, lateness)

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
        refs = [Ref(HOST_OBJECT, contact_id) for contact_id in contact_ids]
        with self._lane.database.read() as connection:
            found = load_links(connection, self._instance_id, Side.HOST, refs)
        return {ref.id: link.salesforce for ref, link in found.items() if link.state is LinkState.ACTIVE}

    def new_links(self, limit: int) -> list[tuple[str, Ref]]:
        """See ActivityStore."""
        is_started = (
            (activity_starts.c.instance_id == links.c.instance_id)
            & (activity_starts.c.host_object == links.c.host_object)
            & (activity_starts.c.host_id == links.c.host_id)
        )
        chosen = (
            select(links.c.host_id, links.c.salesforce_object, links.c.salesforce_id)
            .outerjoin(activity_starts, is_started)
            .where(
                links.c.instance_id == self._instance_id,
                links.c.host_object == HOST_OBJECT,
                links.c.state == LinkState.ACTIVE,
                activity_starts.c.id.is_(None),
            )
            .order_by(links.c.id)
            .limit(limit)
        )
        with self._lane.database.read() as connection:
            return [(row.host_id, Ref(row.salesforce_object, row.salesforce_id)) for row in connection.execute(chosen)]

    def mark_started(self, contact_ids: Sequence[str]) -> None:
        """See ActivityStore."""
        now = self._lane.now()
        rows = [
            {"instance_id": self._instance_id, "host_object": HOST_OBJECT, "host_id": contact_id, "at": now}
            for contact_id in dict.fromkeys(contact_ids)
        ]
        with self._lane.write() as connection:
            upsert(connection, activity_starts, rows, ("instance_id", "host_object", "host_id"))

    def known(self, event_ids: Sequence[str]) -> set[str]:
        """See ActivityStore."""
        found: set[str] = set()
        with self._lane.database.read() as connection:
            for some in chunks(sorted(set(event_ids))):
                chosen = select(activity_log.c.event_id).where(
                    activity_log.c.instance_id == self._instance_id,
                    activity_log.c.event_id.in_(some),
                    activity_log.c.state != LogState.WAITING,
                )
                found.update(connection.scalars(chosen))
        return found

    def add(self, rows: Sequence[LogRow]) -> None:
        """See ActivityStore. `since` is set when an event is first seen, and stays."""
        saved = {row.event_id: self._row(row) for row in rows}
        with self._lane.write() as connection:
            upsert(
                connection,
                activity_log,
                list(saved.values()),
                ("instance_id", "event_id"),
                update=("reference_id", "event_type", "salesforce_id", "state", "reason", "at"),
            )

    def retries(self, event_types: Sequence[str], limit: int) -> list[WaitingEvent]:
        """See ActivityStore."""
        chosen = (
            select(activity_log)
            .where(
                activity_log.c.instance_id == self._instance_id,
                activity_log.c.state == LogState.WAITING,
                activity_log.c.event_type.in_(sorted(event_types)),
            )
            .order_by(activity_log.c.at, activity_log.c.id)
            .limit(limit)
        )
        with self._lane.database.read() as connection:
            return [WaitingEvent(_log_row(row), row.since) for row in connection.execute(chosen)]

    def _feed(self, name: str) -> watermarks.Feed:
        return self._lane.feed(Side.HOST, name)

    def _row(self, row: LogRow) -> dict[str, object]:
        return {
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


def _log_row(row: Row[Any]) -> LogRow:
    state = LogState(row.state)
    return LogRow(row.event_id, row.reference_id, row.event_type, row.salesforce_id, state, row.at, row.reason)


def _waiting(row: Row[Any]) -> WaitingEvent:
    log = LogRow(
        event_id=row.event_id,
        reference_id=row.reference_id,
        event_type=row.event_type,
        salesforce_id=row.salesforce_id,
        state=LogState(row.state),
        at=row.at,
        reason=row.reason,
    )
    return WaitingEvent(log, row.since)
