"""The part of a document that says who takes part: [scope.Lead], [scope.Contact], [scope.host]. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from math import isfinite

from sidecar.mapping.document import API_NAME, DocumentProblem, TableReader, nearest
from sidecar.mapping.model import (
    Criterion,
    CriterionTest,
    HostScope,
    ObjectScope,
    Operand,
    ScopeRecords,
    ScopeWho,
)

HOST = "host"
SCOPE_KEYS = ("records", "since", "flag", "criteria")
HOST_SCOPE_KEYS = (
    "only_in_segment",
    "only_with_tag",
    "not_in_segment",
    "not_with_tag",
    "not_email_domains",
    "not_owners",
    "criteria",
    "who",
)
CRITERION_KEYS = ("field", *(test.value for test in CriterionTest))

SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,190}")
"""The alias of a segment."""
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")

_NEEDED = {ScopeRecords.FLAGGED: "flag", ScopeRecords.MATCHING: "criteria"}
_BELONGS = {"since": ScopeRecords.NEW, "flag": ScopeRecords.FLAGGED, "criteria": ScopeRecords.MATCHING}
_MOST = 50


def parse_scopes(
    tables: object, objects: tuple[str, ...], problems: list[DocumentProblem]
) -> tuple[dict[str, ObjectScope], HostScope]:
    """Return the scope of each Salesforce object that has one, and the host's; everything wrong is noted."""
    reader = TableReader(tables, "scope", problems)
    known = (*objects, HOST)
    scopes: dict[str, ObjectScope] = {}
    host = HostScope()
    for name in reader.text_keys():
        table = TableReader(reader.get(name), f"scope.{name}", problems) if name in known else None
        if table is None:
            reader.note(name[:40], "is none of the mapping's objects", allowed=known, suggestion=nearest(name, known))
        elif name == HOST:
            host = _parse_host_scope(table, problems)
        elif (scope := _parse_scope(table, problems, f"scope.{name}")) != ObjectScope():
            scopes[name] = scope
    return scopes, host


def dump_scopes(scopes: Mapping[str, ObjectScope], host: HostScope) -> dict[str, object]:
    """Return the tables again; parsing them gives the same scopes."""
    document: dict[str, object] = {name: _dump_scope(scope) for name, scope in scopes.items()}
    return document | ({HOST: _dump_host_scope(host)} if host != HostScope() else {})


def _parse_host_scope(table: TableReader, problems: list[DocumentProblem]) -> HostScope:
    table.require_known(HOST_SCOPE_KEYS)
    return HostScope(
        only_with_tag=table.text("only_with_tag"),
        only_in_segment=table.text("only_in_segment", form=SEGMENT),
        not_in_segment=table.text("not_in_segment", form=SEGMENT),
        not_with_tag=table.text("not_with_tag"),
        not_email_domains=table.names("not_email_domains", form=_DOMAIN),
        not_owners=table.names("not_owners", form=_ADDRESS),
        criteria=_parse_criteria(table, problems, f"scope.{HOST}"),
        who=table.word("who", ScopeWho, ScopeWho.IDENTIFIED_WITH_EMAIL),
    )


def _dump_host_scope(scope: HostScope) -> dict[str, object]:
    texts = {key: getattr(scope, key) for key in HOST_SCOPE_KEYS[:4] if getattr(scope, key) is not None}
    lists = {key: list(getattr(scope, key)) for key in ("not_email_domains", "not_owners") if getattr(scope, key)}
    table: dict[str, object] = {**texts, **lists}
    if scope.criteria:
        table["criteria"] = [_dump_criterion(criterion) for criterion in scope.criteria]
    if scope.who is not ScopeWho.IDENTIFIED_WITH_EMAIL:
        table["who"] = scope.who.value
    return table


def _parse_scope(table: TableReader, problems: list[DocumentProblem], path: str) -> ObjectScope:
    table.require_known(SCOPE_KEYS)
    scope = ObjectScope(
        records=table.word("records", ScopeRecords, ScopeRecords.ALL),
        since=_parse_since(table),
        flag=table.text("flag", form=API_NAME),
        criteria=_parse_criteria(table, problems, path),
    )
    needed = _NEEDED.get(scope.records)
    if needed and not table.has(needed):
        table.note(needed, f'is missing: records = "{scope.records}" needs it')
    for key, records in _BELONGS.items():
        if table.has(key) and scope.records is not records:
            table.note(key, f'belongs to records = "{records}"')
    return scope


def _parse_since(table: TableReader) -> datetime | None:
    value = table.get("since") if table.has("since") else None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    if table.has("since"):
        table.note("since", "must be a date or a moment: 2026-05-01, 2026-05-01T08:00:00Z")
    return None


def _parse_criteria(table: TableReader, problems: list[DocumentProblem], path: str) -> tuple[Criterion, ...]:
    value = table.get("criteria") if table.has("criteria") else []
    if not isinstance(value, list | tuple) or len(value) > _MOST or (table.has("criteria") and not value):
        table.note("criteria", f"must be a list of 1 to {_MOST} criteria")
        return ()
    readers = [TableReader(each, f"{path}.criteria.{number}", problems) for number, each in enumerate(value, 1)]
    found = [_parse_criterion(reader) for reader in readers]
    return tuple(criterion for criterion in found if criterion)


def _parse_criterion(table: TableReader) -> Criterion | None:
    table.require_known(CRITERION_KEYS)
    field = table.required_text("field", form=API_NAME)
    tests = [test for test in CriterionTest if table.has(test.value)]
    if len(tests) != 1:
        table.note("", "needs one test", allowed=CRITERION_KEYS[1:])
        return None
    (test,) = tests
    operands = _operands(table.get(test.value), test)
    if operands is None:
        table.note(test.value, _FORMS.get(test, "must be a text, a number, a date, true or false"))
        return None
    return Criterion(field, test, operands)


_FORMS = {CriterionTest.IS_BLANK: "must be true or false", CriterionTest.IN: f"must be a list of 1 to {_MOST} values"}


def _operands(value: object, test: CriterionTest) -> tuple[Operand, ...] | None:
    """Return the values of a test in plain form, or None if they do not fit it."""
    if test is CriterionTest.IS_BLANK:
        return (value,) if isinstance(value, bool) else None
    if test is CriterionTest.IN:
        listed = value if isinstance(value, list | tuple) else ()
        some = [_operand(each) for each in listed]
        return None if not 1 <= len(some) <= _MOST or None in some else tuple(each for each in some if each is not None)
    one = _operand(value)
    return None if one is None else (one,)


def _operand(value: object) -> Operand | None:
    """Return one value as the document's JSON form has it: dates are texts."""
    match value:
        case bool() | int():
            return value
        case float():
            return value if isfinite(value) else None
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        case date():
            return value.isoformat()
        case str() if value.strip() and len(value) <= 255 and value.isprintable():
            return value
    return None


def _dump_scope(scope: ObjectScope) -> dict[str, object]:
    table: dict[str, object] = {"records": scope.records.value}
    if scope.since:
        table["since"] = scope.since.isoformat()
    if scope.flag:
        table["flag"] = scope.flag
    if scope.criteria:
        table["criteria"] = [_dump_criterion(criterion) for criterion in scope.criteria]
    return table


def _dump_criterion(criterion: Criterion) -> dict[str, object]:
    several = criterion.test is CriterionTest.IN
    value = list(criterion.operands) if several else criterion.operands[0]
    return {"field": criterion.field, criterion.test.value: value}
