"""Upkeep that belongs to no lane."""

from sidecar import checks
from sidecar.bootstrap import bootstrap
from sidecar.hooks.intake import REMEMBERED
from sidecar.store.host_events import HostEvents


def prune() -> int:
    """Forget values of fields that were changed longer ago than is kept, and old deliveries; return how many values."""
    app = bootstrap()
    HostEvents(app.database).prune(app.clock() - REMEMBERED)
    return app.ledger.prune(app.clock(), app.settings.keep_days)


def check_connections(instance_id: int) -> bool:
    """Sign in to both sides of an instance; tell whether both can be worked with."""
    app = bootstrap()
    return all(found.is_ok for found in checks.check_connections(app, app.instances.get_by_id(instance_id)))
