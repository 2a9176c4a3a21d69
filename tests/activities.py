"""Fakes and builders for the activities lane: a timeline, a store and an org that live in memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sidecar.activities.model import EventPage, LogRow, LogState, TimelineEvent, WaitingEvent
from sidecar.mapping.activities import ActivityMapping, parse_activities
from sidecar.records import FieldInfo, FieldType, ObjectSchema, Ref, Value
from sidecar.sync.model import Cursor, Reaction, Window, WriteError, WriteResult
from sidecar.sync.window import next_window

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OBJECT = "mautic_timeline__c"
LEAD = Ref("Lead", "00Q000000000001AAA")
CONTACT = Ref("Contact", "003000000000001AAA")
LOCKED = WriteError("salesforce-unable-to-lock-row", Reaction.RETRY)


def a_mapping(*event_types: str, **changes: object) -> ActivityMapping:
    document = {"event_types": list(event_types or ("form.submitted",)), **changes}
    return parse_activities({"activities": document})


def an_event(
    number: int = 123, *, contact_id: str = "7", at: datetime = NOW - timedelta(hours=1), **changes: object
) -> TimelineEvent:
    event = TimelineEvent(
        f"FormSubmitted{number}", "form.submitted", "Form submitted", contact_id, at, "Contact us", "https://m/f/3"
    )
    return replace(event, **changes)


def a_schema(prefix: str = "", *, is_key: bool = True, without: Iterable[str] = ()) -> ObjectSchema:
    """The timeline object as its instructions say."""
    types = {
        "ActivityDate": (FieldType.DATETIME, None),
        "contact_id": (FieldType.REFERENCE, None),
        "Description": (FieldType.LONG_TEXT, 131_072),
        "MauticLead": (FieldType.NUMBER, None),
        "Mautic_url": (FieldType.URL, 255),
        "ReferenceId": (FieldType.TEXT, 255),
        "WhoId": (FieldType.REFERENCE, None),
    }
    fields = {"Name": FieldInfo("Name", "Name", FieldType.TEXT, 80)}
    for short, (kind, length) in types.items():
        if short not in without:
            name = f"{prefix}{short}__c"
            fields[name] = FieldInfo(name, short, kind, length, is_key=is_key and short == "ReferenceId")
    return ObjectSchema(f"{prefix}{OBJECT}", fields)


@dataclass
class MemoryFeed:
    """A TimelineFeed over a list of events."""

    events: list[TimelineEvent] = field(default_factory=list)
    time: datetime = NOW
    page_size: int = 1000
    late: timedelta = timedelta(0)
    missing: tuple[str, ...] = ()

    def now(self) -> datetime:
        return self.time

    def contact_url(self, contact_id: str) -> str:
        return f"https://m/s/contacts/view/{contact_id}"

    def lateness(self, event_type: str) -> timedelta:
        return self.late

    def missing_types(self, event_types: Sequence[str]) -> tuple[str, ...]:
        return tuple(each for each in event_types if each in self.missing)

    def read_window(self, event_type: str, window: Window) -> Iterator[EventPage]:
        found = [e for e in self._of((event_type,)) if window.start <= e.at < window.end and _is_after(e, window.after)]
        for start in range(0, len(found), self.page_size):
            page = found[start : start + self.page_size]
            yield EventPage(tuple(page), _cursor(page[-1]))

    def read_for_contacts(
        self, event_types: Sequence[str], contact_ids: Sequence[str], since: datetime
    ) -> Iterator[list[TimelineEvent]]:
        found = [e for e in self._of(event_types) if e.contact_id in contact_ids and e.at >= since]
        if found:
            yield found

    def read_again(self, event_type: str, event_ids: Sequence[str]) -> list[TimelineEvent]:
        return [event for event in self._of((event_type,)) if event.event_id in event_ids]

    def _of(self, event_types: Sequence[str]) -> list[TimelineEvent]:
        return sorted((event for event in self.events if event.event_type in event_types), key=_cursor)


@dataclass
class MemoryActivityStore:
    """An ActivityStore that forgets at the end of the test."""

    links: dict[str, Ref] = field(default_factory=dict)
    log: dict[str, LogRow] = field(default_factory=dict)
    first_failures: dict[str, datetime] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    windows: dict[str, Window] = field(default_factory=dict)
    watermarks: dict[str, datetime] = field(default_factory=dict)
    beginnings: dict[str, datetime] = field(default_factory=dict)
    crash_at_add: bool = False

    def open_window(
        self, feed: str, source_now: datetime, first_start: datetime, lateness: timedelta = timedelta(0)
    ) -> Window:
        if feed not in self.windows:
            beginning = self.beginnings.setdefault(feed, first_start)
            window = Window(first_start, source_now)
            if feed in self.watermarks:
                window = next_window(self.watermarks[feed], source_now=source_now)
                window = replace(window, start=max(beginning, window.start - lateness))
            self.windows[feed] = window
        return self.windows[feed]

    def save_cursor(self, feed: str, cursor: Cursor) -> None:
        self.windows[feed] = replace(self.windows[feed], after=cursor)

    def advance(self, feed: str) -> None:
        self.watermarks[feed] = self.windows.pop(feed).end

    def linked(self, contact_ids: Sequence[str]) -> dict[str, Ref]:
        return {each: self.links[each] for each in contact_ids if each in self.links}

    def new_links(self, limit: int) -> list[tuple[str, Ref]]:
        return [(each, ref) for each, ref in self.links.items() if each not in self.started][:limit]

    def mark_started(self, contact_ids: Sequence[str]) -> None:
        self.started.update(contact_ids)

    def known(self, event_ids: Sequence[str]) -> set[str]:
        return {each for each in event_ids if each in self.log and self.log[each].state is not LogState.WAITING}

    def add(self, rows: Sequence[LogRow]) -> None:
        if self.crash_at_add:
            raise KeyboardInterrupt
        for row in rows:
            self.first_failures.setdefault(row.event_id, row.at)
            self.log[row.event_id] = row

    def retries(self, event_types: Sequence[str], limit: int) -> list[WaitingEvent]:
        waiting = [row for row in self.log.values() if row.state is LogState.WAITING and row.event_type in event_types]
        waiting.sort(key=lambda row: row.at)
        return [WaitingEvent(row, self.first_failures[row.event_id]) for row in waiting[:limit]]


@dataclass
class MemoryOrg:
    """A TimelineWriter; `calls` counts as Salesforce meters, `refuse` lets rows fail by their reference."""

    schema: ObjectSchema | None = field(default_factory=a_schema)
    records: list[dict[str, Value]] = field(default_factory=list)
    refuse: dict[str, WriteError] = field(default_factory=dict)
    calls: int = 0
    describes: int = 0
    _by_reference: dict[str, dict[str, Value]] = field(default_factory=dict)

    def describe(self, object_name: str) -> ObjectSchema | None:
        self.describes += 1
        return self.schema if self.schema and self.schema.object == object_name else None

    def find_objects(self, name: str) -> list[str]:
        self.calls += 1
        return [self.schema.object] if self.schema and self.schema.object.endswith(f"__{name}") else []

    def upsert_rows(self, object_name: str, key_field: str, rows: Sequence[Mapping[str, Value]]) -> list[WriteResult]:
        self._count(rows)
        if not self.schema.fields[key_field].is_key:
            return [WriteResult(error=WriteError("salesforce-key-unusable", Reaction.SETUP)) for _ in rows]
        return [self._save(row, key_field) for row in rows]

    def insert_rows(self, object_name: str, rows: Sequence[Mapping[str, Value]]) -> list[WriteResult]:
        self._count(rows)
        return [self._save(row, None) for row in rows]

    def values(self, short: str) -> list[Value]:
        return [value for record in self.records for name, value in record.items() if name.endswith(short)]

    def _count(self, rows: Sequence[object]) -> None:
        self.calls += -(-len(rows) // 1000)

    def _save(self, row: Mapping[str, Value], key_field: str | None) -> WriteResult:
        reference = str(next(value for name, value in row.items() if name.endswith("ReferenceId__c")))
        if reference in self.refuse:
            return WriteResult(error=self.refuse[reference])
        twin = self._by_reference.get(reference)
        if twin is None:
            self.records.append(dict(row))
            self._by_reference[reference] = self.records[-1]
            return WriteResult(ref=Ref(OBJECT, f"a00{len(self.records):015}"), was_created=True)
        if key_field is None:
            return WriteResult(error=WriteError("salesforce-duplicate-value", Reaction.DATA))
        twin.update(row)
        return WriteResult(ref=Ref(OBJECT, "a00000000000000AAA"))


def _cursor(event: TimelineEvent) -> Cursor:
    return Cursor(event.at, event.event_id)


def _is_after(event: TimelineEvent, cursor: Cursor | None) -> bool:
    return cursor is None or _cursor(event) > cursor
