"""What Mautic makes of a value written to a contact field: cleaned, cut, refused, or silently left out. Pure."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sidecar.sandbox.host.fields import Field
from sidecar.sandbox.host.places import accepted

NOT_VALID = "This value is not valid."
TAG = re.compile(r"\x00|<[^>]*>?")
EMAIL = re.compile(r"[^@\s,;<>()\[\]\"]+@[A-Za-z0-9\-\u0080-\uffff]+(\.[A-Za-z0-9\-\u0080-\uffff]+)+")
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
LISTED = frozenset({"country", "region", "locale", "timezone"})


class _Keep:
    """Says that the field stays as it is."""


KEEP: Final = _Keep()


class InvalidValueError(Exception):
    """Mautic refuses the value, with this message."""


def clean(field: Field, value: Any) -> Any:
    """Return what is stored for a value, KEEP when it is dropped without a word, or raise InvalidValueError."""
    if field.type in {"date", "datetime", "time"}:
        return clean_moment(field.type, value)
    if field.type == "boolean":
        return int(value if isinstance(value, bool | int) else str(value).lower() in TRUE_WORDS)
    if field.type == "number":
        return clean_number(field, value)
    if field.type == "multiselect":
        return clean_multiselect(field, value)
    if isinstance(value, list | dict):
        raise InvalidValueError(NOT_VALID)
    return clean_text(field, value)


def clean_text(field: Field, value: Any) -> str | None:
    """Return trimmed text without tags, after the checks of the field's type."""
    text = str(value) if field.type == "html" else TAG.sub("", str(value)).strip()
    if not text:
        return None
    if field.type == "email" and (len(text) > (field.max_length or 191) or not EMAIL.fullmatch(text)):
        raise InvalidValueError(f"{text} is invalid.")
    if field.type == "url" and "://" not in text:
        text = f"http://{text}"
    options = accepted(field.type) if field.type in LISTED else field.choices if field.type == "select" else None
    if options is not None and text not in options:
        raise InvalidValueError(NOT_VALID)
    if field.max_length and field.type not in {"textarea", "html"} and len(text) > field.max_length:
        raise InvalidValueError(f"This value is too long. It should have {field.max_length} characters or less.")
    return text


def clean_number(field: Field, value: Any) -> float | int:
    """Return a number, rounded to the field's decimals."""
    try:
        number = float(value.replace(",", ".") if isinstance(value, str) else value)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(NOT_VALID) from error
    if not math.isfinite(number):
        raise InvalidValueError(NOT_VALID)
    if field.alias == "points":
        return int(number)
    step = Decimal(1).scaleb(-field.scale)
    return float(Decimal(str(number)).quantize(step, rounding=ROUND_HALF_UP))


def clean_multiselect(field: Field, value: Any) -> str | None:
    """Return the chosen values joined by |."""
    chosen = value if isinstance(value, list) else str(value).split("|")
    if any(str(item) not in field.choices for item in chosen if item != ""):
        raise InvalidValueError(NOT_VALID)
    return "|".join(str(item) for item in chosen if item != "") or None


def clean_moment(kind: str, value: Any) -> Any:
    """Return a date, or a UTC date and time cut to the minute; KEEP when it is none."""
    if isinstance(value, datetime | date):
        value = value.isoformat()
    text = str(value).strip()
    if kind == "time":
        return KEEP if not (found := re.fullmatch(r"(\d{1,2}):(\d{2})(:\d{2})?", text)) else _time(found.group(0))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return KEEP
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return moment.date() if kind == "date" else moment.replace(second=0, microsecond=0)


def _time(text: str) -> Any:
    try:
        return datetime.strptime(text[:5].zfill(5), "%H:%M").time()  # noqa: DTZ007  (a time of day)
    except ValueError:
        return KEEP


def parse_moment(text: Any) -> datetime | None:
    """Return an instant as the database holds it, or None when it is no date."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment).replace(microsecond=0)


def shown(value: Any) -> Any:
    """Return a stored value as Mautic writes it in JSON and in the audit log."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if hasattr(value, "isoformat") else value


def same(old: Any, new: Any) -> bool:
    """Tell whether a write changes nothing."""
    return (None if old == "" else old) == (None if new == "" else new)
