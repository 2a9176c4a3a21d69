"""A creation that Salesforce refused because it knows the person: link with the record it names, if it is one and nobody else's.

Our own search found nobody, but the org's duplicate rules know more than an address. What they name is decided about like
any other match; where they name several, or one of somebody else, a person must choose.
"""

from collections.abc import Sequence
from dataclasses import replace

from sidecar.mapping.model import OnDuplicate
from sidecar.mapping.rules import Rules
from sidecar.records import Record, Ref, Side
from sidecar.sync.decide import decide
from sidecar.sync.model import Decision
from sidecar.sync.pairing import with_evidence
from sidecar.sync.ports import LaneStore, Sides
from sidecar.sync.write import Results, write


def link_duplicates(
    plan: Sequence[Decision], results: Sequence[Results], rules: Rules, sides: Sides, store: LaneStore
) -> tuple[list[Decision], list[Results]]:
    """Return the plan and its results, with refused creations decided anew as links where that is unambiguous."""
    decisions, outcomes = list(plan), list(results)
    named = {
        number: twin for number, twin in enumerate(map(_only_twin, results)) if twin and twin.object in rules.fields
    }
    if not named or rules.mapping.on_duplicate is not OnDuplicate.LINK:
        return decisions, outcomes
    again = _decide_anew({number: (plan[number], twin) for number, twin in named.items()}, results, rules, sides, store)
    for number, result in zip(again, write(list(again.values()), rules, sides), strict=True):
        decisions[number], outcomes[number] = again[number], result
    return decisions, outcomes


def _only_twin(results: Results) -> Ref | None:
    written = results.get(Side.SALESFORCE)
    twins = written.result.error.twins if written and written.result.error else ()
    return twins[0] if len(twins) == 1 else None


def _decide_anew(
    named: dict[int, tuple[Decision, Ref]], results: Sequence[Results], rules: Rules, sides: Sides, store: LaneStore
) -> dict[int, Decision]:
    twins = sorted({twin for _, twin in named.values()})
    found = sides[Side.SALESFORCE].read(rules, twins)
    taken = set(store.load_links(Side.SALESFORCE, twins)) | _just_made(results)
    taken |= store.load_excluded(Side.SALESFORCE, twins)
    again: dict[int, Decision] = {}
    for number, (decision, twin) in named.items():
        record = found.get(twin)
        if decision.pair.salesforce is None and _is_free(record, taken):
            pair = replace(decision.pair, salesforce=record, matched_by="duplicate-rule")
            again[number] = decide(with_evidence([pair], rules, sides)[0], rules)
            taken.add(twin)
    return again


def _is_free(record: Record | None, taken: set[Ref]) -> bool:
    return record is not None and not record.is_deleted and record.successor is None and record.ref not in taken


def _just_made(results: Sequence[Results]) -> set[Ref]:
    """Return what this page made or changed: its links are not stored yet."""
    written = [each[Side.SALESFORCE].result for each in results if Side.SALESFORCE in each]
    return {result.ref for result in written if result.ref and result.error is None}
