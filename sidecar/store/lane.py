"""The state of one lane while its lease is held. The only place that joins links, outbox, watermarks and ledger."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sidecar.records import Ref, Side
from sidecar.store import watermarks
from sidecar.store.crypto import Cipher
from sidecar.store.exclusions import follow_exclusions, load_excluded
from sidecar.store.ledger import Now, append_outcomes
from sidecar.store.links import Scope, count_links, load_links, load_tombstones, settle_links
from sidecar.store.outbox import LaneOutbox
from sidecar.store.pushes import load_wanted
from sidecar.store.schedule import require_lease
from sidecar.store.session import Database
from sidecar.store.watermarks import Feed
from sidecar.sync.model import Cursor, Decision, Link, LookAgain, Outcome, Window


@dataclass(frozen=True, slots=True)
class LeasedLane:
    """Transactions that commit only while our lease holds, and that keep it alive."""

    database: Database
    scope: Scope
    owner: str
    fence: int
    now: Now

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction for writing; LeaseLostError if someone else took the lane over."""
        lease = (self.scope.instance_id, self.scope.lane, self.owner, self.fence)
        with self.database.write() as connection:
            require_lease(connection, lease, self.now())
            yield connection

    def feed(self, side: Side, name: str) -> Feed:
        """Name one of the lane's feeds."""
        return Feed(self.scope.instance_id, self.scope.lane, side, name)


class SqlLaneStore:
    """The LaneStore of `sidecar/sync/ports.py` on our database."""

    def __init__(  # noqa: PLR0913  (what a lease consists of)
        self, database: Database, cipher: Cipher, instance_id: int, lane: str, *, fence: int, owner: str, now: Now
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._lane = LeasedLane(database, Scope(instance_id, lane), owner, fence, now)
        self._outbox = LaneOutbox(self._lane.scope, fence)

    def open_window(self, side: Side, feed: str, source_now: datetime) -> Window:
        """See LaneStore."""
        with self._lane.write() as connection:
            return watermarks.open_window(connection, self._lane.feed(side, feed), source_now)

    def peek_window(self, side: Side, feed: str, source_now: datetime) -> Window:
        """See LaneStore."""
        with self._database.read() as connection:
            return watermarks.peek_window(connection, self._lane.feed(side, feed), source_now)

    def save_cursor(self, side: Side, feed: str, cursor: Cursor) -> None:
        """See LaneStore."""
        with self._lane.write() as connection:
            watermarks.save_cursor(connection, self._lane.feed(side, feed), cursor)

    def advance(self, side: Side, feed: str) -> None:
        """See LaneStore."""
        with self._lane.write() as connection:
            watermarks.advance(connection, self._lane.feed(side, feed))

    def load_links(self, side: Side, refs: Sequence[Ref]) -> dict[Ref, Link]:
        """See LaneStore."""
        with self._database.read() as connection:
            return load_links(connection, self._lane.scope.instance_id, side, refs)

    def load_tombstones(self, side: Side, refs: Sequence[Ref]) -> set[Ref]:
        """See LaneStore."""
        with self._database.read() as connection:
            return load_tombstones(connection, self._lane.scope.instance_id, side, refs)

    def load_pushes(self, refs: Sequence[Ref]) -> dict[Ref, str | None]:
        """See LaneStore."""
        with self._database.read() as connection:
            return load_wanted(connection, self._lane.scope.instance_id, refs)

    def load_excluded(self, side: Side, refs: Sequence[Ref]) -> set[Ref]:
        """See LaneStore."""
        with self._database.read() as connection:
            return load_excluded(connection, self._lane.scope.instance_id, side, refs)

    def count_links(self) -> int:
        """See LaneStore."""
        with self._database.read() as connection:
            return count_links(connection, self._lane.scope)

    def load_due(self, now: datetime, limit: int, after: int = 0) -> list[LookAgain]:
        """See LaneStore. Pages by `LookAgain.id`."""
        with self._database.read() as connection:
            return self._outbox.load_due(connection, now, limit, after)

    def load_waiting(self, side: Side, refs: Sequence[Ref]) -> dict[Ref, str]:
        """See LaneStore."""
        with self._database.read() as connection:
            return self._outbox.load_waiting(connection, side, refs)

    def intend(self, decisions: Sequence[Decision]) -> None:
        """See LaneStore."""
        if decisions:
            with self._lane.write() as connection:
                self._outbox.intend(connection, decisions)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """See LaneStore."""
        if not outcomes:
            return
        now = self._lane.now()
        with self._lane.write() as connection:
            settled = settle_links(connection, self._lane.scope, outcomes, now)
            follow_exclusions(connection, self._lane.scope.instance_id, settled)
            append_outcomes(connection, self._cipher, self._lane.scope, settled, now)
            self._outbox.settle(connection, settled)
