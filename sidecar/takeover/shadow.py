"""The shadow run: beside the running plugin, what would we write now that is not there? Nothing is written on either side.

Everything is as after an import that has not happened: the plugin's settings as our mapping, the plugin's links as our links.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sidecar.bootstrap import App
from sidecar.hosts.mautic.native.links import NativeLink, PersonLink, choose, judge
from sidecar.hosts.mautic.native.rows import LinkRows, newest_first
from sidecar.hosts.mautic.reader import ContactReader, id_of, ref_of
from sidecar.mapping.parse import parse_mapping
from sidecar.records import Ref, Side
from sidecar.store.instances import Instance
from sidecar.store.links import Scope
from sidecar.store.preview import PreviewStore, UncountedRun
from sidecar.store.takeover import ORIGIN
from sidecar.sync.model import Action, Decision, FieldOutcome, Link, Window
from sidecar.sync.run import Lane, preview_mapping
from sidecar.sync.safety import Brake
from sidecar.takeover.looking import Looked, look_at, rows_of
from sidecar.takeover.rules import rules_of

MAX_RECORDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """One person on whom the two differ: what we would do and which fields we would write where. Never a value."""

    contact: str | None
    salesforce: str | None
    action: str
    reason: str
    fields: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class Shadow:
    """What a shadow run found: people looked at, and differences by (field, written to, reason)."""

    looked: Looked
    since: datetime
    pairs: int = 0
    by_field: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    by_action: Counter[tuple[str, str]] = field(default_factory=Counter)
    records: list[Difference] = field(default_factory=list)
    _seen: set[tuple[str | None, str | None]] = field(default_factory=set)

    def add(self, decisions: Iterable[Decision]) -> None:
        """Count decisions, each person once."""
        for decision in decisions:
            found = compare(decision)
            person = (found.contact, found.salesforce)
            if person in self._seen:
                continue
            self._seen.add(person)
            self.pairs += 1
            self.by_action[found.action, found.reason] += 1
            self.by_field.update(found.fields)
            if decision.writes and len(self.records) < MAX_RECORDS:
                self.records.append(found)


def compare(decision: Decision) -> Difference:
    """Return a decision without its values. Pure."""
    pair = decision.pair
    fields = [
        (each.name, str(each.target), each.reason)
        for each in decision.fields
        if each.outcome is FieldOutcome.WRITE and decision.action is not Action.CREATE
    ]
    if decision.consent:
        fields += [("opted out", str(side), decision.consent.reason) for side in decision.consent.changes]
    return Difference(
        contact=pair.host.ref.id if pair.host else None,
        salesforce=pair.salesforce.ref.id if pair.salesforce else None,
        action=str(decision.action),
        reason=decision.reason,
        fields=tuple(fields),
    )


def run_shadow(app: App, instance: Instance, hours: int) -> Shadow:
    """Look at everybody who changed on either side in the last hours. Reads only."""
    with app.open_sides(instance) as sides:
        rows = rows_of(sides.mautic)
        looked = look_at(app, sides.mautic, rows)
        rules = rules_of(parse_mapping(looked.conversion.people), instance, sides)
        span = timedelta(hours=hours)
        store = PluginStore(app.database, Scope(instance.id, rules.mapping.lane), rows, sides.mautic.reader, span)
        brake = Brake(0, is_released=True)
        lane = Lane(rules, sides.by_side, store, UncountedRun(), app.clock, brake)
        found = Shadow(looked, app.clock() - span)
        for plan in preview_mapping(lane):
            found.add(plan)
    return found


@dataclass(frozen=True, slots=True)
class PluginStore(PreviewStore):
    """A store that reads, whose links are the plugin's, looked up as they are asked for."""

    rows: LinkRows
    reader: ContactReader
    span: timedelta

    def open_window(self, side: Side, feed: str, source_now: datetime) -> Window:  # noqa: ARG002  (the port's)
        """Return the stretch that is compared."""
        return Window(source_now - self.span, source_now)

    def load_links(self, side: Side, refs: Sequence[Ref]) -> dict[Ref, Link]:
        """Return the links that an import would make of the plugin's, each end given once, the newest first."""
        asked = set(refs)
        if not asked:
            return {}
        mine = self._of_contacts(asked) if side is Side.HOST else self.rows.of_records([ref.id for ref in asked])
        kept, _ = choose(self._people([*mine, *self._rivals(mine)]))
        links = (Link(ref_of(each.contact_id), each.salesforce, origin=ORIGIN, id=each.row) for each in kept)
        return {link.end(side): link for link in links if link.end(side) in asked}

    def load_tombstones(self, side: Side, refs: Sequence[Ref]) -> set[Ref]:
        """Return whom the plugin heard to be deleted, so that nobody would make them anew."""
        if side is not Side.HOST:
            return set()
        rows = self._of_contacts(set(refs))
        return {ref_of(row.internal_id) for row in rows if row.state == "lead-deleted" and row.internal_id is not None}

    def _of_contacts(self, refs: Collection[Ref]) -> list[NativeLink]:
        """Return the links of contacts, and of those that were merged into them."""
        ids = {number for ref in refs if (number := id_of(ref)) is not None}
        return self.rows.of_contacts(ids | self.reader.read_merged_into(ids))

    def _rivals(self, rows: Collection[NativeLink]) -> list[NativeLink]:
        """Return the other links of the same people: one of them may be newer."""
        people = [person for row in rows if (person := judge(row).person)]
        by_contact = self.rows.of_contacts([each.contact_id for each in people])
        return by_contact + self.rows.of_records([each.salesforce.id for each in people])

    def _people(self, rows: Collection[NativeLink]) -> list[PersonLink]:
        """Return the links of people, newest first, each with the contact that lives."""
        judged = (judge(row).person for row in newest_first(rows))
        people = [each for each in judged if each is not None and not each.was_deleted]
        survivors = self.reader.read_survivors(each.contact_id for each in people) if people else {}
        return [replace(each, contact_id=survivors.get(each.contact_id, each.contact_id)) for each in people]
