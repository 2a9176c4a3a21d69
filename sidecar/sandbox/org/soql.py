"""Answer SOQL: check it against the schema, turn it into SQL, shape the rows. Start here: `compile_query`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sidecar.sandbox.org.clock import parse_datetime, stamp
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.ids import full_id
from sidecar.sandbox.org.names import name_object
from sidecar.sandbox.org.schema import Field, Schema, SObject
from sidecar.sandbox.org.soql_parse import Condition, Group, Literal, Parser, Path, Query, like_pattern, unescape
from sidecar.sandbox.org.storage import decode

CUSTOM_HINT = (
    "If you are attempting to use a custom {kind}, be sure to append the '__c' after the {name}. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
MAX_OFFSET = 2000
MAX_LITERAL = 4000
WANTED_KINDS = {
    "boolean": {"boolean"},
    "int": {"number"},
    "double": {"number"},
    "currency": {"number"},
    "percent": {"number"},
    "date": {"date", "day"},
    "datetime": {"datetime", "day"},
}
TYPE_WORDS = {"datetime": "dateTime", "reference": "ID", "id": "ID"}
DAY_SHIFT = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}


@dataclass(slots=True)
class Join:
    """A parent reached through a reference: its alias in SQL, and where its own id stands in a row."""

    alias: str
    object: SObject
    name: str
    kinds: tuple[SObject, ...]
    id_at: int = -1

    def kind(self, record_id: str) -> SObject:
        """Return which of the objects it may be a record is of."""
        if len(self.kinds) == 1:
            return self.kinds[0]
        return next(each for each in self.kinds if each.prefix == record_id[:3])


@dataclass(slots=True)
class Plan:
    """A query ready to run, and how to read its rows."""

    sql: str
    values: list[object]
    object: SObject
    counts: str | None = None
    columns: list[tuple[tuple[Join, ...], Field, int]] = field(default_factory=list)
    names: list[str] | None = None

    def record(self, row: Sequence[Any], version: str) -> dict[str, Any]:
        """Return a row as JSON shows it: parents nested, a parent that is not there is null."""
        record: dict[str, Any] = {"attributes": attributes(self.object, row[0], version)}
        for joins, one, at in self.columns:
            target: dict[str, Any] | None = record
            for join in joins:
                target = self._parent(target, join, row, version)
                if target is None:
                    break
            if target is not None:
                target[one.name] = compound(row, at) if one.type == "address" else decode(one, row[at])
        return record

    @staticmethod
    def _parent(target: dict[str, Any] | None, join: Join, row: Sequence[Any], version: str) -> dict[str, Any] | None:
        if target is None or row[join.id_at] is None:
            if target is not None:
                target[join.name] = None
            return None
        parent: dict[str, Any] = target.setdefault(
            join.name, {"attributes": attributes(join.kind(row[join.id_at]), row[join.id_at], version)}
        )
        return parent


def attributes(each: SObject, record_id: str, version: str) -> dict[str, str]:
    """Return what every record of an answer begins with."""
    return {"type": each.name, "url": f"/services/data/v{version}/sobjects/{each.name}/{record_id}"}


def compound(row: Sequence[Any], at: int) -> dict[str, Any] | None:
    """Return an address made of its parts, or null when all are blank."""
    names = ("street", "city", "state", "postalCode", "country")
    parts: dict[str, Any] = dict(zip(names, row[at : at + 5], strict=True))
    if not any(parts.values()):
        return None
    return parts | {"geocodeAccuracy": None, "latitude": None, "longitude": None}


def compile_query(text: str, schema: Schema, now: datetime, *, with_deleted: bool) -> Plan:
    """Return how to answer a query, or raise what is wrong with it."""
    query = Parser(text).parse()
    each = schema.get(query.object.text)
    if each is None:
        hint = CUSTOM_HINT.format(kind="object", name="entity name")
        raise located(
            query, query.object, "INVALID_TYPE", f"sObject type '{query.object.text}' is not supported. {hint}"
        )
    return Compiler(query, each, schema, now).plan(with_deleted=with_deleted)


def located(query: Query, where: Path | Literal, code: str, message: str) -> OrgError:
    """Return an error that shows the place in the query."""
    start = max(0, where.at - 60)
    excerpt = query.text[start : where.at + 60].replace("\n", " ")
    pointer = " " * (where.at - start) + "^"
    row = query.text.count("\n", 0, where.at) + 1
    col = where.at - (query.text.rfind("\n", 0, where.at) + 1) + 1
    return OrgError(code, f"\n{excerpt}\n{pointer}\nERROR at Row:{row}:Column:{col}\n{message}")


class Compiler:
    """One query on its way to SQL. Every name is resolved through the schema; every value is a parameter."""

    def __init__(self, query: Query, each: SObject, schema: Schema, now: datetime) -> None:
        self.query = query
        self.each = each
        self.schema = schema
        self.now = now
        self.joins: dict[str, Join] = {}
        self.join_sql: list[str] = []
        self.values: list[object] = []

    def plan(self, *, with_deleted: bool) -> Plan:
        """Return the whole plan."""
        if self.query.offset > MAX_OFFSET:
            message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            raise OrgError("NUMBER_OUTSIDE_VALID_RANGE", message)
        columns, selected = self._columns() if not self.query.groups else ([], [])
        where = [self.expression(self.query.where)] if self.query.where is not None else []
        if not with_deleted and "IsDeleted" in self.each.fields:
            where.insert(0, 't0."IsDeleted" = 0')
        order = [self._order(key.path, is_descending=key.is_descending, nulls=key.nulls) for key in self.query.order]
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        source = f'FROM "{self.each.name}" AS t0 {" ".join(self.join_sql)}{condition}'
        if self.query.counts is not None:
            return self._count_plan(source)
        if self.query.groups or self.query.aggregates:
            return self._group_plan(source)
        # Without ORDER BY the org promises no order; this one is no order anybody could come to rely on.
        keys = ", ".join(order) or "substr(t0.Id, 15, 1), t0.Id DESC"
        limit = f" LIMIT {self.query.limit if self.query.limit is not None else -1} OFFSET {self.query.offset}"
        sql = f"SELECT {', '.join(selected)} {source} ORDER BY {keys}{limit}"
        return Plan(sql, self.values, self.each, None, columns)

    def _count_plan(self, source: str) -> Plan:
        counts = self.query.counts
        assert counts is not None
        if counts.text == "*":
            limited = f" LIMIT {self.query.limit}" if self.query.limit is not None else ""
            return Plan(f"SELECT count(*) FROM (SELECT 1 {source}{limited})", self.values, self.each, "*")
        return Plan(
            f"SELECT count({self._countable(counts)}) {source}", self.values, self.each, self.query.alias or "expr0"
        )

    def _countable(self, path: Path) -> str:
        """Return a column that may be counted: checkboxes, lists of several options and long texts may not."""
        sql, one = self.column(path)
        if not one.aggregatable:
            message = f"field {one.name} does not support aggregate operator COUNT"
            raise located(self.query, path, "MALFORMED_QUERY", message)
        return sql

    def _group_plan(self, source: str) -> Plan:
        """Return rows of groups: their keys, and how many there are."""
        keys = {self.column(path)[0] for path in self.query.groups}
        selected, names = [], []
        for path in self.query.fields:
            sql, one = self.column(path)
            if sql not in keys:
                raise located(self.query, path, "MALFORMED_QUERY", f"Field must be grouped or aggregated: {path.text}")
            selected.append(sql)
            names.append(one.name)
        for number, (path, alias) in enumerate(self.query.aggregates):
            selected.append("count(*)" if path.text == "*" else f"count({self._countable(path)})")
            names.append(alias or f"expr{number}")
        grouped = f" GROUP BY {', '.join(sorted(keys))}" if keys else ""
        limit = self.query.limit if self.query.limit is not None else -1
        return Plan(
            f"SELECT {', '.join(selected)} {source}{grouped} LIMIT {limit}", self.values, self.each, names=names
        )

    def _columns(self) -> tuple[list[tuple[tuple[Join, ...], Field, int]], list[str]]:
        selected, columns, seen = ["t0.Id"], [], set()
        for path in self.query.fields:
            sql, one = self.column(path)
            if (sql, one.name) in seen:
                raise OrgError("INVALID_FIELD", f"duplicate field selected: {one.name}")
            seen.add((sql, one.name))
            joins = self._chain(path)
            columns.append((joins, one, len(selected)))
            selected.extend(self._parts(sql, one) if one.type == "address" else [sql])
        for join in self.joins.values():
            join.id_at = len(selected)
            selected.append(f"{join.alias}.Id")
        return columns, selected

    @staticmethod
    def _parts(sql: str, one: Field) -> list[str]:
        alias, prefix = sql.partition(".")[0], one.name.removesuffix("Address")
        return [f'{alias}."{prefix}{part}"' for part in ("Street", "City", "State", "PostalCode", "Country")]

    def _chain(self, path: Path) -> tuple[Join, ...]:
        steps = self._steps(path)[:-1]
        return tuple(self.joins[".".join(steps[: end + 1]).lower()] for end in range(len(steps)))

    def _steps(self, path: Path) -> list[str]:
        steps = path.text.split(".")
        if len(steps) > 1 and steps[0].lower() == self.each.name.lower() and self.each.relation(steps[0]) is None:
            return steps[1:]
        return steps

    def column(self, path: Path) -> tuple[str, Field]:
        """Return the SQL of a field and what it is; joins its parents."""
        *parents, name = self._steps(path)
        each, alias, so_far = self.each, "t0", ""
        for parent in parents:
            so_far = f"{so_far}.{parent}".lstrip(".").lower()
            join = self._join(path, each, alias, parent, so_far)
            each, alias = join.object, join.alias
        found = each.visible(name)
        if found is None:
            hint = CUSTOM_HINT.format(kind="field", name="custom field name")
            raise located(self.query, path, "INVALID_FIELD", f"No such column '{name}' on entity '{each.name}'. {hint}")
        return f'{alias}."{found.name}"', found

    def _join(self, path: Path, each: SObject, alias: str, parent: str, key: str) -> Join:
        if key in self.joins:
            return self.joins[key]
        link = each.relation(parent)
        names = link.refers_to if link is not None else ()
        kinds = tuple(found for name in names if (found := self.schema.get(name)) is not None)
        if link is None or not kinds or link.relationship is None:
            message = (
                f"Didn't understand relationship '{parent}' in field path. If you are attempting to use a custom relationship, "
                "be sure to append the '__r' after the custom relationship name. "
                "Please reference your WSDL or the describe call for the appropriate names."
            )
            raise located(self.query, path, "INVALID_FIELD", message)
        target, source = name_object(kinds) if len(kinds) > 1 else (kinds[0], f'"{kinds[0].name}"')
        join = Join(f"t{len(self.joins) + 1}", target, link.relationship, kinds)
        self.joins[key] = join
        self.join_sql.append(f'LEFT JOIN {source} AS {join.alias} ON {join.alias}.Id = {alias}."{link.name}"')
        return join

    def _order(self, path: Path, *, is_descending: bool, nulls: str | None) -> str:
        sql, one = self.column(path)
        if not one.sortable:
            raise located(self.query, path, "INVALID_FIELD", f"field '{one.name}' can not be sorted in a query call")
        return f"{sql} {'DESC' if is_descending else 'ASC'}" + (f" NULLS {nulls}" if nulls else "")

    def expression(self, part: Condition | Group) -> str:
        """Return the SQL of a condition or of several."""
        if isinstance(part, Condition):
            return self.condition(part)
        if part.operator == "NOT":
            return f"NOT coalesce({self.expression(part.parts[0])}, 0)"
        return "(" + f" {part.operator} ".join(self.expression(each) for each in part.parts) + ")"

    def condition(self, part: Condition) -> str:
        """Return the SQL of one comparison."""
        sql, one = self.column(part.path)
        if not one.filterable:
            message = f"field '{one.name}' can not be filtered in a query call"
            raise located(self.query, part.path, "INVALID_FIELD", message)
        if part.operator in {"INCLUDES", "EXCLUDES"}:
            return self._includes(part, sql, one)
        if part.operator == "LIKE":
            self.values.append(like_pattern(self._text(part, one, part.values[0])))
            return f"like_text(?, {sql})"
        values = [self.value(part, one, literal) for literal in part.values]
        if part.operator in {"IN", "NOT IN"}:
            return self._in(part.operator, sql, values)
        return self._compare(part.operator, sql, one, values[0])

    def _compare(self, operator: str, sql: str, one: Field, value: object) -> str:
        if value is None:
            value = 0 if one.type == "boolean" else None
        if value is None:
            return f"{sql} IS {'NOT ' if operator == '!=' else ''}NULL"
        self.values.append(value)
        if operator == "!=":
            return f"({sql} IS NULL OR {sql} != ?)"
        return f"{sql} {operator} ?"

    def _in(self, operator: str, sql: str, values: list[object]) -> str:
        present = [value for value in values if value is not None]
        has_null = len(present) < len(values)
        self.values.extend(present)
        inside = f"{sql} IN ({', '.join('?' * len(present))})"
        if operator == "IN":
            return f"({inside} OR {sql} IS NULL)" if has_null else inside
        return f"({sql} IS {'NOT NULL AND' if has_null else 'NULL OR'} NOT {inside})"

    def _includes(self, part: Condition, sql: str, one: Field) -> str:
        if one.type != "multipicklist":
            message = f"{one.name} is not a multi-select picklist field"
            raise located(self.query, part.path, "INVALID_FIELD", message)
        groups = [[option.casefold() for option in unescape(each.text).split(";")] for each in part.values]
        self.values.append(json.dumps(groups))
        return f"{'NOT ' if part.operator == 'EXCLUDES' else ''}includes(?, {sql})"

    def _text(self, part: Condition, one: Field, literal: Literal) -> str:
        if literal.kind != "string" or one.type in WANTED_KINDS or one.type in {"id", "reference"}:
            raise located(self.query, part.path, "INVALID_FIELD", "invalid operator on field")
        return literal.text

    def value(self, part: Condition, one: Field, literal: Literal) -> object:
        """Return a literal as its column holds it, or refuse a wrong kind."""
        if literal.kind == "null":
            return None
        wanted = WANTED_KINDS.get(one.type, {"string"})
        if literal.kind not in wanted:
            quotes = "should be enclosed in quotes" if wanted == {"string"} else "should not be enclosed in quotes"
            word = TYPE_WORDS.get(one.type, "string" if wanted == {"string"} else one.type)
            message = f"value of filter criterion for field '{one.name}' must be of type {word} and {quotes}"
            raise located(self.query, part.path, "INVALID_FIELD", message)
        return self._converted(part, one, literal)

    def _converted(self, part: Condition, one: Field, literal: Literal) -> object:
        if literal.kind == "boolean":
            return int(literal.text == "TRUE")
        if literal.kind == "number":
            return float(literal.text)
        if literal.kind == "datetime":
            return stamp(parse_datetime(literal.text))
        if literal.kind == "day":
            day = (self.now + timedelta(days=DAY_SHIFT[literal.text])).replace(hour=0, minute=0, second=0)
            return stamp(day)[:10] if one.type == "date" else stamp(day)
        if literal.kind == "date":
            return literal.text
        text = unescape(literal.text)
        if len(text) > MAX_LITERAL:
            raise OrgError("MALFORMED_QUERY", f"string literal longer than {MAX_LITERAL} characters")
        if one.type not in {"id", "reference"}:
            return text
        found = full_id(text)
        if found is None:
            raise located(self.query, part.path, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
        return found
