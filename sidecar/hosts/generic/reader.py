"""Reads people from the table as they are now, and follows what changed by (modified_at, id). A page is one statement."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Integer, and_, func, or_, select, text

from sidecar.hosts.chunks import chunked
from sidecar.hosts.columns import as_sql, moment_of
from sidecar.hosts.generic.database import talking
from sidecar.hosts.generic.document import TableDocument
from sidecar.hosts.generic.table import CONTACT, OWNER, URL, HostTable, read_table
from sidecar.hosts.generic.values import from_row, is_true, parts, to_row
from sidecar.mapping.model import HostScope, OwnerRule
from sidecar.mapping.rules import Rules
from sidecar.mapping.scope import EMAIL_DOMAIN, HAS_TAG, HAS_UNWANTED_TAG
from sidecar.records import Consent, FieldType, Record, Ref, Value
from sidecar.sync.model import Cursor, Page, Window

MAX_IDS = 500
MAX_HOPS = 20
"""How many merges in a row are followed; more would be a circle."""
BOUNCED, UNSUBSCRIBED, MANUAL = "bounced", "unsubscribed", "manual"
_REASONS = (BOUNCED, UNSUBSCRIBED, MANUAL)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a person is wanted: field names as the mapping has them, whether opt-outs count, how owners are called."""

    fields: tuple[str, ...]
    consent: bool = False
    owners: OwnerRule = field(default_factory=OwnerRule)
    scope: HostScope = field(default_factory=HostScope)

    @classmethod
    def of(cls, rules: Rules) -> "Wish":
        """Return what a mapping's records carry."""
        mapping, scope = rules.mapping, rules.mapping.host_scope
        names = [rule.host.name for each in rules.fields.values() for rule in each]
        names += [mapping.deletion.host_field] if mapping.deletion.host_field else []
        names += [criterion.field for criterion in scope.criteria]
        names += [OWNER] if scope.not_owners else []
        names += ["email"] if scope.not_email_domains else []
        return cls(tuple(dict.fromkeys(names)), mapping.consent is not None, mapping.owners, scope)

    def with_field(self, name: str) -> "Wish":
        """Return the same wish with one more field, if it is not among them."""
        return replace(self, fields=tuple(dict.fromkeys((*self.fields, name))))


class TableReader:
    """Reads by SQL. `clock` is asked only where the database has no clock of its own (SQLite)."""

    def __init__(
        self, engine: Engine, document: TableDocument, *, clock: Callable[[], datetime], page_size: int = 1000
    ) -> None:
        self.engine = engine
        self.document = document
        self.page_size = page_size
        self._clock = clock

    @cached_property
    def host(self) -> HostTable:
        """The table, reflected once per connection."""
        return read_table(self.engine, self.document)

    def now(self) -> datetime:
        """Return the database's clock, whole seconds: the stamps of the feed are compared with it."""
        if self.engine.dialect.name == "sqlite":
            return self._clock().replace(microsecond=0)
        with talking(self.engine) as connection:
            moment = moment_of(connection.execute(text("SELECT CURRENT_TIMESTAMP")).scalar_one())
        assert moment is not None
        return moment.replace(microsecond=0)

    def read_changes(self, wish: Wish, window: Window) -> Iterator[Page]:
        """Yield who changed in the window, by (modified_at, id), as they are now."""
        table, moment = self.host.table, self._moment
        key = self.host.needed("id")
        wanted = select(table, moment.label("*at")).order_by(moment, key).limit(self.page_size)
        while True:
            with talking(self.engine) as connection:
                rows = [dict(row) for row in connection.execute(wanted.where(self._within(window))).mappings()]
                records = self._records(connection, wish, rows)
            if not rows:
                return
            last_at = moment_of(rows[-1]["*at"])
            assert last_at is not None
            cursor = Cursor(last_at, str(rows[-1][key.name]))
            yield Page(tuple(records.values()), cursor)
            window = replace(window, after=cursor)

    def read(self, wish: Wish, refs: Iterable[Ref]) -> dict[Ref, Record]:
        """Return each person as they are now; whose row is gone was deleted."""
        asked = sorted({ref.id for ref in refs if self.key_of(ref) is not None})
        found = {Ref(CONTACT, each): Record(Ref(CONTACT, each), is_deleted=True) for each in asked}
        for some in chunked(asked, MAX_IDS):
            keys = [self.key_of(Ref(CONTACT, each)) for each in some]
            with talking(self.engine) as connection:
                rows = self._rows(connection, self.host.needed("id").in_(keys))
                found |= self._records(connection, wish, rows)
        return found

    def read_everybody(self, wish: Wish) -> Iterator[list[Record]]:
        """Yield all living people, a page at a time."""
        key, last = self.host.needed("id"), None
        while True:
            wanted = select(self.host.table).order_by(key).limit(MAX_IDS)
            with talking(self.engine) as connection:
                after = wanted if last is None else wanted.where(key > last)
                rows = [dict(row) for row in connection.execute(after).mappings()]
                found = self._records(connection, wish, rows)
            if not rows:
                return
            last = rows[-1][key.name]
            yield [record for record in found.values() if is_living(record)]

    def find(self, wish: Wish, field_name: str, values: Collection[Value]) -> list[Record]:
        """Return the living people whose field holds one of the values, whatever the case; some near misses among them."""
        if not self.host.is_column(field_name):
            return []
        column, info = self.host.column_of(field_name), self.host.schema.fields[field_name]
        is_text = info.type in {FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.LONG_TEXT}
        compared: ColumnElement[Any] = func.lower(column) if is_text else column
        found: list[Record] = []
        for some in chunked(list(values), MAX_IDS):
            texts = {str(each).strip() for each in some}
            lowered = sorted({each.lower() for each in texts} | texts)
            sought = lowered if is_text else [self.stored(field_name, each) for each in some]
            with talking(self.engine) as connection:
                rows = self._rows(connection, compared.in_(sought))
                found += self._records(connection, wish, rows).values()
        return [record for record in found if is_living(record)]

    def key_of(self, ref: Ref) -> Any:
        """Return what the id's column holds for a ref, or None for what no person of this table can be called."""
        if ref.object != CONTACT or not ref.id:
            return None
        if not self.host.has_numbers:
            return ref.id
        return int(ref.id) if ref.id.isascii() and ref.id.isdigit() and len(ref.id) < 19 else None

    def stored(self, field_name: str, value: Value) -> Any:
        """Return what a field's column takes for a canonical value; a blank where there must be something is an empty text."""
        if value is None:
            return "" if field_name in self.host.never_null else None
        column = self.host.column_of(field_name)
        if isinstance(value, bool | Decimal) and isinstance(column.type, Integer):
            return int(value)
        return to_row(value, is_sqlite=self.host.is_sqlite, has_zone=bool(getattr(column.type, "timezone", False)))

    def mark(self, meaning: str, *, is_set: bool) -> int | bool:
        """Return what the column of a meaning takes for yes or no."""
        return int(is_set) if isinstance(self.host.needed(meaning).type, Integer) else is_set

    def moment(self, meaning: str, at: datetime) -> Any:
        """Return what the column of a meaning takes for a moment."""
        column = self.host.needed(meaning)
        return to_row(at, is_sqlite=self.host.is_sqlite, has_zone=bool(getattr(column.type, "timezone", False)))

    @property
    def _moment(self) -> ColumnElement[Any]:
        """When a row last changed. SQLite keeps whatever text it was given, so it is asked to read it."""
        column: ColumnElement[Any] = self.host.needed("modified_at")
        return func.datetime(column) if self.host.is_sqlite else column

    def _within(self, window: Window) -> ColumnElement[bool]:
        moment, key = self._moment, self.host.needed("id")
        before_end = moment < self._bound(window.end)
        if window.after is None:
            return and_(moment >= self._bound(window.start), before_end)
        last, last_key = self._bound(window.after.at), self.key_of(Ref(CONTACT, window.after.id))
        start = self._bound(max(window.start, window.after.at))
        return and_(moment >= start, before_end, or_(moment > last, key > last_key))

    def _bound(self, at: datetime) -> Any:
        return as_sql(at) if self.host.is_sqlite else self.moment("modified_at", at)

    def _rows(self, connection: Connection, condition: ColumnElement[bool]) -> list[Row]:
        return [dict(row) for row in connection.execute(select(self.host.table).where(condition)).mappings()]

    def _records(self, connection: Connection, wish: Wish, rows: Sequence[Row]) -> dict[Ref, Record]:
        survivors = self._survivors(connection, rows)
        found: dict[Ref, Record] = {}
        for row in rows:
            ref = self.ref_of(row)
            if ref.id in survivors:
                found[ref] = Record(ref, successor=Ref(CONTACT, survivors[ref.id]))
            elif self._says(row, "deleted"):
                found[ref] = Record(ref, is_deleted=True)
            else:
                found[ref] = self._record(ref, wish, row)
        return found

    def _record(self, ref: Ref, wish: Wish, row: Row) -> Record:
        at = moment_of(row[self.document.columns["modified_at"]])
        known = [name for name in wish.fields if name in self.host.schema.fields]
        values = {name: self._value(name, ref, row, wish.owners) for name in known}
        return Record(
            ref=ref,
            values=values | self._standing(wish.scope, row, values),
            modified_at=at.replace(microsecond=0) if at else None,
            consent=self._consent(row) if wish.consent else None,
        )

    def _value(self, name: str, ref: Ref, row: Row, owners: OwnerRule) -> Value:
        if name == "id":
            return ref.id
        if name == URL:
            return (self.document.record_url or "").replace("{id}", ref.id)
        value = from_row(row[self.host.column_of(name).name], self.host.schema.fields[name])
        return owners.in_salesforce(value) if name == OWNER and isinstance(value, str) else value

    def _standing(self, scope: HostScope, row: Row, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return what the scope asks of a person and no field says. Segments there are none."""
        standing: dict[str, Value] = {}
        tags = set(parts(self._raw(row, "tags")))
        for name, tag in ((HAS_TAG, scope.only_with_tag), (HAS_UNWANTED_TAG, scope.not_with_tag)):
            if tag is not None:
                standing[name] = tag in tags
        if scope.not_email_domains:
            address = str(values.get("email") or "").strip()
            standing[EMAIL_DOMAIN] = address.rpartition("@")[2].lower() if "@" in address else None
        return standing

    def _consent(self, row: Row) -> Consent | None:
        """Return whether a person may be written to; None where the table does not tell."""
        if self.document.column("opted_out") is None:
            return None
        since = moment_of(self._raw(row, "opt_out_at"))
        at = since.replace(microsecond=0) if since else None
        if not self._says(row, "opted_out"):
            return Consent(opted_out=False, changed_at=at)
        reason = str(self._raw(row, "opt_out_reason") or "").strip().lower()
        return Consent(True, reason if reason in _REASONS else MANUAL, at)

    def _survivors(self, connection: Connection, rows: Sequence[Row]) -> dict[str, str]:
        """Return in whom each merged person lives on, at the end of the chain; those who were not merged are absent."""
        column = self.host.column("merged_into")
        if column is None:
            return {}
        own = {self.ref_of(row).id: str(row[column.name]) for row in rows if row[column.name] not in (None, "", 0)}
        known, asked = dict(own), set(own.values()) - own.keys()
        for _ in range(MAX_HOPS):
            if not asked:
                break
            further = self._merged(connection, sorted(asked))
            known |= further
            asked = set(further.values()) - known.keys()
        return {each: _last(each, known) for each in own}

    def _merged(self, connection: Connection, ids: Sequence[str]) -> dict[str, str]:
        column, key = self.host.needed("merged_into"), self.host.needed("id")
        keys = [self.key_of(Ref(CONTACT, each)) for each in ids]
        found: dict[str, str] = {}
        for some in chunked(keys, MAX_IDS):
            rows = connection.execute(select(key, column).where(key.in_(some), column.is_not(None)))
            found |= {str(row[0]): str(row[1]) for row in rows if row[1] not in ("", 0)}
        return found

    def ref_of(self, row: Row) -> Ref:
        """Return the ref of a row's person."""
        return Ref(CONTACT, str(row[self.document.columns["id"]]))

    def _raw(self, row: Row, meaning: str) -> Any:
        name = self.document.column(meaning)
        return row[name] if name else None

    def _says(self, row: Row, meaning: str) -> bool:
        return is_true(self._raw(row, meaning))


def is_living(record: Record) -> bool:
    """Tell whether a person is neither deleted nor merged."""
    return not record.is_deleted and record.successor is None


def _last(merged: str, into: Mapping[str, str]) -> str:
    """Follow a chain of merges to its end, or once around a circle."""
    seen = {merged}
    here = into[merged]
    while here in into and here not in seen:
        seen.add(here)
        here = into[here]
    return here
