"""What must be looked at again: hints, retries, crashed writes, records that wait for someone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sidecar.errors import LeaseLostError
from sidecar.records import Record, Side
from sidecar.store.outbox import Outbox
from sidecar.sync.model import Action, LookAgain, Reaction, Status
from tests.builders_store import NOW, Worker, a_decision, a_pair, an_instance, an_outcome, host, lead, linked


@pytest.fixture
def worker(database):
    return Worker(database, an_instance(database).id)


@pytest.fixture
def outbox(database):
    return Outbox(database)


def due(store, now=NOW, limit=100):
    return [replace(item, id=0) for item in store.load_due(now, limit)]


def waiting(number=1, waits_for=Reaction.DATA, **values):
    return an_outcome(number, status=Status.REJECTED, reason="bad-value", waits_for=waits_for, **values)


def retry(number=1, minutes=5):
    at = NOW + timedelta(minutes=minutes)
    return an_outcome(number, status=Status.DEFERRED, reason="locked", waits_for=Reaction.RETRY, try_again_at=at)


def test_a_write_that_was_intended_and_settled_leaves_nothing(worker):
    store = worker.take()
    store.intend([a_decision()])
    store.settle([an_outcome()])
    assert due(worker.take_over(), worker.clock()) == []


def test_a_write_that_was_never_settled_is_looked_into_by_the_next_run_only(worker):
    crashed = worker.take()
    crashed.intend([a_decision()])
    assert due(crashed) == []
    assert due(worker.take_over(), worker.clock()) == [LookAgain(Side.HOST, host(1), "unsettled")]


def test_a_hint_is_due_at_once_and_gone_when_it_was_followed(worker, outbox):
    outbox.hint(worker.instance_id, "people", Side.SALESFORCE, [lead(1), lead(2), lead(1)], "webhook")
    store = worker.take()
    assert due(store) == [LookAgain(Side.SALESFORCE, lead(number), "webhook") for number in (1, 2)]
    pair = a_pair(trigger=Side.SALESFORCE, trigger_ref=lead(1), salesforce=Record(lead(1)))
    store.settle([an_outcome(pair=pair)])
    assert [item.ref for item in due(store)] == [lead(2)]


def test_a_hint_about_one_end_is_answered_by_settling_the_pair(worker, outbox):
    outbox.hint(worker.instance_id, "people", Side.SALESFORCE, [lead(1)], "webhook")
    store = worker.take()
    due(store)
    store.settle([linked(1)])
    assert due(store) == []


def test_a_hint_that_comes_in_while_its_record_is_worked_on_is_not_lost(worker, outbox):
    store = worker.take()
    store.load_due(NOW, 100)
    store.intend([a_decision()])
    outbox.hint(worker.instance_id, "people", Side.HOST, [host(1)], "webhook")
    assert due(store) == []
    store.settle([an_outcome()])
    assert due(store) == [LookAgain(Side.HOST, host(1), "webhook")]


def test_hints_belong_to_one_lane_of_one_instance(worker, outbox, database):
    outbox.hint(worker.instance_id, "people", Side.HOST, [host(1)], "webhook")
    assert due(Worker(database, worker.instance_id, lane="companies").take()) == []
    assert due(Worker(database, an_instance(database, "other").id).take()) == []


def test_a_retry_comes_back_at_its_time_and_counts_its_attempts(worker):
    store = worker.take()
    store.intend([a_decision()])
    store.settle([retry()])
    assert due(store, NOW + timedelta(minutes=4)) == []
    assert due(store, NOW + timedelta(minutes=5)) == [LookAgain(Side.HOST, host(1), "locked", attempts=1)]
    store.intend([a_decision()])
    store.settle([retry(minutes=60)])
    assert due(store, NOW + timedelta(minutes=60)) == [LookAgain(Side.HOST, host(1), "locked", attempts=2)]


def test_a_crash_does_not_forget_earlier_attempts(worker):
    store = worker.take()
    store.settle([retry()])
    store.intend([a_decision()])
    assert due(worker.take_over(), worker.clock()) == [LookAgain(Side.HOST, host(1), "unsettled", attempts=1)]


@pytest.mark.parametrize("waits_for", [Reaction.DATA, Reaction.SETUP, Reaction.PERSON])
def test_what_waits_for_someone_is_listed_and_never_due(worker, outbox, waits_for):
    worker.take().settle([waiting(waits_for=waits_for)])
    assert due(worker.take_over(), NOW + timedelta(days=365)) == []
    (listed,) = outbox.waiting(worker.instance_id, "people")
    assert (listed.side, listed.ref, listed.reason, listed.waits_for) == (Side.HOST, host(1), "bad-value", waits_for)
    assert outbox.counts(worker.instance_id, "people") == {waits_for: 1}


def test_a_waiting_record_is_off_the_list_once_it_is_settled_without_error(worker, outbox):
    store = worker.take()
    store.settle([waiting()])
    store.settle([an_outcome()])
    assert outbox.waiting(worker.instance_id, "people") == []


def test_waking_makes_due_what_waited_for_this(worker, outbox):
    store = worker.take()
    store.settle([waiting(1, Reaction.SETUP), waiting(2, Reaction.PERSON)])
    assert outbox.wake(worker.instance_id, "people", Reaction.SETUP) == 1
    assert due(store) == [LookAgain(Side.HOST, host(1), "bad-value")]


def test_a_waiting_record_is_remembered_as_it_was_seen(worker):
    store = worker.take()
    store.settle([waiting(1, seen="abc"), waiting(2, Reaction.PERSON, seen="def"), waiting(3)])
    refs = [host(number) for number in range(5)]
    assert store.load_waiting(Side.HOST, refs) == {host(1): "abc", host(2): "def"}
    assert store.load_waiting(Side.SALESFORCE, refs) == {}


@pytest.mark.parametrize("problem", ["still-waiting", "unchanged"])
def test_seeing_a_waiting_record_again_unchanged_leaves_it_waiting(worker, outbox, problem):
    store = worker.take()
    store.settle([waiting(seen="abc")])
    decision = a_decision(a_pair(problem=problem), action=Action.SKIP, reason=problem, writes=())
    store.settle([replace(an_outcome(), decision=decision, status=Status.SKIPPED, reason=problem)])
    assert len(outbox.waiting(worker.instance_id, "people")) == 1


def test_a_hint_wakes_a_waiting_record(worker, outbox):
    store = worker.take()
    store.settle([waiting(waits_for=Reaction.PERSON)])
    outbox.hint(worker.instance_id, "people", Side.HOST, [host(1)], "sync-now")
    assert due(store) == [LookAgain(Side.HOST, host(1), "sync-now")]


def test_due_entries_come_in_pages(worker, outbox):
    outbox.hint(worker.instance_id, "people", Side.HOST, [host(number) for number in range(7)], "webhook")
    store, seen, last = worker.take(), [], 0
    while page := store.load_due(NOW, 3, last):
        last = page[-1].id
        seen += [item.ref for item in page]
    assert sorted(seen) == [host(number) for number in range(7)]


def test_nothing_is_intended_once_the_lease_is_lost(worker):
    slow = worker.take()
    current = worker.take_over()
    with pytest.raises(LeaseLostError):
        slow.intend([a_decision()])
    assert due(current, worker.clock()) == []
