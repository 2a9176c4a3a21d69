"""Both systems as they are, read past the sidecar: straight from the sandboxes' own tables."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sidecar.demo.sandboxes import Sandboxes

Row = Mapping[str, Any]
PERSON_OBJECTS = ("Contact", "Lead")


@dataclass(frozen=True)
class Picture:
    """Everybody on both sides at one moment. `people` holds deleted, merged and converted ones too, each with its "object"."""

    contacts: Mapping[int, Row]
    people: Mapping[str, Row]
    survivors: Mapping[int, int]
    opted_out: frozenset[int]
    base_url: str

    @property
    def living(self) -> Iterator[Row]:
        """The people Salesforce shows: neither deleted nor converted."""
        return (row for row in self.people.values() if not row["IsDeleted"] and not row.get("IsConverted"))

    @property
    def twins(self) -> Iterator[tuple[Row, Row]]:
        """Contact and person, wherever a living person carries a living contact's id."""
        found = ((self.contacts.get(carried_id(row) or 0), row) for row in self.living)
        return ((contact, person) for contact, person in found if contact is not None)

    def contact_of(self, person: Row) -> int | None:
        """Return the id of the contact a person belongs to now, through merges on both sides and conversions."""
        seen: Row | None = person
        while seen is not None:
            found = self.survivor(carried_id(seen))
            if found is not None and found in self.contacts:
                return found
            seen = self.people.get(seen["MasterRecordId"] or seen.get("ConvertedContactId") or "")
        return None

    def survivor(self, contact_id: int | None) -> int | None:
        """Return where a contact lives on, itself if it was never merged away."""
        while contact_id is not None and contact_id in self.survivors:
            contact_id = self.survivors[contact_id]
        return contact_id

    def sharing(self, record_id: str, *, in_mautic: bool) -> int:
        """Return how many living records of one side have a record's address."""
        return self._times[in_mautic, self.addresses.get(record_id, "")]

    @cached_property
    def _times(self) -> Counter[tuple[bool, str]]:
        return Counter((each.isdigit(), address) for each, address in self.addresses.items())

    @cached_property
    def addresses(self) -> dict[str, str]:
        """The e-mail addresses of all living records, by id."""
        found = {str(each): row["email"] for each, row in self.contacts.items()}
        found |= {row["Id"]: row["Email"] for row in self.living}
        return {each: str(address).lower() for each, address in found.items() if address}

    def doubles_since(self, before: "Picture") -> list[str]:
        """Return the ids of records that are new and have an address that another record of their side has too."""
        new = (each for each in self.addresses if each not in before.addresses)
        return [each for each in new if self.sharing(each, in_mautic=each.isdigit()) > 1]


def take_picture(sandboxes: Sandboxes) -> Picture:
    """Read both sides."""
    host, org = sandboxes.host, sandboxes.org
    return Picture(
        contacts={row["id"]: row for row in host.contacts()},
        people={
            row["Id"]: {**row, "object": name}
            for name in PERSON_OBJECTS
            for row in org.rows(name, include_deleted=True)
        },
        survivors={row["merged_id"]: row["contact_id"] for row in host.rows("contact_merge_records")},
        opted_out=frozenset(row["lead_id"] for row in host.rows("lead_donotcontact", channel="email")),
        base_url=sandboxes.host_url,
    )


def carried_id(person: Row) -> int | None:
    """Return the contact's id that a person carries."""
    return int(person["Mautic_Id__c"]) if person["Mautic_Id__c"] else None
