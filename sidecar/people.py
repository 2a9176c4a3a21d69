"""Single people, asked for by name or by hand: find them, say how they are, have them looked at, take them out and in again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sidecar.bootstrap import App
from sidecar.errors import UsageError
from sidecar.records import Record, Ref, Side
from sidecar.salesforce.environments import pages_address
from sidecar.salesforce.ids import full_id
from sidecar.salesforce.signin import last_instance_url
from sidecar.store.instances import Instance
from sidecar.store.links import load_links
from sidecar.store.outbox import Outbox
from sidecar.store.people import PersonFacts
from sidecar.store.pushes import PushState
from sidecar.sync.model import LinkState, Reaction, Wanted
from sidecar.sync.run import Lane

LANE = "people"
CONTACT = "contact"
ASKED_FOR = "asked-for"
"""Reason of the hint that has somebody looked at because a person wants it now."""
INCLUDED_AGAIN = "included-again"
EXCLUDED = "excluded-by-hand"
PUSHED = "pushed"

_OBJECTS = {"003": "Contact", "00Q": "Lead"}
_DELETED = {
    LinkState.DELETED_IN_HOST: "deleted-in-host",
    LinkState.DELETED_IN_SALESFORCE: "deleted-in-salesforce",
}


def side_of(record_id: str) -> Side:
    """Return whose id a text must be if it is one: Mautic counts, and never got as far as the 15 digits of Salesforce."""
    return Side.HOST if record_id.isascii() and record_id.isdigit() and len(record_id) < 15 else Side.SALESFORCE


def ref_of(text: str, side: Side) -> Ref:
    """Return the record that an id of one side means; UsageError if it is none."""
    if side is Side.HOST and text.isascii() and text.isdigit() and len(text) < 19:
        return Ref(CONTACT, str(int(text)))
    whole = full_id(text) if side is Side.SALESFORCE else None
    if whole is None or whole[:3] not in _OBJECTS:
        raise UsageError(f"{text[:40]} is no id of a person there", code="person-unreadable")
    return Ref(_OBJECTS[whole[:3]], whole)


def find_person(lane: Lane, person: str) -> list[tuple[Side, Record]]:
    """Return the records that a person's name for somebody means, Mautic first; UsageError if there are none."""
    found: list[tuple[Side, Record]] = []
    if "@" in person:
        values = dict.fromkeys(lane.rules.mapping.match_on, person.strip())
        for side in Side:
            found += [(side, record) for record in lane.sides[side].find(lane.rules, [Wanted(values=values)])[0]]
    elif side_of(person) is Side.HOST:
        found = _read(lane, Side.HOST, [Ref(lane.rules.mapping.host_object, person)])
    elif re.fullmatch(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?", person):
        refs = [Ref(name, person) for name in lane.rules.mapping.salesforce_objects]
        found = _read(lane, Side.SALESFORCE, refs)
    else:
        raise UsageError("That is neither an e-mail address nor an id", code="person-unreadable")
    if not found:
        raise UsageError("Nobody by that name is on either side", code="no-such-person")
    return found


def look_at(app: App, instance: Instance, side: Side, ref: Ref) -> None:
    """Have the next run look at a record, whether it seems to have changed or not."""
    Outbox(app.database).hint(instance.id, LANE, side, [ref], ASKED_FOR)


def take_out(app: App, instance: Instance, side: Side, ref: Ref, who: str) -> None:
    """Leave a record alone from now on, and with it whoever it is linked to. Opt-outs still travel."""
    app.exclusions.add(instance.id, side, [ref], who, app.clock())


def take_in(app: App, instance: Instance, side: Side, ref: Ref) -> bool:
    """Take a record and whom it is linked to in again, and have it looked at; tell whether either was out."""
    with app.database.read() as connection:
        link = load_links(connection, instance.id, side, [ref]).get(ref)
    ends = {each: [link.end(each)] for each in Side} if link else {side: [ref]}
    count = sum(app.exclusions.remove(instance.id, each, refs) for each, refs in ends.items())
    if count:
        Outbox(app.database).hint(instance.id, LANE, side, [ref], INCLUDED_AGAIN)
    return bool(count)


def addresses_of(app: App, instance: Instance, ends: Mapping[Side, Ref | None]) -> dict[Side, str]:
    """Return where people see these records in their own systems, as far as that is known without asking."""
    found: dict[Side, str] = {}
    host, org = (app.connections.load(instance.id, side) for side in (Side.HOST, Side.SALESFORCE))
    if host and (contact := ends.get(Side.HOST)):
        found[Side.HOST] = f"{str(host.settings['base_url']).rstrip('/')}/s/contacts/view/{contact.id}"
    if org and (record := ends.get(Side.SALESFORCE)):
        last = last_instance_url(app.cache(instance, Side.SALESFORCE))
        if address := pages_address(str(org.settings["login_url"]), last):
            found[Side.SALESFORCE] = f"{address}/{record.id}"
    return found


class PersonState(StrEnum):
    """How somebody stands, in one word."""

    LINKED = "linked"
    WAITING = "waiting"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands: the word, the code of the reason if there is one, and what they wait for."""

    state: PersonState
    reason: str | None = None
    waits_for: Reaction | None = None


def standing_of(facts: PersonFacts) -> Standing:
    """Say how somebody stands by what is stored alone."""
    waiting = facts.waiting[0] if facts.waiting else None
    if facts.exclusions:
        return Standing(PersonState.EXCLUDED, EXCLUDED)
    if facts.link is not None:
        if facts.link.state is not LinkState.ACTIVE:
            return Standing(PersonState.UNKNOWN, _DELETED[facts.link.state])
        if waiting is None or waiting.waits_for is None:
            return Standing(PersonState.LINKED)
        return Standing(PersonState.LINKED, waiting.reason, waiting.waits_for)
    if facts.push is not None and facts.push.state is PushState.WAITING:
        return Standing(PersonState.WAITING, facts.push.reason or PUSHED)
    if waiting is not None:
        state = PersonState.UNKNOWN if waiting.waits_for is Reaction.RULES else PersonState.WAITING
        return Standing(state, waiting.reason, waiting.waits_for)
    if facts.push is not None and facts.push.state is PushState.REFUSED:
        return Standing(PersonState.UNKNOWN, facts.push.reason)
    return Standing(PersonState.UNKNOWN, facts.decisions[0].reason if facts.decisions else None)


def _read(lane: Lane, side: Side, refs: list[Ref]) -> list[tuple[Side, Record]]:
    return [(side, record) for record in lane.sides[side].read(lane.rules, refs).values()]
