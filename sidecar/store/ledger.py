"""Writes the ledger: runs, and one row per decision. `history.py` reads it (`Ledger.history`).

Outcomes hold no personal data. Values stand in `field_changes` only, encrypted and pruned.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, delete, insert, select, update

from sidecar.errors import LeaseLostError, SafetyError, SetupError, SidecarError, TransientError
from sidecar.records import Ref, Side
from sidecar.store.bulk import insert_all
from sidecar.store.crypto import Cipher
from sidecar.store.history import History, RunState
from sidecar.store.links import Scope
from sidecar.store.outbox import ECHOES
from sidecar.store.session import Database
from sidecar.store.tables import field_changes, outcomes, runs
from sidecar.store.values import dump_values
from sidecar.sync.model import FieldDecision, Outcome, Status, Window

Now = Callable[[], datetime]


_STATE_BY_ERROR: tuple[tuple[type[SidecarError], RunState], ...] = (
    (TransientError, RunState.POSTPONED),
    (SetupError, RunState.BLOCKED),
    (SafetyError, RunState.HELD),
    (LeaseLostError, RunState.STOPPED),
)
_NEEDS_ATTENTION = (Status.REJECTED, Status.FAILED)
WORKER_DIED = "worker-died"


class Ledger:
    """Opens runs and forgets what is old."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self.history = History(database, cipher)

    def open_run(self, instance_id: int, lane: str, trigger: str, now: Now) -> "OpenRun":
        """Open a run as a context manager; one of this lane whose worker died is closed as failed first."""
        at = now()
        left_open = (runs.c.instance_id == instance_id) & (runs.c.lane == lane) & (runs.c.state == RunState.RUNNING)
        died = {"state": RunState.FAILED, "finished_at": at, "error_code": WORKER_DIED}
        row = {
            "instance_id": instance_id,
            "lane": lane,
            "trigger": trigger,
            "state": RunState.RUNNING,
            "started_at": at,
            "heartbeat_at": at,
            "windows": {},
            "counts": {},
            "calls": {},
        }
        with self._database.write() as connection:
            connection.execute(update(runs).where(left_open).values(died))
            key = connection.execute(insert(runs), row).inserted_primary_key
        assert key is not None
        return OpenRun(self._database, int(key[0]), now)

    def for_lane(self, instance_id: int, lane: str, trigger: str, now: Now) -> "LaneRuns":
        """Return the same for one lane, as the engine's RunLog."""
        return LaneRuns(self, instance_id, lane, trigger, now)

    def prune(self, now: datetime, keep_days: int = 30) -> int:
        """Forget the values of fields changed longer ago; outcomes and runs stay. Return how many rows that were."""
        with self._database.write() as connection:
            old = field_changes.c.at < now - timedelta(days=keep_days)
            return connection.execute(delete(field_changes).where(old)).rowcount


@dataclass(frozen=True, slots=True)
class LaneRuns:
    """Opens runs of one lane, all with the same trigger."""

    ledger: Ledger
    instance_id: int
    lane: str
    trigger: str
    now: Now

    def open_run(self) -> "OpenRun":
        """See RunLog."""
        return self.ledger.open_run(self.instance_id, self.lane, self.trigger, self.now)


@dataclass(slots=True)
class OpenRun:
    """A run that is still going on. Leaving the block by an exception marks it by the kind of error and re-raises.

    Nothing is changed any more once someone else closed the run.
    """

    database: Database
    id: int
    now: Now
    state: RunState = RunState.RUNNING
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    windows: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, SidecarError):
            state = next((state for kind, state in _STATE_BY_ERROR if isinstance(error, kind)), RunState.FAILED)
            self.finish(state, error)
        elif error is not None:
            self.finish(RunState.FAILED)
        elif self.state is RunState.RUNNING:
            self.finish(self._state_of_rows())

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Add outcomes to the counts, kept per status and reason, and give a sign of life."""
        for outcome in outcomes:
            self.add_count(outcome.status, outcome.reason, 1)
        self.heartbeat()

    def add_count(self, status: Status, reason: str, number: int) -> None:
        """Add to one count; the next sign of life stores it."""
        self.counts.setdefault(status, Counter())[reason] += number

    def note_window(self, side: Side, feed: str, window: Window, told_by: str) -> None:
        """Remember which stretch of a feed the run reads, and what told it; the next sign of life stores it."""
        read = {"start": window.start.isoformat(), "end": window.end.isoformat(), "told_by": told_by}
        self.windows[f"{side}:{feed}"] = read

    def note_calls(self, side: Side, calls: int) -> None:
        """Remember how many metered calls the run has made on a side so far."""
        self.calls[side] = calls

    def heartbeat(self) -> None:
        """Store what was counted, so that progress can be watched."""
        self._save({})

    def finish(self, state: RunState, error: SidecarError | None = None) -> None:
        """Close the run."""
        self.state = state
        closed: dict[str, Any] = {"state": state, "finished_at": self.now()}
        if error is not None:
            closed |= {
                "error_code": error.code,
                "error_message": error.message[:1000],
                "fixed_by": getattr(error, "fixed_by", None),
            }
        self._save(closed)

    def totals(self) -> dict[str, int]:
        """Return how many outcomes there were per status."""
        return {status: by_reason.total() for status, by_reason in self.counts.items()}

    def _state_of_rows(self) -> RunState:
        return RunState.ATTENTION if any(status in self.counts for status in _NEEDS_ATTENTION) else RunState.DONE

    def _save(self, closed: Mapping[str, Any]) -> None:
        saved = {
            "heartbeat_at": self.now(),
            "counts": {str(status): dict(by_reason) for status, by_reason in self.counts.items()},
            "windows": self.windows,
            "calls": {str(side): calls for side, calls in self.calls.items()},
            **closed,
        }
        still_ours = (runs.c.id == self.id) & (runs.c.state == RunState.RUNNING)
        with self.database.write() as connection:
            connection.execute(update(runs).where(still_ours).values(saved))


def append_outcomes(
    connection: Connection, cipher: Cipher, scope: Scope, settled: Sequence[Outcome], now: datetime
) -> None:
    """Append outcomes and field changes to the ledger, in the caller's transaction, under the lane's open run if any.

    Mere echoes are counted by the run and leave no row.
    """
    news = [outcome for outcome in settled if not is_echo(outcome)]
    if not news:
        return
    is_open = (runs.c.instance_id == scope.instance_id) & (runs.c.lane == scope.lane)
    open_run = select(runs.c.id).where(is_open, runs.c.state == RunState.RUNNING).order_by(runs.c.id.desc()).limit(1)
    shared = {"instance_id": scope.instance_id, "run_id": connection.scalar(open_run), "at": now}
    insert_all(connection, outcomes, [shared | {"lane": scope.lane} | _outcome_row(outcome) for outcome in news])
    changes = [shared | row for outcome in news for row in _change_rows(outcome, cipher)]
    insert_all(connection, field_changes, changes)


def is_echo(outcome: Outcome) -> bool:
    """Tell whether an outcome says only that nothing is new."""
    return outcome.status is Status.SKIPPED and outcome.reason in ECHOES and not outcome.changes


def _outcome_row(outcome: Outcome) -> dict[str, Any]:
    decision = outcome.decision
    host, salesforce = _end(outcome, Side.HOST), _end(outcome, Side.SALESFORCE)
    return {
        "trigger_side": decision.pair.trigger,
        "host_object": host and host.object,
        "host_id": host and host.id,
        "salesforce_object": salesforce and salesforce.object,
        "salesforce_id": salesforce and salesforce.id,
        "action": decision.action,
        "status": outcome.status,
        "reason": outcome.reason,
        "waits_for": outcome.waits_for,
        "fields": [_field_without_values(decided) for decided in decision.fields],
        "consent_reason": decision.consent and decision.consent.reason,
    }


def _field_without_values(decided: FieldDecision) -> dict[str, str | None]:
    return {
        "name": decided.name,
        "outcome": decided.outcome,
        "reason": decided.reason,
        "target": decided.target,
    }


def _end(outcome: Outcome, side: Side) -> Ref | None:
    """Return who an outcome is about on one side: the linked one, else the one that was read, else the one that triggered it."""
    pair = outcome.decision.pair
    record, link = pair.record(side), outcome.link or pair.link
    if record is not None and outcome.link is None:
        return record.ref
    if link is not None:
        return link.end(side)
    return pair.trigger_ref if pair.trigger is side else None


def _change_rows(outcome: Outcome, cipher: Cipher) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for side, name, before, after in outcome.changes:
        ref = _end(outcome, side)
        if ref is not None:
            token = cipher.encrypt(dump_values(before, after))
            rows.append(
                {"side": side, "object": ref.object, "record_id": ref.id, "field": name, "before_after": token,
                 "key_id": cipher.key_id}
            )  # fmt: skip
    return rows
