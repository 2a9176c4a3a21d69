"""What both systems show of their fields, remembered, so that looking at a mapping costs neither of them a call."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from sidecar.bootstrap import App
from sidecar.field_mapping.kept import keep, load_kept
from sidecar.mapping.model import ObjectMapping
from sidecar.records import FieldInfo, FieldType, ObjectSchema, Side
from sidecar.store.instances import Instance

_SCHEMAS: Final = "mapping-fields"
_KNOWN_KEYS: Final = frozenset(each.name for each in fields(FieldInfo))


@dataclass(frozen=True, slots=True)
class KnownFields:
    """The fields of both sides as they were at `read_at`; `host` is None, and an object is missing, where our user sees none."""

    read_at: datetime | None = None
    host: ObjectSchema | None = None
    salesforce: Mapping[str, ObjectSchema] | None = None

    @property
    def is_read(self) -> bool:
        """Tell whether anybody looked at both sides yet."""
        return self.read_at is not None

    @property
    def objects(self) -> Mapping[str, ObjectSchema]:
        """Return the Salesforce objects that can be seen."""
        return self.salesforce or {}


def read_fields(app: App, instance: Instance, mapping: ObjectMapping) -> KnownFields:
    """Ask both systems for the fields of the mapped objects, and remember them."""
    with app.open_sides(instance) as sides:
        host = sides.host.describe(mapping.host_object)
        salesforce = {name: sides.salesforce.refresh_describe(name) for name in mapping.salesforce_objects}
    remember(app, instance, Side.HOST, {mapping.host_object: host})
    remember(app, instance, Side.SALESFORCE, salesforce)
    return known_fields(app, instance, mapping)


def known_fields(app: App, instance: Instance, mapping: ObjectMapping) -> KnownFields:
    """Return what is remembered; asks nobody."""
    kept = {side: load_kept(app, instance, side, _SCHEMAS) for side in Side}
    host, salesforce = kept[Side.HOST], kept[Side.SALESFORCE]
    asked = (host, mapping.host_object), *((salesforce, name) for name in mapping.salesforce_objects)
    if host is None or salesforce is None or any(name not in each["objects"] for each, name in asked if each):
        return KnownFields()
    read_at = min(datetime.fromisoformat(each["read_at"]) for each in (host, salesforce))
    seen = {name: _schema(name, salesforce["objects"][name]) for name in mapping.salesforce_objects}
    return KnownFields(
        read_at,
        _schema(mapping.host_object, host["objects"][mapping.host_object]),
        {name: schema for name, schema in seen.items() if schema},
    )


def remember(app: App, instance: Instance, side: Side, schemas: Mapping[str, ObjectSchema | None]) -> None:
    """Keep what one side showed, until its connection changes; None stands for an object that our user does not see."""
    objects = {name: [asdict(each) for each in found.fields.values()] if found else None
               for name, found in schemas.items()}  # fmt: skip
    keep(app, instance, side, _SCHEMAS, {"read_at": app.clock().isoformat(), "objects": objects})


def _schema(name: str, rows: Sequence[Mapping[str, Any]] | None) -> ObjectSchema | None:
    if rows is None:
        return None
    infos = (_info(row) for row in rows)
    return ObjectSchema(name, {info.name: info for info in infos})


def _info(row: Mapping[str, Any]) -> FieldInfo:
    known = {key: value for key, value in row.items() if key in _KNOWN_KEYS}
    return FieldInfo(**{**known, "type": FieldType(row["type"]), "options": tuple(row["options"])})
