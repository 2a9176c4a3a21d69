"""What a code means: its line of the documentation, as a page. The documentation is in English."""

import re
from functools import cache
from pathlib import Path

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from sidecar.store.users import Role
from sidecar.web.access import at_least

bp = Blueprint("reasons_page", __name__)

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = ("reasons.md", "errors.md", "problems.md")
_LINE = re.compile(r'^\| <a id="(?P<code>[a-z0-9-]+)"></a>`(?P=code)` \| (?P<cells>.*) \|$', re.MULTILINE)
_SHAPES = (
    (re.compile(r"`([^`]+)`"), Markup(r"<code>\1</code>")),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
)


@bp.get("/reasons/<code>")
@at_least(Role.VIEWER)
def show_reason(code: str) -> ResponseReturnValue:
    """Show what happened, what the sidecar does meanwhile, and who can act."""
    cells = _known().get(code)
    if cells is None:
        abort(404)
    return render_template("reason.html", code=code, cells=[_shaped(cell) for cell in cells])


@cache
def _known() -> dict[str, tuple[str, ...]]:
    """Return what each code's line says; the first document that names a code counts."""
    found: dict[str, tuple[str, ...]] = {}
    for name in DOCUMENTS:
        path = DOCS / name
        for line in _LINE.finditer(path.read_text(encoding="utf-8") if path.exists() else ""):
            found.setdefault(line["code"], tuple(line["cells"].split(" | ")))
    return found


def _shaped(text: str) -> Markup:
    """Write the little Markdown that the tables use; links become their words."""
    shaped = str(escape(text))
    for pattern, shape in _SHAPES:
        shaped = pattern.sub(shape, shaped)
    return Markup(shaped)  # noqa: S704  (escaped above; what is added is ours)
