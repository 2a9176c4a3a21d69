"""Who may do what: rights of users, and the objects and fields a caller sees. Start here: `Permissions.apply`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.schema import ALL_RIGHTS, Field, Schema, SObject
from sidecar.sandbox.org.setup_objects import FIELD_RIGHTS, OBJECT_RIGHTS, USER_RIGHTS
from sidecar.sandbox.org.storage import Row, Storage

NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9]+)*")
NEEDED = {
    "PermissionSet": "ManageProfilesPermissionsets",
    "ObjectPermissions": "ManageProfilesPermissionsets",
    "FieldPermissions": "ManageProfilesPermissionsets",
    "PermissionSetAssignment": "AssignPermissionSets",
}
DEPENDS = {
    "create": {"read"},
    "edit": {"read"},
    "delete": {"read", "edit"},
    "view_all": {"read"},
    "modify_all": {"read", "edit", "delete", "view_all"},
}
OF_GRANT = 'SELECT {columns} FROM "{table}" AS g JOIN "PermissionSetAssignment" AS a ON a.PermissionSetId = g.{key} '


@dataclass(slots=True)
class Permissions:
    """Rights, kept in the org's own objects, and their effect on what a caller meets."""

    schema: Schema
    storage: Storage
    _applied: str | None = None
    _rights: dict[str, frozenset[str]] = field(default_factory=dict)

    def note_change(self) -> None:
        """Forget what was worked out; the next call works it out anew."""
        self._applied = None
        self._rights.clear()

    def rights(self, user_id: str) -> frozenset[str]:
        """Return the rights a user has by profile and permission sets, without the word Permissions before each."""
        if user_id not in self._rights:
            columns = ", ".join(f"max(g.{name})" for name in USER_RIGHTS)
            sql = OF_GRANT.format(columns=columns, table="PermissionSet", key="Id") + "WHERE a.AssigneeId = ?"
            row = self.storage.select(sql, [user_id])[0]
            held = (name for name, has in zip(USER_RIGHTS, row, strict=True) if has)
            self._rights[user_id] = frozenset(name.removeprefix("Permissions") for name in held)
        return self._rights[user_id]

    def require(self, user_id: str, *any_of: str, message: str = "insufficient access rights on object id") -> None:
        """Refuse a call of a user who has none of these rights."""
        if not self.rights(user_id) & set(any_of):
            raise OrgError("INSUFFICIENT_ACCESS", message, status=403)

    def apply(self, user_id: str) -> None:
        """Show the schema as one user sees it. Everything that answers a call reads these flags."""
        if self._applied == user_id:
            return
        self._applied = user_id
        rights = self.rights(user_id)
        grants = self._object_grants(user_id)
        field_grants = self._field_grants(user_id)
        for each in self.schema.objects.values():
            each.rights = each.profile_rights | grants.get(each.name.lower(), set())
            if "ModifyAllData" in rights:
                each.rights = ALL_RIGHTS
            elif "ViewAllData" in rights:
                each.rights = each.rights | {"read"}
            each.is_hidden = "read" not in each.rights or (each.is_setup and "ViewSetup" not in rights)
            for one in each.fields.values():
                may_read, may_edit = field_grants.get(f"{each.name}.{one.name}".lower(), (False, False))
                one.is_hidden = one.profile_hides and not may_read
                one.is_read_only = (one.profile_hides or one.profile_read_only) and not may_edit

    def _object_grants(self, user_id: str) -> dict[str, set[str]]:
        columns = ", ".join(["lower(g.SobjectType)", *(f"max(g.{name})" for name in OBJECT_RIGHTS)])
        sql = OF_GRANT.format(columns=columns, table="ObjectPermissions", key="ParentId")
        rows = self.storage.select(f"{sql} WHERE a.AssigneeId = ? GROUP BY 1", [user_id])
        return {
            row[0]: {right for right, has in zip(OBJECT_RIGHTS.values(), row[1:], strict=True) if has} for row in rows
        }

    def _field_grants(self, user_id: str) -> dict[str, tuple[bool, bool]]:
        columns = "lower(g.Field), max(g.PermissionsRead), max(g.PermissionsEdit)"
        sql = OF_GRANT.format(columns=columns, table="FieldPermissions", key="ParentId")
        rows = self.storage.select(f"{sql} WHERE a.AssigneeId = ? GROUP BY 1", [user_id])
        return {row[0]: (bool(row[1]), bool(row[2])) for row in rows}

    # What the org checks when rights themselves are written

    def require_for(self, each: SObject, user_id: str) -> None:
        """Refuse a user who may not write a set-up object."""
        if NEEDED[each.name] not in self.rights(user_id):
            raise OrgError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", [])

    def check(self, each: SObject, row: Row, own_id: str | None) -> None:
        """Refuse a row of a set-up object that cannot be."""
        if each.name == "PermissionSet":
            self._check_set(each, row, own_id)
        elif each.name == "PermissionSetAssignment":
            self._check_assignment(each, row, own_id)
        else:
            self._check_grant(each, row, own_id)

    def check_delete(self, each: SObject, row: Row) -> None:
        """Refuse to delete a permission set in use, or one that belongs to a profile."""
        if each.name == "PermissionSet":
            self._require_custom(row)
            self.require_unassigned(row)
        elif each.name == "PermissionSetAssignment":
            self._require_custom(self._set(row["PermissionSetId"]))

    def require_unassigned(self, permission_set: Row) -> None:
        """Refuse to delete a permission set that somebody holds."""
        holders = self.storage.where(
            self._object("PermissionSetAssignment"), "PermissionSetId = ?", [permission_set["Id"]]
        )
        if holders:
            message = f"Permission set {permission_set['Name']} is assigned to users and cannot be deleted"
            raise OrgError("DELETE_FAILED", message, [])

    def written(self, each: SObject, row: Row) -> None:
        """Do what follows a write: a grant of nothing goes away, and everybody's view is worked out anew."""
        names = FIELD_RIGHTS if each.name == "FieldPermissions" else OBJECT_RIGHTS
        if each.name in {"FieldPermissions", "ObjectPermissions"} and not any(row.get(name) for name in names):
            self.storage.remove(each, "Id = ?", [row["Id"]])
        self.note_change()

    def deleted(self, each: SObject, row: Row) -> None:
        """Take what belonged to a deleted permission set away."""
        if each.name == "PermissionSet":
            for name in ("ObjectPermissions", "FieldPermissions"):
                self.storage.remove(self._object(name), "ParentId = ?", [row["Id"]])
        self.note_change()

    def forget_field(self, object_name: str, field_name: str, *, edit_only: bool = False) -> None:
        """Take the grants of a field out of all permission sets, or only those to edit it."""
        name = f"{object_name}.{field_name}"
        each = self._object("FieldPermissions")
        if edit_only:
            for row in self.storage.where(each, "Field = ?", [name]):
                self.storage.update(each, row["Id"], {"PermissionsEdit": False})
        else:
            self.storage.remove(each, "Field = ?", [name])
        self.note_change()

    def forget_object(self, object_name: str) -> None:
        """Take the grants of an object out of all permission sets."""
        for name in ("ObjectPermissions", "FieldPermissions"):
            self.storage.remove(self._object(name), "SobjectType = ?", [object_name])
        self.note_change()

    def _check_set(self, each: SObject, row: Row, own_id: str | None) -> None:
        self._require_custom(row)
        if not NAME.fullmatch(row["Name"]):
            message = (
                "The Permission Set API Name can only contain underscores and alphanumeric characters. It must be unique, "
                "begin with a letter, not include spaces, not end with an underscore, and not contain two consecutive underscores."
            )
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", message, ["Name"])
        self._require_alone(each, own_id, {"Name": row["Name"]}, "DUPLICATE_DEVELOPER_NAME")

    def _check_assignment(self, each: SObject, row: Row, own_id: str | None) -> None:
        self._require_custom(self._set(row["PermissionSetId"]))
        user = self.storage.get(self._object("User"), row["AssigneeId"])
        if user is not None and not user["IsActive"]:
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", "Cannot assign a permission set to an inactive user", [])
        message = f"Duplicate PermissionSetAssignment. Assignee: {row['AssigneeId']}; Permission Set: {row['PermissionSetId']}"
        same = {"AssigneeId": row["AssigneeId"], "PermissionSetId": row["PermissionSetId"]}
        self._require_alone(each, own_id, same, "DUPLICATE_VALUE", message, ["PermissionSetId", "AssigneeId"])

    def _check_grant(self, each: SObject, row: Row, own_id: str | None) -> None:
        target = self._target(row["SobjectType"])
        row["SobjectType"] = target.name
        names, key = OBJECT_RIGHTS, {"ParentId": row["ParentId"], "SobjectType": target.name}
        if each.name == "FieldPermissions":
            row["Field"] = f"{target.name}.{self.granted_field(target, row['Field']).name}"
            names, key = FIELD_RIGHTS, key | {"Field": row["Field"]}
        require_dependencies({right for name, right in names.items() if row.get(name)}, row.get("Field") or target.name)
        self._require_alone(each, own_id, key, "DUPLICATE_VALUE")

    def _target(self, name: str) -> SObject:
        found = self.schema.objects.get(name.lower())
        if found is None or found.is_missing or found.is_setup or found.parent_key is not None:
            raise not_offered("Sobject Type Name", name, "SobjectType")
        return found

    @staticmethod
    def granted_field(target: SObject, name: str) -> Field:
        """Return the field behind 'Object.Field', if its visibility can be granted at all."""
        head, _, tail = name.partition(".")
        found = target.find(tail)
        if head.lower() != target.name.lower() or found is None or not found.is_permissionable:
            raise not_offered("Field Name", name, "Field")
        return found

    def _require_alone(
        self,
        each: SObject,
        own_id: str | None,
        key: dict[str, Any],
        code: str,
        message: str | None = None,
        fields: Iterable[str] = (),
    ) -> None:
        condition = " AND ".join(f'"{name}" = ?' for name in key)
        others = [row["Id"] for row in self.storage.where(each, condition, list(key.values())) if row["Id"] != own_id]
        if others:
            text = message or f"duplicate value found: <unknown> duplicates value on record with id: {others[0]}"
            raise OrgError(code, text, list(fields))

    def _require_custom(self, permission_set: Row) -> None:
        if permission_set.get("IsOwnedByProfile"):
            raise OrgError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", [])

    def _set(self, set_id: str) -> Row:
        found = self.storage.get(self._object("PermissionSet"), set_id)
        if found is None:
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
        return found

    def _object(self, name: str) -> SObject:
        return self.schema.objects[name.lower()]


def require_dependencies(held: set[str], subject: str) -> None:
    """Refuse rights that need others beside them: to edit is to read."""
    for right in sorted(held):
        lacking = DEPENDS.get(right, set()) - held
        if lacking:
            needs = ", ".join(f"{word(each)} {subject}" for each in sorted(lacking))
            message = f"Permission {word(right)} {subject} depends on permission(s): {needs}"
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", message, [])


def word(right: str) -> str:
    """Return a right as messages name it."""
    return {"view_all": "View All", "modify_all": "Modify All"}.get(right, right.title())


def not_offered(label: str, value: str, name: str) -> OrgError:
    """Return the answer for an object or field that cannot be granted."""
    message = f"{label}: bad value for restricted picklist field: {value}"
    return OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [name])
