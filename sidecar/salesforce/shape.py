"""Salesforce rows → records: which fields are asked for, and what deletion, merge and conversion look like. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.mapping.rules import Rules
from sidecar.records import Consent, FieldInfo, ObjectSchema, Record, Ref, Side, Value
from sidecar.salesforce.owners import OWNER_EMAIL, OWNER_ID
from sidecar.salesforce.values import from_json, parse_datetime

_SYSTEM_FIELDS: Final = (
    "Id",
    "IsDeleted",
    "SystemModstamp",
    "LastModifiedDate",
    "MasterRecordId",
    "IsConverted",
    "ConvertedContactId",
)
_BECOMES: Final = "Contact"
"""The object a converted lead lives on as."""

Row = Mapping[str, Any]
OwnerName = Callable[[str | None], Value]
"""Says whose address an OwnerId stands for."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the records of one object are read: the fields selected, and those that become values."""

    object: str
    values: Mapping[str, FieldInfo]
    system: tuple[str, ...]
    opt_out: str | None
    owner_name: OwnerName | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields to select."""
        values = (OWNER_ID if name == OWNER_EMAIL else name for name in self.values)
        return tuple(dict.fromkeys((*self.system, *values, *([self.opt_out] if self.opt_out else []))))

    @property
    def is_convertible(self) -> bool:
        """Whether records of this object can be converted into others."""
        return "IsConverted" in self.system

    def record(self, row: Row) -> Record:
        """Return the record a row describes."""
        successor = self._successor(row)
        lost = self.is_convertible and bool(row.get("IsConverted")) and "ConvertedContactId" in self.system
        return Record(
            ref=Ref(self.object, row["Id"]),
            values={name: self._value(row, name, info) for name, info in self.values.items()},
            modified_at=parse_datetime(row.get("LastModifiedDate") or row["SystemModstamp"]),
            consent=Consent(opted_out=bool(row.get(self.opt_out))) if self.opt_out else None,
            successor=successor,
            # A converted lead whose contact is gone has nobody left; with that field hidden we cannot tell, and it lives.
            is_deleted=successor is None and (bool(row.get("IsDeleted")) or lost),
        )

    def _value(self, row: Row, name: str, info: FieldInfo) -> Value:
        if name == OWNER_EMAIL:
            return self.owner_name(row.get(OWNER_ID)) if self.owner_name else None
        return from_json(row.get(name), info.type)

    def _successor(self, row: Row) -> Ref | None:
        if row.get("IsConverted") and row.get("ConvertedContactId"):
            return Ref(_BECOMES, row["ConvertedContactId"])
        if row.get("IsDeleted") and row.get("MasterRecordId"):
            return Ref(self.object, row["MasterRecordId"])
        return None


def shape_of(rules: Rules, object_name: str, schema: ObjectSchema, owner_name: OwnerName | None = None) -> Shape:
    """Return how to read an object: mapped fields, external id, deletion mark and opt-out, as far as they are visible."""
    mapping = rules.mapping
    names = [rule.salesforce.name for rule in rules.fields.get(object_name, ())]
    names += [clause.info.name for clause in rules.clauses(Side.SALESFORCE, object_name)]
    names += [name for name in (mapping.external_id, mapping.deletion.salesforce_field) if name]
    opt_out = mapping.consent.salesforce_field if mapping.consent else None
    return Shape(
        object=object_name,
        values={name: schema.fields[name] for name in dict.fromkeys(names) if name in schema.fields},
        system=tuple(name for name in _SYSTEM_FIELDS if name in schema.fields),
        opt_out=opt_out if opt_out in schema.fields else None,
        owner_name=owner_name,
    )
