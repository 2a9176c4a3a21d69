"""A custom field as metadata describes it: what must be said, what may not, and the field that comes of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.sandbox.org.schema import Field, Schema

NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
LONGEST_NAME = 40
CAN_BE_KEY = frozenset({"Text", "Number", "Email"})


class RefusedError(Exception):
    """A component the org does not take; `problem` says why."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Definition:
    """The elements of a component, from XML (all texts) or JSON."""

    values: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Whether something is said at all."""
        value = self.values.get(name)
        return value is not None and value != ""

    def text(self, name: str) -> str:
        """Return a text, empty when nothing is said."""
        value = self.values.get(name)
        return "" if value is None else str(value).strip()

    def flag(self, name: str) -> bool:
        """Return a yes or no."""
        return self.text(name).lower() == "true"

    def number(self, name: str) -> int:
        """Return a whole number that must be said."""
        if not self.has(name):
            raise RefusedError(f"Must specify '{name}' for a CustomField of type {self.text('type')}")
        try:
            return int(self.text(name))
        except ValueError:
            raise RefusedError(f"'{self.text(name)}' is not a valid value for the type xsd:int") from None

    def number_in(self, name: str, least: int, most: int) -> int:
        """Return a whole number within limits."""
        number = self.number(name)
        if not least <= number <= most:
            raise RefusedError(f"Value for {name} must be between {least} and {most}: {number}")
        return number


def build_field(full_name: str, values: Mapping[str, Any], schema: Schema) -> Field:
    """Return the field a definition describes, or refuse it."""
    said = Definition(values)
    name = full_name.rpartition(".")[2]
    require_name(name)
    kind = said.text("type")
    if kind not in BUILDERS:
        raise RefusedError(f"'{kind}' is not a valid value for the enum 'FieldType'" if kind else "Must specify a type")
    if not said.has("label"):
        raise RefusedError("Must specify a non-empty label for the CustomField")
    require_key(said, kind)
    field = BUILDERS[kind](name, said, schema)
    field.unique, field.external_id = said.flag("unique"), said.flag("externalId")
    field.id_lookup = field.external_id
    field.case_sensitive = said.flag("unique") and said.flag("caseSensitive")
    field.description = said.text("description") or None
    field.tracked = said.flag("trackHistory")
    if said.flag("required") or kind == "MasterDetail":
        field.nillable = False
    return field


def require_name(name: str) -> None:
    """Refuse a name no custom field can have."""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME + len("__c"):
        raise RefusedError(
            f"The name {name} can only contain characters, letters, and the underscore, must begin with a letter and be "
            f"unique, cannot end with an underscore or contain two in a row, and may have {LONGEST_NAME} characters"
        )


def require_key(said: Definition, kind: str) -> None:
    """Refuse a key of a type that cannot be one."""
    for name in ("unique", "externalId"):
        if said.flag(name) and kind not in CAN_BE_KEY:
            raise RefusedError(f"Can not specify '{name}' for a CustomField of type {kind}")
    if said.flag("caseSensitive") and not said.flag("unique"):
        raise RefusedError("Can not specify 'caseSensitive' for a CustomField that is not unique")


def text_field(name: str, said: Definition, _: Schema) -> Field:
    """Return a text of 1 to 255 characters."""
    return Field(name, said.text("label"), "string", said.number_in("length", 1, 255))


def long_text(name: str, said: Definition, _: Schema) -> Field:
    """Return a long text area, which can be neither filtered nor sorted."""
    length, lines = said.number_in("length", 256, 131072), said.number_in("visibleLines", 2, 50)
    field = Field(name, said.text("label"), "textarea", length, filterable=False, sortable=False)
    field.extra_type, field.visible_lines = "plaintextarea", lines
    return field


def number_field(name: str, said: Definition, _: Schema) -> Field:
    """Return a number of at most 18 digits."""
    precision = said.number_in("precision", 1, 18)
    scale = said.number_in("scale", 0, precision)
    return Field(name, said.text("label"), "double", precision=precision, scale=scale)


def checkbox_field(name: str, said: Definition, _: Schema) -> Field:
    """Return a checkbox, which must say what it is at first."""
    if not said.has("defaultValue"):
        raise RefusedError("Must specify 'defaultValue' for a CustomField of type Checkbox")
    default = said.flag("defaultValue")
    return Field(name, said.text("label"), "boolean", nillable=False, defaulted=True, default=default)


def lookup_field(name: str, said: Definition, schema: Schema) -> Field:
    """Return a reference to an object that exists."""
    if not said.has("referenceTo"):
        raise RefusedError(f"Must specify 'referenceTo' for a CustomField of type {said.text('type')}")
    target = schema.objects.get(said.text("referenceTo").lower())
    if target is None or target.is_missing:
        raise RefusedError(
            f"referenceTo value of '{said.text('referenceTo')}' does not resolve to a valid sObject type"
        )
    field = Field(name, said.text("label"), "reference", 18, refers_to=(target.name,))
    field.relationship = name.removesuffix("__c") + "__r"
    field.children = said.text("relationshipName") or None
    return field


def picklist_field(name: str, said: Definition, _: Schema) -> Field:
    """Return a picklist with its own values."""
    value_set = said.values.get("valueSet")
    if not isinstance(value_set, Mapping):
        raise RefusedError(
            "Must specify either a valueSetName or a valueSetDefinition for a CustomField of type Picklist"
        )
    values = (value_set.get("valueSetDefinition") or {}).get("value") or []
    listed = values if isinstance(values, list) else [values]
    options = tuple(str(value.get("fullName") or value.get("valueName")) for value in listed)
    is_restricted = str(value_set.get("restricted", "")).lower() == "true"
    return Field(name, said.text("label"), "picklist", 255, options=options, restricted=is_restricted)


def plain(kind: str, length: int = 0) -> Callable[[str, Definition, Schema], Field]:
    """Return how to build a field that needs nothing but a label."""
    return lambda name, said, _: Field(name, said.text("label"), kind, length)


BUILDERS: dict[str, Callable[[str, Definition, Schema], Field]] = {
    "Text": text_field,
    "LongTextArea": long_text,
    "Number": number_field,
    "Checkbox": checkbox_field,
    "Lookup": lookup_field,
    "MasterDetail": lookup_field,
    "Picklist": picklist_field,
    "TextArea": plain("textarea", 255),
    "DateTime": plain("datetime"),
    "Date": plain("date"),
    "Url": plain("url", 255),
    "Email": plain("email", 80),
    "Phone": plain("phone", 40),
}
TYPE_NAMES = {
    "string": "Text",
    "double": "Number",
    "boolean": "Checkbox",
    "datetime": "DateTime",
    "date": "Date",
    "reference": "Lookup",
    "url": "Url",
    "email": "Email",
    "phone": "Phone",
    "picklist": "Picklist",
    "multipicklist": "MultiselectPicklist",
    "textarea": "LongTextArea",
}


def metadata_of(field: Field) -> dict[str, Any]:
    """Return a custom field as metadata says it."""
    kind = TYPE_NAMES.get(field.type, "Text")
    is_lookup, is_number = kind == "Lookup", kind == "Number"
    return {
        "caseSensitive": field.case_sensitive if field.unique else None,
        "defaultValue": str(field.default).lower() if kind == "Checkbox" else None,
        "description": field.description,
        "externalId": field.external_id,
        "label": field.label,
        "length": field.length if kind in {"Text", "LongTextArea"} else None,
        "precision": field.precision if is_number else None,
        "referenceTo": field.refers_to[0] if is_lookup else None,
        "relationshipName": field.children if is_lookup else None,
        "required": field.is_required,
        "scale": field.scale if is_number else None,
        "trackHistory": field.tracked,
        "type": kind,
        "unique": field.unique,
        "visibleLines": field.visible_lines or None,
    }
