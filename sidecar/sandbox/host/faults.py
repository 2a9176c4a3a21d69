"""Faults to inject: what goes wrong, on which calls, how often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal["reset_before", "reset_after", "timeout", "timeout_after", "status", "row_error", "race", "act"]


class ConnectionDropped(ConnectionResetError):  # noqa: N818 - named for what happens
    """The connection goes away without an answer."""


class AnswerLate(TimeoutError):  # noqa: N818 - named for what happens
    """The answer does not come before the caller gives up."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, for the next `times` calls it fits, after the first `skip` of them.

    `match` is "METHOD /path", part of a path, or a predicate of (method, path). Kinds: reset_before and timeout: nothing
    was done; reset_after and timeout_after: it was done, the answer is lost; status: `status` is answered and nothing
    was done; row_error: item `row` of a batch is refused with `status`; race: a create does not see the contact that is
    already there, as when two calls cross; act: somebody does `do` just before the call, which is answered as usual.
    """

    match: str | Callable[[str, str], bool] = ""
    kind: FaultKind = "status"
    times: int = 1
    status: int = 503
    row: int = 0
    skip: int = 0
    do: Callable[[], object] | None = None

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a call is meant."""
        if self.times < 1:
            return False
        if callable(self.match):
            return self.match(method, path)
        wanted_method, space, wanted = self.match.partition(" ")
        return wanted in path and wanted_method == method if space else self.match in path


@dataclass(slots=True)
class Faults:
    """The faults that are waiting for a call."""

    waiting: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        """Let a fault wait for its calls."""
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        self.waiting.clear()

    def take(self, method: str, path: str) -> list[Fault]:
        """Return the faults that strike this call, and count them down."""
        with self._lock:
            found = []
            for fault in [each for each in self.waiting if each.fits(method, path)]:
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                found.append(fault)
            return found
