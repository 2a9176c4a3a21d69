"""What must be looked at again: hints, retries, writes that were never settled, and records that wait for someone.

A row is due when its hint or retry is, or when the run that intended a write is gone: rows carry the fence of the lease
under which the write was intended, and only a later lease sees them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from sidecar.records import Ref, Side
from sidecar.store.bulk import chunks, upsert
from sidecar.store.links import Scope, by_object
from sidecar.store.session import Database
from sidecar.store.tables import outbox
from sidecar.sync.marks import UNMARKED
from sidecar.sync.model import Decision, LookAgain, Outcome, Reaction, Status

UNSETTLED = "unsettled"
ECHOES = frozenset({"unchanged", "still-waiting"})
"""Reasons of skips that were not decided anew: whatever waits goes on waiting, and they are counted, not told."""

_WAITING = (Reaction.DATA, Reaction.SETUP, Reaction.PERSON)
_REMEMBERED = (*_WAITING, Reaction.RULES)
_KEYS = ("instance_id", "lane", "side", "object", "record_id")
_CHANGING = ("reason", "attempts", "waits_for", "try_again_at", "fence", "seen")
_Key = tuple[Side, Ref]


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """A record that waits for data, set-up or a person, for the list on the settings page."""

    id: int
    lane: str
    side: Side
    ref: Ref
    reason: str
    waits_for: Reaction


class Outbox:
    """What others than a run may do: leave hints, wake what waited, show what waits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hint(self, instance_id: int, lane: str, side: Side, refs: Iterable[Ref], reason: str) -> None:
        """Have records looked at in the next run of the lane, even if nothing in them seems to have changed."""
        scope = Scope(instance_id, lane)
        rows = [_new_row(scope, (side, ref), reason=reason, hints=1) for ref in sorted(set(refs))]
        with self._database.write() as connection:
            upsert(connection, outbox, rows, _KEYS, update=("reason", "waits_for", "try_again_at"), add=("hints",))

    def wake(self, instance_id: int, lane: str, waits_for: Reaction) -> int:
        """Make everything due that waits for this; return how much that is."""
        waiting = _of(Scope(instance_id, lane)) & (outbox.c.waits_for == waits_for)
        with self._database.write() as connection:
            woken = connection.execute(update(outbox).where(waiting).values(waits_for=None, try_again_at=None))
        return woken.rowcount

    def waiting(self, instance_id: int, lane: str, *, limit: int = 100, after: int = 0) -> list[WaitingRecord]:
        """Return the records that wait for someone, oldest first, in pages."""
        chosen = (
            select(outbox)
            .where(_of(Scope(instance_id, lane)), outbox.c.waits_for.in_(_WAITING), outbox.c.id > after)
            .order_by(outbox.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [
                WaitingRecord(row.id, row.lane, Side(row.side), _ref(row), row.reason, Reaction(row.waits_for))
                for row in connection.execute(chosen)
            ]

    def known(self, instance_id: int, lane: str, side: Side, refs: Iterable[Ref]) -> set[Ref]:
        """Return which of the records are in the outbox already, for whatever reason."""
        with self._database.read() as connection:
            rows = LaneOutbox(Scope(instance_id, lane), 0).load_rows(connection, {(side, ref) for ref in refs})
        return {ref for _, ref in rows}

    def counts(self, instance_id: int, lane: str) -> dict[str, int]:
        """Return how many entries there are per what they wait for; "" for those that are due or under way."""
        grouped = (
            select(outbox.c.waits_for, func.count()).where(_of(Scope(instance_id, lane))).group_by(outbox.c.waits_for)
        )
        with self._database.read() as connection:
            return {waits_for or "": count for waits_for, count in connection.execute(grouped)}


@dataclass(slots=True)
class LaneOutbox:
    """The outbox as the run that holds the lease sees it. Everything runs inside the caller's transaction.

    It remembers which hints it has seen: one that comes in while its record is being worked on is not cleared with it.
    """

    scope: Scope
    fence: int
    _hints_seen: dict[int, int] = field(default_factory=dict)

    def load_due(self, connection: Connection, now: datetime, limit: int, after: int) -> list[LookAgain]:
        """Return due entries after that id, in order of id."""
        chosen = (
            select(outbox)
            .where(_of(self.scope), outbox.c.id > after, _is_due(now, self.fence))
            .order_by(outbox.c.id)
            .limit(limit)
        )
        rows = connection.execute(chosen).all()
        self._hints_seen |= {row.id: row.hints for row in rows}
        return [LookAgain(Side(row.side), _ref(row), row.reason, row.attempts, row.id) for row in rows]

    def load_waiting(self, connection: Connection, side: Side, refs: Iterable[Ref]) -> dict[Ref, str]:
        """Return what was seen of records that wait for someone."""
        rows = self.load_rows(connection, {(side, ref) for ref in refs}).values()
        return {_ref(row): row.seen for row in rows if row.seen is not None and row.waits_for in _REMEMBERED}

    def intend(self, connection: Connection, decisions: Iterable[Decision]) -> None:
        """Note what is about to be written; a row that is there keeps its attempts and hints."""
        keys = {(decision.pair.trigger, decision.pair.trigger_ref) for decision in decisions}
        rows = [_new_row(self.scope, key, reason=UNSETTLED, fence=self.fence) for key in keys]
        upsert(connection, outbox, rows, _KEYS, update=("reason", "waits_for", "try_again_at", "fence", "seen"))

    def settle(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        """Clear what is done, re-date what comes back, keep what waits for someone."""
        rows = self.load_rows(connection, {key for outcome in outcomes for key in _keys(outcome)}, lock=True)
        kept: dict[_Key, dict[str, Any]] = {}
        cleared: set[int] = set()
        for outcome in outcomes:
            for key in _keys(outcome):
                self._settle_key(key, outcome, rows.get(key), kept, cleared)
        cleared -= {rows[key].id for key in kept if key in rows}
        for ids in chunks(sorted(cleared)):
            connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))
        upsert(connection, outbox, list(kept.values()), _KEYS, update=_CHANGING)

    def _settle_key(
        self,
        key: _Key,
        outcome: Outcome,
        row: Row[Any] | None,
        kept: dict[_Key, dict[str, Any]],
        cleared: set[int],
    ) -> None:
        if row is not None and row.hints > self._hints_seen.get(row.id, 0):
            kept[key] = _new_row(self.scope, key, reason=row.reason, attempts=row.attempts)
        elif outcome.waits_for is not None and key == _trigger(outcome):
            kept[key] = _waiting_row(self.scope, key, outcome, 0 if row is None else row.attempts)
        elif row is not None and not _is_echo(outcome) and not self._is_mark_to_come(row):
            cleared.add(row.id)

    def _is_mark_to_come(self, row: Row[Any]) -> bool:
        """Tell whether a row asks for a tag or segment and was not handed out yet: deciding about the person does not write it."""
        return row.reason in UNMARKED and row.id not in self._hints_seen

    def load_rows(self, connection: Connection, keys: Iterable[_Key], *, lock: bool = False) -> dict[_Key, Row[Any]]:
        """Return the entries of records, whatever they wait for."""
        refs: defaultdict[Side, list[Ref]] = defaultdict(list)
        for side, ref in keys:
            refs[side].append(ref)
        rows: dict[_Key, Row[Any]] = {}
        for side in sorted(refs):
            for object_name, ids in by_object(refs[side]).items():
                for some in chunks(ids):
                    chosen = select(outbox).where(
                        _of(self.scope), outbox.c.side == side, outbox.c.object == object_name,
                        outbox.c.record_id.in_(some),
                    )  # fmt: skip
                    found = connection.execute(chosen.with_for_update() if lock else chosen)
                    rows |= {(side, _ref(row)): row for row in found}
        return rows


def _keys(outcome: Outcome) -> set[_Key]:
    """Return every record an outcome is about: the one that triggered it, and both ends."""
    pair = outcome.decision.pair
    keys = {_trigger(outcome)}
    for side in Side:
        record = pair.record(side)
        if record is not None:
            keys.add((side, record.ref))
        if outcome.link is not None:
            keys.add((side, outcome.link.end(side)))
    return keys


def _trigger(outcome: Outcome) -> _Key:
    return outcome.decision.pair.trigger, outcome.decision.pair.trigger_ref


def _is_echo(outcome: Outcome) -> bool:
    return outcome.status is Status.SKIPPED and outcome.decision.pair.problem in ECHOES


def _is_due(now: datetime, fence: int) -> ColumnElement[bool]:
    is_abandoned = outbox.c.fence < fence
    is_retry = (outbox.c.waits_for == Reaction.RETRY) & (outbox.c.try_again_at <= now)
    return is_abandoned | (outbox.c.fence.is_(None) & (outbox.c.waits_for.is_(None) | is_retry))


def _of(scope: Scope) -> ColumnElement[bool]:
    return (outbox.c.instance_id == scope.instance_id) & (outbox.c.lane == scope.lane)


def _ref(row: Row[Any]) -> Ref:
    return Ref(row.object, row.record_id)


def _new_row(scope: Scope, key: _Key, **values: object) -> dict[str, Any]:
    side, ref = key
    blank: Mapping[str, object] = {
        "instance_id": scope.instance_id,
        "lane": scope.lane,
        "side": side,
        "object": ref.object,
        "record_id": ref.id,
        "attempts": 0,
        "hints": 0,
        "waits_for": None,
        "try_again_at": None,
        "fence": None,
        "seen": None,
    }
    return {**blank, **values}


def _waiting_row(scope: Scope, key: _Key, outcome: Outcome, attempts: int) -> dict[str, Any]:
    is_retry = outcome.waits_for is Reaction.RETRY
    return _new_row(
        scope,
        key,
        reason=outcome.waits_because or outcome.reason,
        attempts=attempts + is_retry,
        waits_for=outcome.waits_for,
        try_again_at=outcome.try_again_at if is_retry else None,
        seen=outcome.seen,
    )
