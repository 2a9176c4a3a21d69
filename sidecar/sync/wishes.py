"""What people wish of single records: that they go to Salesforce now, or that they are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sidecar.records import Ref, Side
from sidecar.sync.model import Pair
from sidecar.sync.ports import LaneStore


def with_wishes(pairs: Sequence[Pair], led_by: Mapping[Ref, Sequence[Ref]], side: Side, store: LaneStore) -> list[Pair]:
    """Return the pairs with what is wished of the triggering record, under any id that led to it: wishes outlive merges."""
    asking = [pair.trigger_ref for pair in pairs if pair.problem is None]
    refs = sorted({ref for each in asking for ref in (each, *led_by.get(each, ()))})
    if not refs:
        return list(pairs)
    excluded = store.load_excluded(side, refs)
    pushed = store.load_pushes(refs) if side is Side.HOST else {}
    if not excluded and not pushed:
        return list(pairs)
    return [
        _wished(pair, (pair.trigger_ref, *led_by.get(pair.trigger_ref, ())), excluded, pushed)
        if pair.problem is None
        else pair
        for pair in pairs
    ]


def with_exclusions_across(pairs: list[Pair], side: Side, store: LaneStore) -> list[Pair]:
    """Mark the pairs whose record on the other side was taken out."""
    refs = {record.ref for pair in pairs if pair.problem is None and (record := pair.record(side.other))}
    excluded = store.load_excluded(side.other, sorted(refs)) if refs else set()
    return [
        replace(pair, is_excluded=True) if (record := pair.record(side.other)) and record.ref in excluded else pair
        for pair in pairs
    ]


def _wished(pair: Pair, names: Sequence[Ref], excluded: set[Ref], pushed: Mapping[Ref, str | None]) -> Pair:
    taken_out = next((ref for ref in names if ref in excluded), None)
    wanted = [pushed[ref] for ref in names if ref in pushed]
    return replace(
        pair,
        is_excluded=taken_out is not None,
        excluded_as=taken_out,
        is_pushed=bool(wanted),
        wanted_object=next((each for each in wanted if each), None),
    )
