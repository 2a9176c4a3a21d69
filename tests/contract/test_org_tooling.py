"""The sandbox org's Tooling API: what it says about objects and fields, and custom fields made one by one."""

import pytest

from sidecar.sandbox.org import Org
from tests.contract.org_caller import Caller
from tests.contract.org_metadata import admin_of, field_names

NEW = {"type": "Text", "label": "Mautic Id", "length": 40, "externalId": True, "unique": True, "required": False}


@pytest.fixture
def org():
    org = Org()
    yield org
    org.close()


@pytest.fixture
def admin(org):
    return admin_of(org)


def tooling(caller, soql: str):
    return caller.ask("GET", "/tooling/query", params={"q": soql})


def create(caller, name: str, metadata: dict):
    return caller.ask("POST", "/tooling/sobjects/CustomField", {"FullName": name, "Metadata": metadata})


def refused(answer) -> str:
    assert answer.status_code >= 400, answer.text
    return answer.json()[0]["errorCode"]


def test_which_fields_are_tracked_can_be_asked(org):
    asked = (
        "SELECT QualifiedApiName, DataType FROM FieldDefinition "
        "WHERE EntityDefinition.QualifiedApiName = 'Lead' AND IsFieldHistoryTracked = true"
    )
    for answer in (tooling(Caller(org), asked), Caller(org).query(asked)):
        body = answer.json()
        assert {each["QualifiedApiName"]: each["DataType"] for each in body["records"]} == {
            "HasOptedOutOfEmail": "Checkbox",
            "DoNotCall": "Checkbox",
        }
        assert (body["done"], body["totalSize"], body["entityTypeName"]) == (True, 2, "FieldDefinition")
    org.track_field("Lead", "DoNotCall", tracked=False)
    assert tooling(Caller(org), asked).json()["totalSize"] == 1


def test_types_are_said_as_people_read_them(admin):
    asked = "SELECT QualifiedApiName, DataType FROM FieldDefinition WHERE EntityDefinitionId = 'Lead'"
    types = {each["QualifiedApiName"]: each["DataType"] for each in tooling(admin, asked).json()["records"]}
    expected = {"Company": "Text(255)", "Email": "Email", "Score__c": "Number(6, 2)", "Last_Visit__c": "Date/Time"}
    assert {name: types[name] for name in expected} == expected


def test_whether_an_object_keeps_history_can_be_asked():
    for is_empty in (True, False):
        org = Org(is_empty=is_empty)
        asked = (
            "SELECT QualifiedApiName, IsFieldHistoryTracked FROM EntityDefinition WHERE QualifiedApiName = 'Contact'"
        )
        assert tooling(Caller(org), asked).json()["records"][0]["IsFieldHistoryTracked"] is not is_empty
        org.close()


def test_the_catalogue_refuses_what_it_cannot_do(admin):
    refusals = {
        "SELECT QualifiedApiName FROM FieldDefinition": "MALFORMED_QUERY",
        "SELECT COUNT() FROM EntityDefinition": "EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION",
        "SELECT Label FROM EntityDefinition WHERE QualifiedApiName != 'Lead'": "EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION",
        "SELECT Label FROM EntityDefinition WHERE Label = 'A' OR Label = 'B'": "EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION",
        "SELECT Id FROM FieldDefinition WHERE EntityDefinitionId = 'Lead'": "INVALID_FIELD",
        "SELECT Id FROM Nothing": "INVALID_TYPE",
    }
    assert {text: refused(tooling(admin, text)) for text in refusals} == refusals
    limited = "SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinitionId = 'Lead' LIMIT 1"
    assert tooling(admin, limited).json()["totalSize"] > 1


def test_a_custom_field_is_found_by_table_and_name_and_told_whole(admin):
    asked = "SELECT {} FROM CustomField WHERE TableEnumOrId = 'Contact' AND DeveloperName = 'Mautic_Id'"
    record = tooling(admin, asked.format("Id, FullName, Metadata")).json()["records"][0]
    assert record["FullName"] == "Contact.Mautic_Id__c"
    assert (record["Metadata"]["type"], record["Metadata"]["length"], record["Metadata"]["unique"]) == (
        "Text",
        40,
        True,
    )
    one = admin.ask("GET", f"/tooling/sobjects/CustomField/{record['Id']}").json()
    assert (one["TableEnumOrId"], one["DeveloperName"], one["Metadata"]) == ("Contact", "Mautic_Id", record["Metadata"])
    several = "SELECT Id, Metadata FROM CustomField WHERE TableEnumOrId = 'Contact'"
    assert refused(tooling(admin, several)) == "MALFORMED_QUERY"


def test_a_field_of_a_custom_object_is_filed_under_its_id(admin):
    thing = tooling(admin, "SELECT Id FROM CustomObject WHERE DeveloperName = 'mautic_timeline'").json()["records"][0][
        "Id"
    ]
    asked = f"SELECT DeveloperName FROM CustomField WHERE TableEnumOrId = '{thing}'"
    assert "ReferenceId" in {each["DeveloperName"] for each in tooling(admin, asked).json()["records"]}


def test_a_custom_field_is_made_once(admin):
    made = create(admin, "Contact.New__c", NEW)
    assert (made.status_code, made.json()["success"]) == (201, True)
    again = create(admin, "Contact.New__c", NEW)
    assert refused(again) == "DUPLICATE_DEVELOPER_NAME"
    assert again.json()[0]["message"] == "There is already a field named New on Contact."
    assert "New__c" not in field_names(admin, "Contact")


def test_a_custom_field_is_changed_and_deleted_by_id(org, admin):
    path = f"/tooling/sobjects/CustomField/{create(admin, 'Contact.New__c', NEW).json()['id']}"
    assert admin.ask("PATCH", path, {"Metadata": NEW | {"length": 80, "trackHistory": True}}).status_code == 204
    changed = admin.ask("GET", path).json()["Metadata"]
    assert (changed["length"], changed["trackHistory"]) == (80, True)
    assert refused(admin.ask("PATCH", path, {"Metadata": NEW | {"type": "Date"}})) == "FIELD_INTEGRITY_EXCEPTION"
    assert admin.ask("DELETE", path).status_code == 204
    assert admin.ask("GET", path).status_code == 404


def test_a_field_that_cannot_be_is_refused(admin):
    for name, metadata in (
        ("Contact.New__c", {"type": "Text", "label": "New"}),
        ("Task.New__c", NEW),
        ("Nothing__c.New__c", NEW),
    ):
        assert refused(create(admin, name, metadata)) == "FIELD_INTEGRITY_EXCEPTION"
    assert refused(create(admin, "New__c", NEW)) == "REQUIRED_FIELD_MISSING"


def test_an_ordinary_user_may_not_make_fields_and_custom_objects_are_nobodys_to_make_here(org, admin):
    assert admin.ask("POST", "/tooling/sobjects/CustomObject", {"FullName": "X__c", "Metadata": {}}).status_code == 404
    org.make_admin(is_admin=False)
    answer = create(Caller(org), "Contact.New__c", NEW)
    assert (answer.status_code, refused(answer)) == (403, "INSUFFICIENT_ACCESS")
