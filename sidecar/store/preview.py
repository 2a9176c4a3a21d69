"""A lane's state for looking only: the same answers as under a lease, and nothing is ever stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sidecar.records import Ref, Side
from sidecar.store import watermarks
from sidecar.store.exclusions import load_excluded
from sidecar.store.links import Scope, count_links, load_links, load_tombstones
from sidecar.store.outbox import LaneOutbox
from sidecar.store.pushes import load_wanted
from sidecar.store.session import Database
from sidecar.store.watermarks import Feed
from sidecar.sync.model import Cursor, Decision, Link, LookAgain, Outcome, Window


@dataclass(frozen=True, slots=True)
class PreviewStore:
    """A LaneStore that reads. What a run would store is dropped: a preview leaves no trace."""

    database: Database
    scope: Scope

    def open_window(self, side: Side, feed: str, source_now: datetime) -> Window:
        """Return the window that the next run would read."""
        with self.database.read() as connection:
            return watermarks.peek_window(
                connection, Feed(self.scope.instance_id, self.scope.lane, side, feed), source_now
            )

    def peek_window(self, side: Side, feed: str, source_now: datetime) -> Window:
        """See LaneStore."""
        return self.open_window(side, feed, source_now)

    def save_cursor(self, side: Side, feed: str, cursor: Cursor) -> None:
        """Store nothing."""

    def advance(self, side: Side, feed: str) -> None:
        """Store nothing."""

    def load_links(self, side: Side, refs: Sequence[Ref]) -> dict[Ref, Link]:
        """See LaneStore."""
        with self.database.read() as connection:
            return load_links(connection, self.scope.instance_id, side, refs)

    def load_tombstones(self, side: Side, refs: Sequence[Ref]) -> set[Ref]:
        """See LaneStore."""
        with self.database.read() as connection:
            return load_tombstones(connection, self.scope.instance_id, side, refs)

    def load_pushes(self, refs: Sequence[Ref]) -> dict[Ref, str | None]:
        """See LaneStore."""
        with self.database.read() as connection:
            return load_wanted(connection, self.scope.instance_id, refs)

    def load_excluded(self, side: Side, refs: Sequence[Ref]) -> set[Ref]:
        """See LaneStore."""
        with self.database.read() as connection:
            return load_excluded(connection, self.scope.instance_id, side, refs)

    def count_links(self) -> int:
        """See LaneStore."""
        with self.database.read() as connection:
            return count_links(connection, self.scope)

    def load_due(self, now: datetime, limit: int, after: int = 0) -> list[LookAgain]:
        """See LaneStore; what another run is just writing does not count as due."""
        with self.database.read() as connection:
            return LaneOutbox(self.scope, 0).load_due(connection, now, limit, after)

    def load_waiting(self, side: Side, refs: Sequence[Ref]) -> dict[Ref, str]:
        """See LaneStore."""
        with self.database.read() as connection:
            return LaneOutbox(self.scope, 0).load_waiting(connection, side, refs)

    def intend(self, decisions: Sequence[Decision]) -> None:
        """Store nothing."""

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Store nothing."""


class UncountedRun:
    """An OpenRun that nobody looks at."""

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count nothing."""

    def note_window(self, side: Side, feed: str, window: Window, told_by: str) -> None:
        """Note nothing."""
