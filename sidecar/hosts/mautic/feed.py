"""The change feed: which contacts changed when, from every table that tells, page by page without OFFSET."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select, union, union_all

from sidecar.hosts.columns import as_sql
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.values import utc
from sidecar.sync.model import Cursor, Window

COMPANY_NAME = "companyname"
"""Mautic's name for the field that its members show as their company."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Which tables are asked. `log`: the audit log, the creations and the merges.

    `renames`: the members of companies that got another name, which changes the text on each member without a trace.
    `companies`: what was done to companies instead; the ids are theirs then.
    """

    company_members: bool = True
    do_not_contact: bool = True
    segments: tuple[int, ...] = ()
    log: bool = True
    renames: bool = True
    companies: bool = False


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Which contacts changed, in order, and the cursor of the last of them."""

    contact_ids: tuple[int, ...]
    cursor: Cursor


def read_feed_page(
    connection: Connection, tables: Tables, window: Window, sources: Sources, limit: int
) -> FeedPage | None:
    """Return the next contacts of the window after its cursor, by (at, contact id); None at its end. Two statements.

    The first finds how far `limit` rows of each source reach, in the order of its time index, so that the second has
    no more than a page to sort, however long the window is.
    """
    parts = list(_parts(connection, tables, window, sources))
    bound = _bound(connection, parts, limit)
    changes = union(*(part.rows(bound) for part in parts)).subquery()
    found = connection.execute(
        select(changes.c.at, changes.c.contact_id).order_by(changes.c.at, changes.c.contact_id).limit(limit)
    ).all()
    if not found:
        return None
    last_at = utc(found[-1].at)
    assert last_at is not None
    ids = tuple(dict.fromkeys(int(row.contact_id) for row in found))
    return FeedPage(ids, Cursor(last_at, str(found[-1].contact_id)))


@dataclass(frozen=True, slots=True)
class _Part:
    """One source within the window and after its cursor: its time, its contact, and the rows meant."""

    at: ColumnElement[Any]
    contact_id: ColumnElement[Any]
    within: ColumnElement[bool]

    def rows(self, bound: str | None) -> Select[Any]:
        """Return the rows up to and with the bound."""
        until = self.within if bound is None else and_(self.within, self.at <= literal(bound))
        return select(self.at.label("at"), self.contact_id.label("contact_id")).where(until)

    def reach(self, limit: int) -> Select[Any]:
        """Return the moment of the limit's row; nothing if there are fewer."""
        first = select(self.at.label("at")).where(self.within).order_by(self.at).limit(limit).subquery()
        return select(func.max(first.c.at).label("at")).having(func.count() == limit)


def _bound(connection: Connection, parts: Sequence[_Part], limit: int) -> str | None:
    reached = connection.execute(union_all(*(part.reach(limit) for part in parts))).scalars()
    moments = [moment for each in reached if (moment := utc(each))]
    return as_sql(min(moments)) if moments else None


def _parts(connection: Connection, tables: Tables, window: Window, sources: Sources) -> Iterator[_Part]:
    audit, leads, merges = tables.audit_log, tables.leads(), tables.merges
    members, opt_outs = tables.company_members, tables.do_not_contact
    columns: list[tuple[Any, ...]] = []
    if sources.companies:
        companies = tables.companies()
        columns.append((audit.c.date_added, audit.c.object_id, audit.c.bundle == "lead", audit.c.object == "company"))
        columns += [(companies.c.date_added, companies.c.id), (members.c.date_added, members.c.company_id)]
    if sources.log:
        columns += [
            (audit.c.date_added, audit.c.object_id, audit.c.bundle == "lead", audit.c.object == "lead"),
            (leads.c.date_added, leads.c.id),
            (merges.c.date_added, merges.c.merged_id),
            (merges.c.date_added, merges.c.contact_id),
        ]
    if sources.renames:
        is_rename = audit.c.details.contains(COMPANY_NAME, autoescape=True)
        of_company = (audit.c.bundle == "lead", audit.c.object == "company", audit.c.action == "update", is_rename)
        columns.append((audit.c.date_added, members.c.lead_id, members.c.company_id == audit.c.object_id, *of_company))
    if sources.company_members:
        columns.append((members.c.date_added, members.c.lead_id))
    if sources.do_not_contact:
        columns.append((opt_outs.c.date_added, opt_outs.c.lead_id))
    if sources.segments:
        events = tables.event_log
        of_segments = (
            events.c.bundle == "lead",
            events.c.object == "segment",
            events.c.object_id.in_(sources.segments),
        )
        columns.append((events.c.date_added, events.c.lead_id, *of_segments))
    is_sqlite = connection.dialect.name == "sqlite"
    for at, contact_id, *conditions in columns:
        moment = func.datetime(at) if is_sqlite else at  # SQLite keeps whatever text it was given
        within = and_(_within(window, moment, contact_id), contact_id.is_not(None), *conditions)
        yield _Part(moment, contact_id, within)


def _within(window: Window, at: ColumnElement[Any], contact_id: ColumnElement[Any]) -> ColumnElement[bool]:
    before_end = at < literal(as_sql(window.end))
    if window.after is None:
        return and_(at >= literal(as_sql(window.start)), before_end)
    last = literal(as_sql(window.after.at))
    start = literal(as_sql(max(window.start, window.after.at)))
    return and_(at >= start, before_end, or_(at > last, contact_id > int(window.after.id)))
