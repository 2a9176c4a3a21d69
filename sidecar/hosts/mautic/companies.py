"""Companies as a feed: made, edited, deleted, and joined by contacts. Reading only; a page costs the same few statements."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, column, func, inspect, select

from sidecar.hosts.chunks import chunked
from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.feed import Sources, read_feed_page
from sidecar.hosts.mautic.reader import MAX_IDS, latest
from sidecar.hosts.mautic.schema import read_company_schema
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.values import from_row
from sidecar.mapping.rules import Rules
from sidecar.records import ObjectSchema, Record, Ref, Value
from sidecar.sync.model import Page, Window

COMPANY = "company"
_SOURCES = Sources(company_members=False, do_not_contact=False, log=False, renames=False, companies=True)
_DELETED = "deleted"  # from Mautic 7.2 on: marked first, removed by a job later


class CompanyReader:
    """Reads companies by SQL."""

    def __init__(self, engine: Engine, tables: Tables, *, page_size: int = 1000) -> None:
        self._engine = engine
        self._tables = tables
        self._page_size = page_size

    @cached_property
    def schema(self) -> ObjectSchema:
        """What a mapping may use of a company, read once per connection."""
        return read_company_schema(self._engine, self._tables)

    @cached_property
    def _is_marked_deleted(self) -> bool:
        with reading(self._engine) as connection:
            columns = inspect(connection).get_columns(self._tables.companies().name)
        return any(each["name"] == _DELETED for each in columns)

    def read_changes(self, rules: Rules, window: Window) -> Iterator[Page]:
        """Yield every company that was touched in the window, or that somebody joined, once, as it is now."""
        seen: set[int] = set()
        while True:
            with reading(self._engine) as connection:
                page = read_feed_page(connection, self._tables, window, _SOURCES, self._page_size)
            if page is None:
                return
            window = replace(window, after=page.cursor)
            fresh = [each for each in page.contact_ids if each not in seen]
            seen.update(fresh)
            if fresh:
                found = self.read(rules, fresh)
                yield Page(tuple(found[each] for each in fresh), page.cursor)

    def read(self, rules: Rules, ids: Iterable[int]) -> dict[int, Record]:
        """Return each company as it is now; one that is gone, or marked as deleted, is deleted."""
        names = dict.fromkeys(rule.host.name for each in rules.fields.values() for rule in each)
        wanted = [name for name in names if name in self.schema.fields]
        found: dict[int, Record] = {}
        for some in chunked(sorted(set(ids)), MAX_IDS):
            with reading(self._engine) as connection:
                rows, touched = self._rows(connection, wanted, some), self._last_logged(connection, some)
            for each in some:
                ref = Ref(COMPANY, str(each))
                row = rows.get(each)
                found[each] = (
                    Record(ref, is_deleted=True)
                    if row is None
                    else Record(
                        ref,
                        {name: self._value(name, row) for name in wanted},
                        latest(row["date_added"], row["date_modified"], touched.get(each)),
                    )
                )
        return found

    def _rows(self, connection: Connection, names: Sequence[str], ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        companies = self._tables.companies(*names)
        wanted = select(*companies.c).where(companies.c.id.in_(ids))
        if self._is_marked_deleted:
            wanted = wanted.where(column(_DELETED).is_(None))
        return {int(row["id"]): dict(row) for row in connection.execute(wanted).mappings()}

    def _last_logged(self, connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
        log = self._tables.audit_log
        wanted = (
            select(log.c.object_id, func.max(log.c.date_added).label("at"))
            .where(log.c.bundle == "lead", log.c.object == COMPANY, log.c.object_id.in_(ids))
            .group_by(log.c.object_id)
        )
        return {int(row.object_id): row.at for row in connection.execute(wanted)}

    def _value(self, name: str, row: Mapping[str, Any]) -> Value:
        return str(row["id"]) if name == "id" else from_row(row[name], self.schema.fields[name])
