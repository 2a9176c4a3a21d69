"""Counting what an org allows so much of in 24 hours, and refusing beyond it. Start here: `Limits`."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.limits_shape import MAXIMA, PERMISSION_SETS

API, STORAGE = "DailyApiRequests", "DataStorageMB"
WINDOW = timedelta(hours=24)
GRAIN = 60  # seconds that are counted together
RECORD_KB = 2  # what a record counts for, whatever is in it


@dataclass(slots=True)
class Rolling:
    """What was used in the last 24 hours, to the minute."""

    clock: Clock
    total: int = 0
    _minutes: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, count: int) -> None:
        """Use so much now."""
        minute = int(self.clock.now().timestamp()) // GRAIN
        if self._minutes and self._minutes[-1][0] == minute:
            count_before = self._minutes.pop()[1]
            self._minutes.append((minute, count_before + count))
        else:
            self._minutes.append((minute, count))
        self.total += count

    def used(self) -> int:
        """Return what was used since this minute of yesterday; what is older is free again."""
        oldest = int((self.clock.now() - WINDOW).timestamp()) // GRAIN
        while self._minutes and self._minutes[0][0] <= oldest:
            self.total -= self._minutes.popleft()[1]
        return self.total


@dataclass(slots=True)
class Limits:
    """The org's allocations. `calls` counts ours since the last reset; `app` is the name of an app with an allotment of its own."""

    clock: Clock
    allowed: int = 15000
    calls: int = 0
    app: str | None = None
    app_allowed: int = 0
    count_records: Callable[[], int] = lambda: 0
    _changed: dict[str, int] = field(default_factory=dict)
    _windows: dict[str, Rolling] = field(default_factory=dict)
    _ours: Rolling = field(init=False)

    def __post_init__(self) -> None:
        self._ours = Rolling(self.clock)

    # What a test sets

    def set_maximum(self, name: str, most: int) -> None:
        """Set what a limit allows."""
        if name == API:
            self.allowed = most
        else:
            self._changed[name] = most

    def use_by_others(self, count: int, name: str = API) -> None:
        """Let somebody else use so much now; DataStorageMB stays used."""
        self._window(name).add(count)

    def set_app_limit(self, app: str | None, allowed: int = 0) -> None:
        """Give our app an allotment of its own, or take it away; it is only reported."""
        self.app, self.app_allowed = app, allowed

    # What the org counts

    def count(self) -> None:
        """Count one call, or refuse it when the allocation is used up."""
        if self.used() >= self.allowed:
            raise OrgError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        self._window(API).add(1)
        self._ours.add(1)
        self.calls += 1

    def take(self, name: str, count: int) -> int:
        """Use so much of a limit, or as much as is left of it; return how much."""
        granted = max(0, min(count, self.maximum(name) - self.used(name)))
        self._window(name).add(granted)
        return granted

    def used(self, name: str = API) -> int:
        """Return what was used in the last 24 hours."""
        window = self._windows.get(name)
        return window.used() if window is not None else 0

    def maximum(self, name: str) -> int:
        """Return what a limit allows."""
        return self.allowed if name == API else self._changed.get(name, MAXIMA[name])

    def header(self) -> str:
        """Return the value of Sforce-Limit-Info."""
        usage = f"api-usage={self.used()}/{self.allowed}"
        if self.app is None:
            return usage
        return f"{usage}; per-app-api-usage={self._ours.used()}/{self.app_allowed}(appName={self.app})"

    def report(self) -> dict[str, Any]:
        """Return the body of /limits."""
        report: dict[str, Any] = {name: self._entry(name) for name in (*MAXIMA, API) if name != STORAGE}
        report |= {STORAGE: self._storage(), "PermissionSets": PERMISSION_SETS}
        if self.app is not None:
            left = max(0, self.app_allowed - self._ours.used())
            report[API] = report[API] | {self.app: {"Max": self.app_allowed, "Remaining": left}}
        return dict(sorted(report.items()))

    def _entry(self, name: str) -> dict[str, Any]:
        most = self.maximum(name)
        return {"Max": most, "Remaining": max(0, most - self.used(name))}

    def _storage(self) -> dict[str, Any]:
        most, others = self.maximum(STORAGE), self._windows.get(STORAGE)
        used = self.count_records() * RECORD_KB // 1024 + (others.total if others is not None else 0)
        return {"Max": most, "Remaining": most - used}

    def _window(self, name: str) -> Rolling:
        if name not in self._windows:
            self._windows[name] = Rolling(self.clock)
        return self._windows[name]
