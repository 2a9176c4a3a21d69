"""Reads contacts as they are now from Mautic's database: values, opt-outs, merges. A page costs the same few statements."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text

from sidecar.hosts.chunks import chunked
from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.feed import Sources, read_feed_page
from sidecar.hosts.mautic.field_dates import read_field_dates
from sidecar.hosts.mautic.opt_outs import read_lifted_at, read_opt_outs
from sidecar.hosts.mautic.schema import OWNER, VIRTUAL_NAMES, ContactFields, read_contact_fields
from sidecar.hosts.mautic.standing import asked_fields, read_segment_ids, read_standing
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.values import from_row, utc
from sidecar.mapping.model import HostScope, OwnerRule
from sidecar.mapping.rules import Rules
from sidecar.records import Consent, ObjectSchema, Record, Ref, Value
from sidecar.sync.model import Page, Window

CONTACT = "contact"
MAX_IDS = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a contact is wanted: field names as the mapping has them, whether opt-outs count, and how owners are called."""

    fields: tuple[str, ...]
    consent: bool
    owners: OwnerRule = field(default_factory=OwnerRule)
    scope: HostScope = field(default_factory=HostScope)

    @classmethod
    def of(cls, rules: Rules) -> "Wish":
        """Return what a mapping's records carry."""
        names = [rule.host.name for each in rules.fields.values() for rule in each]
        mapping = rules.mapping
        if mapping.deletion.host_field:
            names.append(mapping.deletion.host_field)
        names += asked_fields(mapping.host_scope)
        return cls(tuple(dict.fromkeys(names)), mapping.consent is not None, mapping.owners, mapping.host_scope)

    def with_field(self, name: str) -> "Wish":
        """Return the same wish with one more field, if it is not among them."""
        return replace(self, fields=tuple(dict.fromkeys((*self.fields, name))))


class ContactReader:
    """Reads contacts by SQL. `clock` is asked only where the database has no clock of its own (SQLite)."""

    def __init__(
        self, engine: Engine, tables: Tables, *, base_url: str, clock: Callable[[], datetime], page_size: int = 1000
    ) -> None:
        self.engine = engine
        self.tables = tables
        self.base_url = base_url
        self.page_size = page_size
        self._clock = clock

    def now(self) -> datetime:
        """Return the database's clock, whole seconds: the stamps of the feed are compared with it."""
        if self.engine.dialect.name == "sqlite":
            return self._clock().replace(microsecond=0)
        with reading(self.engine) as connection:
            moment = utc(connection.execute(text("SELECT UTC_TIMESTAMP()")).scalar_one())
        assert moment is not None
        return moment

    @cached_property
    def fields(self) -> ContactFields:
        """The contact's fields, read once per connection."""
        return read_contact_fields(self.engine, self.tables)

    @property
    def schema(self) -> ObjectSchema:
        """What a mapping may use of a contact."""
        return self.fields.schema

    def read_changes(self, wish: Wish, window: Window) -> Iterator[Page]:
        """Yield every contact that changed in the window by Mautic's own log, once, as it is now."""
        shows_company = "company" in wish.fields
        segments = self._segments(wish)
        sources = Sources(shows_company, wish.consent, segments=segments, renames=shows_company)
        return self._follow(wish, window, sources, set())

    def read_renamed(self, wish: Wish, window: Window, seen: set[int]) -> Iterator[Page]:
        """Yield the members of companies that got another name in the window, but for those seen."""
        if "company" not in wish.fields:
            return iter(())
        return self._follow(wish, window, Sources(company_members=False, do_not_contact=False, log=False), seen)

    def _follow(self, wish: Wish, window: Window, sources: Sources, seen: set[int]) -> Iterator[Page]:
        """Yield whom the sources name, but for those seen; a page is the connection's only for its own time."""
        while True:
            with reading(self.engine) as connection:
                page = read_feed_page(connection, self.tables, window, sources, self.page_size)
                fresh = [each for each in page.contact_ids if each not in seen] if page else []
                found = self._read(connection, wish, fresh)
            if page is None:
                return
            window = replace(window, after=page.cursor)
            seen.update(fresh)
            if fresh:
                yield Page(tuple(found[each] for each in fresh), page.cursor)

    def _segments(self, wish: Wish) -> tuple[int, ...]:
        """Return the segments whose coming and going is news."""
        with reading(self.engine) as connection:
            return tuple(read_segment_ids(connection, self.tables, wish.scope).values())

    def read(self, wish: Wish, ids: Iterable[int]) -> dict[int, Record]:
        """Return each contact as it is now; a gone one points to its survivor, or is marked deleted."""
        found: dict[int, Record] = {}
        for some in chunked(sorted(set(ids)), MAX_IDS):
            with reading(self.engine) as connection:
                found |= self._read(connection, wish, some)
        return found

    def read_everybody(self, wish: Wish, *, with_email: bool) -> Iterator[Collection[Record]]:
        """Yield all living contacts, or those that have an e-mail address, a page at a time."""
        last = 0
        leads = self.tables.leads("email")
        wanted = select(leads.c.id).order_by(leads.c.id).limit(MAX_IDS)
        if with_email:
            wanted = wanted.where(leads.c.email.is_not(None), leads.c.email != "")
        while True:
            with reading(self.engine) as connection:
                ids = [int(each) for each in connection.execute(wanted.where(leads.c.id > last)).scalars()]
                found = self._read(connection, wish, ids)
            if not ids:
                return
            last = ids[-1]
            yield found.values()

    def find(self, wish: Wish, field_name: str, texts: Collection[str]) -> dict[int, Record]:
        """Return the living contacts whose field holds one of the texts, whatever the case; some near misses among them."""
        if field_name not in self.schema.fields or field_name in VIRTUAL_NAMES:
            return {}
        found: dict[int, Record] = {}
        for some in chunked(sorted(texts), MAX_IDS):
            leads = self.tables.leads(field_name)
            column = leads.c[field_name]
            compared = func.lower(column) if self.engine.dialect.name == "sqlite" else column
            with reading(self.engine) as connection:
                ids = connection.execute(select(leads.c.id).where(compared.in_([each.lower() for each in some])))
                found |= self._read(connection, wish, [int(each) for each in ids.scalars()])
        return {each: record for each, record in found.items() if not (record.is_deleted or record.successor)}

    def read_existing(self, ids: Iterable[int]) -> set[int]:
        """Return which of the ids are living contacts."""
        leads = self.tables.leads()
        existing: set[int] = set()
        for some in chunked(sorted(set(ids)), MAX_IDS):
            with reading(self.engine) as connection:
                existing |= {
                    int(each) for each in connection.execute(select(leads.c.id).where(leads.c.id.in_(some))).scalars()
                }
        return existing

    def read_survivors(self, ids: Iterable[int]) -> dict[int, int]:
        """Return in which contact each merged id lives on; ids that were never merged are absent."""
        with reading(self.engine) as connection:
            return self._survivors(connection, sorted(set(ids)))

    def read_merged_into(self, ids: Iterable[int]) -> set[int]:
        """Return the ids that now live on in one of those contacts."""
        merges = self.tables.merges
        found: set[int] = set()
        for some in chunked(sorted(set(ids)), MAX_IDS):
            with reading(self.engine) as connection:
                wanted = select(merges.c.merged_id).where(merges.c.contact_id.in_(some))
                found |= {int(each) for each in connection.execute(wanted).scalars()}
        return found

    def read_opt_outs(self, ids: Iterable[int]) -> dict[int, Consent]:
        """Return the e-mail opt-outs of those contacts that have one."""
        found: dict[int, Consent] = {}
        for some in chunked(sorted(set(ids)), MAX_IDS):
            with reading(self.engine) as connection:
                found |= read_opt_outs(connection, self.tables, some)
        return found

    def read_field_dates(
        self, ids: Iterable[int], is_own_name: Callable[[str], bool]
    ) -> dict[int, dict[str, datetime]]:
        """Return when each contact's fields were last changed by somebody else, as far as the log tells."""
        found: dict[int, dict[str, datetime]] = {}
        for some in chunked(sorted(set(ids)), MAX_IDS):
            with reading(self.engine) as connection:
                found |= read_field_dates(connection, self.tables, some, is_own_name)
        return found

    def read_opt_out_since(self, ids: Iterable[int], is_own_name: Callable[[str], bool]) -> dict[int, datetime | None]:
        """Return since when each contact's present opt-out state holds, as far as a dated row by somebody else proves it."""
        since: dict[int, datetime | None] = {}
        for some in chunked(sorted(set(ids)), MAX_IDS):
            with reading(self.engine) as connection:
                opted_out = read_opt_outs(connection, self.tables, some)
                rest = [each for each in some if each not in opted_out]
                lifted = read_lifted_at(connection, self.tables, rest, is_own_name)
            since |= {each: opted_out[each].changed_at if each in opted_out else lifted.get(each) for each in some}
        return since

    def _read(self, connection: Connection, wish: Wish, ids: Sequence[int]) -> dict[int, Record]:
        if not ids:
            return {}
        rows = self._rows(connection, wish, ids)
        consents = read_opt_outs(connection, self.tables, list(rows)) if wish.consent and rows else {}
        standing = read_standing(connection, self.tables, rows, wish.scope) if rows else {}
        touched = self._last_logged(connection, list(rows)) if rows else {}
        gone = [each for each in ids if each not in rows]
        survivors = self._survivors(connection, gone) if gone else {}
        found = {each: _gone(each, survivors) for each in gone}
        for contact_id, row in rows.items():
            found[contact_id] = Record(
                ref=ref_of(contact_id),
                values={
                    name: self._value(name, contact_id, row, wish.owners)
                    for name in wish.fields
                    if name in self.schema.fields
                }
                | standing[contact_id],
                modified_at=latest(row["date_added"], row["date_modified"], touched.get(contact_id)),
                consent=consents.get(contact_id, Consent(opted_out=False)) if wish.consent else None,
            )
        return found

    def _rows(self, connection: Connection, wish: Wish, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        columns = [name for name in wish.fields if name in self.schema.fields and name not in VIRTUAL_NAMES]
        leads, users = self.tables.leads(*columns), self.tables.users
        statement = select(*leads.c)
        if OWNER in wish.fields:
            statement = statement.add_columns(users.c.email.label(OWNER)).select_from(
                leads.outerjoin(users, users.c.id == leads.c.owner_id)
            )
        found = connection.execute(statement.where(leads.c.id.in_(ids))).mappings()
        return {int(row["id"]): dict(row) for row in found}

    def _value(self, name: str, contact_id: int, row: Mapping[str, Any], owners: OwnerRule) -> Value:
        if name == "id":
            return str(contact_id)
        if name == "contact_url":
            return f"{self.base_url}/s/contacts/view/{contact_id}"
        value = from_row(row[name], self.schema.fields[name])
        return owners.in_salesforce(value) if name == OWNER and isinstance(value, str) else value

    def _last_logged(self, connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
        """Return when each contact was last logged: date_modified stands still in Mautic 6 and 7."""
        log = self.tables.audit_log
        wanted = (
            select(log.c.object_id, func.max(log.c.date_added).label("at"))
            .where(log.c.bundle == "lead", log.c.object == "lead", log.c.object_id.in_(ids))
            .group_by(log.c.object_id)
        )
        return {int(row.object_id): row.at for row in connection.execute(wanted)}

    def _survivors(self, connection: Connection, ids: Sequence[int]) -> dict[int, int]:
        merges = self.tables.merges
        found: dict[int, int] = {}
        for some in chunked(ids, MAX_IDS * 2):
            wanted = select(merges.c.merged_id, merges.c.contact_id).where(merges.c.merged_id.in_(some))
            for row in connection.execute(wanted.order_by(merges.c.id)):
                found[int(row.merged_id)] = int(row.contact_id)
        return found


def ref_of(contact_id: int) -> Ref:
    """Return the ref of a contact."""
    return Ref(CONTACT, str(contact_id))


def id_of(ref: Ref) -> int | None:
    """Return the number of a contact's ref, or None for what no contact of Mautic's can be called."""
    return int(ref.id) if ref.object == CONTACT and ref.id.isascii() and ref.id.isdigit() and len(ref.id) < 19 else None


def _gone(contact_id: int, survivors: Mapping[int, int]) -> Record:
    survivor = survivors.get(contact_id)
    if survivor is None:
        return Record(ref_of(contact_id), is_deleted=True)
    return Record(ref_of(contact_id), successor=ref_of(survivor))


def latest(*stamps: Any) -> datetime | None:
    """Return the latest of some of Mautic's stamps, if there is any."""
    return max((moment for stamp in stamps if (moment := utc(stamp))), default=None)
