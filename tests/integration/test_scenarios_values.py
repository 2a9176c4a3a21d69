"""What becomes of values: what one side cannot hold, what is only to be read, and what one of them refuses."""

import pytest

from sidecar.lanes import open_preview
from sidecar.sandbox.host.fields import NewField
from sidecar.store.overview import Overview
from tests.mapping_changes import set_field
from tests.world import World


def open_alerts(world: World) -> set[str]:
    return {alert.code for alert in world.app.alerts.list_open(world.instance.id)}


ODD_TEXTS = ("Achat; vente", "A|B|C", "1;2|3", "l'été d'Zoë", 'say "hi"', "back\\slash", "日本語 😀", "100 % _ & co")


def test_free_text_arrives_byte_for_byte_on_both_sides(world: World) -> None:
    people = [
        world.host.create_contact({"email": f"p{place}@example.org", "lastname": "L", "position": text})
        for place, text in enumerate(ODD_TEXTS)
    ]
    world.hourly()
    assert tuple(world.twin(contact)["Title"] for contact in people) == ODD_TEXTS
    for contact, text in zip(people, ODD_TEXTS, strict=True):
        world.org.update("Lead", world.twin(contact)["Id"], {"Phone": text, "Street": text})
    world.hourly()
    for name in ("position", "phone", "address1"):
        assert tuple(world.host.contact(contact)[name] for contact in people) == ODD_TEXTS
    assert "written" not in world.hourly().counts


@pytest.mark.needs_mautic("only Mautic cuts a text at a sign")
def test_text_that_mautic_would_cut_at_a_sign_is_held_back_aloud_and_the_rest_travels(world: World) -> None:
    contact, lead = world.link_person(position="before")
    world.org.update("Lead", lead, {"Title": "5 < 6 <b>x</b>", "Phone": "1"})
    report = world.hourly()
    assert (world.host.contact(contact)["position"], world.host.contact(contact)["phone"]) == ("before", "1")
    assert report.counts["written"]["mautic-strips-tags"] == 1
    assert world.org.row("Lead", lead)["Title"] == "5 < 6 <b>x</b>", "the value is not mangled where it came from"


@pytest.mark.needs_mautic("Mautic's database is changed behind its back")
def test_a_sign_that_stands_in_mautic_arrives_as_it_is(world: World) -> None:
    contact, _ = world.link_person()
    leads = world.host.database.schema["leads"]
    with world.host.database.work() as work:
        work.connection.execute(leads.update().values(position="A|B <3 you"))
    world.host.edit_contact(contact, {"phone": "1"})
    world.hourly()
    assert world.twin(contact)["Title"] == "A|B <3 you"


def test_a_first_name_too_long_for_salesforce_is_held_and_the_rest_is_sent(world: World) -> None:
    contact, lead = world.link_person(firstname="Ana")
    world.host.edit_contact(contact, {"firstname": "A" * 41, "phone": "1"})
    world.hourly()
    assert (world.twin(contact)["FirstName"], world.twin(contact)["Phone"]) == ("Ana", "1")
    assert world.why(contact)["first_name"] == "too-long"
    newcomer = world.host.create_contact({"email": "long.name@example.org", "firstname": "A" * 41, "lastname": "Long"})
    world.hourly()
    waiting = Overview(world.app.database).waiting(world.instance.id, "people", "too-long")
    assert [row.ref.id for row in waiting] == [str(contact), str(newcomer)], (
        "who was created waits for the field left out"
    )
    world.org.resize_field("Lead", "FirstName", 60)
    world.later(days=2)
    world.hourly()
    assert world.org.row("Lead", lead)["FirstName"] == "A" * 41, (
        "the length is Salesforce's to say, and what waits for it goes"
    )


def test_a_title_is_cut_between_two_characters(world: World) -> None:
    family = "👨‍👩‍👧"
    contact, _ = world.link_person(position="é" * 126 + family)
    title = world.twin(contact)["Title"]
    assert title == "é" * 126
    assert world.host.contact(contact)["position"].endswith(family), "the cut text does not come back"
    assert "written" not in world.hourly().counts


def test_a_birthday_is_a_day_on_both_sides(world: World) -> None:
    contact, lead = world.link_person(birthday="1990-09-25")
    assert world.twin(contact)["Birthday__c"] == "1990-09-25"
    world.org.update("Lead", lead, {"Birthday__c": "1991-01-02"})
    world.hourly()
    assert str(world.host.contact(contact)["birthday"]) == "1991-01-02"


def test_a_moment_is_the_same_moment_on_both_sides(world: World) -> None:
    contact, _ = world.link_person(last_visit="2026-11-20 10:15:00")
    assert world.twin(contact)["Last_Visit__c"] == "2026-11-20T10:15:00.000+0000"
    lead = world.org.insert(
        "Lead",
        {"LastName": "B", "Company": "C", "Email": "b@example.org", "Last_Visit__c": "2026-06-01T12:30:00.000+0200"},
    )
    world.hourly()
    assert str(world.contact_of("Lead", lead)["last_visit"]) == "2026-06-01 10:30:00"


def test_a_text_that_is_no_date_is_held_and_the_rest_travels(world: World) -> None:
    world.change_document(set_field("birthday", host="twitter"))
    contact, _ = world.link_person(twitter="25/09/1990", phone="1")
    assert (world.twin(contact)["Birthday__c"], world.twin(contact)["Phone"]) == (None, "1")
    world.host.edit_contact(contact, {"twitter": "1990-09-25"})
    world.hourly()
    assert world.twin(contact)["Birthday__c"] == "1990-09-25"


@pytest.mark.parametrize(("ticked", "expected"), [(1, True), (0, False)])
def test_a_true_or_false_field_travels_both_ways(world: World, ticked: int, expected: bool) -> None:
    world.host.add_field(NewField("vip", "boolean", "VIP", {"yes": "Yes", "no": "No"}))
    world.change_document(lambda doc: doc["fields"].update(vip={"host": "vip", "salesforce": "DoNotCall"}))
    contact, lead = world.link_person(vip=ticked)
    assert world.twin(contact)["DoNotCall"] is expected
    world.org.update("Lead", lead, {"DoNotCall": not expected})
    world.hourly()
    assert bool(world.host.contact(contact)["vip"]) is not expected


def test_several_choices_travel_as_choices(world: World) -> None:
    contact, lead = world.link_person(interests=["Sport", "Music"])
    assert world.twin(contact)["Interests__c"] == "Music;Sport"
    assert "written" not in world.hourly().counts, "another order is the same choice"
    world.org.update("Lead", lead, {"Interests__c": "Art;Travel"})
    world.hourly()
    assert set(world.host.contact(contact)["interests"].split("|")) == {"Art", "Travel"}


def test_a_choice_salesforce_does_not_offer_is_held_and_the_rest_travels(world: World) -> None:
    world.change_document(set_field("rating", host="twitter", priority="both"))
    contact, _ = world.link_person(twitter="Boiling", phone="1")
    assert (world.twin(contact)["Rating"], world.twin(contact)["Phone"]) == (None, "1")
    world.host.edit_contact(contact, {"twitter": "hot"})
    world.hourly()
    assert world.twin(contact)["Rating"] == "Hot"


def test_a_field_we_may_only_read_travels_one_way_and_is_told(world: World) -> None:
    world.org.make_read_only("Lead", "Phone")
    world.later(days=2)
    contact, lead = world.link_person(phone="1")
    assert world.twin(contact)["Phone"] is None
    world.org.update("Lead", lead, {"Phone": "computed"})
    world.hourly()
    assert world.host.contact(contact)["phone"] == "computed"
    with open_preview(world.app, world.instance, "people") as lane:
        assert "salesforce-field-read-only" in {problem.code for problem in lane.rules.problems}


def test_a_field_hidden_from_us_is_left_out_and_comes_back_by_itself(world: World) -> None:
    contact, lead = world.link_person(phone="1")
    world.org.hide_field("Lead", "Phone")
    world.later(days=2)
    world.host.edit_contact(contact, {"phone": "2", "position": "Director"})
    world.hourly()
    assert (world.org.row("Lead", lead)["Phone"], world.org.row("Lead", lead)["Title"]) == ("1", "Director")
    assert open_alerts(world)
    world.org.hide_field("Lead", "Phone", hidden=False)
    world.later(days=2)
    world.host.edit_contact(contact, {"position": "Head"})
    world.hourly()
    assert world.twin(contact)["Phone"] == "2"
    assert not open_alerts(world)


def test_a_field_hidden_while_it_is_in_use_costs_one_run_at_most(world: World) -> None:
    contact, lead = world.link_person(phone="1")
    world.org.hide_field("Lead", "Phone")
    world.host.edit_contact(contact, {"phone": "2", "position": "Director"})
    world.settle(runs=3)
    assert world.org.row("Lead", lead)["Title"] == "Director"


def test_a_rule_of_salesforce_that_refuses_one_field_leaves_the_others(world: World) -> None:
    contact, lead = world.link_person(phone="1")
    world.org.add_validation_rule("Lead", lambda row: row.get("Phone") == "bad", "No.", "Phone")
    world.host.edit_contact(contact, {"phone": "bad", "position": "Director"})
    world.hourly()
    assert (world.org.row("Lead", lead)["Phone"], world.org.row("Lead", lead)["Title"]) == ("1", "Director")
    world.host.edit_contact(contact, {"phone": "good"})
    world.hourly()
    assert world.twin(contact)["Phone"] == "good"
