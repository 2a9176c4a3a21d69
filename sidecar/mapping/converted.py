"""What converting gives: a value ready for its target, or why it stays behind. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sidecar.mapping.model import FieldPair
from sidecar.records import FieldInfo, Value


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
