"""A permission set as metadata: deployed whole, so that what it does not name is taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.sandbox.org.customising import Effect
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.field_metadata import Definition, RefusedError
from sidecar.sandbox.org.records import Actor, Records
from sidecar.sandbox.org.schema import SObject
from sidecar.sandbox.org.setup_objects import USER_RIGHTS
from sidecar.sandbox.org.storage import Row

OBJECT_ELEMENTS = {
    "allowRead": "PermissionsRead",
    "allowCreate": "PermissionsCreate",
    "allowEdit": "PermissionsEdit",
    "allowDelete": "PermissionsDelete",
    "viewAllRecords": "PermissionsViewAllRecords",
    "modifyAllRecords": "PermissionsModifyAllRecords",
}
FIELD_ELEMENTS = {"readable": "PermissionsRead", "editable": "PermissionsEdit"}


@dataclass(slots=True)
class PermissionSets:
    """Permission sets by their API names."""

    records: Records

    def put(self, name: str, values: Mapping[str, Any], user_id: str) -> Effect:
        """Create a permission set, or make the one that is there say this and nothing else."""
        said, actor = Definition(values), Actor(user_id)
        if not said.has("label"):
            raise RefusedError("Required field is missing: label")
        wanted: Row = {"Label": said.text("label"), "Description": said.text("description") or None}
        granted = {f"Permissions{Definition(each).text('name')}" for each in enabled(said)}
        unknown = granted - set(USER_RIGHTS)
        if unknown:
            raise RefusedError(f"Unknown user permission: {min(unknown).removeprefix('Permissions')}")
        wanted |= {right: right in granted for right in USER_RIGHTS}
        found = self.find(name)
        try:
            set_id, changed = self._put_set(name, found, wanted, actor)
            changed |= self._put_grants(set_id, "ObjectPermissions", self._objects(said), actor)
            changed |= self._put_grants(set_id, "FieldPermissions", self._fields(said), actor)
        except OrgError as error:
            raise RefusedError(error.message) from None
        return Effect(created=found is None, changed=changed)

    def delete(self, name: str) -> bool:
        """Delete a permission set nobody holds; say whether it was there."""
        found = self.find(name)
        if found is None:
            return False
        each = self._object("PermissionSet")
        try:
            self.records.permissions.check_delete(each, found)
        except OrgError as error:
            raise RefusedError(error.message) from None
        self.records.storage.remove(each, "Id = ?", [found["Id"]])
        self.records.permissions.deleted(each, found)
        return True

    def find(self, name: str) -> Row | None:
        """Return a permission set that is no profile's."""
        each = self._object("PermissionSet")
        found = self.records.storage.where(each, "Name = ? AND IsOwnedByProfile = 0", [name])
        return found[0] if found else None

    def _put_set(self, name: str, found: Row | None, wanted: Row, actor: Actor) -> tuple[str, bool]:
        each = self._object("PermissionSet")
        if found is None:
            return self.records.insert(each, {"Name": name} | wanted, actor), True
        set_id: str = found["Id"]
        if any(found[key] != value for key, value in wanted.items()):
            self.records.update(each, set_id, wanted, actor)
            return set_id, True
        return set_id, False

    def _objects(self, said: Definition) -> dict[tuple[str, str], Row]:
        grants = {}
        for values in said.values.get("objectPermissions", []):
            given = Definition(values)
            target = self._target(given.text("object"), "object")
            rights: Row = {name: given.flag(element) for element, name in OBJECT_ELEMENTS.items()}
            grants[target.name, ""] = rights
        return grants

    def _fields(self, said: Definition) -> dict[tuple[str, str], Row]:
        grants = {}
        for values in said.values.get("fieldPermissions", []):
            given = Definition(values)
            object_name, _, field_name = given.text("field").partition(".")
            target = self._target(object_name, "field")
            field = target.find(field_name)
            if field is None:
                raise RefusedError(f"In field: field - no CustomField named {given.text('field')} found")
            if field.is_required or field.name == "OwnerId":
                raise RefusedError(f"You cannot deploy to a required field: {target.name}.{field.name}")
            rights: Row = {name: given.flag(element) for element, name in FIELD_ELEMENTS.items()}
            grants[target.name, f"{target.name}.{field.name}"] = rights
        return grants

    def _put_grants(self, set_id: str, kind: str, wanted: dict[tuple[str, str], Row], actor: Actor) -> bool:
        """Make the grants of a set these and no others."""
        each = self._object(kind)
        wanted = {key: rights for key, rights in wanted.items() if any(rights.values())}
        known = {
            (row["SobjectType"], row.get("Field") or ""): row
            for row in self.records.storage.where(each, "ParentId = ?", [set_id])
        }
        for key in known.keys() - wanted.keys():
            self.records.storage.remove(each, "Id = ?", [known[key]["Id"]])
        changed = bool(known.keys() - wanted.keys())
        for key, rights in wanted.items():
            if key not in known:
                named: Row = {"ParentId": set_id, "SobjectType": key[0]} | ({"Field": key[1]} if key[1] else {})
                self.records.insert(each, named | rights, actor)
                changed = True
            elif any(known[key][name] != value for name, value in rights.items()):
                self.records.update(each, known[key]["Id"], rights, actor)
                changed = True
        self.records.permissions.note_change()
        return changed

    def _target(self, name: str, element: str) -> SObject:
        found = self.records.schema.objects.get(name.lower())
        if found is None or found.is_missing:
            raise RefusedError(f"In field: {element} - no CustomObject named {name} found")
        return found

    def _object(self, name: str) -> SObject:
        return self.records.schema.objects[name.lower()]


def enabled(said: Definition) -> list[Mapping[str, Any]]:
    """Return the user rights a permission set switches on."""
    return [each for each in said.values.get("userPermissions", []) if Definition(each).flag("enabled")]
