"""One transaction on the sandbox's database, with the moment it is stamped with and the traces it leaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.pool import StaticPool

from sidecar.sandbox.host import outbox, php
from sidecar.sandbox.host.bundle import Bundle
from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.fields import Field, parse_row
from sidecar.sandbox.host.listeners import Listeners
from sidecar.sandbox.host.profiles import Profile
from sidecar.sandbox.host.tables import Schema

if TYPE_CHECKING:
    from sidecar.sandbox.host.webhooks import Hooks


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as Mautic writes it down."""

    id: int | None = None
    name: str | None = None
    audit_id: int = 0
    audit_name: str = "System"
    ip: str = "127.0.0.1"
    client_id: str | None = None

    @property
    def modified_name(self) -> str:
        """What `modified_by_user` becomes: one blank when nobody is logged in."""
        return self.name or " "


SYSTEM = Actor()
VISITOR = Actor(ip="93.184.216.11")


@dataclass(frozen=True, slots=True)
class Notice:
    """One event that a webhook tells: its trigger and what stands in the body for it."""

    trigger: str
    item: dict[str, Any]


@dataclass(slots=True)
class Work:
    """What is done between two commits."""

    connection: Connection
    schema: Schema
    now: datetime
    profile: Profile
    fields: dict[str, Field]
    company_fields: dict[str, Field] = field(default_factory=dict)
    triggers: frozenset[str] = frozenset()
    notices: list[Notice] = field(default_factory=list)
    audit_ids: Iterator[int] | None = None
    lead_ids: Iterator[int] | None = None
    listeners: Listeners | None = None
    _audits: list[dict[str, Any]] = field(default_factory=list)
    _events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def stamp(self) -> datetime:
        """The moment as the database holds it: UTC without a zone."""
        return self.now.astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def row(self, table: str, **values: Any) -> dict[str, Any]:
        """Return a whole row: what is given, and Mautic's blanks for the rest."""
        return {**self.schema.blanks[table], **values}

    def add(self, table: str, **values: Any) -> int:
        """Write one row and return its id (0 for tables without one)."""
        result = self.connection.execute(insert(self.schema[table]), self.row(table, **values))
        key = result.inserted_primary_key
        return int(key[0]) if key and isinstance(key[0], int) else 0

    def rows(self, table: str, *conditions: Any, order: Any = None) -> list[dict[str, Any]]:
        """Return rows as dicts."""
        query = select(self.schema[table]).where(*conditions)
        wished = order if isinstance(order, list) else [order]
        found = self.connection.execute(query if order is None else query.order_by(*wished))
        return [dict(row) for row in found.mappings()]

    def audit(
        self, actor: Actor, object_id: int, action: str, details: Mapping[Any, Any], object_: str = "lead"
    ) -> None:
        """Leave a row in the audit log."""
        row = {
            "user_id": actor.audit_id,
            "user_name": actor.audit_name,
            "bundle": "lead",
            "object": object_,
            "object_id": object_id,
            "action": action,
            "details": php.serialize(details),
            "date_added": self.stamp,
            "ip_address": actor.ip,
        }
        self._audits.append({"id": next(self.audit_ids), **row} if self.audit_ids else row)
        if self.listeners:
            self.listeners.hear_audit(object_, object_id, action, details)

    def event(self, lead_id: int | None, place: tuple[str, str, str], object_id: int | None, **properties: Any) -> None:
        """Leave a row in the event log; `place` is bundle, object, action."""
        user_id, user_name = properties.pop("user_id", None), properties.pop("user_name", None)
        bundle, object_, action = place
        self._events.append(
            {
                "lead_id": lead_id,
                "user_id": user_id,
                "user_name": user_name,
                "bundle": bundle,
                "object": object_,
                "action": action,
                "object_id": object_id,
                "date_added": self.stamp,
                "properties": json.dumps(properties),
            }
        )
        if self.listeners:
            self.listeners.hear_event(lead_id, place)

    def changed(self, kind: str, object_id: int) -> None:
        """Say that a contact or company changed, where neither log tells it."""
        if self.listeners:
            self.listeners.hear_change(kind, object_id)

    def leaving(self, contact: Mapping[str, Any]) -> None:
        """Say that a contact is about to be deleted."""
        if self.listeners:
            table = self.schema["lead_donotcontact"]
            self.listeners.hear_deletion(contact, self.rows("lead_donotcontact", table.c.lead_id == contact["id"]))

    def traces(self) -> tuple[int, int, list[dict[str, Any]]]:
        """Return the traces so far, for `forget_after`."""
        told = list(self.listeners.rows) if self.listeners else []
        return len(self._audits), len(self._events), told

    def forget_after(self, before: tuple[int, int, list[dict[str, Any]]]) -> None:
        """Take back the traces of what was rolled back to a savepoint."""
        audits, events, told = before
        del self._audits[audits:], self._events[events:]
        if self.listeners:
            self.listeners.rows = told

    def flush(self) -> None:
        """Write the traces down, in order."""
        for table, rows in (("audit_log", self._audits), ("lead_event_log", self._events)):
            if rows:
                self.connection.execute(insert(self.schema[table]), rows)
                rows.clear()
        if self.listeners:
            outbox.replace_rows(self.connection, self.schema[outbox.NAME], self.listeners.take_rows(), self.stamp)


class Database:
    """The engine, the lock and the fields: everything a transaction needs."""

    def __init__(self, url: str, schema: Schema, clock: HostClock, profile: Profile) -> None:
        self.engine = open_engine(url)
        self.schema, self.clock, self.profile = schema, clock, profile
        self.lock = threading.RLock()
        self.fields: dict[str, Field] = {}
        self.company_fields: dict[str, Field] = {}
        self.bundle: Bundle | None = None
        self.hooks: Hooks | None = None

    def unit(self, connection: Connection, moment: datetime) -> Work:
        """Return what is done on a connection, stamped with a moment; it knows what webhooks ask for."""
        unit = Work(connection, self.schema, moment, self.profile, self.fields, self.company_fields)
        if self.hooks:
            unit.triggers = self.hooks.triggers(unit)
        return unit

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Do something as one transaction, alone, stamped with the clock's time."""
        with self.lock, self.engine.begin() as connection:
            unit = self.unit(connection, self.clock.now())
            unit.listeners = self.bundle.listen() if self.bundle else None
            yield unit
            unit.flush()
            if self.hooks:
                self.hooks.before_commit(unit)
        if self.hooks:
            self.hooks.after_commit(unit.notices)
        if self.bundle and unit.listeners and unit.listeners.has_push:
            self.bundle.wake(unit.now)

    def reload_fields(self, work: Work) -> None:
        """Read the fields of contacts and companies again."""
        table = work.schema["lead_fields"]
        rows = work.rows("lead_fields", table.c.is_published == 1, order=table.c.field_order)
        found = {name: {r["alias"]: parse_row(r) for r in rows if r["object"] == name} for name in ("lead", "company")}
        self.fields = work.fields = found["lead"]
        self.company_fields = work.company_fields = found["company"]


def open_engine(url: str) -> Engine:
    """Return an engine; SQLite files are opened so that others can read while we write."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    if url in {"sqlite://", "sqlite:///:memory:"}:
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def chunks(items: Sequence[Any], size: int = 500) -> Iterator[Sequence[Any]]:
    """Yield slices short enough for an IN list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
