"""The thread that works off what came in. It begins with the first item, hence after any fork, and ends with the process."""

import atexit
import logging
import threading
from datetime import datetime, timedelta

from sidecar.hooks.intake import Intake
from sidecar.slots import seconds_until

GATHER_SECONDS = 0.25
"""What comes in so close together is stored together."""
PATIENCE_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Background:
    """Works off an intake, in a thread that is started when there is something to do."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def notify(self) -> None:
        """Say that something came in."""
        self._news.set()
        if self._thread is None or not self._thread.is_alive():  # a fork leaves threads behind
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._start()

    def close(self) -> None:
        """Store what is left and end; gives up after a while."""
        self._ending.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="hooks", daemon=True)
        self._thread.start()
        atexit.unregister(self.close)
        atexit.register(self.close)

    def _work(self) -> None:
        later: datetime | None = None
        while not self._ending.is_set():
            self._news.wait(seconds_until(later, self._intake.app.clock()))
            self._ending.wait(GATHER_SECONDS if self._news.is_set() else 0)
            self._news.clear()
            later = self._work_off()
        self._work_off()

    def _work_off(self) -> datetime | None:
        try:
            return self._intake.work_off()
        except Exception:  # noqa: BLE001  (a fault in one batch must not make us deaf to the next)
            _log.exception("What the host told could not be worked off")
            return self._intake.app.clock() + timedelta(seconds=1)
