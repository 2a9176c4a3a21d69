"""Whether one field pair can be followed on one Salesforce object, and with which arrow. Pure.

A pair that cannot be followed is suspended, never removed: when the field comes back, so does the pair.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

from sidecar.mapping.convert import can_convert
from sidecar.mapping.model import FieldPair, ObjectMapping, Priority, TooLong
from sidecar.mapping.problems import Code
from sidecar.mapping.rules import FieldRule, Problem
from sidecar.records import FieldInfo, FieldType, ObjectSchema, Side

ADMIN = {Side.HOST: "host_admin", Side.SALESFORCE: "salesforce_admin"}
_READ_ONLY = {Side.HOST: Code.HOST_FIELD_READ_ONLY, Side.SALESFORCE: Code.SALESFORCE_FIELD_READ_ONLY}
_MISSING = {Side.HOST: Code.HOST_FIELD_MISSING, Side.SALESFORCE: Code.SALESFORCE_FIELD_MISSING}
_TEXTS = frozenset(
    {FieldType.TEXT, FieldType.LONG_TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.PICKLIST}
)
_OPTIONS = frozenset({FieldType.PICKLIST, FieldType.MULTI_PICKLIST})


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one pair on one object: a rule to follow, or None while it is suspended; and what was found."""

    rule: FieldRule | None
    problems: tuple[Problem, ...] = ()


def judge_pair(pair: FieldPair, mapping: ObjectMapping, host: ObjectSchema, salesforce: ObjectSchema) -> Judged:
    """Return the pair as it can be followed between these two objects."""
    names = {Side.HOST: pair.host, Side.SALESFORCE: pair.salesforce[salesforce.object]}
    schemas = {Side.HOST: host, Side.SALESFORCE: salesforce}
    missing = [side for side in Side if names[side] not in schemas[side].fields]
    if missing:
        found = (_missing(pair, side, schemas[side], names[side], salesforce.object) for side in missing)
        return Judged(None, tuple(found))
    fields = {side: schemas[side].fields[names[side]] for side in Side}
    effective, problem = _effective(pair, mapping, fields, salesforce.object)
    if effective is None:
        return Judged(None, (problem,) if problem else ())
    rule = FieldRule(pair=effective, host=fields[Side.HOST], salesforce=fields[Side.SALESFORCE])
    targets = [side for side in Side if _travels_to(side, effective, mapping)]
    for target in targets:
        if not can_convert(rule.field(target.other).type, rule.field(target).type):
            return Judged(None, (_no_converter(rule, target, salesforce.object),))
    warnings = [warning for target in targets for warning in _losses(rule, target, salesforce.object)]
    return Judged(rule, (*((problem,) if problem else ()), *warnings))


def can_write(mapping: ObjectMapping, side: Side) -> bool:
    """Tell whether the mapping may write to a side at all, be it only to create."""
    creates = mapping.create_in_host if side is Side.HOST else mapping.create_in_salesforce is not None
    return creates or side in mapping.update


def is_writable(info: FieldInfo, side: Side, mapping: ObjectMapping) -> bool:
    """Tell whether a field can take what the mapping does there: updates, or at least creations."""
    return info.is_updateable if side in mapping.update else info.is_createable


def _travels_to(side: Side, pair: FieldPair, mapping: ObjectMapping) -> bool:
    """Tell whether the arrow carries changes to that side."""
    return pair.priority in (Priority.BOTH, Priority(side.other.value)) and can_write(mapping, side)


def _effective(
    pair: FieldPair, mapping: ObjectMapping, fields: dict[Side, FieldInfo], salesforce_object: str
) -> tuple[FieldPair | None, Problem | None]:
    """Turn the arrow away from a side that cannot be written; a pair with nowhere to go is suspended."""
    blocked = [
        side for side in Side if _travels_to(side, pair, mapping) and not is_writable(fields[side], side, mapping)
    ]
    if not blocked:
        return pair, None
    side = blocked[0]
    label = f"{_shown(side)} field {fields[side].name}"
    other_takes_it = can_write(mapping, side.other) and is_writable(fields[side.other], side.other, mapping)
    if len(blocked) == 2 or not other_takes_it:
        message = f"{label} is read-only and its value cannot travel the other way either: the pair is suspended."
        return None, _problem(Code.PAIR_READ_ONLY, message, ADMIN[side], pair, salesforce_object)
    message = f"{label} is read-only: its value only travels to {_shown(side.other)}."
    forced = replace(pair, priority=Priority(side.value), enforce=False)
    return forced, _problem(_READ_ONLY[side], message, ADMIN[side], pair, salesforce_object)


def _missing(pair: FieldPair, side: Side, schema: ObjectSchema, name: str, salesforce_object: str) -> Problem:
    by_lower = {known.lower(): known for known in schema.fields}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.8)
    hint = f" Is {by_lower[near[0]]} meant?" if near else ""
    message = (
        f"{schema.object}.{name} does not exist in {_shown(side)}, or our user may not see it: "
        f"the pair is suspended.{hint}"
    )
    return _problem(_MISSING[side], message, ADMIN[side], pair, salesforce_object)


def _no_converter(rule: FieldRule, target: Side, salesforce_object: str) -> Problem:
    source_field, target_field = rule.field(target.other), rule.field(target)
    message = (
        f"A value of type {source_field.type} ({source_field.name}) cannot become one of type "
        f"{target_field.type} ({target_field.name}): the pair is suspended."
    )
    return _problem(Code.NO_CONVERTER, message, "operator", rule.pair, salesforce_object)


def _losses(rule: FieldRule, target: Side, salesforce_object: str) -> Iterator[Problem]:
    """Tell what a value may lose on its way to that side."""
    source_field, target_field = rule.field(target.other), rule.field(target)
    admin = ADMIN[target]
    if _is_shorter(source_field, target_field):
        fate = "is cut" if rule.pair.too_long is TooLong.CUT else "is held back"
        message = f"{target_field.name} takes {target_field.length} characters: a longer {source_field.name} {fate}."
        yield _problem(Code.TARGET_SHORTER, message, admin, rule.pair, salesforce_object)
    if _loses_decimals(source_field, target_field):
        message = f"{target_field.name} keeps {target_field.scale} decimals: {source_field.name} is rounded."
        yield _problem(Code.DECIMALS_LOST, message, admin, rule.pair, salesforce_object)
    unknown = _unknown_options(source_field, target_field)
    if unknown:
        shown = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
        message = f"{target_field.name} refuses some options of {source_field.name}: {shown}."
        yield _problem(Code.OPTIONS_DIFFER, message, admin, rule.pair, salesforce_object)


def _is_shorter(source: FieldInfo, target: FieldInfo) -> bool:
    if source.type not in _TEXTS or target.type not in _TEXTS or not target.length or target.is_restricted:
        return False
    if not source.length:
        return source.type is FieldType.LONG_TEXT
    return source.length > target.length


def _loses_decimals(source: FieldInfo, target: FieldInfo) -> bool:
    if source.type is not FieldType.NUMBER or target.type is not FieldType.NUMBER or target.scale is None:
        return False
    return source.scale is None or source.scale > target.scale


def _unknown_options(source: FieldInfo, target: FieldInfo) -> list[str]:
    if source.type not in _OPTIONS or target.type not in _OPTIONS or not target.is_restricted:
        return []
    known = {option.casefold() for option in target.options}
    return [option for option in source.options if option.casefold() not in known]


def _shown(side: Side) -> str:
    return "Salesforce" if side is Side.SALESFORCE else "the host"


def _problem(code: Code, message: str, fixed_by: str, pair: FieldPair, salesforce_object: str) -> Problem:
    return Problem(code=code, message=message, fixed_by=fixed_by, object=salesforce_object, pair=pair.name)
