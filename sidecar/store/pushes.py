"""People the host wants in Salesforce: each wish with the end it came to, so that a campaign's action is never silent."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select, update

from sidecar.records import Ref
from sidecar.store.bulk import chunks, insert_all
from sidecar.store.links import by_object
from sidecar.store.session import Database
from sidecar.store.tables import instances, outcomes, pushes


class PushState(StrEnum):
    """Whether a wish still waits, and how it ended."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PushWish:
    """One person to push: as which Salesforce object, and into which campaign with which member status.

    Without `wanted_object` the mapping decides what a new person becomes. `source` says who wished it, such as "campaign:3".
    """

    host: Ref
    wanted_object: str | None = None
    campaign_id: str | None = None
    member_status: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """A wish as it is remembered; `reason` is the code of what it waits for, was refused for, or how it was fulfilled."""

    id: int
    wish: PushWish
    state: PushState
    reason: str | None
    requested_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run decided about a person: the reason, and what they wait for."""

    reason: str
    waits_for: str | None


class Pushes:
    """Takes wishes, hands out those that wait, and keeps how each one ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, instance_id: int, wishes: Iterable[PushWish], now: datetime) -> int:
        """Remember wishes, in order; one that equals another that still waits is not doubled. Return how many are new."""
        wanted = dict.fromkeys(wishes)
        with self._database.write() as connection:
            _lock(connection, instance_id)
            known = {push.wish for push in _waiting_of(connection, instance_id, [wish.host for wish in wanted])}
            fresh = [wish for wish in wanted if wish not in known]
            insert_all(connection, pushes, [_row(instance_id, wish, now) for wish in fresh])
        return len(fresh)

    def waiting(
        self, instance_id: int, refs: Iterable[Ref] | None = None, limit: int = 1000, after: int = 0
    ) -> list[Push]:
        """Return pushes that wait, oldest first: all of some people, or those of everybody in pages."""
        with self._database.read() as connection:
            if refs is not None:
                return _waiting_of(connection, instance_id, refs)[:limit]
            chosen = _waiting(instance_id).where(pushes.c.id > after).order_by(pushes.c.id).limit(limit)
            return [_push(row) for row in connection.execute(chosen)]

    def finish(self, instance_id: int, ids: Iterable[int], state: PushState, reason: str | None, now: datetime) -> int:
        """Give pushes that wait their end; return how many. One that has its end already keeps it."""
        ended = 0
        with self._database.write() as connection:
            for some in chunks(sorted(set(ids))):
                chosen = update(pushes).where(_is_waiting(instance_id), pushes.c.id.in_(some))
                found = connection.execute(chosen.values(state=state, reason=reason, finished_at=now))
                ended += found.rowcount
        return ended

    def note(self, instance_id: int, ids: Iterable[int], reason: str) -> None:
        """Say why pushes still wait."""
        with self._database.write() as connection:
            for some in chunks(sorted(set(ids))):
                chosen = update(pushes).where(_is_waiting(instance_id), pushes.c.id.in_(some))
                connection.execute(chosen.values(reason=reason))

    def endings(self, instance_id: int, run_id: int, refs: Iterable[Ref]) -> dict[Ref, "Ending"]:
        """Return how a run last decided about each of the people."""
        found: dict[Ref, Ending] = {}
        with self._database.read() as connection:
            for object_name, ids in by_object(refs).items():
                for some in chunks(ids):
                    chosen = select(outcomes).where(
                        outcomes.c.instance_id == instance_id,
                        outcomes.c.run_id == run_id,
                        outcomes.c.host_object == object_name,
                        outcomes.c.host_id.in_(some),
                    )
                    for row in connection.execute(chosen.order_by(outcomes.c.id)):
                        found[Ref(object_name, row.host_id)] = Ending(row.reason, row.waits_for)
        return found

    def last(self, instance_id: int, ref: Ref) -> Push | None:
        """Return the newest push of a person, whatever came of it."""
        chosen = select(pushes).where(_of(instance_id, ref)).order_by(pushes.c.id.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(chosen).one_or_none()
        return None if row is None else _push(row)


def load_wanted(connection: Connection, instance_id: int, refs: Iterable[Ref]) -> dict[Ref, str | None]:
    """Return whom of these somebody wants pushed, and as what; where several wishes name an object, the newest counts."""
    wanted: dict[Ref, str | None] = {}
    for push in _waiting_of(connection, instance_id, refs):
        wanted[push.wish.host] = push.wish.wanted_object or wanted.get(push.wish.host)
    return wanted


def _waiting_of(connection: Connection, instance_id: int, refs: Iterable[Ref]) -> list[Push]:
    rows: list[Row[Any]] = []
    for object_name, ids in by_object(refs).items():
        for some in chunks(ids):
            chosen = _waiting(instance_id).where(pushes.c.host_object == object_name, pushes.c.host_id.in_(some))
            rows += connection.execute(chosen).all()
    return [_push(row) for row in sorted(rows, key=lambda row: row.id)]


def _lock(connection: Connection, instance_id: int) -> None:
    """Let two who ask for the same at once wait for each other."""
    connection.execute(select(instances.c.id).where(instances.c.id == instance_id).with_for_update())


def _waiting(instance_id: int) -> Select[Any]:
    return select(pushes).where(_is_waiting(instance_id))


def _is_waiting(instance_id: int) -> ColumnElement[bool]:
    return and_(pushes.c.instance_id == instance_id, pushes.c.state == PushState.WAITING)


def _of(instance_id: int, ref: Ref) -> ColumnElement[bool]:
    return and_(pushes.c.instance_id == instance_id, pushes.c.host_object == ref.object, pushes.c.host_id == ref.id)


def _push(row: Row[Any]) -> Push:
    wish = PushWish(
        Ref(row.host_object, row.host_id), row.wanted_object, row.campaign_id, row.member_status, row.source
    )
    return Push(row.id, wish, PushState(row.state), row.reason, row.requested_at, row.finished_at)


def _row(instance_id: int, wish: PushWish, now: datetime) -> dict[str, Any]:
    return {
        "instance_id": instance_id,
        "host_object": wish.host.object,
        "host_id": wish.host.id,
        "wanted_object": wish.wanted_object,
        "campaign_id": wish.campaign_id,
        "member_status": wish.member_status,
        "source": wish.source,
        "state": PushState.WAITING,
        "reason": None,
        "requested_at": now,
        "finished_at": None,
    }
