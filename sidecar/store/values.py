"""Writes canonical values down as JSON and reads them back exactly. Pure."""

import json
from datetime import date, datetime
from decimal import Decimal

from sidecar.records import Value

_Written = tuple[str, str | bool | list[str] | None]


def dump_values(*values: Value) -> str:
    """Return one JSON text for some values."""
    return json.dumps([_written(value) for value in values], ensure_ascii=False, separators=(",", ":"))


def parse_values(text: str) -> tuple[Value, ...]:
    """Return the values in a text of dump_values()."""
    return tuple(_value(kind, written) for kind, written in json.loads(text))


def _written(value: Value) -> _Written:
    match value:
        case None:
            return "none", None
        case bool():
            return "boolean", value
        case str():
            return "text", value
        case Decimal():
            return "number", str(value)
        case datetime():
            return "datetime", value.isoformat()
        case date():
            return "date", value.isoformat()
        case tuple():
            return "options", list(value)


def _value(kind: str, written: str | bool | list[str] | None) -> Value:
    match kind, written:
        case "number", str():
            return Decimal(written)
        case "datetime", str():
            return datetime.fromisoformat(written)
        case "date", str():
            return date.fromisoformat(written)
        case "options", list():
            return tuple(written)
        case _, str() | bool() | None:
            return written
    raise ValueError(f"a stored value of kind {kind} cannot be read")
