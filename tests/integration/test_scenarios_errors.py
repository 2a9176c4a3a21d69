"""What goes wrong on the way: nothing is lost, nothing is doubled, a record fails only itself, and the run says so."""

from datetime import timedelta

import pytest

from sidecar.lanes import run_lane
from sidecar.records import Ref, Side
from sidecar.sandbox.host.faults import Fault as HostFault
from sidecar.sandbox.org.faults import Fault
from sidecar.store.outbox import Outbox
from sidecar.sync.model import Reaction
from tests.world import World

UPSERT = "/composite/sobjects/Lead"


def make_leads(world: World, *phones: str) -> list[tuple[int, str]]:
    """Return as many linked people as there are phones, and give them these phones in Mautic afterwards."""
    made = world.host.create_many([{"email": f"p{i}@example.org", "lastname": f"N{i}"} for i in range(len(phones))])
    world.hourly()
    for contact, phone in zip(made, phones, strict=True):
        world.host.edit_contact(contact, {"phone": phone})
    return [(contact, world.twin(contact)["Id"]) for contact in made]


# -- sign-in and limits ----------------------------------------------------------------------------------------------


def test_a_session_that_ends_in_the_middle_of_a_run_is_renewed_and_nothing_is_lost(world: World) -> None:
    people = make_leads(world, "1", "2", "3")
    world.org.faults.add(Fault("/composite", "status", status=401))
    assert world.hourly().state == "done"
    assert [world.twin(contact)["Phone"] for contact, _ in people] == ["1", "2", "3"]


def test_a_token_that_expired_between_two_runs_is_renewed(world: World) -> None:
    people = make_leads(world, "1")
    world.org.expire_tokens()
    assert world.hourly().state == "done"
    assert world.twin(people[0][0])["Phone"] == "1"


def test_an_app_that_was_withdrawn_blocks_the_lane_until_it_is_back(world: World) -> None:
    people = make_leads(world, "1")
    client = world.org.sign_in.clients.pop("sidecar")
    world.org.expire_tokens()
    report = world.hourly()
    assert report.state == "blocked"
    assert [alert.fixed_by for alert in world.app.alerts.list_open(world.instance.id)]
    world.org.sign_in.clients["sidecar"] = client
    assert world.hourly().state == "done"
    assert world.twin(people[0][0])["Phone"] == "1"
    assert world.app.alerts.list_open(world.instance.id) == []


def test_a_used_up_limit_postpones_the_lane_and_it_resumes_by_itself(world: World) -> None:
    people = make_leads(world, "1", "2")
    world.org.set_api_limit(world.org.limits.used())
    report = world.hourly()
    assert report.state == "postponed"
    schedule = world.app.schedules.get(world.instance.id, "people")
    assert schedule.next_run_at > world.now + timedelta(minutes=30), "an hour, as nothing passes before"
    world.org.set_api_limit(15000)
    world.later(hours=3)
    assert world.sync().state == "done"
    assert [world.twin(contact)["Phone"] for contact, _ in people] == ["1", "2"]


def test_a_limit_reached_in_the_middle_of_the_writing_loses_and_doubles_nobody(world: World) -> None:
    emails = [f"p{i}@example.org" for i in range(1900)]
    world.host.create_many([{"email": email, "lastname": "L"} for email in emails])
    world.org.set_api_limit(
        world.org.limits.used() + 4
    )  # one call for each object, one to find, the first of two to write
    world.hourly()
    assert len(world.org.rows("Lead")) == 1000
    world.org.set_api_limit(15000)
    world.settle(runs=2, hours=2)
    assert sorted(row["Email"] for row in world.org.rows("Lead")) == sorted(emails)


@pytest.mark.parametrize("kind", ["status", "limit", "reset_before", "reset_after", "timeout", "timeout_after"])
def test_a_refused_or_lost_write_is_repeated_without_a_double(world: World, kind: str) -> None:
    contacts = world.host.create_many([{"email": f"p{i}@example.org", "lastname": "L"} for i in range(30)])
    world.org.faults.add(Fault(UPSERT, kind, times=3, status=503))
    world.hourly()
    world.org.faults.clear()
    world.settle(runs=2, hours=2)
    assert len(world.org.rows("Lead")) == 30
    assert all(world.link_of(each) for each in contacts)
    assert "written" not in world.hourly().counts


def test_without_an_external_id_a_lost_answer_makes_no_double_either(world: World) -> None:
    world.org.set_external_id("Lead", "Mautic_Id__c", False)
    world.later(days=2)
    contacts = world.host.create_many([{"email": f"p{i}@example.org", "lastname": "L"} for i in range(30)])
    world.org.faults.add(Fault("/composite/sobjects", "timeout_after"))
    world.hourly()
    world.settle(runs=2, hours=2)
    assert len(world.org.rows("Lead")) == 30
    assert all(world.link_of(each) for each in contacts)


# -- Mautic ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["status", "reset_before", "reset_after", "timeout", "timeout_after"])
@pytest.mark.needs_mautic("Mautic's REST API is made to fail")
def test_a_mautic_that_fails_while_it_is_written_to_gets_everybody_once(world: World, kind: str) -> None:
    emails = [f"p{i}@example.org" for i in range(30)]
    world.org.insert_many("Lead", [{"LastName": "L", "Company": "C", "Email": email} for email in emails])
    world.host.faults.add(HostFault("/api/contacts/batch", kind, times=3, status=503))
    world.hourly()
    world.host.faults.clear()
    world.settle(runs=2, hours=2)
    assert sorted(row["email"] for row in world.host.contacts()) == sorted(emails)
    assert "written" not in world.hourly().counts


@pytest.mark.needs_mautic("Mautic's REST API is made to fail")
def test_a_mautic_that_is_down_altogether_postpones_or_defers_and_recovers(world: World) -> None:
    _, lead = world.link_person()
    world.org.update("Lead", lead, {"Phone": "1"})
    world.host.faults.add(HostFault("", times=1000, status=503))
    report = world.hourly()
    assert report.state == "postponed" or "deferred" in report.counts
    world.host.faults.clear()
    world.settle(runs=2, hours=1)
    assert world.contact_of("Lead", lead)["phone"] == "1"


# -- a record fails only itself --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(5))
def test_a_poisonous_person_spoils_no_neighbour_wherever_they_stand(world: World, place: int) -> None:
    phones = ["fine"] * 5
    phones[place] = "poison"
    world.org.add_validation_rule("Lead", lambda row: row.get("Phone") == "poison", "Never.")
    people = make_leads(world, *phones)
    report = world.hourly()
    assert report.state == "attention"
    assert [world.twin(contact)["Phone"] for contact, _ in people] == [None if p == "poison" else p for p in phones]
    assert report.counts["written"] == {"filled-empty": 4}
    assert sum(report.counts["rejected"].values()) == 1


@pytest.mark.parametrize("place", range(5))
@pytest.mark.needs_mautic("Mautic's REST API is made to fail")
def test_a_poisonous_lead_spoils_no_neighbour_in_mautic_wherever_it_stands(world: World, place: int) -> None:
    emails = [f"p{i}@example.org" for i in range(5)]
    world.host.faults.add(HostFault("/api/contacts/batch/new", "row_error", row=place, status=400, times=2))
    world.org.insert_many("Lead", [{"LastName": "L", "Company": "C", "Email": email} for email in emails])
    world.hourly()
    assert {row["email"] for row in world.host.contacts()} >= set(emails) - {emails[place]}


def test_an_unknown_person_in_the_middle_of_known_ones_makes_nobody_twice(new_world: World) -> None:
    world = new_world
    emails = [f"p{i}@example.org" for i in range(7)]
    for email in emails[:3] + emails[4:]:
        world.org.insert("Lead", {"LastName": "L", "Company": "C", "Email": email})
    world.activate()
    contacts = [world.host.create_contact({"email": email, "lastname": "L"}) for email in emails]
    world.settle(runs=2)
    assert sorted(row["Email"] for row in world.org.rows("Lead")) == emails
    assert all(world.link_of(each) for each in contacts)


def test_a_refused_person_is_tried_again_when_their_data_change(world: World) -> None:
    world.org.add_validation_rule("Lead", lambda row: row.get("Phone") == "bad", "No.")
    [(contact, _)] = make_leads(world, "bad")
    assert world.hourly().state == "attention"
    world.host.edit_contact(contact, {"twitter": "@ana"})
    assert "rejected" not in world.sync().counts, "it is seen again, and not sent again"
    world.host.edit_contact(contact, {"phone": "good"})
    assert world.hourly().state == "done"
    assert world.twin(contact)["Phone"] == "good"


def test_a_refused_person_is_tried_again_on_request_once_the_rule_is_gone(world: World) -> None:
    world.org.add_validation_rule("Lead", lambda row: row.get("Phone") == "bad", "No.")
    [(contact, _)] = make_leads(world, "bad")
    world.hourly()
    world.org.rules.validation.clear()
    Outbox(world.app.database).wake(world.instance.id, "people", Reaction.DATA)
    world.hourly()
    assert world.twin(contact)["Phone"] == "bad"


def test_a_new_person_who_was_refused_is_created_once_their_data_change(world: World) -> None:
    world.org.add_validation_rule("Lead", lambda row: row.get("Phone") == "bad", "No.")
    contact = world.host.create_contact({"email": "a@example.org", "lastname": "L", "phone": "bad"})
    world.hourly()
    assert world.link_of(contact) is None
    world.host.edit_contact(contact, {"twitter": "@ana"})
    assert world.sync().counts == {"skipped": {"still-waiting": 1}}, "it is seen again, and not sent again"
    world.host.edit_contact(contact, {"phone": "good"})
    world.hourly()
    assert world.twin(contact)["Phone"] == "good"


def test_a_locked_row_arrives_in_the_same_or_a_later_run(world: World) -> None:
    people = make_leads(world, "1", "2")
    world.org.faults.add(Fault("/composite", "row_error", times=4, row_match={"Phone": "1"}))
    world.hourly()
    world.settle(runs=2, hours=1)
    assert [world.twin(contact)["Phone"] for contact, _ in people] == ["1", "2"]


# -- several at once -------------------------------------------------------------------------------------------------


def test_300_modified_leads_are_300_written_leads(world: World) -> None:
    world.org.insert_many("Contact", [{"LastName": f"C{i}", "Email": f"c{i}@example.org"} for i in range(10)])
    people = make_leads(world, *(str(number) for number in range(300)))
    report = world.hourly()
    assert report.counts["written"]["filled-empty"] >= 300
    assert [world.org.row("Lead", lead)["Phone"] for _, lead in people] == [str(number) for number in range(300)]


def test_150_whose_arrows_all_point_the_other_way_do_not_starve_20_new_ones(world: World) -> None:
    def all_to_mautic(document: dict) -> None:
        for pair in document["fields"].values():
            pair.pop("enforce", None)
            pair["priority"] = "salesforce"

    world.change_document(all_to_mautic)
    known = world.host.create_many([{"email": f"k{i}@example.org", "lastname": "K", "phone": "1"} for i in range(150)])
    world.hourly()
    for contact in known:
        world.host.edit_contact(contact, {"phone": "2"})
    new = world.host.create_many([{"email": f"n{i}@example.org", "lastname": "N"} for i in range(20)])
    report = world.hourly()
    assert report.counts["skipped"]["salesforce-has-priority"] == 150
    assert all(world.link_of(each) for each in new)


def test_a_second_run_at_the_same_time_finds_the_lane_taken(world: World) -> None:
    world.host.create_many([{"email": f"p{i}@example.org", "lastname": "L"} for i in range(50)])
    adapter, seen = world.adapters[Side.SALESFORCE], []
    send = adapter.send

    def send_and_try(request, *args, **kwargs):
        if "composite" in request.path_url:
            seen.append(run_lane(world.app, world.instance, "people", "the other").state)
        return send(request, *args, **kwargs)

    adapter.send = send_and_try
    assert world.hourly().state == "done"
    assert set(seen) == {"busy"}
    assert len(world.org.rows("Lead")) == 50


def test_a_worker_whose_lease_ran_out_writes_no_more_and_nothing_is_doubled(world: World) -> None:
    """Two deployments on one state database: one falls asleep in the middle of a run, the other takes over."""
    emails = [f"p{i}@example.org" for i in range(50)]
    world.host.create_many([{"email": email, "lastname": "L"} for email in emails])
    adapter, others = world.adapters[Side.SALESFORCE], []
    send = adapter.send

    def fall_asleep(request, *args, **kwargs):
        if "composite" in request.path_url and not others:
            others.append(None)
            world.later(hours=1)
            others[0] = run_lane(world.app, world.instance, "people", "the other").state
        return send(request, *args, **kwargs)

    adapter.send = fall_asleep
    report = world.hourly()
    assert (others, report.state) == (["done"], "stopped")
    world.settle(runs=2)
    assert sorted(row["Email"] for row in world.org.rows("Lead")) == sorted(emails)


@pytest.mark.needs_mautic("the calls to Mautic's REST API are counted")
def test_what_a_run_wrote_is_no_news_to_the_next_three(world: World) -> None:
    people = make_leads(world, *("1" for _ in range(20)))
    world.org.insert_many("Lead", [{"LastName": "L", "Company": "C", "Email": f"o{i}@example.org"} for i in range(20)])
    for _, lead in people:
        world.org.update("Lead", lead, {"Title": "Director"})
    assert world.written(world.hourly()) > 0
    sent = len([method for method, *_ in world.host.requests if method != "GET"])
    for report in world.settle(runs=3, minutes=8):
        assert set(report.counts) <= {"skipped"}
    assert len([method for method, *_ in world.host.requests if method != "GET"]) == sent


def test_a_run_that_ends_badly_says_so_and_the_next_good_one_too(world: World) -> None:
    make_leads(world, "1")
    world.org.faults.add(Fault("", "status", times=100, status=503))
    world.hourly()
    world.org.faults.clear()
    world.hourly()
    latest, before = world.app.ledger.history.runs(world.instance.id, limit=2)
    assert (before.state, before.error_code) == ("postponed", "salesforce-unreachable")
    assert (latest.state, latest.counts["written"]) == ("done", {"filled-empty": 1})


def test_a_run_is_as_good_as_its_worst_record(world: World) -> None:
    world.org.add_validation_rule("Lead", lambda row: row.get("Phone") == "bad", "No.")
    make_leads(world, *["good"] * 9, "bad")
    report = world.hourly()
    assert report.state == "attention"
    assert {status: sum(report.counts[status].values()) for status in ("written", "rejected")} == {
        "written": 9,
        "rejected": 1,
    }
    [refused] = Outbox(world.app.database).waiting(world.instance.id, "people")
    assert refused.ref == Ref("contact", "10")
