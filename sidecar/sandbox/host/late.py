"""Transactions that commit late: their rows carry an early stamp and low ids, and appear after others that came later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, delete

from sidecar.sandbox.host import outbox
from sidecar.sandbox.host.listeners import Listeners
from sidecar.sandbox.host.work import Database, Notice, Work

T = TypeVar("T")
RESERVED_IDS = 200
Pending = tuple[datetime, Callable[[Work], Any]]


class LateWork:
    """Acts that are stamped but not committed; nobody sees them before `commit()`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.pending: list[Pending] = []
        self.heard: list[Listeners] = []
        self.notices: list[Notice] = []
        with database.work() as work:
            names = ("leads", "audit_log", *((outbox.NAME,) if database.bundle else ()))
            self.ids = {name: reserve_ids(work, name) for name in names}

    def keep_back(self, do: Callable[[Work], T]) -> T:
        """Remember an act with its moment and return what it would return."""
        self.pending.append((self.database.clock.now(), do))
        with self.database.lock, self.database.engine.connect() as connection, connection.begin() as transaction:
            result: T = self._play(connection)
            transaction.rollback()
        return result

    def commit(self) -> None:
        """Do all of it for good."""
        database = self.database
        with database.lock, database.engine.begin() as connection:
            self._play(connection)
        self.pending.clear()
        if database.hooks:
            database.hooks.after_commit(self.notices)
        if database.bundle and any(each.has_push for each in self.heard):
            database.bundle.wake(database.clock.now())

    def _play(self, connection: Connection) -> Any:
        database, result = self.database, None
        lead_ids, audit_ids = iter(self.ids["leads"]), iter(self.ids["audit_log"])
        outbox_ids, self.heard, self.notices = iter(self.ids.get(outbox.NAME, ())), [], []
        for moment, do in self.pending:
            work = database.unit(connection, moment)
            work.audit_ids, work.lead_ids = audit_ids, lead_ids
            work.listeners = database.bundle.listen(outbox_ids) if database.bundle else None
            result = do(work)
            work.flush()
            if database.hooks:
                database.hooks.before_commit(work)
            self.notices += work.notices
            self.heard += [work.listeners] if work.listeners else []
        return result


def reserve_ids(work: Work, table_name: str) -> range:
    """Take a block of ids of a table, so that later rows get higher ones."""
    table = work.schema[table_name]
    first = work.add(table_name, date_added=work.stamp)
    last = work.add(table_name, date_added=work.stamp, id=first + RESERVED_IDS)
    work.connection.execute(delete(table).where(table.c.id.in_([first, last])))
    return range(first, last)
