"""A gate before a server holds a call, so that a test knows for certain what a worker is doing when something happens to it."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 60


class DroppedError(ConnectionError):
    """A held call that is never carried out."""


@dataclass
class Hold:
    """One call that is held. `reached` is set once it is there; it goes on when the block that holds it is left."""

    wanted: str
    is_after: bool
    skip: int
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    is_taken: bool = False
    is_dropped: bool = False

    def fits(self, call: str) -> bool:
        method, _, path = self.wanted.partition(" ")
        return call.startswith(f"{method} ") and call.endswith(path)

    def wait(self) -> None:
        """Return once a call is held."""
        assert self.reached.wait(PATIENCE_SECONDS), f"nobody called {self.wanted}"

    def stop_here(self) -> None:
        self.reached.set()
        self.opened.wait()
        if self.is_dropped:
            raise DroppedError

    def drop(self) -> None:
        """See to it that the held call is never carried out, or its answer never sent."""
        self.is_dropped = True

    def open(self) -> None:
        """Let the held call go on."""
        self.opened.set()


class Gate:
    """Stands before a WSGI app and holds one call for a while: before it is carried out, or its answer after it was."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._hold: Hold | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        hold = self._due(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        if hold is None:
            return self.app(environ, start_response)
        try:
            if not hold.is_after:
                hold.stop_here()
            answer = self.app(environ, start_response)
            if hold.is_after:
                hold.stop_here()
        finally:
            hold.done.set()
        return answer

    @contextmanager
    def holding(self, wanted: str, *, is_after: bool = False, skip: int = 0) -> Iterator[Hold]:
        """Hold the next call whose "METHOD /path" ends so, after the first `skip` of them."""
        hold = self._hold = Hold(wanted, is_after, skip)
        try:
            yield hold
        finally:
            self._hold = None
            hold.open()
            assert not hold.is_taken or hold.done.wait(PATIENCE_SECONDS)

    def _due(self, call: str) -> Hold | None:
        with self._lock:
            hold = self._hold
            if hold is None or hold.is_taken or not hold.fits(call):
                return None
            hold.skip -= 1
            hold.is_taken = hold.skip < 0
            return hold if hold.is_taken else None
