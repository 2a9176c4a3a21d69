"""What real orgs once answered: read it by name, and see which of it the contract tests use.

`salesforce/index.tsv` says of each file what kind it is and whether it is live, that is, came out of a real org.
"""

import ast
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SALESFORCE: Final = Path(__file__).parent / "salesforce"
CONTRACT_TESTS: Final = Path(__file__).parents[1] / "contract"
READERS: Final = frozenset({"recorded", "exchange", "recorded_text", "of"})
"""Functions that read a recording; `of` is Answer.of."""

TABLES: Final = frozenset({"parametrize", "param", "Case", "Described", "Asked", "Saved", "RefusedCall", "RefusedRow"})
"""Calls that hand names to a test that reads them: the rows of its table."""


def recorded(name: str) -> dict[str, Any]:
    """Return the response part of a recorded exchange: status, headers, body."""
    response: dict[str, Any] = exchange(name)["response"]
    return response


def exchange(name: str) -> dict[str, Any]:
    """Return a whole recorded exchange: request and response, or several of them under `interactions`."""
    found: dict[str, Any] = json.loads((SALESFORCE / f"{name}.json").read_text())
    return found


def recorded_text(name: str) -> str:
    """Return a recorded file that is no JSON, as it is: CSV with its own line ends."""
    return (SALESFORCE / name).read_bytes().decode()


def index() -> list[dict[str, str]]:
    """Return what is known of each recording: file, live (yes or no), kind, recorded (when)."""
    with (SALESFORCE / "index.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def live() -> set[str]:
    """Return the files that came out of a real org."""
    return {row["file"] for row in index() if row["live"] == "yes"}


def used(folder: Path = CONTRACT_TESTS) -> set[str]:
    """Return the files that the tests of a folder read by name."""
    sources = (path.read_text() for path in sorted(folder.rglob("*.py")))
    return {file for source in sources for file in files_read(source)}


def files_read(source: str) -> set[str]:
    """Return the recordings that a test module hands to a reader or writes into a table of cases.

    A name that merely stands somewhere, in a comment, a list or a set, is no use of it.
    """
    known = {row["file"] for row in index()}
    names = {text for call in _calls(ast.parse(source)) for text in _texts(call)}
    return known & {form for name in names for form in (name, f"{name}.json")}


def _calls(module: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in READERS | TABLES:
                yield node


def _texts(call: ast.Call) -> Iterator[str]:
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        for node in ast.walk(argument):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
