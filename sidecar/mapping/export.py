"""A mapping back into a document, as plain tables, TOML or JSON; parsing it gives the same mapping. Pure."""

import json
import re
from collections.abc import Mapping, Sequence

from sidecar.mapping.host_document import dump_host_parts
from sidecar.mapping.model import (
    ConflictPolicy,
    DeletionRule,
    FieldPair,
    ObjectMapping,
    OwnerRule,
    Priority,
    TooLong,
)
from sidecar.mapping.owners import dump_owners
from sidecar.mapping.scope_document import dump_scopes
from sidecar.records import Side

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def dump_mapping(mapping: ObjectMapping) -> dict[str, object]:
    """Return the document of a mapping: plain tables, lists, texts and booleans, defaults of field pairs left out."""
    document: dict[str, object] = {"mapping": _head(mapping)}
    if mapping.consent:
        document["consent"] = {
            "channel": mapping.consent.channel,
            "salesforce_field": mapping.consent.salesforce_field,
            "lift": mapping.consent.lift.value,
        }
    if mapping.deletion != DeletionRule():
        document["deletion"] = _without_none(
            {
                "on_salesforce_delete": mapping.deletion.on_salesforce_delete.value,
                "host_field": mapping.deletion.host_field,
                "salesforce_field": mapping.deletion.salesforce_field,
            }
        )
    if mapping.owners != OwnerRule():
        document["owners"] = dump_owners(mapping.owners)
    if scopes := dump_scopes(mapping.scopes, mapping.host_scope):
        document["scope"] = scopes
    document |= dump_host_parts(mapping)
    document["fields"] = {pair.name: _pair(pair, mapping.salesforce_objects) for pair in mapping.fields}
    return document


def to_json(mapping: ObjectMapping) -> str:
    """Return the document as JSON text."""
    return json.dumps(dump_mapping(mapping), ensure_ascii=False, indent=2) + "\n"


def to_toml(mapping: ObjectMapping) -> str:
    """Return the document as TOML text, one table per field pair."""
    return write_toml(dump_mapping(mapping))


def write_toml(document: Mapping[str, object]) -> str:
    """Return any document as TOML text; tables inside a table get a heading of their own."""
    lines: list[str] = []
    for name, table in document.items():
        assert isinstance(table, dict)
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        plain = {key: value for key, value in table.items() if key not in inner}
        if plain or not inner:
            lines += _table_lines(name, plain)
        for key, value in inner.items():
            lines += _table_lines(f"{name}.{_key(key)}", value)
    return "\n".join(lines)


def _head(mapping: ObjectMapping) -> dict[str, object]:
    return _without_none(
        {
            "name": mapping.name,
            "lane": mapping.lane,
            "host_object": mapping.host_object,
            "salesforce_objects": list(mapping.salesforce_objects),
            "direction": _direction(mapping),
            "create_in_salesforce": mapping.create_in_salesforce or False,
            "create_in_host": mapping.create_in_host,
            "update": [side.value for side in Side if side in mapping.update],
            "conflict_policy": mapping.conflict_policy.value,
            "fill_if_empty": mapping.fill_if_empty,
            "on_duplicate": mapping.on_duplicate.value,
            "assignment_rules": mapping.assignment_rules,
            "match_on": list(mapping.match_on),
            "external_id": mapping.external_id,
        }
    )


def _direction(mapping: ObjectMapping) -> str:
    """Return the narrowest word that covers what the mapping does."""
    to_host = mapping.create_in_host or Side.HOST in mapping.update
    to_salesforce = mapping.create_in_salesforce is not None or Side.SALESFORCE in mapping.update
    if to_host == to_salesforce:
        return "both"
    return "to_host" if to_host else "to_salesforce"


def _pair(pair: FieldPair, objects: Sequence[str]) -> dict[str, object]:
    row: dict[str, object] = {"host": pair.host, "salesforce": _salesforce(pair, objects)}
    defaults: dict[str, tuple[object, object]] = {
        "priority": (pair.priority, Priority.BOTH),
        "conflict_policy": (pair.conflict_policy, None),
        "propagate_blanks": (pair.propagate_blanks, False),
        "enforce": (pair.enforce, False),
        "too_long": (pair.too_long, TooLong.HOLD),
        "placeholder": (pair.placeholder, None),
        "transform": (pair.transform, None),
    }
    for key, (value, default) in defaults.items():
        if value != default:
            row[key] = value.value if isinstance(value, Priority | ConflictPolicy | TooLong) else value
    return row


def _salesforce(pair: FieldPair, objects: Sequence[str]) -> object:
    names = set(pair.salesforce.values())
    if len(names) == 1 and set(pair.salesforce) == set(objects):
        return names.pop()
    return dict(pair.salesforce)


def _without_none(table: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in table.items() if value is not None}


def _table_lines(name: str, table: Mapping[str, object]) -> list[str]:
    return [f"[{name}]", *(f"{_key(key)} = {_toml(value)}" for key, value in table.items()), ""]


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _toml(name)


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return '"' + "".join(_escaped(character) for character in value) + '"'
        case list():
            return "[" + ", ".join(_toml(entry) for entry in value) + "]"
        case dict():
            return "{ " + ", ".join(f"{_key(key)} = {_toml(entry)}" for key, entry in value.items()) + " }"
    raise TypeError(f"a mapping document holds no {type(value).__name__}")


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return f"\\u{ord(character):04x}" if ord(character) < 0x20 or ord(character) == 0x7F else character
