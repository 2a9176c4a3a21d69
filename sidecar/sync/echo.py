"""Recognises what was seen before: our own echo, a re-read of the overlap, a record that still waits. Pure.

One fingerprint over all mapped values and the opt-out of a record, as it was (or was left by us) at the last decision.
Equal means nothing to decide and no call to make.
"""

from collections.abc import Mapping

from sidecar.mapping.fingerprint import comparable_text
from sidecar.mapping.rules import Rules
from sidecar.mapping.scope import HAS_TAG, judge
from sidecar.records import Consent, Record, Side, Value
from sidecar.sync.model import DELETED_IN, Link

SEEN = "*"
"""The key of the whole record's fingerprint among a link's per-field ones; no field pair can be named so."""


def is_echo(record: Record, side: Side, link: Link, rules: Rules) -> bool:
    """Tell whether a linked record is just as it was left at the last decision about it; its twin may be gone since."""
    if record.ref != link.end(side):
        return False
    if record.is_deleted or link.state is DELETED_IN[side]:
        return record.is_deleted and link.state is DELETED_IN[side]
    return link.agreed(side, SEEN) == seen_fingerprint(record, side, rules, link.salesforce.object)


def seen_fingerprint(record: Record, side: Side, rules: Rules, salesforce_object: str) -> str:
    """Return the fingerprint of everything we look at in a record."""
    return fingerprint_values(record.values, record.consent, side, rules, salesforce_object)


def fingerprint_values(
    values: Mapping[str, Value], consent: Consent | None, side: Side, rules: Rules, salesforce_object: str
) -> str:
    """Return the same for values that a record is expected to have after a write."""
    seen: list[tuple[str, str | None]] = []
    for rule in rules.fields.get(salesforce_object, ()):
        info = rule.field(side)
        seen.append((rule.pair.name, comparable_text(values.get(info.name), info)))
    if side is Side.HOST and rules.host_scope:  # whether its values travel
        seen.append((HAS_TAG, "yes" if judge(rules.host_scope, values).is_in else None))
    opted_out = consent.opted_out if consent and rules.is_consent_known else None
    # One hash over all of them: an idle hour does little else than this.
    return rules.fingerprint.of_text(repr((seen, opted_out)))
