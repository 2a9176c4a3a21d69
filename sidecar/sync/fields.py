"""What becomes of one field: three-way, from the value last agreed and the two present ones. Pure.

Only None is blank; 0, False and "0" are values. A field that is cleared on purpose is never refilled by *fill if empty*.
"""

from datetime import datetime

from sidecar.mapping.convert import convert, same_value
from sidecar.mapping.fingerprint import EMPTY
from sidecar.mapping.model import ConflictPolicy, Priority
from sidecar.mapping.rules import FieldRule, Rules
from sidecar.records import Side, Value
from sidecar.sync.model import FieldDecision, FieldOutcome, Pair


def decide_fields(pair: Pair, rules: Rules) -> tuple[FieldDecision, ...]:
    """Return one decision per usable field of a pair whose records both live."""
    assert pair.salesforce is not None
    return tuple(decide_field(rule, pair, rules) for rule in rules.fields[pair.salesforce.ref.object])


def decide_field(rule: FieldRule, pair: Pair, rules: Rules) -> FieldDecision:
    """Return what becomes of one field, with the rule that decided it as a reason code."""
    values = {side: value_of(rule, pair, side) for side in Side}
    host, salesforce = values[Side.HOST], values[Side.SALESFORCE]
    if same_value(host, rule.host, salesforce, rule.salesforce, rule.pair):
        return _decision(rule, values, FieldOutcome.AGREED, "same-value")
    blank_side = next((side for side in Side if values[side] is None), None)
    if blank_side is not None:
        return _decide_blank(rule, pair, rules, values, blank_side)
    changed = _changed_sides(rule, pair, rules, values)
    if not changed:
        return _decision(rule, values, FieldOutcome.KEPT, "unchanged")
    if len(changed) == 2:
        return _decide_conflict(rule, pair, rules, values)
    source = changed.pop()
    if _allows(rule, source):
        return _write(rule, rules, values, source.other, f"changed-in-{source}")
    if rule.pair.enforce:
        return _write(rule, rules, values, source, f"enforced-{source.other}-value")
    return _decision(rule, values, FieldOutcome.KEPT, f"{source.other}-has-priority")


def value_of(rule: FieldRule, pair: Pair, side: Side) -> Value:
    """Return one side's present value of a field; blank where the record or the field is missing, or a placeholder stands."""
    record = pair.record(side)
    return without_placeholder(rule, side, record.values.get(rule.field(side).name)) if record else None


def without_placeholder(rule: FieldRule, side: Side, value: Value) -> Value:
    """Return the value, or None for what we ourselves put into Salesforce because it asked for something (R-13)."""
    return None if side is Side.SALESFORCE and value is not None and value == rule.pair.placeholder else value


def copy_field(rule: FieldRule, pair: Pair, source: Side) -> FieldDecision:
    """Return the field's part in a creation: all mapped values travel, whatever the arrow (WM-43 holds from then on)."""
    values: dict[Side, Value] = {source: value_of(rule, pair, source), source.other: None}
    target = rule.field(source.other)
    if values[source] is None:
        placeholder = rule.pair.placeholder if source is Side.HOST and target.is_required else None
        if placeholder is None:
            return _decision(rule, values, FieldOutcome.AGREED, "both-blank")
        return _decision(rule, values, FieldOutcome.WRITE, "placeholder", source.other, placeholder)
    if not target.is_createable:
        return _decision(rule, values, FieldOutcome.KEPT, "target-read-only")
    converted = convert(values[source], rule.field(source), target, rule.pair)
    if converted.held:
        return _decision(rule, values, FieldOutcome.HELD, converted.held, source.other)
    return _decision(rule, values, FieldOutcome.WRITE, "created", source.other, converted.value)


def _decide_blank(rule: FieldRule, pair: Pair, rules: Rules, values: dict[Side, Value], blank: Side) -> FieldDecision:
    """One side is blank, the other not. A blank that was always there may be filled; a cleared one is an act."""
    agreed = pair.link.agreed(blank, rule.pair.name) if pair.link else None
    was_cleared = agreed is not None and agreed != EMPTY
    if not was_cleared:
        may_fill = rules.mapping.fill_if_empty and rule.field(blank).is_clearable
        if _allows(rule, blank.other) or may_fill:
            return _write(rule, rules, values, blank, "filled-empty")
        return _decision(rule, values, FieldOutcome.KEPT, f"{blank}-has-priority")
    filled_changed = blank.other in _changed_sides(rule, pair, rules, values)
    if filled_changed and _winner(rule, pair, rules) is not blank:
        return _decide_conflict(rule, pair, rules, values)
    if not _allows(rule, blank):
        if rule.pair.enforce:
            return _write(rule, rules, values, blank, f"enforced-{blank.other}-value")
        return _decision(rule, values, FieldOutcome.KEPT, "cleared-on-purpose")
    if not rule.pair.propagate_blanks:
        return _decision(rule, values, FieldOutcome.KEPT, "blanks-stay")
    if rule.field(blank.other).is_required or not rule.field(blank.other).is_clearable:
        return _decision(rule, values, FieldOutcome.KEPT, "required-in-target")
    return _write(rule, rules, values, blank.other, f"cleared-in-{blank}")


def _decide_conflict(rule: FieldRule, pair: Pair, rules: Rules, values: dict[Side, Value]) -> FieldDecision:
    winner = _winner(rule, pair, rules)
    if winner is None:
        return _decision(rule, values, FieldOutcome.HELD, "conflict-held")
    is_first = pair.link is None or pair.link.agreed(winner, rule.pair.name) is None
    occasion = "first-contact" if is_first else "conflict"
    return _write(rule, rules, values, winner.other, f"{occasion}-{winner}-wins")


def _winner(rule: FieldRule, pair: Pair, rules: Rules) -> Side | None:
    """Return whose value survives when both changed: the arrow's, else the policy's; None to hold."""
    if rule.pair.priority is not Priority.BOTH:
        return Side.HOST if rule.pair.priority is Priority.HOST else Side.SALESFORCE
    match rule.pair.conflict_policy or rules.mapping.conflict_policy:
        case ConflictPolicy.HOST_WINS:
            return Side.HOST
        case ConflictPolicy.SALESFORCE_WINS:
            return Side.SALESFORCE
        case ConflictPolicy.HOLD:
            return None
        case ConflictPolicy.NEWEST_WINS:
            return _newest(rule, pair)


def is_dated_conflict(rule: FieldRule, pair: Pair, rules: Rules) -> bool:
    """Tell whether the field changed on both sides to different values, and the newer change wins."""
    policy = rule.pair.conflict_policy or rules.mapping.conflict_policy
    if rule.pair.priority is not Priority.BOTH or policy is not ConflictPolicy.NEWEST_WINS:
        return False
    values = {side: value_of(rule, pair, side) for side in Side}
    is_same = same_value(values[Side.HOST], rule.host, values[Side.SALESFORCE], rule.salesforce, rule.pair)
    return not is_same and len(_changed_sides(rule, pair, rules, values)) == len(Side)


def changed_at(rule: FieldRule, pair: Pair, side: Side) -> datetime | None:
    """Return when a field last changed on a side: by its history where that tells, else the record's own time."""
    record = pair.record(side)
    known = pair.changed_at.get(side, {}).get(rule.field(side).name)
    return known or (record.modified_at if record else None)


def _newest(rule: FieldRule, pair: Pair) -> Side:
    host, salesforce = changed_at(rule, pair, Side.HOST), changed_at(rule, pair, Side.SALESFORCE)
    return Side.HOST if host and (salesforce is None or host > salesforce) else Side.SALESFORCE


def _allows(rule: FieldRule, source: Side) -> bool:
    """Tell whether the arrow lets that side's changes travel."""
    return rule.pair.priority in (Priority.BOTH, Priority(source.value))


def _changed_sides(rule: FieldRule, pair: Pair, rules: Rules, values: dict[Side, Value]) -> set[Side]:
    return {side for side in Side if _is_changed(rule, pair, rules, side, values[side])}


def _is_changed(rule: FieldRule, pair: Pair, rules: Rules, side: Side, value: Value) -> bool:
    agreed = pair.link.agreed(side, rule.pair.name) if pair.link else None
    return agreed is None or agreed != rules.fingerprint.of(value, rule.field(side))


def _write(rule: FieldRule, rules: Rules, values: dict[Side, Value], target: Side, reason: str) -> FieldDecision:
    """Carry the other side's value to `target`, unless the target may not or cannot take it."""
    if target not in rules.mapping.update or target not in rules.may_write:
        return _decision(rule, values, FieldOutcome.KEPT, "direction-off")
    if not rule.field(target).is_updateable:
        return _decision(rule, values, FieldOutcome.KEPT, "target-read-only")
    converted = convert(values[target.other], rule.field(target.other), rule.field(target), rule.pair)
    if converted.held:
        return _decision(rule, values, FieldOutcome.HELD, converted.held, target)
    return _decision(rule, values, FieldOutcome.WRITE, reason, target, converted.value)


def _decision(
    rule: FieldRule,
    values: dict[Side, Value],
    outcome: FieldOutcome,
    reason: str,
    target: Side | None = None,
    new_value: Value = None,
) -> FieldDecision:
    return FieldDecision(
        name=rule.pair.name,
        outcome=outcome,
        reason=reason,
        host=values[Side.HOST],
        salesforce=values[Side.SALESFORCE],
        target=target,
        new_value=new_value,
    )
