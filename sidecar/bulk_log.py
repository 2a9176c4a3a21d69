"""What is remembered of bulk jobs in Salesforce, between the code that makes them and the store that remembers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

INGEST: Final = "ingest"
QUERY: Final = "query"
"""The two kinds of jobs of Bulk API 2.0."""

KEPT_FOR: Final = timedelta(days=7)
"""Salesforce deletes a job that ended so long ago, with its results (Bulk API 2.0 and Bulk API guide)."""


@dataclass(frozen=True, slots=True)
class KnownJob:
    """A job of ours that has not ended, as far as we know."""

    job_id: str
    kind: str
    is_too_old: bool = False


class JobLog(Protocol):
    """Remembers the jobs of one lane; every method that writes makes sure that the lane is still ours."""

    def is_free(self) -> bool:
        """Tell whether no other lane of the instance has a job under way: an org takes one of ours at a time."""

    def opened(self, job_id: str, kind: str, object_name: str, row_count: int) -> None:
        """Remember a new job."""

    def closed(self, job_id: str, state: str) -> None:
        """Remember how a job ended."""

    def unfinished(self) -> list[KnownJob]:
        """Return the lane's jobs that were opened and not closed, oldest first."""

    def keep_alive(self) -> None:
        """Give a sign of life while a job is waited for."""
