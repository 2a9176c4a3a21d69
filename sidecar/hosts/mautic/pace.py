"""How much Mautic is asked at once: many contacts a call and several calls while it is quick, fewer of both when it is not."""

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from sidecar.hosts.mautic.client import ServerBusyError
from sidecar.hosts.mautic.waves import Item

MIN_BATCH = 10
SLOW_SECONDS, FAST_SECONDS = 20.0, 8.0
"""A batch of 200 takes a healthy Mautic 3 to 7 seconds, and a proxy gives up after 60 at the latest."""
MAX_PAUSE_SECONDS = 60
PAUSE_SECONDS = 5
"""How long we wait where Mautic is busy and does not say until when."""
MAX_PAUSES = 5

_Result = TypeVar("_Result")
Send = Callable[[Sequence[Item]], Mapping[int, _Result]]
"""Sends one batch and returns what became of its places; ServerBusyError if nothing of it was taken in."""
GiveUp = Callable[[Sequence[Item], ServerBusyError], Mapping[int, _Result]]
"""Says what becomes of items that Mautic was too busy for."""


@dataclass
class Pace:
    """The size of batches and how many may be open, for the life of a connection: what was learned of Mautic is kept."""

    parallel: int
    max_batch: int
    sleep: Callable[[float], None]
    pauses_left: int = MAX_PAUSES
    size: int = field(init=False)
    workers: int = field(init=False)
    _open: int = field(default=0, init=False)
    _is_resting: bool = field(default=False, init=False)
    _free: threading.Condition = field(default_factory=threading.Condition, init=False)

    def __post_init__(self) -> None:
        self.parallel = max(1, self.parallel)
        self.size, self.workers = self.max_batch, self.parallel

    def note(self, seconds: float) -> None:
        """Learn from how long an answer took."""
        if seconds > SLOW_SECONDS:
            self.slow_down()
        elif seconds < FAST_SECONDS:
            with self._free:
                self.size = min(self.max_batch, self.size + MIN_BATCH)
                self.workers = min(self.parallel, self.workers + 1)
                self._free.notify_all()

    def slow_down(self) -> None:
        """Ask for half as much at once."""
        with self._free:
            self.size = max(MIN_BATCH, self.size // 2)
            self.workers = max(1, self.workers // 2)

    def work_off(self, items: Sequence[Item], send: Send[_Result], give_up: GiveUp[_Result]) -> dict[int, _Result]:
        """Send all items, which must not depend on each other, in batches; return what became of them, by place.

        Where Mautic wants a longer pause than a run can make, the rest is given up.
        """
        waiting = deque(items)
        results: dict[int, _Result] = {}
        fair_share = max(MIN_BATCH, math.ceil(len(items) / self.parallel))

        def work() -> None:
            while batch := self._take(waiting, fair_share):
                try:
                    found = self._send_patiently(batch, send)
                except ServerBusyError as error:
                    found = give_up([*batch, *self._drain(waiting)], error)
                finally:
                    self._give_back()
                with self._free:
                    results.update(found)

        wanted = min(self.parallel, math.ceil(len(items) / max(1, min(self.size, fair_share))))
        if wanted <= 1:
            work()
            return results
        with ThreadPoolExecutor(wanted) as pool:
            for done in [pool.submit(work) for _ in range(wanted)]:
                done.result()
        return results

    def _take(self, waiting: deque[Item], fair_share: int) -> list[Item]:
        """Wait until one more request may be open, and take a batch for it; empty if nothing is left."""
        with self._free:
            while waiting and (self._open >= self.workers or self._is_resting):
                self._free.wait()
            count = min(self.size, fair_share, len(waiting))
            self._open += bool(count)
            return [waiting.popleft() for _ in range(count)]

    def _drain(self, waiting: deque[Item]) -> list[Item]:
        with self._free:
            rest = list(waiting)
            waiting.clear()
            return rest

    def _give_back(self) -> None:
        with self._free:
            self._open -= 1
            self._free.notify_all()

    def _send_patiently(self, batch: Sequence[Item], send: Send[_Result]) -> Mapping[int, _Result]:
        """Send a batch, and again after a pause as often as Mautic asks for one; nobody sends meanwhile."""
        while True:
            try:
                return send(batch)
            except ServerBusyError as error:
                seconds = PAUSE_SECONDS if error.retry_after_seconds is None else error.retry_after_seconds
                self.slow_down()
                if not self._rest(seconds):
                    raise

    def _rest(self, seconds: int) -> bool:
        """Wait as long as Mautic asks; False if that is too long, or was done too often."""
        with self._free:
            if seconds > MAX_PAUSE_SECONDS or self.pauses_left <= 0:
                return False
            self.pauses_left -= 1
            self._is_resting = True
        self.sleep(seconds)
        with self._free:
            self._is_resting = False
            self._free.notify_all()
        return True
