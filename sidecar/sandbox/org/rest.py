"""The REST API below /services/data/vXX.0: which path does what. Start here: `Rest.answer`."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from werkzeug.http import http_date, parse_date

from sidecar.sandbox.org.collections import Collections
from sidecar.sandbox.org.describe import describe, etag, summary
from sidecar.sandbox.org.errors import OrgError, no_external_id, not_found, unknown_column
from sidecar.sandbox.org.ids import full_id, looks_like_id
from sidecar.sandbox.org.lifecycle import Lifecycle
from sidecar.sandbox.org.limits import Limits
from sidecar.sandbox.org.records import Actor, Records
from sidecar.sandbox.org.replication import Replication
from sidecar.sandbox.org.schema import Field, SObject
from sidecar.sandbox.org.soql import Plan, compile_query
from sidecar.sandbox.org.wire import Answer, Call, refusal

LOCATOR_LIFE = timedelta(days=2)
KEPT_BODY_SINCE = 46.0  # from this version on an upsert that updates answers 200 with a body
ROUTES = (
    (r"/limits", "limits", "GET"),
    (r"/sobjects", "list_objects", "GET"),
    (r"/sobjects/([^/]+)", "one_object", "GET POST"),
    (r"/sobjects/([^/]+)/describe", "describe_object", "GET"),
    (r"/sobjects/([^/]+)/updated", "updated", "GET"),
    (r"/sobjects/([^/]+)/deleted", "deleted", "GET"),
    (r"/sobjects/([^/]+)/([^/]+)", "one_record", "GET PATCH DELETE"),
    (r"/sobjects/([^/]+)/([^/]+)/([^/]+)", "by_key", "GET PATCH DELETE"),
    (r"/query", "query", "GET"),
    (r"/queryAll", "query_all", "GET"),
    (r"/query(?:All)?/([^/]+)", "query_more", "GET"),
    (r"/composite/sobjects", "many", "POST PATCH DELETE"),
    (r"/composite/sobjects/([^/]+)", "many_by_id", "POST"),
    (r"/composite/sobjects/([^/]+)/([^/]+)", "many_by_key", "PATCH"),
)
OF_CATALOGUE = re.compile(r"\bFROM\s+(Entity|Field)Definition\b", re.IGNORECASE)
COMPILED = tuple((re.compile(pattern), name, methods.split()) for pattern, name, methods in ROUTES)


@dataclass(slots=True)
class Cursor:
    """The rest of a query, kept as it was when it was asked."""

    plan: Plan
    rows: list[tuple[Any, ...]]
    size: int
    made_at: datetime


@dataclass(slots=True)
class Rest:
    """Everything a call to the API can do."""

    records: Records
    lifecycle: Lifecycle
    collections: Collections
    limits_kept: Limits
    replication: Replication
    page_size: int = 2000
    schema_changed_at: datetime | None = None
    areas: dict[str, Callable[[Call], Answer]] = field(default_factory=dict)  # by the beginning of their paths
    catalogue: Callable[[Call], Answer] | None = None  # answers questions about the schema itself
    _cursors: dict[str, Cursor] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        """Carry out one call and return its answer, good or bad."""
        try:
            with self.records.storage.transaction():
                return self._route(call)
        except OrgError as error:
            return refusal(error)

    def _route(self, call: Call) -> Answer:
        path = call.path.rstrip("/")
        for beginning, area in self.areas.items():
            if path.startswith(beginning):
                return area(call)
        for pattern, name, methods in COMPILED:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if call.method not in methods:
                message = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(methods)}"
                raise OrgError("METHOD_NOT_ALLOWED", message, status=405)
            view: Callable[..., Answer] = getattr(self, name)
            return view(call, *(unquote(part) for part in found.groups()))
        raise not_found()

    def note_schema_change(self) -> None:
        """Move Last-Modified of describes on, by a second at least: that is all If-Modified-Since can see."""
        before = self.schema_changed_at or self.records.clock.now()
        self.schema_changed_at = max(self.records.clock.now(), before + timedelta(seconds=1))

    def actor(self, call: Call) -> Actor:
        """Return who a call acts as. A sub-request of a composite does not inherit these headers."""
        saves = "allowsave=true" in call.headers.get("sforce-duplicate-rule-header", "").replace(" ", "").lower()
        assigns = call.headers.get("sforce-auto-assign", "TRUE").upper() != "FALSE"
        origin = f"com/salesforce/api/rest/{call.version};{call.headers.get('sforce-call-options', '')}"
        return Actor(call.user_id, is_api=True, allow_duplicates=saves, auto_assign=assigns, origin=origin)

    def object(self, name: str) -> SObject:
        """Return an object of the URL."""
        found = self.records.schema.get(name)
        if found is None:
            raise not_found()
        return found

    def limits(self, call: Call) -> Answer:
        """GET /limits."""
        del call
        return Answer(200, self.limits_kept.report())

    def list_objects(self, call: Call) -> Answer:
        """GET /sobjects."""
        entries = [summary(each, call.version) for each in self.records.schema]
        return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries})

    def one_object(self, call: Call, name: str) -> Answer:
        """GET or POST /sobjects/X."""
        each = self.object(name)
        if call.method == "GET":
            return Answer(200, {"objectDescribe": summary(each, call.version), "recentItems": []})
        self._meet_fault(call, call.object_body())
        new_id = self.records.insert(each, call.object_body(), self.actor(call))
        return Answer(
            201,
            {"id": new_id, "success": True, "errors": []},
            {"Location": f"{call.base}/sobjects/{each.name}/{new_id}"},
        )

    def describe_object(self, call: Call, name: str) -> Answer:
        """GET /sobjects/X/describe, 304 when the caller has it."""
        body = describe(self.object(name), call.version)
        changed_at = (self.schema_changed_at or self.records.clock.now()).replace(microsecond=0)
        headers = {"ETag": etag(body), "Last-Modified": http_date(changed_at)}
        known_tag = call.headers.get("if-none-match")
        known_at = parse_date(call.headers.get("if-modified-since"))
        same = known_tag == headers["ETag"] if known_tag else known_at is not None and changed_at <= known_at
        return Answer(304, None, headers) if same else Answer(200, body, headers)

    def updated(self, call: Call, name: str) -> Answer:
        """GET /sobjects/X/updated."""
        return self.replication.updated(call, self.object(name))

    def deleted(self, call: Call, name: str) -> Answer:
        """GET /sobjects/X/deleted."""
        return self.replication.deleted(call, self.object(name))

    def one_record(self, call: Call, name: str, record_id: str) -> Answer:
        """GET, PATCH or DELETE /sobjects/X/id."""
        each = self.object(name)
        if not looks_like_id(record_id):
            raise no_external_id(record_id)
        if call.method == "GET":
            return self._read_one(call, each, record_id)
        if call.method == "DELETE":
            self.lifecycle.delete(each, self._known(each, record_id), self.actor(call))
            return Answer(204)
        values = call.object_body()
        if any(key.lower() == "id" for key in values):
            raise OrgError("INVALID_FIELD", "The Id field should not be specified in the sobject data.", [])
        self._require_columns(each, values)
        self._meet_fault(call, {"id": record_id} | values)
        self.records.update(each, self._known(each, record_id), values, self.actor(call))
        return Answer(204)

    def _meet_fault(self, call: Call, values: dict[str, Any]) -> None:
        """Fail a single record if a row was arranged to fail."""
        self.collections.faults.before_row(call.method, f"{call.base}{call.path}", 0, values)

    def _require_columns(self, each: SObject, values: dict[str, Any]) -> None:
        for name in values:
            if name != "attributes" and each.visible(name) is None:
                raise unknown_column(name, each.name)

    def _known(self, each: SObject, record_id: str) -> str:
        """Return the id of a record that once was; a deleted one is refused later, in its own words."""
        wanted = full_id(record_id)
        if wanted is None or wanted[:3] != each.prefix:
            raise OrgError("MALFORMED_ID", f"Record ID: id value of incorrect type: {record_id}", ["Id"])
        if self.records.storage.get(each, wanted) is None:
            raise not_found()
        return wanted

    def _read_one(self, call: Call, each: SObject, record_id: str) -> Answer:
        wanted = full_id(record_id)
        if wanted is None:
            raise OrgError("MALFORMED_ID", f"Record ID: id value of incorrect type: {record_id}", ["Id"])
        names = [name for name in call.args.get("fields", "").split(",") if name] or self._all_fields(each)
        found = self.read(each, [wanted], names, call.version)[0]
        if found is None:
            raise not_found()
        return Answer(200, found)

    @staticmethod
    def _all_fields(each: SObject) -> list[str]:
        return [one.name for one in each.fields.values() if not one.is_hidden]

    def read(self, each: SObject, ids: list[str], names: list[str], version: str) -> list[Any]:
        """Return records in the order of their ids, None for those that are not there."""
        wanted = [full_id(record_id) for record_id in ids]
        chosen = dict.fromkeys(["Id", *(name.strip() for name in names)])
        unique_names = list({name.lower(): name for name in chosen}.values())
        quoted = ", ".join(f"'{record_id}'" for record_id in wanted if record_id)
        if not quoted:
            return [None] * len(ids)
        text = f"SELECT {', '.join(unique_names)} FROM {each.name} WHERE Id IN ({quoted})"
        plan = compile_query(text, self.records.schema, self.records.clock.now(), with_deleted=False)
        rows = {row[0]: plan.record(row, version) for row in self.records.storage.select(plan.sql, plan.values)}
        return [rows.get(record_id or "") for record_id in wanted]

    def by_key(self, call: Call, name: str, key_name: str, value: str) -> Answer:
        """GET, PATCH (upsert) or DELETE /sobjects/X/Key__c/value."""
        each = self.object(name)
        key = each.visible(key_name)
        if key is None or not key.is_key:
            raise no_external_id(key_name)
        if key.type == "email" and value.lower().endswith(".inc"):
            raise not_found()
        found = self.records.match(each, key, value)
        if len(found) > 1:
            return Answer(300, [f"{call.base}/sobjects/{each.name}/{record_id}" for record_id in found])
        if call.method == "PATCH":
            return self._upsert(call, each, key, value, found)
        if not found:
            raise not_found()
        return self.one_record(call, name, found[0])

    def _upsert(self, call: Call, each: SObject, key: Field, value: str, found: list[str]) -> Answer:
        values = call.object_body()
        if any(name.lower() == key.name.lower() for name in values):
            raise OrgError("INVALID_FIELD", f"The {key.name} field should not be specified in the sobject data.", [])
        if not found and call.args.get("updateOnly", "").lower() == "true":
            raise not_found()
        self._meet_fault(call, {key.name: value} | values)
        if found:
            self.records.update(each, found[0], values, self.actor(call))
            if float(call.version) < KEPT_BODY_SINCE:
                return Answer(204)
        record_id = found[0] if found else self.records.insert(each, values | {key.name: value}, self.actor(call))
        body: dict[str, Any] = {"id": record_id, "success": True, "errors": []}
        if float(call.version) >= KEPT_BODY_SINCE:
            body["created"] = not found
        return Answer(200 if found else 201, body, {"Location": f"{call.base}/sobjects/{each.name}/{record_id}"})

    def query(self, call: Call) -> Answer:
        """GET /query."""
        return self._query(call, with_deleted=False)

    def query_all(self, call: Call) -> Answer:
        """GET /queryAll: deleted, merged and living records."""
        return self._query(call, with_deleted=True)

    def _query(self, call: Call, *, with_deleted: bool) -> Answer:
        text = call.args.get("q", "")
        if self.catalogue is not None and OF_CATALOGUE.search(text):
            return self.catalogue(call)
        plan = compile_query(text, self.records.schema, self.records.clock.now(), with_deleted=with_deleted)
        rows = self.records.storage.select(plan.sql, plan.values)
        if plan.counts == "*":
            return Answer(200, {"totalSize": rows[0][0], "done": True, "records": []})
        if plan.counts is not None:
            record = {"attributes": {"type": "AggregateResult"}, plan.counts: rows[0][0]}
            return Answer(200, {"totalSize": 1, "done": True, "records": [record]})
        if plan.names is not None:
            return groups_answer(plan.names, rows)
        cursor = Cursor(plan, rows, self._size(call), self.records.clock.now())
        locator = f"0r8{secrets.token_hex(6)}QAA"
        if len(rows) > cursor.size:
            self._cursors[locator] = cursor
        return self._page(call, locator, cursor, 0)

    def _size(self, call: Call) -> int:
        asked = re.search(r"batchSize\s*=\s*(\d+)", call.headers.get("sforce-query-options", ""))
        return min(self.page_size, max(200, int(asked.group(1)))) if asked else self.page_size

    def query_more(self, call: Call, locator: str) -> Answer:
        """GET /query/<locator>: the next page of a query, as it was when it was asked."""
        name, _, start = locator.rpartition("-")
        cursor = self._cursors.get(name)
        if cursor is None or not start.isdigit() or self.records.clock.now() - cursor.made_at > LOCATOR_LIFE:
            raise OrgError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(call, name, cursor, int(start))

    def _page(self, call: Call, locator: str, cursor: Cursor, start: int) -> Answer:
        end = start + cursor.size
        is_last = end >= len(cursor.rows)
        body: dict[str, Any] = {"totalSize": len(cursor.rows), "done": is_last}
        if not is_last:
            body["nextRecordsUrl"] = f"{call.base}/query/{locator}-{end}"
        body["records"] = [cursor.plan.record(row, call.version) for row in cursor.rows[start:end]]
        return Answer(200, body)

    def many(self, call: Call) -> Answer:
        """POST, PATCH or DELETE /composite/sobjects."""
        actor = self.actor(call)
        if call.method == "POST":
            return self.collections.create(call, actor)
        return self.collections.update(call, actor) if call.method == "PATCH" else self.collections.delete(call, actor)

    def many_by_id(self, call: Call, name: str) -> Answer:
        """POST /composite/sobjects/X: read many by id."""
        return self.collections.retrieve(
            call, self.object(name), lambda each, ids, names: self.read(each, ids, names, call.version)
        )

    def many_by_key(self, call: Call, name: str, key_name: str) -> Answer:
        """PATCH /composite/sobjects/X/Key__c: upsert many."""
        return self.collections.upsert(call, self.actor(call), self.object(name), key_name)


def groups_answer(names: list[str], rows: list[tuple[Any, ...]]) -> Answer:
    """Return groups of records, each as one result."""
    kind = {"attributes": {"type": "AggregateResult"}}
    records = [kind | dict(zip(names, row, strict=True)) for row in rows]
    return Answer(200, {"totalSize": len(records), "done": True, "records": records})
