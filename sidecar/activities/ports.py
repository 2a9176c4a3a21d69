"""What the activities lane asks of the outside: the host's timeline, a store, and a writer of timeline records."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sidecar.activities.model import EventPage, LogRow, TimelineEvent, WaitingEvent
from sidecar.records import ObjectSchema, Ref, Value
from sidecar.sync.model import Cursor, Window, WriteResult

NOT_LATE = timedelta(0)


class TimelineFeed(Protocol):
    """The host's timeline. Every method may raise SetupError or TransientError."""

    def now(self) -> datetime:
        """Return the host's own clock, whole seconds."""

    def contact_url(self, contact_id: str) -> str:
        """Return where the host shows a person."""

    def lateness(self, event_type: str) -> timedelta:
        """Return how long after its date an event of that type may appear, beyond the usual overlap."""

    def missing_types(self, event_types: Sequence[str]) -> tuple[str, ...]:
        """Return the event types this host cannot deliver: unknown ones, and those whose table is not there."""

    def read_window(self, event_type: str, window: Window) -> Iterator[EventPage]:
        """Yield pages of one type's events in the window, of all people, by (at, id), none empty."""

    def read_for_contacts(
        self, event_types: Sequence[str], contact_ids: Sequence[str], since: datetime
    ) -> Iterator[list[TimelineEvent]]:
        """Yield pages of those people's events since then, by type, none empty."""

    def read_again(self, event_type: str, event_ids: Sequence[str]) -> list[TimelineEvent]:
        """Return one type's events as they are now; what was deleted on the host is absent."""


class ActivityStore(Protocol):
    """The state of one instance's activities lane, for as long as its lease is held.

    Every method that writes first checks the lease's fence and raises LeaseLostError if it is not ours any more.
    """

    def open_window(
        self, feed: str, source_now: datetime, first_start: datetime, lateness: timedelta = NOT_LATE
    ) -> Window:
        """Return the unfinished window of a feed, or open the next one (`sync/window.py`) and remember its end.

        It starts `lateness` before the usual overlap, but never before where the feed began: a feed that was never
        read begins at `first_start`.
        """

    def save_cursor(self, feed: str, cursor: Cursor) -> None:
        """Remember how far the open window was read."""

    def advance(self, feed: str) -> None:
        """Close the open window: its end becomes the watermark."""

    def linked(self, contact_ids: Sequence[str]) -> dict[str, Ref]:
        """Return, for each of those host contacts with a living link, the Salesforce record it is now."""

    def new_links(self, limit: int) -> list[tuple[str, Ref]]:
        """Return living links whose host contact was never started, oldest first.

        A link that moved to another host contact (a merge) counts as new: events came along with it.
        """

    def mark_started(self, contact_ids: Sequence[str]) -> None:
        """Remember that the past events of those host contacts are dealt with."""

    def known(self, event_ids: Sequence[str]) -> set[str]:
        """Return which events need not be sent: written or rejected, to whichever Salesforce record."""

    def add(self, rows: Sequence[LogRow]) -> None:
        """Insert or replace log rows by event id, in one transaction; `WaitingEvent.since` stays that of the first."""

    def retries(self, event_types: Sequence[str], limit: int) -> list[WaitingEvent]:
        """Return waiting events of those types, those tried longest ago first."""


class TimelineWriter(Protocol):
    """Writes timeline records. Every method may raise SetupError or TransientError for the call as a whole."""

    def describe(self, object_name: str) -> ObjectSchema | None:
        """Return what our user may see of an object, or None if there is no such object. Cached between runs."""

    def find_objects(self, name: str) -> list[str]:
        """Return the objects that have this name behind a namespace. Costs a metered call."""

    def upsert_rows(self, object_name: str, key_field: str, rows: Sequence[Mapping[str, Value]]) -> list[WriteResult]:
        """Insert or update rows by their key, one result each, in order; up to 1,000 rows cost one metered call."""

    def insert_rows(self, object_name: str, rows: Sequence[Mapping[str, Value]]) -> list[WriteResult]:
        """Insert rows, one result each, in order; up to 1,000 rows cost one metered call."""
