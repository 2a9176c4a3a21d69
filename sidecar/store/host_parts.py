"""What our registration made in each instance's Mautic: the only things an undo may remove."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from sidecar.store.bulk import upsert
from sidecar.store.host_tables import host_parts
from sidecar.store.session import Database

_KEYS = ("instance_id", "kind", "name")


@dataclass(frozen=True, slots=True)
class HostPart:
    """One thing that we made: a webhook, a field, a segment … `host_id` is its id in Mautic."""

    kind: str
    name: str
    host_id: str


class HostParts:
    """Remembers the parts made for one instance; there is one of each kind and name."""

    def __init__(self, database: Database, instance_id: int) -> None:
        self._database = database
        self._instance_id = instance_id

    def add(self, part: HostPart, now: datetime) -> None:
        """Remember a part; one of the same kind and name was made anew, so its old id is forgotten."""
        row = {
            "instance_id": self._instance_id,
            "kind": part.kind,
            "name": part.name,
            "host_id": part.host_id,
            "made_at": now,
        }
        with self._database.write() as connection:
            upsert(connection, host_parts, [row], _KEYS, update=("host_id", "made_at"))

    def load(self, kind: str | None = None) -> list[HostPart]:
        """Return all parts, or those of a kind, in the order in which they were first made."""
        chosen = (
            select(host_parts.c.kind, host_parts.c.name, host_parts.c.host_id)
            .where(host_parts.c.instance_id == self._instance_id)
            .order_by(host_parts.c.id)
        )
        if kind is not None:
            chosen = chosen.where(host_parts.c.kind == kind)
        with self._database.read() as connection:
            return [HostPart(row.kind, row.name, row.host_id) for row in connection.execute(chosen)]

    def forget(self, part: HostPart) -> None:
        """Forget a part that is gone."""
        with self._database.write() as connection:
            connection.execute(
                delete(host_parts).where(
                    host_parts.c.instance_id == self._instance_id,
                    host_parts.c.kind == part.kind,
                    host_parts.c.name == part.name,
                )
            )
