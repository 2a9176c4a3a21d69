"""Query jobs: create, poll, read the result page by page. Start here: `Queries.create`."""

import gzip
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import Any

from sidecar.sandbox.org.bulk_csv import write_csv
from sidecar.sandbox.org.bulk_jobs import (
    ABORTED,
    DONE,
    ENDED,
    FAILED,
    RUNNING,
    UPLOADED,
    Job,
    read_format,
    wanted_state,
)
from sidecar.sandbox.org.errors import OrgError, not_found
from sidecar.sandbox.org.limits import Limits
from sidecar.sandbox.org.records import Records
from sidecar.sandbox.org.schema import Field
from sidecar.sandbox.org.soql import Plan, compile_query
from sidecar.sandbox.org.wire import Answer, Call

OPERATIONS = frozenset({"query", "queryAll"})
JOBS, VOLUME = "DailyBulkV2QueryJobs", "DailyBulkV2QueryFileStorageMB"
MB = 1024 * 1024
LITERALS = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
REFUSED = (
    (
        re.compile(r"\bSELECT\b.*\(\s*SELECT\b.*\)\s*(,.*)?\bFROM\b", re.IGNORECASE | re.DOTALL),
        "Aggregate Relationships",
    ),
    (re.compile(r"\bTYPEOF\b", re.IGNORECASE), "TYPEOF"),
    (re.compile(r"\bGROUP\s+BY\b", re.IGNORECASE), "GROUP BY"),
    (re.compile(r"\bOFFSET\b", re.IGNORECASE), "OFFSET"),
    (re.compile(r"\b(COUNT|COUNT_DISTINCT|SUM|AVG|MIN|MAX)\s*\(", re.IGNORECASE), "Aggregate functions"),
    (re.compile(r"\bFIELDS\s*\(\s*(ALL|CUSTOM)", re.IGNORECASE), "FIELDS(ALL) and FIELDS(CUSTOM)"),
)


@dataclass(slots=True)
class Queries:
    """What a query job can be asked. `unsupported` are objects the Bulk API does not offer."""

    records: Records
    limits: Limits
    page_size: int = 50_000
    unsupported: set[str] = field(default_factory=set)

    def create(self, call: Call, job_id: str) -> Job:
        """Return a new job for POST /jobs/query."""
        body = call.object_body()
        operation, text = body.get("operation"), str(body.get("query", ""))
        if operation not in OPERATIONS:
            raise OrgError("INVALIDJOB", f"InvalidJob : Unsupported operation: {operation}")
        self._require_allotment()
        plan = self._plan(text, str(operation))
        self.limits.take(JOBS, 1)
        now = self.records.clock.now()
        form = read_format(body)
        job = Job(
            job_id, "V2Query", str(operation), plan.object.name, call.version, call.user_id, form, now, now, UPLOADED
        )
        job.query, job.started_at = text, now
        return job

    def _require_allotment(self) -> None:
        """Refuse a job beyond the day's allotments."""
        for name, said in ((JOBS, "jobs ({most})"), (VOLUME, "result size stored ({most}) kb")):
            most = self.limits.maximum(name)
            if self.limits.used(name) >= most:
                # The 976,562 MB of a real org are told as 1000000000 kb.
                shown = most if name == JOBS else round(most * 1024, -4)
                ending = "has been reached" if name == JOBS else "has been exceeded"
                message = f"Max bulk v2 query {said.format(most=shown)} per 24 hrs {ending}"
                raise OrgError("LIMIT_EXCEEDED", message)

    def _plan(self, text: str, operation: str) -> Plan:
        bare = LITERALS.sub("''", text)
        for pattern, what in REFUSED:
            if pattern.search(bare):
                raise OrgError("API_ERROR", f"{what} not supported in Bulk Query")
        plan = compile_query(text, self.records.schema, self.records.clock.now(), with_deleted=operation == "queryAll")
        if plan.object.name in self.unsupported:
            raise OrgError("INVALIDENTITY", f"Entity '{plan.object.name}' is not supported by the Bulk API.")
        if any(one.type == "address" for _, one, _ in plan.columns):
            raise OrgError("API_ERROR", "Selecting compound data not supported in Bulk Query")
        return plan

    def change(self, call: Call, job: Job) -> Answer:
        """PATCH a job's state: abort it."""
        state = wanted_state(call)
        if job.state in ENDED or state != ABORTED:
            raise OrgError("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
        self._enter(job, ABORTED)
        return Answer(200, job.brief())

    def advance(self, job: Job, *, polled: bool) -> None:
        """Bring a job to where its course has it by now."""
        if job.state in ENDED:
            return
        job.polls += polled
        share = job.share(self.records.clock.now())
        if share > 0 and job.state == UPLOADED:
            self._enter(job, RUNNING)
        if share >= 1:
            self._run(job)

    def finish(self, job: Job) -> None:
        """Do the rest of a job at once."""
        job.course.is_held, job.course.polls, job.course.seconds = False, 1, None
        self.advance(job, polled=True)

    def _enter(self, job: Job, state: str) -> None:
        job.state, job.changed_at = state, self.records.clock.now()

    def _run(self, job: Job) -> None:
        if job.course.error is not None:
            job.error = job.course.error
            self._enter(job, FAILED)
            return
        try:
            plan = self._plan(job.query, job.operation)
        except OrgError as error:  # the org was changed since the job was made
            job.error = f"{error.code} : {error.message}"
            self._enter(job, FAILED)
            return
        names = [".".join([*(join.name for join in joins), one.name]) for joins, one, _ in plan.columns]
        job.header = job.form.separator.join(f'"{name}"' for name in names)
        rows = self.records.storage.select(plan.sql, plan.values)
        job.rows = [[shown(one, row[at]) for _, one, at in plan.columns] for row in rows]
        job.processed = len(job.rows)
        self.limits.take(VOLUME, sum(len(cell) + 3 for row in job.rows for cell in row) // MB)
        self._enter(job, DONE)

    def results(self, call: Call, job: Job) -> Answer:
        """GET one page of the result; Sforce-Locator leads to the next one, `null` says there is none."""
        if job.version != call.version:
            message = "The API version of the request is not the one the job was created with"
            raise OrgError("API_ERROR", message, status=409)
        if job.state != DONE:
            raise OrgError("INVALIDJOBSTATE", f"InvalidJobState : results are not ready in state {job.state}")
        start = read_locator(call.args.get("locator"))
        asked = call.args.get("maxRecords", "")
        size = min(int(asked), self.page_size) if asked.isdigit() and int(asked) else self.page_size
        page = job.rows[start : start + size]
        following = start + size
        headers = {"Content-Type": "text/csv", "Sforce-NumberOfRecords": str(len(page))}
        headers["Sforce-Locator"] = write_locator(following) if following < len(job.rows) else "null"
        data = write_csv(job.header, page, job.form)
        if "gzip" in call.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            data = gzip.compress(data, 1)
        return Answer(200, data, headers)


def shown(one: Field, value: Any) -> str:
    """Return a value as the result has it: null as nothing, a date/time with Z."""
    if one.type == "boolean":
        return "true" if value else "false"
    if value is None:
        return ""
    return value.removesuffix("+0000") + "Z" if one.type == "datetime" else str(value)


def write_locator(start: int) -> str:
    """Return the mark of a page."""
    return urlsafe_b64encode(str(start).encode()).decode().rstrip("=")


def read_locator(locator: str | None) -> int:
    """Return where a page begins."""
    if locator is None:
        return 0
    try:
        return int(urlsafe_b64decode(locator + "=" * (-len(locator) % 4)))
    except (ValueError, Base64Error):
        raise not_found() from None
