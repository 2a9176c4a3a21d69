"""One converter per kind of value and target type. Pure; the table `CONVERTERS` at the end is the whole truth.

Texts are never changed to fit, except that a plain text may be cut where its pair says so. Outer blanks are dropped only
where the length demands it: both systems trim them anyway.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from types import MappingProxyType
from typing import cast

from sidecar.mapping.graphemes import cut
from sidecar.mapping.model import FieldPair, TooLong
from sidecar.mapping.syntax import is_email, is_url, with_scheme
from sidecar.records import FieldInfo, FieldType, Value

_SEPARATOR = ";"
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_WHOLE_DIGITS = 18  # Salesforce, object reference, Number: 18 digits in all
_BOOLEANS = MappingProxyType({"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False})


class Held(StrEnum):
    """Why a value stays behind. Each has a row in docs/problems.md."""

    TOO_LONG = "too-long"
    NOT_IN_PICKLIST = "not-in-picklist"
    SEPARATOR_IN_OPTION = "separator-in-option"
    NOT_A_NUMBER = "not-a-number"
    NUMBER_TOO_LARGE = "number-too-large"
    NOT_A_DATE = "not-a-date"
    NOT_AN_EMAIL = "not-an-email"
    NOT_A_BOOLEAN = "not-a-boolean"
    NOT_A_URL = "not-a-url"
    TARGET_READ_ONLY = "target-read-only"
    NO_CONVERTER = "no-converter"
    NOTHING_LEFT = "nothing-left"


class Note(StrEnum):
    """What a value lost or gained on its way. Each has a row in docs/problems.md."""

    CUT = "cut"
    ROUNDED = "rounded"
    TIME_DROPPED = "time-dropped"
    SCHEME_ADDED = "scheme-added"


@dataclass(frozen=True, slots=True)
class Converted:
    """A value ready for its target, or why it is held back (then `value` is None and must not be written)."""

    value: Value = None
    held: str | None = None
    note: str | None = None


Converter = Callable[[Value, FieldInfo, FieldPair], Converted]


def value_class(field_type: FieldType) -> type:
    """Return the Python class of a type's canonical values."""
    return _CLASSES.get(field_type, str)


def _text_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    text = cast(str, value)
    fitted = _fitted(text, target)
    if fitted is not None:
        return Converted(fitted)
    if pair.too_long is TooLong.HOLD:
        return Converted(held=Held.TOO_LONG)
    shortened = cut(text.strip(), target.length or 0).rstrip()
    return Converted(shortened, note=Note.CUT) if shortened else Converted(held=Held.TOO_LONG)


def _text_to_email(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    text = cast(str, value)
    return _whole(text, target) if is_email(text.strip()) else Converted(held=Held.NOT_AN_EMAIL)


def _text_to_phone(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    return _whole(cast(str, value), target)


def _text_to_url(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    text = cast(str, value)
    if not is_url(text.strip()):
        return Converted(held=Held.NOT_A_URL)
    complete = with_scheme(text) if target.name == pair.host else text  # the host stores it so anyway
    return _whole(complete, target, note=Note.SCHEME_ADDED if complete != text else None)


def _text_to_number(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    text = cast(str, value).strip()
    if not _PLAIN_NUMBER.fullmatch(text):
        return Converted(held=Held.NOT_A_NUMBER)
    return _number_to_number(Decimal(text), target, pair)


def _text_to_boolean(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    known = _BOOLEANS.get(cast(str, value).strip().lower())
    return Converted(held=Held.NOT_A_BOOLEAN) if known is None else Converted(known)


def _text_to_date(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    text = cast(str, value).strip()
    try:
        return Converted(date.fromisoformat(text)) if _DAY.fullmatch(text) else Converted(held=Held.NOT_A_DATE)
    except ValueError:
        return Converted(held=Held.NOT_A_DATE)


def _text_to_datetime(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    text = cast(str, value).strip()
    if _DAY.fullmatch(text):
        day = _text_to_date(text, target, pair)
        return day if day.held else _date_to_datetime(day.value, target, pair)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return Converted(held=Held.NOT_A_DATE)
    if moment.tzinfo is None:  # whose clock would it be?
        return Converted(held=Held.NOT_A_DATE)
    return _datetime_to_datetime(moment, target, pair)


def _text_to_picklist(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    option = _option(cast(str, value), target)
    return Converted(held=Held.NOT_IN_PICKLIST) if option is None else _whole(option, target)


def _text_to_options(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    parts = tuple(part for piece in cast(str, value).split(_SEPARATOR) if (part := piece.strip()))
    return _options_to_options(parts, target, pair) if parts else Converted(held=Held.NOT_IN_PICKLIST)


def _options_to_options(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    found = [_option(option, target) for option in cast(tuple[str, ...], value)]
    known = tuple(dict.fromkeys(option for option in found if option is not None))
    if None in found:
        return Converted(held=Held.NOT_IN_PICKLIST)
    if any(_SEPARATOR in option for option in known):
        return Converted(held=Held.SEPARATOR_IN_OPTION)
    return Converted(known)


def _options_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    options = cast(tuple[str, ...], value)
    if any(_SEPARATOR in option for option in options):
        return Converted(held=Held.SEPARATOR_IN_OPTION)
    return _whole(_SEPARATOR.join(options), target)


def _options_to_picklist(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    options = cast(tuple[str, ...], value)
    return _text_to_picklist(options[0], target, pair) if len(options) == 1 else Converted(held=Held.NOT_IN_PICKLIST)


def _number_to_number(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    number = cast(Decimal, value)
    if not number.is_finite():
        return Converted(held=Held.NOT_A_NUMBER)
    if number and number.adjusted() >= _MAX_WHOLE_DIGITS:
        return Converted(held=Held.NUMBER_TOO_LARGE)
    rounded = _rounded(number, target.scale)
    if rounded and rounded.adjusted() >= _whole_digits(target):
        return Converted(held=Held.NUMBER_TOO_LARGE)
    return Converted(rounded, note=Note.ROUNDED if rounded != number else None)


def _number_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    number = cast(Decimal, value)
    if not number.is_finite():
        return Converted(held=Held.NOT_A_NUMBER)
    if number and abs(number.adjusted()) >= _MAX_WHOLE_DIGITS:
        return Converted(held=Held.NUMBER_TOO_LARGE)
    return _plain_to_text(_plain(number), target, pair)


def _number_to_boolean(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    number = cast(Decimal, value)
    return Converted(number == 1) if number.is_finite() and number in (0, 1) else Converted(held=Held.NOT_A_BOOLEAN)


def _boolean_to_boolean(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    return Converted(value)


def _boolean_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    return _plain_to_text("true" if value else "false", target, pair)


def _boolean_to_number(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    return Converted(Decimal(1 if value else 0))


def _date_to_date(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    return Converted(value)


def _date_to_datetime(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    return Converted(datetime.combine(cast(date, value), time(), tzinfo=UTC))


def _date_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    return _plain_to_text(cast(date, value).isoformat(), target, pair)


def _datetime_to_datetime(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    moment = _utc(cast(datetime, value))
    return Converted(held=Held.NOT_A_DATE) if moment is None else Converted(moment)


def _datetime_to_date(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:  # noqa: ARG001
    moment = _utc(cast(datetime, value))
    if moment is None:
        return Converted(held=Held.NOT_A_DATE)
    return Converted(moment.date(), note=Note.TIME_DROPPED if moment.time() != time() else None)


def _datetime_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    moment = _utc(cast(datetime, value))
    if moment is None:
        return Converted(held=Held.NOT_A_DATE)
    return _plain_to_text(moment.isoformat().replace("+00:00", "Z"), target, pair)


def _utc(moment: datetime) -> datetime | None:
    """Return the moment in UTC, whole seconds; None if it has no zone or leaves the calendar."""
    try:
        return moment.astimezone(UTC).replace(microsecond=0) if moment.tzinfo else None
    except OverflowError:
        return None


def _plain_to_text(text: str, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return a written-out value; cutting it would make another value of it."""
    if target.type is FieldType.PICKLIST:
        return _text_to_picklist(text, target, pair)
    return _whole(text, target)


def _whole(text: str, target: FieldInfo, *, note: str | None = None) -> Converted:
    """Return a text that may not be cut, since half an address is another address."""
    fitted = _fitted(text, target)
    return Converted(held=Held.TOO_LONG) if fitted is None else Converted(fitted, note=note)


def _fitted(text: str, target: FieldInfo) -> str | None:
    if not target.length or len(text) <= target.length:
        return text
    stripped = text.strip()
    return stripped if len(stripped) <= target.length else None


def _option(text: str, target: FieldInfo) -> str | None:
    """Return the API value meant: exact, else but for case, else the text itself where others are allowed."""
    if text in target.options:
        return text
    folded = text.strip().casefold()
    for option in target.options:
        if option.casefold() == folded:
            return option
    return None if target.is_restricted else text


def _rounded(number: Decimal, scale: int | None) -> Decimal:
    if scale is None or -cast(int, number.as_tuple().exponent) <= scale:
        return number
    with localcontext(prec=_MAX_WHOLE_DIGITS + max(scale, 0) + 2):
        return number.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)


def _whole_digits(target: FieldInfo) -> int:
    if not target.length:
        return _MAX_WHOLE_DIGITS
    return min(_MAX_WHOLE_DIGITS, max(target.length - (target.scale or 0), 1))


def _plain(number: Decimal) -> str:
    text = f"{number:f}" if number else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


_T = FieldType
_CLASSES: Mapping[FieldType, type] = MappingProxyType(
    {_T.NUMBER: Decimal, _T.BOOLEAN: bool, _T.DATE: date, _T.DATETIME: datetime, _T.MULTI_PICKLIST: tuple}
)

CONVERTERS: Mapping[tuple[type, FieldType], Converter] = MappingProxyType(
    {
        (str, _T.TEXT): _text_to_text,
        (str, _T.LONG_TEXT): _text_to_text,
        (str, _T.EMAIL): _text_to_email,
        (str, _T.PHONE): _text_to_phone,
        (str, _T.URL): _text_to_url,
        (str, _T.NUMBER): _text_to_number,
        (str, _T.BOOLEAN): _text_to_boolean,
        (str, _T.DATE): _text_to_date,
        (str, _T.DATETIME): _text_to_datetime,
        (str, _T.PICKLIST): _text_to_picklist,
        (str, _T.MULTI_PICKLIST): _text_to_options,
        (Decimal, _T.NUMBER): _number_to_number,
        (Decimal, _T.BOOLEAN): _number_to_boolean,
        (Decimal, _T.TEXT): _number_to_text,
        (Decimal, _T.LONG_TEXT): _number_to_text,
        (Decimal, _T.PHONE): _number_to_text,
        (Decimal, _T.PICKLIST): _number_to_text,
        (bool, _T.BOOLEAN): _boolean_to_boolean,
        (bool, _T.NUMBER): _boolean_to_number,
        (bool, _T.TEXT): _boolean_to_text,
        (bool, _T.LONG_TEXT): _boolean_to_text,
        (bool, _T.PICKLIST): _boolean_to_text,
        (date, _T.DATE): _date_to_date,
        (date, _T.DATETIME): _date_to_datetime,
        (date, _T.TEXT): _date_to_text,
        (date, _T.LONG_TEXT): _date_to_text,
        (datetime, _T.DATETIME): _datetime_to_datetime,
        (datetime, _T.DATE): _datetime_to_date,
        (datetime, _T.TEXT): _datetime_to_text,
        (datetime, _T.LONG_TEXT): _datetime_to_text,
        (tuple, _T.MULTI_PICKLIST): _options_to_options,
        (tuple, _T.PICKLIST): _options_to_picklist,
        (tuple, _T.TEXT): _options_to_text,
        (tuple, _T.LONG_TEXT): _options_to_text,
    }
)
