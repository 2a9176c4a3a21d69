"""Fingerprints: what a value looked like when both sides last agreed, without keeping the value. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

from sidecar.records import FieldInfo, FieldType, Value

EMPTY = "-"
"""The fingerprint of a blank."""

_MAX_WHOLE_DIGITS = 40  # no field of either side holds half as many


@dataclass(frozen=True, slots=True)
class Fingerprinter:
    """Hashes comparable values with the instance's own salt, so that equal values of two instances look different."""

    salt: bytes

    def of(self, value: Value, info: FieldInfo) -> str:
        """Return 16 hexadecimal characters, or "-" for a blank."""
        comparable = comparable_text(value, info)
        return EMPTY if comparable is None else self.of_text(comparable)

    def of_text(self, text: str) -> str:
        """Return 16 hexadecimal characters for any text."""
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self.salt[:64]).hexdigest()


def comparable_text(value: Value, info: FieldInfo) -> str | None:
    """Return what counts of a value: None for a blank, e-mail without case, text without outer blanks and CR, numbers as rounded.

    Both systems trim; Salesforce lower-cases e-mail; a browser turns LF into CR LF.
    """
    if value is None or value in ("", ()):
        return None
    if isinstance(value, str):  # first, since it is the usual case of what is asked for each field of each record
        return _text(value, info) or None
    match value:
        case bool():
            return "true" if value else None  # Salesforce has no blank checkbox: unset and false mean the same
        case Decimal():
            return _number(value, info.scale)
        case datetime():
            moment = value.astimezone(UTC).replace(microsecond=0)
            return (moment.replace(second=0) if info.scale == 0 else moment).isoformat()
        case date():
            return value.isoformat()
        case tuple():
            return "\x1f".join(sorted(value))


def _text(value: str, info: FieldInfo) -> str:
    text = value if "\r" not in value else value.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip().lower() if info.type is FieldType.EMAIL else text.strip()


def _number(value: Decimal, scale: int | None) -> str:
    """Return a number as rounded by its field, halves away from zero; one beyond every field is written as it is."""
    if not value.is_finite() or value.adjusted() > _MAX_WHOLE_DIGITS:
        return str(value)
    digits = len(value.as_tuple().digits) + _MAX_WHOLE_DIGITS + (scale or 0)
    with localcontext(prec=digits):
        rounded = value if scale is None else value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)
        normal = rounded.normalize()
    return f"{normal if normal else Decimal(0):f}"
