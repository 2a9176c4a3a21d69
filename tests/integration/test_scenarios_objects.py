"""Which objects take part, who is created where, and what an org that is not fully set up does."""

import pytest

from sidecar.records import Ref
from tests.mapping_changes import set_head
from tests.world import World


def only(object_name: str):
    """Return a change of a mapping document: one Salesforce object only."""

    def change(document: dict) -> None:
        document["mapping"].update(salesforce_objects=[object_name], create_in_salesforce=object_name)
        for name, pair in list(document["fields"].items()):
            if isinstance(pair["salesforce"], dict):
                pair["salesforce"] = {key: value for key, value in pair["salesforce"].items() if key == object_name}
                if not pair["salesforce"]:
                    del document["fields"][name]

    return change


def a_person(object_name: str, name: str) -> dict:
    """Return the values of a person on that object."""
    company = {"Company": "C"} if object_name == "Lead" else {}
    return {"LastName": name, "Email": f"{name}@example.org", **company}


@pytest.mark.parametrize("object_name", ["Lead", "Contact"])
def test_one_object_alone_is_enough_and_no_account_is_needed(world: World, object_name: str) -> None:
    world.change_document(only(object_name))
    contact = world.host.create_contact({"email": "a@example.org", "lastname": "Lee"})
    record = world.org.insert(object_name, a_person(object_name, "Bo"))
    other = "Contact" if object_name == "Lead" else "Lead"
    elsewhere = world.org.insert(other, a_person(other, "Cy"))
    world.hourly()
    assert world.link_of(contact).salesforce.object == object_name
    assert world.contact_of(object_name, record)["lastname"] == "Bo"
    assert world.link_of_salesforce(other, elsewhere) is None
    assert world.org.rows("Account") == []


def test_leads_and_contacts_obey_the_same_rules(world: World) -> None:
    records = {
        "Lead": world.org.insert("Lead", {"LastName": "Lee", "Email": "l@example.org", "Company": "C", "City": "Lyon"}),
        "Contact": world.org.insert("Contact", {"LastName": "Bo", "Email": "c@example.org", "MailingCity": "Lyon"}),
    }
    world.hourly()
    for object_name, record in records.items():
        contact = int(world.contact_of(object_name, record)["id"])
        world.host.edit_contact(contact, {"phone": "marketing", "city": "Nice"})
        world.org.update(object_name, record, {"Phone": "seller"})
        world.host.opt_out(contact)
    world.hourly()
    for object_name, record in records.items():
        row = world.org.row(object_name, record)
        assert row["City" if object_name == "Lead" else "MailingCity"] == "Lyon"
        assert (row["Phone"], row["HasOptedOutOfEmail"]) == ("seller", True)
        assert world.contact_of(object_name, record)["phone"] == "seller"


def test_update_only_towards_mautic_links_whom_it_knows_and_creates_nobody(world: World) -> None:
    world.change_document(set_head(create_in_host=False))
    known, lead = world.link_person("a@example.org")
    world.org.update("Lead", lead, {"Phone": "1"})
    world.org.insert("Lead", {"LastName": "New", "Company": "C", "Email": "new@example.org"})
    report = world.hourly()
    assert report.counts["skipped"]["creation-off"] == 1
    assert len(world.host.contacts()) == 1
    assert world.host.contact(known)["phone"] == "1"


def test_update_only_towards_salesforce_links_whom_it_knows_and_creates_nobody(world: World) -> None:
    world.change_document(set_head(create_in_salesforce=False))
    lead = world.org.insert("Lead", {"LastName": "Lee", "Company": "C", "Email": "a@example.org"})
    known = world.host.create_contact({"email": "a@example.org", "lastname": "Lee", "phone": "1"})
    world.host.create_contact({"email": "new@example.org", "lastname": "New"})
    world.hourly()
    assert [row["Id"] for row in world.people_in_org()] == [lead]
    assert world.link_of(known).salesforce == Ref("Lead", lead)
    assert world.org.row("Lead", lead)["Phone"] == "1"


def test_an_object_that_is_hidden_from_us_is_told_and_left_alone_and_the_other_goes_on(world: World) -> None:
    world.org.drop_object("Contact")
    world.later(days=2)
    contact = world.host.create_contact({"email": "a@example.org", "lastname": "Lee"})
    assert world.hourly().state == "done"
    assert world.twin(contact)["LastName"] == "Lee"
    alerts = world.app.alerts.list_open(world.instance.id)
    assert {(alert.code, alert.fixed_by) for alert in alerts} == {("salesforce-object-hidden", "salesforce_admin")}


def test_an_org_without_our_id_field_is_told_and_makes_no_doubles(world: World) -> None:
    for name in ("Lead", "Contact"):
        world.org.hide_field(name, "Mautic_Id__c")
    world.later(days=2)
    contact = world.host.create_contact({"email": "a@example.org", "lastname": "Lee"})
    lead = world.org.insert("Lead", {"LastName": "Bo", "Company": "C", "Email": "b@example.org"})
    world.settle(runs=3)
    assert world.link_of(contact)
    assert world.contact_of("Lead", lead)["lastname"] == "Bo"
    assert (len(world.people_in_org()), len(world.host.contacts())) == (2, 2)


def test_fields_whose_types_do_not_fit_are_left_out_and_told(world: World) -> None:
    world.change_document(lambda document: document["fields"]["birthday"].update(salesforce="DoNotCall"))
    contact, _ = world.link_person(birthday="1990-09-25", phone="1")
    assert world.twin(contact)["Phone"] == "1"
    assert {alert.code for alert in world.app.alerts.list_open(world.instance.id)} == {"no-converter"}


@pytest.mark.needs_mautic("a plain table has no companies")
def test_the_company_of_a_mautic_contact_never_becomes_an_account(world: World) -> None:
    contact, _ = world.link_person()
    world.host.join_company(contact, "Acme Ltd")
    world.settle(runs=2)
    assert world.org.rows("Account") == []
    assert world.twin(contact)["Company"] == "Acme Ltd", "an empty company was filled"


def test_the_owner_in_salesforce_is_never_changed_by_us(world: World) -> None:
    seller = world.org.user_ids["seller"]
    contact, lead = world.link_person()
    world.org.update("Lead", lead, {"OwnerId": seller})
    world.org.set_assignment_rule(world.org.user_ids["user"])
    world.host.edit_contact(contact, {"phone": "1"})
    world.settle(runs=2)
    assert (world.org.row("Lead", lead)["Phone"], world.org.row("Lead", lead)["OwnerId"]) == ("1", seller)
    new = world.host.create_contact({"email": "new@example.org", "lastname": "New"})
    world.hourly()
    assert world.twin(new)["OwnerId"] == world.org.user_ids["api"], "no assignment rule was started"
