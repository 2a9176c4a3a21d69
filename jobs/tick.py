"""The clockwork: once a minute, from cron or a loop, on one machine or several. It decides nothing and keeps nothing."""

from collections.abc import Sequence
from datetime import datetime

from jobs import JOB_BY_LANE
from sidecar.bootstrap import App, bootstrap
from sidecar.config import Settings
from sidecar.errors import TransientError
from sidecar.queue import enqueue, queue_server
from sidecar.store.schedule import DueSlot


def tick() -> int:
    """Queue every lane that is due, and the upkeep of this hour; return how many jobs were queued.

    Errors: TransientError when the queue does not answer. Nothing is lost by it: what was due is due again.
    """
    app = bootstrap()
    now = app.clock()
    with queue_server(app.settings):
        queued = enqueue_due(app, now)
        enqueue("jobs.maintenance.prune", job_id=f"prune-{now:%Y%m%dT%H}", settings=app.settings)
        return queued


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


def enqueue_slot(slot: DueSlot, settings: Settings) -> bool:
    """Queue the job of one slot, unless someone did already."""
    job_id = f"{slot.lane}-{slot.instance_id}-{slot.slot_text}"
    return enqueue(JOB_BY_LANE[slot.lane], slot.instance_id, job_id=job_id, settings=settings)


def put_back(app: App, slots: Sequence[DueSlot], now: datetime) -> None:
    """Make slots due again that were claimed but could not be queued."""
    for slot in slots:
        app.schedules.postpone(slot.instance_id, slot.lane, now)
