"""What a take-over has to tell about the plugin's settings: what could not be imported, and what works otherwise from now on."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What became of something the plugin had."""

    LEFT_OUT = "left_out"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know: a stable code, what it is about in the plugin's words, why, and what to do."""

    kind: Kind
    code: str
    about: str
    why: str
    what_to_do: str


def left_out(code: str, about: str, why: str, what_to_do: str) -> Finding:
    """Return a finding about what was not imported."""
    return Finding(Kind.LEFT_OUT, code, about, why, what_to_do)


def changed(code: str, about: str, why: str, what_to_do: str) -> Finding:
    """Return a finding about what was imported and works otherwise."""
    return Finding(Kind.CHANGED, code, about, why, what_to_do)
