"""How far each feed of each lane has been read. Everything here runs inside the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from sidecar.records import Side
from sidecar.store.bulk import upsert
from sidecar.store.tables import instances, watermarks
from sidecar.sync.model import Cursor, Window
from sidecar.sync.window import OVERLAP, next_window


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed of one lane of one instance."""

    instance_id: int
    lane: str
    side: Side
    name: str


def open_window(
    connection: Connection,
    feed: Feed,
    source_now: datetime,
    first_start: datetime | None = None,
    lateness: timedelta = timedelta(0),
) -> Window:
    """Return the window that is open, or open the next one: `lateness` before the usual overlap, up to the source's now.

    A feed that was never read begins at `first_start`, or where its instance begins; no later window starts before that.
    """
    window, begins_at, is_open = _next(connection, feed, source_now, first_start, lateness)
    if is_open:
        return window
    values = {
        "instance_id": feed.instance_id,
        "lane": feed.lane,
        "side": feed.side,
        "feed": feed.name,
        "begins_at": begins_at,
        "window_start": window.start,
        "window_end": window.end,
    }
    keys = ("instance_id", "lane", "side", "feed")
    upsert(connection, watermarks, [values], keys, update=("window_start", "window_end"))
    return window


def peek_window(connection: Connection, feed: Feed, source_now: datetime) -> Window:
    """Return the window that is open or would be opened now, without opening it."""
    return _next(connection, feed, source_now, None, timedelta(0))[0]


def load_watermark(connection: Connection, feed: Feed) -> datetime | None:
    """Return up to when a feed was fully read, or None if it never was."""
    return connection.scalar(select(watermarks.c.watermark).where(_is(feed)))


def _next(
    connection: Connection, feed: Feed, source_now: datetime, first_start: datetime | None, lateness: timedelta
) -> tuple[Window, datetime, bool]:
    """Return the open or else the next window, where its feed begins, and whether it is open already."""
    row = connection.execute(select(watermarks).where(_is(feed))).one_or_none()
    if row is not None and row.window_end is not None:
        return Window(row.window_start, row.window_end, _cursor(row), row.begins_at), row.begins_at, True
    if row is not None:
        begins_at = row.begins_at
        window = next_window(row.watermark, source_now=source_now, overlap=OVERLAP + lateness)
    else:
        begins_at = first_start or _synced_from(connection, feed.instance_id)
        window = Window(begins_at, source_now)
    window = Window(max(window.start, begins_at), max(window.end, begins_at), begins_at=begins_at)
    return window, begins_at, False


def save_cursor(connection: Connection, feed: Feed, cursor: Cursor) -> None:
    """Remember how far the open window was read."""
    is_open = watermarks.c.window_end.is_not(None)
    reached = {"cursor_at": cursor.at, "cursor_id": cursor.id}
    connection.execute(update(watermarks).where(_is(feed), is_open).values(reached))


def advance(connection: Connection, feed: Feed) -> None:
    """Make the end of the open window the watermark, which never goes back; nothing happens if none is open."""
    row = connection.execute(select(watermarks).where(_is(feed))).one_or_none()
    if row is None or row.window_end is None:
        return
    closed = {
        "watermark": max(row.window_end, row.watermark or row.window_end),
        "window_start": None,
        "window_end": None,
        "cursor_at": None,
        "cursor_id": None,
    }
    connection.execute(update(watermarks).where(_is(feed)).values(closed))


def _is(feed: Feed) -> ColumnElement[bool]:
    return (
        (watermarks.c.instance_id == feed.instance_id)
        & (watermarks.c.lane == feed.lane)
        & (watermarks.c.side == feed.side)
        & (watermarks.c.feed == feed.name)
    )


def _cursor(row: Row[Any]) -> Cursor | None:
    return None if row.cursor_at is None else Cursor(row.cursor_at, row.cursor_id)


def _synced_from(connection: Connection, instance_id: int) -> datetime:
    moment: datetime = connection.execute(
        select(instances.c.synced_from).where(instances.c.id == instance_id)
    ).scalar_one()
    return moment
