"""Values between Mautic and canonical form: rows of its database one way, JSON for its REST API the other. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sidecar.hosts.columns import as_sql, date_of, moment_of, number_of
from sidecar.records import FieldInfo, FieldType, Value

Json = str | int | float | bool | list[str] | None


def from_row(raw: Any, info: FieldInfo) -> Value:
    """Return the canonical value of a column, as any of the drivers hands it over; what makes no sense is blank."""
    if raw is None or raw == "":
        return None
    match info.type:
        case FieldType.BOOLEAN:
            return str(raw).lower() in {"1", "true"}
        case FieldType.NUMBER:
            return number_of(raw)
        case FieldType.DATE:
            return date_of(raw)
        case FieldType.DATETIME:
            moment = utc(raw)
            return moment.replace(second=0) if moment and info.scale == 0 else moment
        case FieldType.MULTI_PICKLIST:
            return tuple(part for part in str(raw).split("|") if part) or None
        case _:
            return _text(raw)


def to_json(value: Value) -> Json:
    """Return what Mautic's REST API takes for a canonical value.

    Numbers travel as text and booleans as 0 and 1: these are the forms that are never mistaken for a blank.
    """
    match value:
        case None | str():
            return value
        case bool():
            return int(value)
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return value.isoformat()
        case tuple():
            return list(value)


def why_not_writable(value: Value, info: FieldInfo, host_type: str) -> str | None:
    """Return the code of why Mautic's REST API would silently store something else, or None if it stores the value.

    It drops whatever is numeric and truncates to zero (0, 0.4, and the text "0"), and it strips what looks like a tag
    from every text that is not HTML.
    """
    if info.type in {FieldType.NUMBER, FieldType.TEXT, FieldType.LONG_TEXT, FieldType.PHONE, FieldType.PICKLIST}:
        number = number_of(value) if isinstance(value, Decimal | str) else None
        if number is not None and abs(number) < 1:
            return "mautic-drops-zero"
    if isinstance(value, str) and "<" in value and host_type != "html":
        return "mautic-strips-tags"
    return None


def utc(raw: Any) -> datetime | None:
    """Return a moment of Mautic's, all of which are in UTC and of whole seconds."""
    moment = moment_of(raw)
    return moment.replace(microsecond=0) if moment else None


def _text(raw: Any) -> str | None:
    if isinstance(raw, timedelta):
        minutes, seconds = divmod(int(raw.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    if isinstance(raw, time):
        return raw.isoformat(timespec="seconds")
    if isinstance(raw, datetime):
        return as_sql(raw if raw.tzinfo else raw.replace(tzinfo=UTC))
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "replace") or None
    return str(raw) or None
