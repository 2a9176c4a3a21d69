"""Deletions: marked on the other side, taken back when undone, never carried out, and held when there are too many."""

import pytest

from sidecar.sync.model import LinkState
from tests.world import World


def is_marked(world: World, contact: int) -> bool:
    return bool(world.host.contact(contact)["deleted_in_salesforce"])


def test_a_deletion_in_salesforce_sets_the_mark_and_an_undelete_clears_it(world: World) -> None:
    contact, lead = world.link_person()
    world.org.delete("Lead", lead)
    world.hourly()
    assert is_marked(world, contact)
    assert world.link_of(contact).state is LinkState.DELETED_IN_SALESFORCE
    world.org.undelete("Lead", lead)
    world.hourly()
    assert not is_marked(world, contact)
    assert world.link_of(contact).state is LinkState.ACTIVE


def test_the_mark_works_for_contacts_too(world: World) -> None:
    person = world.org.insert("Contact", {"LastName": "Lee", "Email": "a@example.org"})
    world.hourly()
    contact = int(world.contact_of("Contact", person)["id"])
    world.org.delete("Contact", person)
    world.hourly()
    assert is_marked(world, contact)


def test_who_was_deleted_in_salesforce_is_not_created_there_again(world: World) -> None:
    contact, lead = world.link_person()
    world.org.delete("Lead", lead)
    world.hourly()
    world.host.edit_contact(contact, {"phone": "1"})
    world.settle(runs=2)
    assert world.people_in_org() == []


def test_a_lead_deleted_and_edited_in_mautic_between_two_runs_recovers_after_an_undelete(world: World) -> None:
    contact, lead = world.link_person()
    world.org.delete("Lead", lead)
    world.host.edit_contact(contact, {"phone": "1"})
    world.settle(runs=2)
    assert is_marked(world, contact)
    world.org.undelete("Lead", lead)
    world.settle(runs=2)
    assert not is_marked(world, contact)
    assert world.twin(contact)["Phone"] == "1"


def test_a_lead_that_comes_back_for_a_person_deleted_in_salesforce_is_linked_again(world: World) -> None:
    contact, lead = world.link_person()
    world.org.delete("Lead", lead)
    world.hourly()
    again = world.org.insert("Lead", {"LastName": "Lee", "Company": "C", "Email": "ana@example.org", "Phone": "9"})
    world.settle(runs=2)
    assert world.link_of(contact).salesforce.id == again
    assert world.host.contact(contact)["phone"] == "9"
    assert not is_marked(world, contact)
    assert len(world.host.contacts()) == 1


def test_a_deletion_in_mautic_never_deletes_in_salesforce(world: World) -> None:
    contact, lead = world.link_person()
    world.host.delete_contact(contact)
    world.settle(runs=2)
    row = world.org.row("Lead", lead)
    assert (row["IsDeleted"], row["Deleted_in_Mautic__c"]) == (False, True)
    assert world.host.contacts() == []
    assert not any(method == "DELETE" for method, *_ in world.org.requests)


def test_who_was_deleted_in_mautic_is_not_created_there_again(world: World) -> None:
    contact, lead = world.link_person()
    world.host.delete_contact(contact)
    world.hourly()
    world.org.update("Lead", lead, {"Phone": "1"})
    world.settle(runs=2)
    assert world.host.contacts() == []


def test_a_person_deleted_on_both_sides_between_two_runs_is_let_go(world: World) -> None:
    contact, lead = world.link_person()
    world.host.delete_contact(contact)
    world.org.delete("Lead", lead)
    report = world.hourly()
    assert report.state == "done"
    assert "written" not in world.hourly().counts


def test_a_mapping_that_does_nothing_on_deletion_leaves_the_contact_alone(world: World) -> None:
    def do_nothing(document: dict) -> None:
        document["deletion"] = {"on_salesforce_delete": "nothing"}

    world.change_document(do_nothing)
    contact, lead = world.link_person()
    world.org.delete("Lead", lead)
    world.settle(runs=2)
    assert not is_marked(world, contact)
    assert world.host.contact(contact)


@pytest.mark.parametrize("count", [20, 60])
def test_sixty_deletions_in_a_run_wait_for_a_person_and_twenty_do_not(world: World, count: int) -> None:
    contacts = world.host.create_many([{"email": f"p{i}@example.org", "lastname": "L"} for i in range(70)])
    world.hourly()
    for row in world.org.rows("Lead")[:count]:
        world.org.delete("Lead", row["Id"])
    report = world.hourly()
    if count == 20:
        assert sum(is_marked(world, each) for each in contacts) == 20
        return
    assert (report.state, report.error.code) == ("held", "too-many-deletions")
    assert {alert.code for alert in world.app.alerts.list_open(world.instance.id)} == {"too-many-deletions"}
    assert not any(is_marked(world, each) for each in contacts)
    assert world.hourly().state == "held", "waiting does not release it"
    assert world.hourly(is_confirmed=True).state == "done"
    assert sum(is_marked(world, each) for each in contacts) == 60
    assert world.app.alerts.list_open(world.instance.id) == []


def test_sixty_deletions_in_mautic_wait_for_a_person_too(world: World) -> None:
    contacts = world.host.create_many([{"email": f"p{i}@example.org", "lastname": "L"} for i in range(60)])
    world.hourly()
    for contact in contacts:
        world.host.delete_contact(contact)
    assert world.hourly().error.code == "too-many-deletions"
    assert not any(row["Deleted_in_Mautic__c"] for row in world.org.rows("Lead"))
    world.hourly(is_confirmed=True)
    assert all(row["Deleted_in_Mautic__c"] for row in world.org.rows("Lead"))
