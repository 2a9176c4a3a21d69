"""The truth table of consent: an opt-out travels, and only dated newer evidence lifts it."""

from datetime import timedelta

import pytest

from sidecar.mapping.model import LiftPolicy
from sidecar.records import Side
from sidecar.sync.consent import decide_consent, needs_evidence
from sidecar.sync.model import ConsentChange
from tests.builders import NOON, a_contact, a_lead, a_link, a_pair, some_rules

H, S = Side.HOST, Side.SALESFORCE
OUT, LIFT = ConsentChange.OPT_OUT, ConsentChange.LIFT
EARLIER, LATER = NOON - timedelta(days=2), NOON - timedelta(days=1)
NEVER, STAFF, ALL = LiftPolicy.NEVER, LiftPolicy.STAFF, LiftPolicy.ALL_BUT_BOUNCES


def decide_for(*, agreed, host, salesforce, lift=NEVER, host_at=None, salesforce_at=None, **changes):
    """`host` is None (opted in) or a reason; `salesforce` a boolean."""
    rules = some_rules(lift=lift)
    contact, lead = a_contact(opted_out=host is not None, reason=host), a_lead(opted_out=salesforce)
    link = None if agreed is None else a_link(rules, contact, lead, opted_out=agreed)
    return decide_consent(a_pair(contact, lead, link, evidence={H: host_at, S: salesforce_at}, **changes), rules)


TABLE = [
    # agreed, host, salesforce, policy, host evidence, salesforce evidence | changes, agreed after
    (False, None, False, NEVER, None, None, {}, False),
    (True, "manual", True, NEVER, None, None, {}, True),
    (False, "unsubscribed", False, NEVER, None, None, {S: OUT}, True),
    (False, None, True, NEVER, None, None, {H: OUT}, True),
    (None, "bounced", False, NEVER, None, None, {S: OUT}, True),
    (None, None, True, NEVER, None, None, {H: OUT}, True),
    # a stale or undated opt-in never lifts
    (True, "manual", False, STAFF, LATER, EARLIER, {S: OUT}, True),
    (True, "manual", False, STAFF, EARLIER, None, {S: OUT}, True),
    (True, None, True, STAFF, None, EARLIER, {H: OUT}, True),
    (True, None, True, STAFF, LATER, None, {H: OUT}, True),
    (True, "manual", False, NEVER, EARLIER, LATER, {S: OUT}, True),
    # newer dated evidence lifts what the setting allows
    (True, "manual", False, STAFF, EARLIER, LATER, {H: LIFT}, False),
    (True, None, True, STAFF, LATER, EARLIER, {S: LIFT}, False),
    (True, "unsubscribed", False, STAFF, EARLIER, LATER, {S: OUT}, True),
    (True, "unsubscribed", False, ALL, EARLIER, LATER, {H: LIFT}, False),
    (True, "bounced", False, ALL, EARLIER, LATER, {S: OUT}, True),
    # both lost an agreed opt-out: put back, unless somebody lifted it by a dated act
    (True, None, False, NEVER, None, None, {H: OUT, S: OUT}, True),
    (True, None, False, NEVER, None, LATER, {}, False),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: "-".join(str(cell) for cell in row[:6]))
def test_consent_follows_the_truth_table(row):
    agreed, host, salesforce, lift, host_at, salesforce_at, changes, after = row
    decision = decide_for(
        agreed=agreed, host=host, salesforce=salesforce, lift=lift, host_at=host_at, salesforce_at=salesforce_at
    )
    assert (dict(decision.changes), decision.agreed) == (changes, after)


def test_a_person_merged_away_leaves_the_opt_out_to_the_survivor():
    decision = decide_for(agreed=False, host=None, salesforce=False, inherits_opt_out=True)
    assert dict(decision.changes) == {H: OUT, S: OUT}


def test_a_hidden_opt_out_field_is_never_taken_for_opted_in():
    rules = some_rules(is_consent_known=False)
    pair = a_pair(a_contact(opted_out=True), a_lead())
    assert decide_consent(pair, rules) is None


def test_a_side_that_cannot_tell_leaves_consent_alone():
    lead = a_lead()
    unknown = type(lead)(lead.ref, lead.values, lead.modified_at, None)
    assert decide_consent(a_pair(a_contact(opted_out=True), unknown), some_rules()) is None


@pytest.mark.parametrize("lift", [NEVER, STAFF])
@pytest.mark.parametrize(("host", "salesforce"), [(True, False), (False, True), (True, True), (False, False)])
def test_history_is_asked_only_where_something_could_be_lifted(lift, host, salesforce):
    rules = some_rules(lift=lift)
    contact, lead = a_contact(opted_out=host), a_lead(opted_out=salesforce)
    pair = a_pair(contact, lead, a_link(rules, contact, lead, opted_out=False))
    assert needs_evidence(pair, rules) is (lift is STAFF and host != salesforce)
