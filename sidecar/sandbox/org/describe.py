"""What describe tells the API user about an object: only what field permissions let them see."""

import hashlib
import json
from typing import Any

from sidecar.sandbox.org.schema import Field, SObject

SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "anyType": "xsd:anyType",
}
UNGROUPED = frozenset({"datetime", "double", "currency", "percent", "multipicklist", "address", "anyType"})
ALWAYS = {
    "activateable": False,
    "associateEntityType": None,
    "associateParentEntity": None,
    "compactLayoutable": True,
    "customSetting": False,
    "deepCloneable": False,
    "defaultImplementation": None,
    "deprecatedAndHidden": False,
    "extendedBy": None,
    "extendsInterfaces": None,
    "hasSubtypes": False,
    "implementedBy": None,
    "implementsInterfaces": None,
    "isInterface": False,
    "isSubtype": False,
    "listviewable": None,
    "lookupLayoutable": None,
    "networkScopeFieldName": None,
    "queryable": True,
    "sobjectDescribeOption": "FULL",
}


def describe(each: SObject, version: str) -> dict[str, Any]:
    """Return the full describe of one object."""
    fields = [describe_field(one) for one in each.fields.values() if not one.is_hidden]
    return (
        summary(each, version) | ALWAYS | {"fields": fields, "childRelationships": [], "recordTypeInfos": [main_type()]}
    )


def summary(each: SObject, version: str) -> dict[str, Any]:
    """Return what the list of all objects says about one."""
    base = f"/services/data/v{version}/sobjects/{each.name}"
    is_history = each.parent_key is not None
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "deepCloneable": False,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "createable": each.createable and "create" in each.rights,
        "custom": each.custom,
        "customSetting": False,
        "deletable": each.deletable and "delete" in each.rights,
        "deprecatedAndHidden": False,
        "feedEnabled": not is_history,
        "keyPrefix": None if is_history else each.prefix,  # live: no prefix, though the rows have ids
        "label": each.label,
        "labelPlural": each.plural,
        "layoutable": not is_history,
        "mergeable": each.mergeable,
        "mruEnabled": not is_history,
        "name": each.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": not is_history,
        "searchLayoutable": not is_history,
        "triggerable": not is_history,
        "undeletable": each.deletable and each.is_undeletable,
        "updateable": each.createable and "edit" in each.rights,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }


def main_type() -> dict[str, Any]:
    """Return the one record type of an object without record types."""
    named = {"name": "Master", "developerName": "Master", "recordTypeId": "012000000000000AAA"}
    return named | {"active": True, "available": True, "defaultRecordTypeMapping": True, "master": True, "urls": {}}


def describe_field(one: Field) -> dict[str, Any]:
    """Return every attribute of a field a client may look at."""
    return size(one) | rights(one) | uses(one) | relation(one)


def size(one: Field) -> dict[str, Any]:
    """Return type and length."""
    return {
        "name": one.name,
        "label": one.label,
        "type": one.type,
        "soapType": SOAP_TYPES.get(one.type, "xsd:string"),
        "length": one.length,
        "byteLength": one.length * (1 if one.type in {"id", "reference"} else 3),
        "precision": 0 if one.type == "int" else one.precision,
        "scale": one.scale,
        "digits": one.precision if one.type == "int" else 0,
        "extraTypeInfo": one.extra_type,
        "compoundFieldName": one.compound,
        "nameField": one.name_field,
        "custom": one.custom,
    }


def rights(one: Field) -> dict[str, Any]:
    """Return what the user may do with it."""
    return {
        "nillable": one.nillable,
        "defaultedOnCreate": one.defaulted,
        "defaultValue": False if one.type == "boolean" else one.default,
        "createable": one.createable and not one.is_read_only,
        "updateable": one.updateable and not one.is_read_only,
        "permissionable": one.is_permissionable,
        "calculated": False,
        "autoNumber": False,
        "encrypted": False,
        "deprecatedAndHidden": False,
        "htmlFormatted": False,
    }


def uses(one: Field) -> dict[str, Any]:
    """Return whether it is a key and what a query may do with it."""
    return {
        "unique": one.unique,
        "externalId": one.external_id,
        "idLookup": one.id_lookup,
        "caseSensitive": one.case_sensitive,
        "filterable": one.filterable,
        "sortable": one.sortable,
        "groupable": one.filterable and one.type not in UNGROUPED,
        "aggregatable": one.aggregatable,
        "searchPrefilterable": one.type == "reference",
        "aiPredictionField": False,
    }


def relation(one: Field) -> dict[str, Any]:
    """Return where it points and which values it offers."""
    options = [
        {"active": True, "defaultValue": option == one.default, "label": option, "validFor": None, "value": option}
        for option in one.options
    ]
    return {
        "referenceTo": list(one.refers_to),
        "relationshipName": one.relationship,
        "relationshipOrder": None,
        "polymorphicForeignKey": len(one.refers_to) > 1,
        "cascadeDelete": False,
        "restrictedDelete": False,
        "controllerName": None,
        "dependentPicklist": False,
        "restrictedPicklist": one.restricted,
        "picklistValues": options,
    }


def etag(body: dict[str, Any]) -> str:
    """Return a tag that changes when the describe does."""
    return f'"{hashlib.sha256(json.dumps(body).encode()).hexdigest()[:8]}"'
