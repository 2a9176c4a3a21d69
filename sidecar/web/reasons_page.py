"""What a code means, as a page."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from sidecar.store.users import Role
from sidecar.web.access import at_least
from sidecar.web.explanations import explain

bp = Blueprint("reasons_page", __name__)


@bp.get("/reasons/<code>")
@at_least(Role.VIEWER)
def show_reason(code: str) -> ResponseReturnValue:
    """Show what happened, what the sidecar does meanwhile, and who can act."""
    explanation = explain(code)
    if explanation is None:
        abort(404)
    return render_template("reason.html", code=code, told=explanation)
