"""Building SELECTs. Values only ever enter through simple-salesforce's quoting; names are checked. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar
from urllib.parse import quote

from simple_salesforce.format import format_soql

from sidecar.errors import UsageError
from sidecar.records import Value

MAX_ENCODED_BYTES: Final = 15_500
"""A query travels in an address of at most 16,384 bytes (Salesforce, REST API guide, status codes 414 and 431)."""

Item = TypeVar("Item")

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}(\.[A-Za-z][A-Za-z0-9_]{0,79}){0,5}")


def select(fields: Iterable[str], object_name: str, where: str, tail: str = "") -> str:
    """Return a SELECT of each field once; `where` comes from the functions below."""
    names = ",".join(dict.fromkeys(checked_name(name) for name in fields))
    return f"SELECT {names} FROM {checked_name(object_name)} WHERE {where} {tail}".rstrip()  # noqa: S608  (names are checked)


def compare(field: str, operator: str, value: Value) -> str:
    """Return `field operator literal`."""
    return f"{checked_name(field)} {operator} {quoted(value)}"


def is_in(field: str, values: Sequence[Value]) -> str:
    """Return `field IN (…)`; an empty list would be malformed, so there must be a value."""
    if not values:
        raise UsageError("An IN list needs at least one value.", code="salesforce-empty-list")
    return f"{checked_name(field)} IN ({','.join(quoted(value) for value in values)})"


def has_any(field: str, options: Sequence[Value], word: str = "INCLUDES") -> str:
    """Return `field INCLUDES (…)` or `field EXCLUDES (…)` for a list of several options."""
    return is_in(field, options).replace(" IN (", f" {word} (", 1)


def quoted(value: Value) -> str:
    """Return the value as a SOQL literal."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime) and value.tzinfo is None:
        raise UsageError("A moment without a time zone cannot be compared.", code="salesforce-naive-moment")
    return str(format_soql("{}", value))


def checked_name(name: str) -> str:
    """Return the name, or raise UsageError if it is none: names come from mapping documents."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            "A mapping names a field or object that cannot exist in Salesforce.", code="salesforce-bad-name"
        )
    return name


def encoded_bytes(soql: str) -> int:
    """Return how many bytes the query takes inside an address."""
    return len(quote(soql, safe=""))


def is_sayable(value: Value) -> bool:
    """Tell whether a value can stand in a query at all: no stray surrogates, no control characters but white space."""
    if not isinstance(value, str):
        return value is not None
    return all(char >= " " or char in "\t\n\r\b\f" for char in value) and not any(
        "\ud800" <= char <= "\udfff" for char in value
    )


def in_chunks(
    items: Sequence[Item],
    build: Callable[[Sequence[Item]], str],
    *,
    most: int,
    limit: int = MAX_ENCODED_BYTES,
    measure: Callable[[str], int] = encoded_bytes,
) -> Iterator[tuple[Sequence[Item], str]]:
    """Yield runs of items with their query, each of at most `most` items and short enough: for an address, if not told else."""
    start = 0
    while start < len(items):
        size = min(most, len(items) - start)
        soql = build(items[start : start + size])
        while size > 1 and (length := measure(soql)) > limit:
            size = max(1, min(size - 1, size * limit // length))
            soql = build(items[start : start + size])
        yield items[start : start + size], soql
        start += size
