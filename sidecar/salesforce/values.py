"""Salesforce's JSON ↔ canonical values, by the described type. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sidecar.records import FieldInfo, FieldType, Value

Json = Mapping[str, Any]


def from_json(raw: Any, field_type: FieldType) -> Value:
    """Return the canonical value; null and "" are both None (a few standard fields do answer "")."""
    if raw is None or raw == "":
        return None
    match field_type:
        case FieldType.BOOLEAN:
            return bool(raw)
        case FieldType.NUMBER:
            return Decimal(str(raw))
        case FieldType.DATE:
            return date.fromisoformat(str(raw)[:10])
        case FieldType.DATETIME:
            # Salesforce's older bulk interface writes moments as milliseconds.
            return datetime.fromtimestamp(raw // 1000, UTC) if isinstance(raw, int) else parse_datetime(str(raw))
        case FieldType.MULTI_PICKLIST:
            return tuple(part for part in str(raw).split(";") if part) or None
        case _:
            return str(raw)


def to_json(value: Value, info: FieldInfo | None = None) -> Any:
    """Return what REST takes for a canonical value. A checkbox cannot be null: blank means unchecked."""
    match value:
        case None:
            return False if info is not None and info.type is FieldType.BOOLEAN else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case date():
            return value.isoformat()
        case tuple():
            return ";".join(value)
        case _:
            return value


def parse_datetime(text: str) -> datetime:
    """Read `2026-05-01T07:25:37.000+0000` and its variants with Z; Salesforce keeps whole seconds."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)
