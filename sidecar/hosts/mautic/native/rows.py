"""Reads the plugin's links: all of them page by page, newest sync first, or those of some people. No OFFSET, two indexes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, TableClause, and_, func, or_, select

from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.native.links import NativeLink, read_link
from sidecar.hosts.mautic.native.tables import NATIVE_NAME, NativeTables

PAGE_SIZE = 1000
_IDS = 500


@dataclass(frozen=True, slots=True)
class Counted:
    """How many links say the same of themselves; `prefix` tells what the Salesforce id is of."""

    object: str
    state: str
    prefix: str
    count: int


@dataclass(frozen=True, slots=True)
class LinkRows:
    """The plugin's links in one Mautic's database."""

    engine: Engine
    tables: NativeTables
    page_size: int = PAGE_SIZE

    def pages(self) -> Iterator[list[NativeLink]]:
        """Yield every link, the newest sync first, then those without a date. Memory does not grow with their number."""
        yield from self._dated()
        yield from self._undated()

    def of_contacts(self, ids: Collection[int]) -> list[NativeLink]:
        """Return the links of those contacts, whatever their state."""
        links = self.tables.links
        found: list[NativeLink] = []
        states = ("lead", "lead-error", "lead-deleted")
        for some in _chunks(sorted(set(ids))):
            found += self._read(
                _all(links).where(links.c.internal_entity.in_(states), links.c.internal_entity_id.in_(some))
            )
        return found

    def of_records(self, ids: Collection[str]) -> list[NativeLink]:
        """Return the links of those Salesforce records, written with 15 or 18 characters, under whatever object."""
        links = self.tables.links
        written = sorted({each for record_id in ids for each in (record_id, record_id[:15])})
        found: list[NativeLink] = []
        for some in _chunks(written):
            named = links.c.integration_entity.in_(("Contact", "Lead"))
            found += self._read(_all(links).where(named, links.c.integration_entity_id.in_(some)))
        return found

    def count(self) -> list[Counted]:
        """Return how many links there are of each kind."""
        links = self.tables.links
        prefix = func.substr(links.c.integration_entity_id, 1, 3)
        kinds = (links.c.integration_entity, links.c.internal_entity, prefix)
        wanted = select(*kinds, func.count()).where(links.c.integration == NATIVE_NAME).group_by(*kinds)
        with reading(self.engine) as connection:
            rows = [tuple(row) for row in connection.execute(wanted)]
        counted = [Counted(str(row[0] or ""), str(row[1] or ""), str(row[2] or ""), int(row[3])) for row in rows]
        return sorted(counted, key=lambda each: (-each.count, each.object, each.state))

    def _dated(self) -> Iterator[list[NativeLink]]:
        links = self.tables.links
        at, row_id = links.c.last_sync_date, links.c.id
        first = _all(links).where(at.is_not(None)).order_by(at.desc(), row_id.desc()).limit(self.page_size)
        wanted = first
        while rows := self._rows(wanted):
            yield [read_link(row) for row in rows]
            last = rows[-1]
            # Compared as the database gave it: SQLite has texts there, MariaDB moments.
            same = and_(at == last["last_sync_date"], row_id < last["id"])
            wanted = first.where(or_(at < last["last_sync_date"], same))

    def _undated(self) -> Iterator[list[NativeLink]]:
        links = self.tables.links
        first = _all(links).where(links.c.last_sync_date.is_(None)).order_by(links.c.id.desc())
        wanted = first.limit(self.page_size)
        while rows := self._rows(wanted):
            yield [read_link(row) for row in rows]
            wanted = first.where(links.c.id < rows[-1]["id"]).limit(self.page_size)

    def _read(self, wanted: Select[Any]) -> list[NativeLink]:
        return [read_link(row) for row in self._rows(wanted)]

    def _rows(self, wanted: Select[Any]) -> list[Mapping[str, Any]]:
        with reading(self.engine) as connection:
            return [dict(row) for row in connection.execute(wanted).mappings()]


def newest_first(rows: Collection[NativeLink]) -> list[NativeLink]:
    """Return links, each once, in the order in which pages give them."""
    unique = {row.id: row for row in rows}.values()
    dated = [row for row in unique if row.synced_at is not None]
    undated = sorted((row for row in unique if row.synced_at is None), key=lambda row: -row.id)
    return sorted(dated, key=lambda row: (row.synced_at, row.id), reverse=True) + undated


def _all(links: TableClause) -> Select[Any]:
    return select(*links.c).where(links.c.integration == NATIVE_NAME)


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _IDS):
        yield items[start : start + _IDS]
