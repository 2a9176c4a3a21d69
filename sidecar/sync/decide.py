"""Pair → Decision. Pure: the whole policy of the product in one place, so that a dry run and an explanation are free.

Start here to learn why a record was written, skipped or held; `fields.py` and `consent.py` hold the two finer tables.
"""

from collections.abc import Mapping
from dataclasses import replace

from sidecar.mapping.model import OnSalesforceDelete, ScopeWho
from sidecar.mapping.rules import FieldRule, Rules
from sidecar.records import Record, Side, Value
from sidecar.sync.consent import decide_consent
from sidecar.sync.fields import copy_field, decide_fields
from sidecar.sync.model import (
    DELETED_IN,
    Action,
    ConsentChange,
    ConsentDecision,
    Decision,
    FieldDecision,
    FieldOutcome,
    LinkState,
    Pair,
    Write,
)
from sidecar.sync.scope import EXCLUDED, NOT_PUSHED, OUT_OF_SCOPE, is_out, is_pair_out, needs_push


def decide(pair: Pair, rules: Rules) -> Decision:
    """Return the one thing to do about a pair. Every branch is an event of the real world."""
    if pair.problem:
        return Decision(pair, Action.HOLD if pair.problem in HELD_PROBLEMS else Action.SKIP, pair.problem)
    host, salesforce = pair.host, pair.salesforce
    if pair.is_excluded and pair.link is None:
        return Decision(pair, Action.SKIP, EXCLUDED)
    if is_pair_out(pair, rules):
        return Decision(pair, Action.SKIP, OUT_OF_SCOPE)
    if pair.link and (_is_gone(host) or _is_gone(salesforce)):
        return _decide_deletion(pair, pair.link.state, rules)
    if host and salesforce and not _is_gone(host) and not _is_gone(salesforce):
        return _decide_update(pair, rules)
    living = host or salesforce
    if living is None or living.is_deleted:
        return Decision(pair, Action.SKIP, "deleted-never-linked")
    if pair.link:
        return Decision(pair, Action.HOLD, "record-not-visible")
    return _decide_creation(pair, living, rules)


HELD_PROBLEMS = frozenset(
    {
        "ambiguous-match",
        "another-is-preferred",
        "match-linked-elsewhere",
        "duplicate-in-batch",
        "record-not-visible",
        "twin-was-merged",
        "waits-for-merge",
    }
)
"""Problems found while pairing that a person or a later run must settle; the others need nothing."""


def has_identity(pair: Pair, rules: Rules, side: Side) -> bool:
    """Tell whether a record carries a value that could be recognised again; only creation needs one."""
    return any(value is not None for value in match_values(pair.record(side), rules, side).values())


def match_values(record: Record | None, rules: Rules, side: Side) -> dict[str, Value]:
    """Return the record's values of the match fields, by pair name."""
    if record is None:
        return {}
    pairs = [rules.mapping.pair(name) for name in rules.mapping.match_on]
    if side is Side.HOST:
        return {pair.name: record.values.get(pair.host) for pair in pairs}
    object_name = record.ref.object
    return {
        pair.name: record.values.get(pair.salesforce[object_name]) for pair in pairs if object_name in pair.salesforce
    }


def _is_gone(record: Record | None) -> bool:
    return record is not None and record.is_deleted


# -- both live -------------------------------------------------------------------------------------------------------


def _decide_update(pair: Pair, rules: Rules) -> Decision:
    """Both records live: three-way per field, consent by its own rules, and marks of an earlier deletion cleared."""
    assert pair.host is not None
    assert pair.salesforce is not None
    fields = _within_scope(decide_fields(pair, rules), pair, rules)
    consent = _permitted(decide_consent(pair, rules), pair, rules)
    values = {side: _field_writes(fields, rules, side, pair.salesforce.ref.object) for side in Side}
    if not pair.is_excluded:
        values[Side.SALESFORCE] |= _identity(pair, rules)
        for side, mark in _cleared_marks(pair, rules).items():
            values[side] |= mark
    writes = tuple(
        write for side in Side if (write := _update(side, pair.record(side), values[side], consent)) is not None
    )
    return Decision(pair, *_verdict(pair, writes, fields, consent), writes=writes, fields=fields, consent=consent)


def _within_scope(fields: tuple[FieldDecision, ...], pair: Pair, rules: Rules) -> tuple[FieldDecision, ...]:
    """Keep back what would travel from a host record that its scope leaves out; opt-outs and marks are no values.

    Of a person who was taken out by hand nothing travels, whichever way.
    """
    if pair.is_excluded:
        return tuple(
            field
            if field.outcome is FieldOutcome.AGREED
            else replace(field, outcome=FieldOutcome.KEPT, reason=EXCLUDED, target=None, new_value=None)
            for field in fields
        )
    if not is_out(pair.host, Side.HOST, rules, is_pushed=pair.is_pushed):
        return fields
    return tuple(
        replace(field, outcome=FieldOutcome.KEPT, reason=OUT_OF_SCOPE, target=None, new_value=None)
        if field.target is Side.SALESFORCE
        else field
        for field in fields
    )


def _verdict(
    pair: Pair, writes: tuple[Write, ...], fields: tuple[FieldDecision, ...], consent: ConsentDecision | None
) -> tuple[Action, str]:
    """Name the decision: what is written, else why nothing is."""
    if writes:
        return Action.UPDATE, _reason_of_update(pair, fields, consent)
    held = next((field for field in fields if field.outcome is FieldOutcome.HELD), None)
    if pair.link is None or pair.moved_because or pair.retired:
        return Action.ADOPT, pair.moved_because or f"matched-by-{pair.matched_by}"
    if held:
        return Action.HOLD, held.reason
    kept = next((field for field in fields if field.outcome is FieldOutcome.KEPT and field.reason != "unchanged"), None)
    return (Action.SKIP, kept.reason) if kept else (Action.ADOPT, "same-value")


def _reason_of_update(pair: Pair, fields: tuple[FieldDecision, ...], consent: ConsentDecision | None) -> str:
    if consent and consent.changes:
        return consent.reason
    if pair.moved_because:
        return pair.moved_because
    if pair.link is None:
        return f"matched-by-{pair.matched_by}"
    return next((field.reason for field in fields if field.outcome is FieldOutcome.WRITE), "identity-written")


def _field_writes(
    fields: tuple[FieldDecision, ...], rules: Rules, side: Side, salesforce_object: str
) -> dict[str, Value]:
    rule_by_name = {rule.pair.name: rule for rule in rules.fields[salesforce_object]}
    return {
        rule_by_name[field.name].field(side).name: field.new_value
        for field in fields
        if field.outcome is FieldOutcome.WRITE and field.target is side
    }


def _identity(pair: Pair, rules: Rules) -> dict[str, Value]:
    """Write the host id into Salesforce's external id field where it is missing or belongs to a merged-away contact."""
    assert pair.host is not None
    assert pair.salesforce is not None
    field = rules.mapping.external_id
    if field is None or pair.salesforce.ref.object not in rules.external_id_on:
        return {}
    if Side.SALESFORCE not in rules.may_write or pair.salesforce.values.get(field) == pair.host.ref.id:
        return {}
    return {field: pair.host.ref.id}


def _cleared_marks(pair: Pair, rules: Rules) -> dict[Side, dict[str, Value]]:
    """Take back the mark of a deletion that was undone."""
    if pair.link is None or pair.salesforce is None:
        return {}
    deletion = rules.mapping.deletion
    if pair.link.state is LinkState.DELETED_IN_SALESFORCE and rules.can_mark_host_deletion and deletion.host_field:
        return {Side.HOST: {deletion.host_field: False}}
    if (
        pair.link.state is LinkState.DELETED_IN_HOST
        and pair.salesforce.ref.object in rules.can_mark_salesforce_deletion
        and deletion.salesforce_field
    ):
        return {Side.SALESFORCE: {deletion.salesforce_field: False}}
    return {}


def _update(
    side: Side, record: Record | None, values: Mapping[str, Value], consent: ConsentDecision | None
) -> Write | None:
    change = consent.changes.get(side) if consent else None
    if record is None or (not values and change is None):
        return None
    return Write(side=side, object=record.ref.object, ref=record.ref, values=values, consent=change)


def _permitted(consent: ConsentDecision | None, pair: Pair, rules: Rules) -> ConsentDecision | None:
    """Drop a lift towards a side that may not be written, or for a person who was taken out.

    An opt-out always travels: it is a person's right, not a field.
    """
    if consent is None or ConsentChange.LIFT not in consent.changes.values():
        return consent
    if pair.is_excluded:
        return None
    return consent if all(side in rules.may_write for side in consent.changes) else None


# -- one side only ---------------------------------------------------------------------------------------------------


def _decide_creation(pair: Pair, living: Record, rules: Rules) -> Decision:
    """An unlinked record that matches nobody: make its twin, if it may be made and could be recognised again."""
    source = Side.HOST if pair.host else Side.SALESFORCE
    target = source.other
    object_name = _object_to_make(pair, rules) if source is Side.HOST else rules.mapping.host_object
    if object_name is None or (target is Side.HOST and not rules.mapping.create_in_host):
        return Decision(pair, Action.SKIP, "creation-off")
    if target not in rules.may_write:
        return Decision(pair, Action.SKIP, "direction-off")
    if source is Side.HOST and needs_push(pair, rules):
        return Decision(pair, Action.SKIP, NOT_PUSHED)
    if not has_identity(pair, rules, source) and not _goes_by_id(source, object_name, rules):
        return Decision(pair, Action.SKIP, "no-identity")
    if rules.mapping.consent and (not rules.is_consent_known or living.consent is None):
        return Decision(pair, Action.HOLD, "consent-unknown")
    salesforce_object = object_name if source is Side.HOST else living.ref.object
    if salesforce_object not in rules.fields:
        return Decision(pair, Action.SKIP, "object-not-available")
    return _create(pair, living, rules, salesforce_object, target)


def _object_to_make(pair: Pair, rules: Rules) -> str | None:
    """Return what a new person of the host becomes; a push may say it, and makes somebody even where nobody is made."""
    if not pair.is_pushed:
        return rules.mapping.create_in_salesforce
    last = next(reversed(rules.mapping.salesforce_objects), None)
    return pair.wanted_object or rules.mapping.create_in_salesforce or last


def _goes_by_id(source: Side, object_name: str, rules: Rules) -> bool:
    """Tell whether a person of the host without an address is made too: by explicit choice, where the host's id is kept."""
    is_wanted = rules.mapping.host_scope.who is ScopeWho.EVERYONE
    return source is Side.HOST and is_wanted and object_name in rules.external_id_on


def _create(pair: Pair, living: Record, rules: Rules, salesforce_object: str, target: Side) -> Decision:
    field_rules = rules.fields[salesforce_object]
    fields = tuple(copy_field(rule, pair, target.other) for rule in field_rules)
    missing = _missing_required(field_rules, fields, target)
    if missing:
        return Decision(pair, Action.HOLD, missing, fields=fields)
    is_out = bool(living.consent and living.consent.opted_out)
    consent = (
        ConsentDecision(
            agreed=is_out,
            reason="opt-out-travels" if is_out else "both-opted-in",
            changes={target: ConsentChange.OPT_OUT} if is_out else {},
        )
        if rules.mapping.consent
        else None
    )
    write = Write(
        side=target,
        object=salesforce_object if target is Side.SALESFORCE else rules.mapping.host_object,
        values=_field_writes(fields, rules, target, salesforce_object),
        external_id=living.ref.id if target is Side.SALESFORCE and rules.mapping.external_id else None,
        consent=ConsentChange.OPT_OUT if is_out else None,
        tags=rules.mapping.tags.created_from(salesforce_object) if target is Side.HOST else (),
        segment=rules.mapping.host.add_to_segment if target is Side.HOST else None,
    )
    return Decision(pair, Action.CREATE, f"new-in-{target.other}", (write,), fields, consent)


def _missing_required(rules: tuple[FieldRule, ...], fields: tuple[FieldDecision, ...], target: Side) -> str | None:
    """Return why a creation cannot be complete, or None: a required field is blank, or its value was held back."""
    for rule, field in zip(rules, fields, strict=True):
        if rule.field(target).is_required and field.outcome is not FieldOutcome.WRITE:
            return field.reason if field.outcome is FieldOutcome.HELD else "required-missing"
    return None


# -- deletions -------------------------------------------------------------------------------------------------------


def _decide_deletion(pair: Pair, state: LinkState, rules: Rules) -> Decision:
    """A linked record was deleted: mark its twin, never delete it; the link remembers, so that nothing is resurrected."""
    deleted = Side.HOST if _is_gone(pair.host) else Side.SALESFORCE
    now = DELETED_IN[deleted]
    if state is not LinkState.ACTIVE and (state is now or _is_gone(pair.record(deleted.other))):
        return Decision(pair, Action.SKIP, f"deleted-in-{deleted}", link_state=state)
    twin = pair.record(deleted.other)
    write = _mark(twin, deleted.other, rules) if twin and not twin.is_deleted and not pair.is_excluded else None
    return Decision(
        pair,
        Action.DELETE,
        f"deleted-in-{deleted}",
        writes=(write,) if write else (),
        link_state=now,
    )


def _mark(twin: Record, side: Side, rules: Rules) -> Write | None:
    """Return the write that marks the surviving twin, if the mapping wants a mark and the field can take it."""
    deletion = rules.mapping.deletion
    field: str | None = None
    if side is Side.HOST and deletion.on_salesforce_delete is OnSalesforceDelete.MARK and rules.can_mark_host_deletion:
        field = deletion.host_field
    if side is Side.SALESFORCE and twin.ref.object in rules.can_mark_salesforce_deletion:
        field = deletion.salesforce_field
    if field is None or side not in rules.may_write or twin.values.get(field) is True:
        return None
    return Write(side=side, object=twin.ref.object, ref=twin.ref, values={field: True})
