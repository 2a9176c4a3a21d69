"""When did each side change a field that both changed? Asked only where the newer change wins: one question per page and side."""

from dataclasses import replace

from sidecar.mapping.rules import Rules
from sidecar.records import Side
from sidecar.sync.fields import is_dated_conflict
from sidecar.sync.model import Pair
from sidecar.sync.ports import Sides


def with_field_dates(pairs: list[Pair], rules: Rules, sides: Sides) -> list[Pair]:
    """Return the pairs with the dates of their fields, for those with a conflict that dates decide."""
    asking = {id(pair) for pair in pairs if pair.problem is None and _needs_dates(pair, rules)}
    if not asking:
        return pairs
    asked = [pair for pair in pairs if id(pair) in asking]
    dates = {
        side: sides[side].read_field_changes(rules, [record.ref for pair in asked if (record := pair.record(side))])
        for side in Side
    }
    return [
        replace(
            pair,
            changed_at={side: dates[side].get(record.ref, {}) for side in Side if (record := pair.record(side))},
        )
        if id(pair) in asking
        else pair
        for pair in pairs
    ]


def _needs_dates(pair: Pair, rules: Rules) -> bool:
    host, salesforce = pair.host, pair.salesforce
    if host is None or salesforce is None or host.is_deleted or salesforce.is_deleted:
        return False
    return any(is_dated_conflict(rule, pair, rules) for rule in rules.fields.get(salesforce.ref.object, ()))
