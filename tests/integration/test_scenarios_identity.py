"""Who is who: links first, then the id, then the address; and what merges, conversions and doubles do to it."""

from collections.abc import Callable

import pytest

from sidecar.records import Ref, Side
from sidecar.store.outbox import Outbox
from tests.world import World


def a_lead(world: World, email: str = "ana@example.org", **values) -> str:
    return world.org.insert("Lead", {"LastName": "Lee", "Company": "C", "Email": email} | values)


def a_salesforce_contact(world: World, email: str = "ana@example.org", **values) -> str:
    return world.org.insert("Contact", {"LastName": "Lee", "Email": email} | values)


def a_contact(world: World, email: str | None = "ana@example.org", **values) -> int:
    return world.host.create_contact({"email": email, "lastname": "Lee"} | values)


def waiting(world: World) -> dict[Ref, str]:
    return {each.ref: each.reason for each in Outbox(world.app.database).waiting(world.instance.id, "people")}


# -- the ladder ------------------------------------------------------------------------------------------------------


def test_an_unknown_contact_becomes_a_lead(world: World) -> None:
    contact = a_contact(world)
    world.hourly()
    assert world.link_of(contact).salesforce.object == "Lead"
    assert world.twin(contact)["Mautic_Id__c"] == str(contact)
    assert world.link_of(contact).origin == "new-in-host"


def test_an_unknown_contact_becomes_a_salesforce_contact_where_the_mapping_says_so(world: World) -> None:
    world.change_document(lambda document: document["mapping"].update(create_in_salesforce="Contact"))
    contact = a_contact(world)
    world.hourly()
    assert world.link_of(contact).salesforce.object == "Contact"
    assert world.org.rows("Lead") == []


def test_a_lead_carries_the_id_and_page_of_its_new_contact_from_the_same_run_on(world: World) -> None:
    lead = a_lead(world)
    world.hourly()
    contact = world.contact_of("Lead", lead)["id"]
    row = world.org.row("Lead", lead)
    assert row["Mautic_Id__c"] == str(contact)
    assert row["Mautic_Url__c"].endswith(f"/s/contacts/view/{contact}")


def test_a_known_address_is_matched_and_not_created_whatever_its_case(world: World) -> None:
    lead = a_lead(world, "Ana@Example.org", Phone="1")
    world.hourly()
    other = a_lead(world, "bo@example.org")
    contact = a_contact(world, "BO@EXAMPLE.ORG")
    world.hourly()
    assert world.contact_of("Lead", lead)["phone"] == "1"
    assert world.link_of(contact).salesforce == Ref("Lead", other)
    assert len(world.people_in_org()) == len(world.host.contacts()) == 2


def test_who_is_both_contact_and_lead_is_taken_for_the_contact(new_world: World) -> None:
    world = new_world
    a_lead(world)
    person = a_salesforce_contact(world)
    world.activate()
    contact = a_contact(world)
    world.settle(runs=2)
    assert world.link_of(contact).salesforce == Ref("Contact", person)
    assert len(world.host.contacts()) == 1


def test_the_id_in_salesforce_is_believed_before_the_address(world: World) -> None:
    contact = a_contact(world, "ana@example.org")
    carrier = a_lead(world, "other@example.org", Mautic_Id__c=str(contact))
    same_address = a_lead(world, "ana@example.org")
    world.hourly()
    assert world.link_of(contact).salesforce == Ref("Lead", carrier)
    assert world.link_of_salesforce("Lead", same_address) is None or (
        world.link_of_salesforce("Lead", same_address).host.id != str(contact)
    )


def test_several_candidates_are_nobody_and_are_not_asked_for_again_every_hour(new_world: World) -> None:
    world = new_world
    twice = [a_salesforce_contact(world, "bo@example.org") for _ in range(2)]
    before = [world.org.row("Contact", each) for each in twice]
    world.activate()
    contact = a_contact(world, "bo@example.org")
    assert world.hourly().counts["held"] == {"ambiguous-match": 1}
    assert world.link_of(contact) is None
    assert [world.org.row("Contact", each) for each in twice] == before
    assert len(world.people_in_org()) == 2
    world.host.edit_contact(contact, {"twitter": "@bo"})
    world.org.reset_calls()
    assert world.hourly().counts == {"skipped": {"still-waiting": 1}}
    assert world.org.calls == 2, "one question per object, and none for the one who waits"
    assert waiting(world)[Ref("contact", str(contact))] == "ambiguous-match"


def test_an_ambiguous_person_is_linked_once_the_doubles_are_merged(new_world: World) -> None:
    world = new_world
    winner, loser = (a_salesforce_contact(world, "bo@example.org") for _ in range(2))
    world.activate()
    contact = a_contact(world, "bo@example.org")
    world.hourly()
    assert world.link_of(contact) is None
    world.org.merge("Contact", winner, [loser])
    world.settle(runs=2)
    assert world.link_of(contact).salesforce == Ref("Contact", winner)


@pytest.mark.parametrize("side", list(Side))
def test_two_with_one_address_in_one_batch_never_make_two_twins(world: World, side: Side) -> None:
    if side is Side.HOST:
        people = [a_contact(world, "ana@example.org"), a_contact(world, "ANA@example.org")]
        world.host.edit_contact(people[1], {"phone": "2"})
    else:
        people = [a_lead(world), a_lead(world)]
    world.settle(runs=2)
    twins = world.people_in_org() if side is Side.HOST else world.host.contacts()
    assert len(twins) == 1
    links = [world.link_of(each) if side is Side.HOST else world.link_of_salesforce("Lead", each) for each in people]
    assert sum(link is not None for link in links) == 1
    assert len(waiting(world)) == 1


def test_an_address_that_somebody_else_is_linked_by_is_left_to_a_person(world: World) -> None:
    first, lead = world.link_person("family@example.org", firstname="Ana")
    second = a_contact(world, "family@example.org", firstname="Bo")
    world.settle(runs=2)
    assert world.link_of(first).salesforce == Ref("Lead", lead)
    assert world.link_of(second) is None
    assert world.org.row("Lead", lead)["FirstName"] == "Ana"
    assert waiting(world)[Ref("contact", str(second))] == "match-linked-elsewhere"
    assert len(world.people_in_org()) == 1


def test_a_person_without_any_address_is_left_alone_until_there_is_one(world: World) -> None:
    contact = a_contact(world, None)
    lead = world.org.insert("Lead", {"LastName": "Nobody", "Company": "C"})
    report = world.hourly()
    assert report.counts["skipped"]["no-identity"] == 2
    assert (len(world.people_in_org()), len(world.host.contacts())) == (1, 1)
    world.host.edit_contact(contact, {"email": "now@example.org"})
    world.org.update("Lead", lead, {"Email": "then@example.org"})
    world.hourly()
    assert world.twin(contact)["Email"] == "now@example.org"
    assert world.contact_of("Lead", lead)["email"] == "then@example.org"


def test_a_converted_lead_beside_an_open_one_of_the_same_address_hides_nobody(new_world: World) -> None:
    world = new_world
    emails = [f"p{number}@example.org" for number in range(6)]
    leads = [a_lead(world, email) for email in emails]
    converted = a_lead(world, emails[0])
    person = world.org.convert_lead(converted)
    world.activate()
    contacts = [a_contact(world, email) for email in emails]
    world.settle(runs=2)
    assert len(world.org.rows("Lead")) == 7
    assert [world.link_of(each).salesforce.id for each in contacts] == [person, *leads[1:]]


def test_characters_that_could_break_a_query_break_nothing(world: World) -> None:
    names = ("o'neil", "a+b", "per%cent", "under_score", "back\\slash")
    emails = [f"{name}@example.org" for name in names]
    leads = [a_lead(world, email) for email in emails[:4]]
    contacts = world.host.create_many([{"email": email, "lastname": "Q"} for email in emails])
    world.settle(runs=2)
    assert [world.link_of(each).salesforce.id for each in contacts[:4]] == leads
    assert len(world.people_in_org()) in {4, 5}, "the last address may be refused by Salesforce, and then waits"
    assert "written" not in world.hourly().counts


# -- identity is not the address -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", list(Side))
def test_a_changed_address_stays_the_same_person(world: World, side: Side) -> None:
    contact, lead = world.link_person("old@example.org")
    if side is Side.HOST:
        world.host.edit_contact(contact, {"email": "new@example.org"})
    else:
        world.org.update("Lead", lead, {"Email": "new@example.org"})
    world.settle(runs=2)
    assert world.host.contact(contact)["email"] == world.org.row("Lead", lead)["Email"] == "new@example.org"
    assert (len(world.people_in_org()), len(world.host.contacts())) == (1, 1)


@pytest.mark.parametrize("side", list(Side))
def test_two_people_can_swap_their_addresses(world: World, side: Side) -> None:
    ana, ana_lead = world.link_person("ana@example.org", firstname="Ana")
    bo, bo_lead = world.link_person("bo@example.org", firstname="Bo")
    if side is Side.HOST:
        for contact, email in ((ana, "tmp@example.org"), (bo, "ana@example.org"), (ana, "bo@example.org")):
            world.host.edit_contact(contact, {"email": email})
    else:
        world.org.update("Lead", ana_lead, {"Email": "bo@example.org"})
        world.org.update("Lead", bo_lead, {"Email": "ana@example.org"})
    world.settle(runs=2)
    swapped = ["bo@example.org", "ana@example.org"]
    assert [world.host.contact(each)["email"] for each in (ana, bo)] == swapped
    assert [world.org.row("Lead", each)["Email"] for each in (ana_lead, bo_lead)] == swapped
    assert [world.twin(each)["FirstName"] for each in (ana, bo)] == ["Ana", "Bo"]
    assert (len(world.people_in_org()), len(world.host.contacts())) == (2, 2)


def test_300_addresses_changed_in_one_transaction_all_arrive(world: World) -> None:
    world.org.insert_many("Contact", [{"LastName": f"N{i}", "Email": f"p{i}@old.example"} for i in range(300)])
    world.hourly()
    with world.org.storage.transaction():
        for row in world.org.rows("Contact"):
            world.org.update("Contact", row["Id"], {"Email": row["Email"].replace("old", "new")})
    world.hourly()
    assert {row["email"] for row in world.host.contacts()} == {f"p{i}@new.example" for i in range(300)}
    assert len(world.host.contacts()) == 300


# -- conversion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", list(Side))
def test_a_lead_converted_between_two_runs_is_followed_and_changes_go_on(world: World, side: Side) -> None:
    contact, lead = world.link_person()
    person = world.org.convert_lead(lead)
    if side is Side.HOST:
        world.host.edit_contact(contact, {"phone": "after"})
    else:
        world.org.update("Contact", person, {"Phone": "after"})
    world.settle(runs=2)
    assert world.link_of(contact).salesforce == Ref("Contact", person)
    assert world.org.row("Contact", person)["Phone"] == world.host.contact(contact)["phone"] == "after"
    assert world.org.row("Contact", person)["Mautic_Id__c"] == str(contact)
    assert world.host.contact(contact)["deleted_in_salesforce"] in {None, 0}
    assert (len(world.host.contacts()), len(world.org.rows("Contact"))) == (1, 1)


def test_a_lead_converted_to_a_contact_that_is_linked_already_leaves_one_link(world: World) -> None:
    first, lead = world.link_person("ana@example.org")
    person = a_salesforce_contact(world, "ana.lee@example.org")
    world.hourly()
    world.org.convert_lead(lead, person)
    world.settle(runs=3)
    assert world.link_of_salesforce("Contact", person) is not None
    assert world.link_of_salesforce("Lead", lead) is None
    assert sum(1 for row in world.org.rows("Contact")) == 1
    assert "written" not in world.hourly().counts
    assert world.host.contact(first)


@pytest.mark.needs_mautic("a plain table has no stages")
def test_we_never_convert_a_lead_ourselves(world: World) -> None:
    contact, lead = world.link_person()
    world.host.change_stage(contact, "Customer")
    world.host.gain_points(contact, 1000)
    world.settle(runs=2)
    assert world.org.row("Lead", lead)["IsConverted"] is False
    assert world.org.rows("Contact") == []
    assert world.org.row("Lead", lead)["Status"] == "Open - Not Contacted"


# -- merges ----------------------------------------------------------------------------------------------------------


def test_a_merge_in_mautic_of_two_linked_people_leaves_the_survivor_linked(world: World) -> None:
    winner, winner_lead = world.link_person("ana@example.org")
    loser, loser_lead = world.link_person("ana.lee@example.org", phone="77")
    world.host.merge_contacts(winner, loser)
    world.settle(runs=3)
    assert world.link_of(winner).salesforce == Ref("Lead", winner_lead)
    assert world.link_of(loser) is None
    assert world.org.row("Lead", loser_lead)["IsDeleted"] is False
    assert world.twin(winner)["Deleted_in_Mautic__c"] is False
    assert "written" not in world.hourly().counts


@pytest.mark.parametrize("who_was_linked", ["winner", "loser"])
def test_a_merge_in_mautic_of_a_linked_and_an_unlinked_person_keeps_the_link(world: World, who_was_linked: str) -> None:
    linked, lead = world.link_person("ana@example.org")
    other = world.host.create_contact({"lastname": "Anonymous"})
    winner, loser = (linked, other) if who_was_linked == "winner" else (other, linked)
    world.host.merge_contacts(winner, loser)
    world.settle(runs=2)
    assert world.link_of(winner).salesforce == Ref("Lead", lead)
    assert world.org.row("Lead", lead)["Mautic_Id__c"] == str(winner)
    assert world.org.row("Lead", lead)["Deleted_in_Mautic__c"] is False
    assert len(world.people_in_org()) == 1


def test_a_merge_in_salesforce_of_two_linked_people_leaves_the_survivor_linked(world: World) -> None:
    first, winner = world.link_person("ana@example.org")
    second, loser = world.link_person("ana.lee@example.org")
    world.org.merge("Lead", winner, [loser])
    world.settle(runs=3)
    assert world.link_of(first).salesforce == Ref("Lead", winner)
    assert world.link_of_salesforce("Lead", loser) is None
    assert world.host.contact(second), "nobody is deleted"
    assert world.host.contact(second)["deleted_in_salesforce"] in {None, 0}
    assert len(world.org.rows("Lead")) == 1
    assert "written" not in world.hourly().counts


@pytest.mark.parametrize("who_was_linked", ["winner", "loser"])
def test_a_merge_in_salesforce_of_a_linked_and_an_unlinked_person_keeps_the_link(
    world: World, who_was_linked: str
) -> None:
    contact, linked = world.link_person("ana@example.org")
    other = world.org.insert("Lead", {"LastName": "Noname", "Company": "C"})
    winner, loser = (linked, other) if who_was_linked == "winner" else (other, linked)
    world.org.merge("Lead", winner, [loser])
    world.settle(runs=2)
    assert world.link_of(contact).salesforce == Ref("Lead", winner)
    assert world.host.contact(contact)["deleted_in_salesforce"] in {None, 0}
    assert len(world.host.contacts()) == 1


def test_a_form_from_a_fresh_browser_moves_the_link_to_the_new_id_and_puts_the_opt_out_back(world: World) -> None:
    old, lead = world.link_person("ana@example.org")
    world.host.opt_out(old)
    world.hourly()
    new = world.host.submit_form_fresh_browser("ana@example.org", {"phone": "from the form"})
    assert (world.host.contact(old), world.is_opted_out(new)) == (None, False)
    world.settle(runs=2)
    assert world.link_of(new).salesforce == Ref("Lead", lead)
    assert world.is_opted_out(new)
    lead_row = world.org.row("Lead", lead)
    assert (lead_row["HasOptedOutOfEmail"], lead_row["Phone"]) == (True, "from the form")
    assert (lead_row["Mautic_Id__c"], lead_row["Deleted_in_Mautic__c"]) == (str(new), False)
    assert len(world.people_in_org()) == 1


# -- made anew, and both at once -------------------------------------------------------------------------------------


def test_a_contact_made_anew_takes_over_the_lead_of_its_deleted_self(world: World) -> None:
    gone, lead = world.link_person("ana@example.org")
    world.host.delete_contact(gone)
    world.hourly()
    assert world.org.row("Lead", lead)["Deleted_in_Mautic__c"] is True
    again = a_contact(world, "ana@example.org", phone="new")
    world.settle(runs=2)
    assert world.link_of(again).salesforce == Ref("Lead", lead)
    row = world.org.row("Lead", lead)
    assert (row["Phone"], row["Mautic_Id__c"], row["Deleted_in_Mautic__c"]) == ("new", str(again), False)
    assert len(world.people_in_org()) == 1


def test_a_person_made_on_both_sides_between_two_runs_is_one_person(world: World) -> None:
    contact = a_contact(world, "ana@example.org", phone="1")
    lead = a_lead(world, "ana@example.org", Title="Director")
    world.settle(runs=2)
    assert world.link_of(contact).salesforce == Ref("Lead", lead)
    assert (len(world.people_in_org()), len(world.host.contacts())) == (1, 1)
    assert world.host.contact(contact)["position"] == "Director"
    assert world.org.row("Lead", lead)["Phone"] == "1"


def test_a_new_and_a_changed_person_travel_in_the_same_run(world: World) -> None:
    known, lead = world.link_person("ana@example.org")
    world.host.edit_contact(known, {"phone": "changed"})
    new = a_contact(world, "bo@example.org")
    from_org = a_lead(world, "cy@example.org")
    world.org.update("Lead", lead, {"Title": "changed"})
    world.hourly()
    assert world.twin(known)["Phone"] == "changed"
    assert world.host.contact(known)["position"] == "changed"
    assert world.twin(new)["Email"] == "bo@example.org"
    assert world.contact_of("Lead", from_org)["email"] == "cy@example.org"


@pytest.mark.parametrize("side", list(Side))
def test_who_was_made_on_one_side_is_followed_on_both(world: World, side: Side) -> None:
    if side is Side.HOST:
        contact, lead = world.link_person()
    else:
        lead = a_lead(world)
        world.hourly()
        contact = int(world.contact_of("Lead", lead)["id"])
    steps: list[Callable[[], None]] = [
        lambda: world.org.update("Lead", lead, {"Phone": "by the seller"}),
        lambda: world.host.edit_contact(contact, {"phone": "by marketing"}),
    ]
    for step, expected in zip(steps, ("by the seller", "by marketing"), strict=True):
        step()
        world.hourly()
        assert world.org.row("Lead", lead)["Phone"] == world.host.contact(contact)["phone"] == expected
        assert "written" not in world.hourly().counts, "an echo came back"
