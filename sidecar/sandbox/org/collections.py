"""sObject collections: up to 200 records a call, each with its own result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sidecar.sandbox.org.errors import OrgError, no_external_id, rolled_back
from sidecar.sandbox.org.faults import Faults
from sidecar.sandbox.org.fields import clean
from sidecar.sandbox.org.ids import full_id
from sidecar.sandbox.org.lifecycle import Lifecycle
from sidecar.sandbox.org.records import Actor, Records
from sidecar.sandbox.org.schema import Field, SObject
from sidecar.sandbox.org.wire import Answer, Call

MAX_RECORDS = 200
MAX_RETRIEVE = 2000
MAX_CHUNKS = 10
NO_ATTRIBUTES = "Nested object for polymorphic foreign key must have an attributes field before any other fields."

RowResult = dict[str, Any]


@dataclass(slots=True)
class Collections:
    """Many records in one call."""

    records: Records
    lifecycle: Lifecycle
    faults: Faults

    def create(self, call: Call, actor: Actor) -> Answer:
        """Insert each record."""
        rows = self._rows(call)

        def insert(index: int) -> RowResult:
            each = self._object(rows[index])
            return success(self.records.insert(each, rows[index], actor))

        return self._run(call, rows, insert)

    def update(self, call: Call, actor: Actor) -> Answer:
        """Update each record by its id."""
        rows = self._rows(call)

        def update(index: int) -> RowResult:
            each = self._object(rows[index])
            record_id = next((value for name, value in rows[index].items() if name.lower() == "id"), None)
            if not record_id:
                raise OrgError("MISSING_ARGUMENT", "Id not specified in an update call", [])
            self.records.update(each, record_id, without(rows[index], "id"), actor)
            return success(full_id(record_id))

        return self._run(call, rows, update)

    def upsert(self, call: Call, actor: Actor, each: SObject, key_name: str) -> Answer:
        """Insert or update each record by a key; the same key twice fails both."""
        key = each.visible(key_name)
        if key is None or not key.is_key:
            raise no_external_id(key_name)
        rows = self._rows(call)
        doubled = doubles(key, rows)

        def upsert(index: int) -> RowResult:
            self._require_type(rows[index], each)
            value = next((value for name, value in rows[index].items() if name.lower() == key.name.lower()), None)
            if value is not None and fold(key, value) in doubled:
                raise OrgError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [key.name])
            record_id, created = self.upsert_one(each, key, value, rows[index], actor)
            return success(record_id) | {"created": created}

        answer = self._run(call, rows, upsert)
        for row in answer.body:
            row.setdefault("created", False)
        return answer

    def upsert_one(
        self, each: SObject, key: Field, value: Any, row: Mapping[str, Any], actor: Actor
    ) -> tuple[str, bool]:
        """Insert or update one record of a collection; return its id and whether it is new."""
        if key.name == "Id":
            if value is None:
                return self.records.insert(each, without(row, "id"), actor), True
            self.records.update(each, value, without(row, "id"), actor)
            return full_id(value) or "", False
        if value is None or value == "":
            raise OrgError("MISSING_ARGUMENT", f"{key.name} not specified", [])
        found = self.records.match(each, key, value)
        if len(found) > 1:
            message = f"{key.label}: more than one record found for external id field: [{', '.join(found)}]"
            raise OrgError("DUPLICATE_EXTERNAL_ID", message, [key.name])
        if found:
            self.records.update(each, found[0], without(row, key.name.lower()), actor)
            return found[0], False
        return self.records.insert(each, row, actor), True

    def delete(self, call: Call, actor: Actor) -> Answer:
        """Delete the records named in the URL."""
        ids = [part.strip() for part in call.args.get("ids", "").split(",") if part.strip()]
        self._require_few(len(ids))

        def delete(index: int) -> RowResult:
            wanted = full_id(ids[index])
            each = self.records.schema.by_prefix(wanted) if wanted else None
            if wanted is None or each is None:
                raise OrgError("MALFORMED_ID", f"malformed id {ids[index]}", [])
            self.lifecycle.delete(each, wanted, actor)
            return success(wanted)

        return self._run(call, [{"id": each} for each in ids], delete, call.flag("allOrNone"))

    def retrieve(self, call: Call, each: SObject, read: Callable[[SObject, list[str], list[str]], list[Any]]) -> Answer:
        """Return the records of a list of ids, null where there is none."""
        body = call.object_body()
        ids, names = body.get("ids", []), body.get("fields", [])
        if len(ids) > MAX_RETRIEVE:
            raise OrgError(
                "EXCEEDED_ID_LIMIT",
                f"record limit reached. cannot submit more than {MAX_RETRIEVE} records into this call",
            )
        return Answer(200, read(each, ids, names))

    def _rows(self, call: Call) -> list[dict[str, Any]]:
        rows = call.object_body().get("records")
        if not isinstance(rows, list):
            raise OrgError(
                "JSON_PARSER_ERROR",
                "Json Deserialization failed on token 'null' and has left off in the middle of parsing a row.",
            )
        self._require_few(len(rows))
        kinds = [
            kind for kind, _ in groupby(str((row.get("attributes") or {}).get("type", "")).lower() for row in rows)
        ]
        if len(kinds) > MAX_CHUNKS:
            advice = "Please rearrange the data to reduce chunking."
            raise OrgError(
                "EXCEEDED_ID_LIMIT", f"Cannot have more than {MAX_CHUNKS} chunks in a single operation. {advice}"
            )
        return rows

    @staticmethod
    def _require_few(count: int) -> None:
        if count > MAX_RECORDS:
            message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
            raise OrgError("EXCEEDED_ID_LIMIT", message)

    def _object(self, row: Mapping[str, Any]) -> SObject:
        kind = (row.get("attributes") or {}).get("type")
        if not kind:
            raise OrgError("JSON_PARSER_ERROR", NO_ATTRIBUTES, [])
        each = self.records.schema.get(kind)
        if each is None:
            raise OrgError("INVALID_TYPE", f"sObject type '{kind}' is not supported.", [])
        return each

    def _require_type(self, row: Mapping[str, Any], each: SObject) -> None:
        if self._object(row) is not each:
            raise OrgError("INVALID_TYPE", f"sObject type of the record is not {each.name}", [])

    def _run(
        self, call: Call, rows: list[dict[str, Any]], write: Callable[[int], RowResult], all_or_none: bool | None = None
    ) -> Answer:
        """Write row by row; with all-or-none one failure undoes them all."""
        if all_or_none is None:
            all_or_none = call.object_body().get("allOrNone") is True
        with self.records.storage.transaction() as transaction:
            results = [self._one(call, index, row, write) for index, row in enumerate(rows)]
            if all_or_none and not all(result["success"] for result in results):
                transaction.undo()
                results = [undone(result, keeps_id=call.method != "POST") for result in results]
        return Answer(200, results)

    def _one(self, call: Call, index: int, row: dict[str, Any], write: Callable[[int], RowResult]) -> RowResult:
        try:
            self.faults.before_row(call.method, f"{call.base}{call.path}", index, row)
            with self.records.storage.transaction():
                return write(index)
        except OrgError as error:
            return {"success": False, "errors": error.row()}


def success(record_id: str | None) -> RowResult:
    """Return the result of a row that was written."""
    return {"id": record_id, "success": True, "errors": []}


def undone(result: RowResult, *, keeps_id: bool) -> RowResult:
    """Return the result of a row of an undone call: a failed one as it is, an innocent one as rolled back."""
    if not result["success"]:
        return result
    taken_back = {"success": False, "errors": rolled_back().row()}
    return {"id": result["id"]} | taken_back if keeps_id else taken_back


def without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a row without its attributes and one key."""
    return {key: value for key, value in row.items() if key.lower() not in {name, "attributes"}}


def fold(key: Field, value: Any) -> Any:
    """Return a key value in the form in which equal keys are equal; an unreadable one as it is."""
    try:
        cleaned = clean(key, value)
    except OrgError:
        return value
    return cleaned.casefold() if isinstance(cleaned, str) and key.type != "id" else cleaned


def doubles(key: Field, rows: list[dict[str, Any]]) -> set[Any]:
    """Return the key values that stand in more than one row."""
    seen: set[Any] = set()
    twice: set[Any] = set()
    for row in rows:
        for name, value in row.items():
            if name.lower() == key.name.lower() and value is not None:
                folded = fold(key, value)
                (twice if folded in seen else seen).add(folded)
    return twice
