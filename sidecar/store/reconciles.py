"""How far each feed's nightly comparison has come: what the other side's own logs covered, and when everything was compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert, select

from sidecar.store.session import Database
from sidecar.store.tables import reconciles
from sidecar.store.watermarks import Feed


class Mode(StrEnum):
    """What was compared: the records that a log names, or every linked one."""

    LOG = "log"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One finished comparison of one feed."""

    mode: Mode
    covered_until: datetime | None
    finished_at: datetime


class Reconciles:
    """Remembers finished comparisons; one that was cut short leaves nothing and is made anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, feed: Feed, done: Comparison, began_at: datetime, counts: Mapping[str, int]) -> None:
        """Note that a comparison is finished."""
        row = {
            "instance_id": feed.instance_id,
            "lane": feed.lane,
            "side": feed.side,
            "feed": feed.name,
            "mode": done.mode,
            "covered_until": done.covered_until,
            "started_at": began_at,
            "finished_at": done.finished_at,
            "counts": dict(counts),
        }
        with self._database.write() as connection:
            connection.execute(insert(reconciles), row)

    def last(self, feed: Feed, mode: Mode | None = None) -> Comparison | None:
        """Return the last comparison of a feed, of one mode or of any."""
        chosen = select(reconciles).where(
            reconciles.c.instance_id == feed.instance_id,
            reconciles.c.lane == feed.lane,
            reconciles.c.side == feed.side,
            reconciles.c.feed == feed.name,
        )
        if mode is not None:
            chosen = chosen.where(reconciles.c.mode == mode)
        with self._database.read() as connection:
            row = connection.execute(chosen.order_by(reconciles.c.id.desc()).limit(1)).one_or_none()
        return None if row is None else Comparison(Mode(row.mode), row.covered_until, row.finished_at)
