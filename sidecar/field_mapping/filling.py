"""How filled the fields of both systems are: counted when somebody asks, remembered with its time. No value is ever kept."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from sidecar.bootstrap import App
from sidecar.field_mapping.kept import keep, load_kept
from sidecar.mapping.filled import Filled
from sidecar.mapping.model import FieldPair, ObjectMapping, ScopeWho
from sidecar.records import Side, Value
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import Instance

SAMPLES: Final = 5
_FILLED: Final = "mapping-filled"


@dataclass(frozen=True, slots=True)
class KnownFilling:
    """How filled the fields of each object were at `counted_at`, the older of both sides."""

    counted_at: datetime | None = None
    objects: Mapping[str, Filled] = field(default_factory=dict)

    def of(self, object_name: str) -> Filled:
        """Return the counts of an object; empty if nobody counted."""
        return self.objects.get(object_name, Filled(0))


def count_side(app: App, instance: Instance, mapping: ObjectMapping, side: Side) -> None:
    """Count on one side, whatever becomes of the other, and remember. It may take minutes."""
    count = _count_host if side is Side.HOST else _count_salesforce
    objects = {name: asdict(filled) for name, filled in count(app, instance, mapping).items()}
    keep(app, instance, side, _FILLED, {"counted_at": app.clock().isoformat(), "objects": objects})


def known_filling(app: App, instance: Instance) -> KnownFilling:
    """Return what was counted last; asks nobody."""
    kept = [found for side in Side if (found := load_kept(app, instance, side, _FILLED))]
    moments = [datetime.fromisoformat(each["counted_at"]) for each in kept]
    return KnownFilling(
        min(moments, default=None),
        {name: Filled(**counts) for each in kept for name, counts in each["objects"].items()},
    )


def read_samples(
    app: App, instance: Instance, mapping: ObjectMapping, pair: FieldPair, who: str
) -> dict[str, list[str]]:
    """Return some values of a pair's fields by object, as texts. That somebody looked is noted; what they saw is not."""
    with app.open_sides(instance) as sides:
        found = {mapping.host_object: _texts(sides.host.read_samples(pair.host, SAMPLES))}
        for name, salesforce_field in pair.salesforce.items():
            found[name] = _texts(sides.salesforce.read_samples(name, salesforce_field, SAMPLES))
    AuditLog(app.database).add(
        AuditEntry(who, "mapping-samples-shown", app.clock(), after=pair.name, instance_id=instance.id)
    )
    return found


def _count_host(app: App, instance: Instance, mapping: ObjectMapping) -> Mapping[str, Filled]:
    with_email = mapping.host_scope.who is ScopeWho.IDENTIFIED_WITH_EMAIL
    with app.open_host(instance) as host:
        return {mapping.host_object: host.count_filled(with_email=with_email)}


def _count_salesforce(app: App, instance: Instance, mapping: ObjectMapping) -> Mapping[str, Filled]:
    with app.open_salesforce(instance) as salesforce:
        return salesforce.count_filled(mapping.salesforce_objects)


def _texts(values: Sequence[Value]) -> list[str]:
    return ["; ".join(value) if isinstance(value, tuple) else str(value) for value in values if value is not None]
