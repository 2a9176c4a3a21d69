"""Who waits comes back once what was in the way is gone; who is preferred is linked; an off direction stays untouched."""

import pytest

from sidecar.records import Side
from tests.world import World


def test_a_new_contact_is_linked_before_a_new_lead_with_the_same_address(world: World) -> None:
    lead = world.org.insert("Lead", {"LastName": "Both", "Company": "Acme", "Email": "both@example.org"})
    person = world.org.insert("Contact", {"LastName": "Both", "Email": "Both@example.org"})
    world.hourly()
    assert world.link_of_salesforce("Contact", person) is not None
    assert world.link_of_salesforce("Lead", lead) is None
    calls = world.org.calls
    world.hourly()
    assert world.org.calls - calls == 2  # whoever waits costs nothing


def test_a_lead_that_steps_back_brings_in_a_contact_that_no_run_has_seen(world: World) -> None:
    person = world.org.insert("Contact", {"LastName": "Old", "Email": "old@example.org"})
    world.later(days=2)
    world.app.instances.set_synced_from(world.instance.id, world.now)
    world.org.insert("Lead", {"LastName": "New", "Company": "Acme", "Email": "old@example.org"})
    world.hourly()
    assert world.link_of_salesforce("Contact", person) is not None
    assert [row["email"] for row in world.host.contacts()] == ["old@example.org"]


@pytest.mark.parametrize("side", list(Side))
def test_an_off_direction_leaves_that_side_alone_but_for_opt_outs(world: World, side: Side) -> None:
    contact, lead = world.link_person()
    off = {
        Side.HOST: {"direction": "to_salesforce", "create_in_host": False, "update": ["salesforce"]},
        Side.SALESFORCE: {"direction": "to_host", "create_in_salesforce": False, "update": ["host"]},
    }
    world.change_document(lambda document: document["mapping"].update(off[side]))
    other = world.host.create_contact({"email": "second@example.org", "phone": "22", "lastname": "Second"})
    unlinked = world.org.insert("Lead", {"LastName": "Second", "Company": "Acme", "Email": "second@example.org"})
    if side is Side.HOST:
        world.org.update("Lead", lead, {"Phone": "999", "HasOptedOutOfEmail": True})
        before = world.host.contact(contact) | {"date_modified": None}
        world.hourly()
        assert world.host.contact(contact)["phone"] == before["phone"]
        assert world.is_opted_out(contact)
    else:
        world.host.edit_contact(contact, {"phone": "999"})
        world.host.opt_out(contact)
        world.hourly()
        assert world.org.row("Lead", lead)["Phone"] != "999"
        assert world.org.row("Lead", lead)["HasOptedOutOfEmail"] is True
        assert world.org.row("Lead", unlinked)["Mautic_Id__c"] is None
    assert world.link_of(other) is not None


def test_who_waited_for_a_hidden_field_is_created_once_it_shows(world: World) -> None:
    world.org.hide_field("Lead", "HasOptedOutOfEmail")
    world.later(days=2)
    contact = world.host.create_contact({"email": "later@example.org", "lastname": "Later"})
    world.hourly()
    assert world.link_of(contact) is None
    world.org.hide_field("Lead", "HasOptedOutOfEmail", hidden=False)
    world.later(days=2)
    world.settle(runs=2)
    assert world.link_of(contact) is not None


def test_a_value_that_was_too_long_travels_once_the_field_is_longer(world: World) -> None:
    contact, lead = world.link_person(firstname="Ana")
    world.host.edit_contact(contact, {"firstname": "A" * 41})
    world.hourly()
    assert world.org.row("Lead", lead)["FirstName"] == "Ana"
    world.org.resize_field("Lead", "FirstName", 60)
    world.later(days=2)
    world.settle(runs=2)
    assert world.org.row("Lead", lead)["FirstName"] == "A" * 41


def test_a_refused_record_is_not_sent_again_until_something_changed(world: World) -> None:
    contact, _ = world.link_person()
    world.org.add_validation_rule("Lead", lambda row: row.get("Phone") == "bad", "No.", "Phone")
    world.host.edit_contact(contact, {"phone": "bad"})
    world.hourly()
    calls = world.org.calls
    world.settle(runs=2)
    assert world.org.calls - calls == 4


def test_a_merge_in_salesforce_is_not_undone_by_the_next_edit_of_the_other_contact(world: World) -> None:
    first, winner = world.link_person(email="one@example.org")
    second, loser = world.link_person(email="two@example.org")
    world.org.merge("Lead", winner, [loser])
    world.hourly()
    world.host.edit_contact(second, {"phone": "5"})
    told = world.hourly().counts["held"]
    assert [row["Id"] for row in world.org.rows("Lead")] == [winner]
    assert (world.link_of(first) is not None, dict(told)) == (True, {"twin-was-merged": 1})


def test_addresses_swapped_between_a_lead_and_a_contact_are_swapped_in_mautic_too(world: World) -> None:
    contact, lead = world.link_person(email="one@example.org")
    person = world.org.insert("Contact", {"LastName": "Two", "Email": "two@example.org"})
    world.hourly()
    other = world.link_of_salesforce("Contact", person).host.id
    world.org.update("Lead", lead, {"Email": "two@example.org"})
    world.org.update("Contact", person, {"Email": "one@example.org"})
    world.settle(runs=3)
    assert world.host.contact(contact)["email"] == "two@example.org"
    assert world.host.contact(int(other))["email"] == "one@example.org"
