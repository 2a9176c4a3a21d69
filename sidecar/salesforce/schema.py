"""Salesforce's describe answer → ObjectSchema. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from sidecar.records import FieldInfo, FieldType, ObjectSchema

_TYPES: Final[Mapping[str, FieldType]] = {
    "string": FieldType.TEXT,
    "encryptedstring": FieldType.TEXT,
    "combobox": FieldType.TEXT,
    "time": FieldType.TEXT,
    "textarea": FieldType.LONG_TEXT,
    "email": FieldType.EMAIL,
    "phone": FieldType.PHONE,
    "url": FieldType.URL,
    "int": FieldType.NUMBER,
    "long": FieldType.NUMBER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "percent": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "picklist": FieldType.PICKLIST,
    "multipicklist": FieldType.MULTI_PICKLIST,
    "id": FieldType.ID,
    "reference": FieldType.REFERENCE,
}
"""Types that are absent (address, location, base64, anyType …) are compound or binary: such fields are not offered."""

_WITH_LENGTH: Final = frozenset(
    {FieldType.TEXT, FieldType.LONG_TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.PICKLIST}
)
_UNCOUNTED: Final = frozenset({"time", "encryptedstring", "textarea", "boolean"})
_KEPT: Final = (
    "name",
    "label",
    "type",
    "length",
    "scale",
    "nillable",
    "createable",
    "updateable",
    "defaultedOnCreate",
    "unique",
    "externalId",
    "idLookup",
    "restrictedPicklist",
    "aggregatable",
)


def trimmed(describe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a describe answer that we read: about a twentieth, worth keeping in the cache."""
    fields = [
        {key: field.get(key) for key in _KEPT}
        | {"picklistValues": [{"value": option["value"]} for option in _active(field)]}
        for field in describe["fields"]
    ]
    return {"name": describe["name"], "fields": fields}


def parse_schema(describe: Mapping[str, Any]) -> ObjectSchema:
    """Return what our user may see of the object; fields hidden from our user are not in the answer at all."""
    infos = (parse_field(field) for field in describe["fields"] if field["type"] in _TYPES)
    return ObjectSchema(object=describe["name"], fields={info.name: info for info in infos})


def parse_field(field: Mapping[str, Any]) -> FieldInfo:
    """Return one field as the user of a mapping needs to know it."""
    kind = _TYPES[field["type"]]
    return FieldInfo(
        name=field["name"],
        label=field.get("label") or field["name"],
        type=kind,
        length=(field.get("length") or None) if kind in _WITH_LENGTH else None,
        scale=(field.get("scale") or 0) if kind is FieldType.NUMBER else None,
        is_required=_is_required(field, kind),
        is_createable=bool(field.get("createable")),
        is_updateable=bool(field.get("updateable")),
        is_key=_is_key(field, kind),
        options=tuple(option["value"] for option in _active(field)),
        is_restricted=bool(field.get("restrictedPicklist")),
        is_countable=_is_countable(field),
    )


def _is_countable(field: Mapping[str, Any]) -> bool:
    # What was remembered by an earlier version says nothing of it; of several options there is another way to count.
    told = field.get("aggregatable")
    return field["type"] not in _UNCOUNTED if told is None else bool(told) or field["type"] == "multipicklist"


def _is_required(field: Mapping[str, Any], kind: FieldType) -> bool:
    # A checkbox is never nillable and never missing.
    return (
        not field.get("nillable")
        and bool(field.get("createable"))
        and not field.get("defaultedOnCreate")
        and kind is not FieldType.BOOLEAN
    )


def _is_key(field: Mapping[str, Any], kind: FieldType) -> bool:
    # Unique alone is not enough: upsert refuses such a field. E-mail can be looked up, but two people may share it.
    if kind is FieldType.ID:
        return False
    return bool(field.get("externalId") or (field.get("idLookup") and field.get("unique")))


def _active(field: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [option for option in field.get("picklistValues") or () if option.get("active", True)]
