"""The identity ladder for records without a link: external id, then e-mail (or another match field), else nobody.

Several candidates are *ambiguous*, never guessed; one that belongs to somebody else is left alone; a page is collapsed by
identity, so that two records of one person never become two twins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sidecar.mapping.convert import convert
from sidecar.mapping.fingerprint import comparable_text
from sidecar.mapping.rules import FieldRule, Rules
from sidecar.records import Record, Ref, Side, Value
from sidecar.sync.decide import match_values
from sidecar.sync.model import DELETED_IN, Link, Pair, Wanted
from sidecar.sync.ports import LaneStore, SidePort, Sides


def match_unlinked(pairs: list[Pair], side: Side, rules: Rules, sides: Sides, store: LaneStore) -> list[Pair]:
    """Return the pairs with their counterpart across, or with the problem that keeps them apart.

    A Lead whose address a Contact has too steps back; the Contact's pair is added if nobody is linked to it yet.
    """
    if side is Side.SALESFORCE:
        pairs = _step_back(pairs, rules, sides[side], store)
    asking = [pair for pair in pairs if pair.problem is None and _is_askable(pair, side, rules)]
    if not asking:
        return pairs
    wanted = [_wanted(pair, side, rules) for pair in asking]
    candidates = sides[side.other].find(rules, wanted)
    links = store.load_links(side.other, sorted({record.ref for found in candidates for record in found}))
    matched = {
        id(pair): _choose(pair, side, want, found, links, rules)
        for pair, want, found in zip(asking, wanted, candidates, strict=True)
    }
    known = [matched.get(id(pair), pair) for pair in pairs]
    return _collapse(_without_ghosts(known, side, store), side, rules)


def _without_ghosts(pairs: list[Pair], side: Side, store: LaneStore) -> list[Pair]:
    """Make nobody a new twin whose twin was merged into somebody else's: that would undo the merge."""
    alone = [pair for pair in pairs if pair.problem is None and pair.record(side.other) is None]
    buried = store.load_tombstones(side, [record.ref for pair in alone if (record := pair.record(side))])
    return [
        replace(pair, problem="twin-was-merged")
        if pair.problem is None
        and pair.record(side.other) is None
        and (record := pair.record(side))
        and record.ref in buried
        else pair
        for pair in pairs
    ]


def _step_back(pairs: list[Pair], rules: Rules, salesforce: SidePort, store: LaneStore) -> list[Pair]:
    """Let records give way to one of a preferred object that carries the same match value (a Contact before a Lead)."""
    rank = {name: number for number, name in enumerate(rules.mapping.salesforce_objects)}
    asking = [pair for pair in pairs if _may_step_back(pair, rank, rules)]
    if not asking:
        return pairs
    found = salesforce.find(rules, [Wanted(values=_own_values(pair.salesforce, rules)) for pair in asking])
    better: dict[int, list[Record]] = {
        id(pair): [each for each in records if rank[each.ref.object] < rank[pair.trigger_ref.object]]
        for pair, records in zip(asking, found, strict=True)
    }
    preferred = {record.ref: record for records in better.values() for record in records}
    for ref in [pair.salesforce.ref for pair in pairs if pair.salesforce]:
        preferred.pop(ref, None)
    linked = store.load_links(Side.SALESFORCE, sorted(preferred))
    added = [
        Pair(trigger=Side.SALESFORCE, trigger_ref=ref, salesforce=record)
        for ref, record in preferred.items()
        if ref not in linked
    ]
    return [replace(pair, problem="another-is-preferred") if better.get(id(pair)) else pair for pair in pairs] + added


def _may_step_back(pair: Pair, rank: Mapping[str, int], rules: Rules) -> bool:
    record = pair.salesforce
    if record is None or not rank.get(record.ref.object) or not _is_askable(pair, Side.SALESFORCE, rules):
        return False
    return record.ref == pair.trigger_ref and _carried_id(record, Side.SALESFORCE, rules) is None


def _own_values(record: Record | None, rules: Rules) -> dict[str, Value]:
    values = match_values(record, rules, Side.SALESFORCE)
    return {name: value for name, value in values.items() if value is not None}


def _is_askable(pair: Pair, side: Side, rules: Rules) -> bool:
    """Tell whether a record lives and carries anything to be recognised by."""
    record = pair.record(side)
    if record is None or record.is_deleted:
        return False
    return bool(_carried_id(record, side, rules)) or any(
        value is not None for value in match_values(record, rules, side).values()
    )


def _wanted(pair: Pair, side: Side, rules: Rules) -> Wanted:
    record = pair.record(side)
    assert record is not None
    external_id = record.ref.id if side is Side.HOST else _carried_id(record, side, rules)
    return Wanted(
        external_id=external_id if rules.mapping.external_id else None, values=_values_across(record, side, rules)
    )


def _carried_id(record: Record, side: Side, rules: Rules) -> str | None:
    """Return the host id a Salesforce record carries in its external id field."""
    if side is Side.HOST or rules.mapping.external_id is None:
        return None
    value = record.values.get(rules.mapping.external_id)
    return str(value) if value is not None else None


def _values_across(record: Record, side: Side, rules: Rules) -> dict[str, Value]:
    """Return the match values as the other side would store them, by pair name; what it could not hold matches nothing."""
    across: dict[str, Value] = {}
    for name, value in match_values(record, rules, side).items():
        rule = _rule(name, record, side, rules)
        if value is None or rule is None:
            continue
        converted = convert(value, rule.field(side), rule.field(side.other), rule.pair)
        if converted.held is None and converted.value is not None:
            across[name] = converted.value
    return across


def _rule(name: str, record: Record, side: Side, rules: Rules) -> FieldRule | None:
    objects = [record.ref.object] if side is Side.SALESFORCE else list(rules.fields)
    candidates = (rule for object_name in objects for rule in rules.fields.get(object_name, ()))
    return next((rule for rule in candidates if rule.pair.name == name), None)


def _choose(
    pair: Pair, side: Side, wanted: Wanted, found: Sequence[Record], links: Mapping[Ref, Link], rules: Rules
) -> Pair:
    """Take the one candidate of the preferred object, if it is one and free."""
    preferred = _preferred(found, rules)
    if not preferred:
        return pair
    if len(preferred) > 1:
        return replace(pair, problem="ambiguous-match")
    twin = preferred[0]
    link = links.get(twin.ref)
    if link and link.state is not DELETED_IN[side]:
        return replace(pair, problem="match-linked-elsewhere")
    matched = replace(
        pair,
        link=link,
        moved_because="made-anew" if link else None,
        matched_by="external-id" if _has_id(twin, side.other, wanted, rules) else "value",
    )
    return replace(matched, salesforce=twin) if side is Side.HOST else replace(matched, host=twin)


def _preferred(found: Sequence[Record], rules: Rules) -> list[Record]:
    """Return the candidates of the first object in matching order that has any (Contact before Lead)."""
    for object_name in (*rules.mapping.salesforce_objects, rules.mapping.host_object):
        of_object = [record for record in found if record.ref.object == object_name]
        if of_object:
            return of_object
    return []


def _has_id(twin: Record, twin_side: Side, wanted: Wanted, rules: Rules) -> bool:
    if wanted.external_id is None or rules.mapping.external_id is None:
        return False
    if twin_side is Side.HOST:
        return twin.ref.id == wanted.external_id
    return twin.values.get(rules.mapping.external_id) == wanted.external_id


def _collapse(pairs: list[Pair], side: Side, rules: Rules) -> list[Pair]:
    """Let only the first of several records with one identity go on; the others wait for a person."""
    claimed: set[object] = set()
    collapsed: list[Pair] = []
    for pair in pairs:
        keys = _identity_keys(pair, side, rules) if pair.problem is None else set()
        collapsed.append(replace(pair, problem="duplicate-in-batch") if keys & claimed else pair)
        claimed |= keys
    return collapsed


def _identity_keys(pair: Pair, side: Side, rules: Rules) -> set[object]:
    record, twin = pair.record(side), pair.record(side.other)
    if record is None or record.is_deleted:
        return set()
    keys: set[object] = {twin.ref} if twin else set()
    for name, value in match_values(record, rules, side).items():
        rule = _rule(name, record, side, rules)
        if value is not None and rule is not None:
            keys.add((name, comparable_text(value, rule.field(side))))
    return keys
