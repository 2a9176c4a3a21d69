"""Insert, update, upsert and delete one record as the org does: checks, stamps, history. Start here: `Records`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.sandbox.org.addresses import Addresses
from sidecar.sandbox.org.campaigns import check_member
from sidecar.sandbox.org.changes import Change
from sidecar.sandbox.org.clock import Clock, stamp
from sidecar.sandbox.org.errors import OrgError, entity_is_deleted, unknown_column
from sidecar.sandbox.org.fields import clean
from sidecar.sandbox.org.ids import full_id, number_of
from sidecar.sandbox.org.permissions import Permissions
from sidecar.sandbox.org.rules import Rules
from sidecar.sandbox.org.schema import Field, Schema, SObject
from sidecar.sandbox.org.storage import Row, Storage

SECURITY = "Please check the security settings of this field and verify that it is read/write for your profile or permission set."
CHANGES: dict[Any, str] = {True: "DELETE", False: "UNDELETE"}
PERSON_OBJECTS = frozenset({"Lead", "Contact", "User"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who writes. Field permissions hold for the API only; automation moves SystemModstamp and nothing else."""

    user_id: str
    is_api: bool = False
    is_automation: bool = False
    allow_duplicates: bool = True
    auto_assign: bool = False
    at: str | None = None
    origin: str = ""


@dataclass(slots=True)
class Records:
    """The org's records."""

    schema: Schema
    storage: Storage
    clock: Clock
    rules: Rules = field(default_factory=Rules)
    permissions: Permissions = field(init=False)
    addresses: Addresses = field(init=False)

    def __post_init__(self) -> None:
        self.addresses = Addresses(self.schema, self.storage)
        self.permissions = Permissions(self.schema, self.storage)

    def insert(self, each: SObject, values: Mapping[str, Any], actor: Actor, record_id: str | None = None) -> str:
        """Create a record; return its id."""
        require_createable(each)
        self.require_right(each, "create", actor)
        given = self._given(each, values, actor, is_insert=True)
        if "Id" in given:
            raise OrgError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
        row = {name: clean(each.fields[name], value) for name, value in given.items()}
        for one in each.filled:
            if row.get(one.name) is None:
                row[one.name] = one.default
        if "OwnerId" in each.fields and row.get("OwnerId") is None:
            row["OwnerId"] = actor.user_id
        missing = [one.name for one in each.required if row.get(one.name) is None]
        if missing:
            raise OrgError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
        self.addresses.settle(each, row, {})
        self._check_relations(each, row)
        self._check_unique(each, row, None)
        check_member(self.storage, each, row)
        if each.is_setup:
            self.permissions.check(each, row, None)
        self.rules.check(each, row, row, actor.allow_duplicates, self.storage)
        if actor.auto_assign and each.name == "Lead" and self.rules.assign_to is not None:
            row["OwnerId"] = self.rules.assign_to
        at = actor.at or stamp(self.clock.now())
        new_id = record_id or self.storage.next_id(each)
        row |= {"Id": new_id, "IsDeleted": False, "CreatedDate": at, "CreatedById": actor.user_id}
        row |= {"LastModifiedDate": at, "LastModifiedById": actor.user_id, "SystemModstamp": at}
        self._compute(each, row, row)
        self.storage.insert(each, row)
        self.storage.changes.note(Change(each.name, new_id, "CREATE", row, actor.user_id, actor.origin))
        self._remember(each, new_id, ("created", None, None), actor, at)
        self._touch_people(each, row, at)
        if each.is_setup:
            self.permissions.written(each, row)
        return new_id

    def update(self, each: SObject, record_id: str, values: Mapping[str, Any], actor: Actor) -> None:
        """Change a record."""
        self.require_right(each, "edit", actor)
        given = self._given(each, values, actor, is_insert=False)
        found = self.living(each, record_id)
        if found.get("IsConverted"):
            raise OrgError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
        changes = {name: clean(each.fields[name], value) for name, value in given.items()}
        empty = [name for name, value in changes.items() if value is None and not each.fields[name].nillable]
        if empty:
            raise OrgError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(empty)}]", empty)
        self.addresses.settle(each, changes, found)
        after = found | changes
        self._check_relations(each, changes)
        self._check_unique(each, changes, record_id)
        if each.is_setup:
            self.permissions.check(each, after, found["Id"])
        self.rules.check(each, after, changes, actor.allow_duplicates, self.storage)
        if actor.auto_assign and each.name == "Lead" and self.rules.assign_to is not None:
            changes["OwnerId"] = self.rules.assign_to
        self.write(each, found, changes, actor)
        if each.is_setup:
            self.permissions.written(each, found | changes)

    def require_right(self, each: SObject, right: str, actor: Actor) -> None:
        """Refuse a caller who may not do this with an object at all."""
        if not actor.is_api:
            return
        if each.is_setup:
            self.permissions.require_for(each, actor.user_id)
        elif right not in each.rights:
            verb = {"create": "inserted", "edit": "updated", "delete": "deleted"}[right]
            raise OrgError("INVALID_TYPE_FOR_OPERATION", f"entity type cannot be {verb}: {each.label}", [])

    def write(self, each: SObject, found: Row, changes: Row, actor: Actor) -> None:
        """Store checked changes with their stamps and history."""
        at = actor.at or stamp(self.clock.now())
        stamped = dict(changes) | self._stamps(each, actor, at)
        self._compute(each, found | changes, stamped)
        if stamped:
            self.storage.update(each, found["Id"], stamped)
        kind = CHANGES.get(changes.get("IsDeleted"), "UPDATE")
        self.storage.changes.note(Change(each.name, found["Id"], kind, stamped, actor.user_id, actor.origin))
        for name, value in changes.items():
            if each.fields[name].tracked and found[name] != value:
                self._remember(each, found["Id"], (name, found[name], value), actor, at)

    def living(self, each: SObject, record_id: object) -> Row:
        """Return a record that exists and is not deleted."""
        wanted = full_id(record_id)
        if wanted is None or wanted[:3] != each.prefix:
            message = f"{each.fields['Id'].label}: id value of incorrect type: {record_id}"
            raise OrgError("MALFORMED_ID", message, ["Id"])
        found = self.storage.get(each, wanted)
        if found is None:
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
        if found.get("IsDeleted"):
            raise entity_is_deleted()
        return found

    def match(self, each: SObject, key: Field, value: Any) -> list[str]:
        """Return the ids of living records an upsert key finds."""
        if key.name == "Id":
            return [self.living(each, value)["Id"]]
        return self.storage.matching(each, key, clean(key, value))

    def _given(self, each: SObject, values: Mapping[str, Any], actor: Actor, *, is_insert: bool) -> Row:
        given: Row = {}
        refused = []
        for name, value in values.items():
            if name == "attributes":
                continue
            found = each.visible(name) if actor.is_api else each.find(name)
            if found is None:
                raise unknown_column(name, each.name)
            if found.name == "Id" and not is_insert:
                continue
            allowed = found.createable if is_insert else found.updateable
            if found.name != "Id" and (not allowed or (actor.is_api and found.is_read_only)):
                refused.append(found.name)
            given[found.name] = value
        if refused:
            message = f"Unable to create/update fields: {', '.join(refused)}. {SECURITY}"
            raise OrgError("INVALID_FIELD_FOR_INSERT_UPDATE", message, refused)
        return given

    def _check_relations(self, each: SObject, row: Row) -> None:
        for name, value in row.items():
            one = each.fields[name]
            if one.type != "reference" or value is None:
                continue
            target = self.schema.by_prefix(value)
            if target is None or target.name not in one.refers_to:
                message = f"{one.label}: id value of incorrect type: {value}"
                raise OrgError("FIELD_INTEGRITY_EXCEPTION", message, [name])
            found = self.storage.get(target, value)
            if found is None:
                raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
            if found.get("IsDeleted"):
                raise entity_is_deleted()
        if each.name == "Task" and str(row.get("WhoId") or "").startswith("00Q") and row.get("WhatId") is not None:
            message = "Related To ID: a lead cannot be related to another record"
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", message, ["WhoId", "WhatId"])

    def _check_unique(self, each: SObject, row: Row, own_id: str | None) -> None:
        for name, value in row.items():
            if value is None or not each.fields[name].unique:
                continue
            others = [other for other in self.storage.matching(each, each.fields[name], value) if other != own_id]
            if others:
                message = f"duplicate value found: {name} duplicates value on record with id: {others[0]}"
                raise OrgError("DUPLICATE_VALUE", message, [])

    def _stamps(self, each: SObject, actor: Actor, at: str) -> Row:
        stamps: Row = {"SystemModstamp": at}
        if not actor.is_automation:
            stamps |= {"LastModifiedDate": at, "LastModifiedById": actor.user_id}
        return {name: value for name, value in stamps.items() if name in each.fields}

    def _compute(self, each: SObject, whole: Row, target: Row) -> None:
        if each.name in PERSON_OBJECTS:
            target["Name"] = " ".join(part for part in (whole.get("FirstName"), whole.get("LastName")) if part)
        if each.custom and not whole.get("Name"):
            target["Name"] = number_name(each.name_format, whole["Id"]) if each.name_format else whole["Id"][:15]

    def _remember(self, each: SObject, record_id: str, change: tuple[str, Any, Any], actor: Actor, at: str) -> None:
        if each.history is None or not each.history_on:
            return
        history = self.schema.objects[each.history.lower()]
        row = {"Id": self.storage.next_id(history), "IsDeleted": False, "CreatedDate": at, "CreatedById": actor.user_id}
        row |= {"Field": change[0], "OldValue": change[1], "NewValue": change[2], str(history.parent_key): record_id}
        self.storage.insert(history, row)

    def _touch_people(self, each: SObject, row: Row, at: str) -> None:
        """A task moves its person's last activity, and with it SystemModstamp, not LastModifiedDate."""
        who = row.get("WhoId")
        target = self.schema.by_prefix(who) if each.name == "Task" and who else None
        if target is None or not row.get("ActivityDate"):
            return
        person = self.storage.get(target, str(who))
        if person is not None:
            day = max(person["LastActivityDate"] or "", row["ActivityDate"])
            self.storage.update(target, person["Id"], {"LastActivityDate": day, "SystemModstamp": at})


def require_createable(each: SObject) -> None:
    """Refuse to create what only the org creates."""
    if not each.createable:
        message = f"entity type cannot be inserted: {each.label}"
        raise OrgError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])


def number_name(form: str, record_id: str) -> str:
    """Return the name a record gets by its number: the zeros in the braces of T-{0000} say how many digits."""
    head, _, rest = form.partition("{")
    digits, _, tail = rest.partition("}")
    return f"{head}{number_of(record_id):0{len(digits)}}{tail}"
