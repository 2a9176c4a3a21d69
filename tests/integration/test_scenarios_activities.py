"""What people did in Mautic becomes timeline records in Salesforce: all of it, once, and without shaking the people lane."""

import pytest

from tests.world import World

pytestmark = pytest.mark.needs_mautic("a plain table has no timeline")
OBJECT = "mautic_timeline__c"


def set_head(**keys):
    """Return a change of the activities document."""
    return lambda document: document["activities"].update(keys)


def names(world: World) -> list[str]:
    return sorted(row["Name"] for row in world.org.rows(OBJECT))


def references(world: World) -> list[str]:
    return sorted(row["ReferenceId__c"] for row in world.org.rows(OBJECT))


def do_everything(world: World, contact: int) -> None:
    """Be sent a mail, open it, click in it, fill a form, visit a page and gain points."""
    mail = world.host.send_email(contact)
    world.host.read_email(mail)
    world.host.click_email(mail)
    world.host.submit_form(contact)
    world.host.hit_page(contact, title="Prices")
    world.host.gain_points(contact, 5)


def test_mails_sent_opened_and_clicked_forms_pages_and_points_arrive(world: World) -> None:
    contact, lead = world.link_person()
    do_everything(world, contact)
    assert world.sync("activities").state == "done"
    kinds = {reference.partition("-")[0].rstrip("0123456789") for reference in references(world)}
    assert {"EmailSent", "EmailRead", "FormSubmitted", "PointGained", ""} <= kinds, "page hits are bare numbers"
    clicked = [row for row in world.org.rows(OBJECT) if "example.com/offer" in (row["Description__c"] or row["Name"])]
    assert len(clicked) == 1
    assert {row["WhoId__c"] for row in world.org.rows(OBJECT)} == {lead}


def test_a_timeline_record_has_all_its_fields(world: World) -> None:
    contact, lead = world.link_person()
    at = world.now
    number = world.host.submit_form(contact)
    world.sync("activities")
    row = next(row for row in world.org.rows(OBJECT) if row["ReferenceId__c"].startswith("Form"))
    assert row["ReferenceId__c"] == f"FormSubmitted{number}-{lead}"
    assert row["Name"] == "Form submitted - Contact us"
    assert row["ActivityDate__c"] == at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    assert (row["WhoId__c"], row["contact_id__c"], row["MauticLead__c"]) == (lead, None, contact)
    assert row["Mautic_url__c"] == f"http://127.0.0.1:8001/s/contacts/view/{contact}"


def test_a_record_of_a_salesforce_contact_names_the_contact(world: World) -> None:
    person = world.org.insert("Contact", {"LastName": "Lee", "Email": "a@example.org"})
    world.hourly()
    world.host.submit_form(int(world.contact_of("Contact", person)["id"]))
    world.sync("activities")
    assert {(row["WhoId__c"], row["contact_id__c"]) for row in world.org.rows(OBJECT)} == {(None, person)}


@pytest.mark.parametrize("is_key", [True, False])
def test_activities_sent_twice_make_no_double(world: World, is_key: bool) -> None:
    world.org.set_external_id(OBJECT, "ReferenceId__c", is_key)
    contact, _ = world.link_person()
    do_everything(world, contact)
    world.sync("activities")
    before = references(world)
    assert len(before) >= 6
    for _ in range(3):
        world.later(minutes=5)
        world.sync("activities")
    assert references(world) == before
    assert len(set(before)) == len(before)


def test_records_that_mautics_own_plugin_made_are_taken_over(world: World) -> None:
    contact, lead = world.link_person()
    number = world.host.submit_form(contact)
    reference = f"FormSubmitted{number}-{lead}"
    world.org.insert(OBJECT, {"Name": "by the plugin", "WhoId__c": lead, "ReferenceId__c": reference})
    world.sync("activities")
    assert [each for each in references(world) if each.startswith("Form")] == [reference]


def test_pushing_activities_moves_their_people_and_the_people_lane_writes_nothing(world: World) -> None:
    people = world.host.create_many([{"email": f"p{i}@example.org", "lastname": "L"} for i in range(20)])
    world.hourly()
    for contact in people:
        do_everything(world, contact)
    world.sync("activities")
    stamps = {row["Id"]: row["SystemModstamp"] for row in world.org.rows("Lead")}
    world.later(minutes=1)
    for lead in stamps:  # as a timeline of tasks would do it
        world.org.insert("Task", {"WhoId": lead, "Subject": "Mautic", "ActivityDate": "2026-11-20"}, by="api")
    moved = {row["Id"]: row["SystemModstamp"] for row in world.org.rows("Lead")}
    assert all(moved[lead] > stamps[lead] for lead in stamps)
    written = len([method for method, *_ in world.host.requests if method != "GET"])
    for report in world.settle(runs=2, minutes=10):
        assert set(report.counts) <= {"skipped"}
    assert len([method for method, *_ in world.host.requests if method != "GET"]) == written


def test_what_is_changed_or_deleted_in_the_timeline_never_comes_back(world: World) -> None:
    contact, _ = world.link_person()
    world.host.submit_form(contact)
    world.sync("activities")
    row = world.org.rows(OBJECT)[0]
    world.org.update(OBJECT, row["Id"], {"Name": "edited"})
    before = world.host.rows("form_submissions")
    world.later(minutes=30)
    world.sync("activities")
    assert world.host.rows("form_submissions") == before
    assert world.org.row(OBJECT, row["Id"])["Name"] == "edited"


def test_an_event_of_a_name_full_of_accents_is_cut_between_letters_and_stops_nobody(world: World) -> None:
    contact, _ = world.link_person()
    world.host.hit_page(contact, title="é" * 79 + "😀" + "é" * 30)
    world.host.submit_form(contact)
    assert world.sync("activities").state == "done"
    name = next(row["Name"] for row in world.org.rows(OBJECT) if "éé" in row["Name"])
    assert len(name) <= 80
    assert name == name.encode().decode()
    assert "Form submitted - Contact us" in names(world)


def test_people_without_a_link_send_nothing_until_they_are_linked(world: World) -> None:
    contact = world.host.create_contact({"lastname": "Lee"})
    world.host.submit_form(contact)
    for _ in range(2):
        world.sync("activities")
        world.later(hours=2)
    assert world.org.rows(OBJECT) == []
    world.host.edit_contact(contact, {"email": "a@example.org"})
    world.hourly()
    world.sync("activities")
    assert "Form submitted - Contact us" in names(world)


@pytest.mark.parametrize(("days", "expected"), [(7, ["6 days ago"]), (0, []), (30, ["20 days ago", "6 days ago"])])
def test_the_first_run_looks_back_as_many_days_as_was_chosen(world: World, days: int, expected: list[str]) -> None:
    world.change_document(set_head(first_run_days=days, event_types=["page.hit"]), "activities")
    contact, _ = world.link_person()
    world.host.hit_page(contact, title="20 days ago")
    world.later(days=14)
    world.host.hit_page(contact, title="6 days ago")
    world.later(days=6)
    world.sync("activities")
    world.later(minutes=30)
    world.sync("activities")
    assert [name.removeprefix("Page hit - ") for name in names(world)] == expected


def test_only_the_chosen_kinds_of_events_travel(world: World) -> None:
    world.change_document(set_head(event_types=["form.submitted"]), "activities")
    contact, _ = world.link_person()
    do_everything(world, contact)
    world.sync("activities")
    assert names(world) == ["Form submitted - Contact us"]


def test_an_event_that_was_committed_late_arrives(world: World) -> None:
    contact, _ = world.link_person()
    world.sync("activities")
    with world.host.late_commit() as transaction:
        world.host.submit_form(contact)
    world.later(minutes=10)
    world.sync("activities")
    transaction.commit()
    world.later(minutes=58)
    world.sync("activities")
    assert "Form submitted - Contact us" in names(world)


def test_an_org_without_the_object_blocks_this_lane_alone_and_gets_everything_later(world: World) -> None:
    contact, _ = world.link_person()
    do_everything(world, contact)
    world.org.drop_object(OBJECT)
    assert world.sync("activities").state == "blocked"
    world.host.edit_contact(contact, {"phone": "1"})
    assert world.hourly().state == "done"
    assert world.twin(contact)["Phone"] == "1"
    world.org.drop_object(OBJECT, missing=False)
    world.later(days=2)
    assert world.sync("activities").state == "done"
    assert len(names(world)) >= 6


def test_a_person_opted_out_is_still_seen_in_the_timeline(world: World) -> None:
    contact, _ = world.link_person()
    world.host.opt_out(contact)
    world.sync("activities")
    assert any(reference.startswith("LeadDonotcontact") for reference in references(world))


def test_deduplication_takes_link_opt_out_and_activities_to_the_newer_contact(world: World) -> None:
    older, lead = world.link_person()
    world.host.hit_page(older, title="Prices")
    world.host.opt_out(older)
    world.hourly()
    world.sync("activities")
    sent = references(world)
    newer = world.host.create_contact({"email": "ana2@example.org", "lastname": "Lee"})
    world.host.merge_contacts(newer, older)  # as mautic:contacts:deduplicate does it
    world.host.hit_page(newer, title="Terms")
    assert not world.is_opted_out(newer), "Mautic loses it"
    world.hourly()
    world.sync("activities")
    assert (world.twin(newer)["Id"], world.is_opted_out(newer)) == (lead, True)
    visits = [each for each in references(world) if each[0].isdigit()]
    assert len(visits) == 2, "what was sent before is not sent again"
    assert set(sent) < set(references(world))
    assert {row["WhoId__c"] for row in world.org.rows(OBJECT)} == {lead}
