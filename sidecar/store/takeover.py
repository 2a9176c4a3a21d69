"""What a take-over leaves in the state database: links, tombstones, and where each feed begins. Doing it twice changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from sidecar.activities.model import LogState
from sidecar.records import Ref, Side
from sidecar.store.bulk import chunks, insert_all, upsert
from sidecar.store.links import Scope, load_links, load_tombstones
from sidecar.store.tables import activity_log, activity_starts, links, tombstones, watermarks
from sidecar.store.watermarks import Feed
from sidecar.sync.model import LinkState

ORIGIN = "taken-over"
"""How a link began that the plugin had made."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Two records that belong together."""

    host: Ref
    salesforce: Ref

    def of(self, side: Side) -> Ref:
        """Return the record on that side."""
        return self.host if side is Side.HOST else self.salesforce


@dataclass(slots=True)
class Added:
    """What became of links that were handed in: new, there already, or with an end that belongs to another link.

    `lost` went to one that was taken over before, `taken` to one of our own.
    """

    new: list[Ends] = field(default_factory=list)
    known: list[Ends] = field(default_factory=list)
    lost: list[Ends] = field(default_factory=list)
    taken: list[Ends] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Buried:
    """A record that must not be made anew, and why."""

    side: Side
    ref: Ref
    reason: str


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event that the plugin has sent already."""

    event_id: str
    reference_id: str
    salesforce_id: str


def add_links(connection: Connection, scope: Scope, wanted: Sequence[Ends], now: datetime) -> Added:
    """Save links whose both ends are free, and mark their past events as dealt with. No two may share an end."""
    added = Added()
    there = {side: load_links(connection, scope.instance_id, side, [each.of(side) for each in wanted]) for side in Side}
    for ends in wanted:
        held = [link for side in Side if (link := there[side].get(ends.of(side)))]
        if not held:
            added.new.append(ends)
        elif all((link.host, link.salesforce) == (ends.host, ends.salesforce) for link in held):
            added.known.append(ends)
        else:
            (added.lost if all(link.origin == ORIGIN for link in held) else added.taken).append(ends)
    insert_all(connection, links, [_link_row(ends, scope, now) for ends in added.new])
    starts = [
        {"instance_id": scope.instance_id, "host_object": ends.host.object, "host_id": ends.host.id, "at": now}
        for ends in added.new
    ]
    upsert(connection, activity_starts, starts, ("instance_id", "host_object", "host_id"))
    return added


def bury(connection: Connection, instance_id: int, wanted: Iterable[Buried], now: datetime) -> int:
    """Give each record a tombstone, unless it has one; return how many are new."""
    by_ref = {(each.side, each.ref): each for each in wanted}
    there = {
        (side, ref)
        for side in Side
        for ref in load_tombstones(connection, instance_id, side, [ref for of, ref in by_ref if of is side])
    }
    rows = [
        {
            "instance_id": instance_id,
            "side": each.side,
            "object": each.ref.object,
            "record_id": each.ref.id,
            "reason": each.reason,
            "at": now,
        }
        for key, each in by_ref.items()
        if key not in there
    ]
    insert_all(connection, tombstones, rows)
    return len(rows)


def begin_feeds(
    connection: Connection, feeds: Sequence[Feed], *, begins_at: datetime, seen_until: datetime
) -> list[Feed]:
    """Let feeds that were never read count as read up to a moment; no window starts before `begins_at`. Return these."""
    fresh = [feed for feed in feeds if not _is_known(connection, feed)]
    for feed in fresh:
        row = {
            "instance_id": feed.instance_id,
            "lane": feed.lane,
            "side": feed.side,
            "feed": feed.name,
            "begins_at": begins_at,
            "watermark": seen_until,
        }
        connection.execute(insert(watermarks), row)
    return fresh


def log_sent(connection: Connection, instance_id: int, events: Sequence[SentEvent], now: datetime) -> int:
    """Remember events as sent; what is logged already stays as it is. Return how many are new."""
    wanted = {each.event_id: each for each in events}
    known: set[str] = set()
    for some in chunks(sorted(wanted)):
        mine = (activity_log.c.instance_id == instance_id) & activity_log.c.event_id.in_(some)
        known.update(connection.scalars(select(activity_log.c.event_id).where(mine)))
    rows = [_log_row(instance_id, each, now) for event_id, each in wanted.items() if event_id not in known]
    insert_all(connection, activity_log, rows)
    return len(rows)


def _is_known(connection: Connection, feed: Feed) -> bool:
    mine = (
        (watermarks.c.instance_id == feed.instance_id)
        & (watermarks.c.lane == feed.lane)
        & (watermarks.c.side == feed.side)
        & (watermarks.c.feed == feed.name)
    )
    return connection.execute(select(watermarks.c.id).where(mine)).first() is not None


def _link_row(ends: Ends, scope: Scope, now: datetime) -> dict[str, Any]:
    """Return a link on which nothing is agreed yet: the first look adopts what is equal and lets arrows decide the rest."""
    return {
        "instance_id": scope.instance_id,
        "lane": scope.lane,
        "host_object": ends.host.object,
        "host_id": ends.host.id,
        "salesforce_object": ends.salesforce.object,
        "salesforce_id": ends.salesforce.id,
        "state": LinkState.ACTIVE,
        "origin": ORIGIN,
        "opted_out": None,
        "fingerprints": {},
        "created_at": now,
        "updated_at": now,
    }


def _log_row(instance_id: int, event: SentEvent, now: datetime) -> dict[str, Any]:
    return {
        "instance_id": instance_id,
        "event_id": event.event_id,
        "reference_id": event.reference_id,
        "event_type": "",
        "salesforce_id": event.salesforce_id,
        "state": LogState.WRITTEN,
        "reason": "timeline-there-already",
        "since": now,
        "at": now,
    }
