"""Rows ↔ the CSV of Bulk API 2.0, on the terms of its guide ("Prepare CSV Files"). Pure.

UTF-8 without a mark, LF, commas, one header. An empty cell leaves a field alone, `#N/A` blanks it. What cannot be carried so
that it surely arrives as it is (a blank beside a quote, a text that reads `#N/A`) is told beforehand and travels as JSON.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sidecar.errors import TransientError
from sidecar.records import FieldInfo, FieldType

BLANK: Final = "#N/A"
MAX_CELL_CHARACTERS: Final = 131_072
"""Of a value; a whole record may have 400,000 (Bulk API 2.0 and Bulk API guide, limits)."""
MAX_ROW_CHARACTERS: Final = 400_000

_UNSAFE: Final = re.compile(r'[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]|\s"|"\s')
_ERROR_END: Final = re.compile(r"--(?=[A-Z][A-Z0-9_]+:|\s*$)")
_WORD: Final = re.compile(r"[^\s,\[\]]+")
_MILLISECONDS: Final = re.compile(r"-?\d{9,14}")
_ALWAYS_BOOLEAN: Final = frozenset({"IsDeleted", "IsConverted"})


def can_carry(row: Mapping[str, Any]) -> bool:
    """Tell whether every value of a row surely arrives as it is."""
    size = 0
    for value in row.values():
        if not (value is None or isinstance(value, str | bool | int | float)):
            return False
        if isinstance(value, str):
            size += len(value)
            if len(value) > MAX_CELL_CHARACTERS or _is_unsafe(value):
                return False
    return size <= MAX_ROW_CHARACTERS


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return every field that any of the rows names, in a fixed order."""
    return sorted({name for row in rows for name in row})


def write_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the file for rows that can be carried; a field that a row does not name stays empty, and is left alone."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row[name]) if name in row else "" for name in columns])
    return text.getvalue().encode()


def cell(value: Any) -> str:
    """Return a JSON value as the text of a cell."""
    match value:
        case None | "":
            return BLANK
        case bool():
            return "true" if value else "false"
        case float():
            return f"{Decimal(repr(value)):f}"
        case _:
            return str(value)


def read_rows(content: bytes) -> Iterator[dict[str, str]]:
    """Yield the rows of a result, each by the names of its header; the bytes are UTF-8, whatever their label says."""
    try:
        lines = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""), strict=True)
        header = next(lines, [])
        for cells in lines:
            if len(cells) == len(header):
                yield dict(zip(header, cells, strict=True))
            elif cells:
                raise _unreadable()
    except (csv.Error, UnicodeDecodeError):
        raise _unreadable() from None


def column(header: Iterable[str], name: str) -> str | None:
    """Return how a result spells one of our columns: a header can come back in another case."""
    return next((each for each in header if each.casefold() == name.casefold()), None)


def parse_error(text: str) -> list[dict[str, Any]]:
    """Return `sf__Error` (`CODE:message:fields--`) as the error objects of other answers, without the message."""
    found = []
    for part in _ERROR_END.split(text):
        code, has_code, rest = part.strip().partition(":")
        if has_code:
            found.append({"statusCode": code, "fields": _WORD.findall(rest.rpartition(":")[2])})
    return found


def as_answered(
    row: Mapping[str, str], fields: Mapping[str, FieldInfo], booleans: Iterable[str] = ()
) -> dict[str, Any]:
    """Return a row of a query's result with the values that a query by REST gives."""
    truths = _ALWAYS_BOOLEAN.union(booleans)
    return {name: _as_answered(text, fields.get(name), is_boolean=name in truths) for name, text in row.items()}


def _as_answered(text: str, info: FieldInfo | None, *, is_boolean: bool) -> Any:
    if text == "":
        return None
    kind = info.type if info else None
    if is_boolean or kind is FieldType.BOOLEAN:
        return text.casefold() == "true"
    is_moment = kind in (FieldType.DATETIME, None)
    if is_moment and _MILLISECONDS.fullmatch(text):
        return _moment(int(text))
    return text


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _is_unsafe(value: str) -> bool:
    # A blank at the edge of a value can come to stand beside a quote.
    return value == BLANK or value != value.strip() or bool(_UNSAFE.search(value))


def _unreadable() -> TransientError:
    return TransientError("Salesforce's result is not the CSV it should be.", code="salesforce-unexpected-answer")
