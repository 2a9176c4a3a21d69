"""Whether two systems hold the same value, judged without the sidecar's converters."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sidecar.demo.picture import Row
from sidecar.mapping.model import FieldPair, Priority, TooLong

FIRST_16 = len("2026-05-01T10:00")


def plain(value: Any) -> str:
    """Return a value as text that is equal on both sides: "" for a blank, moments to the minute, options in order."""
    match value:
        case None | False:
            return ""
        case bool():
            return "true"
        case int() | float() | Decimal():
            return f"{Decimal(str(value)):.2f}"
        case datetime():
            return value.isoformat()[:FIRST_16]
        case date():
            return value.isoformat()
    return "\n".join(line.rstrip() for line in str(value).strip().splitlines())


def is_same(pair: FieldPair, contact: Any, person: Any) -> bool:
    """Tell whether contact and person hold the same: each side stores some things in a form of its own."""
    ours, theirs = plain(contact), plain(person)
    forms: tuple[Callable[[str, str], bool], ...] = (
        lambda a, b: a == b,
        lambda a, b: a.lower() == b.lower() and "@" in a,  # Salesforce keeps addresses in small letters
        lambda a, b: sorted(a.split("|")) == sorted(b.split(";")) and pair.host == "interests",
        lambda a, b: len(b) > FIRST_16 and a == b[:FIRST_16] and b.endswith("+0000"),
        lambda a, b: a == f"http://{b}",  # Mautic completes an address
        lambda a, b: not a and b == pair.placeholder,
        lambda a, b: pair.too_long is TooLong.CUT and bool(b) and a.startswith(b),
    )
    return any(form(ours, theirs) for form in forms)


def is_blank(value: Any) -> bool:
    """Tell whether nothing is there."""
    return plain(value) == ""


Claim = Callable[[FieldPair, Any, Any, int], bool]
CLAIMS: Mapping[str, Claim] = {
    "salesforce-has-priority": lambda pair, *_: pair.priority is Priority.SALESFORCE,
    "host-has-priority": lambda pair, *_: pair.priority is Priority.HOST,
    "blanks-stay": lambda pair, a, b, _: not pair.propagate_blanks and (is_blank(a) or is_blank(b)),
    "cleared-on-purpose": lambda _, a, b, __: is_blank(a) or is_blank(b),
    "required-in-target": lambda _, a, b, __: is_blank(a) or is_blank(b),
    "too-long": lambda _, a, b, length: max(len(plain(a)), len(plain(b))) > length,
    "mautic-drops-zero": lambda _, __, b, ___: plain(b) in ("0", "0.00"),
    "salesforce-invalid-email-address": lambda pair, a, *_: pair.host == "email" and not plain(a).isascii(),
}
"""Reasons the sidecar may give for a difference, each with what must then be true of pair, values and field length."""


def value_of(contact: Row, field: str, base_url: str) -> Any:
    """Return a contact's value of a mapped field; its page's address is made, not stored."""
    return f"{base_url}/s/contacts/view/{contact['id']}" if field == "contact_url" else contact[field]
