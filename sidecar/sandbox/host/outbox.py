"""The bundle's own table: what changed, was deleted, merged, or is to be pushed, until somebody has dealt with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, Table, delete, func, insert, select

from sidecar.sandbox.host.listeners import BEGAN, BEGINS_AFTER, Row
from sidecar.sandbox.host.tables import Schema, column_type

NAME: Final = "sidecar_outbox"
KEY_LENGTH = 64


def add_table(schema: Schema) -> Table:
    """Give a schema the table and return it; other sandboxes do not get it."""
    prefix = schema["leads"].name.removesuffix("leads")
    table = Table(
        f"{prefix}{NAME}",
        MetaData(),
        Column("id", column_type("bigint(20) unsigned"), primary_key=True, autoincrement=True),
        Column("dedupe_key", column_type(f"varchar({KEY_LENGTH})"), nullable=True, unique=True),
        Column("kind", column_type("varchar(16)"), nullable=False),
        Column("what", column_type("varchar(16)"), nullable=False),
        Column("object_id", column_type("bigint(20) unsigned"), nullable=False),
        Column("into_id", column_type("bigint(20) unsigned"), nullable=True),
        Column("details", column_type("longtext"), nullable=True),
        Column("date_added", column_type("datetime"), nullable=False),
        # Ids are never given out twice, as in MariaDB.
        sqlite_autoincrement=True,
    )
    schema.tables[NAME] = table
    blank = {"dedupe_key": None, "kind": "", "what": "", "object_id": 0, "into_id": None, "details": None}
    # The blanks are shared between sandboxes, so they are replaced rather than changed.
    schema.blanks = {**schema.blanks, NAME: blank}
    return table


def replace_rows(connection: Connection, table: Table, rows: Sequence[Row], stamp: datetime) -> None:
    """Write rows as REPLACE INTO does: the older row of the same key goes, the new one has a new id."""
    if not rows:
        return
    keys = [row["dedupe_key"] for row in rows if row["dedupe_key"]]
    if keys:
        connection.execute(delete(table).where(table.c.dedupe_key.in_(keys)))
    connection.execute(insert(table), [{**row, "date_added": dated(row, stamp)} for row in rows])


def dated(row: Row, stamp: datetime) -> datetime:
    """Return the date of a row that is written now."""
    return stamp + BEGINS_AFTER if row["kind"] == BEGAN else stamp


def read_page(connection: Connection, table: Table, after_id: int, limit: int) -> list[dict[str, Any]]:
    """Return the rows behind an id, by id."""
    query = select(table).where(table.c.kind != BEGAN, table.c.id > after_id).order_by(table.c.id).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def delete_done(connection: Connection, table: Table, ids: Sequence[int]) -> int:
    """Delete the rows that were dealt with; return how many of them were still there."""
    gone = delete(table).where(table.c.id.in_(ids), table.c.kind != BEGAN)
    return connection.execute(gone).rowcount if ids else 0


def summary(connection: Connection, table: Table) -> tuple[datetime | None, int, datetime | None]:
    """Return since when the table tells everything, how many rows wait, and since when the oldest does."""
    began_at = connection.execute(select(table.c.date_added).where(table.c.kind == BEGAN)).scalar()
    query = select(func.count(), func.min(table.c.date_added)).where(table.c.kind != BEGAN)
    waiting, oldest_at = connection.execute(query).one()
    return began_at, waiting, oldest_at
