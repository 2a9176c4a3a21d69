"""Upkeep that belongs to no lane."""

from sidecar.bootstrap import bootstrap


def prune() -> int:
    """Forget values of fields that were changed longer ago than is kept; return how many."""
    app = bootstrap()
    return app.ledger.prune(app.clock(), app.settings.keep_days)
