"""Contact fields: the core ones Mautic ships, the custom ones somebody adds, and the rows of `lead_fields` for both."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Date, Float, SmallInteger, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from sidecar.sandbox.host import php
from sidecar.sandbox.host.tables import column_type, text_type

CORE_FIELDS_FILE = Path(__file__).with_name("core_fields.tsv")
ALIAS_LENGTH = 25  # Mautic cuts a longer alias without a word.
DEFAULT_LENGTH = 64  # Mautic: charLengthLimit of a new text field.
CORE_LENGTH = 191  # the columns Mautic ships are varchar(191), whatever their row in lead_fields says
GROUPS_LOADED = ("core", "social", "professional", "personal")
LENGTH_TYPES = frozenset({"text", "email", "tel", "url", "select", "lookup", "country", "region", "locale", "timezone"})
KNOWN_TYPES = LENGTH_TYPES | {"boolean", "date", "datetime", "html", "multiselect", "number", "textarea", "time"}


@dataclass(frozen=True, slots=True)
class Field:
    """One contact (or company) field."""

    id: int
    alias: str
    label: str
    type: str
    group: str = "core"
    object: str = "lead"
    order: int = 1
    properties: Any = None
    default: str | None = None
    is_fixed: bool = False
    is_core: bool = False
    is_unique: bool = False
    is_short_visible: bool = True
    length: int | None = None

    @property
    def max_length(self) -> int | None:
        """Longest text the column takes, or None."""
        return CORE_LENGTH if self.is_core else self.length

    @property
    def choices(self) -> dict[str, str]:
        """Label by value, of a select or multiselect."""
        listed = (self.properties or {}).get("list") or [] if isinstance(self.properties, dict) else []
        pairs = [(i["value"], i["label"]) if isinstance(i, dict) else (i, i) for i in listed]
        return {str(value): str(label) for value, label in pairs}

    @property
    def scale(self) -> int:
        """How many decimals a number keeps."""
        found = self.properties.get("scale") if isinstance(self.properties, dict) else None
        return int(found or 0)


@dataclass(frozen=True, slots=True)
class NewField:
    """What somebody asks for who adds a custom field."""

    alias: str
    type: str
    label: str = ""
    properties: Any = None
    group: str = "core"
    is_unique: bool = False
    length: int | None = None


def choices(*values: str) -> dict[str, Any]:
    """Return the properties of a select whose values are their own labels."""
    return {"list": [{"label": value, "value": value} for value in values]}


EXAMPLE_FIELDS: tuple[NewField, ...] = (
    NewField("interests", "multiselect", "Interests", choices("Music", "Sport", "Art", "Travel")),
    NewField("score", "number", "Score", {"roundmode": "3", "scale": "2"}),
    NewField("birthday", "date", "Birthday"),
    NewField("last_visit", "datetime", "Last visit"),
    NewField("deleted_in_salesforce", "boolean", "Deleted in Salesforce", {"no": "No", "yes": "Yes"}),
    NewField("segment_note", "textarea", "Segment note"),
    NewField("rating", "select", "Rating", choices("Hot", "Warm", "Cold")),
)


def read_core_rows() -> list[dict[str, Any]]:
    """Return the rows of `lead_fields` a fresh Mautic has."""
    with CORE_FIELDS_FILE.open(encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    numbers = ("id", "is_required", "is_fixed", "is_short_visible", "is_unique_identifer", "field_order")
    shared = {"is_published": 1, "is_visible": 1, "is_listable": 1, "char_length_limit": DEFAULT_LENGTH}
    return [
        {**row, **{name: int(row[name]) for name in numbers}, **shared}
        | {"default_value": row["default_value"] or None, "is_index": int(row["is_unique_identifer"])}
        for row in found
    ]


def parse_row(row: Mapping[str, Any]) -> Field:
    """Return the field a row of `lead_fields` describes."""
    return Field(
        id=row["id"],
        alias=row["alias"],
        label=row["label"],
        type=row["type"],
        group=row["field_group"],
        object=row["object"],
        order=row["field_order"],
        properties=php.unserialize(row["properties"]),
        default=row["default_value"],
        is_fixed=bool(row["is_fixed"]),
        is_core=row["date_added"] is None,
        is_unique=bool(row["is_unique_identifer"]),
        is_short_visible=bool(row["is_short_visible"]),
        length=row["char_length_limit"],
    )


def column_of(field: Field) -> TypeEngine[Any]:
    """Return the column type Mautic gives a custom field."""
    if field.type in {"date", "datetime", "time"}:
        return Date() if field.type == "date" else column_type(field.type)
    if field.type == "number":
        return Float().with_variant(mysql.DOUBLE(asdecimal=False), "mysql", "mariadb")
    if field.type == "boolean":
        return SmallInteger().with_variant(mysql.TINYINT(1), "mysql", "mariadb")
    if field.type in {"textarea", "html", "multiselect"}:
        return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
    return text_type(field.length or CORE_LENGTH)


def alias_for(wanted: str, label: str, taken: Sequence[str]) -> str:
    """Return the alias Mautic makes of a wish: plain characters, cut short, numbered when the column is reserved."""
    plain = unicodedata.normalize("NFKD", wanted or label).encode("ascii", "ignore").decode().lower()
    alias = re.sub(r"[^a-z0-9_]+", "_", plain).strip("_")[:ALIAS_LENGTH] or "field"
    number = 0
    while (name := f"{alias}{number or ''}") in taken:
        number += 1
    return name
