"""Who may do what in the sandbox org: profiles, permission sets, and what a caller sees because of them."""

import json
from pathlib import Path

import pytest

from sidecar.sandbox.org import Org
from tests.contract.org_caller import Caller
from tests.contract.org_metadata import admin_of, deploy, field, field_names, manifest, standard_object

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"


@pytest.fixture
def org():
    org = Org(is_empty=True)
    yield org
    org.close()


@pytest.fixture
def admin(org):
    return admin_of(org)


def made(answer) -> str:
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def refused(answer) -> str:
    assert answer.status_code >= 400, answer.text
    return answer.json()[0]["errorCode"]


def a_set(caller, name: str = "Sync") -> str:
    return made(caller.ask("POST", "/sobjects/PermissionSet", {"Name": name, "Label": name}))


def grant_field(caller, set_id: str, name: str, *, edit: bool = True, read: bool = True):
    body = {"ParentId": set_id, "SobjectType": name.partition(".")[0], "Field": name}
    return caller.ask("POST", "/sobjects/FieldPermissions", body | {"PermissionsRead": read, "PermissionsEdit": edit})


def grant_object(caller, set_id: str, name: str, *rights: str):
    body = {"ParentId": set_id, "SobjectType": name} | {f"Permissions{right}": True for right in rights}
    return caller.ask("POST", "/sobjects/ObjectPermissions", body)


def hold(caller, set_id: str, by: str = "api"):
    body = {"AssigneeId": caller.org.user_ids[by], "PermissionSetId": set_id}
    return caller.ask("POST", "/sobjects/PermissionSetAssignment", body)


def a_field(caller, name: str = "Extra__c") -> None:
    files = {"package.xml": manifest(CustomObject="Contact"), "objects/Contact.object": standard_object(field(name))}
    assert deploy(caller, files)["success"] is True


def test_a_new_field_is_there_for_nobody_not_even_its_maker_until_it_is_granted(admin):
    a_field(admin)
    assert "Extra__c" not in field_names(admin, "Contact")
    assert refused(admin.query("SELECT Extra__c FROM Contact")) == "INVALID_FIELD"
    assert refused(admin.ask("POST", "/sobjects/Contact", {"LastName": "A", "Extra__c": "x"})) == "INVALID_FIELD"
    set_id = a_set(admin)
    made(grant_field(admin, set_id, "Contact.Extra__c"))
    assert "Extra__c" not in field_names(admin, "Contact")
    held = made(hold(admin, set_id))
    made(admin.ask("POST", "/sobjects/Contact", {"LastName": "A", "Extra__c": "x"}))
    assert admin.query("SELECT Extra__c FROM Contact").json()["records"][0]["Extra__c"] == "x"
    assert admin.ask("DELETE", f"/sobjects/PermissionSetAssignment/{held}").status_code == 204
    assert "Extra__c" not in field_names(admin, "Contact")


def test_a_grant_holds_for_its_holder_only(org, admin):
    a_field(admin)
    set_id = a_set(admin)
    grant_field(admin, set_id, "Contact.Extra__c")
    hold(admin, set_id, "seller")
    seller = Caller(org)
    seller.session.headers["Authorization"] = f"Bearer {org.token('seller')}"
    assert "Extra__c" in field_names(seller, "Contact")
    assert "Extra__c" not in field_names(admin, "Contact")
    assert "Extra__c" in field_names(seller, "Contact")


def test_a_field_granted_to_read_is_read_only(admin):
    set_id = a_set(admin)
    made(grant_field(admin, set_id, "Contact.HasOptedOutOfEmail", edit=False))
    hold(admin, set_id)
    assert admin.query("SELECT HasOptedOutOfEmail FROM Contact").status_code == 200
    answer = admin.ask("POST", "/sobjects/Contact", {"LastName": "A", "HasOptedOutOfEmail": True})
    assert refused(answer) == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_an_administrator_may_take_a_field_away_again(org, admin):
    set_id = a_set(admin)
    made(grant_field(admin, set_id, "Contact.HasOptedOutOfEmail"))
    hold(admin, set_id)
    org.hide_field("Contact", "HasOptedOutOfEmail")
    assert "HasOptedOutOfEmail" not in field_names(admin, "Contact")
    assert admin.query("SELECT Id FROM FieldPermissions").json()["totalSize"] == 0


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Contact.Nothing__c", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Nothing__c.Name", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Contact.LastName", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Contact.OwnerId", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Contact.CreatedDate", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    ],
)
def test_only_fields_whose_visibility_can_be_taken_can_be_granted(admin, name, code):
    assert refused(grant_field(admin, a_set(admin), name)) == code


def test_a_field_is_named_with_its_object(admin):
    body = {"ParentId": a_set(admin), "SobjectType": "Contact", "PermissionsRead": True}
    assert refused(admin.ask("POST", "/sobjects/FieldPermissions", body | {"Field": "Title"})).startswith(
        "INVALID_OR_NULL"
    )
    assert refused(admin.ask("POST", "/sobjects/FieldPermissions", body | {"Field": "Lead.Title"})).startswith(
        "INVALID_OR_NULL"
    )


def test_what_describe_calls_permissionable_is_what_a_real_org_calls_so():
    org = Org()
    caller = Caller(org)
    for name in ("Lead", "Contact", "Account"):
        real = json.loads((RECORDINGS / f"describe-{name.lower()}-cumulusci.json").read_text())["response"]["body"][
            "fields"
        ]
        ours = {
            each["name"]: each["permissionable"]
            for each in caller.ask("GET", f"/sobjects/{name}/describe").json()["fields"]
        }
        shared = {each["name"]: each["permissionable"] for each in real if each["name"] in ours}
        assert len(shared) > 20
        assert {one: ours[one] for one in shared} == shared
    org.close()


def test_to_edit_is_to_read(admin):
    set_id = a_set(admin)
    assert refused(grant_field(admin, set_id, "Contact.Title", read=False)) == "FIELD_INTEGRITY_EXCEPTION"
    assert refused(grant_object(admin, set_id, "Contact", "Edit")) == "FIELD_INTEGRITY_EXCEPTION"
    assert refused(grant_object(admin, set_id, "Contact", "Read", "Delete")) == "FIELD_INTEGRITY_EXCEPTION"
    made(grant_object(admin, set_id, "Contact", "Read", "Edit", "Delete"))


def test_a_grant_is_given_once(admin):
    set_id = a_set(admin)
    made(grant_field(admin, set_id, "Contact.Title"))
    assert refused(grant_field(admin, set_id, "Contact.Title")) == "DUPLICATE_VALUE"
    made(grant_object(admin, set_id, "Contact", "Read"))
    assert refused(grant_object(admin, set_id, "Contact", "Read")) == "DUPLICATE_VALUE"
    made(hold(admin, set_id))
    again = hold(admin, set_id)
    assert refused(again) == "DUPLICATE_VALUE"
    assert "Duplicate PermissionSetAssignment" in again.json()[0]["message"]


def test_a_grant_of_nothing_goes_away(admin):
    granted = made(grant_field(admin, a_set(admin), "Contact.Title"))
    body = {"PermissionsRead": False, "PermissionsEdit": False}
    assert admin.ask("PATCH", f"/sobjects/FieldPermissions/{granted}", body).status_code == 204
    assert admin.ask("GET", f"/sobjects/FieldPermissions/{granted}").status_code == 404


@pytest.mark.parametrize("name", ["", "9lives", "with space", "ends_", "two__in_a_row"])
def test_a_permission_set_needs_a_name_the_org_accepts(admin, name):
    assert refused(admin.ask("POST", "/sobjects/PermissionSet", {"Name": name, "Label": "x"}))


def test_a_permission_set_has_its_name_alone(admin):
    a_set(admin)
    body = {"Name": "Sync", "Label": "Other"}
    assert refused(admin.ask("POST", "/sobjects/PermissionSet", body)) == "DUPLICATE_DEVELOPER_NAME"


def test_a_permission_set_is_deleted_with_its_grants_once_nobody_holds_it(admin):
    set_id = a_set(admin)
    grant_field(admin, set_id, "Contact.Title")
    grant_object(admin, set_id, "Contact", "Read")
    held = made(hold(admin, set_id))
    assert refused(admin.ask("DELETE", f"/sobjects/PermissionSet/{set_id}")) == "DELETE_FAILED"
    admin.ask("DELETE", f"/sobjects/PermissionSetAssignment/{held}")
    assert admin.ask("DELETE", f"/sobjects/PermissionSet/{set_id}").status_code == 204
    for name in ("FieldPermissions", "ObjectPermissions"):
        assert admin.query(f"SELECT Id FROM {name}").json()["totalSize"] == 0


def test_an_ordinary_user_reads_rights_and_changes_none(org):
    caller = Caller(org)
    assert (
        refused(caller.ask("POST", "/sobjects/PermissionSet", {"Name": "X", "Label": "X"}))
        == "INSUFFICIENT_ACCESS_OR_READONLY"
    )
    assert caller.query("SELECT Id FROM PermissionSet").status_code == 200


def test_a_user_without_view_setup_does_not_see_rights_at_all(org):
    org.set_profile("api", "Minimum Access - API Only Integrations")
    assert refused(Caller(org).query("SELECT Id FROM PermissionSetAssignment")) == "INVALID_TYPE"


def test_what_a_user_may_do_can_be_asked_of_the_permission_sets_they_hold(org):
    caller = Caller(org)
    asked = (
        "SELECT PermissionSet.PermissionsModifyMetadata, PermissionSet.IsOwnedByProfile, PermissionSet.Profile.Name "
        f"FROM PermissionSetAssignment WHERE AssigneeId = '{org.user_ids['api']}'"
    )
    before = caller.query(asked).json()["records"]
    assert [each["PermissionSet"]["PermissionsModifyMetadata"] for each in before] == [False]
    org.make_admin()
    after = caller.query(asked).json()["records"]
    assert [each["PermissionSet"]["PermissionsModifyMetadata"] for each in after] == [True]
    assert after[0]["PermissionSet"]["Profile"]["Name"] == "System Administrator"
    profile = caller.query(f"SELECT Profile.PermissionsApiEnabled FROM User WHERE Id = '{org.user_ids['api']}'").json()
    assert profile["records"][0]["Profile"]["PermissionsApiEnabled"] is True


def test_rights_come_by_permission_set_too(org, admin):
    body = {
        "Name": "Deployers",
        "Label": "Deployers",
        "PermissionsModifyMetadata": True,
        "PermissionsCustomizeApplication": True,
    }
    hold(admin, made(admin.ask("POST", "/sobjects/PermissionSet", body)))
    org.make_admin(is_admin=False)
    a_field(admin)


def test_the_permission_set_behind_a_profile_is_not_to_be_touched(admin):
    owned = admin.query("SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = true").json()["records"][0]["Id"]
    assert refused(admin.ask("DELETE", f"/sobjects/PermissionSet/{owned}")) == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert refused(hold(admin, owned, "seller")) == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_a_new_object_is_seen_by_those_it_is_granted_to_and_by_administrators(org, admin):
    from tests.contract.org_metadata import custom_object

    deploy(admin, {"package.xml": manifest(CustomObject="Thing__c"), "objects/Thing__c.object": custom_object()})
    made(admin.ask("POST", "/sobjects/Thing__c", {"Name": "one"}))
    set_id = a_set(admin)
    granted = made(grant_object(admin, set_id, "Thing__c", "Read"))
    org.make_admin(is_admin=False)
    assert refused(admin.query("SELECT Id FROM Thing__c")) == "INVALID_TYPE"
    assert admin.ask("GET", "/sobjects/Thing__c/describe").status_code == 404
    org.make_admin()
    hold(admin, set_id)
    org.make_admin(is_admin=False)
    described = admin.ask("GET", "/sobjects/Thing__c/describe").json()
    assert (described["createable"], described["updateable"], described["deletable"]) == (False, False, False)
    record = admin.query("SELECT Id FROM Thing__c").json()["records"][0]["Id"]
    assert refused(admin.ask("POST", "/sobjects/Thing__c", {"Name": "two"})) == "INVALID_TYPE_FOR_OPERATION"
    assert refused(admin.ask("DELETE", f"/sobjects/Thing__c/{record}")) == "INVALID_TYPE_FOR_OPERATION"
    org.make_admin()
    admin.ask("PATCH", f"/sobjects/ObjectPermissions/{granted}", {"PermissionsCreate": True})
    org.make_admin(is_admin=False)
    made(admin.ask("POST", "/sobjects/Thing__c", {"Name": "two"}))
