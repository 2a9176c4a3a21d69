"""Who was taken out by hand: single records, of either side, that the sync leaves alone until somebody takes them in again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from sidecar.records import Ref, Side
from sidecar.store.bulk import chunks, upsert
from sidecar.store.links import by_object
from sidecar.store.session import Database
from sidecar.store.tables import exclusions
from sidecar.sync.model import Outcome

_KEYS = ("instance_id", "side", "object", "record_id")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One record that is left alone: since when, and on whose word."""

    id: int
    side: Side
    ref: Ref
    who: str
    at: datetime


class Exclusions:
    """Takes records out and in again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, instance_id: int, side: Side, refs: Iterable[Ref], who: str, now: datetime) -> None:
        """Take records out; one that is out already keeps its moment."""
        rows = [
            {
                "instance_id": instance_id,
                "side": side,
                "object": ref.object,
                "record_id": ref.id,
                "who": who,
                "at": now,
            }
            for ref in set(refs)
        ]
        with self._database.write() as connection:
            upsert(connection, exclusions, rows, _KEYS)

    def remove(self, instance_id: int, side: Side, refs: Iterable[Ref]) -> int:
        """Take records in again; return how many were out. Hint them to the lane, so that they are looked at."""
        removed = 0
        with self._database.write() as connection:
            for object_name, ids in by_object(refs).items():
                for some in chunks(ids):
                    gone = delete(exclusions).where(
                        exclusions.c.instance_id == instance_id,
                        exclusions.c.side == side,
                        exclusions.c.object == object_name,
                        exclusions.c.record_id.in_(some),
                    )
                    removed += connection.execute(gone).rowcount
        return removed

    def get(self, instance_id: int, side: Side, ref: Ref) -> Exclusion | None:
        """Return why a record is out, or None if it is not."""
        with self._database.read() as connection:
            row = next(iter(_rows(connection, instance_id, side, [ref])), None)
        return None if row is None else _exclusion(row)

    def list_all(self, instance_id: int, *, limit: int = 100, after: int = 0) -> list[Exclusion]:
        """Return who is out, oldest first, in pages."""
        chosen = select(exclusions).where(exclusions.c.instance_id == instance_id, exclusions.c.id > after)
        with self._database.read() as connection:
            return [_exclusion(row) for row in connection.execute(chosen.order_by(exclusions.c.id).limit(limit))]


def load_excluded(connection: Connection, instance_id: int, side: Side, refs: Iterable[Ref]) -> set[Ref]:
    """Return which of the records are out."""
    return {Ref(row.object, row.record_id) for row in _rows(connection, instance_id, side, refs)}


def follow_exclusions(connection: Connection, instance_id: int, outcomes: Sequence[Outcome]) -> None:
    """Let an exclusion follow its person to the id that a merge or a conversion left them."""
    for pair in (outcome.decision.pair for outcome in outcomes):
        if pair.excluded_as is None or pair.excluded_as == pair.trigger_ref:
            continue
        if load_excluded(connection, instance_id, pair.trigger, [pair.trigger_ref]):
            continue
        moved = update(exclusions).where(
            exclusions.c.instance_id == instance_id,
            exclusions.c.side == pair.trigger,
            exclusions.c.object == pair.excluded_as.object,
            exclusions.c.record_id == pair.excluded_as.id,
        )
        connection.execute(moved.values(object=pair.trigger_ref.object, record_id=pair.trigger_ref.id))


def _rows(connection: Connection, instance_id: int, side: Side, refs: Iterable[Ref]) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for object_name, ids in by_object(refs).items():
        for some in chunks(ids):
            chosen = select(exclusions).where(
                exclusions.c.instance_id == instance_id,
                exclusions.c.side == side,
                exclusions.c.object == object_name,
                exclusions.c.record_id.in_(some),
            )
            rows += connection.execute(chosen).all()
    return rows


def _exclusion(row: Row[Any]) -> Exclusion:
    return Exclusion(row.id, Side(row.side), Ref(row.object, row.record_id), row.who, row.at)
