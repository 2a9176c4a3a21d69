"""One run of one lane of one instance. Returns how the run ended; what it did is in the ledger."""

from sidecar.bootstrap import bootstrap
from sidecar.lanes import run_lane
from sidecar.logs import log_context
from sidecar.store.instances import RUNNING_STATES


def sync_people(instance_id: int, trigger: str = "schedule") -> str:
    """Bring people of both sides into step."""
    return _run(instance_id, "people", trigger)


def push_now(instance_id: int, trigger: str = "push") -> str:
    """Bring people into step before their time, because the host wants some of them in Salesforce now."""
    return _run(instance_id, "people", trigger)


def push_activities(instance_id: int, trigger: str = "schedule") -> str:
    """Show in Salesforce what people did."""
    return _run(instance_id, "activities", trigger)


def reconcile(instance_id: int, trigger: str = "schedule") -> str:
    """Compare both sides with what was agreed, and have what differs looked at."""
    return _run(instance_id, "reconcile", trigger)


def _run(instance_id: int, lane: str, trigger: str) -> str:
    app = bootstrap()
    instance = app.instances.get_by_id(instance_id)
    if instance.state not in RUNNING_STATES:
        return instance.state  # paused or blocked after this was queued
    with log_context(instance=instance_id, lane=lane):
        return run_lane(app, instance, lane, trigger).state
