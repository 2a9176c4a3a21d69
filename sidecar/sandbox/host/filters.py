"""Mautic's `where`, `order`, `start` and `limit` in a query string, as conditions on a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Table, and_, or_
from werkzeug.datastructures import MultiDict

from sidecar.sandbox.host.values import parse_moment

DEFAULT_LIMIT = 30


class UnknownColumnError(Exception):
    """A filter or order names a column that is not there."""


def nested(args: MultiDict[str, str]) -> dict[str, Any]:
    """Return a query string's a[b][c]=d as nested dicts; [] counts up."""
    out: dict[str, Any] = {}
    for key, values in args.lists():
        for value in values:
            place, (*path, last) = out, re.findall(r"[^\[\]]+|(?<=\[)(?=\])", key) or [key]
            for part in path:
                place = place.setdefault(part, {})
            place[last or str(len(place))] = value
    return out


def snake(name: str) -> str:
    """Return the column of a property: dateModified is date_modified."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def conditions(table: Table, where: Any) -> list[ColumnElement[bool]]:
    """Return the conditions of a `where`; one with an unknown operator is passed over, as Mautic does."""
    found = (condition(table, item) for item in (where.values() if isinstance(where, Mapping) else []))
    return [item for item in found if item is not None]


def condition(table: Table, item: Mapping[str, Any]) -> ColumnElement[bool] | None:
    """Return one condition, or None for an operator Mautic does not know."""
    operator, value = item.get("expr", ""), item.get("val", "")
    if operator in {"andX", "orX"}:
        parts = conditions(table, value)
        return (and_ if operator == "andX" else or_)(*parts) if parts else None
    column = table.c.get(snake(str(item.get("col", ""))))
    if column is None:
        raise UnknownColumnError(item.get("col"))
    if operator in {"isNull", "isNotNull"}:
        return column.is_(None) if operator == "isNull" else column.is_not(None)
    if operator in {"in", "notIn"}:
        listed = value.values() if isinstance(value, Mapping) else str(value).split(",")
        options = [typed(column, part) for part in listed]
        return column.in_(options) if operator == "in" else column.not_in(options)
    if operator in {"like", "notLike"}:
        return column.like(value) if operator == "like" else column.not_like(value)
    compared: dict[str, Any] = {
        "eq": "__eq__",
        "neq": "__ne__",
        "gt": "__gt__",
        "gte": "__ge__",
        "lt": "__lt__",
        "lte": "__le__",
    }
    method = compared.get(operator)
    return getattr(column, method)(typed(column, value)) if method else None


def typed(column: Any, text: Any) -> Any:
    """Return a text from a query string as the column holds it; an offset other than UTC's is not looked at."""
    if isinstance(column.type, DateTime):
        return parse_moment(re.sub(r"(?<=:\d\d)[+-]\d\d:?\d\d$", "", str(text)))
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", str(text)) and column.type.python_type is not str else text


def ordering(table: Table, query: Mapping[str, Any]) -> list[Any]:
    """Return the wished order: orderBy and orderByDir, or order[n][col] and [dir]; column names only."""
    wishes = [(item.get("col", ""), item.get("dir", "ASC")) for item in (query.get("order") or {}).values()]
    if query.get("orderBy"):
        wishes = [(query["orderBy"], query.get("orderByDir", "ASC"))]
    found = []
    for name, direction in wishes:
        column = table.c.get(name.split(".")[-1])
        if column is None:
            raise UnknownColumnError(name)
        found.append(column.desc() if str(direction).upper() == "DESC" else column.asc())
    return found


def span(query: Mapping[str, Any], default: int = DEFAULT_LIMIT) -> tuple[int, int | None]:
    """Return start and limit; a limit of 0 is none."""
    limit = int(query.get("limit", default) or 0)
    return int(query.get("start", 0) or 0), limit or None
