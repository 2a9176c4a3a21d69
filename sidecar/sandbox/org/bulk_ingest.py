"""Ingest jobs: create, upload, close, poll, read results, delete. Start here: `Ingest.create`."""

import random
from dataclasses import dataclass, field
from math import ceil

from sidecar.sandbox.org.bulk_csv import JobError, Upload, read_upload, write_csv
from sidecar.sandbox.org.bulk_jobs import (
    ABORTED,
    DONE,
    ENDED,
    FAILED,
    LOCK_FAILURE,
    OPEN,
    OPEN_FOR,
    RUNNING,
    UPLOADED,
    Job,
    Result,
    read_format,
    wanted_state,
)
from sidecar.sandbox.org.bulk_rows import RowWriter, read_columns
from sidecar.sandbox.org.collections import Collections
from sidecar.sandbox.org.errors import OrgError, not_found
from sidecar.sandbox.org.limits import Limits
from sidecar.sandbox.org.wire import Answer, Call

OPERATIONS = frozenset({"insert", "update", "upsert", "delete"})
BATCH = 10_000
CSV = "text/csv"


@dataclass(slots=True)
class Ingest:
    """What an ingest job can be asked. `max_upload` is what base64 leaves of 150 MB."""

    collections: Collections
    limits: Limits
    seed: int = 0
    max_upload: int = 112_500_000
    _writers: dict[str, RowWriter] = field(default_factory=dict)

    def create(self, call: Call, job_id: str) -> Job:
        """Return a new job for POST /jobs/ingest."""
        body = call.object_body()
        operation, name = body.get("operation"), str(body.get("object", ""))
        if operation not in OPERATIONS:
            raise OrgError("INVALIDJOB", f"InvalidJob : Unsupported operation: {operation}")
        each = self.collections.records.schema.get(name)
        if each is None:
            raise OrgError("INVALIDJOB", f"InvalidJob : Unable to find object: {name}")
        key = self._key(each.name, str(body.get("externalIdFieldName") or "")) if operation == "upsert" else None
        now = self.collections.records.clock.now()
        job = Job(job_id, "V2Ingest", operation, each.name, call.version, call.user_id, read_format(body), now, now)
        job.key, job.assigns = key, bool(body.get("assignmentRuleId"))
        return job

    def _key(self, object_name: str, name: str) -> str:
        if not name:
            message = f"External ID was blank for {object_name}. An External ID must be specified for upsert."
            raise OrgError("INVALIDJOB", f"InvalidJob : {message}")
        found = self.collections.records.schema.objects[object_name.lower()].visible(name)
        if found is None or not found.is_key:
            message = (
                f"Field name provided, {name.lower()} does not match an External ID, Salesforce Id, or indexed field"
            )
            raise OrgError("INVALIDJOB", f"InvalidJob : {message} for {object_name}")
        return found.name

    def upload(self, call: Call, job: Job) -> Answer:
        """PUT the data of a job, once."""
        if job.state != OPEN or self.collections.records.clock.now() - job.created_at > OPEN_FOR:
            raise OrgError("INVALIDJOBSTATE", f"InvalidJobState : Data cannot be added to a job in state {job.state}")
        if job.data is not None:
            message = (
                f"InvalidBatch : Found multiple contents for job: <{job.id}>, please 'PUT' only once on a given Job"
            )
            raise OrgError("INVALIDBATCH", message)
        if not isinstance(call.body, bytes):
            raise OrgError("UNSUPPORTED_MEDIA_TYPE", "the data of a job is text/csv", status=415)
        if len(call.body) > self.max_upload:
            raise OrgError("INVALIDBATCH", "InvalidBatch : the data exceeds 150 MB of base64", status=413)
        job.data = call.body
        return Answer(201)

    def change(self, call: Call, job: Job) -> Answer:
        """PATCH a job's state: close it, or abort it where it stands."""
        state = wanted_state(call)
        if job.state in ENDED:
            verb = "Aborting" if state == ABORTED else "Closing"
            raise OrgError("INVALIDJOBSTATE", f"{verb} already Completed Job not allowed")
        if state == UPLOADED and job.state != OPEN:
            raise OrgError("INVALIDJOBSTATE", "InvalidJobState : Closing already closed Job not allowed")
        if state == UPLOADED and job.data is None:
            raise OrgError("INVALIDJOBSTATE", "InvalidJobState : a job without data cannot be closed")
        self._enter(job, state)
        if state == UPLOADED:
            job.started_at = job.changed_at
        return Answer(200, job.brief())

    def advance(self, job: Job, *, polled: bool) -> None:
        """Bring a job to where its course has it by now."""
        if job.state in ENDED or job.state == OPEN:
            return
        job.polls += polled
        share = job.share(self.collections.records.clock.now())
        if share <= 0:
            return
        if job.state == UPLOADED:
            self._enter(job, RUNNING)
            self._read(job)
        if job.state == RUNNING:
            self._process(job, share)

    def finish(self, job: Job) -> None:
        """Do the rest of a job at once."""
        job.course.is_held, job.course.polls, job.course.seconds = False, 1, None
        self.advance(job, polled=True)

    def _enter(self, job: Job, state: str) -> None:
        job.state, job.changed_at = state, self.collections.records.clock.now()

    def _fail(self, job: Job, why: str) -> None:
        job.error = why
        self._enter(job, FAILED)

    def _read(self, job: Job) -> None:
        """Read the upload; a header the org does not know ends the job."""
        records = self.collections.records
        each = records.schema.objects[job.object.lower()]
        try:
            job.upload = read_upload(job.data or b"", job.form)
            columns = read_columns(job.upload.names, each, records.schema, job.operation)
        except JobError as error:
            self._fail(job, str(error))
            return
        if job.course.error is not None:
            self._fail(job, job.course.error)
            return
        count = len(job.upload.lines)
        failing = random.Random(self.seed).sample(range(count), min(job.course.failing, count))  # noqa: S311  (repeatable)
        self._writers[job.id] = writer = RowWriter(job, each, columns, self.collections, frozenset(failing))
        writer.find_doubles(job.upload.lines)
        batches = ceil(count / BATCH)
        job.lost = max(0, count - self.limits.take("DailyBulkApiBatches", batches) * BATCH)

    def _process(self, job: Job, share: float) -> None:
        """Write rows until this share is done; rows nobody looks at make it fail."""
        assert job.upload is not None
        lines = job.upload.lines
        last = len(lines) - max(job.course.unprocessed, job.lost)
        until = min(last, int(len(lines) * share))
        for start in range(job.processed, until, BATCH):
            job.results += self._writers[job.id].write(start, lines[start : min(start + BATCH, until)])
        job.processed = max(job.processed, until)
        if share >= 1:
            if job.lost:
                job.error = "ExceededQuota : ApiBatchItems Limit exceeded."
            elif job.course.unprocessed and job.course.ending == FAILED:
                job.error = LOCK_FAILURE
            self._enter(job, FAILED if job.error else job.course.ending if job.course.unprocessed else DONE)
            self._writers.pop(job.id, None)

    def _unread(self, job: Job) -> Upload | None:
        """Return the rows of a job that was aborted before anybody looked at them; None if they cannot be read."""
        try:
            return read_upload(job.data or b"", job.form)
        except JobError:
            return None

    def results(self, job: Job, which: str) -> Answer:
        """GET successfulResults, failedResults or unprocessedrecords: never in the order of the upload."""
        if job.data is None:
            raise not_found()
        if job.state not in ENDED:
            raise OrgError("INVALIDJOBSTATE", f"InvalidJobState : results are not ready in state {job.state}")
        upload = job.upload or self._unread(job)
        if upload is None:
            return csv_answer(job.data if which == "unprocessedrecords" else b"")
        separator = job.form.separator
        if which == "unprocessedrecords":
            rest = upload.lines[job.processed : len(upload.lines) - job.lost]
            return csv_answer(write_csv(upload.header, [line.cells for line in rest], job.form))
        wants_failed = which == "failedResults"
        chosen = [each for each in job.results if (each.error is not None) is wants_failed]
        random.Random(f"{self.seed}{job.id}{which}").shuffle(chosen)  # noqa: S311  (repeatable)
        second = "sf__Error" if wants_failed else "sf__Created"
        header = f'"sf__Id"{separator}"{second}"{separator}{upload.header}'
        rows = [[each.record_id, told(each), *upload.lines[each.index].cells] for each in chosen]
        return csv_answer(write_csv(header, rows, job.form))


def told(each: Result) -> str:
    """Return the second column of a result."""
    return each.error if each.error is not None else str(each.created).lower()


def csv_answer(data: bytes) -> Answer:
    """Return CSV as an answer."""
    return Answer(200, data, {"Content-Type": CSV})
