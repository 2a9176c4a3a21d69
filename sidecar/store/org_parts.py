"""What our set-up made in each instance's org: the only things an undo may remove."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select

from sidecar.store.bulk import upsert
from sidecar.store.session import Database
from sidecar.store.tables import org_parts

_KEYS = ("instance_id", "kind", "name")


class OrgParts:
    """Remembers the parts made for one instance, as (kind, name)."""

    def __init__(self, database: Database, instance_id: int) -> None:
        self._database = database
        self._instance_id = instance_id

    def add(self, parts: Iterable[tuple[str, str]], now: datetime) -> None:
        """Remember parts; one that is known already keeps its moment."""
        rows = [
            {"instance_id": self._instance_id, "kind": str(kind), "name": name, "made_at": now} for kind, name in parts
        ]
        with self._database.write() as connection:
            upsert(connection, org_parts, rows, _KEYS)

    def load(self) -> list[tuple[str, str]]:
        """Return all parts."""
        chosen = (
            select(org_parts.c.kind, org_parts.c.name)
            .where(org_parts.c.instance_id == self._instance_id)
            .order_by(org_parts.c.id)
        )
        with self._database.read() as connection:
            return [(row.kind, row.name) for row in connection.execute(chosen)]

    def forget(self, parts: Iterable[tuple[str, str]]) -> None:
        """Forget parts that are gone."""
        with self._database.write() as connection:
            for kind, name in parts:
                connection.execute(
                    delete(org_parts).where(
                        org_parts.c.instance_id == self._instance_id,
                        org_parts.c.kind == str(kind),
                        org_parts.c.name == name,
                    )
                )
