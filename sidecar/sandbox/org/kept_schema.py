"""A schema as text, so that what an administrator made is still there when a file is opened again."""

import json
from dataclasses import fields
from typing import Any

from sidecar.sandbox.org.schema import Field, Schema, SObject

WORKED_OUT = frozenset({"fields", "required", "filled", "_by_lower"})
TUPLES = frozenset({"options", "refers_to"})
SETS = frozenset({"profile_rights", "rights"})


def dump(schema: Schema) -> str:
    """Return all objects as text."""
    return json.dumps([as_values(each) for each in schema.objects.values()])


def load(text: str, schema: Schema) -> None:
    """Put the objects of a text in place of the schema's own; objects the text does not know stay."""
    kept = [as_object(values) for values in json.loads(text)]
    names = {each.name.lower() for each in kept}
    gone = {key for key, each in schema.objects.items() if each.custom and key not in names}
    schema.objects = {key: each for key, each in schema.objects.items() if key not in gone}
    schema.objects |= {each.name.lower(): each for each in kept}


def as_values(each: SObject) -> dict[str, Any]:
    """Return an object as plain values."""
    names = [one.name for one in fields(SObject) if one.name not in WORKED_OUT]
    values = {name: getattr(each, name) for name in names}
    listed = [{one.name: getattr(field, one.name) for one in fields(Field)} for field in each.fields.values()]
    return values | {name: sorted(values[name]) for name in SETS} | {"fields": listed}


def as_object(values: dict[str, Any]) -> SObject:
    """Return plain values as an object."""
    made = [as_field(one) for one in values["fields"]]
    plain: dict[str, Any] = {name: frozenset(value) if name in SETS else value for name, value in values.items()}
    plain["fields"] = {one.name: one for one in made}
    return SObject(**plain)


def as_field(values: dict[str, Any]) -> Field:
    """Return plain values as a field."""
    plain: dict[str, Any] = {name: tuple(value) if name in TUPLES else value for name, value in values.items()}
    return Field(**plain)
