"""A mapping held against what both sides show our user: what can be followed today, and what is in the way. Pure.

Start here: `preflight()`. It runs when a mapping is saved and at the start of every run. It never edits the mapping's pairs:
what is unusable is suspended with a problem and comes back by itself once the cause is gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.model import ObjectMapping, OnSalesforceDelete
from sidecar.mapping.pairs import ADMIN, can_write, judge_pair
from sidecar.mapping.problems import WARNINGS, Code
from sidecar.mapping.rules import FieldRule, Problem, Rules
from sidecar.mapping.scope import Clause, Compiled, compile_host_scope, compile_scope
from sidecar.records import FieldInfo, FieldType, ObjectSchema, Side

__all__ = ["WARNINGS", "Code", "preflight", "without_segments"]


def preflight(
    mapping: ObjectMapping,
    host_schema: ObjectSchema | None,
    salesforce_schemas: Mapping[str, ObjectSchema | None],
    *,
    fingerprint: Fingerprinter,
) -> Rules:
    """Return the rules that can be followed between these schemas; None stands for an object our user cannot see.

    The rules' mapping names only visible Salesforce objects, and creates nothing of a kind that is hidden.
    """
    schemas = {
        name: schema for name in mapping.salesforce_objects if (schema := salesforce_schemas.get(name)) is not None
    }
    problems = [*_check_objects(mapping, host_schema, schemas)]
    visible = _narrowed(mapping, schemas)
    fields: dict[str, tuple[FieldRule, ...]] = {}
    for name, schema in schemas.items():
        rules, found = _judge_object(visible, host_schema, schema) if host_schema else ([], [])
        fields[name] = tuple(rules)
        problems += found
        if host_schema:
            problems += _check_match(visible, name, rules)
        problems += _check_external_id(visible, schema)
        problems += _check_consent(visible, schema)
        problems += _check_salesforce_mark(visible, schema)
    scopes = {name: compile_scope(mapping.scopes[name], schemas[name]) for name in schemas if name in mapping.scopes}
    host_scope = compile_host_scope(mapping, host_schema)
    problems += _check_scopes(scopes, Side.SALESFORCE)
    problems += _check_scopes({mapping.host_object: host_scope}, Side.HOST)
    if host_schema:
        problems += _check_required(visible, host_schema, schemas, fields)
        problems += _check_host_mark(visible, host_schema)
    return Rules(
        mapping=visible,
        fields=fields,
        fingerprint=fingerprint,
        problems=tuple(problems),
        is_consent_known=not any(problem.code == Code.OPT_OUT_HIDDEN for problem in problems),
        can_mark_host_deletion=_host_mark(visible, host_schema) is not None,
        can_mark_salesforce_deletion=frozenset(name for name in schemas if _salesforce_mark(visible, schemas[name])),
        external_id_on=frozenset(name for name in schemas if _external_id(visible, schemas[name])),
        may_write=_writable(visible),
        scopes={name: scope.clauses for name, scope in scopes.items() if scope.clauses},
        host_scope=host_scope.clauses,
    )


def without_segments(rules: Rules, missing: Sequence[str]) -> Rules:
    """Return the rules where the host lacks segments that the scope names: nobody new takes part, rather than the wrong ones."""
    if not missing:
        return rules
    told = ", ".join(missing)
    problem = Problem(
        Code.SCOPE_SEGMENT_MISSING,
        f"The scope of {rules.mapping.host_object} names the segment {told}, which is not there: nobody new takes part.",
        ADMIN[Side.HOST],
        object=rules.mapping.host_object,
    )
    clauses = (*rules.host_scope, Clause(f"segment {told} cannot be seen"))
    return replace(rules, host_scope=clauses, problems=(*rules.problems, problem))


def _writable(mapping: ObjectMapping) -> frozenset[Side]:
    """Return the sides the mapping writes to at all; opt-outs travel regardless."""
    created = {Side.SALESFORCE: mapping.create_in_salesforce is not None, Side.HOST: mapping.create_in_host}
    return frozenset(side for side in Side if side in mapping.update or created[side])


def _narrowed(mapping: ObjectMapping, schemas: Mapping[str, ObjectSchema]) -> ObjectMapping:
    created = mapping.create_in_salesforce
    return replace(
        mapping, salesforce_objects=tuple(schemas), create_in_salesforce=created if created in schemas else None
    )


def _check_objects(
    mapping: ObjectMapping, host_schema: ObjectSchema | None, schemas: Mapping[str, ObjectSchema]
) -> Iterator[Problem]:
    if host_schema is None:
        message = f"The host's object {mapping.host_object} is not visible to our user."
        yield Problem(Code.HOST_OBJECT_HIDDEN, message, ADMIN[Side.HOST], is_blocking=True)
    for name in mapping.salesforce_objects:
        if name not in schemas:
            message = f"{name} is not visible to our Salesforce user: its records are left alone."
            code = Code.SALESFORCE_OBJECT_HIDDEN
            yield Problem(code, message, ADMIN[Side.SALESFORCE], object=name, is_blocking=not schemas)


def _judge_object(
    mapping: ObjectMapping, host: ObjectSchema, salesforce: ObjectSchema
) -> tuple[list[FieldRule], list[Problem]]:
    rules: list[FieldRule] = []
    problems: list[Problem] = []
    for pair in mapping.fields:
        if salesforce.object not in pair.salesforce:
            continue
        judged = judge_pair(pair, mapping, host, salesforce)
        problems += judged.problems
        if judged.rule is None:
            continue
        earlier = next((rule for rule in rules if rule.salesforce.name == judged.rule.salesforce.name), None)
        if earlier is None:
            rules.append(judged.rule)
            continue
        message = f"{judged.rule.salesforce.name} is already mapped by {earlier.pair.name}: the pair is suspended."
        problems.append(Problem(Code.FIELD_MAPPED_TWICE, message, "operator", object=salesforce.object, pair=pair.name))
    return rules, problems


def _check_match(mapping: ObjectMapping, salesforce_object: str, rules: list[FieldRule]) -> Iterator[Problem]:
    """Without a usable match field everybody would be taken for new and created a second time."""
    usable = {rule.pair.name for rule in rules}
    if not usable & set(mapping.match_on):
        message = f"None of the match fields ({', '.join(mapping.match_on)}) can be used on {salesforce_object}."
        yield Problem(Code.MATCH_FIELD_UNUSABLE, message, "operator", object=salesforce_object, is_blocking=True)


def _check_required(
    mapping: ObjectMapping,
    host: ObjectSchema,
    salesforce: Mapping[str, ObjectSchema],
    fields: Mapping[str, tuple[FieldRule, ...]],
) -> Iterator[Problem]:
    """A field the target insists on needs a pair; in Salesforce also a placeholder, for who has no such value."""
    created = mapping.create_in_salesforce
    if created is not None:
        by_field = {rule.salesforce.name: rule for rule in fields[created]}
        for info in _required(salesforce[created]):
            if info.name not in by_field:
                yield _unmapped(info, created, Side.SALESFORCE)
            elif by_field[info.name].pair.placeholder is None and not by_field[info.name].host.is_required:
                message = f"{created}.{info.name} is required: who has no such value cannot be created."
                code = Code.REQUIRED_FIELD_WITHOUT_PLACEHOLDER
                yield Problem(code, message, "operator", object=created, pair=by_field[info.name].pair.name)
    if mapping.create_in_host:
        mapped = {rule.host.name for rules in fields.values() for rule in rules}
        for info in _required(host):
            if info.name not in mapped:
                yield _unmapped(info, host.object, Side.HOST)


def _required(schema: ObjectSchema) -> list[FieldInfo]:
    return [info for info in schema.fields.values() if info.is_required and info.is_createable]


def _unmapped(info: FieldInfo, object_name: str, side: Side) -> Problem:
    message = f"{object_name}.{info.name} is required, but no pair fills it: nothing can be created there."
    return Problem(Code.REQUIRED_FIELD_UNMAPPED, message, ADMIN[side], object=object_name)


def _check_external_id(mapping: ObjectMapping, schema: ObjectSchema) -> Iterator[Problem]:
    if mapping.external_id is None or not can_write(mapping, Side.SALESFORCE):
        return
    info = _external_id(mapping, schema)
    if info is None:
        message = (
            f"{schema.object}.{mapping.external_id} is missing or cannot be written: creations are looked up first."
        )
    elif not info.is_key:
        message = f"{schema.object}.{mapping.external_id} is no external id: creations are looked up first."
    else:
        return
    yield Problem(Code.EXTERNAL_ID_MISSING, message, ADMIN[Side.SALESFORCE], object=schema.object)


def _external_id(mapping: ObjectMapping, schema: ObjectSchema) -> FieldInfo | None:
    """Return the field that carries the host's id, if it is there and can be written."""
    info = schema.fields.get(mapping.external_id) if mapping.external_id else None
    return info if info and info.is_createable and info.is_updateable else None


def _check_consent(mapping: ObjectMapping, schema: ObjectSchema) -> Iterator[Problem]:
    if mapping.consent is None:
        return
    name = f"{schema.object}.{mapping.consent.salesforce_field}"
    info = schema.fields.get(mapping.consent.salesforce_field)
    admin = ADMIN[Side.SALESFORCE]
    if info is None or info.type is not FieldType.BOOLEAN:
        message = f"{name} is hidden from our Salesforce user or is no checkbox: nobody is taken for opted in."
        yield Problem(Code.OPT_OUT_HIDDEN, message, admin, object=schema.object)
    elif not info.is_updateable:
        message = f"{name} is read-only: an unsubscribe in the host does not reach Salesforce."
        yield Problem(Code.OPT_OUT_READ_ONLY, message, admin, object=schema.object)


def _check_scopes(scopes: Mapping[str, Compiled], side: Side) -> Iterator[Problem]:
    """A scope that names what we cannot see lets nobody new in: better nobody than the wrong ones."""
    admin = ADMIN[side]
    for name, scope in scopes.items():
        if scope.missing:
            fields = ", ".join(f"{name}.{field}" for field in scope.missing)
            message = (
                f"The scope of {name} asks for {fields}, which is missing or hidden: nobody new of {name} takes part."
            )
            yield Problem(Code.SCOPE_FIELD_MISSING, message, admin, object=name)
        if scope.unusable:
            fields = ", ".join(f"{name}.{field}" for field in scope.unusable)
            message = (
                f"The scope of {name} asks something of {fields} that does not fit: nobody new of {name} takes part."
            )
            yield Problem(Code.SCOPE_FIELD_UNUSABLE, message, "operator", object=name)


def _check_host_mark(mapping: ObjectMapping, host: ObjectSchema) -> Iterator[Problem]:
    wanted = mapping.deletion.host_field
    marks = mapping.deletion.on_salesforce_delete is OnSalesforceDelete.MARK
    if wanted and marks and _host_mark(mapping, host) is None:
        yield _no_mark(host.object, wanted, Side.HOST)


def _check_salesforce_mark(mapping: ObjectMapping, schema: ObjectSchema) -> Iterator[Problem]:
    wanted = mapping.deletion.salesforce_field
    if wanted and _salesforce_mark(mapping, schema) is None:
        yield _no_mark(schema.object, wanted, Side.SALESFORCE)


def _no_mark(object_name: str, field: str, side: Side) -> Problem:
    message = f"{object_name}.{field} is missing, read-only or no true/false field: deletions are not marked there."
    return Problem(Code.DELETION_MARK_MISSING, message, ADMIN[side], object=object_name)


def _host_mark(mapping: ObjectMapping, host: ObjectSchema | None) -> FieldInfo | None:
    if host is None or mapping.deletion.on_salesforce_delete is not OnSalesforceDelete.MARK:
        return None
    return _mark(mapping.deletion.host_field, host)


def _salesforce_mark(mapping: ObjectMapping, schema: ObjectSchema) -> FieldInfo | None:
    return _mark(mapping.deletion.salesforce_field, schema)


def _mark(name: str | None, schema: ObjectSchema) -> FieldInfo | None:
    info = schema.fields.get(name) if name else None
    return info if info and info.type is FieldType.BOOLEAN and info.is_updateable else None
