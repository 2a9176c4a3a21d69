"""Making the database of a fresh Mautic, opening one that is there, and adding custom fields to it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, insert, inspect, select, text, update

from sidecar.sandbox.host import php
from sidecar.sandbox.host.auth import hashed
from sidecar.sandbox.host.fields import (
    DEFAULT_LENGTH,
    LENGTH_TYPES,
    Field,
    NewField,
    alias_for,
    column_of,
    parse_row,
    read_core_rows,
)
from sidecar.sandbox.host.profiles import Profile
from sidecar.sandbox.host.work import Actor, Database, Work

ADMIN = {
    "username": "admin",
    "first_name": "Ada",
    "last_name": "Admin",
    "email": "admin@example.com",
    "timezone": "",
    "locale": "",
}
ADMIN_ACTOR = Actor(1, "Ada Admin", 1, "Ada Admin")
TEMPLATES: dict[tuple[str, str, str, Profile], tuple[sqlite3.Connection, Table]] = {}
"""A fresh database for each prefix, set of custom fields, password and version, made once per process."""

TEMPLATE_LOCK = threading.Lock()
RESERVED = (
    "id",
    "date_added",
    "date_modified",
    "owner_id",
    "stage_id",
    "is_published",
    "created_by",
    "points",
    "last_active",
)


def open_database(database: Database, new_fields: Sequence[NewField], password: str) -> None:
    """Make the tables and first rows when there are none; then read the fields."""
    table = database.schema["lead_fields"]
    if inspect(database.engine).has_table(table.name):
        with database.engine.connect() as connection:
            rows = connection.execute(select(table).where(table.c.object == "lead", table.c.date_added.is_not(None)))
            for row in rows.mappings():
                _add_column(database, parse_row(dict(row)))
        update_tables(database)
    else:
        make_tables(database, new_fields, password)
    with database.work() as work:
        database.reload_fields(work)


def update_tables(database: Database) -> None:
    """Bring the tables of an older version up to this one, as Mautic's own updater does: nothing is taken away."""
    schema, found = database.schema, inspect(database.engine)
    held = set(found.get_table_names())
    touched = {fact.table for fact in database.profile.columns}
    columns = {name: {each["name"] for each in found.get_columns(schema[name].name)} for name in touched}
    with database.engine.begin() as connection:
        for fact in database.profile.columns:
            if fact.name not in columns[fact.table]:
                table = schema[fact.table]
                kind = table.c[fact.name].type.compile(connection.dialect)
                rest = f" NOT NULL DEFAULT {fact.default}" if fact.default else ""
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {fact.name} {kind}{rest}"))
        for table in schema.tables.values():
            if table.name not in held:
                table.create(connection)


def make_tables(database: Database, new_fields: Sequence[NewField], password: str) -> None:
    """Make the tables with the core fields, the wished custom fields and one administrator."""
    schema = database.schema
    key = (schema["leads"].name, repr(new_fields), password, database.profile)
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection) and key in TEMPLATES:
            template, schema.tables["leads"] = TEMPLATES[key]
            copy_database(template, raw)
        else:
            fill_tables(database, new_fields, password)
            if isinstance(raw, sqlite3.Connection):
                memory = sqlite3.connect(":memory:", check_same_thread=False)
                TEMPLATES[key] = (copy_database(raw, memory), schema["leads"])
    with database.work() as work:
        fields = schema["lead_fields"]
        custom = fields.c.date_added.is_not(None)
        work.connection.execute(update(fields).where(custom).values(date_added=work.stamp))


def copy_database(source: sqlite3.Connection, target: sqlite3.Connection) -> sqlite3.Connection:
    """Copy a whole SQLite database: much faster than making its tables again."""
    with TEMPLATE_LOCK:
        source.backup(target)
    return target


def fill_tables(database: Database, new_fields: Sequence[NewField], password: str) -> None:
    """Make the tables of an empty database and write its first rows."""
    schema = database.schema
    with database.engine.begin() as connection:
        schema["lead_fields"].create(connection)
        work = Work(connection, schema, database.clock.now(), database.profile, {})
        rows = [work.row("lead_fields", **row) for row in read_core_rows()]
        connection.execute(insert(schema["lead_fields"]), rows)
        for order, wish in enumerate(new_fields, 1):
            _add_column(database, parse_row(insert_field(work, wish, order, ADMIN_ACTOR)))
        schema["leads"].create(connection)
        for name, table in schema.tables.items():
            if name not in {"lead_fields", "leads"}:
                table.create(connection)
        work.add("roles", name="Administrator", description="Full system access", is_admin=1, is_published=1)
        work.add("users", **ADMIN, role_id=1, is_published=1, password=hashed(password))


def add_field(database: Database, work: Work, wish: NewField, actor: Actor) -> Field:
    """Add a custom field: its row and its column."""
    order = max((f.order for f in work.fields.values() if not f.is_core), default=0) + 1
    field = parse_row(insert_field(work, wish, order, actor))
    column = _add_column(database, field)
    kind = column.type.compile(work.connection.dialect)
    work.connection.execute(text(f"ALTER TABLE {column.table.name} ADD COLUMN {column.name} {kind}"))
    database.reload_fields(work)
    return field


def insert_field(work: Work, wish: NewField, order: int, actor: Actor) -> dict[str, Any]:
    """Write the row of `lead_fields` for a wish and return it."""
    table = work.schema["lead_fields"]
    taken = [*RESERVED, *work.connection.execute(select(table.c.alias)).scalars()]
    length = (wish.length or DEFAULT_LENGTH) if wish.type in LENGTH_TYPES else None
    flags = {"is_published": 1, "is_visible": 1, "is_short_visible": 1, "is_listable": int(wish.type != "time")}
    unique = {"is_unique_identifer": int(wish.is_unique), "is_index": int(wish.is_unique)}
    row = work.row(
        "lead_fields",
        label=wish.label or wish.alias,
        alias=alias_for(wish.alias, wish.label, taken),
        type=wish.type,
        field_group=wish.group,
        field_order=order,
        object="lead",
        default_value="" if wish.type == "multiselect" else None,
        properties=php.serialize(wish.properties or {}),
        char_length_limit=length,
        date_added=work.stamp,
        created_by=actor.id,
        created_by_user=actor.name,
        **flags,
        **unique,
    )
    result = work.connection.execute(insert(table), row)
    return {**row, "id": result.inserted_primary_key[0]}  # type: ignore[index]  # just made


def _add_column(database: Database, field: Field) -> Any:
    return database.schema.add_lead_column(field.alias, column_of(field))
