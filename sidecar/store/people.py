"""All that is stored about one person: for their page, and for the tab on the contact. Neither side is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from sidecar.records import Ref, Side
from sidecar.store.crypto import Cipher
from sidecar.store.exclusions import Exclusion, Exclusions
from sidecar.store.history import History, LedgerRow, OutcomeFilter
from sidecar.store.links import Scope, load_links
from sidecar.store.pushes import Push, Pushes
from sidecar.store.session import Database
from sidecar.store.tables import links, outbox
from sidecar.sync.model import Link, Reaction

LANE = "people"
DECISIONS = 10


@dataclass(frozen=True, slots=True)
class WaitingHere:
    """Why one record of a person is to be looked at again. Without `waits_for` the next run does it."""

    side: Side
    reason: str
    waits_for: Reaction | None
    attempts: int
    try_again_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A record that was asked for, whom it is linked to since when, and what became of both. `settled_at`: last in step."""

    side: Side
    ref: Ref
    link: Link | None = None
    linked_at: datetime | None = None
    settled_at: datetime | None = None
    waiting: tuple[WaitingHere, ...] = ()
    exclusions: Mapping[Side, Exclusion] = field(default_factory=dict)
    push: Push | None = None
    decisions: tuple[LedgerRow, ...] = ()

    def end(self, side: Side) -> Ref | None:
        """Return the person's record on a side, as far as it is known."""
        if self.link is not None:
            return self.link.end(side)
        return self.ref if side is self.side else None

    @property
    def ends(self) -> dict[Side, Ref | None]:
        """The person's record on each side, as far as it is known."""
        return {side: self.end(side) for side in Side}

    @property
    def is_known(self) -> bool:
        """Whether anything is stored at all."""
        return bool(self.link or self.waiting or self.exclusions or self.push or self.decisions)


class People:
    """Looks single people up, in a number of queries that does not depend on them."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    def load(self, instance_id: int, side: Side, ref: Ref) -> PersonFacts:
        """Return what is stored about a record and whoever it is linked to."""
        with self._database.read() as connection:
            link = load_links(connection, instance_id, side, [ref]).get(ref)
            linked_at, settled_at = _times(connection, link)
            ends = {each: link.end(each) for each in Side} if link else {side: ref}
            waiting = _waiting(connection, Scope(instance_id, LANE), ends)
        exclusions = Exclusions(self._database)
        out = {each: found for each, end in ends.items() if (found := exclusions.get(instance_id, each, end))}
        contact = ends.get(Side.HOST)
        trigger = Side.HOST if contact else side
        rows = History(self._database, self._cipher).outcomes(
            instance_id, OutcomeFilter(side=trigger, ref=ends[trigger]), limit=DECISIONS
        )
        push = Pushes(self._database).last(instance_id, contact) if contact else None
        return PersonFacts(side, ref, link, linked_at, settled_at, tuple(waiting), out, push, tuple(rows))


def _times(connection: Connection, link: Link | None) -> tuple[datetime | None, datetime | None]:
    if link is None:
        return None, None
    row = connection.execute(select(links.c.created_at, links.c.updated_at).where(links.c.id == link.id)).one()
    return row.created_at, row.updated_at


def _waiting(connection: Connection, scope: Scope, ends: Mapping[Side, Ref]) -> Sequence[WaitingHere]:
    """Return the person's entries in the outbox: what waits for something first."""
    found: list[WaitingHere] = []
    for side, ref in ends.items():
        chosen = select(outbox).where(
            outbox.c.instance_id == scope.instance_id,
            outbox.c.lane == scope.lane,
            outbox.c.side == side,
            outbox.c.object == ref.object,
            outbox.c.record_id == ref.id,
        )
        for row in connection.execute(chosen):
            waits_for = None if row.waits_for is None else Reaction(row.waits_for)
            found.append(WaitingHere(side, row.reason, waits_for, row.attempts, row.try_again_at))
    return sorted(found, key=lambda each: each.waits_for is None)
