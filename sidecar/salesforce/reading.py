"""Salesforce rows → records: which fields are asked for, and what deletion, merge and conversion look like.

Pure but for `RecordReader`, which asks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sidecar.errors import TransientError
from sidecar.mapping.rules import Rules
from sidecar.records import Consent, FieldInfo, ObjectSchema, Record, Ref, Value
from sidecar.salesforce import errors, soql
from sidecar.salesforce.asking import Sizes, ask, questions
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.ids import is_record_id
from sidecar.salesforce.owners import OWNER_EMAIL, OWNER_ID
from sidecar.salesforce.values import from_json, parse_datetime
from sidecar.sync.model import Cursor, Page, Window

PAGE_SIZE: Final = 2000
"""The most rows Salesforce puts into one answer (SOQL reference, Sforce-Query-Options)."""

_IDS: Final = Sizes(some=500, many=1_000, many_from=2_500)
_SYSTEM_FIELDS: Final = (
    "Id",
    "IsDeleted",
    "SystemModstamp",
    "LastModifiedDate",
    "MasterRecordId",
    "IsConverted",
    "ConvertedContactId",
)
_BECOMES: Final = "Contact"
"""The object a converted lead lives on as."""

Row = Mapping[str, Any]
OwnerName = Callable[[str | None], Value]
"""Says whose address an OwnerId stands for."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the records of one object are read: the fields selected, and those that become values."""

    object: str
    values: Mapping[str, FieldInfo]
    system: tuple[str, ...]
    opt_out: str | None
    owner_name: OwnerName | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields to select."""
        values = (OWNER_ID if name == OWNER_EMAIL else name for name in self.values)
        return tuple(dict.fromkeys((*self.system, *values, *([self.opt_out] if self.opt_out else []))))

    @property
    def is_convertible(self) -> bool:
        """Whether records of this object can be converted into others."""
        return "IsConverted" in self.system

    def record(self, row: Row) -> Record:
        """Return the record a row describes."""
        successor = self._successor(row)
        lost = self.is_convertible and bool(row.get("IsConverted")) and "ConvertedContactId" in self.system
        return Record(
            ref=Ref(self.object, row["Id"]),
            values={name: self._value(row, name, info) for name, info in self.values.items()},
            modified_at=parse_datetime(row.get("LastModifiedDate") or row["SystemModstamp"]),
            consent=Consent(opted_out=bool(row.get(self.opt_out))) if self.opt_out else None,
            successor=successor,
            # A converted lead whose contact is gone has nobody left; with that field hidden we cannot tell, and it lives.
            is_deleted=successor is None and (bool(row.get("IsDeleted")) or lost),
        )

    def _value(self, row: Row, name: str, info: FieldInfo) -> Value:
        if name == OWNER_EMAIL:
            return self.owner_name(row.get(OWNER_ID)) if self.owner_name else None
        return from_json(row.get(name), info.type)

    def _successor(self, row: Row) -> Ref | None:
        if row.get("IsConverted") and row.get("ConvertedContactId"):
            return Ref(_BECOMES, row["ConvertedContactId"])
        if row.get("IsDeleted") and row.get("MasterRecordId"):
            return Ref(self.object, row["MasterRecordId"])
        return None


def shape_of(rules: Rules, object_name: str, schema: ObjectSchema, owner_name: OwnerName | None = None) -> Shape:
    """Return how to read an object: mapped fields, external id, deletion mark and opt-out, as far as they are visible."""
    mapping = rules.mapping
    names = [rule.salesforce.name for rule in rules.fields.get(object_name, ())]
    names += [name for name in (mapping.external_id, mapping.deletion.salesforce_field) if name]
    opt_out = mapping.consent.salesforce_field if mapping.consent else None
    return Shape(
        object=object_name,
        values={name: schema.fields[name] for name in dict.fromkeys(names) if name in schema.fields},
        system=tuple(name for name in _SYSTEM_FIELDS if name in schema.fields),
        opt_out=opt_out if opt_out in schema.fields else None,
        owner_name=owner_name,
    )


class RecordReader:
    """Reads records of known shapes."""

    def __init__(self, client: SalesforceClient, *, page_size: int = PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size

    def read_changes(self, shape: Shape, window: Window) -> Iterator[Page]:
        """Yield pages by (SystemModstamp, Id); one query, thus one call, when nothing changed."""
        after = window.after
        while True:
            rows = self._page(shape, window, after)
            if rows:
                cursor = Cursor(parse_datetime(rows[-1]["SystemModstamp"]), rows[-1]["Id"])
                if cursor == after:
                    raise TransientError("Salesforce's result does not move on.", code=errors.QUERY_EXPIRED)
                yield Page(tuple(shape.record(row) for row in rows), cursor)
                after = cursor
            if len(rows) < self._page_size:
                return

    def read_urgent(self, wanted: Sequence[tuple[Shape, Window]]) -> Iterator[Sequence[Record]]:
        """Yield opt-outs and deletions; objects are asked together, and again for those of which a page was not enough."""
        while wanted:
            queries = [
                changes_query(shape, window, window.after, self._page_size, urgent_only=True)
                for shape, window in wanted
            ]
            answers = self._client.query_each(queries, with_deleted=True)
            more: list[tuple[Shape, Window]] = []
            for (shape, window), rows in zip(wanted, answers, strict=True):
                if rows:
                    yield [shape.record(row) for row in rows]
                if len(rows) == self._page_size:
                    after = Cursor(parse_datetime(rows[-1]["SystemModstamp"]), rows[-1]["Id"])
                    more.append((shape, replace(window, after=after)))
            wanted = more

    def read(self, shapes: Mapping[str, Shape], refs: Sequence[Ref]) -> dict[Ref, Record]:
        """Return the records as they are now, deleted ones too, by as few calls as the length of an address allows."""
        asked = [
            question
            for name, shape in shapes.items()
            for question in questions(
                shape,
                sorted({ref.id for ref in refs if ref.object == name and is_record_id(ref.id)}),
                _by_ids(shape),
                _IDS,
            )
        ]
        records = (shape.record(row) for shape, rows in ask(self._client, asked, with_deleted=True) for row in rows)
        return {record.ref: record for record in records}

    def _page(self, shape: Shape, window: Window, after: Cursor | None) -> list[Row]:
        query = changes_query(shape, window, after, self._page_size)
        try:
            return self._all(query)
        except TransientError as error:
            if error.code != errors.QUERY_EXPIRED:
                raise
            return self._all(query)  # the rest of the result was dropped meanwhile: ask once more from the same key

    def _all(self, query: str) -> list[Row]:
        return [row for page in self._client.query(query, with_deleted=True) for row in page]


def changes_query(shape: Shape, window: Window, after: Cursor | None, limit: int, *, urgent_only: bool = False) -> str:
    """Return the query for what changed in the half-open window, after the cursor if there is one."""
    stamp = "SystemModstamp"
    begin = soql.compare(stamp, ">=", window.start)
    if after is not None:
        same = f"{soql.compare(stamp, '=', after.at)} AND {soql.compare('Id', '>', after.id)}"
        begin = f"({soql.compare(stamp, '>', after.at)} OR ({same}))"
    where = f"{begin} AND {soql.compare(stamp, '<', window.end)}"
    if urgent_only and (urgent := _urgent(shape)):
        where = f"{where} AND ({urgent})"
    return soql.select(shape.fields, shape.object, where, f"ORDER BY {stamp}, Id LIMIT {limit}")


def _urgent(shape: Shape) -> str:
    """Return the condition for opt-outs and deletions, as far as they can be seen."""
    marks = [name for name in ("IsDeleted", shape.opt_out) if name in shape.fields and name]
    return " OR ".join(soql.compare(name, "=", True) for name in marks)


def _by_ids(shape: Shape) -> Callable[[Sequence[str]], str]:
    return lambda ids: soql.select(shape.fields, shape.object, soql.is_in("Id", ids))
