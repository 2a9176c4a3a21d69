"""What changes the schema of a living org: objects and fields come, change and go. Start here: `Customising`."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sidecar.sandbox.org.field_metadata import Definition, RefusedError, build_field, require_name
from sidecar.sandbox.org.permissions import Permissions
from sidecar.sandbox.org.schema import Field, Schema, SObject
from sidecar.sandbox.org.standard import audit, by_name, history, lookup, system, text
from sidecar.sandbox.org.storage import Storage

MOST_TRACKED = 20
OWN_AT_CREATION = frozenset(
    {"sortable", "filterable", "profile_hides", "profile_read_only", "is_hidden", "is_read_only"}
)
SHARING = frozenset({"Private", "Read", "ReadWrite", "ControlledByParent"})
ACTIVITY = "Activity"  # custom fields of tasks and events live there


class Effect(NamedTuple):
    """What a component did."""

    created: bool = False
    changed: bool = False


@dataclass(slots=True)
class Customising:
    """Changes to objects and fields, in the schema and in the rows."""

    schema: Schema
    storage: Storage
    permissions: Permissions

    def snapshot(self) -> dict[str, SObject]:
        """Return the schema as it is now, to go back to."""
        return copy.deepcopy(self.schema.objects)

    def restore(self, objects: dict[str, SObject]) -> None:
        """Go back to a snapshot; the rows go back by themselves when their transaction is undone."""
        self.schema.objects = objects
        self.permissions.note_change()

    def holder(self, name: str) -> SObject:
        """Return the object whose custom fields metadata names so."""
        found = self.schema.objects.get("task" if name == ACTIVITY else name.lower())
        if name in {"Task", "Event"}:
            raise RefusedError(f"Entity Enumeration Or ID: bad value for restricted picklist field: {name}")
        if found is None or found.is_missing or found.is_setup or found.parent_key is not None:
            raise RefusedError(f"no CustomObject named {name} found")
        return found

    def put_field(self, object_name: str, full_name: str, values: Mapping[str, Any]) -> Effect:
        """Create a custom field, or change the one that is there."""
        each = self.holder(object_name)
        name = full_name.rpartition(".")[2]
        known = each.find(name)
        if known is not None and not known.custom:
            return self._put_standard(each, known, Definition(values))
        wanted = build_field(full_name, values, self.schema)
        if known is not None and not Definition(values).has("trackHistory"):
            wanted.tracked = known.tracked
        self._require_child_name(each, wanted)
        if wanted.tracked:
            require_trackable(each, wanted)
        if known is None:
            self._add(each, wanted)
            return Effect(created=True, changed=True)
        return Effect(changed=self._alter(each, known, wanted))

    def delete_field(self, object_name: str, full_name: str) -> bool:
        """Take a custom field away with its values; say whether it was there."""
        each = self.holder(object_name)
        known = each.find(full_name.rpartition(".")[2])
        if known is None or not known.custom:
            return False
        del each.fields[known.name]
        each.refresh()
        self.storage.drop_column(each, known)
        self.permissions.forget_field(each.name, known.name)
        return True

    def put_object(self, name: str, values: Mapping[str, Any]) -> Effect:
        """Create a custom object without fields of its own, or change what an object says of itself."""
        known = self.schema.objects.get(name.lower())
        said = Definition(values)
        if known is not None and known.is_missing and known.custom:
            raise RefusedError(f"The object {name} is being deleted")
        if known is not None:
            return Effect(changed=self._alter_object(known, said))
        if not name.endswith("__c"):
            raise RefusedError(f"Entity of type 'CustomObject' named '{name}' cannot be found")
        require_name(name)
        each = new_object(name, said, self._free_prefix())
        self.schema.objects[name.lower()] = each
        self.storage.create(each)
        self._switch_history(each, is_on=said.flag("enableHistory"))
        self.permissions.note_change()
        return Effect(created=True, changed=True)

    def delete_object(self, name: str) -> bool:
        """Take a custom object away with its rows; say whether it was there."""
        each = self.schema.objects.get(name.lower())
        if each is None or not each.custom:
            return False
        users = [
            f"{other.name}.{one.name}"
            for other in self.schema.objects.values()
            for one in other.fields.values()
            if each.name in one.refers_to and one.custom and other is not each
        ]
        if users:
            raise RefusedError(f"This custom object is referenced elsewhere: {', '.join(users)}")
        self.storage.drop(self.schema.objects.pop(name.lower()))
        if each.history is not None:
            self.storage.drop(self.schema.objects.pop(each.history.lower()))
        self.permissions.forget_object(each.name)
        return True

    def _put_standard(self, each: SObject, known: Field, said: Definition) -> Effect:
        """Of a standard field metadata changes the history switch, and here nothing else."""
        wanted = said.flag("trackHistory")
        if not said.has("trackHistory") or wanted == known.tracked:
            return Effect()
        if wanted:
            require_trackable(each, known)
        known.tracked = wanted
        return Effect(changed=True)

    def _add(self, each: SObject, wanted: Field) -> None:
        wanted.profile_hides = wanted.is_hidden = wanted.is_permissionable
        each.fields[wanted.name] = wanted
        each.refresh()
        self.storage.add_column(each, wanted)
        self.permissions.note_change()

    def _alter(self, each: SObject, known: Field, wanted: Field) -> bool:
        if wanted.type != known.type:
            raise RefusedError(f"Cannot change the type of {each.name}.{known.name} from {known.type} to {wanted.type}")
        names = [one.name for one in fields(Field) if one.name not in OWN_AT_CREATION]
        differing = [name for name in names if getattr(known, name) != getattr(wanted, name)]
        if "unique" in differing and wanted.unique and self.storage.has_doubles(each, known):
            raise RefusedError(
                f"{known.label}: the field holds the same value more than once and cannot be made unique"
            )
        for name in differing:
            setattr(known, name, getattr(wanted, name))
        each.refresh()
        self.permissions.note_change()
        return bool(differing)

    def _alter_object(self, known: SObject, said: Definition) -> bool:
        before = (known.label, known.plural, known.sharing, known.description, known.history_on)
        if known.custom:
            known.label = said.text("label") or known.label
            known.plural = said.text("pluralLabel") or known.plural
            known.sharing = said.text("sharingModel") or known.sharing
            known.description = said.text("description") or None
        if said.has("enableHistory"):
            self._switch_history(known, is_on=said.flag("enableHistory"))
        return before != (known.label, known.plural, known.sharing, known.description, known.history_on)

    def _switch_history(self, each: SObject, *, is_on: bool) -> None:
        """Switch field history of an object; its history object exists only while it is on."""
        each.history_on = is_on
        if is_on and each.history is None:
            parent_key = "ParentId" if each.custom else f"{each.name}Id"
            each.history = each.name.removesuffix("__c") + ("__History" if each.custom else "History")
            made = history(each.history, each.name, parent_key)
            self.schema.objects[each.history.lower()] = made
            self.storage.create(made)
        if each.history is not None:
            self.schema.objects[each.history.lower()].is_missing = not is_on
        if not is_on:
            for one in each.fields.values():
                one.tracked = False

    def _require_child_name(self, each: SObject, wanted: Field) -> None:
        if wanted.children is None:
            return
        for other in self.schema.objects.values():
            for one in other.fields.values():
                is_same = other is each and one.name == wanted.name
                if one.children == wanted.children and one.refers_to == wanted.refers_to and not is_same:
                    raise RefusedError(
                        f"There is already a Child Relationship named {wanted.children} on {wanted.refers_to[0]}."
                    )

    def _free_prefix(self) -> str:
        used = {each.prefix for each in self.schema.objects.values()}
        return next(prefix for number in range(100) if (prefix := f"a{number:02}") not in used)


def require_trackable(each: SObject, wanted: Field) -> None:
    """Refuse history of a field where the object has none, or too many fields have it."""
    if not each.history_on or each.history is None:
        raise RefusedError(f"The entity: {each.name} does not have history tracking enabled")
    tracked = {one.name for one in each.fields.values() if one.tracked} | {wanted.name}
    if len(tracked) > MOST_TRACKED:
        raise RefusedError("exceeded the allowed number of fields to track on a given entity")
    if not wanted.createable:
        raise RefusedError(f"History tracking is not supported for the field {each.name}.{wanted.name}")


def new_object(name: str, said: Definition, prefix: str) -> SObject:
    """Return a custom object with the fields every one has, or refuse its definition."""
    for wanted in ("label", "pluralLabel", "deploymentStatus", "sharingModel"):
        if not said.has(wanted):
            raise RefusedError(f"Must specify a non-empty {wanted} for the CustomObject")
    if said.text("deploymentStatus") not in {"Deployed", "InDevelopment"}:
        raise RefusedError(f"'{said.text('deploymentStatus')}' is not a valid value for the enum 'DeploymentStatus'")
    if said.text("sharingModel") not in SHARING:
        raise RefusedError(f"'{said.text('sharingModel')}' is not a valid value for the enum 'SharingModel'")
    owner = lookup("OwnerId", "Owner ID", "Group,User", "Owner", nillable=False, defaulted=True)
    own = [*system("Record ID", name), owner, name_field(said), *audit()]
    each = SObject(name, said.text("label"), said.text("pluralLabel"), prefix, by_name(own))
    each.profile_rights = each.rights = frozenset()
    each.sharing, each.description = said.text("sharingModel"), said.text("description") or None
    each.history_on = False
    stated = Definition(said.values["nameField"])
    each.name_format = stated.text("displayFormat") if stated.text("type") == "AutoNumber" else None
    return each


def name_field(said: Definition) -> Field:
    """Return the name of a custom object's records: a text, or a number the org gives."""
    given = said.values.get("nameField")
    stated = Definition(given if isinstance(given, Mapping) else {})
    if stated.text("type") not in {"Text", "AutoNumber"}:
        raise RefusedError("Must specify a nameField of type Text or AutoNumber")
    if not stated.has("label"):
        raise RefusedError("Must specify a non-empty label for the CustomField")
    if stated.text("type") == "Text":
        return text("Name", stated.text("label"), 80, name_field=True)
    if not stated.has("displayFormat"):
        raise RefusedError("Must specify 'displayFormat' for a CustomField of type AutoNumber")
    return text("Name", stated.text("label"), 80, name_field=True, createable=False, updateable=False)
