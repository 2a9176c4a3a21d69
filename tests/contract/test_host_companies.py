"""The sandbox Mautic's companies against recordings and experiments on a real one."""

from typing import Any

import pytest

from sidecar.sandbox.host import php
from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.control import Host
from tests.contract.host_replay import START, a_host, call, play, recording
from tests.contract.test_host_traces import EXPERIMENTS


@pytest.fixture
def host() -> Host:
    return a_host()


def bare(body: Any) -> Any:
    """Return an answer without the lab's own field."""
    if isinstance(body, dict):
        return {key: bare(value) for key, value in body.items() if key != "companyvat"}
    return [bare(value) for value in body] if isinstance(body, list) else body


def made(host: Host, name: str) -> None:
    """Make the company that a recorded call is about, under the id it had."""
    with host.database.work() as work:
        values = dict(recording("companies_new_full")["request"]["body"])
        owner, revenue = values.pop("owner"), float(values.pop("companyannual_revenue"))
        row = {"id": 16, "is_published": 1, "score": 0, "owner_id": owner, "companyannual_revenue": revenue}
        work.add("companies", **{**values, **row, "companyname": name})


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("companies_new_empty", ""),
        ("companies_new_no_name", ""),
        ("company_edit_patch", "Rec Co"),
        ("company_edit_patch_not_found", ""),
        ("company_edit_put", "Rec Co"),
        ("company_contact_add_unknown_contact", "Rec Co"),
    ],
)
def test_a_call_is_answered_as_recorded(host: Host, name: str, before: str) -> None:
    if before:
        made(host, before)
    expected = recording(name)["response"]
    status, body = play(host, name)
    assert (status, bare(body)) == (expected["status"], bare(expected["body"]))


@pytest.mark.parametrize("name", ["companies_new_full", "companies_batch_new_mixed"])
def test_a_new_company_has_the_recorded_form(host: Host, name: str) -> None:
    status, body = play(host, name)
    expected = recording(name)["response"]
    assert (status, outline(bare(body))) == (expected["status"], outline(bare(expected["body"])))


def outline(value: Any) -> Any:
    """Return an answer with every id and number as the same one."""
    if isinstance(value, dict):
        return {key: outline(item) for key, item in value.items()}
    if isinstance(value, list):
        return [outline(item) for item in value]
    return 0 if isinstance(value, int | float) else value


def test_a_name_that_is_there_changes_its_company_and_answers_200(host: Host) -> None:
    status, first = call(host, "POST", "/api/companies/new", {"companyname": "Acme"})
    again, second = call(host, "POST", "/api/companies/new", {"companyname": "acme", "companycity": "Rom"})
    assert (status, again, first["company"]["id"]) == (201, 200, second["company"]["id"])
    assert second["company"]["fields"]["all"]["companycity"] == "Rom"
    other = host.create_company("Other")
    status, body = call(host, "PATCH", f"/api/companies/{other}/edit", {"companyname": "Acme"})
    assert (status, body["errors"][0]["details"]) == (422, {"companyname": ["This field must be unique."]})


def test_companies_are_listed_by_id_searched_and_filtered_with_a_total_in_text(host: Host) -> None:
    ids = [host.create_company(name, {"companycity": city}) for name, city in (("Acme", "Rom"), ("Beta", "Ulm"))]
    _, body = call(host, "GET", "/api/companies")
    assert (body["total"], list(body["companies"])) == ("2", [str(each) for each in ids])
    assert list(call(host, "GET", "/api/companies?search=Bet")[1]["companies"]) == [str(ids[1])]
    where = "where[0][col]=companycity&where[0][expr]=eq&where[0][val]=Rom"
    assert list(call(host, "GET", f"/api/companies?{where}")[1]["companies"]) == [str(ids[0])]
    assert call(host, "GET", "/api/companies?where[0][col]=nope&where[0][expr]=eq&where[0][val]=1")[0] == 500


def test_an_item_without_an_id_shifts_the_items_of_a_batch_behind_it(host: Host) -> None:
    ids = [host.create_company(name) for name in ("A", "B")]
    items = [{"companycity": "lost"}, {"id": ids[0], "companycity": "for A"}, {"id": ids[1], "companycity": "for B"}]
    _, body = call(host, "PATCH", "/api/companies/batch/edit", items)
    assert body["statusCodes"] == [400, 200, 404]
    assert [row["companycity"] for row in host.rows("companies")] == ["lost", "for A"]


MEMBER = {
    "api_company_contact_add": "add",
    "api_company_contact_remove": "remove",
}


@pytest.mark.parametrize("name", MEMBER)
def test_a_membership_by_rest_moves_the_contact_and_leaves_no_row_in_the_log(host: Host, name: str) -> None:
    contact_id, company_id = host.create_contact({"email": "a@example.com"}, by="api"), host.create_company("Globex")
    path = f"/api/companies/{company_id}/contact/{contact_id}/"
    if MEMBER[name] == "remove":
        call(host, "POST", path + "add")
    host.clock.advance(seconds=5)
    before, audits = host.contact(contact_id) or {}, len(host.rows("audit_log"))
    members = len(host.rows("companies_leads"))
    assert call(host, "POST", path + MEMBER[name]) == (200, {"success": 1})
    after = host.contact(contact_id) or {}
    recorded = EXPERIMENTS[name]
    assert {column for column in before if before[column] != after[column]} == set(recorded["leads_columns_changed"])
    assert len(host.rows("companies_leads")) - members == recorded["tables_rows_added"]["companies_leads"]
    assert len(host.rows("audit_log")) == audits
    assert call(host, "POST", path + MEMBER[name]) == (200, {"success": 1})  # again: nothing
    assert host.contact(contact_id) == after


SILENT = {
    "api_company_rename_seen_from_member": ("PATCH", "/edit", {"companyname": "Renamed Co"}),
    "api_company_city_change_seen_from_member": ("PATCH", "/edit", {"companycity": "Rome"}),
    "api_company_delete_seen_from_member": ("DELETE", "/delete", None),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_happens_to_a_company_changes_its_members_as_recorded(host: Host, name: str) -> None:
    contact_id = host.create_contact({"email": "a@example.com"}, by="api")
    company_id = host.join_company(contact_id, "RenameMe")
    host.clock.advance(seconds=5)
    before, audits = host.contact(contact_id) or {}, len(host.rows("audit_log"))
    method, path, body = SILENT[name]
    assert call(host, method, f"/api/companies/{company_id}{path}", body)[0] == 200
    after, recorded = host.contact(contact_id) or {}, EXPERIMENTS[name]
    changed = {column: after[column] for column in before if before[column] != after[column]}
    assert changed == {column: pair[1] for column, pair in recorded["leads_columns_changed"].items()}
    [ours], [theirs] = host.rows("audit_log")[audits:], recorded["audit_log"]
    assert (ours["object"], ours["action"]) == (theirs["object"], theirs["action"])
    mine, other = php.unserialize(ours["details"]), php.unserialize(theirs["details"])
    assert (list(mine), type(mine)) == (list(other), type(other)) if isinstance(mine, dict) else mine[0] == other[0]


def test_the_latest_of_the_other_companies_takes_over_which_moves_even_a_frozen_date() -> None:
    host = Host(clock=HostClock(START), profile="6.0")
    contact_id = host.create_contact({"email": "a@example.com"})
    companies = {}
    for name in ("First", "Second", "Third"):
        host.clock.advance(minutes=1)
        companies[name] = host.join_company(contact_id, name)
    at = host.clock.advance(minutes=1).replace(tzinfo=None)
    host.leave_company(contact_id, companies["Third"])
    row = host.contact(contact_id) or {}
    primary = [each["company_id"] for each in host.rows("companies_leads") if each["is_primary"]]
    assert (row["company"], row["date_modified"], primary) == ("Second", at, [companies["Second"]])
    host.leave_company(contact_id, companies["First"])
    assert (host.contact(contact_id) or {})["company"] == "Second"


def test_the_companies_of_a_contact_come_as_raw_rows_in_text(host: Host) -> None:
    contact_id = host.create_contact({"email": "a@example.com"})
    host.join_company(contact_id, "Acme")
    _, body = call(host, "GET", f"/api/contacts/{contact_id}/companies")
    [ours], [theirs] = body["companies"], recording("contact_companies")["response"]["body"]["companies"]
    assert body["total"] == 1
    assert set(ours) <= set(theirs)
    assert {type(value) for value in ours.values()} == {str}
