"""Clauses of a scope: what they let in, by type, and what cannot be asked."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from sidecar.mapping.model import Criterion, CriterionTest, ObjectScope, ScopeRecords
from sidecar.mapping.scope import compile_scope, judge
from sidecar.records import FieldType, ObjectSchema
from tests.builders import NOON, a_field

FIELDS = {
    "Rating": FieldType.PICKLIST,
    "Interests": FieldType.MULTI_PICKLIST,
    "Score": FieldType.NUMBER,
    "Born": FieldType.DATE,
    "CreatedDate": FieldType.DATETIME,
    "Flag": FieldType.BOOLEAN,
    "Notes": FieldType.LONG_TEXT,
}
SCHEMA = ObjectSchema("Lead", {name: a_field(name, kind) for name, kind in FIELDS.items()})


def compiled(field, test, *operands):
    criterion = Criterion(field, CriterionTest(test), operands)
    return compile_scope(ObjectScope(ScopeRecords.MATCHING, criteria=(criterion,)), SCHEMA)


@pytest.mark.parametrize(
    ("criterion", "meets", "fails"),
    [
        (("Rating", "is", "hot"), "Hot", "Cold"),
        (("Rating", "is", "hot"), "HOT", None),
        (("Rating", "is_not", "Hot"), None, "hot"),
        (("Rating", "in", "Hot", "Warm"), "Warm", "Cold"),
        (("Interests", "is", "Art"), ("Music", "Art"), ("Music",)),
        (("Interests", "is_not", "Art"), ("Music",), ("Music", "Art")),
        (("Score", "is", 0), Decimal(0), None),
        (("Score", "at_least", 2.5), Decimal("2.50"), Decimal("2.4")),
        (("Score", "at_most", 0), Decimal(-1), None),
        (("Score", "at_least", "10"), Decimal(10), Decimal(9)),
        (("Born", "at_least", "1990-01-01"), date(1990, 1, 1), date(1989, 12, 31)),
        (("Born", "at_most", "1990-01-01T10:00:00Z"), date(1990, 1, 1), date(1990, 1, 2)),
        (("CreatedDate", "at_least", "2026-11-21T13:00:00+01:00"), NOON, datetime(2026, 11, 21, 11, 59, tzinfo=UTC)),
        (("CreatedDate", "at_most", "2026-11-22"), NOON, datetime(2026, 11, 22, 0, 1, tzinfo=UTC)),
        (("Flag", "is", True), True, None),
        (("Flag", "is", False), None, True),
        (("Flag", "is_not", True), False, True),
        (("Rating", "is_blank", True), None, "Hot"),
        (("Score", "is_blank", False), Decimal(0), None),
        (("Notes", "is_blank", False), "text", None),
    ],
)
def test_a_criterion_tells_who_meets_it_from_who_does_not(criterion, meets, fails):
    scope = compiled(*criterion)
    assert (scope.missing, scope.unusable) == ((), ())
    found = [judge(scope.clauses, {criterion[0]: value}).is_in for value in (meets, fails)]
    assert found == [True, False]


@pytest.mark.parametrize(
    "criterion",
    [
        ("Rating", "at_least", "Hot"),
        ("Rating", "is", 5),
        ("Score", "is", "many"),
        ("Score", "is", True),
        ("Born", "at_least", "yesterday"),
        ("CreatedDate", "at_least", 5),
        ("Flag", "is", "true"),
        ("Notes", "is", "text"),
        ("Rating", "in", "Hot", 5),
    ],
)
def test_what_a_field_cannot_answer_lets_nobody_in(criterion):
    scope = compiled(*criterion)
    assert scope.unusable == (criterion[0],)
    assert judge(scope.clauses, {criterion[0]: "Hot"}).is_in is False


def test_a_field_nobody_can_see_lets_nobody_in_and_is_named():
    scope = compiled("Hidden__c", "is_blank", True)
    assert scope.missing == ("Hidden__c",)
    assert judge(scope.clauses, {}).clause == "Hidden__c cannot be seen"


def test_a_flag_must_be_a_checkbox():
    scopes = [compile_scope(ObjectScope(ScopeRecords.FLAGGED, flag=name), SCHEMA) for name in ("Flag", "Rating")]
    assert [scope.unusable for scope in scopes] == [(), ("Rating",)]


def test_without_a_scope_everybody_is_in():
    assert judge(compile_scope(ObjectScope(), SCHEMA).clauses, {}).is_in
    assert judge((), {}).clause == "all records"
