"""What the org does to a value before it keeps it: trim, round, lower-case, or refuse."""

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sidecar.sandbox.org.clock import parse_date, parse_datetime, stamp
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.ids import full_id
from sidecar.sandbox.org.schema import Field

EMAIL = re.compile(r"[^@\s<>(),;:\"\[\]\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
JSON_KINDS = {str: "VALUE_STRING", bool: "VALUE_BOOLEAN", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT"}


def clean(field: Field, value: Any) -> Any:
    """Return what is stored for a value that came in, or raise why it is refused."""
    if value == "" or (isinstance(value, str) and not value.strip()):
        value = None
    if field.type == "boolean":
        return clean_checkbox(field, value)
    if value is None:
        return None
    cleaner = CLEANERS.get(field.type, clean_text)
    return cleaner(field, value)


def cannot_read(field: Field, value: Any) -> OrgError:
    """Return the answer for JSON of the wrong kind."""
    kind = JSON_KINDS.get(type(value), "START_OBJECT")
    kinds = {"double": "double", "currency": "double", "percent": "double", "boolean": "boolean", "date": "date"}
    wanted = {"datetime": "datetime", "int": "int", "reference": "ID"} | kinds
    message = (
        f"Cannot deserialize instance of {wanted.get(field.type, 'string')} from {kind} value {value} "
        "or request may be missing a required field"
    )
    return OrgError("JSON_PARSER_ERROR", message, [])


def clean_checkbox(field: Field, value: Any) -> bool:
    """A checkbox is true or false, never null."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false", "1", "0"}:
        return value.strip().lower() in {"true", "1"}
    if value is None:
        message = f"{field.label}: value not of required type: null"
        raise OrgError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [field.name])
    raise cannot_read(field, value)


def clean_text(field: Field, value: Any) -> str:
    """A text loses the blanks at its ends; it is never cut."""
    if not isinstance(value, str):
        raise cannot_read(field, value)
    trimmed = value.strip(" \t\r\n")
    if len(trimmed) > field.length:
        message = f"{field.label}: data value too large: {trimmed} (max length={field.length})"
        raise OrgError("STRING_TOO_LONG", message, [field.name])
    return trimmed


def clean_email(field: Field, value: Any) -> str:
    """An e-mail address is kept in lower case."""
    trimmed = clean_text(field, value)
    if not EMAIL.fullmatch(trimmed) or ".." in trimmed:
        raise OrgError("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {trimmed}", [field.name])
    return trimmed.lower()


def clean_option(field: Field, value: Any) -> str:
    """A picklist matches its options without case; an unrestricted one takes any other text as well."""
    trimmed = clean_text(field, value)
    known = next((option for option in field.options if option.casefold() == trimmed.casefold()), None)
    if known is None and field.restricted:
        raise bad_option(field, trimmed)
    return known or trimmed


def bad_option(field: Field, value: str) -> OrgError:
    """Return the answer for a value a restricted picklist does not have."""
    message = f"{field.label}: bad value for restricted picklist field: {value}"
    return OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])


def clean_options(field: Field, value: Any) -> str | None:
    """A multi-select is kept in the order of its options, without doubles."""
    chosen = {part.strip().casefold(): part.strip() for part in clean_text(field, value).split(";") if part.strip()}
    known = {option.casefold(): option for option in field.options}
    strange = [part for folded, part in chosen.items() if folded not in known]
    if strange and field.restricted:
        raise bad_option(field, strange[0])
    return ";".join([option for folded, option in known.items() if folded in chosen] + strange) or None


def clean_number(field: Field, value: Any) -> float | int:
    """A number is rounded to its scale and must fit its digits."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise cannot_read(field, value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise cannot_read(field, value) from None
    if not number.is_finite():
        raise cannot_read(field, value)
    if abs(number) >= Decimal(10) ** (field.precision - field.scale):
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise OrgError("NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])
    rounded = number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    return int(rounded) if field.type == "int" else float(rounded)


def clean_date(field: Field, value: Any) -> str:
    """A date is YYYY-MM-DD; of a date/time the day is kept."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return parse_date(value.strip()).isoformat()
    except (ValueError, AttributeError):
        raise cannot_read(field, value) from None


def clean_datetime(field: Field, value: Any) -> str:
    """A date/time needs a zone and is kept to the second."""
    if isinstance(value, datetime):
        return stamp(value)
    try:
        return stamp(parse_datetime(value.strip()))
    except (ValueError, AttributeError):
        raise cannot_read(field, value) from None


def clean_reference(field: Field, value: Any) -> str:
    """A reference is a well-formed id, kept with 18 characters."""
    found = full_id(value.strip() if isinstance(value, str) else value)
    if found is None:
        raise OrgError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name])
    return found


CLEANERS = {
    "email": clean_email,
    "picklist": clean_option,
    "multipicklist": clean_options,
    "double": clean_number,
    "currency": clean_number,
    "percent": clean_number,
    "int": clean_number,
    "date": clean_date,
    "datetime": clean_datetime,
    "reference": clean_reference,
    "id": clean_reference,
}
