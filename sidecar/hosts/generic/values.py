"""Values between a table's columns and canonical form. A moment without a zone is UTC. Pure."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sidecar.hosts.columns import as_sql, date_of, moment_of, number_of
from sidecar.records import FieldInfo, FieldType, Value

SEPARATOR = "|"
"""What stands between the values of a column that holds several."""
UNSET = frozenset({"", "0", "0.0", "false", "f", "no", "n"})
"""What a mark holds where it is not set."""


def from_row(raw: Any, info: FieldInfo) -> Value:
    """Return the canonical value of a column, as any of the drivers hands it over; what makes no sense is blank."""
    if raw is None or raw == "":
        return None
    match info.type:
        case FieldType.BOOLEAN:
            return is_true(raw)
        case FieldType.NUMBER:
            return number_of(raw)
        case FieldType.DATE:
            return date_of(raw)
        case FieldType.DATETIME:
            moment = moment_of(raw)
            return moment.replace(microsecond=0) if moment else None
        case FieldType.MULTI_PICKLIST:
            return tuple(parts(raw)) or None
        case _:
            return _text(raw)


def to_row(value: Value, *, is_sqlite: bool, has_zone: bool = False) -> Any:
    """Return what a column takes for a canonical value; SQLite has no types of its own, so it is given texts and numbers."""
    match value:
        case bool():
            return int(value) if is_sqlite else value
        case Decimal():
            return f"{value:f}" if is_sqlite else value
        case datetime():
            in_utc = value.astimezone(UTC)
            if is_sqlite:
                return as_sql(in_utc)
            return in_utc if has_zone else in_utc.replace(tzinfo=None)
        case date():
            return value.isoformat() if is_sqlite else value
        case tuple():
            return SEPARATOR.join(value)
        case _:
            return value


def is_true(raw: Any) -> bool:
    """Tell whether a mark is set: a boolean, a number other than 0, or a moment at which it was."""
    return raw is not None and str(raw).strip().lower() not in UNSET


def parts(raw: Any) -> list[str]:
    """Return the values of a column that holds several."""
    return [part.strip() for part in str(raw or "").split(SEPARATOR) if part.strip()]


def _text(raw: Any) -> str | None:
    if isinstance(raw, datetime):
        return as_sql(raw if raw.tzinfo else raw.replace(tzinfo=UTC))
    if isinstance(raw, time):
        return raw.isoformat(timespec="seconds")
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "replace") or None
    return str(raw) or None
