"""How a command answers: tables for people, JSON for machines, one exit code for each kind of end."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sidecar.errors import SafetyError, SetupError, SidecarError, TransientError, UsageError

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
SlugArgument = Annotated[str, typer.Argument(metavar="INSTANCE", help="Short name of the instance.")]

console = Console()
errors = Console(stderr=True)


class ExitCode(IntEnum):
    """What a script may rely on."""

    DONE = 0
    SOME_FAILED = 1
    USAGE = 2
    CANNOT_CONNECT = 3
    BRAKE = 5
    LATER = 75


def show(document: Any, *, as_json: bool, table: Table | str | None = None) -> None:
    """Print the document as JSON, or the table (or text) that says the same to people."""
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=_plain) + "\n")
    elif table is not None:
        console.print(table)


def a_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table of texts."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    return table


def a_moment(moment: datetime | None) -> str:
    """Return a moment as people read it, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn what an administrator can understand into one message and an exit code; a bug keeps its traceback."""
    try:
        yield
    except SidecarError as error:
        errors.print(f"[bold red]{error.code}[/]: {escape(error.message)}", highlight=False)
        if isinstance(error, SetupError):
            errors.print(f"Who can fix it: {error.fixed_by.replace('_', ' ')}")
        raise typer.Exit(_exit_code(error)) from error


def _exit_code(error: SidecarError) -> ExitCode:
    match error:
        case UsageError():
            return ExitCode.USAGE
        case SafetyError():
            return ExitCode.BRAKE
        case TransientError():
            return ExitCode.LATER
        case _:
            return ExitCode.CANNOT_CONNECT


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
