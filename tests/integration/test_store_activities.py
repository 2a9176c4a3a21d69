"""What the activities lane remembers: events sent or waiting, whose past was sent, how far each feed was read."""

from datetime import timedelta

import pytest

from sidecar.activities.model import LogRow, LogState
from sidecar.errors import LeaseLostError
from sidecar.store.activities import SqlActivityStore
from sidecar.store.lane import LeasedLane
from sidecar.store.links import Scope
from sidecar.store.schedule import Schedules
from sidecar.sync.model import Cursor, Link, LinkState, Window
from sidecar.sync.window import OVERLAP
from tests.builders_store import NOW, Clock, Worker, an_instance, an_outcome, host, lead, linked

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def instance(database):
    return an_instance(database)


@pytest.fixture
def store(database, instance):
    return a_store(database, instance)


def a_store(database, instance, at=NOW):
    fence = Schedules(database).claim_lease(instance.id, "activities", "worker", at, 60)
    return SqlActivityStore(LeasedLane(database, Scope(instance.id, "activities"), "worker", fence, Clock(at)))


def a_row(number, state=LogState.WRITTEN, at=NOW, **values):
    return LogRow(
        **{"event_id": f"PageHit{number}", "reference_id": f"PageHit{number}-{lead(1).id}", "event_type": "page.hit",
           "salesforce_id": lead(1).id, "state": state, "at": at, "reason": "", **values}
    )  # fmt: skip


def test_an_event_is_known_once_it_was_written_or_rejected(store):
    store.add([a_row(1), a_row(2, LogState.REJECTED), a_row(3, LogState.WAITING)])
    assert store.known([f"PageHit{number}" for number in range(2000)]) == {"PageHit1", "PageHit2"}


def test_an_event_of_another_instance_is_not_known(store, database):
    store.add([a_row(1)])
    assert a_store(database, an_instance(database, "other")).known(["PageHit1"]) == set()


def test_waiting_events_come_back_those_tried_longest_ago_first(store):
    store.add([a_row(1, LogState.WAITING), a_row(2, LogState.WAITING, NOW - HOUR), a_row(3)])
    store.add([a_row(4, LogState.WAITING, event_type="email.read")])
    retries = store.retries(["page.hit", "form.submitted"], 10)
    assert [event.log.event_id for event in retries] == ["PageHit2", "PageHit1"]
    assert len(store.retries(["page.hit", "email.read"], 2)) == 2
    assert store.retries([], 10) == []


def test_an_event_waits_since_its_first_failure(store):
    store.add([a_row(1, LogState.WAITING, reason="locked")])
    again = a_row(1, LogState.WAITING, NOW + HOUR, reason="limit", salesforce_id=lead(2).id)
    store.add([again])
    (event,) = store.retries(["page.hit"], 10)
    assert (event.since, event.log) == (NOW, again)
    store.add([a_row(1, at=NOW + DAY)])
    assert store.retries(["page.hit"], 10) == []


def test_only_living_links_count_and_each_person_is_new_once(store, database, instance):
    gone = an_outcome(3, Link(host(3), lead(3), LinkState.DELETED_IN_SALESFORCE))
    Worker(database, instance.id).take().settle([linked(2), gone, linked(1)])
    assert store.linked(["1", "2", "3", "4"]) == {"1": lead(1), "2": lead(2)}
    assert store.new_links(1) == [("2", lead(2))]
    store.mark_started(["2", "2"])
    assert store.new_links(10) == [("1", lead(1))]
    store.mark_started(["1", "2"])
    assert store.new_links(10) == []


def test_a_feed_begins_where_it_is_told_and_never_starts_earlier(store, database, instance):
    begin = NOW - HOUR
    assert store.open_window("page.hit", NOW, begin) == Window(begin, NOW)
    store.save_cursor("page.hit", Cursor(NOW - timedelta(minutes=1), "7"))
    assert store.open_window("page.hit", NOW + HOUR, NOW).after == Cursor(NOW - timedelta(minutes=1), "7")
    store.advance("page.hit")
    assert store.open_window("page.hit", NOW + HOUR, NOW, 30 * DAY) == Window(begin, NOW + HOUR)


def test_a_late_feed_reads_further_back_than_the_overlap(store):
    store.open_window("email.read", NOW, NOW - 90 * DAY)
    store.advance("email.read")
    assert store.open_window("email.read", NOW + HOUR, NOW, DAY).start == NOW - OVERLAP - DAY


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.open_window("page.hit", NOW, NOW),
        lambda store: store.save_cursor("page.hit", Cursor(NOW, "1")),
        lambda store: store.advance("page.hit"),
        lambda store: store.mark_started(["1"]),
        lambda store: store.add([a_row(1)]),
    ],
)
def test_a_worker_that_lost_its_lease_writes_nothing(store, database, instance, act):
    current = a_store(database, instance, NOW + HOUR)
    with pytest.raises(LeaseLostError):
        act(store)
    assert current.known(["PageHit1"]) == set()
