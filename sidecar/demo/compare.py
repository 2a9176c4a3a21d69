"""Do both sides agree? Asked of the two systems and the mapping document, not of the sidecar that kept them in step.

Where they differ, the sidecar must have said why, and what it said must be true. Start here: `Judge.judge`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.demo.picture import Picture, Row, carried_id
from sidecar.demo.values import CLAIMS, is_same, value_of
from sidecar.mapping.model import FieldPair, ObjectMapping
from sidecar.sandbox.org.org import Org
from sidecar.store.history import LedgerRow
from sidecar.sync.model import Status

MERGED = "same-person"
WAITING = (Status.HELD, Status.REJECTED)


@dataclass
class Comparison:
    """What was found. `explained` counts differences that are meant to be, by reason; `differences` are those that are not."""

    twins: int = 0
    values: int = 0
    events: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def differ(self, what: str) -> None:
        """Note something that nobody explains."""
        self.differences.append(what)


@dataclass(frozen=True)
class Explanations:
    """What the ledger says of each contact and each person: all reasons, the last word, the last word on fields."""

    reasons: dict[str, set[str]]
    latest: dict[str, LedgerRow]
    latest_of_fields: dict[str, LedgerRow]

    @classmethod
    def of(cls, decisions: Iterable[LedgerRow]) -> "Explanations":
        """Sort decisions, oldest first, by whom they are about."""
        found = cls(defaultdict(set), {}, {})
        for row in decisions:
            for ref in (row.host, row.salesforce):
                if ref is not None:
                    found.note(ref.id, row)
        return found

    def note(self, record_id: str, row: LedgerRow) -> None:
        """Add a decision about a record."""
        self.reasons[record_id].add(row.reason)
        self.latest[record_id] = row
        if row.fields:
            self.latest_of_fields[record_id] = row

    def of_field(self, contact: Row, pair: FieldPair) -> str | None:
        """Return the reason given for one field of a contact: its own, or that the whole write was refused."""
        row = self.latest_of_fields.get(str(contact["id"]))
        said = next((each for each in row.fields if each["name"] == pair.name), None) if row else None
        if row is None or said is None:
            return None
        return row.reason if said["outcome"] == "write" else said["reason"]


@dataclass(frozen=True)
class Judge:
    """Compares two systems at one moment."""

    picture: Picture
    mapping: ObjectMapping
    explanations: Explanations
    org: Org
    found: Comparison

    def judge(self) -> None:
        """Compare fields, consent and deletions of everybody on both sides, and ask why others are on one only."""
        seen: Counter[int] = Counter()
        for contact, person in self.picture.twins:
            self.found.twins += 1
            seen[contact["id"]] += 1
            self._compare_fields(contact, person)
            self._compare_consent(contact, person)
            if contact["deleted_in_salesforce"] or person["Deleted_in_Mautic__c"]:
                self.found.differ(f"{_name(contact, person)}: marked as deleted, though both live")
        for contact_id in (each for each, times in seen.items() if times > 1):
            self.found.differ(f"contact {contact_id} has {seen[contact_id]} people in Salesforce")
        self._judge_alone(seen)

    def _compare_fields(self, contact: Row, person: Row) -> None:
        for pair in self.mapping.fields:
            name = pair.salesforce.get(person["object"])
            if name is None:
                continue
            self.found.values += 1
            ours, theirs = value_of(contact, pair.host, self.picture.base_url), person[name]
            if is_same(pair, ours, theirs):
                continue
            reason = self.explanations.of_field(contact, pair)
            if reason and self._is_true(reason, pair, contact, theirs, person["object"]):
                self.found.explained[reason] += 1
            else:
                said = f"the sidecar says {reason}" if reason else "the sidecar says nothing"
                self.found.differ(f"{_name(contact, person)}: {pair.name} is {ours!r} and {theirs!r}; {said}")

    def _is_true(self, reason: str, pair: FieldPair, contact: Row, theirs: Any, object_name: str) -> bool:
        if reason == "mautic-value-not-unique":
            return self.picture.sharing(str(contact["id"]), in_mautic=True) > 1
        length = self.org.schema.objects[object_name.lower()].fields[pair.salesforce[object_name]].length
        claim = CLAIMS.get(reason)
        return claim is not None and claim(pair, value_of(contact, pair.host, self.picture.base_url), theirs, length)

    def _compare_consent(self, contact: Row, person: Row) -> None:
        ours, theirs = contact["id"] in self.picture.opted_out, person["HasOptedOutOfEmail"]
        if ours != theirs:
            self.found.differ(f"{_name(contact, person)}: opted out on one side only")

    def _judge_alone(self, seen: Mapping[int, int]) -> None:
        """Everybody with an address is on both sides, or gone on one of them and marked so, or somebody must decide."""
        masters = {
            carried_id(row): row["MasterRecordId"] for row in self.picture.people.values() if row["MasterRecordId"]
        }
        for contact_id, contact in self.picture.contacts.items():
            if not contact["email"] or contact_id in seen:
                continue
            if contact["deleted_in_salesforce"]:
                self._require_deleted(contact_id)
            elif MERGED in self.explanations.reasons.get(masters.get(contact_id, ""), ()):
                self.found.explained["merged-in-salesforce"] += 1
            else:
                self._require_reason(str(contact_id), f"contact {contact_id}", "Mautic")
        for person in self.picture.living:
            if not person["Email"] or carried_id(person) in self.picture.contacts:
                continue
            if not person["Deleted_in_Mautic__c"]:
                self._require_reason(person["Id"], f"{person['object']} {person['Id']}", "Salesforce")

    def _require_deleted(self, contact_id: int) -> None:
        """A mark is right where the person with this contact's id is in Salesforce's bin."""
        gone = [row for row in self.picture.people.values() if row["IsDeleted"] and carried_id(row) == contact_id]
        if gone:
            self.found.explained["deleted-in-salesforce"] += 1
        else:
            self.found.differ(f"contact {contact_id} is marked as deleted in Salesforce, where nobody was")

    def _require_reason(self, record_id: str, name: str, side: str) -> None:
        """Somebody with an address who is on one side only waits for somebody to decide, for a reason that holds."""
        row = self.explanations.latest.get(record_id)
        if row is not None and row.status in WAITING and self._holds(row.reason, record_id):
            self.found.explained[row.reason] += 1
        else:
            said = f"{row.status}: {row.reason}" if row else "nothing"
            self.found.differ(f"{name} is in {side} only; the sidecar says {said}")

    def _holds(self, reason: str, record_id: str) -> bool:
        is_contact = record_id.isdigit()
        match reason:
            case "ambiguous-match":
                return self.picture.sharing(record_id, in_mautic=not is_contact) > 1
            case "duplicate-in-batch" | "another-is-preferred":
                return self.picture.sharing(record_id, in_mautic=is_contact) > 1
            case "match-linked-elsewhere":
                belongs = None if is_contact else self.picture.contact_of(self.picture.people[record_id])
                return belongs is not None or self.picture.sharing(record_id, in_mautic=is_contact) > 1
            case "twin-was-merged":
                return not is_contact or any(
                    row["MasterRecordId"] and carried_id(row) == int(record_id) for row in self.picture.people.values()
                )
        return True  # what one side says about a value is checked where values are compared


def _name(contact: Row, person: Row) -> str:
    return f"contact {contact['id']} and {person['object']} {person['Id']}"
