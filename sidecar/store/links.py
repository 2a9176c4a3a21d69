"""Who is linked to whom. Everything here runs inside the caller's transaction, in a constant number of statements.

A link is saved by taking its old row away and inserting it anew under the same id: so links of one batch can swap ends
without the database's uniqueness being hurt in between.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from sidecar.records import Ref, Side
from sidecar.store.bulk import chunks, insert_all
from sidecar.store.session import Database
from sidecar.store.tables import links, tombstones
from sidecar.sync.model import Link, LinkState, Outcome, Reaction, Status

_WALK = 2000
_END = {
    Side.HOST: (links.c.host_object, links.c.host_id),
    Side.SALESFORCE: (links.c.salesforce_object, links.c.salesforce_id),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The lane of an instance that links and outbox entries belong to."""

    instance_id: int
    lane: str


def load_links(connection: Connection, instance_id: int, side: Side, refs: Iterable[Ref]) -> dict[Ref, Link]:
    """Return the links of those records of one side."""
    object_column, id_column = _END[side]
    found: dict[Ref, Link] = {}
    for object_name, ids in by_object(refs).items():
        for some in chunks(ids):
            chosen = select(links).where(
                links.c.instance_id == instance_id, object_column == object_name, id_column.in_(some)
            )
            for row in connection.execute(chosen):
                link = link_of(row)
                found[link.end(side)] = link
    return found


def walk_links(database: Database, scope: Scope, side: Side, object_name: str) -> Iterator[Ref]:
    """Yield one side's ends of all living links of a lane, page by page, each in a transaction of its own."""
    object_column, id_column = _END[side]
    last = 0
    while True:
        chosen = (
            select(links.c.id, id_column.label("record_id"))
            .where(links.c.instance_id == scope.instance_id, links.c.lane == scope.lane)
            .where(links.c.state == LinkState.ACTIVE, object_column == object_name, links.c.id > last)
            .order_by(links.c.id)
            .limit(_WALK)
        )
        with database.read() as connection:
            rows = connection.execute(chosen).all()
        yield from (Ref(object_name, row.record_id) for row in rows)
        if len(rows) < _WALK:
            return
        last = rows[-1].id


def load_tombstones(connection: Connection, instance_id: int, side: Side, refs: Iterable[Ref]) -> set[Ref]:
    """Return which of those records have a tombstone."""
    found: set[Ref] = set()
    for object_name, ids in by_object(refs).items():
        for some in chunks(ids):
            chosen = select(tombstones.c.record_id).where(
                tombstones.c.instance_id == instance_id,
                tombstones.c.side == side,
                tombstones.c.object == object_name,
                tombstones.c.record_id.in_(some),
            )
            found |= {Ref(object_name, record_id) for record_id in connection.scalars(chosen)}
    return found


def count_links(connection: Connection, scope: Scope) -> int:
    """Return how many living links a lane has."""
    living = select(func.count()).where(
        links.c.instance_id == scope.instance_id, links.c.lane == scope.lane, links.c.state == LinkState.ACTIVE
    )
    return connection.scalar(living) or 0


def settle_links(connection: Connection, scope: Scope, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Save new and changed links, end retired ones with a tombstone for each end; return the outcomes.

    An end that belongs to another link stays there: that outcome comes back as failed, its link as it was before.
    """
    _retire(connection, scope, outcomes, now)
    wanted = [outcome for outcome in outcomes if outcome.link is not None]
    if not wanted:
        return list(outcomes)
    born = _take_away(connection, [outcome.link.id for outcome in wanted if outcome.link and outcome.link.id])
    desk = _Desk(_occupants(connection, scope, wanted))
    settled = [desk.settle(outcome) if outcome.link is not None else outcome for outcome in outcomes]
    desk.restore([outcome.decision.pair.link for outcome in settled if outcome.reason == LINK_TAKEN], born)
    born |= _take_away(connection, desk.reused)
    rows = [_row(link, scope, born.get(link.id or 0, now), now) for link in desk.saved]
    insert_all(connection, links, [row for row in rows if row["id"] is not None])
    insert_all(connection, links, [_without_id(row) for row in rows if row["id"] is None])
    return settled


LINK_TAKEN = "link-taken"
"""Reason of an outcome whose record turned out to be linked to something else."""


class _Desk:
    """Gives out ends of links, each to one link only."""

    def __init__(self, occupants: Mapping[tuple[Side, Ref], tuple[int, Ref]]) -> None:
        self._occupants = occupants
        self._given: dict[tuple[Side, Ref], Ref] = {}
        self.saved: list[Link] = []
        self.reused: list[int] = []

    def settle(self, outcome: Outcome) -> Outcome:
        """Give a link its ends, or return the outcome as failed."""
        assert outcome.link is not None
        if self._given.get((Side.HOST, outcome.link.host)) == outcome.link.salesforce:
            return outcome  # the same two records, twice in one batch
        link = self._same_link(outcome.link)
        if not self._is_free(link):
            return replace(outcome, status=Status.FAILED, reason=LINK_TAKEN, link=None, waits_for=Reaction.PERSON)
        self._give(link)
        return replace(outcome, link=link)

    def restore(self, old_links: Iterable[Link | None], taken_away: Mapping[int, datetime]) -> None:
        """Put back links that were taken away and could not be saved in their new form."""
        for link in old_links:
            if link is not None and link.id in taken_away and self._is_free(link):
                self._give(link)

    def _same_link(self, link: Link) -> Link:
        """Take over the row that links the same two records already, if there is one."""
        there = self._occupants.get((Side.HOST, link.host))
        if there is None or there[1] != link.salesforce or there[0] in self.reused:
            return link
        self.reused.append(there[0])
        return replace(link, id=there[0])

    def _is_free(self, link: Link) -> bool:
        for side in Side:
            end = (side, link.end(side))
            occupant = self._occupants.get(end)
            if end in self._given or (occupant is not None and occupant[0] not in self.reused):
                return False
        return True

    def _give(self, link: Link) -> None:
        self._given |= {(side, link.end(side)): link.end(side.other) for side in Side}
        self.saved.append(link)


def _retire(connection: Connection, scope: Scope, outcomes: Sequence[Outcome], now: datetime) -> None:
    retired = {
        link.id: (link, outcome.reason) for outcome in outcomes if _is_final(outcome) for link in _retired(outcome)
    }
    for ids in chunks(list(retired)):
        connection.execute(delete(links).where(links.c.id.in_(ids)))
    stones = [
        {
            "instance_id": scope.instance_id,
            "side": side,
            "object": link.end(side).object,
            "record_id": link.end(side).id,
            "reason": reason,
            "at": now,
        }
        for link, reason in retired.values()
        for side in Side
    ]
    insert_all(connection, tombstones, stones)


def _retired(outcome: Outcome) -> list[Link]:
    return [link for link in outcome.decision.pair.retired if link.id is not None]


def _is_final(outcome: Outcome) -> bool:
    """Tell whether what the retired links knew (an opt-out) has been passed on, or is not needed any more."""
    return outcome.link is not None or outcome.waits_for is None


def _take_away(connection: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """Delete links that are about to be inserted anew; return when each was made."""
    born: dict[int, datetime] = {}
    for some in chunks(sorted(set(ids))):
        found = connection.execute(select(links.c.id, links.c.created_at).where(links.c.id.in_(some)))
        born |= {row.id: row.created_at for row in found}
        connection.execute(delete(links).where(links.c.id.in_(some)))
    return born


def _occupants(
    connection: Connection, scope: Scope, outcomes: Sequence[Outcome]
) -> dict[tuple[Side, Ref], tuple[int, Ref]]:
    """Return who holds the ends we want: for each end its link's id and the end across."""
    held: dict[tuple[Side, Ref], tuple[int, Ref]] = {}
    ends = [outcome.link for outcome in outcomes] + [outcome.decision.pair.link for outcome in outcomes]
    for side in Side:
        wanted = {link.end(side) for link in ends if link is not None}
        for end, link in load_links(connection, scope.instance_id, side, wanted).items():
            held[side, end] = (link.id or 0, link.end(side.other))
    return held


def by_object(refs: Iterable[Ref]) -> dict[str, list[str]]:
    """Group ids by object name, each once, sorted."""
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for ref in refs:
        ids[ref.object].add(ref.id)
    return {object_name: sorted(ids[object_name]) for object_name in sorted(ids)}


def link_of(row: Row[Any]) -> Link:
    """Return the link in a row of the table."""
    return Link(
        host=Ref(row.host_object, row.host_id),
        salesforce=Ref(row.salesforce_object, row.salesforce_id),
        state=LinkState(row.state),
        origin=row.origin,
        opted_out=row.opted_out,
        fingerprints={Side(side): prints for side, prints in row.fingerprints.items()},
        id=row.id,
    )


def _row(link: Link, scope: Scope, created_at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "id": link.id,
        "instance_id": scope.instance_id,
        "lane": scope.lane,
        "host_object": link.host.object,
        "host_id": link.host.id,
        "salesforce_object": link.salesforce.object,
        "salesforce_id": link.salesforce.id,
        "state": link.state,
        "origin": link.origin,
        "opted_out": link.opted_out,
        "fingerprints": {str(side): dict(prints) for side, prints in link.fingerprints.items()},
        "created_at": created_at,
        "updated_at": now,
    }


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
