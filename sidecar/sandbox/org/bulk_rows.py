"""Write the rows of an ingest job by the same rules as any other write. Start here: `RowWriter.write`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sidecar.sandbox.org.bulk_csv import NO_VALUE, JobError, Line
from sidecar.sandbox.org.bulk_jobs import Job, Result
from sidecar.sandbox.org.collections import Collections, fold, without
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.fields import clean
from sidecar.sandbox.org.ids import full_id
from sidecar.sandbox.org.records import Actor
from sidecar.sandbox.org.schema import Field, Schema, SObject

CHUNK = 200  # rows whose keys are compared with each other
SHOWS_FAILED_ID = 53.0  # from this version on a failed row names the record it failed on


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a field, or a parent named by a key of its own."""

    field: Field
    parent: SObject | None = None
    parent_key: Field | None = None


def read_columns(names: Sequence[str], each: SObject, schema: Schema, operation: str) -> list[Column]:
    """Return what the header names, or fail the job: an unknown field and a hidden one look the same."""
    if operation in {"delete", "hardDelete"} and [name.lower() for name in names] != ["id"]:
        raise JobError("InvalidBatch : InvalidBatch : delete batches must contain only ids")
    columns = [column_of(name, each, schema) for name in names]
    doubled = [name for at, name in enumerate(names) if columns[at].field.name in {c.field.name for c in columns[:at]}]
    if doubled:
        raise JobError(f"InvalidBatch : Duplicate header column : {doubled[0]}")
    return columns


def column_of(name: str, each: SObject, schema: Schema) -> Column:
    """Return one column: Field, Relation.Key or Object:Relation.Key."""
    missing = JobError(f"InvalidBatch : Field name not found : {name}")
    kind, _, path = name.rpartition(":")
    relation, _, last = path.rpartition(".")
    if not relation:
        found = each.visible(name)
        if found is None:
            raise missing
        return Column(found)
    link = each.relation(relation)
    targets = link.refers_to if link is not None else ()
    if link is None or (len(targets) > 1) is not bool(kind):
        raise missing
    parent = schema.get(kind or targets[0])
    key = parent.visible(last) if parent is not None and parent.name in targets else None
    if parent is None or key is None or not key.is_key:
        raise missing
    return Column(link, parent, key)


@dataclass(slots=True)
class RowWriter:
    """Writes the rows of one job."""

    job: Job
    each: SObject
    columns: list[Column]
    collections: Collections
    failing: frozenset[int] = frozenset()
    key: Field | None = None
    doubled: set[int] = field(default_factory=set)
    actor: Actor = field(init=False)

    def __post_init__(self) -> None:
        self.actor = Actor(self.job.user_id, is_api=True, allow_duplicates=False, auto_assign=self.job.assigns)
        self.key = self.each.visible(self.job.key) if self.job.key else None

    def write(self, start: int, lines: Sequence[Line]) -> list[Result]:
        """Write some rows; return what became of them."""
        return [self._one(start + offset, line) for offset, line in enumerate(lines)]

    def find_doubles(self, lines: Sequence[Line]) -> None:
        """Note the rows whose key stands twice among the same 200: both of them fail."""
        for start in range(0, len(lines), CHUNK):
            at: dict[Any, list[int]] = {}
            for index, line in enumerate(lines[start : start + CHUNK], start):
                key = self._folded(line)
                if key is not None:
                    at.setdefault(key, []).append(index)
            self.doubled.update(index for found in at.values() if len(found) > 1 for index in found)

    def _one(self, index: int, line: Line) -> Result:
        try:
            self._refuse(index, line)
            with self.collections.records.storage.transaction():
                return Result(index, *self._write(self._values(line.cells)))
        except OrgError as error:
            return Result(index, self._known_id(line), error=written(self._in_csv_words(error, line)))

    def _refuse(self, index: int, line: Line) -> None:
        """Refuse a row that cannot be read, is meant to fail, or has the key of another."""
        if line.problem is not None:
            raise line.problem
        if index in self.failing:
            raise OrgError(self.job.course.code, self.job.course.message, [])
        if self.collections.faults.waiting:
            shown = dict(zip((column.field.name for column in self.columns), line.cells, strict=True))
            self.collections.faults.before_row("PUT", f"/{self.job.url}/batches", index, shown)
        if self.key is not None and index in self.doubled:
            message = f"Duplicate external id specified: {line.cells[self._at(self.key) or 0]}"
            raise OrgError("DUPLICATE_VALUE", message, [self.key.name])

    def _write(self, values: dict[str, Any]) -> tuple[str, bool]:
        """Carry out the job's operation on one row; return its id and whether it is new."""
        records = self.collections.records
        if self.job.operation == "insert":
            return records.insert(self.each, values, self.actor), True
        if self.job.operation == "upsert" and self.key is not None:
            return self.collections.upsert_one(self.each, self.key, values.get(self.key.name), values, self.actor)
        record_id = values.get("Id")
        if not record_id:
            raise OrgError("MISSING_ARGUMENT", f"Id not specified in an {self.job.operation} call", [])
        if self.job.operation == "update":
            records.update(self.each, record_id, without(values, "id"), self.actor)
        else:
            self.collections.lifecycle.delete(self.each, record_id, self.actor)
        return full_id(record_id) or "", False

    def _values(self, cells: Sequence[str]) -> dict[str, Any]:
        """Return what a row says: an empty cell says nothing, #N/A says null."""
        values: dict[str, Any] = {}
        for column, cell in zip(self.columns, cells, strict=True):
            if cell == "":
                continue
            name = column.field.name
            values[name] = None if cell == NO_VALUE else self._parent_id(column, cell) if column.parent else cell
        return values

    def _parent_id(self, column: Column, cell: str) -> str:
        parent, key = column.parent, column.parent_key
        assert parent is not None
        assert key is not None
        found = self.collections.records.match(parent, key, cell)
        if len(found) != 1:
            message = f"Foreign key external ID: {cell} not found for field {key.name} in entity {parent.name}"
            raise OrgError("INVALID_FIELD", message, [])
        return found[0]

    def _folded(self, line: Line) -> Any:
        """Return a row's key as equal keys are equal, None without one."""
        if self.key is None or line.problem is not None:
            return None
        at = self._at(self.key)
        cell = line.cells[at] if at is not None else ""
        return None if cell in {"", NO_VALUE} else fold(self.key, cell)

    def _at(self, wanted: Field) -> int | None:
        """Return where a field's column stands."""
        return next((at for at, column in enumerate(self.columns) if column.field is wanted), None)

    def _known_id(self, line: Line) -> str:
        at = self._at(self.each.fields["Id"])
        if at is None or at >= len(line.cells) or float(self.job.version) < SHOWS_FAILED_ID:
            return ""
        wanted = full_id(line.cells[at])
        known = wanted is not None and self.collections.records.storage.get(self.each, wanted) is not None
        return wanted if known and wanted is not None else ""

    def _in_csv_words(self, error: OrgError, line: Line) -> OrgError:
        """Return an error as a CSV row has it: there is no JSON that could not be read."""
        if error.code != "JSON_PARSER_ERROR":
            return error
        for column, cell in zip(self.columns, line.cells, strict=False):
            try:
                clean(column.field, cell)
            except OrgError:
                message = f"{column.field.label}: value not of required type: {cell}"
                return OrgError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [column.field.name])
        return error


def written(error: OrgError) -> str:
    """Return an error as sf__Error has it: CODE:message:fields--."""
    return ";".join(
        f"{each.code}:{each.message}:{', '.join(each.fields or ())}{' ' if each.fields else ''}--"
        for each in (error, *error.more)
    )
