"""Writes people into the table, each in a transaction of its own: a write can only fail itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from sidecar.errors import SetupError, TransientError
from sidecar.hosts.generic.database import RefusedError, talking
from sidecar.hosts.generic.reader import BOUNCED, MANUAL, TableReader, Wish, is_living
from sidecar.hosts.generic.table import CONTACT, OWNER
from sidecar.hosts.generic.values import SEPARATOR, parts
from sidecar.mapping.model import OwnerRule
from sidecar.records import Record, Ref, Value
from sidecar.sync.model import ConsentChange, Reaction, Write, WriteError, WriteResult

UNKNOWN_OBJECT: Final = WriteError("host-object-unknown", Reaction.SETUP)
NOTHING_TO_CREATE: Final = WriteError("host-nothing-to-create", Reaction.DATA)
TWICE: Final = WriteError("host-written-twice", Reaction.RETRY)
GONE: Final = WriteError("host-record-gone", Reaction.RETRY)
BOUNCE: Final = WriteError("bounce-is-never-lifted", Reaction.PERSON)
NO_OPT_OUT: Final = WriteError("host-has-no-opt-out", Reaction.SETUP)
NO_TAGS: Final = WriteError("host-has-no-tags", Reaction.SETUP)
NO_SEGMENTS: Final = WriteError("host-has-no-segments", Reaction.SETUP)

Values = dict[str, Any]
"""What is written: column → value as the column takes it."""


class TableWriter:
    """Creates and edits rows."""

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader

    def write(self, writes: Sequence[Write], owners: OwnerRule) -> list[WriteResult]:
        """Carry out the writes in order; return one result each."""
        if not writes:
            return []
        now = self._reader.now()
        living = self._read_living(writes)
        named: set[Ref] = set()
        results: list[WriteResult] = []
        for each in writes:
            error = self._why_not(each, living, named)
            if each.ref:
                named.add(each.ref)
            results.append(self._refused(each, error, living, now) if error else self._write(each, owners, living, now))
        return results

    def _read_living(self, writes: Sequence[Write]) -> dict[Ref, Record]:
        found = self._reader.read(Wish((), consent=True), [each.ref for each in writes if each.ref])
        return {ref: record for ref, record in found.items() if is_living(record)}

    def _why_not(self, write: Write, living: Mapping[Ref, Record], named: set[Ref]) -> WriteError | None:
        if write.object != CONTACT:
            return UNKNOWN_OBJECT
        if write.ref is None and all(value is None for value in write.values.values()):
            return NOTHING_TO_CREATE
        if write.ref is not None and write.ref not in living:
            return GONE
        if write.ref in named:
            return TWICE
        fields = self._reader.host.schema.fields
        missing = tuple(name for name in write.values if name not in fields or not fields[name].is_updateable)
        if missing:
            return WriteError("host-field-missing", Reaction.DATA, missing)
        if write.tags and not (write.values or write.consent) and self._reader.document.column("tags") is None:
            return NO_TAGS
        return None

    def _refused(self, write: Write, error: WriteError, living: Mapping[Ref, Record], now: datetime) -> WriteResult:
        """Return the error; a person's opt-out does not wait for the rest of the record to be accepted."""
        is_somebody_else = error in (GONE, TWICE, UNKNOWN_OBJECT)
        if write.ref is None or write.consent is not ConsentChange.OPT_OUT or is_somebody_else:
            return WriteResult(ref=None, error=error)
        values, consent_error = self._consent(write, living.get(write.ref), now)
        return WriteResult(error=error, consent_error=consent_error or self._try(write, values, now)[1])

    def _write(self, write: Write, owners: OwnerRule, living: Mapping[Ref, Record], now: datetime) -> WriteResult:
        before = living.get(write.ref) if write.ref else None
        values = {
            self._reader.host.column_of(name).name: self._stored(name, value, owners)
            for name, value in write.values.items()
            if write.ref is not None or value is not None
        }
        consent, consent_error = self._consent(write, before, now)
        ref, error = self._try(write, values | consent, now)
        if error:
            return self._refused(write, error, living, now)
        return WriteResult(
            ref=ref,
            consent_error=consent_error,
            was_created=write.ref is None,
            segment_error=NO_SEGMENTS if write.segment else self._tag_error(write),
        )

    def _stored(self, name: str, value: Value, owners: OwnerRule) -> Any:
        if name == OWNER and isinstance(value, str):
            value = owners.in_host(value)[0]
        return self._reader.stored(name, value)

    def _tag_error(self, write: Write) -> WriteError | None:
        return NO_TAGS if write.tags and self._reader.document.column("tags") is None else None

    def _consent(self, write: Write, before: Record | None, now: datetime) -> tuple[Values, WriteError | None]:
        """Return what an opt-out or its lifting changes. Who is out already keeps the reason, and a bounce stays.

        A lifting of ours leaves no date: only what people in the host did proves anything.
        """
        if write.consent is None:
            return {}, None
        columns = self._reader.document.columns
        if "opted_out" not in columns:
            return {}, NO_OPT_OUT
        present = before.consent if before else None
        is_out = present is not None and present.opted_out
        is_lift = write.consent is ConsentChange.LIFT
        if is_lift and present is not None and is_out and present.reason == BOUNCED:
            return {}, BOUNCE
        if is_lift != is_out:
            return {}, None
        values: Values = {columns["opted_out"]: self._reader.mark("opted_out", is_set=not is_lift)}
        if "opt_out_reason" in columns:
            values[columns["opt_out_reason"]] = None if is_lift else MANUAL
        if "opt_out_at" in columns:
            values[columns["opt_out_at"]] = None if is_lift else self._reader.moment("opt_out_at", now)
        return values, None

    def _try(self, write: Write, values: Values, now: datetime) -> tuple[Ref | None, WriteError | None]:
        """Write one row; what the database has against its values is an error of this write alone."""
        try:
            try:
                with talking(self._reader.engine) as connection:
                    return self._put(connection, write, values, now), None
            except RefusedError as error:
                with talking(self._reader.engine) as connection:
                    return None, self._refusal(connection, write, values, is_clash=error.is_clash)
        except TransientError as error:
            return None, WriteError(error.code, Reaction.RETRY, retry_after_seconds=error.retry_after_seconds)
        except SetupError as error:
            return None, WriteError(error.code, Reaction.SETUP)

    def _put(self, connection: Connection, write: Write, values: Values, now: datetime) -> Ref | None:
        host, reader = self._reader.host, self._reader
        key = host.needed("id")
        if write.ref is None:
            return Ref(CONTACT, self._insert(connection, values | self._tags(connection, write, None), now))
        own = reader.key_of(write.ref)
        values = values | self._tags(connection, write, own)
        if values:
            values[host.needed("modified_at").name] = reader.moment("modified_at", now)
            connection.execute(update(host.table).where(key == own).values(values))
        return write.ref

    def _insert(self, connection: Connection, values: Values, now: datetime) -> str:
        host, reader = self._reader.host, self._reader
        key = host.needed("id")
        for meaning in ("created_at", "modified_at"):
            if reader.document.column(meaning):
                values[host.needed(meaning).name] = reader.moment(meaning, now)
        if not host.has_numbers:
            values[key.name] = str(uuid4())
        made = connection.execute(insert(host.table).values(values))
        assert made.inserted_primary_key is not None
        return str(made.inserted_primary_key[0])

    def _tags(self, connection: Connection, write: Write, own: Any) -> Values:
        """Return the tags with those that are added; the ones that are there stay."""
        column = self._reader.host.column("tags")
        if not write.tags or column is None:
            return {}
        key = self._reader.host.needed("id")
        there = parts(connection.execute(select(column).where(key == own)).scalar()) if own is not None else []
        together = list(dict.fromkeys((*there, *write.tags)))
        return {column.name: SEPARATOR.join(together)} if together != there else {}

    def _refusal(self, connection: Connection, write: Write, values: Values, *, is_clash: bool) -> WriteError:
        """Return whose fault a refusal is: fields whose value another row has come free perhaps, the others do not fit."""
        host = self._reader.host
        if is_clash:
            key = host.needed("id")
            own = self._reader.key_of(write.ref) if write.ref else None
            for name in sorted(write.values.keys() & host.unique):
                same = select(key).where(host.table.c[name] == values.get(name)).limit(2)
                if any(each != own for each in connection.execute(same).scalars()):
                    return WriteError("host-value-taken", Reaction.RETRY, (name,))
        return WriteError("host-value-refused", Reaction.DATA)
