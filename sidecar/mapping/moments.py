"""Converters of days and moments. Pure. A day is its midnight in UTC, a moment its day in UTC."""

import re
from datetime import UTC, date, datetime, time
from typing import cast

from sidecar.mapping.converted import Converted, Held, Note
from sidecar.mapping.model import FieldPair
from sidecar.mapping.texts import plain_to_text
from sidecar.records import FieldInfo, Value

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def text_to_date(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the day, written 2026-05-01."""
    text = cast(str, value).strip()
    try:
        return Converted(date.fromisoformat(text)) if _DAY.fullmatch(text) else Converted(held=Held.NOT_A_DATE)
    except ValueError:
        return Converted(held=Held.NOT_A_DATE)


def text_to_datetime(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the moment, written in ISO 8601 with its zone, or the midnight of a day."""
    text = cast(str, value).strip()
    if _DAY.fullmatch(text):
        day = text_to_date(text, target, pair)
        return day if day.held else date_to_datetime(day.value, target, pair)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return Converted(held=Held.NOT_A_DATE)
    return datetime_to_datetime(moment, target, pair)


def date_to_date(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the day."""
    return Converted(value)


def date_to_datetime(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the day's midnight in UTC."""
    return Converted(datetime.combine(cast(date, value), time(), tzinfo=UTC))


def date_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the day as 2026-05-01."""
    return plain_to_text(cast(date, value).isoformat(), target, pair)


def datetime_to_datetime(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the moment in UTC, whole seconds."""
    moment = _utc(cast(datetime, value))
    return Converted(held=Held.NOT_A_DATE) if moment is None else Converted(moment)


def datetime_to_date(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the moment's day in UTC."""
    moment = _utc(cast(datetime, value))
    if moment is None:
        return Converted(held=Held.NOT_A_DATE)
    return Converted(moment.date(), note=Note.TIME_DROPPED if moment.time() != time() else None)


def datetime_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the moment as 2026-05-01T10:00:00Z."""
    moment = _utc(cast(datetime, value))
    if moment is None:
        return Converted(held=Held.NOT_A_DATE)
    return plain_to_text(moment.isoformat().replace("+00:00", "Z"), target, pair)


def _utc(moment: datetime) -> datetime | None:
    """Return the moment in UTC, whole seconds; None if it leaves the calendar or has no zone: whose clock would it be?"""
    try:
        return moment.astimezone(UTC).replace(microsecond=0) if moment.tzinfo else None
    except OverflowError:
        return None
