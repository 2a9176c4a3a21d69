"""One run: what it decided, how often, and why. Every number leads to the decisions behind it."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.errors import UsageError
from sidecar.store.history import OutcomeFilter, Run
from sidecar.store.outbox import ECHOES
from sidecar.store.overview import PAGE_ROWS
from sidecar.store.users import Role
from sidecar.sync.model import Status
from sidecar.web.access import at_least, require_visible
from sidecar.web.app import history, overview, sidecar
from sidecar.web.instances_page import last_id

bp = Blueprint("runs_page", __name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which decisions the address asks for."""

    status: Status | None
    reason: str | None


@bp.get("/instances/<slug>/runs/<int:run_id>")
@at_least(Role.VIEWER)
def show_run(slug: str, run_id: int) -> ResponseReturnValue:
    """Show a run's counts and a page of its decisions, newest first."""
    view = require_visible(overview().find(slug, sidecar().clock()))
    run, chosen = _require_run(view.id, run_id), _chosen()
    wanted = OutcomeFilter(run_id=run.id, status=chosen.status, reason=chosen.reason)
    outcomes = history().outcomes(view.id, wanted, limit=PAGE_ROWS, before=request.args.get("before", type=int))
    return render_template(
        "run.html",
        view=view,
        run=run,
        chosen=chosen,
        reasons=_reasons(run.counts),
        statuses={status: run.total(status) for status in Status},
        echoes=ECHOES,
        outcomes=outcomes,
        later=last_id(outcomes),
    )


def _require_run(instance_id: int, run_id: int) -> Run:
    try:
        return history().run(instance_id, run_id)
    except UsageError:
        abort(404)


def _chosen() -> Chosen:
    status = request.args.get("status")
    known = status in list(Status)
    return Chosen(Status(status) if known and status else None, request.args.get("reason") or None)


def _reasons(counts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, int]]:
    """Return (status, reason, count), the most frequent first within each status."""
    in_order = [status for status in Status if status in counts]
    return [
        (status, reason, count)
        for status in in_order
        for reason, count in sorted(counts[status].items(), key=lambda entry: (-entry[1], entry[0]))
    ]
