"""The lines of a check of the org: who puts them right there, and the sentences that many of them end with. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from sidecar.lines import NOTHING, Line, LineStatus, told

ADMIN: Final = "salesforce_admin"
OPERATOR: Final = "operator"

BUTTON: Final = told("Let the sidecar set up the org, or deploy the package.")


def fix(code: str, about: str, text: str, remedy: str = BUTTON, values: Mapping[str, Any] = NOTHING) -> Line:
    """Return a line about what a Salesforce administrator, or the set-up, must put right."""
    return Line(code, LineStatus.FIX, about, text, remedy, ADMIN, values)


def unknown(code: str, about: str) -> Line:
    """Return a line about what our user may not see."""
    text = told("Salesforce does not tell our user.")
    remedy = told('Give our user "View Setup and Configuration", or look in Salesforce yourself.')
    return Line(code, LineStatus.UNKNOWN, about, text, remedy, ADMIN)
