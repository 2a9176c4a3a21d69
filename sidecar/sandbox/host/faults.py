"""Faults to inject: what goes wrong, on which calls, how often."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal["reset_before", "reset_after", "status", "timeout", "row_error", "race"]


class ConnectionDropped(ConnectionError):  # noqa: N818 - named for what happens
    """The connection goes away without an answer."""


class AnswerWithheld(TimeoutError):  # noqa: N818 - named for what happens
    """The answer never comes."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    reset_before: the connection drops and nothing was done; reset_after: it was done, the answer is lost; timeout: it
    was done and nobody answers; status: `status` is answered and nothing was done; row_error: item `row` of a batch
    is refused with `status`; race: a create does not see the contact that is already there, as when two calls cross.
    """

    kind: FaultKind
    path: str = ""
    method: str = ""
    status: int = 500
    row: int = 0
    times: int = 1
    skip: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Tell whether a call is one of those this fault is for; `path` is a regular expression found anywhere."""
        return self.times > 0 and self.method in {"", method} and re.search(self.path, path) is not None


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
            for fault in self.waiting:
                if not fault.matches(method, path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                found.append(fault)
            return found
