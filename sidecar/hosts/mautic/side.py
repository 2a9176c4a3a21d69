"""Mautic as one side of the engine. Start here; the reading is in `reader.py`, the writing in `writer.py`."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from requests.adapters import BaseAdapter

from sidecar.cache import Cache
from sidecar.clock import utc_now
from sidecar.errors import SetupError
from sidecar.hosts.finder import Asking, find_people, with_address
from sidecar.hosts.mautic.bundle import Bundle
from sidecar.hosts.mautic.client import MauticClient
from sidecar.hosts.mautic.companies import COMPANY, CompanyReader
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.database import open_database, reading
from sidecar.hosts.mautic.filling import count_filled, newest_with
from sidecar.hosts.mautic.native.tables import NativeTables
from sidecar.hosts.mautic.native.watch import watch
from sidecar.hosts.mautic.reader import CONTACT, ContactReader, Wish, id_of, ref_of
from sidecar.hosts.mautic.segments import SegmentWriter
from sidecar.hosts.mautic.standing import read_segment_ids, read_segment_names
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.tags import count_contacts
from sidecar.hosts.mautic.timeline import TimelineReader
from sidecar.hosts.mautic.told import ToldContacts, take_pushes
from sidecar.hosts.mautic.writer import ContactWriter
from sidecar.hosts.port import Audience, ToldPush
from sidecar.mapping.filled import Filled
from sidecar.mapping.model import ObjectMapping, ScopeWho
from sidecar.mapping.rules import Problem, Rules
from sidecar.mapping.scope import judge
from sidecar.records import ObjectSchema, Record, Ref, Side, Value
from sidecar.sync.model import Cursor, Page, Wanted, Window, Write, WriteResult


class MauticSide:
    """A SidePort over one Mautic: reads by SQL, writes by REST."""

    side = Side.HOST

    def __init__(
        self,
        client: MauticClient,
        reader: ContactReader,
        *,
        parallel: int,
        own_user_names: Collection[str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = client
        self.reader = reader
        self.companies = CompanyReader(reader.engine, reader.tables, page_size=reader.page_size)
        self.bundle = Bundle(client, reader.engine, reader.tables)
        self._told = ToldContacts(self.bundle, reader)
        self._writer = ContactWriter(client, reader, self.bundle, parallel=parallel, sleep=sleep)
        self._own_user_names = own_user_names

    @property
    def calls(self) -> int:
        """How many REST calls were made so far."""
        return self.client.calls

    @property
    def timeline(self) -> TimelineReader:
        """What people did, for the activities lane."""
        return TimelineReader(self.reader.engine, self.reader.tables.prefix, self.reader.base_url, clock=self.now)

    def look(self) -> str:
        """See HostSide."""
        self.client.require_known_version()
        return f"Mautic {self.client.version}, {len(self.reader.schema.fields)} contact fields, clock {self.now():%H:%M:%S} UTC"

    def find_rival(self, now: datetime) -> Problem | None:
        """Return the warning that another sync writes beside us: Mautic's own plugin. One statement."""
        return watch(self.reader.engine, NativeTables(self.reader.tables.prefix), now)

    def close(self) -> None:
        """Give back the connections."""
        self.client.close()
        self.reader.engine.dispose()

    def now(self) -> datetime:
        """See SidePort."""
        return self.reader.now()

    def describe(self, object_name: str) -> ObjectSchema | None:
        """See SidePort."""
        if object_name == COMPANY:
            return self.companies.schema
        return self.reader.schema if object_name == CONTACT else None

    def feeds(self, mapping: ObjectMapping) -> tuple[str, ...]:
        """See SidePort."""
        return (mapping.host_object,) if mapping.host_object in (CONTACT, COMPANY) else ()

    def read_changes(self, rules: Rules, feed: str, window: Window) -> Iterator[Page]:
        """See SidePort."""
        if feed == CONTACT and self.bundle.why_not_told(window.start) is None:
            return self._told.read_changes(Wish.of(rules), window)
        return self.read_again(rules, feed, window)

    def read_again(self, rules: Rules, feed: str, window: Window) -> Iterator[Page]:
        """See SidePort. By Mautic's own log, which is only read."""
        if feed == COMPANY:
            return self.companies.read_changes(rules, window)
        return self.reader.read_changes(Wish.of(rules), window) if feed == CONTACT else iter(())

    def told_by(self, feed: str, window: Window) -> str:
        """See SidePort."""
        if feed != CONTACT:
            return "Mautic's audit log"
        why_not = self.bundle.why_not_told(window.start)
        return f"Mautic's audit log ({why_not})" if why_not else "the bundle's outbox"

    def confirm(self, feed: str, cursor: Cursor | None = None) -> None:
        """See SidePort."""
        if feed == CONTACT:
            self._told.confirm(cursor)

    def take_pushes(self, keep: Callable[[Sequence[ToldPush]], object]) -> None:
        """Hand over whom people in Mautic want in Salesforce; once `keep` returned, Mautic forgets it."""
        status = self.bundle.status
        if status is not None and status.own_client:
            take_pushes(self.bundle, keep)

    def read_urgent(self, rules: Rules, windows: Mapping[str, Window]) -> Iterator[Sequence[Record]]:
        """See SidePort. Everything in the log is shown: a page costs the same few statements."""
        for feed, window in windows.items():
            for page in self.read_again(rules, feed, window):
                yield page.records

    def read(self, rules: Rules, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """See SidePort."""
        if rules.mapping.host_object == COMPANY:
            companies = self.companies.read(rules, [int(ref.id) for ref in refs if ref.object == COMPANY])
            return {record.ref: record for record in companies.values()}
        found = self.reader.read(Wish.of(rules), _ids(refs))
        return {record.ref: record for record in found.values()}

    def find(self, rules: Rules, wanted: Sequence[Wanted]) -> list[list[Record]]:
        """See SidePort."""
        wish = Wish.of(rules)

        def read(refs: Sequence[Ref]) -> dict[Ref, Record]:
            return {record.ref: record for record in self.reader.read(wish, _ids(refs)).values()}

        def search(name: str, sought: Mapping[str, Value]) -> Iterable[Record]:
            return self.reader.find(wish.with_field(name), name, sought.keys()).values()

        return find_people(Asking(CONTACT, self.reader.schema, read, search), rules, wanted)

    def count(self, rules: Rules) -> tuple[int, int]:
        """Return how many contacts there are of the kind that may take part, and how many of them the scope lets in."""
        with_email = rules.mapping.host_scope.who is ScopeWho.IDENTIFIED_WITH_EMAIL
        with reading(self.reader.engine) as connection:
            everybody = count_contacts(connection, self.reader.tables, with_email=with_email)
        if not rules.host_scope:
            return everybody, everybody
        wish = replace(Wish.of(rules), consent=False)
        pages = self.reader.read_everybody(wish, with_email=with_email)
        return everybody, sum(judge(rules.host_scope, record.values).is_in for page in pages for record in page)

    def find_by_email(self, email: str) -> list[Ref]:
        """See HostSide."""
        found = self.reader.find(Wish(("email",), consent=False), "email", {email.lower()})
        return with_address(found.values(), email)

    def read_audience(self) -> Audience:
        """See HostSide."""
        with reading(self.reader.engine) as connection:
            everybody = count_contacts(connection, self.reader.tables, with_email=False)
            with_email = count_contacts(connection, self.reader.tables, with_email=True)
        try:
            with reading(self.reader.engine) as connection:
                segments = read_segment_names(connection, self.reader.tables)
        except SetupError:  # a narrow user sees segments only once a mapping names one
            segments = {}
        return Audience(everybody, with_email, segments)

    def count_filled(self, *, with_email: bool) -> Filled:
        """Return how many contacts have each field filled. One statement, over all of them."""
        with reading(self.reader.engine) as connection:
            return count_filled(connection, self.reader.tables, self.reader.schema, with_email=with_email)

    def read_samples(self, field: str, most: int) -> list[Value]:
        """Return what the newest contacts that have the field filled have in it."""
        if field not in self.reader.schema.fields:
            return []
        with reading(self.reader.engine) as connection:
            ids = newest_with(connection, self.reader.tables, self.reader.schema, field, most)
        found = self.reader.read(Wish((field,), consent=False), ids)
        return [found[each].values.get(field) for each in ids]

    def missing_segments(self, rules: Rules) -> tuple[str, ...]:
        """Return the segments that the scope names and Mautic does not have."""
        scope = rules.mapping.host_scope
        named = [alias for alias in (scope.only_in_segment, scope.not_in_segment) if alias]
        with reading(self.reader.engine) as connection:
            found = read_segment_ids(connection, self.reader.tables, scope) if named else {}
        return tuple(alias for alias in named if alias not in found)

    def read_evidence(self, rules: Rules, refs: Sequence[Ref]) -> dict[Ref, datetime | None]:  # noqa: ARG002  (the port's)
        """See SidePort. What we wrote ourselves proves nothing."""
        since = self.reader.read_opt_out_since(_ids(refs), self._is_own_name)
        return {ref_of(contact_id): moment for contact_id, moment in since.items()}

    def read_field_changes(
        self,
        rules: Rules,  # noqa: ARG002  (the port's)
        refs: Sequence[Ref],
    ) -> Mapping[Ref, Mapping[str, datetime]]:
        """See SidePort. By the diffs in Mautic's audit log."""
        found = self.reader.read_field_dates(_ids(refs), self._is_own_name)
        return {ref_of(contact_id): dates for contact_id, dates in found.items()}

    def write(self, rules: Rules, writes: Sequence[Write]) -> list[WriteResult]:
        """See SidePort."""
        results = self._writer.write(writes, rules.mapping.owners)
        return SegmentWriter(self.client).join(writes, results)

    def _is_own_name(self, user_name: str) -> bool:
        if self._own_user_names is not None:
            return user_name in self._own_user_names
        return self.client.is_own_name(user_name)


def connect(  # noqa: PLR0913  (what a connection consists of, and what tests put in its place)
    connection: MauticConnection,
    *,
    cache: Cache,
    clock: Callable[[], datetime] = utc_now,
    adapter: BaseAdapter | None = None,
    own_user_names: Collection[str] | None = None,
    page_size: int = 1000,
    sleep: Callable[[float], None] = time.sleep,
) -> MauticSide:
    """Return the side of one Mautic; nothing is opened or asked before it is needed."""
    client = MauticClient(connection, cache=cache, clock=clock, adapter=adapter)
    reader = ContactReader(
        open_database(connection.database_url),
        Tables(connection.table_prefix),
        base_url=connection.base_url,
        clock=clock,
        page_size=page_size,
    )
    return MauticSide(client, reader, parallel=connection.parallel, own_user_names=own_user_names, sleep=sleep)


def _ids(refs: Sequence[Ref]) -> list[int]:
    return [contact_id for ref in refs if (contact_id := id_of(ref)) is not None]
