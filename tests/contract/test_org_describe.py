"""What the sandbox org says about itself: describes, versions and limits as real orgs give them, less what is hidden."""

import json
from pathlib import Path

import pytest

from sidecar.sandbox.org import Org
from tests.contract.org_caller import HOST, Caller

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"
VARYING = {"picklistValues", "picklistCount", "permissionable", "searchPrefilterable", "byteLength"}


@pytest.fixture
def caller():
    org = Org()
    yield Caller(org)
    org.close()


def recorded(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["body"]


def fields_of(body):
    return {field["name"]: field for field in body["fields"]}


@pytest.mark.parametrize("name", ["lead", "contact"])
def test_a_standard_field_is_described_as_in_a_real_org(caller, name):
    real = fields_of(recorded(f"describe-{name}-cumulusci"))
    ours = fields_of(caller.ask("GET", f"/sobjects/{name.title()}/describe").json())
    restricted_here = {("Rating", "restrictedPicklist"): (False, True)} if name == "lead" else {}
    differing = {
        (field, key): (real[field][key], ours[field].get(key, "missing"))
        for field in real.keys() & ours.keys()
        for key in real[field].keys() - VARYING
        if real[field][key] != ours[field].get(key, "missing")
    }
    assert differing == restricted_here


@pytest.mark.parametrize("name", ["lead", "contact"])
def test_an_object_is_described_with_the_keys_of_a_real_org(caller, name):
    real = recorded(f"describe-{name}-cumulusci")
    ours = caller.ask("GET", f"/sobjects/{name.title()}/describe").json()
    assert set(real) - {"_trimmed"} <= set(ours)
    flags = {key for key, value in real.items() if isinstance(value, bool | str) and key not in {"_trimmed"}}
    assert {key: ours[key] for key in flags} == {key: real[key] for key in flags}


def test_a_custom_external_id_is_a_lookup_key_and_a_merely_unique_field_is_not(caller):
    real = fields_of(recorded("describe-contact-v42-custom-fields"))["Custom_External_ID__c"]
    ours = fields_of(caller.ask("GET", "/sobjects/Contact/describe").json())["Mautic_Id__c"]
    keys = ("type", "unique", "externalId", "idLookup", "nillable", "createable", "updateable", "custom", "soapType")
    assert {key: ours[key] for key in keys} == {key: real[key] for key in keys}
    caller.org.set_external_id("Contact", "Mautic_Id__c", False)
    ours = fields_of(caller.ask("GET", "/sobjects/Contact/describe").json())["Mautic_Id__c"]
    assert (ours["unique"], ours["externalId"], ours["idLookup"]) == (True, False, False)


def test_a_describe_is_sent_once_and_then_only_when_it_changed(caller):
    first = caller.ask("GET", "/sobjects/Lead/describe")
    by_tag = {"If-None-Match": first.headers["ETag"]}
    by_time = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert caller.ask("GET", "/sobjects/Lead/describe", headers=by_tag).status_code == 304
    assert caller.ask("GET", "/sobjects/Lead/describe", headers=by_time).status_code == 304
    caller.org.resize_field("Lead", "Title", 64)
    for known in (by_tag, by_time):
        again = caller.ask("GET", "/sobjects/Lead/describe", headers=known)
        assert fields_of(again.json())["Title"]["length"] == 64


def test_a_hidden_field_does_not_exist_for_the_api(caller):
    caller.org.hide_field("Lead", "HasOptedOutOfEmail")
    lead = caller.org.insert("Lead", {"LastName": "A", "Company": "B", "HasOptedOutOfEmail": True})
    assert "HasOptedOutOfEmail" not in fields_of(caller.ask("GET", "/sobjects/Lead/describe").json())
    assert caller.query("SELECT HasOptedOutOfEmail FROM Lead").json()[0]["errorCode"] == "INVALID_FIELD"
    written = caller.ask("PATCH", f"/sobjects/Lead/{lead}", {"HasOptedOutOfEmail": False})
    assert (written.status_code, written.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert "HasOptedOutOfEmail" not in caller.ask("GET", f"/sobjects/Lead/{lead}").json()


def test_a_read_only_field_can_be_read_and_not_written(caller):
    caller.org.make_read_only("Lead", "Title")
    described = fields_of(caller.ask("GET", "/sobjects/Lead/describe").json())["Title"]
    assert (described["createable"], described["updateable"]) == (False, False)
    refused = caller.many("POST", "", "Lead", {"LastName": "A", "Company": "B", "Title": "Dr"}).json()[0]["errors"][0]
    assert (refused["statusCode"], refused["fields"]) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Title"])


def test_a_missing_object_is_not_found(caller):
    caller.org.drop_object("mautic_timeline__c")
    assert caller.ask("GET", "/sobjects/mautic_timeline__c/describe").status_code == 404
    assert caller.query("SELECT Id FROM mautic_timeline__c").json()[0]["errorCode"] == "INVALID_TYPE"


def test_the_versions_are_those_of_a_real_org_and_need_no_token(caller):
    answer = caller.session.get(f"{HOST}/services/data", headers={"Authorization": ""})
    numbers = {entry["version"]: entry for entry in answer.json()}
    real = {entry["version"]: entry for entry in recorded("versions-services-data-2026-05")}
    assert real.keys() <= numbers.keys()
    assert all(numbers[version]["url"] == real[version]["url"] for version in real)
    assert [entry["label"].replace("\u2019", "'") for entry in real.values()] == [
        numbers[version]["label"] for version in real
    ]
    assert "Sforce-Limit-Info" not in answer.headers
    assert caller.org.calls == 0


def test_the_limits_report_has_the_entries_of_a_real_org(caller):
    caller.org.set_api_limit(15000)
    report = caller.ask("GET", "/limits").json()
    real = recorded("limits-2026-05")
    assert report["DailyApiRequests"] == {"Max": 15000, "Remaining": 14999}
    assert {"DailyBulkApiBatches", "DailyBulkV2QueryJobs"} <= real.keys() & report.keys()


def test_a_retired_version_is_gone_and_an_unknown_one_never_was(caller):
    assert caller.ask("GET", "/limits", version="29.0").status_code == 410
    assert caller.ask("GET", "/limits", version="99.0").status_code == 404


def test_an_app_with_an_allotment_of_its_own_stands_inside_the_limit_it_shares(caller):
    real = recorded("limits-with-per-app")
    caller.org.limits.set_app_limit("TEST APP", 0)
    report = caller.ask("GET", "/limits").json()
    assert real.keys() - report.keys() == {"DailyBulkApiRequests"}  # gone from newer reports
    assert report["DailyApiRequests"]["TEST APP"] == real["DailyApiRequests"]["TEST APP"]
    assert report["PermissionSets"].keys() == real["PermissionSets"].keys()
