"""What needs somebody's attention. An alert opens and closes when a state changes, however often it is seen meanwhile."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from sidecar.mapping.rules import Problem
from sidecar.store.bulk import upsert
from sidecar.store.session import Database
from sidecar.store.tables import alerts

_KEYS = ("instance_id", "lane", "code", "is_open")
_MAX_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is, or was, wrong: since when, until when, and who can fix it. An empty lane means all of them."""

    id: int
    instance_id: int
    lane: str
    code: str
    message: str
    fixed_by: str
    first_seen_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None


class Alerts:
    """Opens and closes alerts; at most one is open per instance, lane and code."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, instance_id: int, lane: str, code: str, message: str, fixed_by: str, now: datetime) -> None:
        """Open an alert, or note that one is still true."""
        with self._database.write() as connection:
            _open(connection, instance_id, lane, {code: (message, fixed_by)}, now)

    def close(self, instance_id: int, lane: str, code: str, now: datetime) -> None:
        """Close an alert; nothing happens if it is not open."""
        with self._database.write() as connection:
            _close(connection, _open_of(instance_id, lane) & (alerts.c.code == code), now)

    def replace(self, instance_id: int, lane: str, problems: Iterable[Problem], now: datetime) -> None:
        """Let exactly these problems be a lane's open alerts; those of one code share one alert."""
        found: dict[str, tuple[str, str]] = {}
        for problem in problems:
            earlier, fixed_by = found.get(problem.code, ("", problem.fixed_by))
            found[problem.code] = (f"{earlier}\n{problem.message}".strip(), fixed_by)
        with self._database.write() as connection:
            _close(connection, _open_of(instance_id, lane) & alerts.c.code.not_in(list(found)), now)
            _open(connection, instance_id, lane, found, now)

    def list_open(self, instance_id: int | None = None) -> list[Alert]:
        """Return open alerts, newest first, of one instance or of all."""
        chosen = select(alerts).where(alerts.c.is_open.is_(True)).order_by(alerts.c.id.desc())
        return self._alerts(chosen if instance_id is None else chosen.where(alerts.c.instance_id == instance_id))

    def history(self, instance_id: int, *, limit: int = 100, before: int | None = None) -> list[Alert]:
        """Return alerts, open and closed, newest first, in pages."""
        chosen = select(alerts).where(alerts.c.instance_id == instance_id).order_by(alerts.c.id.desc()).limit(limit)
        return self._alerts(chosen if before is None else chosen.where(alerts.c.id < before))

    def _alerts(self, chosen: Any) -> list[Alert]:
        with self._database.read() as connection:
            return [_alert(row) for row in connection.execute(chosen)]


def _open(
    connection: Connection, instance_id: int, lane: str, found: dict[str, tuple[str, str]], now: datetime
) -> None:
    rows = [
        {
            "instance_id": instance_id,
            "lane": lane,
            "code": code,
            "message": message[:_MAX_LENGTH],
            "fixed_by": fixed_by,
            "first_seen_at": now,
            "last_seen_at": now,
            "is_open": True,
        }
        for code, (message, fixed_by) in found.items()
    ]
    upsert(connection, alerts, rows, _KEYS, update=("message", "fixed_by", "last_seen_at"))


def _close(connection: Connection, condition: Any, now: datetime) -> None:
    connection.execute(update(alerts).where(condition).values(is_open=None, closed_at=now))


def _open_of(instance_id: int, lane: str) -> Any:
    return (alerts.c.instance_id == instance_id) & (alerts.c.lane == lane) & alerts.c.is_open.is_(True)


def _alert(row: Row[Any]) -> Alert:
    return Alert(**{name: value for name, value in row._asdict().items() if name != "is_open"})
