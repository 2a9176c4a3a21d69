"""What was changed, told when its transaction commits: what is undone was never there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Listener = Callable[[list["Change"]], None]


@dataclass(frozen=True, slots=True)
class Change:
    """One record's change. `origin` is what the API call said of itself, empty for a person's own edit."""

    object: str
    record_id: str
    kind: str
    values: Mapping[str, Any]
    user_id: str
    origin: str


@dataclass(slots=True)
class Changes:
    """Collects what an open transaction changes."""

    listeners: list[Listener] = field(default_factory=list)
    _open: list[Change] = field(default_factory=list)

    def note(self, change: Change) -> None:
        """Remember a change until the transaction ends."""
        if self.listeners:
            self._open.append(change)

    def mark(self) -> int:
        """Return a place to come back to."""
        return len(self._open)

    def undo(self, mark: int) -> None:
        """Forget what came after a place."""
        del self._open[mark:]

    def commit(self) -> None:
        """Tell what is left."""
        told, self._open = self._open, []
        if told:
            for listener in self.listeners:
                listener(told)
