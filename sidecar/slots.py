"""Slots on their way to the queue: those whose time has come, and lanes that are wanted before their time.

Whoever hears of news asks for an early run. It comes some seconds after the first who asked, or at once when many records
wait, and is queued by the process that asked: nobody waits for the next minute's tick. Any number of processes may ask.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sidecar.bootstrap import App
from sidecar.config import Settings
from sidecar.errors import SidecarError, TransientError
from sidecar.queue import enqueue
from sidecar.store.schedule import HASTE, DueSlot, Schedules

JOB_BY_LANE = {
    "people": "jobs.sync.sync_people",
    "activities": "jobs.sync.push_activities",
    "reconcile": "jobs.sync.reconcile",
}
PEOPLE = "people"
EARLY_TRIGGER = "webhook"
LOOK_AGAIN = timedelta(seconds=1)
"""How soon to look whether a lane that is running has ended."""
LONGEST_SECONDS = 30.0

_log = logging.getLogger(__name__)


def enqueue_due(app: App, now: datetime) -> int:
    """Queue a job per due slot; if that fails, put the slots that were not queued back."""
    slots = app.schedules.claim_due(now)
    queued = 0
    for position, slot in enumerate(slots):
        try:
            queued += enqueue_slot(slot, app.settings)
        except TransientError:
            put_back(app, slots[position:], now)
            raise
    return queued


def enqueue_early(app: App, instance_id: int, lane: str, now: datetime) -> int:
    """Queue one lane of one instance if it is due; if that fails, put its slot back.

    A job of the lane that still waits will do: it begins later than now, and a run reads all that was noted until it began.
    """
    slots = app.schedules.claim_due(now, only=(instance_id, lane))
    try:
        return sum(_enqueue_early_slot(slot, app.settings) for slot in slots)
    except TransientError:
        put_back(app, slots, now)
        raise


def enqueue_slot(slot: DueSlot, settings: Settings) -> bool:
    """Queue the job of one slot, unless someone did already."""
    return enqueue(JOB_BY_LANE[slot.lane], slot.instance_id, job_id=_job_id(slot), settings=settings)


def _enqueue_early_slot(slot: DueSlot, settings: Settings) -> bool:
    return enqueue(
        JOB_BY_LANE[slot.lane],
        slot.instance_id,
        EARLY_TRIGGER,
        job_id=_job_id(slot),
        settings=settings,
        unless_waiting=_job_id(replace(slot, slot_text="")),
    )


def _job_id(slot: DueSlot) -> str:
    return f"{slot.lane}-{slot.instance_id}-{slot.slot_text}"


def put_back(app: App, slots: Sequence[DueSlot], now: datetime) -> None:
    """Make slots due again that were claimed but could not be queued."""
    for slot in slots:
        app.schedules.postpone(slot.instance_id, slot.lane, now)


@dataclass(slots=True)
class Wake:
    """Makes one lane due early, once for many reasons."""

    schedules: Schedules
    instance_id: int
    lane: str
    many: int
    _ends_at: datetime | None = None
    _waiting: int = 0

    def want(self, count: int, now: datetime, *, wait: timedelta = HASTE, is_urgent: bool = False) -> datetime | None:
        """Ask for a run that looks at so many more records; return when the lane runs next, or None if that is not planned.

        The moment is what all processes agreed on: with it begins the next time of gathering, here as there.
        """
        if self._ends_at is None or now >= self._ends_at:
            self._ends_at, self._waiting = now + HASTE, 0
        self._waiting += count
        at = now if is_urgent or self._waiting >= self.many else min(self._ends_at, now + wait)
        planned = self.schedules.hasten(self.instance_id, self.lane, at, now)
        self._ends_at = min(planned or at, now + HASTE)
        return planned


@dataclass(slots=True)
class EarlyRuns:
    """Asks for early runs of any lanes, and queues them when their moment has come. One per process."""

    app: App
    _wakes: dict[tuple[int, str], Wake] = field(default_factory=dict)
    _moments: dict[tuple[int, str], datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def want(
        self, instance_id: int, lane: str, count: int, *, wait: timedelta = HASTE, is_urgent: bool = False
    ) -> None:
        """Ask for an early run; see Wake. A lane that was postponed, or never planned, is left to the clockwork."""
        now, many = self.app.clock(), self.app.settings.early_run_records
        with self._lock:
            wake = self._wakes.setdefault((instance_id, lane), Wake(self.app.schedules, instance_id, lane, many))
            planned = wake.want(count, now, wait=wait, is_urgent=is_urgent)
            if planned is not None and planned <= now + HASTE:
                self._moments[instance_id, lane] = planned

    def start_due(self) -> datetime | None:
        """Queue the lanes whose moment has come; return when to come back, or None if nothing is planned here.

        The slot of a lane that is running stays, and so does one the queue does not take now: both are tried again.
        """
        now = self.app.clock()
        with self._lock:
            for (instance_id, lane), at in sorted(self._moments.items()):
                if at <= now:
                    self._start(instance_id, lane, now)
            return min(self._moments.values(), default=None)

    def _start(self, instance_id: int, lane: str, now: datetime) -> None:
        try:
            enqueue_early(self.app, instance_id, lane, now)
            again = now + LOOK_AGAIN if self.app.schedules.is_running(instance_id, lane, now) else None
        except SidecarError as error:
            _log.warning("An early run was not queued yet", extra={"code": error.code, "instance": instance_id})
            again = now + HASTE
        del self._moments[instance_id, lane]
        if again is not None:
            self._moments[instance_id, lane] = again


@dataclass(slots=True)
class Starter:
    """Starts early runs in a thread of its own, each when its moment has come, while `running` is open."""

    early: EarlyRuns
    _news: threading.Event = field(default_factory=threading.Event)
    _is_ending: bool = False

    def notify(self) -> None:
        """Say that somebody asked for an early run."""
        self._news.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start runs until the block is left. Whatever was not started then is left to the clockwork."""
        thread = threading.Thread(target=self._work, name="early runs", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_ending = True
            self._news.set()
            thread.join()

    def _work(self) -> None:
        while not self._is_ending:
            self._news.clear()
            at = self.early.start_due()
            self._news.wait(seconds_until(at, self.early.app.clock()))
        self.early.start_due()


def seconds_until(moment: datetime | None, now: datetime) -> float:
    """Return how long to wait for news before a moment comes, or for a good while if there is none."""
    if moment is None:
        return LONGEST_SECONDS
    return min(max((moment - now).total_seconds(), 0.05), LONGEST_SECONDS)
