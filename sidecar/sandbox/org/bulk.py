"""Bulk API 2.0: which path below /jobs does what, and how a test steers jobs. Start here: `Bulk.answer`."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sidecar.sandbox.org.bulk_ingest import Ingest
from sidecar.sandbox.org.bulk_jobs import ABORTED, ENDED, KEPT_FOR, OPEN, Course, Job
from sidecar.sandbox.org.bulk_query import Queries
from sidecar.sandbox.org.collections import Collections
from sidecar.sandbox.org.errors import OrgError, not_found
from sidecar.sandbox.org.ids import make_id
from sidecar.sandbox.org.limits import Limits
from sidecar.sandbox.org.wire import Answer, Call

JOBS = re.compile(r"/jobs/(ingest|query)")
ONE = re.compile(r"/jobs/(ingest|query)/([^/]+)(?:/(\w+))?")
PAGE = 1000
RESULTS = frozenset({"successfulResults", "failedResults", "unprocessedrecords"})
KINDS = {"ingest": "V2Ingest", "query": "V2Query"}
DELETABLE = {"V2Ingest": ENDED | {"UploadComplete"}, "V2Query": ENDED}


class Bulk:
    """The bulk jobs of one org."""

    def __init__(self, collections: Collections, limits: Limits) -> None:
        self.jobs: dict[str, Job] = {}
        self.course = Course()
        self.next_courses: deque[Course] = deque()
        self.ingest = Ingest(collections, limits)
        self.queries = Queries(collections.records, limits)
        self._clock = collections.records.clock
        self._made = 0

    # How a test steers jobs

    def plan(self, times: int = 1, **course: Any) -> None:
        """Say how the next jobs go; see `Course`."""
        self.next_courses.extend(replace(self.course, **course) for _ in range(times))

    def release(self) -> None:
        """Let held jobs go on."""
        for job in self.jobs.values():
            job.course.is_held = False

    def abort(self, job_id: str) -> None:
        """Abort a job where it stands, as an administrator may."""
        self.jobs[job_id].state, self.jobs[job_id].changed_at = ABORTED, self._clock.now()

    def run(self, job_id: str | None = None) -> None:
        """Finish one job, or all of them, now."""
        for job in [self.jobs[job_id]] if job_id else list(self.jobs.values()):
            if job.state not in ENDED and job.state != OPEN:
                self._engine(job).finish(job)

    # What the API offers

    def answer(self, call: Call) -> Answer:
        """Answer a call below /jobs."""
        path = call.path.rstrip("/")
        found = JOBS.fullmatch(path)
        if found is not None:
            return self._many(call, found[1])
        one = ONE.fullmatch(path)
        if one is None:
            raise not_found()
        return self._one(call, self._find(one[1], one[2]), one[3])

    def _many(self, call: Call, kind: str) -> Answer:
        if call.method == "GET":
            return self._list(call, kind)
        if call.method != "POST":
            raise not_allowed(call, "GET,POST")
        engine = self.ingest if kind == "ingest" else self.queries
        job = engine.create(call, make_id("750", self._made + 1))
        job.course = self._next_course()
        self._made += 1
        self.jobs[job.id] = job
        return Answer(200, job.created())

    def _next_course(self) -> Course:
        return self.next_courses.popleft() if self.next_courses else replace(self.course)

    def _find(self, kind: str, job_id: str) -> Job:
        job = next((each for name, each in self.jobs.items() if job_id in {name, name[:15]}), None)
        if job is None or job.kind != KINDS[kind]:
            raise not_found()
        if self._clock.now() - job.changed_at > KEPT_FOR:
            del self.jobs[job.id]
            raise not_found()
        return job

    def _one(self, call: Call, job: Job, part: str | None) -> Answer:
        engine = self._engine(job)
        views: dict[tuple[str, str | None], Callable[[], Answer]] = {
            ("GET", None): lambda: self._look(job),
            ("PATCH", None): lambda: engine.change(call, job),
            ("DELETE", None): lambda: self._delete(job),
        }
        if job.kind == "V2Query":
            views["GET", "results"] = lambda: self.queries.results(call, job)
        else:
            views["PUT", "batches"] = lambda: self.ingest.upload(call, job)
        if part in RESULTS and job.kind == "V2Ingest":
            views["GET", part] = lambda: self.ingest.results(job, str(part))
        view = views.get((call.method, part))
        if view is None and not any(known == part for _, known in views):
            raise not_found()
        if view is None:
            raise not_allowed(call, ",".join(method for method, known in views if known == part))
        if (call.method, part) != ("GET", None):
            engine.advance(job, polled=False)
        return view()

    def _engine(self, job: Job) -> Ingest | Queries:
        return self.ingest if job.kind == "V2Ingest" else self.queries

    def _look(self, job: Job) -> Answer:
        self._engine(job).advance(job, polled=True)
        return Answer(200, job.full())

    def _delete(self, job: Job) -> Answer:
        if job.state not in DELETABLE[job.kind]:
            raise OrgError("API_ERROR", "Error encountered when deleting the job because the job is not terminated")
        del self.jobs[job.id]
        return Answer(204)

    def _list(self, call: Call, kind: str) -> Answer:
        """List jobs, 1,000 at a time; of another type, or chunked ones, there are none."""
        wanted = call.args.get("jobType", KINDS[kind])
        chunked = call.args.get("isPkChunkingEnabled", "false").lower() == "true"
        jobs = [job for job in self.jobs.values() if job.kind == KINDS[kind] == wanted and not chunked]
        for job in jobs:
            self._engine(job).advance(job, polled=False)
        start = call.args.get("queryLocator", "").rpartition("-")[2]
        first = int(start) if start.isdigit() else 0
        last = first + PAGE
        records = [job.created() | {"jobType": job.kind} for job in jobs[first:last]]
        if last >= len(jobs):
            return Answer(200, {"done": True, "records": records})
        following = f"{call.base}/jobs/{kind}?queryLocator={make_id('01g', self._made)}-{last}"
        return Answer(200, {"done": False, "records": records, "nextRecordsUrl": following})


def not_allowed(call: Call, methods: str) -> OrgError:
    """Return the answer for a method a path does not have."""
    message = f"HTTP Method '{call.method}' not allowed. Allowed are {methods}"
    return OrgError("METHOD_NOT_ALLOWED", message, status=405)
