"""Reading a large backlog of changes by one query job: the same query and cursors, a file instead of many pages.

Whatever is refused or goes wrong, page by page is the way back: the caller goes on from the last cursor it got.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from sidecar.bulk_log import QUERY
from sidecar.errors import TransientError
from sidecar.salesforce import bulk_csv
from sidecar.salesforce.bulk_jobs import Jobs
from sidecar.salesforce.parts import PartAnswer
from sidecar.salesforce.shape import Shape

WORTH_A_JOB: Final = 20_000
"""So many rows are ten pages and more; a job has some calls of its own, and waits for its turn."""
_ROWS_PER_RESULT: Final = 10_000
_FIRST_PAUSE_SECONDS: Final = 10.0
_NO_MORE: Final = ("", "null")


def read_by_job(jobs: Jobs, soql: str, shape: Shape, page_size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a query, deleted ones too, page by page, as a query by REST would answer them."""
    job_id = jobs.create(QUERY, shape.object, 0, {"operation": "queryAll", "query": soql})
    if isinstance(job_id, PartAnswer):
        raise job_id.error or _broken()
    job = jobs.wait(QUERY, job_id, first_pause=_FIRST_PAUSE_SECONDS)
    if job.state != "JobComplete":
        jobs.log.closed(job_id, job.state)
        raise _broken()
    # An empty result's form is not documented: what holds nothing is not fetched.
    locator = "" if job.processed != 0 else None
    seen: set[str] = set()
    while locator is not None:
        content, headers = jobs.caller.get_file(_path(job_id, locator))
        rows = bulk_csv.read_rows(content)
        while page := [_as_answered(row, shape) for row in islice(rows, page_size)]:
            yield page
        following = headers.get("Sforce-Locator", "")
        if following in seen:
            raise _broken()
        seen.add(following)
        locator = None if following in _NO_MORE else following
    jobs.log.closed(job_id, job.state)


def _as_answered(row: Mapping[str, str], shape: Shape) -> dict[str, Any]:
    return bulk_csv.as_answered(row, shape.values, [shape.opt_out] if shape.opt_out else [])


def _path(job_id: str, locator: str) -> str:
    more = f"&locator={locator}" if locator else ""
    return f"jobs/query/{job_id}/results?maxRecords={_ROWS_PER_RESULT}{more}"


def _broken() -> TransientError:
    return TransientError("A bulk query in Salesforce did not come to its end.", code="salesforce-bulk-job-failed")
