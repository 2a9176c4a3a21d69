"""Runs one lane of one instance under its lease, and is the only place that reacts to a SidecarError.

SetupError → blocked, with an alert, and tried again at the next slot, unless only a new sign-in at Salesforce can mend it:
then the whole instance is blocked · TransientError → postponed · SafetyError → held for a person · lost lease → stopped.
Anything else is a bug: the ledger marks the run failed and the error goes on.
"""

import os
import socket
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sidecar import limits, pushing
from sidecar.activities.model import ActivityOutcome
from sidecar.activities.run import push_activities
from sidecar.bootstrap import App, OpenSides
from sidecar.errors import (
    BudgetError,
    LeaseLostError,
    SafetyError,
    SetupError,
    SidecarError,
    TransientError,
    UsageError,
)
from sidecar.hook_watch import watch_hook
from sidecar.logs import log_context
from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.preflight import WARNINGS, preflight, without_segments
from sidecar.mapping.rules import Problem, Rules
from sidecar.mapping.scope import with_since
from sidecar.reconcile import Reconciliation
from sidecar.records import Side
from sidecar.salesforce.refusals import CONNECTION_CODES, MENDED_HERE
from sidecar.salesforce.timeline import OrgTimeline
from sidecar.store.activities import SqlActivityStore
from sidecar.store.bulk_jobs import SqlBulkJobs
from sidecar.store.history import RunState
from sidecar.store.instances import Instance
from sidecar.store.lane import LeasedLane, SqlLaneStore
from sidecar.store.ledger import OpenRun
from sidecar.store.links import Scope
from sidecar.store.outbox import Outbox
from sidecar.store.preview import PreviewStore, UncountedRun
from sidecar.sync.batches import BATCH_SIZE
from sidecar.sync.model import Outcome, Reaction, Status, Window
from sidecar.sync.run import Lane, sync_mapping
from sidecar.sync.safety import Brake
from sidecar.sync.urgent import sync_urgent

BUSY = "busy"
"""The state of a run that never began, because somebody else has the lane."""

Watch = Callable[[Mapping[str, int]], None]
"""Hears how many outcomes there are per status, as they grow."""

DEFAULT_PAUSE = timedelta(minutes=10)
NO_TIMELINE = Problem(
    "host-has-no-timeline", "The host keeps no timeline, so no activities are sent: switch this lane off", "operator"
)
REMEMBER_RULES = timedelta(days=30)
"""After that, what waits is looked at again in any case."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to: its state, its counts by status and reason, and the error that ended it, if one did."""

    state: RunState | str
    run_id: int | None = None
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    error: SidecarError | None = None


@dataclass(frozen=True, slots=True)
class LaneContext:
    """All that a lane's work needs while its lease is held."""

    app: App
    instance: Instance
    lane: str
    owner: str
    fence: int
    run: OpenRun
    watch: Watch
    is_confirmed: bool = False
    trigger: str = ""


def run_lane(
    app: App, instance: Instance, lane: str, trigger: str, *, is_confirmed: bool = False, watch: Watch = lambda _: None
) -> RunReport:
    """Run a lane once if nobody else is, and report. Safe to call twice; `is_confirmed` releases the brake for this run."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    fence = app.schedules.claim_lease(instance.id, lane, owner, app.clock(), app.settings.lease_seconds)
    if fence is None:
        return RunReport(BUSY)
    try:
        run = app.ledger.open_run(instance.id, lane, trigger, app.clock)
        with log_context(run=run.id):
            return _run_leased(LaneContext(app, instance, lane, owner, fence, run, watch, is_confirmed, trigger))
    finally:
        app.schedules.release_lease(instance.id, lane, fence)


def _run_leased(work: LaneContext) -> RunReport:
    app, run = work.app, work.run
    try:
        with run, app.open_sides(work.instance) as sides:
            try:
                problems = LANES[work.lane](work, sides)
                if work.trigger == "schedule":
                    watch_hook(app, work.instance, sides.host, at_once=work.lane == "reconcile")
                    limits.refresh_limits(app, work.instance, sides, has_written=Status.WRITTEN in run.counts)
            finally:
                _note_calls(work, sides)
    except SidecarError as error:
        _react(work, error)
        limits.tell(app, work.instance, run.calls.get(Side.SALESFORCE, 0), error)
        return RunReport(run.state, run.id, run.counts, run.calls, error)
    limits.tell(app, work.instance, run.calls.get(Side.SALESFORCE, 0))
    app.alerts.replace(work.instance.id, work.lane, problems, app.clock())
    app.connections.note_working(work.instance.id, Side.SALESFORCE, app.clock())
    return RunReport(run.state, run.id, run.counts, run.calls)


@contextmanager
def open_preview(app: App, instance: Instance, name: str) -> Iterator[Lane]:
    """Open a lane that reads everything and writes nothing, for dry runs and explanations. Needs no lease."""
    with app.open_sides(instance) as sides:
        rules = prepare_rules(app, instance, name, sides)
        store = PreviewStore(app.database, Scope(instance.id, rules.mapping.lane))
        yield Lane(rules, sides.by_side, store, UncountedRun(), app.clock, Brake(store.count_links(), is_released=True))


def _run_people(work: LaneContext, sides: OpenSides) -> tuple[Problem, ...]:
    """Sync the people mapping; return what preflight found on the way. Opt-outs and deletions go on without budget."""
    try:
        lane = _people_lane(work, sides)
        sides.salesforce.finish_jobs()
        pushing.take_in(work.app, work.instance.id, sides.host)
        answering = pushing.prepare(work.app, work.instance.id, work.run.id)
        sync_mapping(lane)
        pushing.settle(work.app, lane, sides.salesforce, answering)
    except BudgetError:
        with suppress(BudgetError), sides.gate.on_reserve():
            sync_urgent(_people_lane(work, sides), sides.gate.may_listen)
        raise
    problems = [problem for problem in lane.rules.problems if problem.code not in WARNINGS]
    if rival := sides.host.find_rival(work.app.clock()):
        problems.append(rival)
    return tuple(problems)


def _people_lane(work: LaneContext, sides: OpenSides) -> Lane:
    rules = prepare_rules(work.app, work.instance, "people", sides)
    store = SqlLaneStore(
        work.app.database,
        work.app.cipher,
        work.instance.id,
        work.lane,
        fence=work.fence,
        owner=work.owner,
        now=work.app.clock,
    )
    _wake_if_rules_changed(work, rules)
    brake = Brake(store.count_links(), is_released=work.is_confirmed)
    leased = LeasedLane(work.app.database, Scope(work.instance.id, work.lane), work.owner, work.fence, work.app.clock)
    sides.salesforce.use_jobs(SqlBulkJobs(leased), threshold=work.app.settings.bulk_threshold)
    calls = work.app.budgets.calls(work.instance.id, work.app.clock())
    size = min(BATCH_SIZE, calls.records_at_once)
    return Lane(rules, sides.by_side, store, _Watched(work), work.app.clock, brake, batch_size=size)


def _wake_if_rules_changed(work: LaneContext, rules: Rules) -> None:
    """Look again at what waits for data or set-up once the mapping or a schema changed: it may fit now."""
    app, name = work.app, f"rules:{rules.mapping.name}"
    cache = app.cache(work.instance, Side.SALESFORCE)
    if cache.get(name) == rules.signature():
        return
    for waits_for in (Reaction.SETUP, Reaction.DATA, Reaction.RULES):
        Outbox(app.database).wake(work.instance.id, work.lane, waits_for)
    cache.put(name, rules.signature(), expires_at=app.clock() + REMEMBER_RULES)


@dataclass(frozen=True, slots=True)
class _Watched:
    """The run's counts, shown to whoever watches as they grow."""

    work: LaneContext

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """See OpenRun of the engine's ports."""
        self.work.run.count(outcomes)
        limits.count_operations(
            self.work.app, self.work.instance, sum(each.status is Status.WRITTEN for each in outcomes)
        )
        self.work.watch(self.work.run.totals())

    def note_window(self, side: Side, feed: str, window: Window, told_by: str) -> None:
        """See OpenRun of the engine's ports."""
        self.work.run.note_window(side, feed, window, told_by)


def prepare_rules(app: App, instance: Instance, name: str, sides: OpenSides) -> Rules:
    """Hold a mapping against what both sides show today; SetupError if it cannot be followed at all."""
    mapping = with_since(app.mapping(instance, name), instance.synced_from)
    rules = preflight(
        mapping,
        sides.host.describe(mapping.host_object),
        {name: sides.salesforce.describe(name) for name in mapping.salesforce_objects},
        fingerprint=Fingerprinter(instance.salt),
    )
    rules = without_segments(rules, sides.host.missing_segments(rules))
    blocking = next((problem for problem in rules.problems if problem.is_blocking), None)
    if blocking:
        raise SetupError(blocking.message, code=blocking.code, fixed_by=blocking.fixed_by)
    return rules


def _run_reconcile(work: LaneContext, sides: OpenSides) -> tuple[Problem, ...]:
    """Compare people with what was agreed; what differs is left to the next run of their lane."""
    rules = prepare_rules(work.app, work.instance, "people", sides)
    Reconciliation(work.app, work.instance, sides, rules, work.run).reconcile()
    return ()


def _run_activities(work: LaneContext, sides: OpenSides) -> tuple[Problem, ...]:
    """Push timeline events of linked people; return what is missing for it, in the org or in the host."""
    app, timeline = work.app, sides.host.timeline
    if timeline is None:
        return (NO_TIMELINE,)
    store = SqlActivityStore(
        LeasedLane(app.database, Scope(work.instance.id, work.lane), work.owner, work.fence, app.clock)
    )
    report = push_activities(
        app.activities(work.instance),
        timeline,
        store,
        OrgTimeline(sides.salesforce),
        now=app.clock(),
        on_outcomes=lambda outcomes: _count_events(work, outcomes),
    )
    return tuple(report.problems)


def _count_events(work: LaneContext, outcomes: Sequence[ActivityOutcome]) -> None:
    for (status, reason), number in Counter((each.status, each.reason) for each in outcomes).items():
        work.run.add_count(status, reason, number)
    work.run.heartbeat()
    limits.count_operations(work.app, work.instance, sum(each.status is Status.WRITTEN for each in outcomes))
    work.watch(work.run.totals())


LANES: Mapping[str, Callable[[LaneContext, OpenSides], tuple[Problem, ...]]] = {
    "people": _run_people,
    "activities": _run_activities,
    "reconcile": _run_reconcile,
}
"""Every lane and its work."""


def _note_calls(work: LaneContext, sides: OpenSides) -> None:
    """Remember what the run cost on each side, whether it ended well or not."""
    now = work.app.clock()
    for side, calls in ((Side.HOST, sides.host.calls), (Side.SALESFORCE, sides.salesforce.calls)):
        work.run.note_calls(side, calls)
    # Those to Salesforce were counted by its gate, each before it was made.
    work.app.usage.add(work.instance.id, Side.HOST, now, sides.host.calls, used=None, allowed=None)


def _react(work: LaneContext, error: SidecarError) -> None:
    """Do what each kind of error asks for."""
    app, instance, lane, now = work.app, work.instance, work.lane, work.app.clock()
    match error:
        case BudgetError():
            _wait_for_calls(work, now + timedelta(seconds=error.retry_after_seconds or 0))
        case TransientError():
            pause = timedelta(seconds=error.retry_after_seconds) if error.retry_after_seconds else DEFAULT_PAUSE
            app.schedules.postpone(instance.id, lane, now + pause)
        case SetupError() | SafetyError() | UsageError():
            fixed_by = error.fixed_by if isinstance(error, SetupError) else "administrator"
            app.alerts.open(instance.id, lane, error.code, error.message, fixed_by, now)
            _note_broken(app, instance, error)
        case LeaseLostError():
            pass  # the other worker goes on from what was settled
        case _:
            raise error


def _wait_for_calls(work: LaneContext, free_at: datetime) -> None:
    """Go on as soon as calls are free. The slots before that stay: each looks for opt-outs and deletions."""
    planned = work.app.schedules.get(work.instance.id, work.lane).next_run_at
    if planned is None or free_at < planned:
        work.app.schedules.postpone(work.instance.id, work.lane, free_at)


def _note_broken(app: App, instance: Instance, error: SidecarError) -> None:
    """Show an org that does not let us in as broken; one that never will again of itself is not asked any more."""
    if error.code in CONNECTION_CODES:
        app.connections.note_check(instance.id, Side.SALESFORCE, app.clock(), code=error.code, message=error.message)
    if error.code in MENDED_HERE:
        app.instances.block(instance.id)
