"""What Mautic says of its contact fields, made into an ObjectSchema."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine, Integer, column, inspect, select
from sqlalchemy.types import TypeEngine

from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.php import unserialize
from sidecar.hosts.mautic.tables import Tables
from sidecar.records import FieldInfo, FieldType, ObjectSchema

TYPES: Mapping[str, FieldType] = MappingProxyType(
    {
        "text": FieldType.TEXT,
        "textarea": FieldType.LONG_TEXT,
        "html": FieldType.LONG_TEXT,
        "email": FieldType.EMAIL,
        "tel": FieldType.PHONE,
        "url": FieldType.URL,
        "number": FieldType.NUMBER,
        "boolean": FieldType.BOOLEAN,
        "date": FieldType.DATE,
        "datetime": FieldType.DATETIME,
        "time": FieldType.TEXT,
        "select": FieldType.PICKLIST,
        "multiselect": FieldType.MULTI_PICKLIST,
        "lookup": FieldType.TEXT,
        "country": FieldType.TEXT,
        "region": FieldType.TEXT,
        "locale": FieldType.TEXT,
        "timezone": FieldType.TEXT,
    }
)
"""Our word for each of Mautic's field types; a type that is not here is taken for text."""

VIRTUAL = (
    FieldInfo("id", "Contact ID", FieldType.ID, is_createable=False, is_updateable=False),
    FieldInfo("contact_url", "Link to the contact", FieldType.URL, is_createable=False, is_updateable=False),
    FieldInfo("owner_email", "Owner's e-mail", FieldType.EMAIL),
)
"""What is no column of a contact: its id, its page, and the address of the user who owns it."""
VIRTUAL_NAMES = frozenset(info.name for info in VIRTUAL)
OWNER = "owner_email"
COMPANY_ID = FieldInfo("id", "Company ID", FieldType.ID, is_createable=False, is_updateable=False)

MAX_TEXT = 191
"""The longest text Mautic's own checks let into a field of one line, even where a unique field's column is wider."""

_DOOMED = "column_is_not_removed"  # from Mautic 7 on: the field is gone, its column not yet
_RESTRICTED = {"select", "multiselect"}
_TEXTUAL = {FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.PICKLIST, FieldType.LONG_TEXT}


@dataclass(frozen=True, slots=True)
class ContactFields:
    """The contact's fields: what the mapping sees, Mautic's own type words, and which fields identify a contact."""

    schema: ObjectSchema
    host_types: Mapping[str, str] = field(default_factory=dict)
    unique: frozenset[str] = frozenset()


def read_contact_fields(engine: Engine, tables: Tables) -> ContactFields:
    """Return every published contact field that has a column, but for those that Mautic is about to remove."""
    rows, columns = _read_rows(engine, tables, "lead", tables.leads_name)
    infos = [*VIRTUAL, *(_field_info(row, columns[row["alias"]]) for row in rows if row["alias"] not in VIRTUAL_NAMES)]
    return ContactFields(
        ObjectSchema("contact", {info.name: info for info in infos}),
        {row["alias"]: row["type"] for row in rows},
        frozenset(row["alias"] for row in rows if row["is_unique_identifer"]),
    )


def read_company_schema(engine: Engine, tables: Tables) -> ObjectSchema:
    """Return the same of companies, with their id."""
    rows, columns = _read_rows(engine, tables, "company", tables.companies().name)
    infos = [COMPANY_ID, *(_field_info(row, columns[row["alias"]]) for row in rows)]
    return ObjectSchema("company", {info.name: info for info in infos})


def _read_rows(
    engine: Engine, tables: Tables, object_name: str, table_name: str
) -> tuple[list[dict[str, Any]], dict[str, TypeEngine[Any]]]:
    """Return the published fields of an object that have a column and will keep it, and all its columns."""
    source = tables.lead_fields
    wanted = select(source).where(source.c.object == object_name, source.c.is_published == 1).order_by(source.c.id)
    with reading(engine) as connection:
        inspector = inspect(connection)
        columns = {each["name"]: each["type"] for each in inspector.get_columns(table_name)}
        if any(each["name"] == _DOOMED for each in inspector.get_columns(source.name)):
            wanted = wanted.where(column(_DOOMED) == 0)
        rows = [dict(row) for row in connection.execute(wanted).mappings()]
    return [row for row in rows if row["alias"] in columns], columns


def _field_info(row: Mapping[str, Any], column_type: TypeEngine[Any]) -> FieldInfo:
    kind = TYPES.get(row["type"], FieldType.TEXT)
    properties = unserialize(row["properties"])
    properties = properties if isinstance(properties, dict) else {}
    return FieldInfo(
        name=row["alias"],
        label=row["label"],
        type=kind,
        length=_length(column_type) if kind in _TEXTUAL else None,
        scale=_scale(kind, properties, column_type),
        is_required=bool(row["is_required"]),
        options=_options(properties) if row["type"] in {*_RESTRICTED, "lookup"} else (),
        is_restricted=row["type"] in _RESTRICTED,
    )


def _length(column_type: TypeEngine[Any]) -> int | None:
    """Return how many characters fit: what the column takes, not `char_length_limit`, which Mautic's own fields ignore."""
    length: int | None = getattr(column_type, "length", None)
    return min(length, MAX_TEXT) if length else None


def _scale(kind: FieldType, properties: Mapping[Any, Any], column_type: TypeEngine[Any]) -> int | None:
    """Return a number's decimals, and 0 for a moment: Mautic keeps whole minutes."""
    if kind is FieldType.DATETIME or (kind is FieldType.NUMBER and isinstance(column_type, Integer)):
        return 0
    scale = str(properties.get("scale", ""))
    return int(scale) if kind is FieldType.NUMBER and scale.isdigit() and int(scale) else None


def _options(properties: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return the API values of a list, whichever of Mautic's three shapes it has."""
    listed = properties.get("list")
    if isinstance(listed, str):
        return tuple(each.strip() for each in listed.split("|") if each.strip())
    if not isinstance(listed, dict):
        return ()
    entries = (entry.get("value") if isinstance(entry, dict) else entry for entry in listed.values())
    return tuple(str(entry) for entry in entries if entry not in (None, ""))
