"""Salesforce record ids. Pure."""

from typing import Final

_CHECK_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def is_record_id(text: str) -> bool:
    """Tell whether a text can be a record id: 15 characters and the three that tell which of them are capitals.

    One malformed id makes Salesforce refuse a whole query, so such a one is never asked for.
    """
    if len(text) != 18 or not text.isascii() or not text.isalnum():
        return False
    return text[15:] == "".join(_check_character(text[start : start + 5]) for start in (0, 5, 10))


def full_id(text: str) -> str | None:
    """Return the 18 characters of an id given with 15 or 18; None if it is neither."""
    whole = text
    if len(text) == 15 and text.isascii() and text.isalnum():
        whole += "".join(_check_character(text[start : start + 5]) for start in (0, 5, 10))
    return whole if is_record_id(whole) else None


def _check_character(five: str) -> str:
    return _CHECK_CHARACTERS[sum(1 << place for place, char in enumerate(five) if char.isupper())]
