"""Bulk jobs asked of the sandbox org over plain HTTP."""

import csv
import io
from typing import Any

import requests

from tests.contract.org_caller import HOST, Caller


class BulkCaller(Caller):
    """A caller that also makes bulk jobs."""

    def create(self, operation: str = "insert", object_name: str = "Lead", **more: Any) -> requests.Response:
        """Create an ingest job."""
        return self.ask("POST", "/jobs/ingest", {"operation": operation, "object": object_name} | more)

    def upload(self, job: dict[str, Any], data: str | bytes) -> requests.Response:
        """Put the data where the job says."""
        raw = data.encode() if isinstance(data, str) else data
        return self.session.put(f"{HOST}/{job['contentUrl']}", data=raw, headers={"Content-Type": "text/csv"})

    def close(self, job: dict[str, Any], state: str = "UploadComplete") -> requests.Response:
        """Say that the data is complete, or abort."""
        return self.ask("PATCH", f"/jobs/ingest/{job['id']}", {"state": state})

    def started(self, data: str | bytes, operation: str = "insert", object_name: str = "Lead", **more: Any) -> str:
        """Return the id of a job whose data is complete."""
        job = self.create(operation, object_name, **more).json()
        assert self.upload(job, data).status_code == 201
        assert self.close(job).status_code == 200
        return str(job["id"])

    def look(self, job_id: str, kind: str = "ingest") -> dict[str, Any]:
        """Return what the org tells about a job."""
        found: dict[str, Any] = self.ask("GET", f"/jobs/{kind}/{job_id}").json()
        return found

    def ended(self, job_id: str, kind: str = "ingest") -> dict[str, Any]:
        """Poll until a job has ended; ten polls must do."""
        for _ in range(10):
            job = self.look(job_id, kind)
            if job["state"] in {"JobComplete", "Failed", "Aborted"}:
                return job
        raise AssertionError(job)

    def results(self, job_id: str, which: str) -> list[dict[str, str]]:
        """Return the rows of a result file."""
        answer = self.ask("GET", f"/jobs/ingest/{job_id}/{which}/")
        assert answer.status_code == 200
        return list(csv.DictReader(io.StringIO(answer.content.decode())))

    def done(
        self, data: str | bytes, operation: str = "insert", object_name: str = "Lead", **more: Any
    ) -> dict[str, Any]:
        """Run a job to its end; return the job and its three results."""
        job = self.ended(self.started(data, operation, object_name, **more))
        return job | {
            "good": self.results(job["id"], "successfulResults"),
            "bad": self.results(job["id"], "failedResults"),
            "rest": self.results(job["id"], "unprocessedrecords"),
        }

    def asked(self, soql: str, operation: str = "query", **more: Any) -> dict[str, Any]:
        """Run a query job to its end."""
        made = self.ask("POST", "/jobs/query", {"operation": operation, "query": soql} | more)
        assert made.status_code == 200, made.text
        return self.ended(made.json()["id"], "query")

    def page(self, job_id: str, **params: Any) -> requests.Response:
        """Return one page of the result of a query job."""
        return self.ask("GET", f"/jobs/query/{job_id}/results", params=params)
