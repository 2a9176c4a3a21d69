"""The org's schema as rows: what the Tooling API lets a caller query about objects and fields."""

from zlib import crc32

from sidecar.sandbox.org.customising import ACTIVITY
from sidecar.sandbox.org.ids import make_id
from sidecar.sandbox.org.schema import Field, Schema, SObject
from sidecar.sandbox.org.standard import by_name, checkbox, lookup, text
from sidecar.sandbox.org.storage import Row, Storage

DATA_TYPES = {
    "id": "ID",
    "boolean": "Checkbox",
    "datetime": "Date/Time",
    "date": "Date",
    "email": "Email",
    "phone": "Phone",
    "picklist": "Picklist",
    "multipicklist": "Picklist (Multi-Select)",
    "combobox": "Picklist",
    "address": "Address",
    "anyType": "Any",
}
NUMBERS = {"double": "Number", "currency": "Currency", "percent": "Percent", "int": "Number"}


def identifier(name: str, label: str) -> Field:
    """Return a key that is no record id."""
    return text(name, label, 255)


def tooling_schema() -> Schema:
    """Return the objects of the Tooling API. The definitions have a durable id and no other."""
    return Schema([entity_definition(), field_definition(), custom_object(), custom_field()])


def entity_definition() -> SObject:
    """Return the EntityDefinition."""
    fields = [
        Field("Id", "Id", "id", 18, is_hidden=True),
        *(
            identifier(name, name)
            for name in ("DurableId", "QualifiedApiName", "DeveloperName", "Label", "MasterLabel", "PluralLabel")
        ),
        *(identifier(name, name) for name in ("NamespacePrefix", "KeyPrefix", "InternalSharingModel", "Description")),
        identifier("DeploymentStatus", "DeploymentStatus"),
        *(
            checkbox(name, name)
            for name in ("IsCustomizable", "IsQueryable", "IsFieldHistoryTracked", "IsFlsEnabled", "IsTriggerable")
        ),
        checkbox("IsCustomSetting", "IsCustomSetting"),
    ]
    return SObject("EntityDefinition", "Entity Definition", "Entity Definitions", "4ie", by_name(fields))


def field_definition() -> SObject:
    """Return the FieldDefinition."""
    names = ("DurableId", "QualifiedApiName", "DeveloperName", "Label", "MasterLabel", "DataType", "NamespacePrefix")
    flags = (
        *("IsFieldHistoryTracked", "IsNillable", "IsNameField", "IsIndexed", "IsFlsEnabled"),
        *("IsCalculated", "IsCompound", "IsPolymorphicForeignKey", "IsHtmlFormatted"),
        *("IsApiFilterable", "IsApiSortable"),
    )
    entity = identifier("EntityDefinitionId", "EntityDefinitionId")
    entity.relationship, entity.refers_to = "EntityDefinition", ("EntityDefinition",)
    fields = [
        Field("Id", "Id", "id", 255, is_hidden=True),
        entity,
        *(identifier(name, name) for name in (*names, "ExtraTypeInfo", "RelationshipName", "Description")),
        *(Field(name, name, "int", precision=9) for name in ("Length", "Precision", "Scale")),
        *(checkbox(name, name) for name in flags),
    ]
    return SObject("FieldDefinition", "Field Definition", "Field Definitions", "4fe", by_name(fields))


def custom_object() -> SObject:
    """Return the CustomObject."""
    names = ("DeveloperName", "NamespacePrefix", "Description", "SharingModel", "ManageableState", "Language")
    fields = [Field("Id", "Id", "id", 18), *(identifier(name, name) for name in names)]
    return SObject("CustomObject", "Custom Object", "Custom Objects", "01I", by_name(fields))


def custom_field() -> SObject:
    """Return the CustomField."""
    names = ("DeveloperName", "TableEnumOrId", "NamespacePrefix", "Description", "ManageableState", "InlineHelpText")
    entity = lookup("EntityDefinitionId", "EntityDefinitionId", "EntityDefinition", "EntityDefinition")
    entity.type = "string"
    fields = [
        Field("Id", "Id", "id", 18),
        *(identifier(name, name) for name in names),
        entity,
        *(Field(name, name, "int", precision=9) for name in ("Length", "Precision", "Scale")),
    ]
    return SObject("CustomField", "Custom Field", "Custom Fields", "00N", by_name(fields))


def object_id(each: SObject) -> str:
    """Return the id of a custom object, or the name of a standard one."""
    return make_id("01I", crc32(each.name.lower().encode())) if each.custom else each.name


def field_id(each: SObject, one: Field) -> str:
    """Return the id of a custom field."""
    return make_id("00N", crc32(f"{each.name}.{one.name}".lower().encode()))


def table_of(each: SObject) -> str:
    """Return where a custom field lives; those of tasks live on Activity."""
    return ACTIVITY if each.name == "Task" else object_id(each)


def fill(storage: Storage, schema: Schema, *, sees_all: bool) -> None:
    """Write the schema into the tables, whole or as one user sees it."""
    tables = storage.schema.objects
    for each in schema.objects.values():
        if each.is_missing or (each.is_hidden and not sees_all):
            continue
        storage.insert(tables["entitydefinition"], entity_row(each))
        if each.custom:
            storage.insert(tables["customobject"], object_row(each))
        for one in each.fields.values():
            if sees_all or not one.is_hidden:
                storage.insert(tables["fielddefinition"], field_row(each, one))
            if one.custom:
                storage.insert(tables["customfield"], custom_row(each, one))


def entity_row(each: SObject) -> Row:
    """Return an object as an EntityDefinition."""
    names = {"QualifiedApiName": each.name, "DeveloperName": each.name.removesuffix("__c"), "Label": each.label}
    flags: Row = {"IsCustomizable": not each.is_setup and each.parent_key is None, "IsQueryable": True}
    flags |= {"IsFieldHistoryTracked": each.history is not None and each.history_on, "IsCustomSetting": False}
    flags |= {"IsFlsEnabled": each.profile_rights != frozenset() or each.custom, "IsTriggerable": each.createable}
    whole = {"Id": object_id(each), "DurableId": object_id(each)[:15] if each.custom else each.name}
    more: Row = {"MasterLabel": each.label, "PluralLabel": each.plural, "KeyPrefix": each.prefix}
    status = "Deployed" if each.custom else None
    more |= {"InternalSharingModel": each.sharing, "Description": each.description, "DeploymentStatus": status}
    return whole | names | flags | more


def object_row(each: SObject) -> Row:
    """Return a custom object as a CustomObject."""
    named = {"Id": object_id(each), "DeveloperName": each.name.removesuffix("__c"), "Language": "en_US"}
    return named | {"SharingModel": each.sharing, "ManageableState": "unmanaged", "Description": each.description}


def field_row(each: SObject, one: Field) -> Row:
    """Return a field as a FieldDefinition."""
    key = field_id(each, one)[:15] if one.custom else one.name
    durable = f"{object_id(each)[:15] if each.custom else each.name}.{key}"
    names = {"QualifiedApiName": one.name, "DeveloperName": one.name.removesuffix("__c"), "Label": one.label}
    sizes = {"Length": one.length, "Precision": one.precision, "Scale": one.scale}
    flags: Row = {"IsFieldHistoryTracked": one.tracked, "IsNillable": one.nillable, "IsNameField": one.name_field}
    flags |= {"IsIndexed": one.unique or one.is_key, "IsFlsEnabled": one.is_permissionable, "IsCalculated": False}
    flags |= {"IsCompound": one.type == "address", "IsPolymorphicForeignKey": len(one.refers_to) > 1}
    flags |= {"IsHtmlFormatted": False, "IsApiFilterable": one.filterable, "IsApiSortable": one.sortable}
    more: Row = {"MasterLabel": one.label, "DataType": data_type(one), "ExtraTypeInfo": one.extra_type}
    more |= {"RelationshipName": one.relationship, "Description": one.description}
    return {"Id": durable, "DurableId": durable, "EntityDefinitionId": object_id(each)} | names | sizes | flags | more


def custom_row(each: SObject, one: Field) -> Row:
    """Return a custom field as a CustomField."""
    named = {"Id": field_id(each, one), "DeveloperName": one.name.removesuffix("__c"), "TableEnumOrId": table_of(each)}
    sizes = {
        "Length": one.length or None,
        "Precision": one.precision or None,
        "Scale": one.scale if one.precision else None,
    }
    more: Row = {"Description": one.description, "ManageableState": "unmanaged", "EntityDefinitionId": object_id(each)}
    return named | sizes | more


def data_type(one: Field) -> str:
    """Return a type in the words of the user interface."""
    if one.type in NUMBERS:
        return f"{NUMBERS[one.type]}({one.precision - one.scale}, {one.scale})"
    if one.type == "reference":
        return f"Lookup({','.join(one.refers_to)})"
    if one.type == "textarea":
        return f"Text Area({one.length})" if one.length <= 255 else f"Long Text Area({one.length})"
    if one.type == "url":
        return f"URL({one.length})"
    if one.type == "string":
        keys = [
            word for word, is_so in (("External ID", one.external_id), ("Unique Case Insensitive", one.unique)) if is_so
        ]
        return " ".join([f"Text({one.length})", *(f"({word})" for word in keys)])
    return DATA_TYPES.get(one.type, one.type)
