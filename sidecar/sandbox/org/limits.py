"""Counting API calls, and refusing them beyond the allocation of the last 24 hours."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.errors import OrgError

OTHER_LIMITS = {
    "ConcurrentAsyncGetReportInstances": 200,
    "DailyAsyncApexExecutions": 250000,
    "DailyBulkApiBatches": 15000,
    "DailyBulkV2QueryFileStorageMB": 976562,
    "DailyBulkV2QueryJobs": 10000,
    "DataStorageMB": 5,
    "FileStorageMB": 20,
    "HourlyTimeBasedWorkflow": 50,
    "SingleEmail": 15,
}


@dataclass(slots=True)
class Limits:
    """The daily allocation, kept per hour so that it rolls."""

    clock: Clock
    allowed: int = 15000
    calls: int = 0
    _by_hour: dict[int, int] = field(default_factory=dict)

    def count(self) -> None:
        """Count one call, or refuse it when the allocation is used up."""
        if self.used() >= self.allowed:
            raise OrgError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        hour = int(self.clock.now().timestamp() // 3600)
        self._by_hour[hour] = self._by_hour.get(hour, 0) + 1
        self.calls += 1

    def used(self) -> int:
        """Return the calls of the last 24 hours."""
        oldest = int((self.clock.now() - timedelta(hours=24)).timestamp() // 3600)
        return sum(count for hour, count in self._by_hour.items() if hour > oldest)

    def header(self) -> str:
        """Return the value of Sforce-Limit-Info."""
        return f"api-usage={self.used()}/{self.allowed}"

    def report(self) -> dict[str, Any]:
        """Return the body of /limits."""
        report = {name: {"Max": most, "Remaining": most} for name, most in OTHER_LIMITS.items()}
        return report | {"DailyApiRequests": {"Max": self.allowed, "Remaining": max(0, self.allowed - self.used())}}
