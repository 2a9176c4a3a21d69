"""Makes the hourly jobs due, ticks, and watches the workers through the runs in the ledger."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from rich.console import Console

from sidecar.bootstrap import App
from sidecar.errors import SetupError
from sidecar.records import Side
from sidecar.store.history import LedgerRow, OutcomeFilter, Run, RunState
from sidecar.store.instances import Instance

LANES = ("people", "activities")
LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 180
A_SECOND_LATER = 1.1
"""Both systems stamp whole seconds; what is stamped in the second a window ends belongs to the next one."""

PUT_OFF = timedelta(hours=1)
EVERYTHING = 1_000_000


@dataclass
class Round:
    """One run of each lane, and the decisions it left in the ledger (mere echoes are counted, not listed)."""

    title: str
    runs: dict[str, Run] = field(default_factory=dict)
    decisions: list[LedgerRow] = field(default_factory=list)

    def total(self, lane: str, *statuses: str) -> int:
        """Return how many outcomes of a lane had one of the statuses; without any, how many there were."""
        counts = self.runs[lane].counts
        return sum(sum(counts.get(status, {}).values()) for status in statuses or counts)

    def calls(self, lane: str, side: Side) -> int:
        """Return how many calls a lane made on a side."""
        return self.runs[lane].calls.get(side, 0)


@dataclass
class Timetable:
    """The hours of the demo, which pass when it says so."""

    app: App
    instance: Instance
    console: Console
    tick: Callable[[], None]
    require_alive: Callable[[], None]

    def pass_an_hour(self, title: str) -> Round:
        """Let an hour begin: people first, so that what they did finds them in Salesforce in the same round."""
        done = Round(title)
        for lane in LANES:
            time.sleep(A_SECOND_LATER)
            self._make_due(lane)
            before = self._newest(lane)
            self.tick()
            done.runs[lane] = self._wait(lane, before.id if before else 0)
            wanted = OutcomeFilter(run_id=done.runs[lane].id)
            done.decisions += self.app.ledger.history.outcomes(self.instance.id, wanted, limit=EVERYTHING)
        return done

    def _make_due(self, lane: str) -> None:
        """Put one lane's next run to now and the others' off."""
        now = self.app.clock()
        for each in LANES:
            schedule = self.app.schedules.get(self.instance.id, each)
            if each == lane:
                self.app.schedules.postpone(self.instance.id, each, now)
            elif schedule.next_run_at is None or schedule.next_run_at <= now + PUT_OFF:
                self.app.schedules.postpone(self.instance.id, each, now + PUT_OFF)

    def _wait(self, lane: str, last_id: int) -> Run:
        """Return the next run once a worker has finished it, showing how far it is meanwhile."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.console.status(f"{lane}: waiting for a worker…") as status:
            while time.monotonic() < deadline:
                self.require_alive()
                run = self._newest(lane)
                if run and run.id > last_id:
                    status.update(f"{lane}: {_seen(run):,} seen")
                    if run.state is not RunState.RUNNING:
                        self._tell(run)
                        return run
                time.sleep(LOOK_SECONDS)
        raise SetupError(f"No worker finished the {lane} lane in {PATIENCE_SECONDS} s", code="demo-too-slow")

    def _newest(self, lane: str) -> Run | None:
        return next(iter(self.app.ledger.history.runs(self.instance.id, limit=1, lane=lane)), None)

    def _tell(self, run: Run) -> None:
        assert run.finished_at is not None
        seconds = (run.finished_at - run.started_at).total_seconds()
        by_status = Counter({status: sum(reasons.values()) for status, reasons in run.counts.items()})
        words = ", ".join(f"{count:,} {status}" for status, count in by_status.most_common()) or "nothing to do"
        trouble = f" – {run.state}: {run.error_code}" if run.error_code else ""
        line = f"  {run.lane:<11}{seconds:4.1f} s  {_seen(run):>5,} seen: {words}{trouble}"
        self.console.print(line, soft_wrap=True, markup=False)


def _seen(run: Run) -> int:
    return sum(sum(reasons.values()) for reasons in run.counts.values())
