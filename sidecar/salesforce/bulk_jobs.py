"""Jobs of Bulk API 2.0 from creation to end, and what becomes of those that a crash left behind. Start here: `Jobs.wait`.

A job's id is kept before anything is uploaded, so that the next run of the lane knows of it whatever happens to this one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sidecar.bulk_log import INGEST, QUERY, JobLog, KnownJob
from sidecar.errors import BudgetError, SidecarError, TransientError
from sidecar.salesforce.parts import Caller, Part, PartAnswer

OPEN: Final = "Open"
ABORTED: Final = "Aborted"
FAILED: Final = "Failed"
ENDED: Final = frozenset({"JobComplete", FAILED, ABORTED})

_LONGEST_PAUSE_SECONDS: Final = 120.0
_LONGEST_WAIT_SECONDS: Final = 3600.0
_GROWTH: Final = 1.5
_NAP_SECONDS: Final = 3.0
"""The lane's lease is kept alive in between: the shortest one that may be set is three times as long."""
_RETRY_AFTER_SECONDS: Final = 600


class FileCaller(Caller, Protocol):
    """A caller that can carry files too."""

    def put_file(self, path: str, content: bytes) -> None:
        """Upload CSV, once; raises what it was refused for."""

    def get_file(self, path: str) -> tuple[bytes, Mapping[str, str]]:
        """Return a file and the headers of its answer."""


@dataclass(frozen=True, slots=True)
class Job:
    """What Salesforce says of a job. Counts are None where it does not tell them."""

    job_id: str
    state: str
    processed: int | None = None
    failed: int | None = None
    error: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state in ENDED


class Jobs:
    """The bulk jobs of one lane."""

    def __init__(self, caller: FileCaller, log: JobLog) -> None:
        self.caller = caller
        self.log = log

    def create(self, kind: str, object_name: str, row_count: int, body: Mapping[str, Any]) -> str | PartAnswer:
        """Create a job and remember it; return its id, or the answer by which it was refused."""
        answer = self.caller.send(Part("POST", f"jobs/{kind}", dict(body)), is_repeatable=True)
        job_id = answer.body.get("id") if isinstance(answer.body, Mapping) else None
        if answer.status >= 300:
            return answer
        if not isinstance(job_id, str):
            raise TransientError("Salesforce did not name the job it made.", code="salesforce-unexpected-answer")
        self.log.opened(job_id, kind, object_name, row_count)
        return job_id

    def close_upload(self, job_id: str) -> None:
        """Say that all is uploaded. A lost answer is no error: waiting for the job tells whether it was heard."""
        try:
            answer = self._set_state(INGEST, job_id, "UploadComplete")
        except BudgetError:
            raise
        except TransientError:
            return
        if answer.error:
            raise answer.error

    def wait(self, kind: str, job_id: str, *, first_pause: float) -> Job:
        """Look at a job, with longer and longer pauses, until it ended; TransientError if that takes too long."""
        is_repeated = False
        for pause in _pauses(first_pause):
            self._rest(pause)
            job = self.look(kind, job_id)
            if job is None:
                break
            if job.has_ended:
                return job
            if job.state == OPEN:
                if is_repeated:
                    break
                is_repeated = True
                self.close_upload(job_id)
        raise TransientError(
            "A bulk job in Salesforce has not ended yet.",
            code="salesforce-bulk-job-running",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )

    def look(self, kind: str, job_id: str) -> Job | None:
        """Return what Salesforce says of a job; None if it does not know it."""
        answer = self.caller.send(Part("GET", f"jobs/{kind}/{job_id}"), is_repeatable=True)
        if answer.status == 404:
            return None
        if answer.error:
            raise answer.error
        body = answer.body if isinstance(answer.body, Mapping) else {}
        return Job(
            job_id,
            str(body.get("state", "")),
            _count(body.get("numberRecordsProcessed")),
            _count(body.get("numberRecordsFailed")),
            str(body.get("errorMessage") or ""),
        )

    def abort(self, kind: str, job_id: str) -> None:
        """Give a job up, as far as Salesforce still can."""
        try:
            self._set_state(kind, job_id, ABORTED)
        except BudgetError:
            raise
        except SidecarError:
            return  # it stays remembered, and the next run tries again
        self.log.closed(job_id, ABORTED)

    def finish_left_behind(self) -> None:
        """See every job of an earlier run to its end. What became of its rows is found out by looking at the records."""
        for known in self.log.unfinished():
            self._finish(known)

    def _finish(self, known: KnownJob) -> None:
        if known.is_too_old:
            self.log.closed(known.job_id, "Unknown")
            return
        if known.kind == QUERY:  # nobody wants its result any more
            self.abort(QUERY, known.job_id)
            return
        job = self.look(INGEST, known.job_id)
        if job is None:
            self.log.closed(known.job_id, "Unknown")
        elif job.state == OPEN:  # nothing of it was ever worked on
            self.abort(INGEST, known.job_id)
        elif job.has_ended:
            self.log.closed(known.job_id, job.state)
        else:
            self.log.closed(known.job_id, self.wait(INGEST, known.job_id, first_pause=_LONGEST_PAUSE_SECONDS / 4).state)

    def _set_state(self, kind: str, job_id: str, state: str) -> PartAnswer:
        return self.caller.send(Part("PATCH", f"jobs/{kind}/{job_id}", {"state": state}), is_repeatable=False)

    def _rest(self, seconds: float) -> None:
        left = seconds
        while left > 0:
            self.caller.sleep(min(left, _NAP_SECONDS))
            self.log.keep_alive()
            left -= _NAP_SECONDS


def _pauses(first: float) -> Iterator[float]:
    """Yield how long to wait before each look: each is a call, so they are few."""
    pause, waited = min(first, _LONGEST_PAUSE_SECONDS), 0.0
    while waited < _LONGEST_WAIT_SECONDS:
        yield pause
        waited += pause
        pause = min(pause * _GROWTH, _LONGEST_PAUSE_SECONDS)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
