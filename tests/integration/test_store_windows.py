"""Windows: opened once, resumed where they were cut short, never going back."""

from datetime import timedelta

import pytest

from sidecar.errors import LeaseLostError
from sidecar.records import Side
from sidecar.store.history import Freshness, History
from sidecar.store.instances import Instances
from sidecar.sync.model import Cursor, Window
from sidecar.sync.window import OVERLAP
from tests.builders_store import CIPHER, NOW, Worker

BEGIN = NOW - timedelta(days=7)
LATER = NOW + timedelta(hours=1)
LEAD = (Side.SALESFORCE, "Lead")


@pytest.fixture
def worker(database):
    instance = Instances(database).add("acme", "Acme", NOW, synced_from=BEGIN)
    return Worker(database, instance.id)


def test_the_first_window_begins_exactly_where_the_instance_does(worker):
    assert worker.take().open_window(*LEAD, NOW) == Window(BEGIN, NOW)


def test_an_open_window_keeps_its_end_whoever_resumes_it(worker):
    worker.take().open_window(*LEAD, NOW)
    assert worker.take_over().open_window(*LEAD, LATER) == Window(BEGIN, NOW)


def test_a_window_that_was_cut_short_resumes_after_its_cursor(worker):
    store = worker.take()
    store.open_window(*LEAD, NOW)
    cursor = Cursor(NOW - timedelta(microseconds=1), "00Q000000000000001")
    store.save_cursor(*LEAD, cursor)
    assert worker.take_over().open_window(*LEAD, LATER) == Window(BEGIN, NOW, cursor)


def test_the_window_after_reads_everything_since_with_an_overlap(worker):
    store = worker.take()
    store.open_window(*LEAD, NOW)
    store.save_cursor(*LEAD, Cursor(NOW, "x"))
    store.advance(*LEAD)
    assert store.open_window(*LEAD, LATER) == Window(NOW - OVERLAP, LATER)


def test_no_window_starts_before_the_instance_does(worker):
    store = worker.take()
    store.open_window(*LEAD, BEGIN + timedelta(minutes=5))
    store.advance(*LEAD)
    assert store.open_window(*LEAD, NOW) == Window(BEGIN, NOW)


def test_feeds_sides_and_lanes_are_followed_each_for_itself(worker, database):
    store = worker.take()
    store.open_window(*LEAD, NOW)
    store.advance(*LEAD)
    companies = Worker(database, worker.instance_id, lane="companies").take()
    assert store.open_window(Side.SALESFORCE, "Contact", LATER).start == BEGIN
    assert store.open_window(Side.HOST, "Lead", LATER).start == BEGIN
    assert companies.open_window(*LEAD, LATER).start == BEGIN


def test_a_clock_that_went_back_gives_an_empty_window_and_no_earlier_watermark(worker, database):
    store = worker.take()
    store.open_window(*LEAD, NOW)
    store.advance(*LEAD)
    window = store.open_window(*LEAD, NOW - timedelta(hours=2))
    assert window.start == window.end == NOW - OVERLAP
    store.advance(*LEAD)
    (freshness,) = History(database, CIPHER).freshness(worker.instance_id)
    assert freshness.seen_until == NOW


def test_freshness_tells_what_is_seen_and_what_is_being_read(worker, database):
    store = worker.take()
    store.open_window(*LEAD, NOW)
    store.advance(*LEAD)
    store.open_window(*LEAD, LATER)
    store.open_window(Side.HOST, "contact", NOW)
    assert History(database, CIPHER).freshness(worker.instance_id) == [
        Freshness("people", Side.HOST, "contact", None, NOW),
        Freshness("people", *LEAD, NOW, LATER),
    ]


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.open_window(Side.HOST, "contact", NOW),
        lambda store: store.save_cursor(*LEAD, Cursor(LATER, "stolen")),
        lambda store: store.advance(*LEAD),
    ],
)
def test_a_worker_that_lost_its_lease_moves_nothing(worker, act):
    slow = worker.take()
    slow.open_window(*LEAD, NOW)
    current = worker.take_over()
    with pytest.raises(LeaseLostError):
        act(slow)
    assert current.open_window(*LEAD, LATER) == Window(BEGIN, NOW)
