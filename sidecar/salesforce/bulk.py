"""Writing thousands of rows by one job of Bulk API 2.0; what is few, or does not fit, goes by collections as ever.

Results come in any order, so they are joined by the row's own key: the external id of an upsert, the Id of an update. Inserts
have none and stay with collections: a row whose result is lost could only be found again by its looks.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sidecar.bulk_log import INGEST
from sidecar.errors import BudgetError, SetupError, SidecarError, TransientError
from sidecar.salesforce import bulk_csv, errors
from sidecar.salesforce.bulk_jobs import FAILED, Job, Jobs
from sidecar.salesforce.parts import PartAnswer
from sidecar.salesforce.rows import Kind, Row, RowResult, RowWriter
from sidecar.sync.model import Reaction, WriteError

THRESHOLD: Final = 2_000
"""From that many rows on a job is worth its extra calls."""
MAX_UPLOAD_BYTES: Final = 100_000_000
"""An upload may have 150 MB as base64, thus 112 as it is (Bulk API 2.0 and Bulk API guide, limits)."""

UNPROCESSED: Final = "salesforce-row-unprocessed"
_ROWS_PER_SECOND: Final = 500
_FIRST_PAUSE_SECONDS: Final = (3.0, 60.0)
_SUCCESSFUL, _FAILED, _UNPROCESSED = "successfulResults", "failedResults", "unprocessedrecords"
_AGAIN: Final = frozenset({"salesforce-unable-to-lock-row", errors.DUPLICATES})
"""Errors of single rows that collections may not meet again, or tell more of."""

Results = dict[int, RowResult]


class BulkWriter:
    """Writes rows like a RowWriter, many of a kind by jobs."""

    def __init__(
        self, jobs: Jobs, rows: RowWriter, *, threshold: int = THRESHOLD, max_bytes: int = MAX_UPLOAD_BYTES
    ) -> None:
        self._jobs = jobs
        self._rows = rows
        self._threshold = threshold
        self._max_bytes = max_bytes
        self._may_have_written = False

    def write(self, rows: Sequence[Row]) -> list[RowResult]:
        """Write the rows; one result each, in order. Raises only while nothing can have been written."""
        results: Results = {}
        for numbers in self._groups(rows):
            results |= self._load(rows, numbers)
        again = [number for number, result in results.items() if _is_worth_again(rows[number], result)]
        if len(again) < self._threshold:
            results = {number: result for number, result in results.items() if number not in set(again)}
        rest = [number for number in range(len(rows)) if number not in results]
        if rest:
            results |= zip(rest, self._write_rest([rows[number] for number in rest]), strict=True)
        return [results[number] for number in range(len(rows))]

    def _groups(self, rows: Sequence[Row]) -> Iterator[list[int]]:
        """Yield the rows that can share a job, where they are enough; of rows with one key only the first."""
        groups: dict[tuple[Kind, str, str], dict[str, int]] = {}
        for number, row in enumerate(rows):
            if row.kind is not Kind.INSERT and bulk_csv.can_carry(row.body):
                groups.setdefault(row.target, {}).setdefault(_key(row), number)
        for group in groups.values():
            if len(group) >= self._threshold and self._jobs.log.is_free():
                yield list(group.values())

    def _write_rest(self, rows: Sequence[Row]) -> list[RowResult]:
        try:
            return self._rows.write(rows)
        except (SetupError, TransientError) as error:
            if not self._may_have_written:
                raise
            return [RowResult(error=_as_write_error(error))] * len(rows)

    def _load(self, rows: Sequence[Row], numbers: list[int]) -> Results:
        """Take the rows through a job; rows without a result were not written and shall go another way."""
        content = _content(rows, numbers)
        if len(content) > self._max_bytes and len(numbers) > 1:
            middle = len(numbers) // 2
            return self._load(rows, numbers[:middle]) | self._load(rows, numbers[middle:])
        try:
            job_id = self._upload(rows[numbers[0]], content, len(numbers))
        except (SetupError, TransientError) as error:
            if not self._may_have_written:
                raise
            return dict.fromkeys(numbers, RowResult(error=_as_write_error(error)))
        return {} if job_id is None else self._await(job_id, rows, numbers)

    def _upload(self, first: Row, content: bytes, count: int) -> str | None:
        """Return the id of a job that has all its data; None if the org takes no such job."""
        body = {"object": first.object, "operation": str(first.kind), "contentType": "CSV", "lineEnding": "LF"}
        if first.kind is Kind.UPSERT:
            body["externalIdFieldName"] = first.key_field
        job_id = self._jobs.create(INGEST, first.object, count, body)
        if isinstance(job_id, PartAnswer):
            _require_usable_key(first, job_id)
            return None
        try:
            self._jobs.caller.put_file(f"jobs/ingest/{job_id}/batches", content)
            self._jobs.close_upload(job_id)
        except BudgetError:
            raise  # giving it up would be a call too: the next run does
        except SidecarError:
            self._jobs.abort(INGEST, job_id)
            raise
        return job_id

    def _await(self, job_id: str, rows: Sequence[Row], numbers: list[int]) -> Results:
        had_written, self._may_have_written = self._may_have_written, True
        low, high = _FIRST_PAUSE_SECONDS
        try:
            job = self._jobs.wait(INGEST, job_id, first_pause=min(high, max(low, len(numbers) / _ROWS_PER_SECOND)))
            if job.state == FAILED and job.processed == 0:
                self._jobs.log.closed(job_id, job.state)
                self._may_have_written = had_written
                return self._failed(job, numbers)
            results = self._results(job, rows, numbers)
        except (SetupError, TransientError) as error:
            if not self._may_have_written:
                raise
            return dict.fromkeys(numbers, RowResult(error=_as_write_error(error)))
        self._jobs.log.closed(job_id, job.state)
        return results

    def _failed(self, job: Job, numbers: list[int]) -> Results:
        """Say what follows from a job that failed before its first row. Its message is English, and only looked through."""
        kind, _, _ = job.error.partition(":")
        match kind.strip().replace(" ", ""):
            case "InvalidBatch" if "field name not found" in job.error.casefold():
                raise errors.whole_error(400, [{"errorCode": "INVALID_FIELD"}])
            case "InvalidBatch":
                return {}
            case "ExceededQuota":
                raise errors.whole_error(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}])
            case _:
                return dict.fromkeys(numbers, RowResult(error=WriteError(UNPROCESSED, Reaction.RETRY)))

    def _results(self, job: Job, rows: Sequence[Row], numbers: list[int]) -> Results:
        """Join the results with the rows: successful, failed and unprocessed must be all, and what is missing is lost."""
        first = rows[numbers[0]]
        name = first.key_field if first.kind is Kind.UPSERT else "Id"
        by_key = {_key(rows[number]): number for number in numbers}
        results: Results = {}
        # A row that is told twice counts as saved if it ever was.
        for kind in _worth_fetching(job, len(numbers)):
            content, _ = self._jobs.caller.get_file(f"jobs/ingest/{job.job_id}/{kind}")
            for key, told in _told(content, name):
                number = by_key.get(key)
                if number is not None and number not in results:
                    results[number] = _result(kind, told, first)
        lost = RowResult(error=WriteError(errors.ANSWER_LOST, Reaction.RETRY))
        return {number: results.get(number, lost) for number in numbers}


def _content(rows: Sequence[Row], numbers: Sequence[int]) -> bytes:
    first = rows[numbers[0]]
    bodies = [rows[number].body for number in numbers]
    if first.kind is Kind.UPDATE:  # collections call it "id"
        bodies = [{"Id": body["id"], **{name: body[name] for name in body if name != "id"}} for body in bodies]
    return bulk_csv.write_rows(bulk_csv.columns_of(bodies), bodies)


def _key(row: Row) -> str:
    """Return the text by which a row is recognised in a result."""
    return bulk_csv.cell(row.body[row.key_field if row.kind is Kind.UPSERT else "id"]).casefold()


def _worth_fetching(job: Job, uploaded: int) -> list[str]:
    """Return which results the job's numbers promise anything in; each is a call."""
    if job.processed is None or job.failed is None:
        return [_SUCCESSFUL, _FAILED, _UNPROCESSED]
    wanted = [
        (_SUCCESSFUL, job.processed > job.failed),
        (_FAILED, job.failed > 0),
        (_UNPROCESSED, job.processed < uploaded),
    ]
    return [kind for kind, is_wanted in wanted if is_wanted]


def _told(content: bytes, name: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    spelled: str | None = None
    for row in bulk_csv.read_rows(content):
        spelled = spelled or bulk_csv.column(row, name)
        if spelled is None:
            raise TransientError("Salesforce's result lacks the rows' own key.", code="salesforce-unexpected-answer")
        yield row[spelled].casefold(), row


def _result(kind: str, told: Mapping[str, str], first: Row) -> RowResult:
    match kind:
        case "successfulResults" if told.get("sf__Id"):
            return RowResult(id=told["sf__Id"], was_created=told.get("sf__Created", "").casefold() == "true")
        case "failedResults":
            found = bulk_csv.parse_error(told.get("sf__Error", ""))
            return RowResult(error=errors.row_error(found, has_id=first.kind is Kind.UPDATE))
        case "unprocessedrecords":
            return RowResult(error=WriteError(UNPROCESSED, Reaction.RETRY))
        case _:
            return RowResult(error=WriteError(errors.ANSWER_LOST, Reaction.RETRY))


def _require_usable_key(first: Row, answer: PartAnswer) -> None:
    """Raise if the key can never work; anything else is for collections to try, which say more."""
    items = answer.body if isinstance(answer.body, list) else []
    codes = {errors.code_of(item).replace("_", "") for item in items if isinstance(item, Mapping)}
    if first.kind is Kind.UPSERT and "INVALIDJOB" in codes:
        raise SetupError(
            "Salesforce does not take the mapping's external id as a key.",
            code="salesforce-key-unusable",
            fixed_by="salesforce_admin",
        )


def _is_worth_again(row: Row, result: RowResult) -> bool:
    if result.error is None:
        return False
    # Two upserts of a new key that overlap can both be told it exists already; the second look settles it.
    is_race = row.kind is Kind.UPSERT and result.error.code == "salesforce-duplicate-value"
    return is_race or result.error.code in _AGAIN


def _as_write_error(error: SidecarError) -> WriteError:
    if isinstance(error, TransientError):
        code = errors.ANSWER_LOST if error.code == errors.UNREACHABLE else error.code
        return WriteError(code, Reaction.RETRY, retry_after_seconds=error.retry_after_seconds)
    return WriteError(error.code, Reaction.SETUP)
