"""What is done about a pair as a whole: creations, adoptions, deletions, and what must never be written."""

import pytest

from sidecar.records import Ref, Side
from sidecar.sync.decide import decide
from sidecar.sync.model import Action, ConsentChange, LinkState
from tests.builders import a_contact, a_field, a_lead, a_link, a_pair, a_rule, some_rules

H, S = Side.HOST, Side.SALESFORCE


def the_write(decision):
    (write,) = decision.writes
    return write


def test_an_unknown_contact_becomes_a_lead_that_carries_its_id():
    decision = decide(a_pair(a_contact(phone="1")), some_rules(a_rule("phone")))
    write = the_write(decision)
    assert decision.action is Action.CREATE
    assert (write.side, write.object, write.external_id) == (S, "Lead", "7")
    assert write.values == {"Email": "ana@example.org", "Phone": "1"}


def test_an_unknown_lead_becomes_a_contact():
    decision = decide(a_pair(salesforce=a_lead(Phone="1"), trigger=S), some_rules(a_rule("phone")))
    write = the_write(decision)
    assert (write.side, write.object, write.values) == (H, "contact", {"email": "ana@example.org", "phone": "1"})


def test_a_new_twin_is_born_opted_out():
    assert the_write(decide(a_pair(a_contact(opted_out=True)), some_rules())).consent is ConsentChange.OPT_OUT
    decision = decide(a_pair(salesforce=a_lead(opted_out=True), trigger=S), some_rules())
    assert the_write(decision).consent is ConsentChange.OPT_OUT


def test_nobody_is_created_without_a_value_to_be_recognised_by():
    decision = decide(a_pair(a_contact(email=None)), some_rules())
    assert (decision.action, decision.reason) == (Action.SKIP, "no-identity")


def test_nobody_is_created_while_the_opt_out_field_is_hidden():
    decision = decide(a_pair(salesforce=a_lead(), trigger=S), some_rules(is_consent_known=False))
    assert (decision.action, decision.reason) == (Action.HOLD, "consent-unknown")


def test_a_placeholder_stands_in_only_at_creation():
    rule = a_rule("company", salesforce=a_field("Company", is_required=True), placeholder="Unknown")
    rules = some_rules(rule)
    assert the_write(decide(a_pair(a_contact()), rules)).values["Company"] == "Unknown"
    contact, lead = a_contact(), a_lead(Company="Acme")
    updated = decide(a_pair(contact, lead, a_link(rules, contact, lead)), rules)
    assert "Unknown" not in [value for write in updated.writes for value in write.values.values()]


def test_a_creation_without_a_required_value_is_held():
    rule = a_rule("company", salesforce=a_field("Company", is_required=True))
    decision = decide(a_pair(a_contact()), some_rules(rule))
    assert (decision.action, decision.reason) == (Action.HOLD, "required-missing")


def test_a_lead_is_never_made_where_creation_is_off():
    decision = decide(a_pair(a_contact()), some_rules(create_in_salesforce=None))
    assert (decision.action, decision.reason) == (Action.SKIP, "creation-off")


def test_unchanged_people_are_adopted_without_a_write():
    rules = some_rules()
    decision = decide(a_pair(a_contact(), a_lead(), matched_by="value"), rules)
    assert (decision.action, decision.writes, decision.reason) == (Action.ADOPT, (), "matched-by-value")


def test_an_adopted_lead_receives_the_contacts_id():
    decision = decide(a_pair(a_contact(), a_lead(Mautic_Id__c=None), matched_by="value"), some_rules())
    assert the_write(decision).values == {"Mautic_Id__c": "7"}


def test_only_changed_mapped_fields_travel():
    rules = some_rules(a_rule("phone"), a_rule("city"))
    before = a_contact(phone="1", city="Oslo", unmapped="x"), a_lead(Phone="1", City="Oslo")
    after = a_contact(phone="2", city="Oslo", unmapped="y")
    decision = decide(a_pair(after, before[1], a_link(rules, *before)), rules)
    assert the_write(decision).values == {"Phone": "2"}


def test_one_decision_may_write_both_sides():
    rules = some_rules(a_rule("phone"), a_rule("city"))
    link = a_link(rules, a_contact(phone="1", city="Oslo"), a_lead(Phone="1", City="Oslo"))
    pair = a_pair(a_contact(phone="2", city="Oslo"), a_lead(Phone="1", City="Bergen"), link)
    writes = {write.side: dict(write.values) for write in decide(pair, rules).writes}
    assert writes == {S: {"Phone": "2"}, H: {"city": "Bergen"}}


def test_a_paused_direction_writes_nothing_that_way():
    rules = some_rules(a_rule("phone"), may_write=frozenset({H}))
    link = a_link(rules, a_contact(phone="1"), a_lead(Phone="1"))
    assert decide(a_pair(a_contact(phone="2"), a_lead(Phone="1"), link), rules).writes == ()
    assert decide(a_pair(a_contact(email="new@example.org")), rules).reason == "direction-off"


def test_a_deleted_lead_marks_its_contact_and_deletes_nothing():
    rules = some_rules()
    contact, lead = a_contact(), a_lead()
    decision = decide(a_pair(contact, a_lead(is_deleted=True), a_link(rules, contact, lead), trigger=S), rules)
    assert the_write(decision).values == {"deleted_in_salesforce": True}
    assert (decision.action, decision.link_state) == (Action.DELETE, LinkState.DELETED_IN_SALESFORCE)


def test_an_undeleted_lead_clears_the_mark():
    rules = some_rules()
    contact, lead = a_contact(deleted_in_salesforce=True), a_lead()
    link = a_link(rules, contact, lead, state=LinkState.DELETED_IN_SALESFORCE)
    decision = decide(a_pair(contact, lead, link, trigger=S), rules)
    assert the_write(decision).values == {"deleted_in_salesforce": False}
    assert decision.link_state is LinkState.ACTIVE


def test_a_deleted_contact_marks_its_lead_and_is_never_made_again():
    rules = some_rules()
    contact, lead = a_contact(), a_lead()
    link = a_link(rules, contact, lead)
    decision = decide(a_pair(a_contact(is_deleted=True), lead, link), rules)
    assert the_write(decision).values == {"Deleted_in_Mautic__c": True}
    dead = a_link(rules, contact, lead, state=LinkState.DELETED_IN_HOST)
    later = decide(a_pair(a_contact(is_deleted=True), a_lead(Phone="2"), dead, trigger=S), rules)
    assert (later.action, later.writes) == (Action.SKIP, ())


def test_a_contact_made_anew_takes_the_lead_over_with_its_opt_out():
    rules = some_rules()
    old, lead = a_contact("7"), a_lead(opted_out=True, Deleted_in_Mautic__c=True)
    link = a_link(rules, old, lead, opted_out=True, state=LinkState.DELETED_IN_HOST)
    decision = decide(a_pair(a_contact("9"), lead, link, moved_because="made-anew"), rules)
    by_side = {write.side: write for write in decision.writes}
    assert by_side[S].values == {"Mautic_Id__c": "9", "Deleted_in_Mautic__c": False}
    assert (by_side[H].consent, decision.link_state) == (ConsentChange.OPT_OUT, LinkState.ACTIVE)


@pytest.mark.parametrize("trigger", [H, S])
def test_a_deleted_record_that_was_never_linked_is_left_alone(trigger):
    record = {"host": a_contact(is_deleted=True)} if trigger is H else {"salesforce": a_lead(is_deleted=True)}
    decision = decide(a_pair(**record, trigger=trigger), some_rules())
    assert (decision.action, decision.reason) == (Action.SKIP, "deleted-never-linked")


@pytest.mark.parametrize("problem", ["ambiguous-match", "match-linked-elsewhere", "duplicate-in-batch"])
def test_what_pairing_could_not_settle_is_held_without_a_write(problem):
    decision = decide(a_pair(a_contact(), problem=problem), some_rules())
    assert (decision.action, decision.reason, decision.writes) == (Action.HOLD, problem, ())


def test_a_converted_person_keeps_the_agreed_values():
    rules = some_rules(a_rule("phone"))
    contact, lead = a_contact(phone="1"), a_lead(Phone="1")
    now = type(lead)(Ref("Contact", "003000000000001AAA"), lead.values | {"Phone": "2"}, lead.modified_at, lead.consent)
    pair = a_pair(contact, now, a_link(rules, contact, lead), trigger=S, moved_because="converted")
    assert the_write(decide(pair, rules)).values == {"phone": "2"}
