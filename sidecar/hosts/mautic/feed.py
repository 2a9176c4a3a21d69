"""The change feed: which contacts changed when, from every table that tells, page by page without OFFSET."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select, union

from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.values import as_sql, utc
from sidecar.sync.model import Cursor, Window


@dataclass(frozen=True, slots=True)
class Sources:
    """Which tables are asked besides the audit log, the creations and the merges."""

    company_members: bool = True
    do_not_contact: bool = True


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Which contacts changed, in order, and the cursor of the last of them."""

    contact_ids: tuple[int, ...]
    cursor: Cursor


def read_feed_page(
    connection: Connection, tables: Tables, window: Window, sources: Sources, limit: int
) -> FeedPage | None:
    """Return the next contacts of the window after its cursor, by (at, contact id); None at its end. One statement.

    The cursor narrows each source by its time index; ties within a second go on by the contact's id.
    """
    parts = [part.limit(limit) for part in _parts(connection, tables, window, sources)]
    changes = union(*(select(part.subquery()) for part in parts)).subquery()
    found = connection.execute(
        select(changes.c.at, changes.c.contact_id).order_by(changes.c.at, changes.c.contact_id).limit(limit)
    ).all()
    if not found:
        return None
    last_at = utc(found[-1].at)
    assert last_at is not None
    ids = tuple(dict.fromkeys(int(row.contact_id) for row in found))
    return FeedPage(ids, Cursor(last_at, str(found[-1].contact_id)))


def _parts(
    connection: Connection, tables: Tables, window: Window, sources: Sources
) -> Iterator[Select[tuple[datetime, int]]]:
    audit, merges = tables.audit_log, tables.merges
    stamp = _Stamp(connection.dialect.name == "sqlite", window)
    yield stamp.rows(audit.c.date_added, audit.c.object_id, audit.c.bundle == "lead", audit.c.object == "lead")
    leads = tables.leads()
    yield stamp.rows(leads.c.date_added, leads.c.id)
    yield stamp.rows(merges.c.date_added, merges.c.merged_id)
    yield stamp.rows(merges.c.date_added, merges.c.contact_id)
    if sources.company_members:
        members = tables.company_members
        yield stamp.rows(members.c.date_added, members.c.lead_id)
    if sources.do_not_contact:
        opt_outs = tables.do_not_contact
        yield stamp.rows(opt_outs.c.date_added, opt_outs.c.lead_id)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The window as a condition on a table's time and contact columns."""

    is_sqlite: bool
    window: Window

    def rows(
        self, at: ColumnElement[object], contact_id: ColumnElement[object], *conditions: ColumnElement[bool]
    ) -> Select[tuple[datetime, int]]:
        """Return the window's rows of one source, in order, each contact once a second."""
        moment: ColumnElement[datetime] = func.datetime(at) if self.is_sqlite else at  # type: ignore[assignment]
        after = self.window.after
        start = max(self.window.start, after.at) if after else self.window.start
        within = and_(moment >= literal(as_sql(start)), moment < literal(as_sql(self.window.end)), *conditions)
        if after:
            beyond = or_(moment > literal(as_sql(after.at)), contact_id > int(after.id))
            within = and_(within, beyond)
        picked = select(moment.label("at"), contact_id.label("contact_id")).where(within, contact_id.is_not(None))
        return picked.distinct().order_by(moment, contact_id)  # type: ignore[return-value]
