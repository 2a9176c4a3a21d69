"""Pushes before and after a run: whoever is wanted in Salesforce is looked at, and each wish gets its end.

What a push makes possible is decided where everything is (`sync/decide.py`). Here wishes become hints, and outcomes become ends:
done, refused with the code of what stood in the way, or still waiting where the record itself is tried again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sidecar.bootstrap import App
from sidecar.hosts.port import HostSide, ToldPush
from sidecar.records import Record, Ref, Side
from sidecar.salesforce.campaign_members import Membership
from sidecar.salesforce.side import SalesforceSide
from sidecar.store.outbox import Outbox
from sidecar.store.pushes import Ending, Push, PushState, PushWish
from sidecar.sync.model import Link, LinkState, Reaction, Write, WriteError
from sidecar.sync.run import Lane

LANE = "people"
PUSHED = "pushed"
"""Reason of the hint that has a pushed person looked at."""
OTHER_OBJECT = "linked-as-another-object"


@dataclass(frozen=True, slots=True)
class Answering:
    """Which pushes a run gives their end: those that were there before it began."""

    instance_id: int
    run_id: int
    newest: int


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of a push. Without a state it still waits, for `reason`."""

    state: PushState | None
    reason: str | None


def take_in(app: App, instance_id: int, host: HostSide) -> None:
    """Remember the wishes that wait in the host, so that it may forget them: a wish is in one of the two places always."""
    host.take_pushes(lambda told: app.pushes.request(instance_id, [_wish(each) for each in told], app.clock()))


def _wish(told: ToldPush) -> PushWish:
    return PushWish(told.contact, told.wanted_object, told.campaign_id, told.member_status, told.source)


def prepare(app: App, instance_id: int, run_id: int) -> Answering:
    """Have everybody looked at who was pushed since the last run; who is being tried again keeps to their own time."""
    newest = 0
    while page := app.pushes.waiting(instance_id, after=newest):
        newest = page[-1].id
        fresh = [push.wish.host for push in page if push.reason is None]
        if fresh:
            Outbox(app.database).hint(instance_id, LANE, Side.HOST, fresh, PUSHED)
    return Answering(instance_id, run_id, newest)


def settle(app: App, lane: Lane, salesforce: SalesforceSide, answering: Answering) -> None:
    """Give each push its end, page by page, and tag in the host who was refused, if the mapping wants it."""
    last = 0
    while page := app.pushes.waiting(answering.instance_id, after=last):
        last = page[-1].id
        pushes = [push for push in page if push.id <= answering.newest]
        if not pushes:
            return
        people = _People.of(pushes, lane)
        endings = app.pushes.endings(answering.instance_id, answering.run_id, people.refs)
        fates = {push.id: _fate(push, people, endings, lane) for push in pushes}
        fates |= _in_campaigns(pushes, fates, people, salesforce)
        _tag_refused(pushes, fates, people, lane)
        _save(app, answering.instance_id, fates)


@dataclass(frozen=True, slots=True)
class _People:
    """Whom the pushes of a page are about by now, and whom they are linked to."""

    now: Mapping[Ref, Ref]
    links: Mapping[Ref, Link]
    records: Mapping[Ref, Record]

    @classmethod
    def of(cls, pushes: Sequence[Push], lane: Lane) -> "_People":
        """Look them up; who was merged meanwhile goes by the survivor."""
        refs = sorted({push.wish.host for push in pushes})
        records = lane.sides[Side.HOST].read(lane.rules, refs)
        now = {ref: record.successor or ref for ref, record in records.items()}
        links = lane.store.load_links(Side.HOST, sorted({*refs, *now.values()}))
        return cls(now, links, records)

    @property
    def refs(self) -> list[Ref]:
        """Everybody, by every name."""
        return sorted({*self.records, *self.now.values()})

    def link(self, push: Push) -> Link | None:
        """Return the link of a pushed person."""
        return self.links.get(self.now.get(push.wish.host, push.wish.host))


def _fate(push: Push, people: _People, endings: Mapping[Ref, Ending], lane: Lane) -> _Fate:
    link = people.link(push)
    if link is not None and link.state is not LinkState.ACTIVE:
        return _Fate(PushState.REFUSED, _DELETED[link.state])
    if link is not None:
        return _as_wanted(push, link, lane)
    ending = endings.get(people.now.get(push.wish.host, push.wish.host))
    if ending is None:
        return _Fate(None, push.reason)  # not looked at: the next run will
    if ending.waits_for == Reaction.RETRY:
        return _Fate(None, ending.reason)
    return _Fate(PushState.REFUSED, ending.reason)


_DELETED = {
    LinkState.DELETED_IN_HOST: "deleted-in-host",
    LinkState.DELETED_IN_SALESFORCE: "deleted-in-salesforce",
}


def _as_wanted(push: Push, link: Link, lane: Lane) -> _Fate:
    """Say of who is in Salesforce whether it is as what was wanted: a preferred object does as well, a lesser one does not."""
    wanted, present = push.wish.wanted_object, link.salesforce.object
    if wanted in (None, present):
        return _Fate(PushState.DONE, None)
    order = lane.rules.mapping.salesforce_objects
    is_better = wanted in order and present in order and order.index(present) < order.index(wanted)
    return _Fate(PushState.DONE if is_better else PushState.REFUSED, OTHER_OBJECT)


def _in_campaigns(
    pushes: Sequence[Push], fates: Mapping[int, _Fate], people: _People, salesforce: SalesforceSide
) -> dict[int, _Fate]:
    """Put into their campaigns who is in Salesforce, whatever as; return whose push ends otherwise by that."""
    wanted: dict[int, Membership] = {}
    for push in pushes:
        link = people.link(push)
        if push.wish.campaign_id and link is not None and link.state is LinkState.ACTIVE:
            wanted[push.id] = Membership(push.wish.campaign_id, link.salesforce, push.wish.member_status)
    errors = salesforce.add_campaign_members(list(wanted.values())) if wanted else []
    return {
        number: _not_in_campaign(error) for number, error in zip(wanted, errors, strict=True) if error and fates[number]
    }


def _not_in_campaign(error: WriteError) -> _Fate:
    return _Fate(None if error.reaction is Reaction.RETRY else PushState.REFUSED, error.code)


def _tag_refused(pushes: Sequence[Push], fates: Mapping[int, _Fate], people: _People, lane: Lane) -> None:
    tag = lane.rules.mapping.push.refused_tag
    refused = {people.now.get(push.wish.host) for push in pushes if fates[push.id].state is PushState.REFUSED}
    living = sorted(ref for ref in refused if ref and not (ref in people.records and people.records[ref].is_deleted))
    if tag and living:
        writes = [Write(Side.HOST, ref.object, ref, tags=(tag,)) for ref in living]
        lane.sides[Side.HOST].write(lane.rules, writes)


def _save(app: App, instance_id: int, fates: Mapping[int, _Fate]) -> None:
    ids: dict[_Fate, list[int]] = {}
    for number, fate in fates.items():
        ids.setdefault(fate, []).append(number)
    for fate, numbers in ids.items():
        if fate.state is not None:
            app.pushes.finish(instance_id, numbers, fate.state, fate.reason, app.clock())
        elif fate.reason is not None:
            app.pushes.note(instance_id, numbers, fate.reason)
