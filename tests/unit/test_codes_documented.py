"""Every code that people can meet is explained, once, and nothing is explained that does not exist any more."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from sidecar.cli.output import ExitCode
from sidecar.lanes import BUSY
from sidecar.salesforce.errors import REACTION_BY_CODE, row_error
from sidecar.store.history import RunState
from sidecar.sync.model import Status
from sidecar.sync.settle import MAX_ATTEMPTS
from sidecar.web.language import LANGUAGES
from tests.codes import ANYTHING, Source, codes_in_source

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("reasons.md", "errors.md", "problems.md")
FAMILY = "…"
"""Stands in a page for the part of a code that only a running program knows."""


@cache
def rows_of(page: str) -> tuple[tuple[str, ...], ...]:
    """Return the rows that explain a code: the code, and the other cells."""
    found = re.findall(r'^\| <a id="([a-z0-9…-]+)"></a>`\1` \| (.+) \|$', (DOCS / page).read_text(), re.MULTILINE)
    return tuple((code, *cells.split(" | ")) for code, cells in found)


@cache
def explained() -> frozenset[str]:
    return frozenset(row[0] for page in PAGES for row in rows_of(page))


@cache
def existing() -> frozenset[str]:
    """Return what the source can say; of a family, the members that Salesforce is known to name."""
    known = {row_error([{"statusCode": code}]).code for code in REACTION_BY_CODE}
    return frozenset({code.replace(ANYTHING, FAMILY) for code in codes_in_source()} | known)


def words_under(page: str, heading: str) -> set[str]:
    section = (DOCS / page).read_text().split(f"{heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z0-9]+)` \|", section, re.MULTILINE))


def test_every_code_is_explained() -> None:
    assert existing() - explained() == set(), "explain these in docs/reasons.md or docs/errors.md"


def test_nothing_is_explained_that_does_not_exist() -> None:
    of_others = {row[0] for row in rows_of("problems.md")}
    assert explained() - of_others - existing() == set()


def test_each_code_is_explained_in_one_place() -> None:
    counted = Counter(row[0] for page in PAGES for row in rows_of(page))
    assert [code for code, number in counted.items() if number > 1] == []


@pytest.mark.parametrize("page", ["reasons.md", "errors.md"])
def test_each_row_says_what_happened_what_goes_on_and_who_can_act(page: str) -> None:
    lines = [line for line in (DOCS / page).read_text().splitlines() if line.startswith("| <a id=")]
    assert len(lines) == len(rows_of(page)), "a row whose anchor is not its code"
    incomplete = [row[0] for row in rows_of(page) if len(row) != 4 or not all(cell.endswith(".") for cell in row[1:])]
    assert incomplete == []


def test_every_way_in_which_a_decision_or_a_run_or_a_command_can_end_is_explained() -> None:
    assert words_under("reasons.md", "## How a decision ends") == set(Status)
    assert words_under("reasons.md", "## How a run ends") == {*RunState, BUSY}
    assert words_under("errors.md", "## Exit codes of the command line") == {str(int(code)) for code in ExitCode}
    assert f"{MAX_ATTEMPTS} tries in a row" in (DOCS / "reasons.md").read_text()


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
@pytest.mark.parametrize("page", PAGES)
def test_every_language_explains_the_same_codes_in_the_same_order(page: str, language: str) -> None:
    english, other = rows_of(page), rows_of(f"{language}/{page}")
    assert [row[0] for row in other] == [row[0] for row in english]
    assert [row[0] for row in other if len(row) != 4 or "" in row] == []
    words = [(row, theirs) for row, theirs in zip(english, other, strict=True) if len(row[1].split()) > 3]
    assert [row[0] for row, theirs in words if row[1] == theirs[1]] == [], "left in English"
    if page == "problems.md":
        who = [re.findall(r"operator|[a-z]+_admin", row[2]) for row in english]
        assert [re.findall(r"operator|[a-z]+_admin", row[2]) for row in other] == who


def test_links_to_a_code_or_a_heading_lead_somewhere() -> None:
    links = [
        (page, (page.parent / target).resolve() if target else page, anchor)
        for page in DOCS.rglob("*.md")
        for target, anchor in re.findall(r"\]\(([\w./-]*)#([^)]+)\)", page.read_text())
    ]
    assert len(links) > 50
    assert [link for link in links if not link[1].exists() or link[2] not in anchors_of(link[1])] == []


@cache
def anchors_of(page: Path) -> set[str]:
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


EXAMPLE = """
LOST = "answer-lost"
BY_ERROR = {"x": ("no-entry", "No entry here")}
class Side(StrEnum):
    HOST = "host"
    GUEST = "guest"
@dataclass
class WriteError:
    code: str
    text: str
def why(value):
    return "too-old" if value else None
def judge():
    return 1, "too-new"
def note(code):
    return code
class Table:
    def note(self, key):
        return key
def decide(side: Side, occasion, number):
    Table().note("a-key")
    name, text = BY_ERROR.get(occasion, ("way-out", "?"))
    word = why(occasion)
    raise SetupError("No", code=f"{side}-gone")
    WriteError(LOST, "a-text")
    WriteError(name, text)
    WriteError(word, "b")
    WriteError(*judge())
    return {"reason": f"number-{number}", "colour": "light-blue"}
"""


def test_the_search_follows_codes_through_tables_functions_and_enumerations(tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(EXAMPLE)
    assert Source([file]).codes() == {
        "answer-lost",
        "no-entry",
        "way-out",
        "too-old",
        "host-gone",
        "guest-gone",
        "number-*",
    }
