"""A platform whose people are rows of one table, as one side of the engine. Start here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from sidecar.clock import utc_now
from sidecar.hosts.finder import Asking, find_people, with_address
from sidecar.hosts.generic.connection import GenericConnection
from sidecar.hosts.generic.database import open_database
from sidecar.hosts.generic.filling import count_filled, count_people, read_samples
from sidecar.hosts.generic.reader import TableReader, Wish
from sidecar.hosts.generic.table import CONTACT
from sidecar.hosts.generic.writer import TableWriter
from sidecar.hosts.port import Audience, ToldPush
from sidecar.mapping.filled import Filled
from sidecar.mapping.model import ObjectMapping, ScopeWho
from sidecar.mapping.rules import Problem, Rules
from sidecar.mapping.scope import judge
from sidecar.records import ObjectSchema, Record, Ref, Side, Value
from sidecar.sync.model import Cursor, Page, Wanted, Window, Write, WriteResult


class GenericSide:
    """A HostSide over one table: reads and writes by SQL. It has no timeline, no segments and no pushes."""

    side = Side.HOST
    calls = 0
    timeline = None

    def __init__(self, reader: TableReader) -> None:
        self.reader = reader
        self._writer = TableWriter(reader)

    def look(self) -> str:
        """See HostSide."""
        host = self.reader.host
        return (
            f"{host.document.name}, table {host.document.table}, {len(host.schema.fields)} fields, "
            f"clock {self.now():%H:%M:%S} UTC"
        )

    def close(self) -> None:
        """See HostSide."""
        self.reader.engine.dispose()

    def now(self) -> datetime:
        """See SidePort."""
        return self.reader.now()

    def describe(self, object_name: str) -> ObjectSchema | None:
        """See SidePort."""
        return self.reader.host.schema if object_name == CONTACT else None

    def feeds(self, mapping: ObjectMapping) -> tuple[str, ...]:
        """See SidePort."""
        return (CONTACT,) if mapping.host_object == CONTACT else ()

    def read_changes(self, rules: Rules, feed: str, window: Window) -> Iterator[Page]:
        """See SidePort."""
        return self.reader.read_changes(Wish.of(rules), window) if feed == CONTACT else iter(())

    def read_again(self, rules: Rules, feed: str, window: Window) -> Iterator[Page]:
        """See SidePort."""
        return self.read_changes(rules, feed, window)

    def told_by(self, feed: str, window: Window) -> str:  # noqa: ARG002  (the port's)
        """See SidePort."""
        return f"the column {self.reader.document.columns['modified_at']} of {self.reader.document.table}"

    def confirm(self, feed: str, cursor: Cursor | None = None) -> None:
        """See SidePort. The table is only read for what changed."""

    def read_urgent(self, rules: Rules, windows: Mapping[str, Window]) -> Iterator[Sequence[Record]]:
        """See SidePort. Everything that changed: a page is one statement."""
        for feed, window in windows.items():
            for page in self.read_changes(rules, feed, window):
                yield page.records

    def read(self, rules: Rules, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """See SidePort."""
        return self.reader.read(Wish.of(rules), refs)

    def find(self, rules: Rules, wanted: Sequence[Wanted]) -> list[list[Record]]:
        """See SidePort."""
        wish = Wish.of(rules)

        def search(name: str, sought: Mapping[str, Value]) -> Iterable[Record]:
            return self.reader.find(wish.with_field(name), name, list(sought.values()))

        return find_people(Asking(CONTACT, self.reader.host.schema, partial(self.read, rules), search), rules, wanted)

    def read_evidence(self, rules: Rules, refs: Sequence[Ref]) -> dict[Ref, datetime | None]:  # noqa: ARG002  (the port's)
        """See SidePort. By the column of the opt-out's date, which the platform moves with the opt-out itself."""
        found = self.reader.read(Wish((), consent=True), refs)
        return {ref: record.consent.changed_at if record.consent else None for ref, record in found.items()}

    def read_field_changes(
        self,
        rules: Rules,  # noqa: ARG002  (the port's)
        refs: Sequence[Ref],  # noqa: ARG002  (the port's)
    ) -> Mapping[Ref, Mapping[str, datetime]]:
        """See SidePort. A table keeps no history."""
        return {}

    def write(self, rules: Rules, writes: Sequence[Write]) -> list[WriteResult]:
        """See SidePort."""
        return self._writer.write(writes, rules.mapping.owners)

    def count(self, rules: Rules) -> tuple[int, int]:
        """See HostSide."""
        needs_email = rules.mapping.host_scope.who is ScopeWho.IDENTIFIED_WITH_EMAIL
        wish = Wish.of(rules)
        wish = Wish((*wish.fields, "email"), owners=wish.owners, scope=wish.scope)
        everybody = in_scope = 0
        for page in self.reader.read_everybody(wish):
            kind = [each for each in page if not needs_email or each.values.get("email")]
            everybody += len(kind)
            in_scope += sum(judge(rules.host_scope, each.values).is_in for each in kind)
        return everybody, in_scope

    def find_by_email(self, email: str) -> list[Ref]:
        """See HostSide."""
        return with_address(self.reader.find(Wish(("email",)), "email", [email]), email)

    def read_audience(self) -> Audience:
        """See HostSide. There are no segments."""
        return Audience(*count_people(self.reader))

    def count_filled(self, *, with_email: bool) -> Filled:
        """See HostSide."""
        return count_filled(self.reader, with_email=with_email)

    def read_samples(self, field: str, most: int) -> list[Value]:
        """See HostSide."""
        return read_samples(self.reader, field, most)

    def missing_segments(self, rules: Rules) -> tuple[str, ...]:
        """See HostSide. There are none, so each that is named is missing."""
        scope = rules.mapping.host_scope
        return tuple(alias for alias in (scope.only_in_segment, scope.not_in_segment) if alias)

    def find_rival(self, now: datetime) -> Problem | None:  # noqa: ARG002  (the port's)
        """See HostSide."""
        return None

    def take_pushes(self, keep: Callable[[Sequence[ToldPush]], object]) -> None:
        """See HostSide. Nobody can ask for one here."""


def connect(
    connection: GenericConnection, *, clock: Callable[[], datetime] = utc_now, page_size: int = 1000
) -> GenericSide:
    """Return the side of one table; nothing is opened or asked before it is needed."""
    engine = open_database(connection.database_url)
    return GenericSide(TableReader(engine, connection.table, clock=clock, page_size=page_size))
