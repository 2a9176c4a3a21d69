"""The lines of a check, of either side, as the command line shows them."""

from collections.abc import Iterable
from typing import Any

from rich.table import Table

from sidecar.cli.output import a_table
from sidecar.lines import Line


def describe_lines(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return lines as plain data."""
    return [
        {
            "code": line.code,
            "status": line.status.value,
            "about": line.about,
            "what": line.what,
            "how": line.how,
            "fixed_by": line.fixed_by or None,
        }
        for line in lines
    ]


def lines_table(lines: Iterable[Line], *, is_green: bool, more: str = "") -> Table:
    """Return lines as a table; its title says whether all is well."""
    rows = [(line.status.value, line.about, line.what, line.how, line.fixed_by.replace("_", " ")) for line in lines]
    title = "Green" if is_green else "Something must be put right"
    return a_table(title + more, ("", "About", "What", "How", "Who"), rows)
