"""How many people have something in each field, and a few of the things: one statement each, when somebody asks."""

from typing import Any

from sqlalchemy import ColumnElement, func, select

from sidecar.hosts.generic.database import talking
from sidecar.hosts.generic.reader import TableReader, Wish
from sidecar.hosts.generic.table import HostTable
from sidecar.mapping.filled import Filled
from sidecar.records import FieldType, Ref, Value

_NOT_TEXT = frozenset({FieldType.NUMBER, FieldType.BOOLEAN, FieldType.DATE, FieldType.DATETIME})
"""Where only NULL is blank: such a column is compared with its like."""


def count_filled(reader: TableReader, *, with_email: bool) -> Filled:
    """Return how many people, or people with an address, have each field filled."""
    host = reader.host
    names = [name for name in host.schema.fields if host.is_column(name)]
    statement = select(func.count(), *(func.count(_filled(host, name)) for name in names)).where(host.living)
    if with_email and host.is_column("email"):
        statement = statement.where(_filled(host, "email").is_not(None))
    with talking(reader.engine) as connection:
        everybody, *numbers = connection.execute(statement).one()
    always = {name: int(everybody) for name in host.schema.fields if not host.is_column(name)}
    return Filled(int(everybody), always | {name: int(each) for name, each in zip(names, numbers, strict=True)})


def count_people(reader: TableReader) -> tuple[int, int]:
    """Return how many people there are, and how many with an e-mail address."""
    host = reader.host
    address = func.count(_filled(host, "email")) if host.is_column("email") else func.count()
    with talking(reader.engine) as connection:
        everybody, with_email = connection.execute(select(func.count(), address).where(host.living)).one()
    return int(everybody), int(with_email)


def read_samples(reader: TableReader, name: str, most: int) -> list[Value]:
    """Return what the newest people that have the field filled have in it."""
    host = reader.host
    if name not in host.schema.fields:
        return []
    born = host.needed("created_at" if reader.document.column("created_at") else "modified_at")
    newest_first = (born.desc(), host.needed("id").desc())
    wanted = select(host.table).where(host.living).order_by(*newest_first).limit(most)
    if host.is_column(name):
        wanted = wanted.where(_filled(host, name).is_not(None))
    with talking(reader.engine) as connection:
        refs: list[Ref] = [reader.ref_of(dict(row)) for row in connection.execute(wanted).mappings()]
    found = reader.read(Wish((name,)), refs)
    return [found[each].values.get(name) for each in refs]


def _filled(host: HostTable, name: str) -> ColumnElement[Any]:
    """Return what is NULL exactly where the field is blank."""
    column: ColumnElement[Any] = host.column_of(name)
    return column if host.schema.fields[name].type in _NOT_TEXT else func.nullif(column, "")
