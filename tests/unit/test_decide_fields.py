"""The truth table of one field: who changed × who has priority × blanks × the two blank settings."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sidecar.mapping.model import ConflictPolicy, Priority
from sidecar.records import Side
from sidecar.sync.fields import decide_field, is_dated_conflict
from sidecar.sync.model import FieldOutcome
from tests.builders import NOON, a_contact, a_field, a_lead, a_link, a_pair, a_rule, some_rules

H, S = Side.HOST, Side.SALESFORCE
WRITE, KEPT, HELD, AGREED = FieldOutcome.WRITE, FieldOutcome.KEPT, FieldOutcome.HELD, FieldOutcome.AGREED


def decide_phone(
    agreed, host, salesforce, *, fill_if_empty=True, linked=True, host_at=NOON, rule_of_field=None, **rule
):
    """Decide the phone field of two people who last agreed on `agreed`."""
    phone = rule_of_field or a_rule("phone", **rule)
    rules = some_rules(phone, fill_if_empty=fill_if_empty)
    before = a_contact(phone=agreed), a_lead(Phone=agreed)
    link = a_link(rules, *before) if linked else None
    pair = a_pair(a_contact(phone=host, at=host_at), a_lead(Phone=salesforce), link)
    return decide_field(phone, pair, rules)


TRUTH = [
    # agreed, host, salesforce, priority, propagate, fill | outcome, target, value, reason
    ("1", "1", "1", "both", False, True, AGREED, None, None, "same-value"),
    ("1", "2", "2", "both", False, True, AGREED, None, None, "same-value"),
    ("1", "2", "1", "both", False, True, WRITE, S, "2", "changed-in-host"),
    ("1", "1", "2", "both", False, True, WRITE, H, "2", "changed-in-salesforce"),
    ("1", "2", "1", "host", False, True, WRITE, S, "2", "changed-in-host"),
    ("1", "1", "2", "host", False, True, KEPT, None, None, "host-has-priority"),
    ("1", "2", "1", "salesforce", False, True, KEPT, None, None, "salesforce-has-priority"),
    ("1", "1", "2", "salesforce", False, True, WRITE, H, "2", "changed-in-salesforce"),
    ("1", "2", "3", "both", False, True, WRITE, H, "3", "conflict-salesforce-wins"),
    ("1", "2", "3", "host", False, True, WRITE, S, "2", "conflict-host-wins"),
    ("1", "2", "3", "salesforce", False, True, WRITE, H, "3", "conflict-salesforce-wins"),
    # a blank that was always there: filled by the arrow or by *fill if empty*
    (None, "2", None, "both", False, False, WRITE, S, "2", "filled-empty"),
    (None, "2", None, "salesforce", False, True, WRITE, S, "2", "filled-empty"),
    (None, "2", None, "salesforce", False, False, KEPT, None, None, "salesforce-has-priority"),
    (None, None, "2", "host", False, True, WRITE, H, "2", "filled-empty"),
    (None, None, "2", "host", False, False, KEPT, None, None, "host-has-priority"),
    # a value cleared on purpose: travels only where blanks are propagated, and is never refilled
    ("1", None, "1", "both", False, True, KEPT, None, None, "blanks-stay"),
    ("1", None, "1", "both", True, True, WRITE, S, None, "cleared-in-host"),
    ("1", "1", None, "both", False, True, KEPT, None, None, "blanks-stay"),
    ("1", "1", None, "both", True, True, WRITE, H, None, "cleared-in-salesforce"),
    ("1", None, "1", "salesforce", True, True, KEPT, None, None, "cleared-on-purpose"),
    ("1", "1", None, "host", True, True, KEPT, None, None, "cleared-on-purpose"),
    # cleared here, changed there: the winner's value survives, a blank only where blanks are propagated
    ("1", None, "3", "both", False, True, WRITE, H, "3", "conflict-salesforce-wins"),
    ("1", "2", None, "both", False, True, KEPT, None, None, "blanks-stay"),
    ("1", "2", None, "both", True, True, WRITE, H, None, "cleared-in-salesforce"),
    # 0 and "0" are values
    ("1", "0", "1", "both", False, True, WRITE, S, "0", "changed-in-host"),
]


@pytest.mark.parametrize("row", TRUTH, ids=lambda row: "-".join(str(cell) for cell in row))
def test_a_field_follows_the_truth_table(row):
    agreed, host, salesforce, priority, propagate, fill, outcome, target, value, reason = row
    decision = decide_phone(
        agreed, host, salesforce, fill_if_empty=fill, priority=Priority(priority), propagate_blanks=propagate
    )
    assert (decision.outcome, decision.target, decision.new_value, decision.reason) == (outcome, target, value, reason)


@pytest.mark.parametrize(("priority", "target", "value"), [("salesforce", H, "3"), ("host", S, "2"), ("both", H, "3")])
def test_at_first_contact_the_arrow_decides_between_two_values(priority, target, value):
    decision = decide_phone(None, "2", "3", linked=False, priority=Priority(priority))
    assert (decision.target, decision.new_value) == (target, value)
    assert decision.reason.startswith("first-contact")


def test_enforce_writes_the_winners_value_back():
    decision = decide_phone("1", "2", "1", priority=Priority.SALESFORCE, enforce=True)
    assert (decision.outcome, decision.target, decision.new_value) == (WRITE, H, "1")


@pytest.mark.parametrize(
    ("policy", "minutes", "target"),
    [
        (ConflictPolicy.HOST_WINS, 0, S),
        (ConflictPolicy.SALESFORCE_WINS, 0, H),
        (ConflictPolicy.NEWEST_WINS, 5, S),
        (ConflictPolicy.NEWEST_WINS, -5, H),
    ],
)
def test_the_conflict_policy_decides_where_both_changed(policy, minutes, target):
    decision = decide_phone("1", "2", "3", conflict_policy=policy, host_at=NOON + timedelta(minutes=minutes))
    assert (decision.outcome, decision.target) == (WRITE, target)


EARLY, NOW_, LATE = NOON - timedelta(hours=1), NOON, NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("host_field", "host_record", "salesforce_field", "salesforce_record", "winner"),
    [
        (None, LATE, None, NOW_, H),
        (None, EARLY, None, NOW_, S),
        (None, NOW_, None, NOW_, S),  # nobody is newer: Salesforce
        (EARLY, LATE, None, NOW_, S),  # the contact was touched later, but not in this field
        (LATE, LATE, None, NOW_, H),
        (NOW_, LATE, None, NOW_, S),
        (EARLY, LATE, EARLY, LATE, S),
        (NOW_, LATE, EARLY, LATE, H),
        (None, LATE, EARLY, LATE, H),
        (None, None, None, NOW_, S),
    ],
)
def test_the_newer_change_of_the_field_wins_where_its_history_is_known(
    host_field, host_record, salesforce_field, salesforce_record, winner
):
    pair, rules, rule = conflict(ConflictPolicy.NEWEST_WINS, host_record, salesforce_record)
    dates = {H: {"phone": host_field}, S: {"Phone": salesforce_field}}
    known = {side: {name: at for name, at in each.items() if at} for side, each in dates.items()}
    decision = decide_field(rule, replace(pair, changed_at=known), rules)
    assert decision.target is winner.other
    assert decision.reason == f"conflict-{winner}-wins"


@pytest.mark.parametrize(
    ("policy", "priority", "present", "is_asked"),
    [
        (ConflictPolicy.NEWEST_WINS, Priority.BOTH, ("2", "3"), True),
        (ConflictPolicy.SALESFORCE_WINS, Priority.BOTH, ("2", "3"), False),
        (ConflictPolicy.NEWEST_WINS, Priority.HOST, ("2", "3"), False),
        (ConflictPolicy.NEWEST_WINS, Priority.BOTH, ("2", "2"), False),
        (ConflictPolicy.NEWEST_WINS, Priority.BOTH, ("2", "1"), False),
        (ConflictPolicy.NEWEST_WINS, Priority.BOTH, ("2", None), True),
    ],
)
def test_histories_are_asked_only_where_they_decide(policy, priority, present, is_asked):
    pair, rules, rule = conflict(policy, NOW_, NOW_, present=present, priority=priority)
    assert is_dated_conflict(rule, pair, rules) is is_asked


def conflict(policy, host_at, salesforce_at, *, present=("2", "3"), **changes):
    """Return a pair that agreed on "1" and whose sides now have the present values, with its rules."""
    rule = a_rule("phone", conflict_policy=policy, **changes)
    rules = some_rules(rule)
    link = a_link(rules, a_contact(phone="1"), a_lead(Phone="1"))
    pair = a_pair(a_contact(phone=present[0], at=host_at), a_lead(Phone=present[1], at=salesforce_at), link)
    return pair, rules, rule


def test_a_conflict_can_be_held_for_a_person():
    assert decide_phone("1", "2", "3", conflict_policy=ConflictPolicy.HOLD).outcome is HELD


def test_a_required_salesforce_field_is_never_blanked():
    rule = a_rule("phone", salesforce=a_field("Phone", is_required=True), propagate_blanks=True)
    decision = decide_phone("1", None, "1", rule_of_field=rule)
    assert (decision.outcome, decision.reason) == (KEPT, "required-in-target")


def test_a_value_that_does_not_fit_is_held_back_alone():
    rule = a_rule("phone", salesforce=a_field("Phone", length=3))
    decision = decide_phone("1", "12345", "1", rule_of_field=rule)
    assert (decision.outcome, decision.reason) == (HELD, "too-long")
