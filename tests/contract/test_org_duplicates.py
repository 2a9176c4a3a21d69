"""Duplicate rules, ambiguous keys and locked rows of the sandbox org, in single calls, collections and bulk jobs."""

import json
from pathlib import Path

import pytest

from sidecar.sandbox.org import Fault, Org
from tests.contract.bulk_caller import BulkCaller

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"
KNOWN = {"LastName": "Stone", "Email": "known@example.com"}
LEAD = {"LastName": "Stone", "Company": "Acme", "Email": "known@example.com"}
INSIST = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}


@pytest.fixture
def caller():
    org = Org()
    yield BulkCaller(org)
    org.close()


def recorded(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]


def shape(value):
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value)


@pytest.mark.parametrize(
    ("recording", "object_name", "rule", "values"),
    [
        ("duplicates-detected-v50", "Contact", {"name": "Contacts_DR"}, KNOWN),
        ("duplicates-detected-v54", "Contact", {}, KNOWN),
        (
            "duplicates-detected-v56-blocked-localised",
            "Account",
            {"allow_save": False, "field": "Name", "name": "Contas", "message": "Usar um desses registros?"},
            {"Name": "Acme"},
        ),
    ],
)
def test_a_duplicate_is_told_as_recorded(caller, recording, object_name, rule, values):
    known = caller.org.insert(object_name, values)
    caller.org.set_duplicate_rule(object_name, **rule)
    answer = caller.ask("POST", f"/sobjects/{object_name}", values)
    wanted, given = recorded(recording), answer.json()
    assert (answer.status_code, shape(given)) == (wanted["status"], shape(wanted["body"]))
    one, other = wanted["body"][0], given[0]
    assert (other["errorCode"], other["message"]) == (one["errorCode"], one["message"])
    for name in ("allowSave", "duplicateRule", "duplicateRuleEntityType", "errorMessage"):
        assert other["duplicateResut"][name] == one["duplicateResut"][name]
    match = other["duplicateResut"]["matchResults"][0]
    assert (match["entityType"], match["matchRecords"][0]["record"]["Id"]) == (object_name, known)


def test_a_row_of_a_collection_carries_the_same_under_the_right_spelling(caller):
    known = caller.org.insert("Contact", KNOWN)
    caller.org.set_duplicate_rule("Contact")
    rows = caller.many("POST", "", "Contact", KNOWN, {"LastName": "Other"}).json()
    error = rows[0]["errors"][0]
    assert (error["statusCode"], rows[1]["success"]) == ("DUPLICATES_DETECTED", True)
    assert error["duplicateResult"]["matchResults"][0]["matchRecords"][0]["record"]["Id"] == known
    assert "duplicateResut" not in error


def test_a_lead_can_be_like_a_contact(caller):
    caller.org.insert("Lead", LEAD)
    contact = caller.org.insert("Contact", KNOWN)
    caller.org.set_duplicate_rule("Lead", matches=("Lead", "Contact"))
    results = caller.ask("POST", "/sobjects/Lead", LEAD).json()[0]["duplicateResut"]["matchResults"]
    assert [(each["entityType"], each["size"]) for each in results] == [("Lead", 1), ("Contact", 1)]
    assert results[1]["matchRecords"][0]["record"]["attributes"]["url"].endswith(f"/sobjects/Contact/{contact}")


def test_all_matches_are_named(caller):
    ids = caller.org.insert_many("Contact", [KNOWN, KNOWN])
    caller.org.set_duplicate_rule("Contact")
    match = caller.ask("POST", "/sobjects/Contact", KNOWN).json()[0]["duplicateResut"]["matchResults"][0]
    assert (match["size"], [each["record"]["Id"] for each in match["matchRecords"]]) == (2, ids)


@pytest.mark.parametrize(("allows", "status"), [(True, 201), (False, 400)])
def test_a_caller_may_insist_where_the_rule_only_alerts(caller, allows, status):
    caller.org.insert("Contact", KNOWN)
    caller.org.set_duplicate_rule("Contact", allow_save=allows)
    single = caller.ask("POST", "/sobjects/Contact", KNOWN, headers=INSIST)
    many = caller.many("POST", "", "Contact", KNOWN)
    assert single.status_code == status
    assert many.json()[0]["success"] is False
    records = [{"attributes": {"type": "Contact"}, **KNOWN}]
    insisted = caller.ask("POST", "/composite/sobjects", {"records": records}, headers=INSIST).json()
    assert insisted[0]["success"] is allows


def test_an_update_is_compared_too_but_never_with_itself(caller):
    caller.org.insert("Contact", KNOWN)
    other = caller.org.insert("Contact", {"LastName": "Reed", "Email": "reed@example.com"})
    caller.org.set_duplicate_rule("Contact")
    assert caller.ask("PATCH", f"/sobjects/Contact/{other}", {"Email": "reed@example.com"}).status_code == 204
    answer = caller.ask("PATCH", f"/sobjects/Contact/{other}", {"Email": "known@example.com"})
    assert answer.json()[0]["errorCode"] == "DUPLICATES_DETECTED"


def test_a_key_of_several_records_is_ambiguous_in_every_kind_of_call(caller):
    ids = caller.org.insert_many("mautic_timeline__c", [{"MauticLead__c": 7}, {"MauticLead__c": 7}])
    base = "/services/data/v66.0/sobjects/mautic_timeline__c/"
    single = caller.ask("PATCH", "/sobjects/mautic_timeline__c/MauticLead__c/7", {"Name": "x"})
    assert (single.status_code, single.json()) == (300, [base + one for one in ids])
    assert shape(single.json()) == shape(recorded("upsert-300-multiple")["body"])
    row = {"MauticLead__c": 7, "Name": "x"}
    error = caller.many("PATCH", "/mautic_timeline__c/MauticLead__c", "mautic_timeline__c", row).json()[0]["errors"][0]
    wanted = f"MauticLead: more than one record found for external id field: [{ids[0]}, {ids[1]}]"
    assert (error["statusCode"], error["message"]) == ("DUPLICATE_EXTERNAL_ID", wanted)
    job = caller.done("MauticLead__c,Name\n7,x\n", "upsert", "mautic_timeline__c", externalIdFieldName="MauticLead__c")
    assert job["bad"][0]["sf__Error"].startswith(f"DUPLICATE_EXTERNAL_ID:{wanted}:")
    assert {each["Name"] for each in caller.org.rows("mautic_timeline__c")}.isdisjoint({"x"})


def test_a_person_is_ambiguous_by_an_address_two_records_share(caller):
    caller.org.insert_many("Contact", [KNOWN, KNOWN])
    row = caller.many("PATCH", "/Contact/Email", "Contact", KNOWN).json()[0]
    assert row["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"


def test_one_row_of_a_collection_is_locked_once(caller):
    caller.org.faults.add(Fault("PATCH /composite/sobjects", "row_error", row=1))
    one, other = (caller.org.insert("Lead", LEAD) for _ in range(2))
    rows = [{"id": one, "Title": "x"}, {"id": other, "Title": "x"}]
    first, again = (caller.many("PATCH", "", "Lead", *rows).json() for _ in range(2))
    assert [row["success"] for row in (*first, *again)] == [True, False, True, True]
    wanted = recorded("unable-to-lock-row")["body"][0]
    error = first[1]["errors"][0]
    assert error["statusCode"] == wanted["errorCode"]
    assert error["message"] == wanted["message"].replace("001XXXXXXXXXXXXXX", other)
