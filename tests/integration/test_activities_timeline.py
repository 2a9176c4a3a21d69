"""Mautic's timeline read from the database of a real 5.1.1, held against what its own REST feed told at that time."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine
from sqlalchemy import event as engine_event

from sidecar.activities.model import TimelineEvent
from sidecar.hosts.mautic import timeline
from sidecar.hosts.mautic.database import open_database
from sidecar.hosts.mautic.timeline import TimelineReader
from sidecar.hosts.mautic.timeline_sources import TIMELINE_SOURCES
from sidecar.sync.model import Cursor, Window
from tests.recorded_mautic import FOLDER, loaded_dump, run_sql

BASE_URL = "http://127.0.0.1:8090"
ALWAYS = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
TYPES = tuple(TIMELINE_SOURCES)

# Rows that were merged away or deleted between the recording of the feed and that of the database.
GONE = {
    "FormSubmitted35",
    "FormSubmitted37",
    "LeadSourceIdentified1073",
    "LeadSourceIdentified1074",
    "MessageQueue1",
    "PointGained222",
    "PointGained223",
}


@pytest.fixture(scope="module")
def database_url(mariadb_url: str) -> Iterator[str]:
    with loaded_dump(mariadb_url, "final") as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def reader(engine: Engine) -> TimelineReader:
    return TimelineReader(engine, "", BASE_URL)


def read_all(reader: TimelineReader, *event_types: str) -> dict[str, TimelineEvent]:
    pages = (page for each in event_types or TYPES for page in reader.read_window(each, ALWAYS))
    return {event.event_id: event for page in pages for event in page.events}


def recorded_events() -> dict[str, dict[str, Any]]:
    """Every event that any recorded answer of the REST feed shows, by the id Mautic's own plugin makes of it."""
    found: dict[str, dict[str, Any]] = {}

    def walk(part: Any) -> None:
        if isinstance(part, dict) and {"event", "eventType", "timestamp"} <= part.keys():
            found["".join(word[:1].upper() + word[1:] for word in part["eventId"].split("."))] = part
        for child in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            walk(child)

    for path in (FOLDER / "api").glob("*activity*.json"):
        walk(json.loads(path.read_text()))
    return found


def as_shown(event: dict[str, Any]) -> tuple[object, ...]:
    label = event["eventLabel"]
    text, link = (label["label"], label.get("href")) if isinstance(label, dict) else (label, None)
    text = re.sub(r" <i .*", "", text)  # an icon of the web page
    return event["event"], event["eventType"], text, link, datetime.fromisoformat(event["timestamp"])


def as_read(event: TimelineEvent) -> tuple[object, ...]:
    return event.event_type, event.type_name, event.label, event.link, event.at


def test_events_are_those_of_the_recorded_feed(reader: TimelineReader) -> None:
    shown = {key: event for key, event in recorded_events().items() if event["event"] != "page.videohit"}
    read = read_all(reader)
    # A failed line of an import belongs to nobody.
    missing = {key for key in shown if key not in read and shown[key].get("contactId") is not None}
    assert missing <= GONE
    both = shown.keys() & read.keys()
    assert len(both) > 100
    assert {event["event"] for event in shown.values()} >= set(TYPES) - set(UNSEEN) - {"page.videohit"}
    assert {key: as_read(read[key]) for key in both} == {key: as_shown(shown[key]) for key in both}
    people = {key: str(shown[key]["contactId"]) for key in both if shown[key].get("contactId")}
    assert {key: read[key].contact_id for key in people} == people


def test_a_persons_timeline_is_complete(reader: TimelineReader) -> None:
    asked_at = datetime(2026, 11, 21, 21, 20, 14, tzinfo=UTC)
    types = sorted(set(TYPES) - {"page.videohit"})
    pages = reader.read_for_contacts(types, ["56"], ALWAYS.start)
    read = {event.event_id for page in pages for event in page if event.at < asked_at}
    shown = {each for each, event in recorded_events().items() if str(event.get("contactId")) == "56"}
    assert len(shown) > 30
    assert read == shown


@pytest.mark.parametrize("event_type", TYPES)
def test_every_type_can_be_read(reader: TimelineReader, event_type: str) -> None:
    read = read_all(reader, event_type)
    for each in read.values():
        assert each.event_type == event_type
        assert each.label
        assert each.at.tzinfo is UTC
    by_id = {each.event_id: each for each in reader.read_again(event_type, list(read))}
    assert by_id == read


UNSEEN = {
    "email.failed": "UPDATE email_stats SET is_failed = 1 WHERE id = 5",
    "message.queue": "INSERT INTO message_queue (id, lead_id, channel, channel_id, priority, max_attempts, attempts, "
    "success, status, date_published) VALUES (1, 56, 'email', 5, 2, 3, 0, 0, 'pending', '2026-11-21 21:55:53')",
    "focus.on_click": "INSERT INTO focus_stats (id, focus_id, lead_id, type, date_added) "
    "VALUES (7, 1, 56, 'click', '2026-11-21 21:30:00')",
    "sms_reply": "INSERT INTO lead_event_log (id, lead_id, bundle, object, action, date_added, properties) "
    "VALUES (90001, 56, 'sms', 'sms', 'reply', '2026-11-21 21:30:00', '{\"message\": \"Stop!\"}')",
    "integration_sync_issues": "INSERT INTO lead_event_log (id, lead_id, bundle, object, action, date_added, "
    "properties) VALUES (90002, 56, 'integrations', 'x', 'y', '2026-11-21 21:30:00', '{\"message\": \"Too long\"}')",
}


def test_types_without_a_recorded_row_read_what_mautic_would_write(mariadb_url: str) -> None:
    with loaded_dump(mariadb_url, "final") as url:
        run_sql(url, ";".join(UNSEEN.values()))
        engine = open_database(url)
        read = read_all(TimelineReader(engine, "", BASE_URL), *UNSEEN)
        engine.dispose()
    assert {key: (event.label, event.link) for key, event in read.items()} == {
        "EmailFailed5": ("Welcome mail", f"{BASE_URL}/email/view/6b0209e1225bb450490282"),
        "MessageQueue1": ("Message Queued for channel - email 5", f"{BASE_URL}/s/emails/view/5"),
        "FocusOn_click7": ("Focus bar", f"{BASE_URL}/s/focus/view/1"),
        "Sms_reply90001": ("Stop!", None),
        "Integration_sync_issues90002": ("Too long", None),
    }


def test_an_event_that_failed_says_why(reader: TimelineReader) -> None:
    reasons = [event.description for event in read_all(reader, "campaign.event.scheduled").values()]
    assert sum("mailbox unavailable" in (reason or "") for reason in reasons) == 1


def test_words_that_are_gone_leave_the_name_of_the_type(engine: Engine) -> None:
    source = TIMELINE_SOURCES["form.submitted"]
    assert timeline.fill(source.label, {"form_name": None}) is None
    assert timeline.fill(source.link, {"form_id": None}) is None


def test_pages_neither_skip_nor_repeat_rows_of_one_second(
    reader: TimelineReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_all(reader, "lead.source.identified")
    monkeypatch.setattr(timeline, "PAGE_SIZE", 7)
    pages = list(reader.read_window("lead.source.identified", ALWAYS))
    ids = [event.event_id for page in pages for event in page.events]
    assert len(ids) == len(set(ids)) == len(whole) > 300
    people = sorted({event.contact_id for event in whole.values()})
    for_people = reader.read_for_contacts(["lead.source.identified"], people, ALWAYS.start)
    assert sorted(event.event_id for page in for_people for event in page) == sorted(ids)


def test_a_window_is_half_open_and_resumes_after_its_cursor(reader: TimelineReader) -> None:
    events = list(read_all(reader, "point.gained").values())
    start, end = events[10].at, events[-10].at
    inside = [event for event in events if start <= event.at < end]
    [page] = reader.read_window("point.gained", Window(start, end))
    assert list(page.events) == inside
    row = inside[5].event_id.removeprefix("PointGained")
    [rest] = reader.read_window("point.gained", Window(start, end, Cursor(inside[5].at, row)))
    assert list(rest.events) == inside[6:]


def test_replies_resume_after_a_key_that_is_no_number(reader: TimelineReader) -> None:
    [page] = reader.read_window("email.replied", ALWAYS)
    assert page.cursor.id == "10c8e8d8-f0a5-4b1d-b1e4-65a321851d19"
    assert list(reader.read_window("email.replied", Window(ALWAYS.start, ALWAYS.end, page.cursor))) == []


def test_a_page_is_one_statement_however_many_events_it_has(
    reader: TimelineReader, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    engine_event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    assert len(read_all(reader, "campaign.event")) > 200
    assert len(statements) == 1
    monkeypatch.setattr(timeline, "PAGE_SIZE", 100)
    statements.clear()
    assert len(read_all(reader, "campaign.event")) > 200
    assert len(statements) == 3
    assert not any("OFFSET" in statement.upper() for statement in statements)


def test_idle_reading_is_one_statement_per_type(reader: TimelineReader, engine: Engine) -> None:
    statements: list[str] = []
    engine_event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    now = reader.now()
    for event_type in TYPES:
        list(reader.read_window(event_type, Window(now - timedelta(minutes=20), now)))
    assert len(statements) == len(TYPES) + 1


def test_tables_may_have_a_prefix_and_may_be_missing(database_url: str) -> None:
    engine = open_database(database_url)
    assert TimelineReader(engine, "", BASE_URL).missing_types([*TYPES, "nonsense"]) == ("nonsense",)
    assert TimelineReader(engine, "mau_", BASE_URL).missing_types(TYPES) == TYPES
    engine.dispose()


def test_the_clock_is_the_databases(reader: TimelineReader) -> None:
    assert abs(reader.now() - datetime.now(UTC)) < timedelta(seconds=60)
    assert reader.now().microsecond == 0


Copy = Callable[[str], Engine]


@pytest.mark.parametrize("text_of", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"])
def test_sqlite_shows_the_same_events(
    engine: Engine, reader: TimelineReader, tmp_path: Any, text_of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = sorted({table for source in TIMELINE_SOURCES.values() for table in source.tables.values()})
    url = f"sqlite:///{tmp_path}/mautic.db"
    copy = sqlalchemy.create_engine(url)
    with engine.connect() as theirs, copy.begin() as ours:
        for table in tables:
            rows = theirs.execute(sqlalchemy.text(f"SELECT * FROM {table}"))
            names = [f'"{name}"' for name in rows.keys()]  # noqa: SIM118  (not a dict)
            ours.exec_driver_sql(f"CREATE TABLE {table} ({', '.join(names)})")
            places = ", ".join("?" * len(names))
            for row in rows:
                values = tuple(
                    value.strftime(text_of) if isinstance(value, datetime) else _plain(value) for value in row
                )
                ours.exec_driver_sql(f"INSERT INTO {table} VALUES ({places})", values)
    copy.dispose()
    sqlite = open_database(url)
    on_sqlite = TimelineReader(sqlite, "", BASE_URL)
    monkeypatch.setattr(timeline, "PAGE_SIZE", 10)
    assert read_all(on_sqlite) == read_all(reader)
    assert on_sqlite.missing_types(TYPES) == ()
    assert abs(on_sqlite.now() - datetime.now(UTC)) < timedelta(seconds=60)
    sqlite.dispose()


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | float | bytes) else str(value)
