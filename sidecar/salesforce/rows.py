"""Sending many records: 200 to a collection, five collections to a call, one result per row, in order.

A row can only fail itself. What passes by itself is tried once more here; what may have happened is never blindly repeated.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from sidecar.errors import BudgetError, SetupError, TransientError
from sidecar.salesforce import errors
from sidecar.salesforce.parts import PARTS_PER_CALL, Caller, Part, PartAnswer
from sidecar.sync.model import Reaction, WriteError

ROWS_PER_COLLECTION: Final = 200
"""Salesforce, REST API guide, sObject Collections."""

_LOCK_PAUSE_SECONDS: Final = (1.0, 3.0)
"""Anywhere in between: two workers that met at one row should not meet there again."""
_FAILURES_IN_A_ROW: Final = 2
NO_HEADERS: Final[Mapping[str, str]] = {}
_SPLITS: Final = 16
"""Extra calls at most to find the rows for which Salesforce refuses a whole collection."""


class Kind(StrEnum):
    """What is done with a row."""

    UPSERT = "upsert"
    INSERT = "insert"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Row:
    """One record on its way. `body` is ready JSON; an update's has `id`, an upsert's has its `key_field`."""

    kind: Kind
    object: str
    body: Mapping[str, Any] = field(repr=False)
    key_field: str = ""

    @property
    def target(self) -> tuple[Kind, str, str]:
        """Rows with the same target can share a collection."""
        return self.kind, self.object, self.key_field

    @property
    def key(self) -> str | None:
        """What may stand in a collection once only."""
        match self.kind:
            case Kind.UPSERT:
                return str(self.body[self.key_field]).casefold()
            case Kind.UPDATE:
                return str(self.body["id"])
            case _:
                return None


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row. `id` is set when it was saved."""

    id: str | None = None
    error: WriteError | None = None
    was_created: bool = False


@dataclass(slots=True)
class _Batch:
    """Numbers of rows that travel in one collection."""

    numbers: list[int] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


class RowWriter:
    """Writes rows by way of a caller."""

    def __init__(self, caller: Caller, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self._caller = caller
        self._headers = headers

    def write(self, rows: Sequence[Row]) -> list[RowResult]:
        """Write the rows; one result each, in order. Raises only while nothing can have been written."""
        sending = _Sending(self._caller, rows, self._headers)
        sending.send(range(len(rows)))
        again = [number for number, row in enumerate(rows) if _is_worth_again(row, sending.results[number])]
        if again:
            self._caller.sleep(random.uniform(*_LOCK_PAUSE_SECONDS))  # noqa: S311  (no secret depends on it)
            sending.send(again)
        return [sending.results[number] for number in range(len(rows))]


class _Sending:
    """One run over some rows: the results so far, and whether anything may have been written."""

    def __init__(self, caller: Caller, rows: Sequence[Row], headers: Mapping[str, str]) -> None:
        self._caller = caller
        self._rows = rows
        self._headers = headers
        self._may_have_written = False
        self._failures = 0
        self._splits_left = _SPLITS
        self.results: dict[int, RowResult] = {}

    def send(self, numbers: Sequence[int]) -> None:
        """Send these rows, call by call; once it is of no use to go on, the rest waits for another time."""
        stopped: WriteError | None = None
        for call in _calls(self._batches(numbers)):
            stopped = stopped or self._send_call(call)
            if stopped:
                self._fail([number for batch in call for number in batch if number not in self.results], stopped)

    def _send_call(self, call: list[list[int]]) -> WriteError | None:
        """Send one call; return an error if nothing more should be sent."""
        self._forget(call)
        try:
            answers = self._ask(call)
        except SetupError as error:
            if not self._may_have_written:
                raise
            return WriteError(error.code, Reaction.SETUP)
        except TransientError as error:
            return self._give_up(call, error)
        self._failures = 0
        self._may_have_written = True
        for batch, answer in zip(call, answers, strict=True):
            self._take(batch, answer)
        return None

    def _give_up(self, call: list[list[int]], error: TransientError) -> WriteError | None:
        is_stop = error.code == errors.LIMIT_REACHED or isinstance(error, BudgetError)
        if is_stop and not self._may_have_written:
            raise error
        self._may_have_written = True
        is_insert = any(self._rows[number].kind is Kind.INSERT for batch in call for number in batch)
        # Whether an insert happened cannot be known; whoever retries it has to look first.
        code = errors.ANSWER_LOST if is_insert and error.code == errors.UNREACHABLE else error.code
        failed = WriteError(code, Reaction.RETRY, retry_after_seconds=error.retry_after_seconds)
        self._fail([number for batch in call for number in batch], failed)
        self._failures += 1
        return failed if is_stop or self._failures >= _FAILURES_IN_A_ROW else None

    def _ask(self, call: list[list[int]]) -> list[PartAnswer]:
        parts = [self._part(batch) for batch in call]
        is_repeatable = all(self._rows[batch[0]].kind is not Kind.INSERT for batch in call)
        if len(parts) == 1:
            return [self._caller.send(parts[0], is_repeatable=is_repeatable)]
        return self._caller.composite(parts, is_repeatable=is_repeatable)

    def _part(self, batch: list[int]) -> Part:
        first = self._rows[batch[0]]
        method, path = "PATCH", "composite/sobjects"
        if first.kind is Kind.UPSERT:
            path = f"composite/sobjects/{quote(first.object, safe='')}/{quote(first.key_field, safe='')}"
        elif first.kind is Kind.INSERT:
            method = "POST"
        records = [{"attributes": {"type": self._rows[n].object}} | dict(self._rows[n].body) for n in batch]
        return Part(method, path, {"allOrNone": False, "records": records}, self._headers)

    def _take(self, batch: list[int], answer: PartAnswer) -> None:
        if answer.status >= 300:
            self._take_refusal(batch, answer)
        elif not isinstance(answer.body, list) or len(answer.body) != len(batch):
            self._fail(batch, WriteError(errors.ANSWER_LOST, Reaction.RETRY))
        else:
            for number, item in zip(batch, answer.body, strict=True):
                self.results[number] = _row_result(item, self._rows[number])

    def _take_refusal(self, batch: list[int], answer: PartAnswer) -> None:
        """A collection was refused as a whole: find the rows to blame, unless all of them are."""
        first = self._rows[batch[0]]
        error = _refusal(first, answer)
        if error.reaction is Reaction.DATA and len(batch) > 1 and self._splits_left >= 2:
            self._splits_left -= 2
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                if stopped := self._send_call([half]):
                    self._fail([number for number in half if number not in self.results], stopped)
            return
        self._fail(batch, error)

    def _fail(self, numbers: Sequence[int], error: WriteError) -> None:
        for number in numbers:
            self.results[number] = RowResult(error=error)

    def _forget(self, call: list[list[int]]) -> None:
        for batch in call:
            for number in batch:
                self.results.pop(number, None)

    def _batches(self, numbers: Sequence[int]) -> list[list[int]]:
        by_target: dict[tuple[Kind, str, str], list[_Batch]] = {}
        for number in numbers:
            row = self._rows[number]
            _put(by_target.setdefault(row.target, []), number, row.key)
        return [batch.numbers for batches in by_target.values() for batch in batches]

    def __repr__(self) -> str:
        return f"<{len(self._rows)} rows>"


def _put(batches: list[_Batch], number: int, key: str | None) -> None:
    # The same key twice in one collection fails both rows; in the next collection it simply updates.
    for batch in batches:
        if len(batch.numbers) < ROWS_PER_COLLECTION and key not in batch.keys:
            break
    else:
        batch = _Batch()
        batches.append(batch)
    batch.numbers.append(number)
    if key is not None:
        batch.keys.add(key)


def _calls(batches: Sequence[list[int]]) -> list[list[list[int]]]:
    return [list(batches[start : start + PARTS_PER_CALL]) for start in range(0, len(batches), PARTS_PER_CALL)]


def _refusal(first: Row, answer: PartAnswer) -> WriteError:
    if answer.status >= 500:
        return WriteError(errors.UNREACHABLE, Reaction.RETRY)
    if answer.status == 300:
        return WriteError(errors.AMBIGUOUS, Reaction.PERSON)
    if answer.status != 404:
        return errors.row_error(_objects(answer.body), has_id=first.kind is Kind.UPDATE)
    # No record is named in the address: what is missing is the key field, or the whole resource.
    if first.kind is Kind.UPSERT:
        return WriteError("salesforce-key-unusable", Reaction.SETUP, (first.key_field,))
    return WriteError("salesforce-not-found", Reaction.SETUP)


def _row_result(item: Any, row: Row) -> RowResult:
    # Rows that were rolled back carry an id and success false: only success counts.
    if isinstance(item, Mapping) and item.get("success") is True and item.get("id"):
        return RowResult(id=str(item["id"]), was_created=bool(item.get("created", row.kind is Kind.INSERT)))
    found = item.get("errors") if isinstance(item, Mapping) else None
    return RowResult(error=errors.row_error(_objects(found), has_id=row.kind is Kind.UPDATE))


def _objects(items: Any) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _is_worth_again(row: Row, result: RowResult) -> bool:
    if result.error is None:
        return False
    # Two upserts of a new key that overlap can both be told it exists already; the second look settles it.
    is_race = row.kind is Kind.UPSERT and result.error.code == "salesforce-duplicate-value"
    return is_race or result.error.code == "salesforce-unable-to-lock-row"
