"""Who takes part on Mautic's side: segments, tags, domains, owners, criteria; and the tags that tell where people came from."""

import json

import pytest
from typer.testing import CliRunner

from sidecar.cli import app as cli
from sidecar.records import Ref, Side
from sidecar.sandbox.host.faults import Fault
from tests.integration.test_scenarios_pushes import person, rules
from tests.integration.test_scenarios_scope import clause
from tests.world import World


def in_org(world: World) -> set[str]:
    return {row["Email"].split("@")[0] for row in world.people_in_org() if row["Email"]}


def counted(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    monkeypatch.setattr("sidecar.cli.scope.bootstrap", lambda: world.app)
    answer = CliRunner().invoke(cli, ["mapping", "scope", "acme", "--json"])
    (row,) = (row for row in json.loads(answer.stdout) if row["object"] == "contact")
    return row["records"], row["in_scope"]


@pytest.mark.needs_mautic("a plain table has no segments")
def test_only_who_is_in_the_segment_goes_to_salesforce_and_leaving_it_stops_that(world: World) -> None:
    world.host.join_segment(person(world, "seed"), "Customers")
    rules(world, scope={"host": {"only_in_segment": "customers"}})
    ana, bo = person(world), person(world, "bo")
    world.host.join_segment(ana, "Customers")
    world.hourly()
    assert in_org(world) == {"seed", "ana"}
    assert clause(world, Side.HOST, Ref("contact", str(bo))) == ("out-of-scope", "out: is in the segment customers")
    world.later(days=1)
    world.sync()
    world.host.join_segment(bo, "Customers")
    world.hourly()
    assert in_org(world) == {"seed", "ana", "bo"}, "joining is news, though Mautic saves no contact for it"
    world.host.leave_segment(ana, "Customers")
    world.host.edit_contact(ana, {"phone": "1"})
    world.org.update("Lead", world.twin(ana)["Id"], {"MobilePhone": "2"})
    world.hourly()
    assert (world.twin(ana)["Phone"], world.host.contact(ana)["mobile"]) == (None, "2")
    assert world.link_of(ana).state == "active"
    world.host.opt_out(ana)
    world.hourly()
    assert (world.twin(ana)["HasOptedOutOfEmail"], world.twin(ana)["Phone"]) == (True, None)
    world.later(days=1)
    world.sync()
    world.host.join_segment(ana, "Customers")
    world.hourly()
    assert world.twin(ana)["Phone"] == "1", "what was kept back travels once they are in again"


@pytest.mark.needs_mautic("a plain table has no segments")
def test_everything_that_leaves_people_out_is_asked_and_counted(world: World, monkeypatch) -> None:
    boss = world.host.add_user("boss")
    asked = {
        "not_in_segment": "staff",
        "not_with_tag": "test",
        "not_email_domains": ["Rival.example"],
        "not_owners": ["boss@example.com"],
        "criteria": [{"field": "city", "is_not": "Nowhere"}],
    }
    staff = person(world, "staff")
    world.host.join_segment(staff, "Staff")
    rules(world, scope={"host": asked})
    person(world, "test", tags=["test"])
    person(world, "rival", email="max@RIVAL.example")
    person(world, "owned", owner=boss)
    person(world, "nowhere", city="nowhere")
    ana = person(world, tags=["other"], city="Rome")
    assert counted(world, monkeypatch) == (6, 1)
    world.hourly()
    assert in_org(world) == {"ana"}
    world.host.edit_contact(ana, {"owner": boss, "phone": "1"})
    world.host.leave_segment(staff, "Staff")
    world.hourly()
    assert in_org(world) == {"ana", "staff"}
    assert world.twin(ana)["Phone"] is None


@pytest.mark.needs_mautic("a plain table has no segments")
def test_a_segment_that_is_not_there_lets_nobody_in_and_says_so(world: World) -> None:
    rules(world, scope={"host": {"not_in_segment": "staff"}})
    person(world)
    world.hourly()
    assert in_org(world) == set()
    assert [alert.code for alert in world.app.alerts.list_open(world.instance.id)] == ["scope-segment-missing"]
    world.host.join_segment(person(world, "staff"), "Staff")
    world.later(days=1)
    world.sync()
    assert in_org(world) == {"ana"}


def test_people_without_an_address_are_sent_only_by_explicit_choice_and_once(world: World, monkeypatch) -> None:
    nameless = world.host.create_contact({"lastname": "Nobody"})
    person(world)
    world.hourly()
    assert (counted(world, monkeypatch), in_org(world)) == ((1, 1), {"ana"})
    rules(world, scope={"host": {"who": "everyone"}})
    assert counted(world, monkeypatch) == (2, 2)
    world.host.edit_contact(nameless, {"city": "Rome"})
    world.settle(runs=2)
    assert world.twin(nameless)["LastName"] == "Nobody"
    assert len(world.people_in_org()) == 2


@pytest.mark.needs_mautic("a plain table has no segments")
def test_tags_tell_where_people_came_from_once_that_is_true(world: World) -> None:
    untagged, _ = world.link_person("before@example.org")
    rules(world, tags={"write": True, "added_to_contact": "crm"}, host={"add_to_segment": "from-crm"})
    ana = person(world)
    refused = person(world, "no", lastname="x" * 81)
    lead = world.org.insert("Lead", {"LastName": "Bo", "Company": "C", "Email": "bo@example.org"})
    contact = world.org.insert("Contact", {"LastName": "Cy", "Email": "cy@example.org"})
    world.hourly()
    bo, cy = (int(world.link_of_salesforce(*each).host.id) for each in (("Lead", lead), ("Contact", contact)))
    assert world.link_of(refused) is None
    assert [world.tags_of(each) for each in (untagged, refused)] == [set(), set()]
    assert world.tags_of(ana) == {"added-to-salesforce-lead"}
    assert world.tags_of(bo) == {"created-from-salesforce-lead"}
    assert world.tags_of(cy) == {"created-from-salesforce-contact"}
    assert segment_of(world, "from-crm") == {bo, cy}
    world.org.convert_lead(world.twin(ana)["Id"])
    world.hourly()
    assert world.tags_of(ana) == {"added-to-salesforce-lead", "salesforce-lead-converted-to-contact"}
    assert world.written(world.hourly()) == 0, "our own tags are no news"


@pytest.mark.needs_mautic("a plain table has no segments")
def test_a_tag_or_segment_that_cannot_be_written_fails_nobody_and_comes_by_itself(world: World) -> None:
    rules(world, tags={"write": True}, host={"add_to_segment": "from-crm"})
    ana = person(world)
    lead = world.org.insert("Lead", {"LastName": "Bo", "Company": "C", "Email": "bo@example.org"})
    world.host.faults.add(Fault("/segments/", times=9, status=500))
    world.host.faults.add(Fault("/batch/edit", times=9, status=500))
    report = world.hourly()
    bo = int(world.link_of_salesforce("Lead", lead).host.id)
    assert world.twin(ana)["Email"] == "ana@example.org"
    assert report.counts["deferred"]["origin-not-marked"] == 2
    assert (world.tags_of(ana), segment_of(world, "from-crm")) == (set(), set())
    world.host.faults.clear()
    world.settle(runs=2)
    assert (world.tags_of(ana), segment_of(world, "from-crm")) == ({"added-to-salesforce-lead"}, {bo})


def segment_of(world: World, alias: str) -> set[int]:
    def read(work) -> set[int]:
        found = [row["id"] for row in work.rows("lead_lists") if row["alias"] == alias]
        return {row["lead_id"] for row in work.rows("lead_lists_leads") if row["leadlist_id"] in found}

    return world.host.act(read)
