"""Who changed which setting, from what to what, and why. Rows are only ever added."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select

from sidecar.store.session import Database
from sidecar.store.tables import audit_log


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of a setting. `before` and `after` are plain JSON without secrets; `instance_id` is None for all."""

    who: str
    what: str
    at: datetime
    before: Any = None
    after: Any = None
    reason: str = ""
    instance_id: int | None = None
    id: int | None = None


class AuditLog:
    """Adds and shows entries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: AuditEntry) -> None:
        """Add an entry."""
        row = {
            "instance_id": entry.instance_id,
            "who": entry.who,
            "what": entry.what,
            "before": entry.before,
            "after": entry.after,
            "reason": entry.reason,
            "at": entry.at,
        }
        with self._database.write() as connection:
            connection.execute(insert(audit_log), row)

    def entries(
        self, instance_id: int | None = None, *, limit: int = 100, before: int | None = None
    ) -> list[AuditEntry]:
        """Return entries, newest first, of one instance or of everything, those older than the entry `before`."""
        chosen = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
        if instance_id is not None:
            chosen = chosen.where(audit_log.c.instance_id == instance_id)
        if before is not None:
            chosen = chosen.where(audit_log.c.id < before)
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(chosen)]


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(row.who, row.what, row.at, row.before, row.after, row.reason, row.instance_id, row.id)
