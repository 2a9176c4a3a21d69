"""Which fields can still be mapped, which pairs suggest themselves, and why two fields cannot be joined. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sidecar.mapping.convert import can_convert
from sidecar.mapping.model import FieldPair, ObjectMapping, Priority
from sidecar.mapping.pairs import can_write, judge_pair
from sidecar.mapping.rules import Problem
from sidecar.records import FieldInfo, ObjectSchema, Side

_OPT_OUT = "HasOptedOutOfEmail"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pair cannot be followed on one object: what preflight found, the two fields, and the arrows that would do."""

    why: Problem
    host: FieldInfo | None
    salesforce: FieldInfo | None
    arrows: tuple[Priority, ...] = ()


def free_host_fields(mapping: ObjectMapping, host: ObjectSchema) -> list[FieldInfo]:
    """Return the host's fields that at least one Salesforce object could still take."""
    taken = {
        name: {pair.host for pair in mapping.fields if name in pair.salesforce} for name in mapping.salesforce_objects
    }
    reserved = {mapping.deletion.host_field}
    return [
        info
        for info in host.fields.values()
        if info.name not in reserved and any(info.name not in names for names in taken.values())
    ]


def free_salesforce_fields(mapping: ObjectMapping, schema: ObjectSchema) -> list[FieldInfo]:
    """Return the fields of a Salesforce object that no pair has yet and no rule of its own keeps."""
    taken = {pair.salesforce.get(schema.object) for pair in mapping.fields}
    reserved = {_OPT_OUT, mapping.external_id, mapping.deletion.salesforce_field}
    if mapping.consent:
        reserved.add(mapping.consent.salesforce_field)
    return [info for info in schema.fields.values() if info.name not in taken | reserved]


def recommended(
    shipped: ObjectMapping, mapping: ObjectMapping, host: ObjectSchema, salesforce: Mapping[str, ObjectSchema]
) -> list[FieldPair]:
    """Return the shipped pairs whose fields mean the same on both sides, are there, and are not mapped yet."""
    free_host = {info.name for info in free_host_fields(mapping, host)}
    free = {name: {info.name for info in free_salesforce_fields(mapping, each)} for name, each in salesforce.items()}
    found = []
    for pair in shipped.fields:
        mine = [each for each in mapping.fields if each.host == pair.host]
        objects = {
            name: field
            for name, field in pair.salesforce.items()
            if field in free.get(name, ()) and not any(name in each.salesforce for each in mine)
        }
        narrowed = replace(pair, salesforce=objects)
        if pair.host in free_host and objects and not refusals(narrowed, mapping, host, salesforce):
            found.append(narrowed)
    return found


def refusals(
    pair: FieldPair, mapping: ObjectMapping, host: ObjectSchema, salesforce: Mapping[str, ObjectSchema]
) -> list[Refusal]:
    """Return why the pair cannot be followed, object by object; nothing where it can."""
    found = []
    for name in pair.salesforce:
        schema = salesforce.get(name)
        if schema is None:
            continue
        judged = judge_pair(pair, mapping, host, schema)
        if judged.rule is None and judged.problems:
            mine, theirs = host.fields.get(pair.host), schema.fields.get(pair.salesforce[name])
            found.append(Refusal(judged.problems[0], mine, theirs, _arrows(mapping, mine, theirs)))
    return found


def _arrows(mapping: ObjectMapping, host: FieldInfo | None, salesforce: FieldInfo | None) -> tuple[Priority, ...]:
    """Return whose values could travel between two fields by their types."""
    if host is None or salesforce is None:
        return ()
    fits = {
        Priority.HOST: can_convert(host.type, salesforce.type) and can_write(mapping, Side.SALESFORCE),
        Priority.SALESFORCE: can_convert(salesforce.type, host.type) and can_write(mapping, Side.HOST),
    }
    return tuple(arrow for arrow, is_fit in fits.items() if is_fit)
