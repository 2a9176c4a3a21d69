"""The objects in which an org keeps who may do what: profiles, permission sets, their grants and who holds them."""

from sidecar.sandbox.org.schema import Field, SObject
from sidecar.sandbox.org.standard import audit, by_name, checkbox, fixed, lookup, picklist, text

USER_RIGHTS = {
    "PermissionsApiEnabled": "API Enabled",
    "PermissionsViewSetup": "View Setup and Configuration",
    "PermissionsCustomizeApplication": "Customize Application",
    "PermissionsModifyMetadata": "Modify Metadata Through Metadata API Functions",
    "PermissionsManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "PermissionsAssignPermissionSets": "Assign Permission Sets",
    "PermissionsManageUsers": "Manage Internal Users",
    "PermissionsViewAllData": "View All Data",
    "PermissionsModifyAllData": "Modify All Data",
}
OBJECT_RIGHTS = {
    "PermissionsRead": "read",
    "PermissionsCreate": "create",
    "PermissionsEdit": "edit",
    "PermissionsDelete": "delete",
    "PermissionsViewAllRecords": "view_all",
    "PermissionsModifyAllRecords": "modify_all",
}
FIELD_RIGHTS = {"PermissionsRead": "read", "PermissionsEdit": "edit"}


def setup_objects() -> list[SObject]:
    """Return the objects of this module."""
    return [profile(), permission_set(), assignment(), object_permissions(), field_permissions(), duplicate_rule()]


def record_id(label: str) -> Field:
    """Return the id field of a set-up object, which has no recycle bin."""
    return fixed(Field("Id", label, "id", 18, id_lookup=True))


def system_modstamp() -> Field:
    """Return the one stamp that grants carry."""
    return fixed(Field("SystemModstamp", "System Modstamp", "datetime"))


def user_rights() -> list[Field]:
    """Return one checkbox per right of a user."""
    return [checkbox(name, label) for name, label in USER_RIGHTS.items()]


def profile() -> SObject:
    """Return the Profile, which the org itself brings."""
    fields = [
        record_id("Profile ID"),
        text("Name", "Name", 255, nillable=False, name_field=True),
        picklist("UserType", "User Type", ("Standard",), 40, defaulted=True, default="Standard"),
        text("Description", "Description", 255),
        *user_rights(),
        *audit(),
    ]
    return SObject("Profile", "Profile", "Profile", "00e", by_name(fields), createable=False, deletable=False)


def permission_set() -> SObject:
    """Return the PermissionSet."""
    fields = [
        record_id("PermissionSet ID"),
        text("Name", "Permission Set Name", 80, nillable=False, name_field=True),
        text("Label", "Permission Set Label", 80, nillable=False),
        text("Description", "Description", 255),
        fixed(text("LicenseId", "License ID", 18), defaulted=False),
        fixed(lookup("ProfileId", "Profile ID", "Profile", "Profile"), defaulted=False),
        fixed(Field("IsOwnedByProfile", "Is Owned By Profile", "boolean", default=False)),
        fixed(Field("IsCustom", "Custom", "boolean", default=True)),
        checkbox("HasActivationRequired", "Session Activation Required"),
        fixed(text("NamespacePrefix", "Namespace Prefix", 15), defaulted=False),
        fixed(picklist("Type", "Type", ("Regular", "Profile"), 40, default="Regular")),
        *user_rights(),
        *audit(),
    ]
    return SObject("PermissionSet", "Permission Set", "Permission Sets", "0PS", by_name(fields), is_setup=True)


def assignment() -> SObject:
    """Return the PermissionSetAssignment: a user holds a permission set."""
    fields = [
        record_id("PermissionSetAssignment ID"),
        lookup(
            "PermissionSetId", "PermissionSet ID", "PermissionSet", "PermissionSet", nillable=False, updateable=False
        ),
        lookup("AssigneeId", "Assignee ID", "User", "Assignee", nillable=False, updateable=False),
        Field("ExpirationDate", "Expires On", "datetime"),
        fixed(Field("IsActive", "Is Active", "boolean", default=True)),
        system_modstamp(),
    ]
    label = "Permission Set Assignment"
    return SObject("PermissionSetAssignment", label, f"{label}s", "0Pa", by_name(fields), is_setup=True)


def grant(label: str, *more: Field) -> list[Field]:
    """Return what object and field permissions share."""
    return [
        record_id(f"{label} ID"),
        lookup("ParentId", "Parent ID", "PermissionSet", "Parent", nillable=False, updateable=False),
        text("SobjectType", "Sobject Type Name", 40, nillable=False, updateable=False),
        *more,
        system_modstamp(),
    ]


def object_permissions() -> SObject:
    """Return ObjectPermissions: what a permission set allows with an object."""
    rights = [checkbox(name, name.removeprefix("Permissions")) for name in OBJECT_RIGHTS]
    fields = grant("ObjectPermissions", *rights)
    return SObject(
        "ObjectPermissions", "Object Permissions", "Object Permissions", "110", by_name(fields), is_setup=True
    )


def field_permissions() -> SObject:
    """Return FieldPermissions: what a permission set allows with a field."""
    named = text("Field", "Field Name", 255, nillable=False, updateable=False)
    fields = grant(
        "FieldPermissions", named, *(checkbox(name, name.removeprefix("Permissions")) for name in FIELD_RIGHTS)
    )
    return SObject("FieldPermissions", "Field Permissions", "Field Permissions", "01k", by_name(fields), is_setup=True)


def duplicate_rule() -> SObject:
    """Return the DuplicateRule; rules are made in Setup, the API only reads them."""
    fields = [
        record_id("Duplicate Rule ID"),
        fixed(Field("IsDeleted", "Deleted", "boolean", default=False)),
        picklist("SobjectType", "Object", (), 40),
        text("DeveloperName", "Object Name", 80, name_field=True),
        text("MasterLabel", "Rule Name", 80),
        text("NamespacePrefix", "Namespace Prefix", 15),
        checkbox("IsActive", "Active"),
        *audit(),
    ]
    return SObject(
        "DuplicateRule", "Duplicate Rule", "Duplicate Rules", "0Bm", by_name(fields), createable=False, deletable=False
    )
