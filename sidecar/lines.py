"""One line of a check of either side, and the mark of the sentences it is made of. Pure.

Sentences are marked by `told`, so that the pages can say them in other languages; English stands here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final


class LineStatus(StrEnum):
    """How a thing is. A note works as it is; unknown means that our user may not see it."""

    OK = "ok"
    NOTE = "note"
    FIX = "fix"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the check. `about` names the thing on its side; texts have places for `values`."""

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


def dump_lines(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return lines as data that can be kept."""
    return [{**asdict(line), "status": line.status.value} for line in lines]


def parse_lines(kept: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Return lines that were kept."""
    return [Line(**{**line, "status": LineStatus(line["status"])}) for line in kept]
