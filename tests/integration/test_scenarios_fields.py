"""What becomes of each field: arrows, blanks, conflicts, and values that one side cannot hold."""

import gzip

import pytest

from sidecar.lanes import open_preview
from sidecar.records import Ref, Side
from sidecar.sandbox.host.fields import NewField
from sidecar.store.overview import Overview
from tests.world import World


def set_field(name: str, **keys):
    """Return a change of a mapping document: other keys for one field pair."""
    return lambda document: document["fields"][name].update(keys)


def set_head(**keys):
    """Return a change of a mapping document: other keys for the whole mapping."""
    return lambda document: document["mapping"].update(keys)


def watch_bodies(world: World, side: Side) -> list[str]:
    """Return a list that fills with everything that is sent to one side."""
    adapter, bodies = world.adapters[side], []
    send = adapter.send

    def watched(request, *args, **kwargs):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        bodies.append((gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode())
        return send(request, *args, **kwargs)

    adapter.send = watched
    return bodies


def open_alerts(world: World) -> set[str]:
    return {alert.code for alert in world.app.alerts.list_open(world.instance.id)}


# -- arrows ----------------------------------------------------------------------------------------------------------


def test_a_new_person_brings_every_mapped_value_whatever_its_arrow(world: World) -> None:
    contact = world.host.create_contact({"email": "a@example.org", "lastname": "Lee", "city": "Lyon", "score": 5})
    values = {"LastName": "Bo", "Company": "C", "Email": "b@example.org", "City": "Nice", "Score__c": 7}
    lead = world.org.insert("Lead", values)
    world.hourly()
    assert (world.twin(contact)["City"], world.twin(contact)["Score__c"]) == ("Lyon", 5)
    twin = world.contact_of("Lead", lead)
    assert (twin["city"], float(twin["score"])) == ("Nice", 7)


def test_with_priority_in_salesforce_mautic_never_changes_the_field(world: World) -> None:
    contact, lead = world.link_person(city="Lyon")
    world.host.edit_contact(contact, {"city": "Nice", "phone": "1"})
    world.hourly()
    assert (world.twin(contact)["City"], world.twin(contact)["Phone"]) == ("Lyon", "1")
    assert world.why(contact)["city"] == "salesforce-has-priority"
    world.org.update("Lead", lead, {"City": "Brest"})
    world.hourly()
    assert world.host.contact(contact)["city"] == "Brest"


def test_with_priority_in_mautic_salesforce_never_changes_the_field(world: World) -> None:
    contact, lead = world.link_person(score=5)
    world.org.update("Lead", lead, {"Score__c": 99, "Phone": "1"})
    world.hourly()
    assert (float(world.host.contact(contact)["score"]), world.host.contact(contact)["phone"]) == (5, "1")
    assert world.why(contact)["score"] == "host-has-priority"
    world.host.edit_contact(contact, {"score": 6})
    world.hourly()
    assert world.twin(contact)["Score__c"] == 6


def test_a_two_way_field_follows_whoever_changed_it(world: World) -> None:
    contact, lead = world.link_person(phone="1")
    world.host.edit_contact(contact, {"phone": "2"})
    world.hourly()
    assert world.twin(contact)["Phone"] == "2"
    world.org.update("Lead", lead, {"Phone": "3"})
    world.hourly()
    assert world.host.contact(contact)["phone"] == "3"


def test_a_link_to_the_contact_page_that_was_edited_by_hand_is_put_right(world: World) -> None:
    contact, lead = world.link_person()
    page = f"http://127.0.0.1:8001/s/contacts/view/{contact}"
    assert (world.twin(contact)["Mautic_Url__c"], world.twin(contact)["Mautic_Id__c"]) == (page, str(contact))
    world.org.update("Lead", lead, {"Mautic_Url__c": "https://elsewhere.example"})
    world.settle(runs=2)
    assert world.twin(contact)["Mautic_Url__c"] == page


@pytest.mark.parametrize(
    ("policy", "winner"),
    [("salesforce_wins", "seller"), ("host_wins", "marketing"), ("newest_wins", "marketing"), ("hold", None)],
)
def test_a_conflict_is_settled_by_its_policy_and_both_values_are_kept(
    world: World, policy: str, winner: str | None
) -> None:
    world.change_document(set_head(conflict_policy=policy))
    contact, lead = world.link_person(phone="before")
    world.org.update("Lead", lead, {"Phone": "seller"})
    world.later(minutes=5)
    world.host.edit_contact(contact, {"phone": "marketing"})
    world.hourly()
    values = (world.twin(contact)["Phone"], world.host.contact(contact)["phone"])
    assert values == ((winner, winner) if winner else ("seller", "marketing"))
    if winner:
        assert world.why(contact)["phone"] == f"conflict-{'salesforce' if winner == 'seller' else 'host'}-wins"
        is_seller = winner == "seller"
        ref = Ref("contact", str(contact)) if is_seller else Ref("Lead", lead)
        loser = Side.HOST if is_seller else Side.SALESFORCE
        changes = world.app.ledger.history.changes(world.instance.id, loser, ref)
        change = next(each for each in changes if each.field.lower() == "phone")
        assert {change.before, change.after} == {"seller", "marketing"}
    else:
        assert world.why(contact)["phone"] == "conflict-held"


# -- directions ------------------------------------------------------------------------------------------------------


@pytest.mark.needs_mautic("the calls to Mautic's REST API are counted")
def test_a_mapping_towards_salesforce_only_leaves_mautic_alone(world: World) -> None:
    world.change_document(set_head(direction="to_salesforce", create_in_host=False, update=["salesforce"]))
    contact, lead = world.link_person()
    world.org.update("Lead", lead, {"Phone": "seller"})
    world.org.insert("Lead", {"LastName": "New", "Company": "C", "Email": "new@example.org"})
    world.host.edit_contact(contact, {"position": "Director"})
    calls = len(world.host.requests)
    world.settle(runs=2)
    assert world.host.contact(contact)["phone"] is None
    assert len(world.host.contacts()) == 1
    assert world.twin(contact)["Title"] == "Director"
    assert len(world.host.requests) == calls


def test_a_mapping_towards_mautic_only_leaves_salesforce_alone(world: World) -> None:
    contact, lead = world.link_person()
    world.change_document(set_head(direction="to_host", create_in_salesforce=False, update=["host"]))
    world.host.edit_contact(contact, {"phone": "marketing"})
    world.host.create_contact({"email": "new@example.org", "lastname": "New"})
    world.org.update("Lead", lead, {"Title": "Director"})
    before = world.twin(contact)
    world.settle(runs=2)
    assert world.twin(contact) == before
    assert len(world.people_in_org()) == 1
    assert world.host.contact(contact)["position"] == "Director"


# -- blanks ----------------------------------------------------------------------------------------------------------


def test_an_empty_salesforce_field_is_filled_against_its_arrow(world: World) -> None:
    contact, _ = world.link_person()
    world.host.edit_contact(contact, {"city": "Lyon"})
    world.hourly()
    assert world.twin(contact)["City"] == "Lyon"


def test_an_empty_mautic_field_is_filled_against_its_arrow(world: World) -> None:
    contact, lead = world.link_person()
    world.org.update("Lead", lead, {"Score__c": 7})
    world.hourly()
    assert float(world.host.contact(contact)["score"]) == 7


def test_fill_if_empty_switched_off_fills_nothing_against_an_arrow(world: World) -> None:
    world.change_document(set_head(fill_if_empty=False))
    contact, lead = world.link_person()
    world.host.edit_contact(contact, {"city": "Lyon"})
    world.org.update("Lead", lead, {"Score__c": 7})
    world.hourly()
    assert world.twin(contact)["City"] is None
    assert not world.host.contact(contact)["score"]


@pytest.mark.parametrize(
    ("side", "field"),
    [(Side.HOST, "phone"), (Side.HOST, "city"), (Side.SALESFORCE, "Phone"), (Side.SALESFORCE, "Score__c")],
)
def test_an_emptied_field_never_empties_the_other_side_unless_its_blanks_travel(
    world: World, side: Side, field: str
) -> None:
    contact, lead = world.link_person(phone="1", city="Lyon", score=5)
    before_host, before_lead = world.host.contact(contact), world.twin(contact)
    if side is Side.HOST:
        world.host.edit_contact(contact, {field: None})
    else:
        world.org.update("Lead", lead, {field: None})
    world.settle(runs=3)
    if side is Side.HOST:
        assert world.twin(contact)[field.title()] == before_lead[field.title()]
    else:
        name = {"Phone": "phone", "Score__c": "score"}[field]
        assert world.host.contact(contact)[name] == before_host[name]


@pytest.mark.parametrize("side", list(Side))
def test_blanks_of_a_field_that_says_so_travel(world: World, side: Side) -> None:
    contact, lead = world.link_person(interests=["Music", "Art"])
    assert world.twin(contact)["Interests__c"] == "Music;Art"
    if side is Side.HOST:
        world.host.edit_contact(contact, {"interests": None})
    else:
        world.org.update("Lead", lead, {"Interests__c": None})
    world.hourly()
    assert world.twin(contact)["Interests__c"] is None
    assert not world.host.contact(contact)["interests"]


def test_a_blank_never_empties_what_salesforce_requires(world: World) -> None:
    world.change_document(set_field("last_name", propagate_blanks=True))
    contact, lead = world.link_person(lastname="Lee")
    world.host.edit_contact(contact, {"lastname": None, "phone": "1"})
    report = world.hourly()
    assert (world.org.row("Lead", lead)["LastName"], world.org.row("Lead", lead)["Phone"]) == ("Lee", "1")
    assert world.why(contact)["last_name"] == "required-in-target"
    assert "rejected" not in report.counts


@pytest.mark.parametrize("side", list(Side))
def test_an_address_may_be_removed_and_the_person_goes_on_being_synced(world: World, side: Side) -> None:
    contact, lead = world.link_person()
    if side is Side.HOST:
        world.host.edit_contact(contact, {"email": None})
    else:
        world.org.update("Lead", lead, {"Email": None})
    world.hourly()
    world.host.edit_contact(contact, {"phone": "1"})
    world.org.update("Lead", lead, {"Title": "Director"})
    world.settle(runs=2)
    assert world.twin(contact)["Phone"] == "1"
    assert world.host.contact(contact)["position"] == "Director"
    assert world.link_of(contact).salesforce == Ref("Lead", lead)
    assert (len(world.people_in_org()), len(world.host.contacts())) == (1, 1)


def test_a_word_that_stands_for_nothing_is_used_once_and_never_comes_back(world: World) -> None:
    contact = world.host.create_contact({"email": "a@example.org"})
    world.settle(runs=3)
    lead = world.twin(contact)
    assert (lead["LastName"], lead["Company"]) == ("Unknown", "Unknown")
    world.org.update("Lead", lead["Id"], {"Phone": "1"})
    world.hourly()
    assert world.host.contact(contact)["phone"] == "1"
    assert (world.host.contact(contact)["lastname"], world.host.contact(contact)["company"]) == (None, None)
    world.org.update("Lead", lead["Id"], {"LastName": "Lee", "Company": "Real Ltd"})
    world.hourly()
    assert world.host.contact(contact)["lastname"] == "Lee"
    world.host.edit_contact(contact, {"phone": "2"})
    world.settle(runs=2)
    assert world.twin(contact)["Company"] == "Real Ltd"


def test_zero_is_a_value_and_no_blank(world: World) -> None:
    contact, _ = world.link_person(score=5, phone="1")
    world.host.edit_contact(contact, {"score": 0, "phone": "0"})
    world.hourly()
    assert (world.twin(contact)["Score__c"], world.twin(contact)["Phone"]) == (0, "0")


@pytest.mark.needs_mautic("only Mautic drops a zero")
def test_a_zero_that_mautic_would_drop_without_a_word_is_told(world: World) -> None:
    contact, lead = world.link_person(phone="1")
    world.org.update("Lead", lead, {"Phone": "0", "Title": "Director"})
    report = world.hourly()
    assert report.counts["written"]["mautic-drops-zero"] == 1
    assert (world.host.contact(contact)["phone"], world.host.contact(contact)["position"]) == ("1", "Director")


# -- only what is mapped, only what changed --------------------------------------------------------------------------


@pytest.mark.needs_mautic("what is sent to Mautic's REST API is read")
def test_what_is_not_mapped_never_travels(world: World) -> None:
    contact, lead = world.link_person()
    sent = [watch_bodies(world, side) for side in Side]
    world.host.edit_contact(contact, {"segment_note": "a private note", "twitter": "@ana", "phone": "1"})
    world.org.update("Lead", lead, {"Description": "a seller's note", "Title": "Director"})
    world.hourly()
    assert world.host.contact(contact)["position"] == "Director"
    assert world.twin(contact)["Phone"] == "1"
    everything = "".join(body for bodies in sent for body in bodies)
    assert "note" not in everything
    assert "@ana" not in everything
    assert world.org.row("Lead", lead)["Description"] == "a seller's note"


def test_a_change_of_something_unmapped_writes_nothing(world: World) -> None:
    contact, lead = world.link_person()
    world.host.edit_contact(contact, {"twitter": "@ana"})
    world.org.update("Lead", lead, {"Description": "a seller's note"})
    assert world.hourly().counts == {"skipped": {"unchanged": 2}}


def test_only_the_changed_fields_are_sent(world: World) -> None:
    contact, _ = world.link_person(firstname="Ana", phone="1", city="Lyon")
    sent = watch_bodies(world, Side.SALESFORCE)
    world.host.edit_contact(contact, {"phone": "2"})
    world.hourly()
    rows = [body for body in sent if '"2"' in body]
    assert len(rows) == 1
    for other in ("FirstName", "LastName", "City", "Email"):
        assert other not in rows[0]


# -- values ----------------------------------------------------------------------------------------------------------

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
