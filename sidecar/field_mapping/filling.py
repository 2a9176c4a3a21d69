"""How filled the fields of both systems are: counted when somebody asks, remembered with its time. No value is ever kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, runtime_checkable

from sidecar.bootstrap import App
from sidecar.field_mapping.fields import KEPT
from sidecar.mapping.filled import Filled
from sidecar.mapping.model import FieldPair, ObjectMapping, ScopeWho
from sidecar.records import Side, Value
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import Instance

SAMPLES: Final = 5
_FILLED: Final = "mapping-filled"


@runtime_checkable
class TellsFilling(Protocol):
    """A host that can say how filled its fields are, and with what; one that cannot shows none of it."""

    def count_filled(self, *, with_email: bool) -> Filled:
        """Return how many of its people, or of those with an address, have each field filled."""

    def read_samples(self, field: str, most: int) -> Sequence[Value]:
        """Return some values of a field."""


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
    if (objects := count(app, instance, mapping)) is not None:
        _keep(app, instance, side, objects)


def known_filling(app: App, instance: Instance) -> KnownFilling:
    """Return what was counted last; asks nobody."""
    kept = [found for side in Side if (found := _kept(app, instance, side))]
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
        host = sides.host.read_samples(pair.host, SAMPLES) if isinstance(sides.host, TellsFilling) else ()
        found = {mapping.host_object: _texts(host)}
        for name, salesforce_field in pair.salesforce.items():
            found[name] = _texts(sides.salesforce.read_samples(name, salesforce_field, SAMPLES))
    AuditLog(app.database).add(
        AuditEntry(who, "mapping-samples-shown", app.clock(), after=pair.name, instance_id=instance.id)
    )
    return found


def _count_host(app: App, instance: Instance, mapping: ObjectMapping) -> Mapping[str, Filled] | None:
    """Return the counts of the host, or None if it is one that cannot tell."""
    host = app.connect_host(instance)
    try:
        if not isinstance(host, TellsFilling):
            return None
        with_email = mapping.host_scope.who is ScopeWho.IDENTIFIED_WITH_EMAIL
        return {mapping.host_object: host.count_filled(with_email=with_email)}
    finally:
        host.close()


def _count_salesforce(app: App, instance: Instance, mapping: ObjectMapping) -> Mapping[str, Filled]:
    with app.open_salesforce(instance) as salesforce:
        return salesforce.count_filled(mapping.salesforce_objects)


def _texts(values: Sequence[Value]) -> list[str]:
    return ["; ".join(value) if isinstance(value, tuple) else str(value) for value in values if value is not None]


def _keep(app: App, instance: Instance, side: Side, objects: Mapping[str, Filled]) -> None:
    now = app.clock()
    kept = {"counted_at": now.isoformat(), "objects": {name: asdict(filled) for name, filled in objects.items()}}
    app.cache(instance, side).put(_FILLED, json.dumps(kept), expires_at=now + KEPT)


def _kept(app: App, instance: Instance, side: Side) -> dict[str, Any] | None:
    text = app.cache(instance, side).get(_FILLED)
    return json.loads(text) if text else None
