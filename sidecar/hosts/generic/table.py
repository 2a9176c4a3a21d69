"""The table as its database describes it, made into what a mapping may use of a person."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    and_,
    func,
    inspect,
    or_,
    true,
)
from sqlalchemy.types import NullType, TypeEngine

from sidecar.errors import SetupError
from sidecar.hosts.generic.database import talking
from sidecar.hosts.generic.document import FieldNote, TableDocument
from sidecar.hosts.generic.values import UNSET
from sidecar.records import FieldInfo, FieldType, ObjectSchema

CONTACT = "contact"
URL, OWNER = "contact_url", "owner_email"
_TEXTUAL = {
    FieldType.TEXT,
    FieldType.LONG_TEXT,
    FieldType.EMAIL,
    FieldType.PHONE,
    FieldType.URL,
    FieldType.PICKLIST,
}


@dataclass(frozen=True, slots=True)
class HostTable:
    """The table and its meaning. `unique` are fields of which no two people have the same value.

    `never_null` are fields whose blank is an empty text.
    """

    document: TableDocument
    table: Table
    schema: ObjectSchema
    unique: frozenset[str] = frozenset()
    never_null: frozenset[str] = frozenset()
    is_sqlite: bool = False

    @property
    def has_numbers(self) -> bool:
        """Whether ids are numbers that the database gives; else they are texts that we make."""
        return isinstance(self.table.c[self.document.columns["id"]].type, Integer)

    def column(self, meaning: str) -> Column[Any] | None:
        """Return the column of a meaning, if the table has one."""
        name = self.document.column(meaning)
        return self.table.c[name] if name else None

    def needed(self, meaning: str) -> Column[Any]:
        """Return the column of a meaning that every table has."""
        return self.table.c[self.document.columns[meaning]]

    def column_of(self, field_name: str) -> Column[Any]:
        """Return the column that holds a field."""
        if field_name == OWNER:
            return self.needed("owner_email")
        return self.table.c[field_name]

    @property
    def living(self) -> ColumnElement[bool]:
        """The condition that a row is neither deleted nor merged."""
        columns = [column for meaning in ("deleted", "merged_into") if (column := self.column(meaning)) is not None]
        return and_(true(), *(_is_unset(column) for column in columns))

    def is_column(self, field_name: str) -> bool:
        """Tell whether a field has a column, and is not made while reading."""
        return field_name in self.schema.fields and field_name not in {"id", URL}


def read_table(engine: Engine, document: TableDocument) -> HostTable:
    """Reflect the table; SetupError where the document names what is not there. A few statements."""
    with talking(engine) as connection:
        inspector = inspect(connection)
        columns = {each["name"]: each for each in inspector.get_columns(document.table)}
        unique: list[tuple[str | None, ...]] = [
            tuple(inspector.get_pk_constraint(document.table)["constrained_columns"])
        ]
        unique += [tuple(each["column_names"]) for each in inspector.get_unique_constraints(document.table)]
        unique += [tuple(each["column_names"]) for each in inspector.get_indexes(document.table) if each["unique"]]
    _require_columns(document, {name: each["type"] for name, each in columns.items()}, unique)
    is_sqlite = engine.dialect.name == "sqlite"
    table = Table(
        document.table,
        MetaData(),
        *(_column(each, document, is_sqlite=is_sqlite) for each in columns.values()),
    )
    fields = {name: each for name, each in columns.items() if name not in document.columns.values()}
    infos = [
        FieldInfo("id", "Id", FieldType.ID, is_createable=False, is_updateable=False),
        *(_info(each, document.fields.get(name, FieldNote())) for name, each in fields.items()),
    ]
    if document.record_url:
        infos.append(
            FieldInfo(URL, "Link to the person", FieldType.URL, is_createable=False, is_updateable=False),
        )
    if owner := document.column("owner_email"):
        infos.append(replace(_info(columns[owner], FieldNote(FieldType.EMAIL, "Owner's e-mail")), name=OWNER))
    alone = {names[0] for names in unique if len(names) == 1 and names[0]}
    return HostTable(
        document,
        table,
        ObjectSchema(CONTACT, {info.name: info for info in infos}),
        frozenset(alone & fields.keys()),
        frozenset(name for name, each in fields.items() if not each["nullable"]),
        is_sqlite,
    )


def _is_unset(column: Column[Any]) -> ColumnElement[bool]:
    """Return the condition that a mark is not set, as `values.is_true` reads it."""
    if isinstance(column.type, Boolean):
        return or_(column.is_(None), column.is_(False))
    if isinstance(column.type, Integer):
        return or_(column.is_(None), column == 0)
    if isinstance(column.type, String):
        return or_(column.is_(None), func.lower(column).in_(sorted(UNSET)))
    if isinstance(column.type, NullType):
        return or_(column.is_(None), column == 0, func.lower(column).in_(sorted(UNSET)))
    return column.is_(None)


def _require_columns(
    document: TableDocument, types: Mapping[str, TypeEngine[Any]], unique: list[tuple[str | None, ...]]
) -> None:
    named = {f"columns.{meaning}": name for meaning, name in document.columns.items()}
    named |= {f"fields.{name}": name for name in document.fields}
    for where, name in named.items():
        if name not in types:
            raise SetupError(f"The host's table has no column {name} ({where})", code="host-column-missing")
    if not isinstance(types[document.columns["id"]], Integer | String) or (document.columns["id"],) not in unique:
        raise SetupError(
            f"The column {document.columns['id']} must be a unique number or text: it tells one person from another",
            code="host-column-unfit",
        )
    if not isinstance(types[document.columns["modified_at"]], DateTime):
        raise SetupError(
            f"The column {document.columns['modified_at']} must hold date and time: it tells what is new",
            code="host-column-unfit",
        )


def _column(reflected: Mapping[str, Any], document: TableDocument, *, is_sqlite: bool) -> Column[Any]:
    """Return a column of our own: SQLite hands over and takes plain texts and numbers, but for the id."""
    is_id = reflected["name"] == document.columns["id"]
    kind = NullType() if is_sqlite and not is_id else reflected["type"]
    return Column(reflected["name"], kind, primary_key=is_id)


def _info(reflected: Mapping[str, Any], note: FieldNote) -> FieldInfo:
    kind = note.type or _type(reflected["type"])
    length: int | None = getattr(reflected["type"], "length", None)
    has_default = reflected.get("default") is not None or reflected["nullable"]
    return FieldInfo(
        name=reflected["name"],
        label=note.label or str(reflected["name"]).replace("_", " ").capitalize(),
        type=kind,
        length=length if kind in _TEXTUAL else None,
        scale=_scale(reflected["type"]) if kind is FieldType.NUMBER else None,
        is_required=not has_default,
        options=note.options,
        is_restricted=bool(note.options),
    )


def _type(column_type: TypeEngine[Any]) -> FieldType:
    if isinstance(column_type, Boolean) or getattr(column_type, "display_width", None) == 1:  # TINYINT(1)
        return FieldType.BOOLEAN
    for known, kind in (
        (Integer, FieldType.NUMBER),
        (Numeric, FieldType.NUMBER),
        (Float, FieldType.NUMBER),
        (DateTime, FieldType.DATETIME),
        (Date, FieldType.DATE),
        (Text, FieldType.LONG_TEXT),
    ):
        if isinstance(column_type, known):
            return kind
    return FieldType.TEXT


def _scale(column_type: TypeEngine[Any]) -> int | None:
    if isinstance(column_type, Integer):
        return 0
    scale = getattr(column_type, "scale", None)
    return scale if isinstance(scale, int) else None
