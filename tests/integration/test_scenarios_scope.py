"""Scopes: which people take part, by object and by tag, and the clause that kept somebody out."""

import pytest

from sidecar.lanes import open_preview
from sidecar.records import Ref, Side
from sidecar.store.overview import Overview
from sidecar.sync.explain import explain
from tests.world import World


def scope(world: World, **scopes: dict) -> None:
    """Have the instance's mapping follow these scopes: by object, or `host`."""
    world.change_document(lambda document: document.update(scope=scopes))


def a_lead(world: World, name: str = "bo", **values) -> str:
    return world.org.insert("Lead", {"LastName": name, "Company": "C", "Email": f"{name}@example.org"} | values)


def an_sf_contact(world: World, name: str = "cy", **values) -> str:
    return world.org.insert("Contact", {"LastName": name, "Email": f"{name}@example.org"} | values)


def addresses(world: World) -> set[str]:
    return {row["email"] for row in world.host.contacts()}


def clause(world: World, side: Side, ref: Ref) -> tuple[str, str]:
    """Return what a run would do about a record, and what explain says of its scope."""
    with open_preview(world.app, world.instance, "people") as lane:
        story = explain(lane, side, lane.sides[side].read(lane.rules, [ref])[ref])
    verdict = story.scope[side]
    return story.decision.reason, f"{'in' if verdict.is_in else 'out'}: {verdict.clause}"


def skipped(report) -> int:
    return report.counts.get("skipped", {}).get("out-of-scope", 0)


def test_leads_and_contacts_are_chosen_apart(world: World) -> None:
    scope(world, Lead={"records": "none"})
    lead = a_lead(world)
    an_sf_contact(world)
    report = world.hourly()
    assert addresses(world) == {"cy@example.org"}
    assert skipped(report) == 1
    assert clause(world, Side.SALESFORCE, Ref("Lead", lead)) == ("out-of-scope", 'out: records = "none"')


def test_only_who_was_made_since_then_is_new(world: World) -> None:
    old = a_lead(world, "old")
    since = world.later(minutes=5)
    a_lead(world, "new")
    scope(world, Lead={"records": "new", "since": since.isoformat()})
    world.hourly()
    world.org.update("Lead", old, {"Phone": "1"})
    world.hourly()
    assert addresses(world) == {"new@example.org"}
    told = f"CreatedDate at least {since.isoformat()}"
    assert clause(world, Side.SALESFORCE, Ref("Lead", old)) == ("out-of-scope", f"out: {told}")


def test_new_means_since_the_instance_began_where_no_date_is_named(new_world: World) -> None:
    old = a_lead(new_world, "old")
    new_world.activate()
    new_world.instance = new_world.app.instances.get("acme")
    scope(new_world, Lead={"records": "new"})
    a_lead(new_world, "new")
    new_world.org.update("Lead", old, {"Phone": "1"})
    new_world.hourly()
    assert addresses(new_world) == {"new@example.org"}


def test_a_checkbox_of_your_choice_lets_people_in_when_it_is_ticked(world: World) -> None:
    scope(world, Lead={"records": "flagged", "flag": "DoNotCall"})
    lead = a_lead(world)
    world.hourly()
    assert addresses(world) == set()
    assert skipped(world.hourly()) == 0, "who waits unchanged is not decided again"
    world.org.update("Lead", lead, {"DoNotCall": True})
    world.hourly()
    assert addresses(world) == {"bo@example.org"}
    assert clause(world, Side.SALESFORCE, Ref("Lead", lead))[1] == "in: DoNotCall is true"


@pytest.mark.parametrize(
    ("criterion", "values"),
    [
        ({"field": "Status", "is": "working - contacted"}, {"Status": "Working - Contacted"}),
        ({"field": "Rating", "in": ["Hot", "Warm"]}, {"Rating": "Warm"}),
        ({"field": "Score__c", "at_least": 10}, {"Score__c": 10}),
        ({"field": "Score__c", "at_most": 2.5}, {"Score__c": 2}),
        ({"field": "Birthday__c", "at_least": "1990-01-01"}, {"Birthday__c": "1990-01-01"}),
        ({"field": "Interests__c", "is": "Art"}, {"Interests__c": "Music;Art"}),
        ({"field": "Website", "is_blank": False}, {"Website": "https://example.org"}),
        ({"field": "MobilePhone", "is_not": "0"}, {"MobilePhone": "1", "Rating": "Cold"}),
    ],
)
def test_criteria_let_in_who_meets_them_and_nobody_else(world: World, criterion: dict, values: dict) -> None:
    scope(world, Lead={"records": "matching", "criteria": [criterion]})
    other = {"MobilePhone": "0"} if "is_not" in criterion else {}
    a_lead(world, "other", **other, **({"Score__c": 5} if "at_most" in criterion else {}))
    a_lead(world, "meant", **values)
    world.hourly()
    assert addresses(world) == {"meant@example.org"}


def test_all_criteria_must_hold_and_the_first_that_does_not_is_named(world: World) -> None:
    criteria = [{"field": "Rating", "in": ["Hot", "Warm"]}, {"field": "Website", "is_blank": True}]
    scope(world, Lead={"records": "matching", "criteria": criteria})
    cold, known, meant = (
        a_lead(world, "cold", Rating="Cold"),
        a_lead(world, "known", Rating="Hot", Website="https://x.example"),
        a_lead(world, "meant", Rating="Hot"),
    )
    world.hourly()
    assert addresses(world) == {"meant@example.org"}
    assert [clause(world, Side.SALESFORCE, Ref("Lead", each))[1] for each in (cold, known, meant)] == [
        "out: Rating in Hot, Warm",
        "out: Website is blank",
        "in: Rating in Hot, Warm and Website is blank",
    ]


def test_who_is_linked_goes_on_when_the_scope_leaves_them_out(world: World) -> None:
    contact, lead = world.link_person()
    scope(world, Lead={"records": "none"})
    world.org.update("Lead", lead, {"Phone": "1"})
    world.hourly()
    world.host.edit_contact(contact, {"mobile": "2"})
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": True})
    world.hourly()
    assert world.host.contact(contact)["phone"] == "1"
    assert world.twin(contact)["MobilePhone"] == "2"
    assert world.is_opted_out(contact)
    world.org.delete("Lead", lead)
    world.hourly()
    assert world.host.contact(contact)["deleted_in_salesforce"] == 1


def test_who_is_left_out_is_neither_matched_nor_made_a_second_time(world: World) -> None:
    scope(world, Lead={"records": "flagged", "flag": "DoNotCall"})
    lead = a_lead(world)
    contact = world.host.create_contact({"email": "bo@example.org", "lastname": "Bo"})
    world.settle(runs=2)
    assert (world.link_of(contact), len(world.people_in_org())) == (None, 1)
    world.org.update("Lead", lead, {"DoNotCall": True})
    world.hourly()
    assert world.link_of(contact).salesforce == Ref("Lead", lead)


def test_a_wider_scope_looks_again_at_who_was_left_out(world: World) -> None:
    scope(world, Lead={"records": "none"})
    a_lead(world, "hot", Rating="Hot")
    a_lead(world, "cold", Rating="Cold")
    world.hourly()
    world.later(days=1)
    world.sync()
    scope(world, Lead={"records": "matching", "criteria": [{"field": "Rating", "is": "Hot"}]})
    world.hourly()
    assert addresses(world) == {"hot@example.org"}
    scope(world)
    world.hourly()
    assert addresses(world) == {"hot@example.org", "cold@example.org"}


def test_who_is_left_out_costs_no_call_and_is_no_card_of_the_health_page(world: World) -> None:
    scope(world, host={"only_with_tag": "crm"})
    world.hourly()
    world.host.create_many([{"email": f"c{number}@example.org", "lastname": "Lab"} for number in range(20)])
    report = world.hourly()
    assert (skipped(report), report.calls[Side.SALESFORCE]) == (20, 2)
    (view,) = Overview(world.app.database).instances(world.now)
    assert view.count_waiting() == 0


@pytest.mark.parametrize("field", ["No_Such__c", "LastName"])
def test_a_scope_that_cannot_be_asked_lets_nobody_new_in_and_says_so_loudly(world: World, field: str) -> None:
    known, lead = world.link_person()
    scope(world, Lead={"records": "flagged", "flag": field})
    a_lead(world, "new")
    world.org.update("Lead", lead, {"Phone": "1"})
    assert world.hourly().state == "done"
    assert addresses(world) == {"ana@example.org"}
    assert world.host.contact(known)["phone"] == "1"
    alerts = {alert.code: alert.fixed_by for alert in world.app.alerts.list_open(world.instance.id)}
    told = {"No_Such__c": ("scope-field-missing", "salesforce_admin"), "LastName": ("scope-field-unusable", "operator")}
    assert alerts == dict([told[field]])


def test_a_scopes_field_that_was_hidden_lets_people_in_again_by_itself(world: World) -> None:
    scope(world, Lead={"records": "flagged", "flag": "DoNotCall"})
    world.org.hide_field("Lead", "DoNotCall")
    world.later(days=2)
    a_lead(world, "new", DoNotCall=True)
    world.hourly()
    assert addresses(world) == set()
    world.org.hide_field("Lead", "DoNotCall", hidden=False)
    world.later(days=2)
    world.hourly()
    assert addresses(world) == {"new@example.org"}
    assert world.app.alerts.list_open(world.instance.id) == []


def test_only_contacts_with_the_tag_become_people_in_salesforce(world: World) -> None:
    scope(world, host={"only_with_tag": "crm"})
    tagged = world.host.create_contact({"email": "a@example.org", "lastname": "A", "tags": ["crm"]})
    other = world.host.create_contact({"email": "b@example.org", "lastname": "B", "tags": ["news"]})
    world.hourly()
    assert [row["Email"] for row in world.people_in_org()] == ["a@example.org"]
    assert world.link_of(tagged)
    assert clause(world, Side.HOST, Ref("contact", str(other))) == ("out-of-scope", "out: has the tag crm")
    world.host.edit_contact(other, {"tags": ["crm"]})
    world.hourly()
    assert world.twin(other)["LastName"] == "B"


def test_without_the_tag_no_value_travels_from_mautic_but_opt_outs_and_deletions_do(world: World) -> None:
    scope(world, host={"only_with_tag": "crm"})
    contact = world.host.create_contact({"email": "a@example.org", "lastname": "A", "tags": ["crm"]})
    world.hourly()
    lead = world.twin(contact)["Id"]
    world.host.edit_contact(contact, {"tags": ["-crm"], "phone": "1"})
    world.org.update("Lead", lead, {"MobilePhone": "2"})
    world.hourly()
    assert world.twin(contact)["Phone"] is None
    assert world.host.contact(contact)["mobile"] == "2", "what Salesforce knows still reaches Mautic"
    assert world.why(contact)["phone"] == "out-of-scope"
    world.host.opt_out(contact)
    world.hourly()
    assert (world.twin(contact)["HasOptedOutOfEmail"], world.twin(contact)["Phone"]) == (True, None)
    world.host.edit_contact(contact, {"tags": ["crm"]})
    world.hourly()
    assert world.twin(contact)["Phone"] == "1", "with the tag what was kept back travels"
    world.host.edit_contact(contact, {"tags": ["-crm"]})
    world.host.delete_contact(contact)
    world.hourly()
    assert world.org.row("Lead", lead)["Deleted_in_Mautic__c"] is True


def test_values_kept_back_for_want_of_a_tag_travel_once_the_tag_is_not_asked_for_any_more(world: World) -> None:
    contact, _ = world.link_person()
    scope(world, host={"only_with_tag": "crm"})
    world.host.edit_contact(contact, {"phone": "1"})
    world.hourly()
    world.later(days=1)
    world.sync()
    assert world.twin(contact)["Phone"] is None
    scope(world)
    world.hourly()
    assert world.twin(contact)["Phone"] == "1"


def test_a_person_made_from_salesforce_is_followed_though_nobody_tagged_them(world: World) -> None:
    scope(world, host={"only_with_tag": "crm"})
    lead = a_lead(world)
    world.hourly()
    world.org.update("Lead", lead, {"Phone": "1"})
    world.hourly()
    assert world.contact_of("Lead", lead)["phone"] == "1"


def test_an_idle_hour_costs_the_same_with_a_scope(world: World) -> None:
    scope(world, Lead={"records": "flagged", "flag": "DoNotCall"}, host={"only_with_tag": "crm"})
    a_lead(world)
    world.settle(runs=2)
    assert world.hourly().calls[Side.SALESFORCE] == 2
