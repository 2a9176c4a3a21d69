"""Reads Mautic's timeline from its database. Start here; `timeline_sources.py` says where each event type is kept.

A page is one statement, whatever it holds: keyset by (date, id), the words for ids joined in, never an OFFSET.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, func, inspect, select

from sidecar.activities.model import EventPage, TimelineEvent
from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.timeline_labels import fill
from sidecar.hosts.mautic.timeline_query import SourceQuery, to_moment
from sidecar.hosts.mautic.timeline_sources import TIMELINE_SOURCES, TimelineSource
from sidecar.sync.model import Cursor, Window

PAGE_SIZE = 1000
CONTACTS_AT_ONCE = 500
"""Ids in one IN list: enough to be few statements, few enough for SQLite's limit of variables and a short statement."""


class TimelineReader:
    """One installation's timeline. `base_url` completes the links that point into Mautic; `clock` tells the time there."""

    def __init__(
        self, engine: Engine, prefix: str, base_url: str, *, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._prefix = prefix
        self._base_url = base_url.rstrip("/")

    def now(self) -> datetime:
        """See TimelineFeed."""
        if self._clock is not None:
            return self._clock()
        moment = func.datetime("now") if self._is_sqlite else func.utc_timestamp()
        return to_moment(self._rows(select(moment.label("now")))[0]["now"])

    def contact_url(self, contact_id: str) -> str:
        """See TimelineFeed."""
        return f"{self._base_url}/s/contacts/view/{contact_id}"

    def lateness(self, event_type: str) -> timedelta:
        """See TimelineFeed."""
        return TIMELINE_SOURCES[event_type].late

    def missing_types(self, event_types: Sequence[str]) -> tuple[str, ...]:
        """See TimelineFeed."""
        with reading(self._engine) as connection:
            present = set(inspect(connection).get_table_names())
        return tuple(event_type for event_type in event_types if not self._is_there(event_type, present))

    def read_window(self, event_type: str, window: Window) -> Iterator[EventPage]:
        """See TimelineFeed."""
        query = self._query(event_type)
        after = window.after
        while True:
            rows = self._rows(query.page(window.start, window.end, after, PAGE_SIZE))
            if not rows:
                return
            after = Cursor(to_moment(rows[-1]["row_at"]), str(rows[-1]["row_id"]))
            yield EventPage(tuple(self._events(query.source, rows)), after)
            if len(rows) < PAGE_SIZE:
                return

    def read_for_contacts(
        self, event_types: Sequence[str], contact_ids: Sequence[str], since: datetime
    ) -> Iterator[list[TimelineEvent]]:
        """See TimelineFeed."""
        for event_type in event_types:
            query = self._query(event_type)
            for ids in _chunks(contact_ids, CONTACTS_AT_ONCE):
                yield from self._pages_of(query, ids, since)

    def read_again(self, event_type: str, event_ids: Sequence[str]) -> list[TimelineEvent]:
        """See TimelineFeed."""
        query = self._query(event_type)
        row_ids = [event_id.removeprefix(query.source.id_prefix) for event_id in event_ids]
        events: list[TimelineEvent] = []
        for ids in _chunks(row_ids, CONTACTS_AT_ONCE):
            events.extend(self._events(query.source, self._rows(query.rows(ids))))
        return events

    def _pages_of(self, query: SourceQuery, ids: Sequence[str], since: datetime) -> Iterator[list[TimelineEvent]]:
        after: Cursor | None = None
        while rows := self._rows(query.page_for(ids, since, after, PAGE_SIZE)):
            after = Cursor(to_moment(rows[-1]["row_at"]), str(rows[-1]["row_id"]))
            yield list(self._events(query.source, rows))
            if len(rows) < PAGE_SIZE:
                return

    def _events(self, source: TimelineSource, rows: Iterable[Mapping[str, Any]]) -> Iterator[TimelineEvent]:
        for row in rows:
            yield TimelineEvent(
                event_id=source.event_id(row["row_id"]),
                event_type=source.event_type,
                type_name=source.name,
                contact_id=str(row["contact_id"]),
                at=to_moment(row["row_at"]),
                label=fill(source.label, row) or source.name,
                link=self._absolute(fill(source.link, row)) if source.link else None,
                description=fill(source.note, row) if source.note else None,
            )

    def _absolute(self, link: str | None) -> str | None:
        return f"{self._base_url}{link}" if link and link.startswith("/") else link

    def _query(self, event_type: str) -> SourceQuery:
        return SourceQuery(TIMELINE_SOURCES[event_type], self._prefix, is_sqlite=self._is_sqlite)

    def _is_there(self, event_type: str, present: set[str]) -> bool:
        source = TIMELINE_SOURCES.get(event_type)
        return source is not None and all(f"{self._prefix}{table}" in present for table in source.tables.values())

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def _rows(self, statement: Select[Any]) -> list[Any]:
        with reading(self._engine) as connection:
            return list(connection.execute(statement).mappings())


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
