"""What an administrator sets up in the sandbox org: address picklists, duplicate rules, the org's own record; and that it stays."""

import json
from pathlib import Path

import pytest

from sidecar.sandbox.org import Org
from tests.contract.org_caller import Caller
from tests.contract.org_metadata import admin_of, custom_object, deploy, field, field_names, manifest, standard_object

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"


@pytest.fixture
def org():
    org = Org()
    yield org
    org.close()


@pytest.fixture
def caller(org):
    return Caller(org)


def recorded(name: str):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["body"]


def message_of(text: str) -> str:
    """Return the words of an answer pasted from Apex: CODE, words: [fields]."""
    return text.partition("FIELD_INTEGRITY_EXCEPTION, ")[2].rpartition(": [")[0]


def test_without_address_picklists_any_text_goes(caller):
    assert "StateCode" not in field_names(caller, "Lead")
    answer = caller.ask("POST", "/sobjects/Lead", {"LastName": "A", "Company": "B", "State": "Anywhere"})
    assert answer.status_code == 201


def test_with_address_picklists_names_and_codes_go_together(org, caller):
    org.switch_on_address_picklists()
    by_name = {"LastName": "A", "MailingCountry": "united states", "MailingState": "Texas"}
    by_code = {"LastName": "B", "MailingCountryCode": "US", "MailingStateCode": "TX"}
    for body in (by_name, by_code):
        new_id = caller.ask("POST", "/sobjects/Contact", body).json()["id"]
        row = org.row("Contact", new_id)
        assert (row["MailingCountry"], row["MailingCountryCode"]) == ("United States", "US")
        assert (row["MailingState"], row["MailingStateCode"]) == ("Texas", "TX")
    assert caller.ask("PATCH", f"/sobjects/Contact/{new_id}", {"MailingState": None}).status_code == 204
    assert org.row("Contact", new_id)["MailingStateCode"] is None


def test_with_address_picklists_the_codes_are_described_as_in_a_real_org(org, caller):
    org.switch_on_address_picklists()
    real = {each["name"]: each for each in recorded("describe-account-v58-2026-05")["fields"]}
    ours = {each["name"]: each for each in caller.ask("GET", "/sobjects/Account/describe").json()["fields"]}
    for name in ("BillingStateCode", "BillingCountryCode", "BillingState"):
        keys = ("type", "length", "restrictedPicklist", "nillable", "createable", "compoundFieldName", "permissionable")
        assert {key: ours[name][key] for key in keys} == {key: real[name][key] for key in keys}
    values = {each["value"]: each["label"] for each in ours["BillingCountryCode"]["picklistValues"]}
    assert values["US"]


@pytest.mark.parametrize(
    ("body", "recording", "field"),
    [
        ({"BillingCountry": "Atlantis"}, "field-integrity-bad-country-apex", "BillingCountry"),
        ({"BillingCountry": "FR", "Name": "B"}, "field-integrity-bad-country-apex", "BillingCountry"),
        (
            {"BillingCountry": "United States", "BillingState": "Quebec"},
            "field-integrity-bad-state-apex",
            "BillingState",
        ),
    ],
)
def test_an_unknown_country_or_state_is_refused_in_the_words_on_record(org, caller, body, recording, field):
    org.switch_on_address_picklists()
    refused = caller.ask("POST", "/sobjects/Account", {"Name": "A"} | body)
    assert refused.status_code == 400
    assert refused.json() == [
        {"message": message_of(recorded(recording)), "errorCode": "FIELD_INTEGRITY_EXCEPTION", "fields": [field]}
    ]


@pytest.mark.parametrize(
    ("name", "body", "recording"),
    [
        ("Lead", {"LastName": "A", "Company": "B", "State": "Texas"}, "field-integrity-state-without-country-400"),
        ("Contact", {"LastName": "A", "MailingState": "Texas"}, "field-integrity-state-without-country-contact-400"),
    ],
)
def test_a_state_needs_a_country(org, caller, name, body, recording):
    org.switch_on_address_picklists()
    refused = caller.ask("POST", f"/sobjects/{name}", body)
    assert refused.status_code == 400
    real = recorded(recording)[0]
    assert {key: refused.json()[0][key] for key in real} == real


def test_an_active_duplicate_rule_can_be_found(org, caller):
    asked = (
        "SELECT DeveloperName, SobjectType, IsActive FROM DuplicateRule WHERE SobjectType = 'Lead' AND IsActive = true"
    )
    assert caller.query(asked).json()["totalSize"] == 0
    org.set_duplicate_rule("Lead")
    found = caller.query(asked).json()["records"]
    assert [each["DeveloperName"] for each in found] == ["Standard_Lead_Duplicate_Rule"]


def test_the_org_tells_its_edition_and_instance_with_the_keys_of_a_real_one(org, caller):
    org.set_organization(OrganizationType="Professional Edition", IsSandbox=False, NamespacePrefix="acme")
    found = caller.query(
        "SELECT Id, OrganizationType, InstanceName, IsSandbox, NamespacePrefix FROM Organization"
    ).json()
    body = caller.ask("GET", f"/sobjects/Organization/{found['records'][0]['Id']}").json()
    assert (body["OrganizationType"], body["IsSandbox"], body["NamespacePrefix"]) == (
        "Professional Edition",
        False,
        "acme",
    )
    real = recorded("organization")
    assert len(body) > 25
    assert body.keys() <= real.keys()
    assert {key: type(body[key]) for key in ("IsSandbox", "InstanceName", "Name")} == {
        key: type(real[key]) for key in ("IsSandbox", "InstanceName", "Name")
    }


def test_an_object_is_summed_up_with_the_keys_of_a_real_org(org, caller):
    real = recorded("sobject-basic-info")["objectDescribe"]
    ours = caller.ask("GET", "/sobjects/Account").json()
    assert set(ours) == {"objectDescribe", "recentItems"}
    flags = {key for key, value in real.items() if isinstance(value, bool | str)}
    assert {key: ours["objectDescribe"].get(key) for key in flags} == {key: real[key] for key in flags}


def test_task_types_are_offered_by_describe(caller):
    fields = {each["name"]: each for each in caller.ask("GET", "/sobjects/Task/describe").json()["fields"]}
    assert {"Call", "Email"} <= {each["value"] for each in fields["Type"]["picklistValues"]}
    assert {"Task", "Email", "Call"} <= {each["value"] for each in fields["TaskSubtype"]["picklistValues"]}


def test_what_was_deployed_is_still_there_when_a_file_is_opened_again(tmp_path):
    path = str(tmp_path / "org.sqlite3")
    before = Org(path, is_empty=True)
    files = {
        "package.xml": manifest(CustomObject=["Thing__c", "Contact"]),
        "objects/Thing__c.object": custom_object(field("A__c")),
        "objects/Contact.object": standard_object(field("Extra__c")),
    }
    assert deploy(admin_of(before), files)["success"] is True
    thing = before.insert("Thing__c", {"A__c": "kept"})
    before.close()
    after = Org(path)
    assert after.row("Thing__c", thing)["A__c"] == "kept"
    assert "Extra__c" not in field_names(Caller(after), "Contact")
    assert "mautic_timeline__c" not in after.schema.objects
    after.hide_field("Contact", "Extra__c", hidden=False)
    assert "Extra__c" in field_names(Caller(after), "Contact")
    after.close()
