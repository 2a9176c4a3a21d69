"""Duplicate and assignment rules of the org: whom it knows is linked, nobody is guessed, and no e-mail goes out unasked."""

import pytest

from sidecar.store.history import OutcomeFilter
from tests.world import make_world


@pytest.fixture
def world():
    """A world whose people are recognised by their mobile number, in an org that minds equal addresses."""
    found = make_world()
    found.change_document(lambda document: document["mapping"].update(match_on=["mobile"]))
    found.org.set_duplicate_rule("Lead")
    yield found
    found.close()


def reasons(world):
    return [row.reason for row in world.app.ledger.history.outcomes(world.instance.id, OutcomeFilter(), limit=50)]


def a_lead(world, **values):
    return world.org.insert("Lead", {"LastName": "Lee", "Company": "Acme", "Email": "ana@example.org"} | values)


def choose(world, **choices):
    world.change_document(lambda document: document["mapping"].update(match_on=["mobile"], **choices))


def test_a_new_contact_whom_the_orgs_rule_knows_is_linked_with_that_one(world):
    world.activate()
    lead = a_lead(world)
    contact = world.host.create_contact({"email": "ana@example.org", "lastname": "Lee", "mobile": "123"})
    world.hourly()
    assert world.twin(contact)["Id"] == lead
    assert len(world.org.rows("Lead")) == 1
    assert "matched-by-duplicate-rule" in reasons(world)
    assert world.twin(contact)["MobilePhone"] == "123"
    assert world.written(world.hourly()) == 0


def test_where_the_mapping_says_so_a_person_decides(world):
    choose(world, on_duplicate="hold")
    world.activate()
    a_lead(world)
    contact = world.host.create_contact({"email": "ana@example.org", "lastname": "Lee", "mobile": "123"})
    world.hourly()
    assert world.link_of(contact) is None
    assert "salesforce-duplicates-detected" in reasons(world)


def test_where_the_mapping_says_so_a_rule_that_only_warns_is_passed(world):
    choose(world, on_duplicate="save")
    world.activate()
    lead = a_lead(world)
    contact = world.host.create_contact({"email": "ana@example.org", "lastname": "Lee", "mobile": "123"})
    world.hourly()
    assert world.twin(contact)["Id"] != lead
    assert len(world.org.rows("Lead")) == 2


def test_one_who_is_linked_to_somebody_else_is_left_alone(world):
    world.activate()
    first = world.host.create_contact({"email": "ana@example.org", "lastname": "Lee", "mobile": "123"})
    world.hourly()
    lead = world.twin(first)["Id"]
    second = world.host.create_contact({"email": "ana@example.org", "lastname": "Lo", "mobile": "456"})
    world.hourly()
    assert world.link_of(second) is None
    assert world.link_of(first).salesforce.id == lead
    assert "salesforce-duplicates-detected" in reasons(world)


def test_two_new_contacts_of_one_page_never_share_the_record_the_rule_names(world):
    world.activate()
    a_lead(world)
    contacts = [
        world.host.create_contact({"email": "ana@example.org", "lastname": "Lee", "mobile": number})
        for number in ("123", "456")
    ]
    world.hourly()
    assert [world.link_of(contact) is None for contact in contacts].count(False) == 1
    assert len(world.org.rows("Lead")) == 1


def test_the_orgs_assignment_rules_choose_the_owner_only_where_the_mapping_says_so(world):
    seller = world.org.user_ids["user"]
    world.org.set_assignment_rule(seller)
    world.activate()
    contact = world.host.create_contact({"email": "bo@example.org", "lastname": "Lo", "mobile": "1"})
    world.hourly()
    assert world.twin(contact)["OwnerId"] != seller
    choose(world, assignment_rules=True)
    contact = world.host.create_contact({"email": "cy@example.org", "lastname": "Ly", "mobile": "2"})
    world.hourly()
    assert world.twin(contact)["OwnerId"] == seller
