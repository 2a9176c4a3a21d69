"""Who takes part, asked of records and pairs: the scope decides about people who are not linked yet. Pure."""

from sidecar.mapping.rules import Rules
from sidecar.mapping.scope import Verdict, judge
from sidecar.records import Record, Side
from sidecar.sync.model import Pair

OUT_OF_SCOPE = "out-of-scope"


def judge_record(record: Record, side: Side, rules: Rules) -> Verdict:
    """Return whether a record takes part, and by which clause."""
    return judge(rules.clauses(side, record.ref.object), record.values)


def is_out(record: Record | None, side: Side, rules: Rules) -> bool:
    """Tell whether a living record is kept out; what is gone follows rules of its own."""
    if record is None or record.is_deleted or record.successor is not None:
        return False
    clauses = rules.clauses(side, record.ref.object)
    return bool(clauses) and not judge(clauses, record.values).is_in


def is_pair_out(pair: Pair, rules: Rules) -> bool:
    """Tell whether either record of a pair without a link is kept out: then neither is made, matched nor written."""
    return pair.link is None and any(is_out(pair.record(side), side, rules) for side in Side)


def scope_values(record: Record, side: Side, rules: Rules) -> list[str]:
    """Return what a record holds of what its scope asks; a change of it is news even if the field is not mapped."""
    return [repr(record.values.get(clause.info.name)) for clause in rules.clauses(side, record.ref.object)]
