"""Who takes part, asked of records and pairs: the scope decides about people who are not linked yet. Pure."""

from sidecar.mapping.rules import Rules
from sidecar.mapping.scope import IN_SEGMENT, Verdict, judge
from sidecar.records import Record, Side
from sidecar.sync.model import Pair

OUT_OF_SCOPE = "out-of-scope"
NOT_PUSHED = "not-pushed"
EXCLUDED = "excluded-by-hand"
LEFT_OUT = frozenset({OUT_OF_SCOPE, NOT_PUSHED, EXCLUDED})
"""Reasons of records that nothing is done about until the rules change, or somebody does something about them."""


def judge_record(record: Record, side: Side, rules: Rules) -> Verdict:
    """Return whether a record takes part, and by which clause."""
    return judge(rules.clauses(side, record.ref.object), record.values)


def is_out(record: Record | None, side: Side, rules: Rules, *, is_pushed: bool = False) -> bool:
    """Tell whether a living record is kept out; what is gone follows rules of its own. A push stands in for the lists."""
    if record is None or record.is_deleted or record.successor is not None:
        return False
    clauses = [each for each in rules.clauses(side, record.ref.object) if not (is_pushed and each.is_list)]
    return bool(clauses) and not judge(clauses, record.values).is_in


def is_pair_out(pair: Pair, rules: Rules) -> bool:
    """Tell whether either record of a pair without a link is kept out: then neither is made, matched nor written."""
    return pair.link is None and any(is_out(pair.record(side), side, rules, is_pushed=pair.is_pushed) for side in Side)


def needs_push(pair: Pair, rules: Rules) -> bool:
    """Tell whether a new person of the host has to be pushed first: nobody did, and they are not in the segment of the scope."""
    is_listed = pair.host is not None and pair.host.values.get(IN_SEGMENT) is True
    return rules.mapping.push.required and not pair.is_pushed and not is_listed


def scope_values(record: Record, side: Side, rules: Rules) -> list[str]:
    """Return what a record holds of what its scope asks; a change of it is news even if the field is not mapped."""
    return [repr(record.values.get(clause.info.name)) for clause in rules.clauses(side, record.ref.object)]
