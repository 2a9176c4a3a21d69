"""Short ways to make the lines of a check of a Mautic. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from sidecar.lines import NOTHING, Line, LineStatus, told

HOST_ADMIN: Final = "host_admin"
OPERATOR: Final = "operator"
BUTTON: Final = told("Let the sidecar register itself here.")


def ok(code: str, about: str, text: str, values: Mapping[str, Any] = NOTHING) -> Line:
    """Return a line about what is in order."""
    return Line(code, LineStatus.OK, about, text, values=values)


def note(
    code: str, about: str, text: str, remedy: str = "", values: Mapping[str, Any] = NOTHING, *, by: str = ""
) -> Line:
    """Return a line about what works, and is good to know."""
    return Line(code, LineStatus.NOTE, about, text, remedy, by or (HOST_ADMIN if remedy else ""), values)


def fix(
    code: str, about: str, text: str, remedy: str, values: Mapping[str, Any] = NOTHING, *, by: str = HOST_ADMIN
) -> Line:
    """Return a line about what must be put right."""
    return Line(code, LineStatus.FIX, about, text, remedy, by, values)


def unknown(code: str, about: str, text: str) -> Line:
    """Return a line about what nobody told us."""
    return Line(code, LineStatus.UNKNOWN, about, text)
