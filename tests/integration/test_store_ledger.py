"""The ledger: how runs end, what is told of each decision, and what is kept of values."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from sidecar.errors import LeaseLostError, SafetyError, SetupError, TransientError, UsageError
from sidecar.records import Record, Side
from sidecar.store.history import OutcomeFilter, RunState
from sidecar.store.ledger import Ledger
from sidecar.store.tables import metadata
from sidecar.sync.model import (
    Action,
    ConsentDecision,
    FieldDecision,
    FieldOutcome,
    Reaction,
    Status,
    Window,
)
from tests.builders_store import (
    CIPHER,
    NOW,
    Clock,
    Worker,
    a_decision,
    a_pair,
    an_instance,
    an_outcome,
    host,
    lead,
    linked,
)

SECRET = "ada@example.org"


@pytest.fixture
def instance(database):
    return an_instance(database)


@pytest.fixture
def ledger(database):
    return Ledger(database, CIPHER)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def a_run(ledger, instance, clock):
    return ledger.for_lane(instance.id, "people", "schedule", clock).open_run


@pytest.fixture
def only_run(ledger, instance):
    """Return the one run there is."""

    def get():
        (run,) = ledger.history.runs(instance.id)
        return run

    return get


def test_a_run_without_trouble_is_done_and_says_what_it_did(a_run, only_run, clock):
    with a_run() as run:
        run.note_window(Side.HOST, "contact", Window(NOW - timedelta(hours=1), NOW), "the log")
        run.count([an_outcome(1), an_outcome(2), an_outcome(3, status=Status.SKIPPED, reason="unchanged")])
        run.count([an_outcome(4)])
        run.note_calls(Side.SALESFORCE, 7)
        clock.pass_(seconds=30)
    found = only_run()
    assert (found.state, found.started_at, found.finished_at) == (RunState.DONE, NOW, NOW + timedelta(seconds=30))
    assert found.counts == {"written": {"changed": 3}, "skipped": {"unchanged": 1}}
    assert (found.total(Status.WRITTEN), found.total(Status.FAILED)) == (3, 0)
    assert found.calls == {"salesforce": 7}
    assert found.windows == {
        "host:contact": {"start": "2026-05-04T11:00:00+00:00", "end": "2026-05-04T12:00:00+00:00", "told_by": "the log"}
    }
    assert (found.trigger, run.state) == ("schedule", RunState.DONE)


def test_progress_can_be_watched(a_run, only_run, clock):
    with a_run() as run:
        clock.pass_(seconds=5)
        run.count([an_outcome()])
        found = only_run()
    assert (found.state, found.heartbeat_at) == (RunState.RUNNING, NOW + timedelta(seconds=5))
    assert found.counts == {"written": {"changed": 1}}


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED])
def test_a_run_is_as_bad_as_its_worst_row(a_run, only_run, status):
    with a_run() as run:
        run.count([an_outcome(1), an_outcome(2, status=status)])
    assert only_run().state is RunState.ATTENTION


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (TransientError("wait", code="salesforce-limit"), RunState.POSTPONED, "salesforce-limit"),
        (SetupError("fix", code="signin-refused", fixed_by="salesforce_admin"), RunState.BLOCKED, "signin-refused"),
        (SafetyError("too many", code="brake"), RunState.HELD, "brake"),
        (LeaseLostError("gone", code="lease-lost"), RunState.STOPPED, "lease-lost"),
        (UsageError("what", code="odd"), RunState.FAILED, "odd"),
        (KeyError(SECRET), RunState.FAILED, None),
        (KeyboardInterrupt(), RunState.FAILED, None),
    ],
)
def test_an_error_ends_the_run_in_its_own_way_and_goes_on(a_run, only_run, error, state, code):
    with pytest.raises(type(error)), a_run():
        raise error
    found = only_run()
    assert (found.state, found.error_code, found.finished_at) == (state, code, NOW)
    assert found.fixed_by == getattr(error, "fixed_by", None)
    assert SECRET not in str(found.error_message)


def test_a_run_whose_worker_died_is_closed_by_the_next_one(a_run, ledger, instance, clock):
    dead = a_run()
    clock.pass_(hours=1)
    with a_run() as run:
        pass
    found = ledger.history.run(instance.id, dead.id)
    assert (found.state, found.error_code, found.finished_at) == (RunState.FAILED, "worker-died", clock())
    assert ledger.history.run(instance.id, run.id).state is RunState.DONE


def test_a_worker_that_was_only_slow_does_not_rewrite_what_was_closed(a_run, ledger, instance):
    slow = a_run()
    with a_run():
        slow.count([an_outcome()])
        slow.finish(RunState.DONE)
    found = ledger.history.run(instance.id, slow.id)
    assert (found.state, found.counts) == (RunState.FAILED, {})


def test_runs_of_other_lanes_go_on(a_run, ledger, instance, clock):
    with ledger.open_run(instance.id, "companies", "schedule", clock) as companies:
        with a_run():
            pass
        assert ledger.history.run(instance.id, companies.id).state is RunState.RUNNING


def test_runs_come_newest_first_in_pages(a_run, ledger, instance):
    ids = []
    for _ in range(5):
        with a_run() as run:
            ids.append(run.id)
    first = ledger.history.runs(instance.id, limit=3)
    rest = ledger.history.runs(instance.id, limit=3, before=first[-1].id)
    assert [run.id for run in first + rest] == ids[::-1]
    assert ledger.history.latest_runs(instance.id)["people"].id == ids[-1]


def test_a_run_of_another_instance_is_not_shown(a_run, ledger, database):
    with a_run() as run:
        pass
    with pytest.raises(UsageError) as caught:
        ledger.history.run(an_instance(database, "other").id, run.id)
    assert caught.value.code == "no-such-run"


def test_every_decision_is_told_with_its_reasons_and_without_values(database, ledger, instance, a_run):
    field = FieldDecision("email", FieldOutcome.WRITE, "host-changed", SECRET, None, Side.SALESFORCE, SECRET)
    decision = a_decision(a_pair(), fields=(field,), consent=ConsentDecision(agreed=True, reason="opt-out-travels"))
    store = Worker(database, instance.id).take()
    with a_run() as run:
        store.settle([replace(linked(1), decision=decision, waits_for=Reaction.DATA)])
    (row,) = ledger.history.outcomes(instance.id, OutcomeFilter(run_id=run.id))
    assert (row.host, row.salesforce, row.trigger, row.lane) == (host(1), lead(1), Side.HOST, "people")
    assert (row.action, row.status, row.reason) == (Action.UPDATE, Status.WRITTEN, "changed")
    assert (row.waits_for, row.consent_reason, row.at) == (Reaction.DATA, "opt-out-travels", NOW)
    assert row.fields == ({"name": "email", "outcome": "write", "reason": "host-changed", "target": "salesforce"},)


def test_mere_echoes_leave_no_row(database, ledger, instance):
    decision = a_decision(a_pair(problem="unchanged"), action=Action.SKIP, reason="unchanged", writes=())
    store = Worker(database, instance.id).take()
    store.settle([replace(an_outcome(), decision=decision, status=Status.SKIPPED, reason="unchanged")])
    assert ledger.history.outcomes(instance.id) == []


def test_outcomes_can_be_asked_for_by_record_status_and_reason_in_pages(database, ledger, instance):
    store = Worker(database, instance.id).take()
    store.settle([linked(number) for number in range(5)])
    store.settle([an_outcome(1, status=Status.HELD, reason="ambiguous-match")])

    def hosts(limit=50, before=None, **wanted):
        found = ledger.history.outcomes(instance.id, OutcomeFilter(**wanted), limit=limit, before=before)
        return [row.host.id for row in found]

    assert hosts() == ["1", "4", "3", "2", "1", "0"]
    assert hosts(side=Side.HOST, ref=host(1)) == ["1", "1"]
    assert hosts(side=Side.SALESFORCE, ref=lead(3)) == ["3"]
    assert hosts(status=Status.HELD) == hosts(reason="ambiguous-match") == ["1"]
    last = ledger.history.outcomes(instance.id, limit=2)[-1]
    assert hosts(limit=2, before=last.id) == ["3", "2"]


def test_changed_values_are_shown_as_they_were_and_unreadable_in_the_database(database, ledger, instance):
    changes = (
        (Side.SALESFORCE, "Email", None, SECRET),
        (Side.SALESFORCE, "Score__c", Decimal("1.50"), Decimal(0)),
        (Side.SALESFORCE, "HasOptedOutOfEmail", False, True),
        (Side.SALESFORCE, "Birthday__c", date(1990, 2, 3), None),
        (Side.SALESFORCE, "Last_Visit__c", None, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (Side.SALESFORCE, "Interests__c", ("Art",), ("Art", "Music")),
        (Side.HOST, "email", SECRET, "other@example.org"),
    )
    Worker(database, instance.id).take().settle([linked(1, changes=changes)])
    found = ledger.history.changes(instance.id, Side.SALESFORCE, lead(1))
    assert [(change.field, change.before, change.after) for change in found[::-1]] == [row[1:] for row in changes[:-1]]
    (on_host,) = ledger.history.changes(instance.id, Side.HOST, host(1))
    assert (on_host.before, on_host.after, on_host.at) == (SECRET, "other@example.org", NOW)
    assert "example.org" not in everything_stored(database)


def test_values_are_forgotten_after_their_days_and_outcomes_are_not(database, ledger, instance):
    worker = Worker(database, instance.id)
    store = worker.take()
    store.settle([linked(1, changes=((Side.HOST, "email", None, SECRET),))])
    assert ledger.prune(NOW + timedelta(days=30), keep_days=30) == 0
    assert ledger.prune(NOW + timedelta(days=30, seconds=1), keep_days=30) == 1
    assert ledger.history.changes(instance.id, Side.HOST, host(1)) == []
    assert len(ledger.history.outcomes(instance.id)) == 1


def test_an_unlinked_record_is_named_by_what_was_read(database, ledger, instance):
    pair = a_pair(trigger=Side.SALESFORCE, trigger_ref=lead(1), host=None, salesforce=Record(lead(1)))
    Worker(database, instance.id).take().settle([an_outcome(pair=pair, status=Status.HELD)])
    (row,) = ledger.history.outcomes(instance.id)
    assert (row.host, row.salesforce) == (None, lead(1))


def everything_stored(database):
    with database.read() as connection:
        return "".join(
            str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(sa.select(table))
        )
