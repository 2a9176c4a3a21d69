"""People whom Mautic wants in Salesforce: made as what was wanted, into their campaign, each wish with its end."""

import json

import pytest
from typer.testing import CliRunner

from sidecar.cli import app as cli
from sidecar.cli.pushes import take_in
from sidecar.records import Ref, Side
from sidecar.sandbox.org.faults import Fault
from sidecar.store.pushes import Push, PushWish
from tests.world import World


def rules(world: World, **tables: dict) -> None:
    """Have the instance's mapping hold these tables besides its own; those of `mapping` change single keys."""
    head = tables.pop("mapping", {})
    world.change_document(lambda document: (document.update(tables), document["mapping"].update(head)))


def person(world: World, name: str = "ana", **values) -> int:
    return world.host.create_contact({"email": f"{name}@example.org", "lastname": name.title()} | values)


def push(world: World, *contacts: int, **wish) -> None:
    wishes = [PushWish(Ref("contact", str(each)), **wish) for each in contacts]
    world.app.pushes.request(world.instance.id, wishes, world.now)


def last(world: World, contact: int) -> Push:
    found = world.app.pushes.last(world.instance.id, Ref("contact", str(contact)))
    assert found is not None
    return found


def end(world: World, contact: int) -> tuple[str, str | None]:
    return last(world, contact).state, last(world, contact).reason


def members(world: World) -> dict[str, str]:
    return {row["LeadId"] or row["ContactId"]: row["Status"] for row in world.org.rows("CampaignMember")}


def test_only_who_is_pushed_is_created_where_a_push_is_required(world: World) -> None:
    rules(world, push={"required": True, "refused_tag": "not-in-crm"})
    ana, bo, known = person(world), person(world, "bo"), person(world, "cy")
    nameless = world.host.create_contact({"lastname": "Nobody"})
    world.org.insert("Contact", {"LastName": "Cy", "Email": "cy@example.org"})
    report = world.hourly()
    assert [row["Email"] for row in world.people_in_org()] == ["cy@example.org"]
    assert world.link_of(known), "who is there already is linked without a push"
    assert report.counts["skipped"]["not-pushed"] == 3
    assert "not-pushed" not in world.hourly().counts.get("skipped", {}), "who waits unchanged is not decided again"
    push(world, ana, nameless)
    push(world, known, wanted_object="Lead")
    world.hourly()
    assert world.twin(ana)["Email"] == "ana@example.org"
    assert world.link_of(bo) is None
    assert end(world, ana) == ("done", None)
    assert end(world, known) == ("done", "linked-as-another-object"), "a Contact does as well as a Lead"
    assert end(world, nameless) == ("refused", "no-identity")
    assert (world.tags_of(nameless), world.tags_of(ana)) == ({"not-in-crm"}, set())
    world.host.edit_contact(ana, {"phone": "1"})
    world.hourly()
    assert world.twin(ana)["Phone"] == "1", "who is linked goes on without another push"


def test_a_push_says_what_somebody_becomes_even_where_nobody_is_created(world: World) -> None:
    rules(world, mapping={"create_in_salesforce": False})
    ana, bo, cy = person(world), person(world, "bo"), person(world, "cy")
    world.hourly()
    assert world.people_in_org() == []
    push(world, ana, wanted_object="Contact")
    push(world, bo)
    push(world, cy, wanted_object="Account")
    world.hourly()
    assert [world.link_of(each).salesforce.object for each in (ana, bo)] == ["Contact", "Lead"]
    assert end(world, cy) == ("refused", "object-not-available")
    push(world, bo, wanted_object="Contact")
    world.hourly()
    assert world.link_of(bo).salesforce.object == "Lead"
    assert end(world, bo) == ("refused", "linked-as-another-object")


def test_pushed_people_join_their_campaign_once(world: World) -> None:
    campaign = world.org.insert("Campaign", {"Name": "Spring"})
    lead, contact = person(world), person(world, "bo")
    push(world, lead, campaign_id=campaign[:15])
    push(world, contact, wanted_object="Contact", campaign_id=campaign, member_status="Responded")
    world.hourly()
    ids = [world.twin(each)["Id"] for each in (lead, contact)]
    assert members(world) == {ids[0]: "Sent", ids[1]: "Responded"}
    push(world, lead, campaign_id=campaign, member_status="Responded")
    push(world, contact, campaign_id=campaign)
    world.org.reset_calls()
    world.hourly()
    assert members(world) == {ids[0]: "Responded", ids[1]: "Responded"}
    assert [end(world, each) for each in (lead, contact)] == [("done", None)] * 2
    push(world, lead, campaign_id="7010000000009zzAAA")
    push(world, contact, campaign_id="Spring")
    world.hourly()
    assert {end(world, each) for each in (lead, contact)} == {("refused", "campaign-unknown")}


def test_a_push_of_who_is_tried_again_waits_with_them(world: World) -> None:
    ana = person(world)
    world.org.faults.add(Fault("/composite/sobjects/Lead", "row_error", times=4, row=0))
    push(world, ana)
    world.hourly()
    assert end(world, ana) == ("waiting", "salesforce-unable-to-lock-row")
    world.settle(runs=2)
    assert end(world, ana) == ("done", None)


def test_a_wish_follows_a_merge_and_ends_where_somebody_was_deleted(world: World) -> None:
    rules(world, push={"required": True})
    old, survivor, gone = person(world), person(world, "bo"), person(world, "cy")
    world.hourly()
    push(world, old, gone, wanted_object="Contact")
    world.host.merge_contacts(survivor, old)
    world.host.delete_contact(gone)
    world.hourly()
    assert world.link_of(survivor).salesforce.object == "Contact"
    assert end(world, old) == ("done", None)
    assert end(world, gone) == ("refused", "deleted-never-linked")


@pytest.mark.needs_mautic("a plain table has no segments")
def test_a_push_stands_in_for_the_lists_of_the_scope_but_not_for_who_is_left_out(world: World) -> None:
    world.host.join_segment(person(world, "member"), "Customers")
    scope = {"host": {"only_in_segment": "customers", "not_email_domains": ["rival.example"]}}
    rules(world, push={"required": True}, scope=scope)
    ana, rival = person(world), person(world, "rival", email="max@rival.example")
    push(world, ana, rival)
    world.hourly()
    assert {row["Email"] for row in world.people_in_org()} == {"member@example.org", "ana@example.org"}
    assert end(world, rival) == ("refused", "out-of-scope")
    world.host.edit_contact(ana, {"phone": "1"})
    world.hourly()
    assert world.twin(ana)["Phone"] is None, "who is on no list goes on with the next push"
    push(world, ana)
    world.hourly()
    assert world.twin(ana)["Phone"] == "1"


def test_who_was_taken_out_by_hand_is_left_alone_until_taken_in_again(world: World) -> None:
    linked, lead = world.link_person("linked@example.org")
    new, matching = person(world, "new"), person(world, "bo")
    theirs = world.org.insert("Lead", {"LastName": "Bo", "Company": "C", "Email": "bo@example.org"})
    alone = world.org.insert("Lead", {"LastName": "Alone", "Company": "C", "Email": "alone@example.org"})
    out = world.app.exclusions
    out.add(world.instance.id, Side.HOST, [Ref("contact", str(each)) for each in (linked, new)], "ana", world.now)
    out.add(world.instance.id, Side.SALESFORCE, [Ref("Lead", each) for each in (theirs, alone)], "ana", world.now)
    world.host.edit_contact(linked, {"phone": "1"})
    world.org.update("Lead", lead, {"MobilePhone": "2"})
    push(world, new)
    report = world.hourly()
    assert report.counts["skipped"]["excluded-by-hand"] >= 3
    assert (world.twin(linked)["Phone"], world.host.contact(linked)["mobile"]) == (None, None)
    assert (world.link_of(new), world.link_of(matching), len(world.people_in_org())) == (None, None, 3)
    assert end(world, new) == ("refused", "excluded-by-hand")
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": True})
    survivor = person(world, "survivor")
    world.host.merge_contacts(survivor, new)
    world.hourly()
    assert world.is_opted_out(linked), "an opt-out is a person's right, whoever was taken out"
    converted = [world.org.convert_lead(each) for each in (lead, alone, theirs)]
    world.host.edit_contact(linked, {"phone": "3"})
    world.host.edit_contact(survivor, {"city": "Rome"})
    world.hourly()
    assert world.link_of(survivor) is None, "the exclusion follows the person"
    assert (world.twin(linked)["Id"], world.twin(linked)["Phone"]) == (converted[0], None), (
        "and the conversion of a Lead"
    )
    assert [world.link_of_salesforce("Contact", each) for each in converted[1:]] == [None, None]
    assert out.get(world.instance.id, Side.SALESFORCE, Ref("Contact", converted[1]))


def test_who_is_taken_in_again_catches_up(world: World) -> None:
    contact, lead = world.link_person()
    world.app.exclusions.add(world.instance.id, Side.HOST, [Ref("contact", str(contact))], "ana", world.now)
    world.host.edit_contact(contact, {"phone": "1"})
    world.hourly()
    world.settle(runs=2)
    assert world.twin(contact)["Phone"] is None
    assert take_in(world.app, world.instance, Side.SALESFORCE, Ref("Lead", lead))
    assert not take_in(world.app, world.instance, Side.SALESFORCE, Ref("Lead", lead))
    world.hourly()
    assert world.twin(contact)["Phone"] == "1"


def test_the_commands_push_and_take_out_and_explain_tells_of_both(world: World, monkeypatch) -> None:
    for module in ("pushes", "people"):
        monkeypatch.setattr(f"sidecar.cli.{module}.bootstrap", lambda: world.app)

    def run(*words: str) -> tuple[int, object]:
        answer = CliRunner().invoke(cli, [*words, "--json"])
        return answer.exit_code, json.loads(answer.stdout) if answer.stdout else answer.stderr

    ana, lead = world.link_person()
    assert run("push", "acme", str(ana), str(ana), "--as", "Lead") == (0, {"slug": "acme", "pushed": 1, "waiting": 1})
    assert run("push", "acme", str(ana), "--as", "Account")[0] == 2
    assert run("push", "acme", lead)[0] == 2
    assert run("exclude", "acme", lead[:15], "--side", "salesforce", "--who", "ana")[0] == 0
    world.hourly()
    _, (story,) = run("explain", "acme", str(ana))
    assert (story["push"]["state"], story["push"]["source"]) == ("done", "command")
    assert story["excluded"]["salesforce"].startswith("by ana, 2026-")
    assert run("include", "acme", str(ana))[0] == 0
    assert "not-excluded" in str(run("include", "acme", str(ana))[1])
