"""Salesforce as one side of an instance. Start here; `connect` puts the parts together."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from requests.adapters import BaseAdapter

from sidecar.bulk_log import JobLog
from sidecar.cache import Cache
from sidecar.clock import utc_now
from sidecar.errors import SetupError
from sidecar.mapping.filled import Filled
from sidecar.mapping.model import ObjectMapping
from sidecar.mapping.rules import Rules
from sidecar.records import ObjectSchema, Record, Ref, Side, Value
from sidecar.salesforce.bulk import THRESHOLD, BulkWriter
from sidecar.salesforce.bulk_jobs import Jobs
from sidecar.salesforce.campaign_members import Membership, add_members
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.connection import SalesforceConnection
from sidecar.salesforce.counting import Counted, count_in_scope
from sidecar.salesforce.describes import Describes
from sidecar.salesforce.evidence import read_evidence
from sidecar.salesforce.filling import count_filled, read_samples
from sidecar.salesforce.finding import find
from sidecar.salesforce.owners import Owners, with_owner
from sidecar.salesforce.reading import PAGE_SIZE, RecordReader
from sidecar.salesforce.refreshing import RefreshTokens
from sidecar.salesforce.rows import RowWriter
from sidecar.salesforce.shape import Shape, shape_of
from sidecar.salesforce.signin import TokenSource
from sidecar.salesforce.transport import CallGate, open_session, speak_plain_http
from sidecar.salesforce.writing import headers_for, write_all
from sidecar.sync.model import Cursor, Page, Reaction, Wanted, Window, Write, WriteError, WriteResult


class SalesforceSide:
    """Implements SidePort for one org."""

    side = Side.SALESFORCE

    def __init__(
        self,
        client: SalesforceClient,
        describes: Describes,
        owners: Owners,
        *,
        api_version: str,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self.client = client
        self._describes = describes
        self._owners = owners
        self._api_version = api_version
        self._reader = RecordReader(client, page_size=page_size)
        self._jobs: Jobs | None = None
        self._threshold = THRESHOLD

    @property
    def calls(self) -> int:
        """Metered calls so far."""
        return self.client.session.calls

    @property
    def usage(self) -> tuple[int, int] | None:
        """The org's calls (used, allowed) in the last 24 hours, as last told by Salesforce."""
        return self.client.session.usage

    def now(self) -> datetime:
        """Return Salesforce's clock; also makes sure that it still offers our API version."""
        now, versions = self.client.read_versions()
        if self._api_version not in versions:
            raise SetupError(f"The org does not offer API version {self._api_version}.", code="salesforce-version-gone")
        return now

    def describe(self, object_name: str) -> ObjectSchema | None:
        """Return what our user may see of an object, as it was within the last day."""
        return with_owner(self._describes.schema(object_name))

    def refresh_describe(self, object_name: str) -> ObjectSchema | None:
        """Return what our user may see of an object right now."""
        self._describes.distrust(object_name)
        return self.describe(object_name)

    def feeds(self, mapping: ObjectMapping) -> tuple[str, ...]:
        """Return the mapped objects that exist; those that convert into others come first, so that links move early."""
        existing = {name: schema for name in mapping.salesforce_objects if (schema := self.describe(name))}
        return tuple(sorted(existing, key=lambda name: "IsConverted" not in existing[name].fields))

    def read_changes(self, rules: Rules, feed: str, window: Window) -> Iterator[Page]:
        """Yield pages of records changed in the window; an idle window costs one call."""
        shape = self._shape(rules, feed)
        if shape is not None:
            try:
                yield from self._reader.read_changes(shape, window)
            except SetupError:
                self._describes.distrust(feed)
                raise

    def read_again(self, rules: Rules, feed: str, window: Window) -> Iterator[Page]:
        """See SidePort. Nothing is told twice differently: every feed is read by stamps."""
        return self.read_changes(rules, feed, window)

    def told_by(self, feed: str, window: Window) -> str:  # noqa: ARG002  (the port's)
        """See SidePort."""
        return "Salesforce's SystemModstamp"

    def confirm(self, feed: str, cursor: Cursor | None = None) -> None:
        """See SidePort. Nothing: the feeds are only read."""

    def read_urgent(self, rules: Rules, windows: Mapping[str, Window]) -> Iterator[Sequence[Record]]:
        """Yield the opt-outs and deletions of all objects; one call for up to 2,000 of each."""
        shapes = [(shape, window) for name, window in windows.items() if (shape := self._shape(rules, name))]
        return self._reader.read_urgent(shapes)

    def read(self, rules: Rules, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """Return the records as they are now; up to some 2,000 records are one call."""
        return self._reader.read(self._shapes(rules, {ref.object for ref in refs}), refs)

    def find(self, rules: Rules, wanted: Sequence[Wanted]) -> list[list[Record]]:
        """Return the living records that carry each wanted external id or, failing that, one of its values."""
        shapes = self._shapes(rules, set(rules.mapping.salesforce_objects))
        return find(self.client, rules, list(shapes.values()), wanted)

    def count(self, rules: Rules) -> dict[str, Counted]:
        """Return how many people each mapped object has, and how many its scope lets in; one or two calls."""
        schemas = [schema for name in rules.mapping.salesforce_objects if (schema := self.describe(name))]
        return count_in_scope(self.client, [(each, rules.clauses(self.side, each.object)) for each in schemas])

    def count_filled(self, object_names: Sequence[str]) -> dict[str, Filled]:
        """Return how many records of each object have each field filled; one call for some 200 fields."""
        return count_filled(self.client, [schema for name in object_names if (schema := self.describe(name))])

    def read_samples(self, object_name: str, field: str, most: int) -> Sequence[Value]:
        """Return some values of a field; one call."""
        schema = self.describe(object_name)
        return read_samples(self.client, schema, field, most) if schema else []

    def read_evidence(self, rules: Rules, refs: Sequence[Ref]) -> dict[Ref, datetime | None]:
        """Return since when each opt-out state holds, by field history."""
        return read_evidence(self.client, self._shapes(rules, {ref.object for ref in refs}), refs)

    def use_jobs(self, log: JobLog, *, threshold: int = THRESHOLD) -> None:
        """From now on take bulk jobs: from `threshold` rows of a kind on to write, and for what is a lot to read.

        `log` remembers them.
        """
        self._jobs, self._threshold = Jobs(self.client, log), threshold
        self._reader.jobs = self._jobs

    def finish_jobs(self) -> None:
        """See bulk jobs that an earlier run left behind to their end."""
        if self._jobs is not None:
            self._jobs.finish_left_behind()

    def read_field_changes(
        self,
        rules: Rules,  # noqa: ARG002  (the port's)
        refs: Sequence[Ref],  # noqa: ARG002  (the port's)
    ) -> Mapping[Ref, Mapping[str, datetime]]:
        """See SidePort. Nothing: field history costs a call and is kept for few fields; a record's own stamp has to do."""
        return {}

    def write(self, rules: Rules, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes; one result each, in order."""
        schemas = {name: self.describe(name) for name in {write.object for write in writes}}
        owned = self._owners.prepare(rules.mapping.owners, writes)
        sendable = [each.write for each in owned if each.error is None]
        try:
            sent = iter(write_all(self._writer(rules.mapping), rules, schemas, sendable))
        except SetupError:
            for name in schemas:
                self._describes.distrust(name)
            raise
        results = [each.finish(WriteResult(each.write.ref, each.error) if each.error else next(sent)) for each in owned]
        for name in {w.object for w, result in zip(writes, results, strict=True) if _is_setup(result)}:
            self._describes.distrust(name)  # rights or fields changed: the next preflight should see how
        return results

    def add_campaign_members(self, wanted: Sequence[Membership]) -> list[WriteError | None]:
        """Put people into campaigns; return, in order, why one did not get in."""
        return add_members(self.client, wanted)

    def close(self) -> None:
        """Close connections that are kept open."""
        self.client.session.close()

    def _writer(self, mapping: ObjectMapping) -> RowWriter | BulkWriter:
        headers = headers_for(mapping)
        rows = RowWriter(self.client, headers)
        # What the mapping wants of duplicate and assignment rules is said in headers, which a job does not have.
        return rows if self._jobs is None or headers else BulkWriter(self._jobs, rows, threshold=self._threshold)

    def _shape(self, rules: Rules, object_name: str) -> Shape | None:
        schema = self.describe(object_name)
        return shape_of(rules, object_name, schema, self._owners.email_of) if schema else None

    def _shapes(self, rules: Rules, names: set[str]) -> dict[str, Shape]:
        wanted = sorted(names, key=lambda name: _position(rules.mapping, name))
        return {name: shape for name in wanted if (shape := self._shape(rules, name))}


def connect(  # noqa: PLR0913  (one for each thing that is wired)
    connection: SalesforceConnection,
    *,
    cache: Cache,
    clock: Callable[[], datetime] = utc_now,
    adapter: BaseAdapter | None = None,
    sleep: Callable[[float], None] = time.sleep,
    gate: CallGate | None = None,
    refresh_tokens: RefreshTokens | None = None,
) -> SalesforceSide:
    """Return the side for an org. Nothing is sent before the first question."""
    session = open_session(adapter, gate)
    tokens = TokenSource(connection, session, cache, clock, refresh_tokens)
    client = SalesforceClient(
        tokens,
        session,
        api_version=connection.api_version,
        on_instance=lambda instance_url: speak_plain_http(session, instance_url, adapter),
        sleep=sleep,
    )
    describes = Describes(client, cache, clock, key_prefix=tokens.identity)
    owners = Owners(client, cache, clock, key=tokens.identity)
    return SalesforceSide(client, describes, owners, api_version=connection.api_version)


def _is_setup(result: WriteResult) -> bool:
    return any(error and error.reaction is Reaction.SETUP for error in (result.error, result.consent_error))


def _position(mapping: ObjectMapping, name: str) -> int:
    objects = mapping.salesforce_objects
    return objects.index(name) if name in objects else len(objects)
