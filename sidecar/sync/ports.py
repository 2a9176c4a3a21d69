"""What the engine asks of the outside: two sides and a store. Everything else in `sync/` is pure."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from sidecar.mapping.model import ObjectMapping
from sidecar.mapping.rules import Rules
from sidecar.records import ObjectSchema, Record, Ref, Side
from sidecar.sync.model import (
    Cursor,
    Decision,
    Link,
    LookAgain,
    Outcome,
    Page,
    Wanted,
    Window,
    Write,
    WriteResult,
)


class SidePort(Protocol):
    """One side of one instance. All records carry the mapping's fields of their object and nothing else.

    Every method may raise SetupError (sign-in, rights, unknown version) or TransientError (limits, 5xx, time-out).
    """

    side: Side

    def now(self) -> datetime:
        """Return the side's own clock, whole seconds; costs no metered call."""

    def describe(self, object_name: str) -> ObjectSchema | None:
        """Return what our user may see of an object, or None if there is no such object. Cached between runs."""

    def feeds(self, mapping: ObjectMapping) -> tuple[str, ...]:
        """Return the names of the change feeds that together show every change; each has its own watermark."""

    def read_changes(self, rules: Rules, feed: str, window: Window) -> Iterator[Page]:
        """Yield pages of records changed in the window, by (at, id), deleted, merged and converted ones included, none empty."""

    def read_again(self, rules: Rules, feed: str, window: Window) -> Iterator[Page]:
        """Yield the same by the source's own records of the window, whoever was told of it before."""

    def told_by(self, feed: str, window: Window) -> str:
        """Name in words what tells the changes of the window, and why nothing better does."""

    def confirm(self, feed: str, cursor: Cursor | None = None) -> None:
        """Forget what was told up to this cursor, or all that was read: it is settled. Idempotent.

        Nothing where a feed is only read.
        """

    def read_urgent(self, rules: Rules, windows: Mapping[str, Window]) -> Iterator[Sequence[Record]]:
        """Yield at least the opt-outs and deletions among the changes in each feed's window; one call if there are few."""

    def read(self, rules: Rules, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """Return the records as they are now, deleted and merged ones marked; what cannot be seen at all is absent."""

    def find(self, rules: Rules, wanted: Sequence[Wanted]) -> list[list[Record]]:
        """Return, for each wanted, the living records that carry its external id or, failing that, one of its values.

        Records found by external id come alone. Values compare as this side stores them. Merged, converted and deleted
        records never match. Calls are O(wanted / 200), not O(wanted).
        """

    def read_evidence(self, rules: Rules, refs: Sequence[Ref]) -> dict[Ref, datetime | None]:
        """Return since when each record's present opt-out state holds, as far as history proves it, else None."""

    def read_field_changes(self, rules: Rules, refs: Sequence[Ref]) -> Mapping[Ref, Mapping[str, datetime]]:
        """Return when fields of each record last changed, by field name, as far as the side's history proves it.

        What we wrote ourselves is no change. A record or field of which nothing is known is absent.
        """

    def write(self, rules: Rules, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes of this side; one result each, in order. A write can only fail itself.

        No two writes may name the same record. A create with an external id is an upsert where the schema allows it.
        """


class LaneStore(Protocol):
    """The state of one lane of one instance, for as long as its lease is held.

    Every method that writes first checks the lease's fence and raises LeaseLostError if it is not ours any more.
    """

    def open_window(self, side: Side, feed: str, source_now: datetime) -> Window:
        """Return the unfinished window of a feed, or open the next one (`sync/window.py`) and remember its end."""

    def peek_window(self, side: Side, feed: str, source_now: datetime) -> Window:
        """Return the same window without opening it."""

    def save_cursor(self, side: Side, feed: str, cursor: Cursor) -> None:
        """Remember how far the open window was read."""

    def advance(self, side: Side, feed: str) -> None:
        """Close the open window: its end becomes the watermark."""

    def load_links(self, side: Side, refs: Sequence[Ref]) -> dict[Ref, Link]:
        """Return the links of those records of one side, living or not."""

    def load_tombstones(self, side: Side, refs: Sequence[Ref]) -> set[Ref]:
        """Return which of those records once had a link that ended in a merge."""

    def load_pushes(self, refs: Sequence[Ref]) -> dict[Ref, str | None]:
        """Return which host records somebody wants in Salesforce, and as which object; None: as the mapping says."""

    def load_excluded(self, side: Side, refs: Sequence[Ref]) -> set[Ref]:
        """Return which of those records of one side a person took out."""

    def count_links(self) -> int:
        """Return how many living links the lane has; the brake's limits are shares of it."""

    def load_due(self, now: datetime, limit: int, after: int = 0) -> list[LookAgain]:
        """Return outbox entries that are due: hints, retries whose time has come, and writes that were never settled."""

    def load_waiting(self, side: Side, refs: Sequence[Ref]) -> dict[Ref, str]:
        """Return what was seen (`Outcome.seen`) of those records that wait in the outbox for data, set-up or a person."""

    def intend(self, decisions: Sequence[Decision]) -> None:
        """Put every record about to be written into the outbox, before the write, so that a crash is looked into."""

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """In one transaction: append outcomes and field changes, save and end links, clear or re-date outbox entries."""


class RunLog(Protocol):
    """Opens runs in the ledger."""

    def open_run(self) -> AbstractContextManager["OpenRun"]:
        """Open a run; leaving it by an exception marks it failed or postponed, and re-raises."""


class OpenRun(Protocol):
    """A run in the ledger that is still going on."""

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Add outcomes to the run's counts, so that progress can be watched."""

    def note_window(self, side: Side, feed: str, window: Window, told_by: str) -> None:
        """Remember which stretch of a feed the run reads, and what told it."""


Sides = Mapping[Side, SidePort]
