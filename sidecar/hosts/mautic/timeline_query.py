"""Statements for one timeline source, for MariaDB, MySQL and SQLite. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, column, func, or_, select, table

from sidecar.hosts.mautic.timeline_sources import TimelineSource
from sidecar.sync.model import Cursor


def to_moment(value: datetime | str) -> datetime:
    """Return a date of the database, which is always UTC, as an aware one; SQLite has them as text."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC)


class SourceQuery:
    """Builds statements whose rows have row_id, row_at, contact_id and the source's columns under their own names."""

    def __init__(self, source: TimelineSource, prefix: str, *, is_sqlite: bool) -> None:
        self.source = source
        self._is_sqlite = is_sqlite
        self._tables = {
            alias: table(f"{prefix}{name}", *(column(each) for each in source.columns_of(alias))).alias(alias)
            for alias, name in source.tables.items()
        }
        self._id = self._column("t.id")
        self._contact = self._column(source.contact)
        date = self._column(f"t.{source.date}")
        self._at: ColumnElement[Any] = func.datetime(date) if is_sqlite else date

    def page(self, start: datetime, end: datetime, after: Cursor | None, size: int) -> Select[Any]:
        """Return the next page of everybody's rows with start ≤ date < end."""
        return self._keyset(start, after, size).where(self._at < self._bind(end))

    def page_for(self, contact_ids: Sequence[str], since: datetime, after: Cursor | None, size: int) -> Select[Any]:
        """Return the next page of those contacts' rows since then."""
        wanted = self._contact.in_([int(contact_id) for contact_id in contact_ids])
        return self._keyset(since, after, size).where(wanted)

    def rows(self, row_ids: Sequence[str]) -> Select[Any]:
        """Return those rows, as far as they still are such events."""
        return self._select().where(self._id.in_([self._row_id(each) for each in row_ids]))

    def _keyset(self, start: datetime, after: Cursor | None, size: int) -> Select[Any]:
        statement = self._select().order_by(self._at, self._id).limit(size)
        if after is None:
            return statement.where(self._at >= self._bind(start))
        at = self._bind(after.at)
        is_later = or_(self._at > at, and_(self._at == at, self._id > self._row_id(after.id)))
        return statement.where(self._at >= at, is_later)

    def _select(self) -> Select[Any]:
        names = [self._id.label("row_id"), self._at.label("row_at"), self._contact.label("contact_id")]
        words = [self._column(path).label(name) for name, path in self.source.columns.items()]
        conditions = [self._is_one_of(path, values) for path, values in self.source.where.items()]
        is_somebodys = and_(self._contact.is_not(None), self._at.is_not(None))
        return select(*names, *words).select_from(self._joined()).where(is_somebodys, *conditions)

    def _joined(self) -> FromClause:
        joined: FromClause = self._tables["t"]
        for join in self.source.joins:
            match = self._column(join.on) == self._column(f"{join.alias}.{join.id}")
            joined = joined.join(self._tables[join.alias], match, isouter=not join.must_exist)
        return joined

    def _is_one_of(self, path: str, values: Sequence[str | int | None]) -> ColumnElement[bool]:
        found = self._column(path)
        known = found.in_([value for value in values if value is not None])
        return or_(known, found.is_(None)) if None in values else known

    def _column(self, path: str) -> ColumnElement[Any]:
        alias, _, name = path.partition(".")
        return self._tables[alias].c[name]

    def _row_id(self, text: str) -> int | str:
        return int(text) if self.source.has_number else text

    def _bind(self, moment: datetime) -> datetime | str:
        plain = moment.astimezone(UTC).replace(tzinfo=None)
        return plain.isoformat(" ", "seconds") if self._is_sqlite else plain
