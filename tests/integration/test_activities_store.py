"""What the activities lane remembers; the same cases for the fake of the unit tests and for every engine."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sidecar.activities.model import LogRow, LogState
from sidecar.activities.ports import ActivityStore
from sidecar.errors import LeaseLostError
from sidecar.records import Ref
from sidecar.store.activities import SqlActivityStore
from sidecar.store.lane import LeasedLane
from sidecar.store.links import Scope
from sidecar.store.schedule import Schedules
from sidecar.store.session import Database
from sidecar.store.tables import links
from sidecar.sync.model import Cursor, LinkState
from sidecar.sync.window import OVERLAP
from tests.activities import MemoryActivityStore
from tests.builders_store import LEASE_SECONDS, NOW, Clock, Worker, an_instance, lead, linked

WEEK_AGO = NOW - timedelta(days=7)
HOUR = timedelta(hours=1)


def a_row(event_id: str = "EmailRead9", state: LogState = LogState.WRITTEN, **changes: Any) -> LogRow:
    return replace(LogRow(event_id, f"{event_id}-00Q1", "email.read", "00Q1", state, NOW, "x"), **changes)


@dataclass
class Bench:
    """A store with a way to link contact `number` to a Salesforce record."""

    store: ActivityStore
    link: Callable[[int, Ref], None]
    unlink: Callable[[int], None]


def _memory_bench() -> Bench:
    store = MemoryActivityStore()
    return Bench(
        store,
        lambda number, ref: store.links.__setitem__(str(number), ref),
        lambda number: store.links.pop(str(number), None),
    )


def _sql_bench(database: Database) -> Bench:
    # Another instance with the same ids must never shine through.
    theirs = Worker(database, an_instance(database, "other").id).take()
    theirs.settle([linked(1, 901), linked(2, 902)])
    instance_id = an_instance(database).id
    people = Worker(database, instance_id).take()
    store = take(database, instance_id)

    def link(number: int, ref: Ref) -> None:
        outcome = linked(number)
        found = people.load_links(outcome.decision.pair.trigger, [outcome.link.host]).get(outcome.link.host)
        people.settle([replace(outcome, link=replace(found or outcome.link, salesforce=ref))])

    def unlink(number: int) -> None:
        with database.write() as connection:
            chosen = (links.c.instance_id == instance_id) & (links.c.host_id == str(number))
            connection.execute(update(links).where(chosen).values(state=LinkState.DELETED_IN_SALESFORCE))

    return Bench(store, link, unlink)


def take(database: Database, instance_id: int, clock: Clock | None = None, owner: str = "worker-1") -> SqlActivityStore:
    clock = clock or Clock()
    fence = Schedules(database).claim_lease(instance_id, "activities", owner, clock(), LEASE_SECONDS)
    return SqlActivityStore(LeasedLane(database, Scope(instance_id, "activities"), owner, fence, clock))


@pytest.fixture(params=["memory", "sql"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def bench(kind: str, database: Database) -> Bench:
    return _memory_bench() if kind == "memory" else _sql_bench(database)


@pytest.fixture
def store(bench: Bench) -> ActivityStore:
    return bench.store


def test_a_feed_begins_where_the_first_run_looks_back_to(store: ActivityStore) -> None:
    window = store.open_window("email.read", NOW, WEEK_AGO)
    assert (window.start, window.end, window.after) == (WEEK_AGO, NOW, None)


def test_an_unfinished_window_is_taken_up_after_its_cursor(store: ActivityStore) -> None:
    store.open_window("email.read", NOW, WEEK_AGO)
    store.save_cursor("email.read", Cursor(NOW - HOUR, "17"))
    window = store.open_window("email.read", NOW + HOUR, WEEK_AGO + HOUR)
    assert (window.start, window.end, window.after) == (WEEK_AGO, NOW, Cursor(NOW - HOUR, "17"))


def test_the_next_window_overlaps_the_last(store: ActivityStore) -> None:
    store.open_window("email.read", NOW, WEEK_AGO)
    store.advance("email.read")
    window = store.open_window("email.read", NOW + HOUR, WEEK_AGO + HOUR)
    assert (window.start, window.end, window.after) == (NOW - OVERLAP, NOW + HOUR, None)


def test_feeds_move_on_by_themselves(store: ActivityStore) -> None:
    store.open_window("email.read", NOW, WEEK_AGO)
    store.advance("email.read")
    assert store.open_window("page.hit", NOW + HOUR, WEEK_AGO).start == WEEK_AGO


def test_a_late_feed_looks_further_back_but_not_behind_its_beginning(store: ActivityStore) -> None:
    day = timedelta(days=1)
    assert store.open_window("email.failed", NOW, NOW - day, 7 * day).start == NOW - day
    store.advance("email.failed")
    assert store.open_window("email.failed", NOW + day, NOW, 7 * day).start == NOW - day
    store.advance("email.failed")
    for number in range(2, 10):
        window = store.open_window("email.failed", NOW + number * day, NOW, 7 * day)
        store.advance("email.failed")
    assert window.start == NOW + 8 * day - OVERLAP - 7 * day


def test_only_living_links_count_as_linked(bench: Bench) -> None:
    bench.link(1, lead(1))
    bench.link(2, lead(2))
    bench.unlink(2)
    assert bench.store.linked(["1", "2", "3"]) == {"1": lead(1)}


def test_a_converted_person_is_a_contact_from_then_on(bench: Bench) -> None:
    bench.link(1, lead(1))
    contact = Ref("Contact", "003000000000001AAA")
    bench.link(1, contact)
    assert bench.store.linked(["1"]) == {"1": contact}


def test_new_links_are_those_nobody_started(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.link(number, lead(number))
    assert bench.store.new_links(2) == [("1", lead(1)), ("2", lead(2))]
    bench.store.mark_started(["1", "2"])
    bench.store.mark_started(["2"])
    assert bench.store.new_links(2) == [("3", lead(3))]


def test_written_and_rejected_events_are_known_and_waiting_ones_are_not(store: ActivityStore) -> None:
    store.add([a_row("a"), a_row("b", LogState.REJECTED), a_row("c", LogState.WAITING)])
    assert store.known(["a", "b", "c", "d", "A"]) == {"a", "b"}
    store.add([a_row("c")])
    assert store.known(["c"]) == {"c"}


def test_waiting_events_come_back_those_tried_longest_ago_first(store: ActivityStore) -> None:
    store.add([a_row("a", LogState.WAITING), a_row("b", LogState.WAITING, at=NOW + HOUR)])
    store.add([a_row("a", LogState.WAITING, at=NOW + 2 * HOUR, reason="y")])
    store.add([a_row("c", LogState.WAITING, event_type="page.hit")])
    first, second = store.retries(["email.read"], 5)
    assert (first.log.event_id, first.since) == ("b", NOW + HOUR)
    assert (second.log, second.since) == (a_row("a", LogState.WAITING, at=NOW + 2 * HOUR, reason="y"), NOW)
    assert store.retries(["email.read"], 1) == [first]
    assert store.retries([], 5) == []


def test_a_thousand_events_fit_in_one_question(store: ActivityStore) -> None:
    ids = [f"e{number}" for number in range(1200)]
    store.add([a_row(each) for each in ids])
    assert store.known([*ids, "other"]) == set(ids)


def test_who_lost_the_lease_writes_nothing(sqlite_database: Database) -> None:
    instance_id, clock = an_instance(sqlite_database).id, Clock()
    mine = take(sqlite_database, instance_id, clock)
    clock.pass_(seconds=LEASE_SECONDS + 1)
    take(sqlite_database, instance_id, clock, "worker-2")
    for write in (
        lambda: mine.add([a_row()]),
        lambda: mine.mark_started(["1"]),
        lambda: mine.open_window("email.read", NOW, WEEK_AGO),
        lambda: mine.save_cursor("email.read", Cursor(NOW, "1")),
        lambda: mine.advance("email.read"),
    ):
        with pytest.raises(LeaseLostError):
            write()
    assert mine.known(["EmailRead9"]) == set()
