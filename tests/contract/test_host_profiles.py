"""What differs between the versions of Mautic that the sandbox can be, each shown once; 5.1 is measured, the rest read."""

from typing import Any

import pytest
from sqlalchemy import inspect
from werkzeug.test import Client

from sidecar.sandbox.host import php
from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.profiles import PROFILES
from tests.contract.host_replay import START, basic, call

VERSIONS = tuple(PROFILES)
NEWER = {"6.0", "7.2"}


@pytest.fixture(params=VERSIONS)
def host(request: pytest.FixtureRequest) -> Host:
    return Host(clock=HostClock(START), profile=request.param)


def version(host: Host) -> str:
    return host.profile.name


def row(host: Host, contact_id: int) -> dict[str, Any]:
    found = host.contact(contact_id)
    assert found
    return found


def test_every_answer_names_the_version(host: Host) -> None:
    named = Client(host.app).get("/api/contacts", headers=basic()).headers["Mautic-Version"]
    assert named.startswith(version(host))


def test_date_modified_is_frozen_at_creation_from_6_on(host: Host) -> None:
    contact_id, company_id = host.create_contact({"email": "a@example.com"}), host.create_company("Acme")
    made = host.clock.now().replace(tzinfo=None)
    assert {row(host, contact_id)["date_modified"], host.rows("companies")[0]["date_modified"]} == {
        made if version(host) in NEWER else None
    }
    later = host.clock.advance(hours=1).replace(tzinfo=None)
    host.edit_contact(contact_id, {"city": "Rom"})
    host.edit_company(company_id, {"companycity": "Rom"})
    stamps = {row(host, contact_id)["date_modified"], host.rows("companies")[0]["date_modified"]}
    assert stamps == {made if version(host) in NEWER else later}
    assert row(host, contact_id)["modified_by_user"] == "Ada Admin"


def test_an_opt_out_alone_moves_the_contact_in_5_1_only(host: Host) -> None:
    [by_act, by_patch] = host.create_many([{"email": "a@example.com"}, {"email": "b@example.com"}], by="api")
    before = [row(host, each) for each in (by_act, by_patch)]
    host.clock.advance(hours=1)
    call(host, "POST", f"/api/contacts/{by_act}/dnc/email/add", {})
    body = {"doNotContact": [{"channel": "email", "reason": 3}]}
    call(host, "PATCH", f"/api/contacts/{by_patch}/edit", body)
    assert [row["lead_id"] for row in host.rows("lead_donotcontact")] == [by_act, by_patch]
    assert ([row(host, each) for each in (by_act, by_patch)] == before) is (version(host) != "5.1")
    assert [each["action"] for each in host.rows("audit_log", object_id=by_act)][-1] == "update"


def test_a_merged_away_id_in_a_batch_stands_for_its_survivor_from_7_on(host: Host) -> None:
    first, second, gone, gone_too = host.create_many([{"firstname": name} for name in ("A", "B", "C", "D")])
    host.merge_contacts(first, gone)
    host.merge_contacts(first, gone_too)
    follows = version(host) == "7.2"
    items = [{"id": gone, "city": "Rom"}, {"id": gone_too, "city": "Ulm"}, {"id": second, "city": "Pisa"}]
    _, body = call(host, "PATCH", "/api/contacts/batch/edit", items)
    # Of two gone ids with one survivor only one is followed.
    assert body["statusCodes"] == ([200, 404, 200] if follows else [404, 404, 200])
    assert (row(host, first)["city"], row(host, second)["city"]) == ("Rom" if follows else None, "Pisa")
    call(host, "DELETE", f"/api/contacts/batch/delete?ids={gone}")
    assert (host.contact(first) is None) is follows


def test_the_same_id_twice_in_a_batch_makes_a_second_contact_in_5_1_only(host: Host) -> None:
    contact_id = host.create_contact({"email": "a@example.com"})
    items = [{"id": contact_id, "city": "Rom"}, {"id": contact_id, "city": "Ulm"}]
    call(host, "PATCH", "/api/contacts/batch/edit", items)
    cities = [each["city"] for each in host.contacts()]
    assert cities == (["Rom", "Ulm"] if version(host) == "5.1" else ["Ulm"])


def test_an_unknown_company_in_a_batch_fails_all_of_it_from_7_on(host: Host) -> None:
    known = host.create_company("Acme")
    items = [{"id": known, "companycity": "Rom"}, {"id": 999, "companycity": "Ulm"}]
    status, body = call(host, "PATCH", "/api/companies/batch/edit", items)
    fails = version(host) == "7.2"
    assert (status, body.get("statusCodes")) == ((500, None) if fails else (200, [200, 404]))
    assert host.rows("companies")[0]["companycity"] == (None if fails else "Rom")
    status, _ = call(host, "DELETE", f"/api/companies/batch/delete?ids={known},999")
    assert (status, len(host.rows("companies"))) == ((500, 1) if fails else (200, 0))


def test_a_name_that_is_taken_changes_its_company_in_a_batch_from_5_2_on(host: Host) -> None:
    host.create_company("Acme")
    status, body = call(host, "POST", "/api/companies/batch/new", [{"companyname": "Acme", "companycity": "Rom"}])
    refused = version(host) == "5.1"
    assert (status, body["statusCodes"]) == (201, [422 if refused else 200])
    assert [each["companycity"] for each in host.rows("companies")] == [None if refused else "Rom"]


def test_any_save_blanks_a_choice_that_is_none_any_more_from_5_2_on(host: Host) -> None:
    ids = host.create_many([{"email": f"{n}@example.com", "rating": "Hot"} for n in range(4)])
    host.change_choices("rating", "Warm", "Cold")
    assert {each["rating"] for each in host.contacts()} == {"Hot"}
    host.edit_contact(ids[0], {"city": "Rom"})
    host.gain_points(ids[1], 5)
    host.opt_out(ids[2])
    blanks = version(host) != "5.1"
    assert [each["rating"] for each in host.contacts()] == [*([None if blanks else "Hot"] * 3), "Hot"]
    details = php.unserialize(host.rows("audit_log", object_id=ids[1])[-1]["details"])
    assert details.get("fields") == ({"rating": ["Hot", None]} if blanks else None)


def test_form_answers_are_stored_as_they_came_from_6_on(host: Host) -> None:
    contact_id = host.create_contact({"email": "a@example.com"})
    host.submit_form(contact_id, answers={"message": "R&R <b>", "name": "Ann"})
    [answers] = host.rows("form_results_1_contact_us")
    assert answers["message"] == ("R&R <b>" if version(host) in NEWER else "R&amp;R &lt;b&gt;")


def test_a_merge_takes_the_values_of_the_record_made_later_from_6_on(host: Host) -> None:
    old = host.create_contact({"firstname": "Old", "city": "Rom"})
    host.clock.advance(hours=1)
    young = host.create_contact({"firstname": "Young", "city": "Ulm"})
    host.clock.advance(hours=1)
    host.edit_contact(old, {"city": "Pisa"})
    host.merge_contacts(old, young)
    assert row(host, old)["city"] == ("Ulm" if version(host) in NEWER else "Pisa")


def test_a_company_that_goes_takes_its_name_from_all_contacts_without_a_trace_from_7_on(host: Host) -> None:
    member, other = host.create_many([{"email": "a@example.com"}, {"email": "b@example.com", "company": "Acme"}])
    company_id = host.join_company(member, "Acme")
    before = [each["date_modified"] for each in host.contacts()]
    audits = len(host.rows("audit_log"))
    host.clock.advance(hours=1)
    host.delete_company(company_id)
    clears = version(host) == "7.2"
    assert [each["company"] for each in host.contacts()] == ([None, None] if clears else ["Acme", "Acme"])
    assert [each["date_modified"] for each in host.contacts()] == before
    actions = [(each["object"], each["action"]) for each in host.rows("audit_log")[audits:]]
    assert actions == [*([("company", "update")] if clears else []), ("company", "delete")]
    assert (host.company(company_id), host.rows("companies_leads"), other) == (None, [], other)


def test_companies_and_segments_can_stay_marked_as_deleted_in_7_2_only(host: Host) -> None:
    contact_id = host.create_contact({"email": "a@example.com"})
    company_id = host.join_company(contact_id, "Acme")
    host.join_segment(contact_id, "Static list")
    host.delete_company(company_id, in_background=True)
    host.delete_segment(1, in_background=True)
    marks = version(host) == "7.2"
    rows = [*host.rows("companies"), *host.rows("lead_lists")]
    assert [bool(each.get("deleted")) for each in rows] == ([True, True] if marks else [])
    assert call(host, "GET", f"/api/companies/{company_id}")[0] == 404
    assert host.finish_deletions() == int(marks)
    assert (host.rows("companies"), host.rows("companies_leads")) == ([], [])


def test_a_database_of_an_older_version_is_brought_up_to_the_newer_one(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/mautic.sqlite3"
    old = Host(url, clock=HostClock(START))
    contact_id = old.create_contact({"email": "a@example.com"})
    company_id = old.join_company(contact_id, "Acme")
    old.close()
    new = Host(url, clock=HostClock(START), profile="7.2")
    looked_at = inspect(new.database.engine)
    for table, column in (("companies", "deleted"), ("webhook_queue", "retries")):
        assert column in {each["name"] for each in looked_at.get_columns(table)}
    new.delete_company(company_id, in_background=True)
    assert (new.company(company_id) or {})["deleted"] == START.replace(tzinfo=None)
    new.close()
