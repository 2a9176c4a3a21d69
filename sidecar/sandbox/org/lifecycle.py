"""Delete, undelete, merge and convert: what happens to a record besides being edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sidecar.sandbox.org.clock import stamp
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.records import Actor, Records
from sidecar.sandbox.org.schema import SObject
from sidecar.sandbox.org.storage import Row

ADDRESS_PARTS = ("Street", "City", "State", "PostalCode", "Country")
CARRIED = (
    "FirstName",
    "LastName",
    "Salutation",
    "Email",
    "Phone",
    "MobilePhone",
    "Fax",
    "Title",
    "LeadSource",
    "Description",
)
CARRIED_CONSENT = ("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall")


@dataclass(slots=True)
class Lifecycle:
    """Ends and new beginnings of records."""

    records: Records

    def delete(self, each: SObject, record_id: str, actor: Actor) -> None:
        """Put a record into the recycle bin, an account with its contacts."""
        if not each.deletable:
            raise OrgError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", [])
        self.records.require_right(each, "delete", actor)
        found = self.records.living(each, record_id)
        if each.is_setup:
            self._remove(each, found)
            return
        self._bin(each, found, actor, None)
        if each.name == "Account":
            contact = self._object("Contact")
            for row in self.records.storage.where(contact, "AccountId = ? AND IsDeleted = 0", [found["Id"]]):
                self._bin(contact, row, actor, None)

    def undelete(self, each: SObject, record_id: str, actor: Actor) -> None:
        """Take a record out of the recycle bin, unless its unique value was given away."""
        row = self.records.storage.get(each, record_id)
        if row is None or not row["IsDeleted"]:
            raise OrgError("UNDELETE_FAILED", "Entity is not in the recycle bin", [])
        for one in each.stored():
            if one.unique and row[one.name] is not None and self.records.storage.matching(each, one, row[one.name]):
                message = f"duplicate value found: {one.name} duplicates value on record with id: <unknown>"
                raise OrgError("DUPLICATE_VALUE", message, [])
        self.records.write(each, row, {"IsDeleted": False}, actor)

    def merge(self, each: SObject, winner_id: str, loser_ids: Sequence[str], actor: Actor) -> None:
        """Fold losers into a winner: its blanks are not filled, its children grow."""
        winner = self.records.living(each, winner_id)
        for loser_id in loser_ids:
            loser = self.records.living(each, loser_id)
            self._move_children(each, loser["Id"], each, winner["Id"])
            self._bin(each, loser, actor, winner["Id"])
        self.records.write(each, winner, {}, actor)

    def convert(self, lead_id: str, actor: Actor, contact_id: str | None = None) -> str:
        """Convert a lead to a contact, a new one or the one named; return the contact's id."""
        lead, contact = self._object("Lead"), self._object("Contact")
        row = self.records.living(lead, lead_id)
        if row["IsConverted"]:
            raise OrgError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
        values = {name: row[name] for name in (*CARRIED, *CARRIED_CONSENT)} | {"OwnerId": self._owner(row, actor)}
        values |= {f"Mailing{part}": row[part] for part in ADDRESS_PARTS}
        if contact_id is None:
            account_id: str | None = self.records.insert(self._object("Account"), {"Name": row["Company"]}, actor)
            contact_id = self.records.insert(contact, values | {"AccountId": account_id}, actor)
        else:
            account_id = self._fill(contact, contact_id, values, actor)
        self._move_children(lead, row["Id"], contact, contact_id)
        changes = {"IsConverted": True, "Status": "Closed - Converted", "ConvertedContactId": contact_id}
        today = stamp(self.records.clock.now())[:10]
        self.records.write(lead, row, changes | {"ConvertedAccountId": account_id, "ConvertedDate": today}, actor)
        return contact_id

    def _fill(self, contact: SObject, contact_id: str, values: Mapping[str, Any], actor: Actor) -> str | None:
        """A contact that exists keeps its values; only its blanks are filled."""
        known = self.records.living(contact, contact_id)
        blanks = {name: value for name, value in values.items() if known[name] is None and value is not None}
        self.records.update(contact, contact_id, blanks, actor)
        known_account: str | None = known["AccountId"]
        return known_account

    def _owner(self, lead: Row, actor: Actor) -> str:
        owner: str = lead["OwnerId"]
        return owner if owner.startswith("005") else actor.user_id

    def _bin(self, each: SObject, row: Row, actor: Actor, master_id: str | None) -> None:
        changes: Row = {"IsDeleted": True}
        if master_id is not None:
            changes["MasterRecordId"] = master_id
        self.records.write(each, row, changes, actor)

    def _remove(self, each: SObject, row: Row) -> None:
        """A set-up object has no recycle bin."""
        self.records.permissions.check_delete(each, row)
        self.records.storage.remove(each, "Id = ?", [row["Id"]])
        self.records.permissions.deleted(each, row)

    def _move_children(self, old: SObject, old_id: str, new: SObject, new_id: str) -> None:
        """Point what referred to one record to another; timelines of a converted lead stay with the lead."""
        storage = self.records.storage
        for child in self.records.schema.objects.values():
            for one in child.stored():
                fits = old.name in one.refers_to and new.name in one.refers_to
                if fits and one.updateable:
                    for row in storage.where(child, f'"{one.name}" = ?', [old_id]):
                        storage.update(child, row["Id"], {one.name: new_id})

    def _object(self, name: str) -> SObject:
        return self.records.schema.objects[name.lower()]
