"""Why is this person as they are? A dry run for one record, told field by field. Writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.mapping.model import FieldPair, Priority
from sidecar.mapping.rules import FieldRule, Rules
from sidecar.mapping.scope import Verdict
from sidecar.records import Record, Side, Value
from sidecar.sync.fields import changed_at, is_dated_conflict, value_of
from sidecar.sync.model import Decision, FieldDecision, FieldOutcome, Link
from sidecar.sync.run import Lane, make_plan
from sidecar.sync.scope import judge_record


@dataclass(frozen=True, slots=True)
class FieldStory:
    """One mapped field: both values, what was last agreed, the rule that holds, and what a run would do now."""

    name: str
    host_field: str
    salesforce_field: str
    host: Value
    salesforce: Value
    agreed: str
    rule: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All there is to say about one record: what a run would do now, why, and field by field.

    `scope` tells of each side's record which clause of its scope keeps it out or lets it in; who is linked goes on regardless.
    `told_by` names what would tell a run of changes on each side.
    """

    decision: Decision
    fields: tuple[FieldStory, ...] = ()
    suspended: Mapping[str, str] = field(default_factory=dict)
    scope: Mapping[Side, Verdict] = field(default_factory=dict)
    told_by: Mapping[Side, str] = field(default_factory=dict)


NAMES: Mapping[Side, str] = {Side.HOST: "in the host", Side.SALESFORCE: "in Salesforce"}


def explain(lane: Lane, side: Side, record: Record) -> Explanation:
    """Decide about one record without writing, and tell the story of each of its mapped fields."""
    decision = make_plan(lane, side, [record], look_closely=True)[0]
    salesforce = decision.pair.salesforce
    object_name = salesforce.ref.object if salesforce else lane.rules.mapping.create_in_salesforce
    rules = lane.rules.fields.get(object_name or "", ())
    by_name = {item.name: item for item in decision.fields}
    return Explanation(
        decision=decision,
        fields=tuple(_story(rule, by_name.get(rule.pair.name), decision, lane.rules) for rule in rules),
        suspended={
            problem.pair: problem.code
            for problem in lane.rules.problems
            if problem.pair and problem.object in (None, object_name)
        },
        scope={
            side: judge_record(present, side, lane.rules)
            for side in Side
            if (present := decision.pair.record(side)) is not None and not present.is_deleted
        },
        told_by={side: told for side in Side if (told := _told_by(lane, side))},
    )


def _told_by(lane: Lane, side: Side) -> str:
    port = lane.sides[side]
    now = port.now()
    told = (port.told_by(feed, lane.store.peek_window(side, feed, now)) for feed in port.feeds(lane.rules.mapping))
    return "; ".join(dict.fromkeys(told))


def _story(rule: FieldRule, decided: FieldDecision | None, decision: Decision, rules: Rules) -> FieldStory:
    values = {side: value_of(rule, decision.pair, side) for side in Side}
    return FieldStory(
        name=rule.pair.name,
        host_field=rule.host.name,
        salesforce_field=rule.salesforce.name,
        host=values[Side.HOST],
        salesforce=values[Side.SALESFORCE],
        agreed=_agreed(rule, decision.pair.link, values, rules) + _dates(rule, decision, rules),
        rule=describe_rule(rule.pair, rules),
        outcome=decided.outcome if decided else FieldOutcome.KEPT,
        reason=decided.reason if decided else decision.reason,
    )


def _agreed(rule: FieldRule, link: Link | None, values: Mapping[Side, Value], rules: Rules) -> str:
    """Say which side still has the value last agreed; the value itself is not kept, only its fingerprint."""
    if link is None or link.agreed(Side.HOST, rule.pair.name) is None:
        return "never agreed"
    same = [
        side
        for side in Side
        if link.agreed(side, rule.pair.name) == rules.fingerprint.of(values[side], rule.field(side))
    ]
    match same:
        case [_, _]:
            return "both as agreed"
        case [Side.HOST]:
            return "changed in Salesforce since"
        case [Side.SALESFORCE]:
            return "changed in the host since"
        case _:
            return "changed on both sides since"


def _dates(rule: FieldRule, decision: Decision, rules: Rules) -> str:
    """Say when each side changed, where the newer change wins."""
    pair = decision.pair
    if pair.host is None or pair.salesforce is None or not is_dated_conflict(rule, pair, rules):
        return ""
    told = {side: changed_at(rule, pair, side) for side in Side}
    words = (f"{NAMES[side]} {at:%Y-%m-%d %H:%M:%S}" for side, at in told.items() if at)
    return f" ({', '.join(words)})"


def describe_rule(pair: FieldPair, rules: Rules) -> str:
    """Return the rule of a field pair in words."""
    words = {
        Priority.SALESFORCE: "Salesforce wins",
        Priority.HOST: "host wins",
        Priority.BOTH: f"two-way, conflict: {pair.conflict_policy or rules.mapping.conflict_policy}",
    }
    extras = [
        text
        for is_on, text in (
            (rules.mapping.fill_if_empty, "fills empty"),
            (pair.propagate_blanks, "blanks travel"),
            (pair.enforce, "enforced"),
            (pair.transform is not None, f"transform {pair.transform}"),
        )
        if is_on
    ]
    return "; ".join((words[pair.priority], *extras))
