"""Upkeep that belongs to no lane."""

from sidecar import checks
from sidecar.bootstrap import bootstrap


def prune() -> int:
    """Forget values of fields that were changed longer ago than is kept; return how many."""
    app = bootstrap()
    return app.ledger.prune(app.clock(), app.settings.keep_days)


def check_connections(instance_id: int) -> bool:
    """Sign in to both sides of an instance; tell whether both can be worked with."""
    app = bootstrap()
    return all(found.is_ok for found in checks.check_connections(app, app.instances.get_by_id(instance_id)))
