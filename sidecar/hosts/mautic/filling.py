"""How many contacts have something in each field, and a few of the things: one statement each, when somebody asks."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, TableClause, func, select

from sidecar.hosts.mautic.schema import OWNER, VIRTUAL_NAMES
from sidecar.hosts.mautic.tables import Tables
from sidecar.mapping.filled import Filled
from sidecar.records import FieldType, ObjectSchema

_EMPTY_IF_BLANK = frozenset(
    {
        FieldType.TEXT,
        FieldType.LONG_TEXT,
        FieldType.EMAIL,
        FieldType.PHONE,
        FieldType.URL,
        FieldType.PICKLIST,
        FieldType.MULTI_PICKLIST,
    }
)
"""Kept as text, where "" is as blank as NULL; a date is only compared with dates."""


def count_filled(connection: Connection, tables: Tables, schema: ObjectSchema, *, with_email: bool) -> Filled:
    """Return how many contacts, or contacts with an address, have each field filled."""
    leads = _people(tables, *(name for name in schema.fields if name not in VIRTUAL_NAMES))
    counted = {name: func.count(_filled(leads, schema, name)) for name in schema.fields}
    statement = select(func.count(leads.c.id), *counted.values())
    if with_email:
        statement = statement.where(_has_email(leads))
    everybody, *numbers = connection.execute(statement).one()
    return Filled(int(everybody), {name: int(number) for name, number in zip(counted, numbers, strict=True)})


def newest_with(connection: Connection, tables: Tables, schema: ObjectSchema, name: str, most: int) -> list[int]:
    """Return the newest contacts that have the field filled."""
    leads = _people(tables, *((name,) if name not in VIRTUAL_NAMES else ()))
    wanted = select(leads.c.id).where(_has_email(leads), _filled(leads, schema, name).is_not(None))
    return [int(each) for each in connection.execute(wanted.order_by(leads.c.id.desc()).limit(most)).scalars()]


def _people(tables: Tables, *names: str) -> TableClause:
    return tables.leads("email", *names)


def _has_email(leads: TableClause) -> ColumnElement[bool]:
    return func.nullif(leads.c.email, "").is_not(None)


def _filled(leads: TableClause, schema: ObjectSchema, name: str) -> ColumnElement[Any]:
    """Return what is NULL exactly where the field is blank."""
    if name in VIRTUAL_NAMES:
        name = "owner_id" if name == OWNER else "id"
    column: ColumnElement[Any] = leads.c[name]
    if name not in schema.fields:
        return column
    return func.nullif(column, "") if schema.fields[name].type in _EMPTY_IF_BLANK else column
