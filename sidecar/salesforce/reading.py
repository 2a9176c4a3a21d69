"""Asking an org for records of known shapes: what changed in a window, page by page, and some records as they are now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sidecar.errors import BudgetError, SetupError, SidecarError, TransientError
from sidecar.records import Record, Ref
from sidecar.salesforce import errors, soql
from sidecar.salesforce.asking import Sizes, ask, questions
from sidecar.salesforce.bulk_jobs import Jobs
from sidecar.salesforce.bulk_query import WORTH_A_JOB, read_by_job
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.ids import is_record_id
from sidecar.salesforce.shape import Row, Shape
from sidecar.salesforce.values import parse_datetime
from sidecar.sync.model import Cursor, Page, Window

PAGE_SIZE: Final = 2000
"""The most rows Salesforce puts into one answer (SOQL reference, Sforce-Query-Options)."""

_STAMP: Final = "SystemModstamp"
_IDS: Final = Sizes(some=500, many=1_000, many_from=2_500)


class RecordReader:
    """Reads records of known shapes; with `jobs`, a large backlog by a query job."""

    def __init__(self, client: SalesforceClient, *, page_size: int = PAGE_SIZE, worth_a_job: int = WORTH_A_JOB) -> None:
        self._client = client
        self._page_size = page_size
        self._worth_a_job = worth_a_job
        self.jobs: Jobs | None = None

    def read_changes(self, shape: Shape, window: Window) -> Iterator[Page]:
        """Yield pages by (SystemModstamp, Id); one query, thus one call, when nothing changed."""
        after, pages, left = window.after, 0, 0
        while True:
            rows, left = self._page(shape, window, after) if pages != 1 else self._page_and_count(shape, window, after)
            if rows:
                page = _as_page(shape, rows)
                if page.cursor == after:
                    raise TransientError("Salesforce's result does not move on.", code=errors.QUERY_EXPIRED)
                yield page
                after, pages = page.cursor, pages + 1
            if len(rows) < self._page_size:
                return
            if left - len(rows) > self._worth_a_job and after is not None:
                # Whatever a job does not tell is read page by page after the last cursor, and be it only that nothing is left.
                for page in self._by_job(shape, window, after):
                    yield page
                    after = page.cursor

    def _by_job(self, shape: Shape, window: Window, after: Cursor) -> Iterator[Page]:
        assert self.jobs is not None
        try:
            for rows in read_by_job(self.jobs, changes_query(shape, window, after, None), shape, self._page_size):
                if not _is_in_order(rows, after):  # no cursor could stand for what was read so far
                    return
                page = _as_page(shape, rows)
                after = page.cursor
                yield page
        except BudgetError:
            raise
        except (SetupError, TransientError):
            return

    def _page_and_count(self, shape: Shape, window: Window, after: Cursor | None) -> tuple[list[Row], int]:
        """Return a page, and how many rows there are from its first on: the same call tells both."""
        if self.jobs is None:
            return self._page(shape, window, after)
        queries = [changes_query(shape, window, after, self._page_size), count_query(shape, window, after)]
        try:
            page, counted = self._client.try_each(queries, with_deleted=True)
        except TransientError as error:
            if error.code != errors.QUERY_EXPIRED:
                raise
            return self._page(shape, window, after)
        if isinstance(page, SidecarError):
            raise page
        return list(page), 0 if isinstance(counted, SidecarError) else _count_in(counted)

    def read_urgent(self, wanted: Sequence[tuple[Shape, Window]]) -> Iterator[Sequence[Record]]:
        """Yield opt-outs and deletions; objects are asked together, and again for those of which a page was not enough."""
        while wanted:
            queries = [
                changes_query(shape, window, window.after, self._page_size, urgent_only=True)
                for shape, window in wanted
            ]
            answers = self._client.query_each(queries, with_deleted=True)
            more: list[tuple[Shape, Window]] = []
            for (shape, window), rows in zip(wanted, answers, strict=True):
                if rows:
                    yield [shape.record(row) for row in rows]
                if len(rows) == self._page_size:
                    more.append((shape, replace(window, after=_cursor(rows))))
            wanted = more

    def read(self, shapes: Mapping[str, Shape], refs: Sequence[Ref]) -> dict[Ref, Record]:
        """Return the records as they are now, deleted ones too, by as few calls as the length of an address allows."""
        asked = [
            question
            for name, shape in shapes.items()
            for question in questions(
                shape,
                sorted({ref.id for ref in refs if ref.object == name and is_record_id(ref.id)}),
                _by_ids(shape),
                _IDS,
            )
        ]
        records = (shape.record(row) for shape, rows in ask(self._client, asked, with_deleted=True) for row in rows)
        return {record.ref: record for record in records}

    def _page(self, shape: Shape, window: Window, after: Cursor | None) -> tuple[list[Row], int]:
        query = changes_query(shape, window, after, self._page_size)
        try:
            return self._all(query), 0
        except TransientError as error:
            if error.code != errors.QUERY_EXPIRED:
                raise
            return self._all(query), 0  # the rest of the result was dropped meanwhile: ask once more from the same key

    def _all(self, query: str) -> list[Row]:
        return [row for page in self._client.query(query, with_deleted=True) for row in page]


def changes_query(
    shape: Shape, window: Window, after: Cursor | None, limit: int | None, *, urgent_only: bool = False
) -> str:
    """Return the query for what changed in the half-open window, after the cursor if there is one."""
    where = _changed(window, after)
    if urgent_only and (urgent := _urgent(shape)):
        where = f"{where} AND ({urgent})"
    most = "" if limit is None else f" LIMIT {limit}"
    return soql.select(shape.fields, shape.object, where, f"ORDER BY {_STAMP}, Id{most}")


def count_query(shape: Shape, window: Window, after: Cursor | None) -> str:
    """Return the query for how many records that is."""
    return f"SELECT COUNT(Id) FROM {soql.checked_name(shape.object)} WHERE {_changed(window, after)}"  # noqa: S608  (names are checked)


def _changed(window: Window, after: Cursor | None) -> str:
    begin = soql.compare(_STAMP, ">=", window.start)
    if after is not None:
        same = f"{soql.compare(_STAMP, '=', after.at)} AND {soql.compare('Id', '>', after.id)}"
        begin = f"({soql.compare(_STAMP, '>', after.at)} OR ({same}))"
    return f"{begin} AND {soql.compare(_STAMP, '<', window.end)}"


def _is_in_order(rows: Sequence[Row], after: Cursor) -> bool:
    stamps = [after.at, *(parse_datetime(row[_STAMP]) for row in rows)]
    return stamps == sorted(stamps)


def _as_page(shape: Shape, rows: Sequence[Row]) -> Page:
    return Page(tuple(shape.record(row) for row in rows), _cursor(rows))


def _cursor(rows: Sequence[Row]) -> Cursor:
    return Cursor(parse_datetime(rows[-1][_STAMP]), rows[-1]["Id"])


def _count_in(rows: Sequence[Row]) -> int:
    counted = rows[0].get("expr0") if rows else None
    return counted if isinstance(counted, int) else 0


def _urgent(shape: Shape) -> str:
    """Return the condition for opt-outs and deletions, as far as they can be seen."""
    marks = [name for name in ("IsDeleted", shape.opt_out) if name in shape.fields and name]
    return " OR ".join(soql.compare(name, "=", True) for name in marks)


def _by_ids(shape: Shape) -> Callable[[Sequence[str]], str]:
    return lambda ids: soql.select(shape.fields, shape.object, soql.is_in("Id", ids))
