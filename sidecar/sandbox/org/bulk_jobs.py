"""What the org remembers of a bulk job, what it tells about it, and how a test wants it to go."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sidecar.sandbox.org.bulk_csv import DELIMITERS, ENDINGS, Format, Upload
from sidecar.sandbox.org.clock import stamp
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.wire import Call

OPEN, UPLOADED, RUNNING = "Open", "UploadComplete", "InProgress"
DONE, FAILED, ABORTED = "JobComplete", "Failed", "Aborted"
ENDED = frozenset({DONE, FAILED, ABORTED})
KEPT_FOR = timedelta(days=7)
OPEN_FOR = timedelta(hours=24)
LOCK_FAILURE = "TooManyLockFailure : Too many lock failures while processing the current batch"


@dataclass(slots=True)
class Course:
    """How a job goes: after so many polls, or so many seconds of the org's clock; what fails on the way.

    `is_held` keeps it InProgress, half done, until it is released. `failing` rows get `code`; the last `unprocessed` rows are
    never looked at and the job ends as `ending`, Failed or Aborted; with `error` it fails before any row.
    """

    polls: int = 2
    seconds: float | None = None
    is_held: bool = False
    failing: int = 0
    code: str = "UNABLE_TO_LOCK_ROW"
    message: str = "unable to obtain exclusive access to this record"
    unprocessed: int = 0
    ending: str = FAILED
    error: str | None = None


@dataclass(slots=True)
class Result:
    """What became of one row."""

    index: int
    record_id: str
    created: bool = False
    error: str | None = None


@dataclass(slots=True)
class Job:
    """One bulk job of either kind."""

    id: str
    kind: str
    operation: str
    object: str
    version: str
    user_id: str
    form: Format
    created_at: datetime
    changed_at: datetime
    state: str = OPEN
    course: Course = field(default_factory=Course)
    key: str | None = None
    assigns: bool = False
    query: str = ""
    data: bytes | None = None
    upload: Upload | None = None
    started_at: datetime | None = None
    polls: int = 0
    processed: int = 0
    lost: int = 0
    results: list[Result] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    header: str = ""
    error: str | None = None

    @property
    def url(self) -> str:
        """The job's own address, without the leading slash."""
        kind = "ingest" if self.kind == "V2Ingest" else "query"
        return f"services/data/v{self.version}/jobs/{kind}/{self.id}"

    def failed(self) -> int:
        """Return how many rows failed."""
        return sum(1 for each in self.results if each.error is not None)

    def brief(self) -> dict[str, Any]:
        """Return what the answer to a change of state has."""
        body: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user_id,
            "createdDate": stamp(self.created_at),
            "systemModstamp": stamp(self.changed_at),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
        }
        return body | ({"externalIdFieldName": self.key} if self.key else {})

    def created(self) -> dict[str, Any]:
        """Return what the answer to its creation has, and an entry of the list of jobs."""
        body = self.brief() | {"lineEnding": self.form.ending, "columnDelimiter": self.form.delimiter}
        return body | ({"contentUrl": f"{self.url}/batches"} if self.state == OPEN else {})

    def full(self) -> dict[str, Any]:
        """Return what the answer to a look at it has."""
        spent = len(self.results) * 2 + self.processed
        body = self.created() | {"jobType": self.kind, "retries": 0, "totalProcessingTime": spent}
        if self.kind == "V2Query":
            body["numberRecordsProcessed"] = self.processed
            body["isPkChunkingSupported"] = True
        else:
            body |= {"apiActiveProcessingTime": spent, "apexProcessingTime": 0}
            if self.state not in {OPEN, UPLOADED}:
                body |= {"numberRecordsProcessed": self.processed, "numberRecordsFailed": self.failed()}
        return body | ({"errorMessage": self.error} if self.error else {})

    def share(self, now: datetime) -> float:
        """Return how much of the job is done by now, 0 to 1; a held one is never more than half done."""
        if self.started_at is None:
            return 0.0
        if self.course.seconds is not None:
            done = (now - self.started_at).total_seconds() / max(self.course.seconds, 0.001)
        else:
            done = self.polls / max(self.course.polls, 1)
        return min(done, 0.5 if self.course.is_held else 1.0)


def read_format(body: dict[str, Any]) -> Format:
    """Return the line ending and delimiter a caller asks for."""
    ending, delimiter = body.get("lineEnding", "LF"), body.get("columnDelimiter", "COMMA")
    if ending not in ENDINGS or delimiter not in DELIMITERS or body.get("contentType", "CSV") != "CSV":
        raise OrgError("INVALIDJOB", "InvalidJob : contentType, lineEnding or columnDelimiter is not supported")
    return Format(ending, delimiter)


def wanted_state(call: Call) -> str:
    """Return the state a caller wants a job in."""
    state = call.object_body().get("state")
    if state not in {UPLOADED, ABORTED}:
        raise OrgError("INVALIDJOBSTATE", f"InvalidJobState : a job cannot be set to {state}")
    return str(state)
