"""Who takes part: the clauses of a scope, and whether a record's values satisfy them. Pure.

A scope of a document becomes clauses once the object's schema is known (`compile_scope`); `judge` then says of a record whether
it is in, and by which clause. The same clauses make the WHERE of a count (salesforce/counting.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from sidecar.mapping.model import (
    Criterion,
    CriterionTest,
    HostScope,
    ObjectMapping,
    ObjectScope,
    Operand,
    OwnerRule,
    ScopeRecords,
)
from sidecar.records import NOTHING, FieldInfo, FieldType, ObjectSchema, Value

CREATED = "CreatedDate"
HAS_TAG = "*has-tag"
"""Under what name a record of the host says whether it has the tag that its scope names; no field can be called so."""
HAS_UNWANTED_TAG = "*has-unwanted-tag"
IN_SEGMENT = "*in-segment"
IN_UNWANTED_SEGMENT = "*in-unwanted-segment"
EMAIL_DOMAIN = "*email-domain"
OWNER = "owner_email"

_BLANK = FieldInfo("", "", FieldType.TEXT)
_ORDERED = frozenset({FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME})
_ORDER_TESTS = frozenset({CriterionTest.AT_LEAST, CriterionTest.AT_MOST})


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition, ready to be asked: its words, its field, its test, and the values in canonical form.

    Without a test nothing satisfies it: the scope lets nobody in, or names something that cannot be seen. `is_list` marks
    those that ask whether somebody is on a list of people to send on; a push stands in for them.
    """

    text: str
    info: FieldInfo = _BLANK
    test: CriterionTest | None = None
    values: tuple[Value, ...] = ()
    is_list: bool = False

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Tell whether a record with these values satisfies it."""
        value = values.get(self.info.name)
        match self.test:
            case None:
                return False
            case CriterionTest.IS_BLANK:
                return (value is None) is bool(self.values[0])
            case CriterionTest.IS_NOT:
                return not _is_one_of(value, self.values)
            case CriterionTest.AT_LEAST:
                return _compare(value, self.values[0]) in (0, 1)
            case CriterionTest.AT_MOST:
                return _compare(value, self.values[0]) in (0, -1)
            case CriterionTest.IS | CriterionTest.IN:
                return _is_one_of(value, self.values)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a record takes part, and the clause that keeps it out or the clauses that let it in."""

    is_in: bool
    clause: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A scope's clauses (none: everybody is in), and the fields it names that are missing or do not fit, with why."""

    clauses: tuple[Clause, ...] = ()
    missing: tuple[str, ...] = ()
    unusable: tuple[str, ...] = field(default=())


def judge(clauses: Sequence[Clause], values: Mapping[str, Value] = NOTHING) -> Verdict:
    """Return whether a record with these values is in, and by which clause."""
    failed = next((clause for clause in clauses if not clause.holds(values)), None)
    if failed:
        return Verdict(False, failed.text)
    return Verdict(True, " and ".join(clause.text for clause in clauses) or "all records")


def compile_scope(scope: ObjectScope, schema: ObjectSchema) -> Compiled:
    """Return a scope as clauses on the fields as they are. What cannot be asked lets nobody in."""
    found: list[Clause] = []
    missing: list[str] = []
    unusable: list[str] = []
    for criterion in _criteria(scope):
        info = schema.fields.get(criterion.field)
        if info is None:
            missing.append(criterion.field)
            found.append(Clause(f"{criterion.field} cannot be seen"))
            continue
        clause = _clause(criterion, info, must_be_checkbox=criterion.field == scope.flag)
        if clause is None:
            unusable.append(criterion.field)
        found.append(clause or Clause(f"{told(criterion)} cannot be asked of a field of type {info.type}"))
    if scope.records is ScopeRecords.NONE:
        found.append(Clause('records = "none"'))
    return Compiled(tuple(found), tuple(missing), tuple(unusable))


def told(criterion: Criterion) -> str:
    """Return a criterion in words."""
    shown = ", ".join(_shown(operand) for operand in criterion.operands)
    if criterion.test is CriterionTest.IS_BLANK:
        return f"{criterion.field} is {'blank' if criterion.operands[0] else 'not blank'}"
    return f"{criterion.field} {criterion.test.replace('_', ' ')} {shown}"


def _criteria(scope: ObjectScope) -> Iterable[Criterion]:
    """Return what every kind of scope asks, as criteria."""
    match scope.records:
        case ScopeRecords.NEW if scope.since is not None:
            return [Criterion(CREATED, CriterionTest.AT_LEAST, (scope.since.isoformat(),))]
        case ScopeRecords.FLAGGED if scope.flag is not None:
            return [Criterion(scope.flag, CriterionTest.IS, (True,))]
        case ScopeRecords.MATCHING:
            return scope.criteria
        case _:
            return ()


def _clause(criterion: Criterion, info: FieldInfo, *, must_be_checkbox: bool) -> Clause | None:
    """Return the criterion as it can be asked of its field, or None if it cannot."""
    if must_be_checkbox and info.type is not FieldType.BOOLEAN:
        return None
    if criterion.test is CriterionTest.IS_BLANK:
        return Clause(told(criterion), info, criterion.test, (bool(criterion.operands[0]),))
    if info.type is FieldType.LONG_TEXT or (criterion.test in _ORDER_TESTS and info.type not in _ORDERED):
        return None
    values = tuple(_canonical(operand, info.type) for operand in criterion.operands)
    return None if None in values else Clause(told(criterion), info, criterion.test, values)


def _canonical(operand: Operand, kind: FieldType) -> Value:
    """Return a value of the document as a field of that type would hold it; None if it never could."""
    try:
        match kind:
            case FieldType.BOOLEAN:
                return operand if isinstance(operand, bool) else None
            case FieldType.NUMBER:
                return None if isinstance(operand, bool) else Decimal(str(operand))
            case FieldType.DATE:
                return date.fromisoformat(str(operand)[:10])
            case FieldType.DATETIME:
                moment = datetime.fromisoformat(str(operand))
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
            case _:
                return operand if isinstance(operand, str) else None
    except (ValueError, InvalidOperation):
        return None


def _is_one_of(value: Value, wanted: Sequence[Value]) -> bool:
    """Tell whether a value, or one of several options, is among those wanted; texts without regard to case."""
    present = value if isinstance(value, tuple) else (value,)
    if value is None:
        return any(each is False for each in wanted)  # a checkbox that is not set
    folded = {_folded(each) for each in wanted}
    return any(_folded(each) in folded for each in present)


def _compare(value: Value, limit: Value) -> int | None:
    match value, limit:
        case Decimal(), Decimal():
            return (value > limit) - (value < limit)
        case datetime(), datetime():
            return (value > limit) - (value < limit)
        case date(), date():
            return (value > limit) - (value < limit)
    return None


def _folded(value: Value) -> Value:
    return value.casefold() if isinstance(value, str) else value


def _shown(operand: Operand) -> str:
    return str(operand).lower() if isinstance(operand, bool) else str(operand)


def with_since(mapping: ObjectMapping, moment: datetime) -> ObjectMapping:
    """Return the mapping with the moment from which on records are new, where its document names none."""
    scopes = {
        name: replace(scope, since=scope.since or moment) if scope.records is ScopeRecords.NEW else scope
        for name, scope in mapping.scopes.items()
    }
    return replace(mapping, scopes=scopes) if scopes else mapping


def compile_host_scope(mapping: ObjectMapping, schema: ObjectSchema | None) -> Compiled:
    """Return the host's scope as clauses. Lists come first, then who is left out all the same."""
    scope = mapping.host_scope
    clauses = [*_list_clauses(scope), *_unwanted_clauses(scope, mapping.owners)]
    asked = ObjectScope(ScopeRecords.MATCHING, criteria=scope.criteria)
    compiled = compile_scope(asked, schema) if schema and scope.criteria else Compiled()
    return replace(compiled, clauses=(*clauses, *compiled.clauses))


def _list_clauses(scope: HostScope) -> Iterable[Clause]:
    for name, words, wanted in (
        (HAS_TAG, "has the tag", scope.only_with_tag),
        (IN_SEGMENT, "is in the segment", scope.only_in_segment),
    ):
        if wanted is not None:
            yield Clause(f"{words} {wanted}", _flag(name), CriterionTest.IS, (True,), is_list=True)


def _unwanted_clauses(scope: HostScope, owners: OwnerRule) -> Iterable[Clause]:
    for name, words, unwanted in (
        (HAS_UNWANTED_TAG, "lacks the tag", scope.not_with_tag),
        (IN_UNWANTED_SEGMENT, "is not in the segment", scope.not_in_segment),
    ):
        if unwanted is not None:
            yield Clause(f"{words} {unwanted}", _flag(name), CriterionTest.IS_NOT, (True,))
    if scope.not_email_domains:
        info = FieldInfo(EMAIL_DOMAIN, EMAIL_DOMAIN, FieldType.TEXT)
        told_domains = f"e-mail is not at {', '.join(scope.not_email_domains)}"
        yield Clause(told_domains, info, CriterionTest.IS_NOT, scope.not_email_domains)
    if scope.not_owners:
        known = tuple(dict.fromkeys(name for each in scope.not_owners for name in (each, owners.in_salesforce(each))))
        info = FieldInfo(OWNER, OWNER, FieldType.EMAIL)
        yield Clause(f"owner is not {', '.join(scope.not_owners)}", info, CriterionTest.IS_NOT, known)


def _flag(name: str) -> FieldInfo:
    return FieldInfo(name, name, FieldType.BOOLEAN)
