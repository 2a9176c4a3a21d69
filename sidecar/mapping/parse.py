"""A document in, an ObjectMapping out, or everything that is wrong with it at once. The keys are told in mappings/README.md.

Start here: `parse_mapping()`. Files, the settings page and imports all come through it.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from sidecar.mapping.consistency import check_consistency
from sidecar.mapping.document import API_NAME, NAME, DocumentProblem, MappingError, TableReader, nearest
from sidecar.mapping.export import dump_mapping
from sidecar.mapping.host_document import HOST_KEYS, PUSH_KEYS, TAGS_KEYS, parse_host_parts
from sidecar.mapping.model import (
    ConflictPolicy,
    ConsentRule,
    DeletionRule,
    FieldPair,
    LiftPolicy,
    ObjectMapping,
    OnDuplicate,
    OnSalesforceDelete,
    Priority,
    TooLong,
)
from sidecar.mapping.owners import OWNERS_KEYS, parse_owners
from sidecar.mapping.scope_document import CRITERION_KEYS, HOST_SCOPE_KEYS, SCOPE_KEYS, parse_scopes
from sidecar.mapping.transforms import TRANSFORMS
from sidecar.records import Side

__all__ = [
    "CRITERION_KEYS",
    "HOST_KEYS",
    "HOST_SCOPE_KEYS",
    "OWNERS_KEYS",
    "PUSH_KEYS",
    "SCOPE_KEYS",
    "TAGS_KEYS",
    "DocumentProblem",
    "MappingError",
    "dump_mapping",
    "load_mapping",
    "parse_mapping",
    "parse_mapping_text",
]

DOCUMENT_KEYS = ("mapping", "consent", "deletion", "owners", "scope", "push", "tags", "host", "fields")
MAPPING_KEYS = (
    "name",
    "lane",
    "host_object",
    "salesforce_objects",
    "direction",
    "create_in_salesforce",
    "create_in_host",
    "update",
    "conflict_policy",
    "fill_if_empty",
    "on_duplicate",
    "assignment_rules",
    "match_on",
    "external_id",
)
CONSENT_KEYS = ("channel", "salesforce_field", "lift")
DELETION_KEYS = ("on_salesforce_delete", "host_field", "salesforce_field")
FIELD_KEYS = (
    "host",
    "salesforce",
    "priority",
    "conflict_policy",
    "propagate_blanks",
    "enforce",
    "too_long",
    "placeholder",
    "transform",
)
_CHANNELS = ("email",)
_MAX_CHARACTERS = 500_000  # a mapping of 800 fields is a tenth of it


class Direction(StrEnum):
    """Which way a whole mapping may write."""

    BOTH = "both"
    TO_SALESFORCE = "to_salesforce"
    TO_HOST = "to_host"

    def allows(self, target: Side) -> bool:
        """Tell whether that side may be written to."""
        return self is Direction.BOTH or (self is Direction.TO_HOST) == (target is Side.HOST)


def load_mapping(path: Path) -> ObjectMapping:
    """Read a mapping from a TOML file; MappingError tells everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError([DocumentProblem(path.name, "cannot be read as a text file")]) from error
    return parse_mapping_text(text)


def parse_mapping_text(text: str) -> ObjectMapping:
    """Parse a document written as TOML or, if it begins with a brace, as JSON."""
    return parse_mapping(read_document(text))


def read_document(text: str) -> Mapping[str, object]:
    """Return the tables of a TOML or JSON text; MappingError with the place if it is neither."""
    if len(text) > _MAX_CHARACTERS:
        raise MappingError([DocumentProblem("", f"is longer than {_MAX_CHARACTERS} characters")])
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise MappingError([DocumentProblem("", f"is not valid TOML or JSON: {_place(error)}")]) from error
    return document if isinstance(document, dict) else {}


def parse_mapping(document: Mapping[str, object]) -> ObjectMapping:
    """Return the mapping a document describes; MappingError with every problem if it does not describe one."""
    problems: list[DocumentProblem] = []
    whole = TableReader(document, "", problems)
    whole.require_known(DOCUMENT_KEYS)
    for required in ("mapping", "fields"):
        if not whole.has(required):
            whole.note(required, "is missing")
    head = TableReader(whole.get("mapping") if whole.has("mapping") else {}, "mapping", problems)
    consent = TableReader(whole.get("consent"), "consent", problems) if whole.has("consent") else None
    deletion = TableReader(whole.get("deletion"), "deletion", problems) if whole.has("deletion") else None
    objects = head.names("salesforce_objects", form=API_NAME)
    fields = _parse_fields(whole.get("fields") if whole.has("fields") else {}, objects, problems)
    owners = TableReader(whole.get("owners"), "owners", problems) if whole.has("owners") else None
    mapping = _parse_head(head, objects, fields, _parse_consent(consent), _parse_deletion(deletion))
    scopes, host_scope = parse_scopes(whole.get("scope") if whole.has("scope") else {}, objects, problems)
    push, tags, host = parse_host_parts(whole, problems)
    mapping = replace(mapping, owners=parse_owners(owners), scopes=scopes, host_scope=host_scope)
    mapping = replace(mapping, push=push, tags=tags, host=host)
    # What is inconsistent is only told once the parts are readable: half a mapping would raise false alarms.
    found = problems or check_consistency(mapping)
    if found:
        raise MappingError(found)
    return mapping


def _parse_head(
    head: TableReader,
    objects: tuple[str, ...],
    fields: tuple[FieldPair, ...],
    consent: ConsentRule | None,
    deletion: DeletionRule,
) -> ObjectMapping:
    head.require_known(MAPPING_KEYS)
    direction = head.word("direction", Direction, Direction.BOTH)
    return ObjectMapping(
        name=head.required_text("name", form=NAME),
        lane=head.required_text("lane", form=NAME),
        host_object=head.required_text("host_object", form=API_NAME),
        salesforce_objects=objects,
        fields=fields,
        match_on=head.names("match_on", form=NAME),
        create_in_salesforce=_parse_create_in_salesforce(head, objects, direction),
        create_in_host=_parse_create_in_host(head, direction),
        update=_parse_update(head, direction),
        conflict_policy=head.word("conflict_policy", ConflictPolicy, ConflictPolicy.SALESFORCE_WINS),
        fill_if_empty=head.flag("fill_if_empty", default=True),
        on_duplicate=head.word("on_duplicate", OnDuplicate, OnDuplicate.LINK),
        assignment_rules=head.flag("assignment_rules", default=False),
        external_id=head.text("external_id", form=API_NAME),
        consent=consent,
        deletion=deletion,
    )


def _parse_create_in_salesforce(head: TableReader, objects: tuple[str, ...], direction: Direction) -> str | None:
    """Return the object unknown host records become. It must be chosen: creating or not is no detail."""
    if not head.has("create_in_salesforce"):
        if direction.allows(Side.SALESFORCE):
            head.note("create_in_salesforce", "is missing", allowed=(*objects, "false"))
        return None
    value = head.get("create_in_salesforce")
    if value is False:
        return None
    if not isinstance(value, str) or value not in objects:
        allowed = (*objects, "false")
        head.note("create_in_salesforce", "is not allowed here", allowed=allowed, suggestion=nearest(value, objects))
        return None
    if not direction.allows(Side.SALESFORCE):
        head.note("create_in_salesforce", f"contradicts direction = {direction}", allowed=("false",))
    return value


def _parse_create_in_host(head: TableReader, direction: Direction) -> bool:
    allowed = direction.allows(Side.HOST)
    wanted = head.flag("create_in_host", default=allowed)
    if wanted and not allowed:
        head.note("create_in_host", f"contradicts direction = {direction}", allowed=("false",))
    return wanted


def _parse_update(head: TableReader, direction: Direction) -> frozenset[Side]:
    possible = frozenset(side for side in Side if direction.allows(side))
    if not head.has("update"):
        return possible
    names = head.names("update", form=NAME)
    allowed = tuple(side.value for side in Side if side in possible)
    for name in names:
        if name not in allowed:
            head.note("update", f"{name} is not allowed here", allowed=allowed, suggestion=nearest(name, allowed))
    return frozenset(Side(name) for name in names if name in allowed)


def _parse_consent(table: TableReader | None) -> ConsentRule | None:
    if table is None:
        return None
    table.require_known(CONSENT_KEYS)
    channel = table.text("channel", form=NAME, default="email") or "email"
    if channel not in _CHANNELS:
        table.note("channel", f"{channel} is not allowed here", allowed=_CHANNELS)
    return ConsentRule(
        channel=channel,
        salesforce_field=table.required_text("salesforce_field", form=API_NAME),
        lift=table.word("lift", LiftPolicy, LiftPolicy.NEVER),
    )


def _parse_deletion(table: TableReader | None) -> DeletionRule:
    if table is None:
        return DeletionRule()
    table.require_known(DELETION_KEYS)
    rule = DeletionRule(
        on_salesforce_delete=table.word("on_salesforce_delete", OnSalesforceDelete, OnSalesforceDelete.MARK),
        host_field=table.text("host_field", form=API_NAME),
        salesforce_field=table.text("salesforce_field", form=API_NAME),
    )
    if rule.on_salesforce_delete is OnSalesforceDelete.MARK and not rule.host_field:
        table.note("host_field", "is missing: which true/false field of the host shall be marked?")
    return rule


def _parse_fields(tables: object, objects: tuple[str, ...], problems: list[DocumentProblem]) -> tuple[FieldPair, ...]:
    reader = TableReader(tables, "fields", problems)
    pairs = []
    for name in reader.text_keys():
        if NAME.fullmatch(name):
            pairs.append(_parse_pair(name, TableReader(reader.get(name), f"fields.{name}", problems), objects))
        else:
            reader.note(name[:40], "is not a name (small letters, digits and underscores, a letter first)")
    return tuple(pairs)


def _parse_pair(name: str, table: TableReader, objects: tuple[str, ...]) -> FieldPair:
    table.require_known(FIELD_KEYS)
    transform = table.text("transform", form=NAME)
    if transform is not None and transform not in TRANSFORMS:
        suggestion = nearest(transform, TRANSFORMS)
        table.note("transform", f"{transform} is not a transform", allowed=tuple(TRANSFORMS), suggestion=suggestion)
    return FieldPair(
        name=name,
        host=table.required_text("host", form=API_NAME),
        salesforce=_parse_salesforce(table, objects),
        priority=table.word("priority", Priority, Priority.BOTH),
        conflict_policy=table.optional_word("conflict_policy", ConflictPolicy),
        propagate_blanks=table.flag("propagate_blanks", default=False),
        enforce=table.flag("enforce", default=False),
        too_long=table.word("too_long", TooLong, TooLong.HOLD),
        placeholder=table.text("placeholder"),
        transform=transform,
    )


def _parse_salesforce(table: TableReader, objects: tuple[str, ...]) -> dict[str, str]:
    """Return the Salesforce field per object: one name for all of them, or a table that names some."""
    value = table.get("salesforce")
    if not isinstance(value, Mapping):
        name = table.required_text("salesforce", form=API_NAME)
        return dict.fromkeys(objects, name)
    if not value:
        table.note("salesforce", "names no field")
    by_object = {}
    for salesforce_object, field in value.items():
        if not isinstance(salesforce_object, str) or salesforce_object not in objects:
            suggestion = nearest(salesforce_object, objects)
            table.note("salesforce", "names an object the mapping lacks", allowed=objects, suggestion=suggestion)
        elif not isinstance(field, str) or not API_NAME.fullmatch(field):
            table.note(f"salesforce.{salesforce_object}", "must be the API name of a field")
        else:
            by_object[salesforce_object] = field
    return by_object


def _place(error: Exception) -> str:
    """Return what the parser said, without the document's own words."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    return str(error)[:200] if isinstance(error, tomllib.TOMLDecodeError) else "it is nested too deeply"
