"""One line of a check, and the sentences lines are made of. Pure.

Sentences are marked by `told`, so that the pages can say them in other languages; English stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

ADMIN: Final = "salesforce_admin"
OPERATOR: Final = "operator"


class LineStatus(StrEnum):
    """How a thing is. A note works as it is; unknown means that our user may not see it."""

    OK = "ok"
    NOTE = "note"
    FIX = "fix"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the check. `about` names the thing in the org; texts have places for `values`."""

    code: str
    status: LineStatus
    about: str
    text: str
    remedy: str = ""
    fixed_by: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """Return what was found, in English."""
        return self.text % self.values

    @property
    def how(self) -> str:
        """Return how it is put right, in English; "" if there is nothing to do."""
        return self.remedy % self.values


def told(text: str) -> str:
    """Mark a sentence that is shown to people."""
    return text


NOTHING: Final[Mapping[str, Any]] = {}
BUTTON: Final = told("Let the sidecar set up the org, or deploy the package.")


def fix(code: str, about: str, text: str, remedy: str = BUTTON, values: Mapping[str, Any] = NOTHING) -> Line:
    """Return a line about what a Salesforce administrator, or the set-up, must put right."""
    return Line(code, LineStatus.FIX, about, text, remedy, ADMIN, values)


def unknown(code: str, about: str) -> Line:
    """Return a line about what our user may not see."""
    text = told("Salesforce does not tell our user.")
    remedy = told('Give our user "View Setup and Configuration", or look in Salesforce yourself.')
    return Line(code, LineStatus.UNKNOWN, about, text, remedy, ADMIN)
