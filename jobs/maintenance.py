"""Upkeep that belongs to no lane."""

from datetime import timedelta

from sidecar import checks
from sidecar.bootstrap import bootstrap
from sidecar.field_mapping.counting import run_count
from sidecar.hooks.intake import REMEMBERED
from sidecar.store.host_events import HostEvents
from sidecar.store.launches import Launches

TICKETS_KEPT = timedelta(hours=1)
"""Longer than they are good for, by more than the clocks of our machines differ."""


def prune() -> int:
    """Forget values that were written longer ago than is kept, old deliveries and used tickets; return how many values."""
    app = bootstrap()
    HostEvents(app.database).prune(app.clock() - REMEMBERED)
    Launches(app.database).prune(app.clock() - TICKETS_KEPT)
    return app.ledger.prune(app.clock(), app.settings.keep_days)


def check_connections(instance_id: int) -> bool:
    """Sign in to both sides of an instance; tell whether both can be worked with."""
    app = bootstrap()
    return all(found.is_ok for found in checks.check_connections(app, app.instances.get_by_id(instance_id)))


def count_fields(instance_id: int) -> bool:
    """Count on both sides of an instance how many people have each field filled; tell whether both told."""
    app = bootstrap()
    return run_count(app, app.instances.get_by_id(instance_id))
