"""A page of changed records → pairs: who they are now, whom they are linked to, and what the other side has.

Reads in bulk, decides nothing. The identity ladder (`match.py`) is asked only for records without a link.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sidecar.mapping.rules import Rules
from sidecar.records import Record, Ref, Side
from sidecar.sync.consent import needs_evidence
from sidecar.sync.echo import is_echo, seen_fingerprint
from sidecar.sync.match import match_unlinked
from sidecar.sync.model import Link, Pair
from sidecar.sync.newest import with_field_dates
from sidecar.sync.ports import LaneStore, SidePort, Sides
from sidecar.sync.scope import OUT_OF_SCOPE, is_pair_out, scope_values
from sidecar.sync.wishes import with_exclusions_across, with_wishes

_MAX_HOPS = 8
"""How many merges and conversions in a row are followed; a longer chain is looked at again later."""


@dataclass(slots=True)
class _Head:
    """One living (or deleted) record of the triggering side, and all that led to it in this page."""

    record: Record
    refs: list[Ref]


def pair_up(
    records: Sequence[Record], side: Side, rules: Rules, sides: Sides, store: LaneStore, *, look_closely: bool = False
) -> list[Pair]:
    """Return one pair per record. `look_closely` looks even at what seems unchanged (retries, explanations)."""
    pairs: list[Pair] = []
    if not look_closely:
        records, pairs = _split_settled_moves(records, side, store)
    living = follow(records, sides[side], rules)
    links = store.load_links(side, [ref for head in living for ref in (*head.refs, head.record.ref)])
    moved = [ref for head in living if head.record.ref not in head.refs for ref in head.refs]
    excluded = store.load_excluded(side, moved) if moved else set()
    for head in living:
        pairs += _pairs_of_head(head, side, links, is_excluded=not excluded.isdisjoint(head.refs))
    pairs = with_wishes(pairs, {head.record.ref: head.refs for head in living}, side, store)
    open_pairs = [pair for pair in pairs if pair.problem is None]
    settled = [pair for pair in pairs if pair.problem is not None]
    if not look_closely:
        open_pairs, echoes = _split_echoes(open_pairs, side, rules, store)
        settled += echoes
    linked = _with_counterparts([pair for pair in open_pairs if pair.link], side, rules, sides, store)
    strangers = [pair for pair in open_pairs if pair.link is None]
    settled += [pair for pair in strangers if pair.is_excluded]
    strangers = [pair for pair in strangers if not pair.is_excluded]
    settled += [replace(pair, problem=OUT_OF_SCOPE) for pair in strangers if is_pair_out(pair, rules)]
    unlinked = match_unlinked([pair for pair in strangers if not is_pair_out(pair, rules)], side, rules, sides, store)
    known = with_exclusions_across(linked + unlinked, side, store)
    return settled + with_field_dates(with_evidence(known, rules, sides), rules, sides)


def _split_settled_moves(records: Sequence[Record], side: Side, store: LaneStore) -> tuple[list[Record], list[Pair]]:
    """Set aside who was merged or converted and whose link has moved on before: the survivor's own feed tells the rest."""
    moved = {record.ref: record.successor for record in records if record.successor}
    links = store.load_links(side, [*moved, *moved.values()]) if moved else {}
    settled = {ref for ref, successor in moved.items() if ref not in links and successor in links}
    asides = [_aside(side, record.ref, "unchanged") for record in records if record.ref in settled]
    return [record for record in records if record.ref not in settled], asides


def follow(records: Sequence[Record], side: SidePort, rules: Rules) -> list[_Head]:
    """Follow merges and conversions to where each identity lives now; one head per surviving record."""
    heads: dict[Ref, _Head] = {}
    waiting = [(record, [record.ref]) for record in records]
    known = {record.ref: record for record in records if record.successor is None}
    for _ in range(_MAX_HOPS):
        unread = {record.successor for record, _ in waiting if record.successor} - known.keys()
        found = side.read(rules, sorted(unread)) if unread else {}
        known |= {ref: record for ref, record in found.items() if record.successor is None}
        moved: list[tuple[Record, list[Ref]]] = []
        for record, refs in waiting:
            if record.successor is None:
                _add(heads, record, refs)
            elif record.successor in known:
                _add(heads, known[record.successor], refs)
            elif record.successor in found:
                moved.append((found[record.successor], [*refs, record.successor]))
            else:  # the survivor cannot be seen: not a deletion, so it is looked at again
                _add(heads, record, refs)
        waiting = moved
        if not waiting:
            break
    for record, refs in waiting:
        _add(heads, record, refs)
    return list(heads.values())


def _add(heads: dict[Ref, _Head], record: Record, refs: list[Ref]) -> None:
    head = heads.setdefault(record.ref, _Head(record, []))
    head.refs += [ref for ref in refs if ref not in head.refs]


def _pairs_of_head(head: _Head, side: Side, links: dict[Ref, Link], *, is_excluded: bool) -> list[Pair]:
    """Return the pair of a surviving record, and one that says why for each record that led to it.

    The survivor of somebody who was never linked is told by its own feed, unless it is to be left out as they were.
    """
    record = head.record
    own = links.get(record.ref)
    older = [links[ref] for ref in head.refs if ref in links and ref != record.ref]
    if record.successor is not None:
        return [_aside(side, ref, "waits-for-merge") for ref in head.refs]
    if own is None and not older and record.ref not in head.refs and not is_excluded:
        return [_aside(side, ref, "merged-never-linked") for ref in head.refs]
    link = own or older[0] if own or older else None
    retired = tuple(other for other in older if other is not link)
    pair = Pair(
        trigger=side,
        trigger_ref=record.ref,  # what waits, waits under the name it has now
        link=link,
        moved_because=_why_moved(link, record, side) or (f"merged-in-{side}" if retired else None),
        retired=retired,
        inherits_opt_out=any(bool(other.opted_out) for other in retired),
    )
    others = [_aside(side, ref, "same-person") for ref in head.refs if ref != record.ref]
    left_alone = [_aside(side.other, other.end(side.other), "twin-was-merged") for other in retired]
    return [_with(pair, side, record), *others, *left_alone]


def _why_moved(link: Link | None, record: Record, side: Side) -> str | None:
    if link is None or link.end(side) == record.ref:
        return None
    return "converted" if link.end(side).object != record.ref.object else f"merged-in-{side}"


def _aside(side: Side, ref: Ref, reason: str) -> Pair:
    return Pair(trigger=side, trigger_ref=ref, problem=reason)


def _with(pair: Pair, side: Side, record: Record | None) -> Pair:
    return replace(pair, host=record) if side is Side.HOST else replace(pair, salesforce=record)


def _split_echoes(pairs: list[Pair], side: Side, rules: Rules, store: LaneStore) -> tuple[list[Pair], list[Pair]]:
    """Set aside what was seen before in just this state: linked and unchanged, or unlinked and still waiting."""
    waiting = store.load_waiting(side, [pair.trigger_ref for pair in pairs if pair.link is None])
    news: list[Pair] = []
    echoes: list[Pair] = []
    for pair in pairs:
        record = pair.record(side)
        if record is None:
            news.append(pair)
        elif pair.link and not pair.moved_because and not pair.retired and is_echo(record, side, pair.link, rules):
            echoes.append(replace(pair, problem="unchanged"))
        elif (
            pair.link is None
            and not pair.is_pushed
            and waiting.get(pair.trigger_ref) == waiting_fingerprint(record, side, rules)
        ):
            echoes.append(replace(pair, problem="still-waiting"))
        else:
            news.append(pair)
    return news, echoes


def waiting_fingerprint(record: Record, side: Side, rules: Rules) -> str:
    """Return what is remembered of an unlinked record that waits."""
    salesforce_object = record.ref.object if side is Side.SALESFORCE else rules.mapping.create_in_salesforce
    seen = seen_fingerprint(record, side, rules, salesforce_object or rules.mapping.salesforce_objects[0])
    asked = scope_values(record, side, rules)
    return rules.fingerprint.of_text(repr((seen, asked))) if asked else seen


def _with_counterparts(pairs: list[Pair], side: Side, rules: Rules, sides: Sides, store: LaneStore) -> list[Pair]:
    """Read the linked records across, following them if they were merged or converted meanwhile."""
    other = side.other
    wanted = [pair.link.end(other) for pair in pairs if pair.link]
    if not wanted:
        return []
    found = sides[other].read(rules, wanted)
    head_of = {ref: head.record for head in follow(list(found.values()), sides[other], rules) for ref in head.refs}
    moved_to = {record.ref for ref, record in head_of.items() if record.ref != ref}
    taken = store.load_links(other, sorted(moved_to))
    return [_with_counterpart(pair, other, head_of, taken) for pair in pairs]


def _with_counterpart(pair: Pair, other: Side, head_of: dict[Ref, Record], taken: dict[Ref, Link]) -> Pair:
    assert pair.link is not None
    end = pair.link.end(other)
    twin = head_of.get(end)
    if twin is None:
        return replace(pair, problem="record-not-visible")
    if twin.ref != end and (twin.successor or taken.get(twin.ref, pair.link).id != pair.link.id):
        return replace(pair, problem="waits-for-merge")  # the other side's own feed sees the whole merge
    return _with(replace(pair, moved_because=pair.moved_because or _why_moved(pair.link, twin, other)), other, twin)


def with_evidence(pairs: list[Pair], rules: Rules, sides: Sides) -> list[Pair]:
    """Ask both histories since when the opt-out states hold, for the few pairs where one might be lifted."""
    asking = [pair for pair in pairs if pair.problem is None and needs_evidence(pair, rules)]
    if not asking:
        return pairs
    dates: dict[Side, dict[Ref, datetime | None]] = {}
    for side in Side:
        dates[side] = sides[side].read_evidence(
            rules, [record.ref for pair in asking if (record := pair.record(side)) is not None]
        )
    asked = {id(pair) for pair in asking}
    return [
        replace(pair, evidence={side: dates[side].get(_ref(pair, side)) for side in Side})
        if id(pair) in asked
        else pair
        for pair in pairs
    ]


def _ref(pair: Pair, side: Side) -> Ref:
    record = pair.record(side)
    assert record is not None
    return record.ref
