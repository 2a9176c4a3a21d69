"""Converters of numbers and of true and false. Pure. Halves are rounded away from zero."""

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from types import MappingProxyType
from typing import cast

from sidecar.mapping.converted import Converted, Held, Note
from sidecar.mapping.model import FieldPair
from sidecar.mapping.texts import plain_to_text
from sidecar.records import FieldInfo, Value

_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_MAX_WHOLE_DIGITS = 18  # Salesforce, object reference, Number: 18 digits in all
_BOOLEANS = MappingProxyType({"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False})


def text_to_number(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return a plainly written number; a comma or a blank inside could mean two things."""
    text = cast(str, value).strip()
    if not _PLAIN_NUMBER.fullmatch(text):
        return Converted(held=Held.NOT_A_NUMBER)
    return number_to_number(Decimal(text), target, pair)


def text_to_boolean(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return what true, yes, 1, false, no and 0 mean."""
    known = _BOOLEANS.get(cast(str, value).strip().lower())
    return Converted(held=Held.NOT_A_BOOLEAN) if known is None else Converted(known)


def number_to_number(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the number with the target's decimals, if it has room for the digits before the point."""
    number = cast(Decimal, value)
    if not number.is_finite():
        return Converted(held=Held.NOT_A_NUMBER)
    if number and number.adjusted() >= _MAX_WHOLE_DIGITS:
        return Converted(held=Held.NUMBER_TOO_LARGE)
    rounded = _rounded(number, target.scale)
    if rounded and rounded.adjusted() >= _whole_digits(target):
        return Converted(held=Held.NUMBER_TOO_LARGE)
    return Converted(rounded, note=Note.ROUNDED if rounded != number else None)


def number_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the number without exponent and without zeros at the end of its decimals."""
    number = cast(Decimal, value)
    if not number.is_finite():
        return Converted(held=Held.NOT_A_NUMBER)
    if number and abs(number.adjusted()) >= _MAX_WHOLE_DIGITS:
        return Converted(held=Held.NUMBER_TOO_LARGE)
    return plain_to_text(_plain(number), target, pair)


def number_to_boolean(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return what 1 and 0 mean."""
    number = cast(Decimal, value)
    return Converted(number == 1) if number.is_finite() and number in (0, 1) else Converted(held=Held.NOT_A_BOOLEAN)


def boolean_to_boolean(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return true or false."""
    return Converted(value)


def boolean_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the word true or false."""
    return plain_to_text("true" if value else "false", target, pair)


def boolean_to_number(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return 1 or 0."""
    return Converted(Decimal(1 if value else 0))


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
