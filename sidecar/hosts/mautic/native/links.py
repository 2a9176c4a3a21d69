"""What each row of the plugin's links really is. Pure.

The words in a row cannot be trusted: contacts of Salesforce stand as Leads, companies as people, ids have 15 or 18 characters.
The first three characters of a Salesforce id can.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sidecar.hosts.mautic.values import utc
from sidecar.records import Ref

PEOPLE_BY_PREFIX: Final[Mapping[str, str]] = {"003": "Contact", "00Q": "Lead"}
_ACCOUNT: Final = "001"
_CHECK_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Fate(StrEnum):
    """What becomes of a link, or was put right about it. Stable words of the report."""

    LINKED = "native-link-taken-over"
    KNOWN = "native-link-known"
    COMPANY = "native-link-of-company"
    COMPANY_AS_PERSON = "native-link-company-as-person"
    CAMPAIGN = "native-link-of-campaign"
    DUPLICATE_CONTACT = "native-link-duplicate-contact"
    WITHOUT_ID = "native-link-without-id"
    UNREADABLE = "native-link-unreadable"
    OBJECT_REPAIRED = "native-link-object-repaired"
    ID_COMPLETED = "native-link-id-completed"
    ERROR_CLEARED = "native-link-error-cleared"
    CAME_BACK = "native-link-came-back"
    CONTACT_MERGED = "native-link-contact-merged"
    CONTACT_GONE = "native-link-contact-gone"
    RECORD_MOVED = "native-link-record-moved"
    RECORD_GONE = "native-link-record-gone"
    RECORD_NOT_VISIBLE = "native-link-record-not-visible"
    OBJECT_HIDDEN = "native-link-object-hidden"
    LOST_TO_NEWER = "native-link-lost-to-newer"
    TAKEN = "native-link-end-taken"


@dataclass(frozen=True, slots=True)
class NativeLink:
    """One row of the plugin's links, as it stands there."""

    id: int
    object: str
    record_id: str
    state: str
    internal_id: int | None
    synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonLink:
    """A contact and the Salesforce person it was linked with. `was_deleted`: the plugin heard that the record is deleted."""

    row: int
    contact_id: int
    salesforce: Ref
    was_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A row: the person link in it, if there is one, and what was found about it."""

    row: NativeLink
    person: PersonLink | None
    fates: tuple[Fate, ...] = ()


def read_link(row: Mapping[str, Any]) -> NativeLink:
    """Return a row of the table."""
    internal_id = row["internal_entity_id"]
    return NativeLink(
        id=int(row["id"]),
        object=str(row["integration_entity"] or ""),
        record_id=str(row["integration_entity_id"] or "").strip(),
        state=str(row["internal_entity"] or ""),
        internal_id=None if internal_id is None else int(internal_id),
        synced_at=utc(row["last_sync_date"]),
    )


def judge(row: NativeLink) -> Judged:
    """Return what a row is, whatever it says it is."""
    reason = _why_no_person(row)
    if reason is not None:
        return Judged(row, None, (reason,))
    record_id = complete_id(row.record_id)
    object_name = PEOPLE_BY_PREFIX.get(row.record_id[:3])
    if record_id is None or object_name is None or row.internal_id is None:
        return Judged(row, None, (Fate.UNREADABLE,))
    repairs = []
    if row.object != object_name:
        repairs.append(Fate.OBJECT_REPAIRED)
    if record_id != row.record_id:
        repairs.append(Fate.ID_COMPLETED)
    if row.state == "lead-error":
        repairs.append(Fate.ERROR_CLEARED)
    person = PersonLink(row.id, row.internal_id, Ref(object_name, record_id), row.state == "lead-deleted")
    return Judged(row, person, tuple(repairs))


def judge_kind(object_name: str, state: str, prefix: str) -> str:
    """Return in a word what links become that say the same of themselves, before any is looked at."""
    sample = NativeLink(0, object_name, prefix, state, 0, None)
    reason = _why_no_person(sample)
    if reason is None and prefix not in PEOPLE_BY_PREFIX:
        reason = Fate.UNREADABLE
    if reason is not None:
        return reason.value
    if state == "lead-deleted":
        return Fate.RECORD_GONE.value
    return Fate.LINKED.value if PEOPLE_BY_PREFIX[prefix] == object_name else Fate.OBJECT_REPAIRED.value


def _why_no_person(row: NativeLink) -> Fate | None:
    if row.object == "CampaignMember":
        return Fate.CAMPAIGN
    if row.state.startswith("company"):
        return Fate.COMPANY
    if row.record_id.startswith(_ACCOUNT):
        return Fate.COMPANY_AS_PERSON  # the number is a company's: it says nothing about the contact of that number
    if row.state == "lead-duplicate":
        return Fate.DUPLICATE_CONTACT
    if not row.record_id:
        return Fate.WITHOUT_ID
    return None if row.state.startswith("lead") else Fate.UNREADABLE


def complete_id(text: str) -> str | None:
    """Return a Salesforce id with all its 18 characters, or None for what cannot be one."""
    if len(text) not in {15, 18} or not text.isascii() or not text.isalnum():
        return None
    fives = (text[start : start + 5] for start in (0, 5, 10))
    places = (sum(1 << place for place, char in enumerate(five) if char.isupper()) for five in fives)
    whole = text[:15] + "".join(_CHECK_CHARACTERS[place] for place in places)
    return whole if text in {whole, whole[:15]} else None


def choose(links: Iterable[PersonLink]) -> tuple[list[PersonLink], list[PersonLink]]:
    """Return who keeps both ends, and who lost one to a link before it. Links come newest first."""
    contacts: set[int] = set()
    records: set[Ref] = set()
    kept, lost = [], []
    for link in links:
        if link.contact_id in contacts or link.salesforce in records:
            lost.append(link)
            continue
        contacts.add(link.contact_id)
        records.add(link.salesforce)
        kept.append(link)
    return kept, lost
