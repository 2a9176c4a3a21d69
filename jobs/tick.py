"""The clockwork: once a minute, from cron or a loop, on one machine or several. It decides nothing and keeps nothing."""

from sidecar.bootstrap import bootstrap
from sidecar.queue import enqueue, queue_server
from sidecar.slots import enqueue_due


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
