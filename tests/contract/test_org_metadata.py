"""Metadata deployments to the sandbox org: asynchronous, checked, all or nothing, twice without effect, undone."""

import pytest

from sidecar.sandbox.org import Clock, Org
from tests.contract.org_caller import Caller
from tests.contract.org_metadata import (
    TEXT,
    admin_of,
    assign,
    begin,
    custom_object,
    deploy,
    effects,
    field,
    field_names,
    look,
    manifest,
    on_field,
    on_object,
    permission_set,
    problems,
    standard_object,
)

KEY = "<length>40</length><unique>true</unique><externalId>true</externalId><caseSensitive>false</caseSensitive>"
FIELDS = (
    field("ReferenceId__c", more=KEY.replace("40", "255"))
    + field("MauticLead__c", "Number", "<precision>18</precision><scale>0</scale><externalId>true</externalId>")
    + field("ActivityDate__c", "DateTime", "")
    + field("Description__c", "LongTextArea", "<length>131072</length><visibleLines>5</visibleLines>")
    + field(
        "contact_id__c", "Lookup", "<referenceTo>Contact</referenceTo><relationshipName>Timelines</relationshipName>"
    )
    + field("Mautic_url__c", "Url", "")
    + field("Done__c", "Checkbox", "<defaultValue>false</defaultValue>")
)
TRACKED = "<fields><fullName>HasOptedOutOfEmail</fullName><trackHistory>true</trackHistory></fields>"
WHOLE = {
    "package.xml": manifest(CustomObject=["mautic_timeline__c", "Contact"], PermissionSet="Sync"),
    "objects/mautic_timeline__c.object": custom_object(FIELDS),
    "objects/Contact.object": standard_object(
        field("Mautic_Id__c", more=KEY)
        + "<fields><fullName>HasOptedOutOfEmail</fullName><trackHistory>true</trackHistory></fields>",
        history="true",
    ),
    "permissionsets/Sync.permissionset": permission_set(
        on_field("Contact.Mautic_Id__c"),
        on_field("Contact.HasOptedOutOfEmail"),
        on_field("mautic_timeline__c.ReferenceId__c"),
        on_field("mautic_timeline__c.contact_id__c", editable="false"),
        on_object("mautic_timeline__c"),
    ),
}
UNDO = {
    "package.xml": manifest(),
    "destructiveChanges.xml": manifest(
        CustomObject="mautic_timeline__c", CustomField="Contact.Mautic_Id__c", PermissionSet="Sync"
    ),
}


@pytest.fixture
def org():
    org = Org(is_empty=True)
    yield org
    org.close()


@pytest.fixture
def caller(org):
    return admin_of(org)


def of_object(fields: str = "", **changes: str) -> dict[str, str]:
    name = "Thing__c"
    return {"package.xml": manifest(CustomObject=name), f"objects/{name}.object": custom_object(fields, **changes)}


def of_contact(fields: str, history: str = "") -> dict[str, str]:
    return {"package.xml": manifest(CustomObject="Contact"), "objects/Contact.object": standard_object(fields, history)}


def test_an_empty_org_has_nothing_of_a_customer(caller):
    listed = {each["name"] for each in caller.ask("GET", "/sobjects").json()["sobjects"]}
    assert not {name for name in listed if name.endswith("__c")}
    assert {"Lead", "Contact", "Task", "PermissionSet"} <= listed
    for name in ("Lead", "Contact"):
        fields = field_names(caller, name)
        assert "HasOptedOutOfEmail" not in fields
        assert not {one for one in fields if one.endswith("__c")}
    assert "LeadHistory" not in listed


def test_a_deployment_is_taken_first_and_done_later(caller):
    begun = begin(caller, WHOLE)
    assert begun.status_code == 201
    body = begun.json()
    assert {"id", "url", "deployOptions", "deployResult", "validatedDeployRequestId"} <= body.keys()
    assert (body["deployResult"]["status"], body["deployResult"]["done"]) == ("Pending", False)
    first = look(caller, body["id"])
    assert (first["status"], first["done"], first["success"]) == ("InProgress", False, False)
    last = look(caller, body["id"])
    assert (last["status"], last["done"], last["success"]) == ("Succeeded", True, True)
    assert last["numberComponentsTotal"] == last["numberComponentsDeployed"] == 12
    assert last["completedDate"] is not None


def test_a_deployment_nobody_asks_about_is_done_after_its_time():
    org = Org(clock=Clock(), is_empty=True)
    caller = admin_of(org)
    begin(caller, WHOLE)
    org.clock.advance(60)
    assert caller.query("SELECT Id FROM mautic_timeline__c").status_code == 200
    org.close()


def test_what_is_deployed_is_described_as_it_was_said(caller):
    deploy(caller, WHOLE)
    assert assign(caller, "Sync").status_code == 201
    described = {each["name"]: each for each in caller.ask("GET", "/sobjects/Contact/describe").json()["fields"]}
    key = described["Mautic_Id__c"]
    assert (key["type"], key["length"], key["unique"], key["externalId"], key["idLookup"]) == (
        "string",
        40,
        True,
        True,
        True,
    )
    assert described["HasOptedOutOfEmail"]["updateable"] is True
    made = caller.ask("GET", "/sobjects/mautic_timeline__c/describe").json()
    assert (made["label"], made["labelPlural"], made["custom"], made["createable"]) == (
        "Timeline",
        "Timelines",
        True,
        True,
    )
    lookup = next(each for each in made["fields"] if each["name"] == "contact_id__c")
    assert (lookup["referenceTo"], lookup["relationshipName"], lookup["updateable"]) == (
        ["Contact"],
        "contact_id__r",
        False,
    )


def test_records_of_a_deployed_object_can_be_written_found_and_deleted(caller):
    deploy(caller, WHOLE)
    assign(caller, "Sync")
    path = "/sobjects/mautic_timeline__c/ReferenceId__c/r-1"
    assert caller.ask("PATCH", path, {}).json()["created"] is True
    again = caller.ask("PATCH", path, {})
    assert (again.status_code, again.json()["created"]) == (200, False)
    record = caller.query("SELECT Id, Name FROM mautic_timeline__c WHERE ReferenceId__c = 'R-1'").json()["records"][0]
    assert record["Name"] == record["Id"][:15]
    assert caller.ask("DELETE", f"/sobjects/mautic_timeline__c/{record['Id']}").status_code == 204


def test_the_same_deployment_again_changes_nothing(caller):
    first = effects(deploy(caller, WHOLE))
    assert first["mautic_timeline__c"] == first["Contact.Mautic_Id__c"] == first["Sync"] == (True, True, False)
    assert first["Contact.HasOptedOutOfEmail"] == (False, True, False)
    again = deploy(caller, WHOLE)
    assert again["success"] is True
    assert set(effects(again).values()) == {(False, False, False)}


def test_a_field_that_says_something_else_is_changed_and_not_made_again(caller):
    deploy(caller, of_contact(field("Score__c")))
    longer = deploy(caller, of_contact(field("Score__c", more="<length>80</length>")))
    assert effects(longer)["Contact.Score__c"] == (False, True, False)


def test_a_deployment_with_one_error_leaves_nothing_behind(caller):
    both = field("Good__c") + field("Bad__c", more="")
    result = deploy(caller, of_contact(both))
    assert (result["status"], result["success"], result["numberComponentErrors"]) == ("Failed", False, 1)
    assert list(problems(result)) == ["Contact.Bad__c"]
    assert caller.org.schema.objects["contact"].find("Good__c") is None
    assert deploy(caller, of_contact(field("Good__c")))["success"] is True


def test_without_rollback_what_is_right_is_kept(caller):
    result = deploy(caller, of_contact(field("Good__c") + field("Bad__c", more="")), rollbackOnError=False)
    assert result["status"] == "SucceededPartial"
    assert caller.org.schema.objects["contact"].find("Good__c") is not None


def test_a_check_only_deployment_says_what_would_happen_and_does_nothing(caller):
    result = deploy(caller, WHOLE, checkOnly=True)
    assert (result["status"], result["checkOnly"]) == ("Succeeded", True)
    assert effects(result)["mautic_timeline__c"] == (True, True, False)
    assert caller.query("SELECT Id FROM mautic_timeline__c").json()[0]["errorCode"] == "INVALID_TYPE"
    assert caller.query("SELECT Id FROM PermissionSet WHERE Name = 'Sync'").json()["totalSize"] == 0


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Text", ""),
        ("Text", "<length>256</length>"),
        ("Text", "<length>many</length>"),
        ("Number", "<precision>18</precision>"),
        ("Number", "<precision>19</precision><scale>0</scale>"),
        ("Number", "<precision>4</precision><scale>5</scale>"),
        ("Checkbox", ""),
        ("LongTextArea", "<length>32000</length>"),
        ("LongTextArea", "<visibleLines>3</visibleLines>"),
        ("LongTextArea", "<length>255</length><visibleLines>3</visibleLines>"),
        ("LongTextArea", "<length>32000</length><visibleLines>3</visibleLines><externalId>true</externalId>"),
        ("Lookup", ""),
        ("Lookup", "<referenceTo>Nothing__c</referenceTo>"),
        ("Url", "<unique>true</unique>"),
        ("Text", "<length>40</length><caseSensitive>true</caseSensitive>"),
        ("Words", TEXT),
        ("Picklist", ""),
    ],
)
def test_a_field_that_lacks_or_contradicts_something_is_refused(caller, kind, more):
    result = deploy(caller, of_contact(field("Wrong__c", kind, more)))
    assert problems(result).keys() == {"Contact.Wrong__c"}
    failure = result["details"]["componentFailures"][0]
    assert (failure["componentType"], failure["problemType"], failure["success"]) == ("CustomField", "Error", False)
    assert failure["fileName"] == "objects/Contact.object"


@pytest.mark.parametrize("name", ["9lives__c", "two__in_a_row__c", "ends___c", "plain", f"{'x' * 41}__c"])
def test_a_field_needs_a_name_the_org_accepts(caller, name):
    assert deploy(caller, of_contact(field(name)))["success"] is False


@pytest.mark.parametrize("name", ["label", "pluralLabel", "deploymentStatus", "sharingModel", "nameField"])
def test_an_object_that_lacks_something_is_refused(caller, name):
    assert problems(deploy(caller, of_object(**{name: ""}))).keys() == {"Thing__c"}


def test_records_can_get_their_names_by_number(caller):
    numbered = "<label>Number</label><type>AutoNumber</type><displayFormat>T-{0000}</displayFormat>"
    deploy(caller, of_object(nameField=numbered))
    new_id = caller.org.insert("Thing__c", {})
    assert caller.org.row("Thing__c", new_id)["Name"] == "T-0001"


def test_a_child_relationship_has_a_name_of_its_own(caller):
    named = "<referenceTo>Contact</referenceTo><relationshipName>Things</relationshipName>"
    result = deploy(caller, of_object(field("One__c", "Lookup", named) + field("Two__c", "Lookup", named)))
    assert problems(result) == {"Thing__c.Two__c": "There is already a Child Relationship named Things on Contact."}


def test_a_required_field_needs_no_grant_and_takes_none(caller):
    deploy(caller, of_object(field("Must__c", more=f"{TEXT}<required>true</required>")))
    assert "Must__c" in field_names(caller, "Thing__c")
    granted = {
        "package.xml": manifest(PermissionSet="P"),
        "permissionsets/P.permissionset": permission_set(on_field("Thing__c.Must__c")),
    }
    assert problems(deploy(caller, granted)) == {"P": "You cannot deploy to a required field: Thing__c.Must__c"}


def test_the_checkboxes_of_old_records_get_the_default(caller):
    contact = caller.org.insert("Contact", {"LastName": "A"})
    deploy(caller, of_contact(field("Gone__c", "Checkbox", "<defaultValue>true</defaultValue>")))
    assert caller.org.row("Contact", contact)["Gone__c"] is True


def test_custom_fields_of_tasks_live_on_activity(caller):
    on_task = {"package.xml": manifest(CustomObject="Task"), "objects/Task.object": standard_object(field("Ref__c"))}
    assert "Task" in problems(deploy(caller, on_task))["Task.Ref__c"]
    on_activity = {
        "package.xml": manifest(CustomField="Activity.Ref__c"),
        "objects/Activity.object": standard_object(field("Ref__c")),
    }
    assert deploy(caller, on_activity)["success"] is True
    assert caller.org.schema.objects["task"].find("Ref__c") is not None


def test_a_manifest_and_its_files_must_agree(caller):
    lacking = {"package.xml": manifest(CustomObject="Lacking__c")}
    assert "was not found in zipped directory" in problems(deploy(caller, lacking))["Lacking__c"]
    unnamed = {"package.xml": manifest(), "objects/Thing__c.object": custom_object()}
    assert problems(deploy(caller, unnamed)) == {"Thing__c": "Not in package.xml"}
    assert problems(deploy(caller, {"readme.txt": "hello"})) == {"package.xml": "No package.xml found"}
    broken = {"package.xml": manifest(CustomObject="Contact"), "objects/Contact.object": "<CustomObject>"}
    assert "Error parsing file" in problems(deploy(caller, broken))["Contact"]


def test_only_the_members_named_are_deployed(caller):
    files = of_contact(field("Named__c") + field("Other__c"), history="true")
    result = deploy(caller, files | {"package.xml": manifest(CustomField="Contact.Named__c")})
    assert effects(result).keys() == {"package.xml", "Contact.Named__c"}


def test_a_field_named_by_itself_and_with_its_object_is_deployed_once(caller):
    files = of_contact(field("Named__c"))
    both = manifest(CustomObject="Contact", CustomField="Contact.Named__c")
    result = deploy(caller, files | {"package.xml": both})
    assert effects(result)["Contact.Named__c"] == (True, True, False)
    assert result["numberComponentsTotal"] == 2


def test_undoing_takes_fields_objects_and_values_away(caller):
    deploy(caller, WHOLE)
    contact = caller.org.insert("Contact", {"LastName": "A", "Mautic_Id__c": "7"})
    result = deploy(caller, UNDO)
    assert effects(result)["Contact.Mautic_Id__c"] == (False, True, True)
    assert caller.query("SELECT Id FROM mautic_timeline__c").json()[0]["errorCode"] == "INVALID_TYPE"
    assert caller.query("SELECT Mautic_Id__c FROM Contact").json()[0]["errorCode"] == "INVALID_FIELD"
    assert caller.query("SELECT Id FROM FieldPermissions WHERE Field = 'Contact.Mautic_Id__c'").json()["totalSize"] == 0
    deploy(caller, WHOLE)
    assert caller.org.row("Contact", contact)["Mautic_Id__c"] is None


def test_a_permission_set_somebody_holds_cannot_be_deleted(caller):
    deploy(caller, WHOLE)
    held = assign(caller, "Sync").json()["id"]
    assert problems(deploy(caller, UNDO)).keys() == {"Sync"}
    assert caller.query("SELECT Id FROM mautic_timeline__c").status_code == 200
    assert caller.ask("DELETE", f"/sobjects/PermissionSetAssignment/{held}").status_code == 204
    assert deploy(caller, UNDO)["success"] is True


def test_deleting_what_is_not_there_is_a_warning_one_may_ignore(caller):
    gone = {"package.xml": manifest(), "destructiveChanges.xml": manifest(CustomField="Contact.Gone__c")}
    assert deploy(caller, gone)["success"] is False
    result = deploy(caller, gone, ignoreWarnings=True)
    assert result["success"] is True
    assert result["details"]["componentSuccesses"][-1]["problemType"] == "Warning"


def test_an_object_others_refer_to_stays(caller):
    deploy(caller, of_object())
    deploy(caller, of_contact(field("Thing__c", "Lookup", "<referenceTo>Thing__c</referenceTo>")))
    gone = {"package.xml": manifest(), "destructiveChangesPost.xml": manifest(CustomObject="Thing__c")}
    assert "Contact.Thing__c" in problems(deploy(caller, gone))["Thing__c"]


def test_a_permission_set_is_deployed_whole(caller):
    deploy(caller, WHOLE)
    less = {
        "package.xml": manifest(PermissionSet="Sync"),
        "permissionsets/Sync.permissionset": permission_set(on_field("Contact.Mautic_Id__c")),
    }
    assert effects(deploy(caller, less))["Sync"] == (False, True, False)
    left = caller.query("SELECT Field FROM FieldPermissions").json()["records"]
    assert [each["Field"] for each in left] == ["Contact.Mautic_Id__c"]
    assert caller.query("SELECT Id FROM ObjectPermissions").json()["totalSize"] == 0


@pytest.mark.parametrize(
    "grants",
    [
        permission_set(on_field("Contact.Nothing__c")),
        permission_set(on_object("Nothing__c")),
        permission_set(on_field("Contact.Title", readable="false")),
        permission_set(on_object("Contact", allowRead="false")),
        permission_set(on_field("Contact.LastName")),
        permission_set(label=""),
    ],
)
def test_a_permission_set_that_cannot_be_is_refused(caller, grants):
    files = {"package.xml": manifest(PermissionSet="P"), "permissionsets/P.permissionset": grants}
    assert problems(deploy(caller, files)).keys() == {"P"}
    assert caller.query("SELECT Id FROM PermissionSet WHERE Name = 'P'").json()["totalSize"] == 0


def test_an_ordinary_user_may_not_deploy(org):
    refused = begin(Caller(org), WHOLE)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS")


def test_history_is_kept_for_tracked_fields_once_it_is_on(caller):
    contact = caller.org.insert("Contact", {"LastName": "A"})
    caller.org.update("Contact", contact, {"HasOptedOutOfEmail": True})
    assert caller.query("SELECT Id FROM ContactHistory").json()[0]["errorCode"] == "INVALID_TYPE"
    assert (
        "does not have history tracking enabled"
        in problems(deploy(caller, of_contact(TRACKED)))["Contact.HasOptedOutOfEmail"]
    )
    deploy(caller, of_contact(TRACKED, history="true"))
    caller.org.update("Contact", contact, {"HasOptedOutOfEmail": False, "Title": "Dr"})
    rows = caller.query("SELECT Field, OldValue, NewValue FROM ContactHistory").json()["records"]
    assert [(row["Field"], row["OldValue"], row["NewValue"]) for row in rows] == [("HasOptedOutOfEmail", True, False)]


def test_at_most_twenty_fields_of_an_object_are_tracked(caller):
    tracked = "".join(field(f"F{number}__c", more=f"{TEXT}<trackHistory>true</trackHistory>") for number in range(21))
    result = deploy(caller, of_contact(tracked, history="true"))
    assert problems(result) == {"Contact.F20__c": "exceeded the allowed number of fields to track on a given entity"}


def test_a_custom_object_gets_its_own_history(caller):
    deploy(caller, of_object(field("A__c", more=f"{TEXT}<trackHistory>true</trackHistory>"), enableHistory="true"))
    thing = caller.org.insert("Thing__c", {"A__c": "old"})
    caller.org.update("Thing__c", thing, {"A__c": "new"})
    rows = caller.query("SELECT Field, ParentId FROM Thing__History ORDER BY CreatedDate").json()["records"]
    assert {(row["Field"], row["ParentId"]) for row in rows} == {("created", thing), ("A__c", thing)}
