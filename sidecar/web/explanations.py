"""What the documentation says of a code, in the language of the page where it is written in that language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from sidecar.web.language import current_locale

DOCS = Path(__file__).parents[2] / "docs"
FOLDERS: Mapping[str, Path] = {"en": DOCS, "fr": DOCS / "fr"}
OF_PROBLEMS = "problems.md"
"""Its rows say who can act where the others say what the sidecar does meanwhile."""
DOCUMENTS = ("reasons.md", "errors.md", OF_PROBLEMS)
FAMILY = "…"
"""Ends the code of a row that explains all codes beginning like it."""

_ROW = re.compile(r'^\| <a id="(?P<code>[a-z0-9…-]+)"></a>`(?P=code)` \| (?P<cells>.*) \|$', re.MULTILINE)
_FIXER = re.compile(r"operator|host_admin|salesforce_admin")
_SHAPES = (
    (re.compile(r"`([^`]+)`"), Markup(r"<code>\1</code>")),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means. Of `meanwhile` and `fixers` (who can act, as codes) one is told, the other empty."""

    language: str
    what: Markup
    meanwhile: Markup
    fixers: tuple[str, ...]
    act: Markup


def explain(code: str) -> Explanation | None:
    """Return what the documentation says of a code, or None if it knows neither it nor its family."""
    for language in (str(current_locale().language), "en"):
        known = _known(language)
        found = known.get(code) or next((known[name] for name in _families(known, code)), None)
        if found is not None:
            return found
    return None


def _families(known: Mapping[str, Explanation], code: str) -> list[str]:
    """Return the families that a code belongs to, the nearest first."""
    return sorted(
        (name for name in known if name.endswith(FAMILY) and code.startswith(name[:-1])), key=len, reverse=True
    )


@cache
def _known(language: str) -> Mapping[str, Explanation]:
    """Return what each row says; the first document that names a code counts. Without the documents, codes stand alone."""
    found: dict[str, Explanation] = {}
    for name in DOCUMENTS if language in FOLDERS else ():
        path = FOLDERS[language] / name
        for row in _ROW.finditer(path.read_text(encoding="utf-8") if path.exists() else ""):
            what, middle, act = row["cells"].split(" | ")
            meanwhile, fixers = ("", _FIXER.findall(middle)) if name == OF_PROBLEMS else (middle, ())
            told = Explanation(language, _shaped(what), _shaped(meanwhile), tuple(fixers), _shaped(act))
            found.setdefault(row["code"], told)
    return found


def _shaped(text: str) -> Markup:
    """Write the little Markdown that the tables use; links become their words."""
    shaped = str(escape(text))
    for pattern, shape in _SHAPES:
        shaped = pattern.sub(shape, shaped)
    return Markup(shaped)  # noqa: S704  (escaped above; what is added is ours)
