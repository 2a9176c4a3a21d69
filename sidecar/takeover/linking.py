"""The plugin's links → ours, a page at a time: repaired, followed to where each identity lives now, and saved.

Newest sync first: whoever comes later and finds an end taken was the older of two. What was saved is what is asked, so that
memory does not grow with the number of links, and a second import finds everything there.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sidecar.bootstrap import OpenSides
from sidecar.hosts.mautic.native.links import Fate, NativeLink, PersonLink, choose, judge
from sidecar.hosts.mautic.reader import ref_of
from sidecar.mapping.rules import Rules
from sidecar.records import Record, Ref, Side
from sidecar.store.lane import LeasedLane
from sidecar.store.takeover import Buried, Ends, add_links, bury
from sidecar.sync.pairing import follow

MAX_DETAILS: Final = 1000
"""Links named one by one in a report; all are counted."""
_EVERYDAY: Final = frozenset({Fate.LINKED, Fate.KNOWN, Fate.CAMPAIGN})
_DELETED_IN: Final = {Side.HOST: "deleted-in-host", Side.SALESFORCE: "deleted-in-salesforce"}


@dataclass(frozen=True, slots=True)
class Detail:
    """One link about which there is something to know. Ids only: no values."""

    fate: Fate
    contact: str
    salesforce: str


@dataclass(slots=True)
class LinkTaker:
    """Takes links over while the people lane's lease is held, and counts what became of each."""

    sides: OpenSides
    rules: Rules
    lane: LeasedLane
    counts: Counter[Fate] = field(default_factory=Counter)
    details: list[Detail] = field(default_factory=list)
    buried: int = 0

    def take(self, rows: Sequence[NativeLink]) -> None:
        """Take over one page of links."""
        graves: list[Buried] = []
        living = self._living_records(self._living_contacts(self._people(rows), graves), graves)
        kept, lost = choose(living)
        self._note(Fate.LOST_TO_NEWER, lost)
        now, scope = self.lane.now(), self.lane.scope
        with self.lane.write() as connection:
            added = add_links(connection, scope, [Ends(ref_of(each.contact_id), each.salesforce) for each in kept], now)
            self.buried += bury(connection, scope.instance_id, graves, now)
        for fate, ends in (
            (Fate.LINKED, added.new),
            (Fate.KNOWN, added.known),
            (Fate.LOST_TO_NEWER, added.lost),
            (Fate.TAKEN, added.taken),
        ):
            for each in ends:
                self._tell(fate, each.host.id, each.salesforce.id)

    def _people(self, rows: Iterable[NativeLink]) -> list[PersonLink]:
        """Return the links of people; of every other, and of every repair, tell what it was."""
        people = []
        for row in rows:
            judged = judge(row)
            for fate in judged.fates:
                self._tell(fate, str(row.internal_id or ""), row.record_id)
            if judged.person:
                people.append(judged.person)
        return people

    def _living_contacts(self, people: list[PersonLink], graves: list[Buried]) -> list[PersonLink]:
        """Let links of merged contacts follow to the survivor, and leave out those whose contact is gone."""
        reader = self.sides.mautic.reader
        there = reader.read_existing(each.contact_id for each in people)
        gone = [each.contact_id for each in people if each.contact_id not in there]
        survivors = reader.read_survivors(gone) if gone else {}
        there |= reader.read_existing(survivors.values()) if survivors else set()
        living = []
        for each in people:
            now = each.contact_id if each.contact_id in there else survivors.get(each.contact_id)
            if now is None or now not in there:
                self._note(Fate.CONTACT_GONE, [each])
                graves.append(Buried(Side.SALESFORCE, each.salesforce, _DELETED_IN[Side.HOST]))
                continue
            if now != each.contact_id:
                self._note(Fate.CONTACT_MERGED, [each])
            living.append(replace(each, contact_id=now))
        return living

    def _living_records(self, people: list[PersonLink], graves: list[Buried]) -> list[PersonLink]:
        """Let links follow conversions and merges in Salesforce, and leave out those whose record is gone."""
        visible = [each for each in people if each.salesforce.object in self.rules.fields]
        self._note(Fate.OBJECT_HIDDEN, [each for each in people if each.salesforce.object not in self.rules.fields])
        heads = self._heads({each.salesforce for each in visible})
        living = []
        for each in visible:
            head = heads.get(each.salesforce)
            if head is None or head.is_deleted or head.successor is not None:
                self._note(Fate.RECORD_GONE if head and head.is_deleted else Fate.RECORD_NOT_VISIBLE, [each])
                reason = _DELETED_IN[Side.SALESFORCE]
                graves.append(Buried(Side.HOST, ref_of(each.contact_id), reason))
                graves.append(Buried(Side.SALESFORCE, each.salesforce, reason))
                continue
            if head.ref.object not in self.rules.fields:
                self._note(Fate.OBJECT_HIDDEN, [each])
                continue
            if head.ref != each.salesforce:
                self._note(Fate.RECORD_MOVED, [each])
            if each.was_deleted:
                self._note(Fate.CAME_BACK, [each])
            living.append(replace(each, salesforce=head.ref))
        return living

    def _heads(self, refs: set[Ref]) -> dict[Ref, Record]:
        """Return, for each record, the one it lives on as. One call for some hundreds of ids."""
        if not refs:
            return {}
        found = self.sides.salesforce.read(self.rules, sorted(refs))
        heads = follow(list(found.values()), self.sides.salesforce, self.rules)
        return {ref: head.record for head in heads for ref in head.refs}

    def _note(self, fate: Fate, links: Iterable[PersonLink]) -> None:
        for each in links:
            self._tell(fate, str(each.contact_id), each.salesforce.id)

    def _tell(self, fate: Fate, contact: str, salesforce: str) -> None:
        self.counts[fate] += 1
        if fate not in _EVERYDAY and len(self.details) < MAX_DETAILS:
            self.details.append(Detail(fate, contact, salesforce))
