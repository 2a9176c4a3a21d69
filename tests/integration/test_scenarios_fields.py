"""What becomes of each field: arrows, blanks, conflicts, directions."""

import gzip

import pytest

from sidecar.records import Ref, Side
from tests.mapping_changes import set_field, set_head
from tests.world import World


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
