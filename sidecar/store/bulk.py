"""Bulk statements that mean the same on every engine. The only place that knows their dialects of upsert."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import mysql, postgresql, sqlite

T = TypeVar("T")
Row = Mapping[str, Any]

CHUNK = 500
"""Values in one IN list; well under the parameters any engine takes in a statement."""


def chunks(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield the values in slices of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def insert_all(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows in one go; nothing happens when there are none."""
    if rows:
        connection.execute(table.insert(), list(rows))


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    keys: Sequence[str],
    *,
    update: Sequence[str] = (),
    add: Sequence[str] = (),
) -> None:
    """Insert rows; where one with the same keys is there, replace columns of `update` and add to those of `add`.

    Rows are sorted by key, so that two writers take their locks in the same order. With nothing to update, rows that are
    there already stay as they are. On MariaDB any unique key counts: only for tables that have just this one.
    """
    if not rows:
        return
    ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
    connection.execute(_statement(connection, table, keys, update, add), ordered)


def _statement(
    connection: Connection, table: Table, keys: Sequence[str], update: Sequence[str], add: Sequence[str]
) -> Insert:
    changed: dict[str, Any]
    if connection.dialect.name == "mysql":
        mine = mysql.insert(table)
        changed = {name: mine.inserted[name] for name in update}
        changed |= {name: table.c[name] + mine.inserted[name] for name in add}
        return mine.on_duplicate_key_update(changed or {keys[0]: table.c[keys[0]]})
    theirs = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    changed = {name: theirs.excluded[name] for name in update}
    changed |= {name: table.c[name] + theirs.excluded[name] for name in add}
    if not changed:
        return theirs.on_conflict_do_nothing(index_elements=keys)
    return theirs.on_conflict_do_update(index_elements=keys, set_=changed)
