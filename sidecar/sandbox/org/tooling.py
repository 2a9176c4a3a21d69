"""The Tooling API: questions about the schema, and custom fields one by one. Start here: `Tooling.answer`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.customising import ACTIVITY, Customising
from sidecar.sandbox.org.errors import OrgError, not_found
from sidecar.sandbox.org.field_metadata import RefusedError, metadata_of
from sidecar.sandbox.org.ids import full_id
from sidecar.sandbox.org.schema import Field, SObject
from sidecar.sandbox.org.soql import Plan, compile_query
from sidecar.sandbox.org.soql_parse import Condition, Group, Parser, Query
from sidecar.sandbox.org.storage import Storage
from sidecar.sandbox.org.tooling_rows import field_id, fill, tooling_schema
from sidecar.sandbox.org.wire import Answer, Call

SEES_ALL = frozenset({"ViewSetup", "CustomizeApplication", "ModifyAllData"})
CATALOGUE = {"entitydefinition", "fielddefinition"}
NOT_YET = (
    "The requested operation is not yet supported by this SObject storage type, "
    "contact salesforce.com support for more information."
)
ONE_ROW = (
    "When retrieving results with Metadata or FullName fields, "
    "the query qualifications must specify no more than one row for retrieval."
)
WHOLE = {"metadata", "fullname"}
FIELDS_OF_ONE = ("DeveloperName", "TableEnumOrId", "NamespacePrefix", "ManageableState", "Length", "Precision", "Scale")
PATH = re.compile(r"/tooling/(query|sobjects/(CustomField)(?:/([A-Za-z0-9]+))?)")
LIMIT = re.compile(r"\s+LIMIT\s+\d+(\s+OFFSET\s+\d+)?\s*$", re.IGNORECASE)


@dataclass(slots=True)
class Tooling:
    """What the Tooling API knows and does."""

    customising: Customising
    clock: Clock
    changed: Callable[[], None]

    def answer(self, call: Call) -> Answer:
        """Carry out one call below /tooling/."""
        found = PATH.fullmatch(call.path.rstrip("/"))
        if found is None:
            raise not_found()
        if found[1] == "query":
            return self.query(call)
        return self._one(call, found[3]) if found[3] else self._create(call)

    def query(self, call: Call) -> Answer:
        """Answer a question about objects and fields."""
        query = Parser(call.args.get("q", "")).parse()
        text = query.text
        is_catalogue = query.object.text.lower() in CATALOGUE
        if is_catalogue:
            require_plain(query)
            text = LIMIT.sub("", text)
        whole = [path.text for path in query.fields if path.text.lower() in WHOLE]
        if whole:
            text = without(text, query, whole)
        plan, rows = self._select(call, text)
        if plan.counts is not None:
            return Answer(200, {"size": rows[0][0], "totalSize": rows[0][0], "done": True, "records": []})
        records = [self._record(plan, row, call) for row in rows]
        if whole:
            self._complete(records, whole)
        entity = plan.object.name
        body = {"size": len(records), "totalSize": len(records), "done": True, "queryLocator": None}
        return Answer(200, body | {"entityTypeName": entity, "records": records})

    def _select(self, call: Call, text: str) -> tuple[Plan, list[tuple[Any, ...]]]:
        schema = tooling_schema()
        storage = Storage(":memory:", schema)
        try:
            sees_all = bool(self.customising.permissions.rights(call.user_id) & SEES_ALL)
            fill(storage, self.customising.schema, sees_all=sees_all)
            plan = compile_query(text, schema, self.clock.now(), with_deleted=True)
            return plan, storage.select(plan.sql, plan.values)
        finally:
            storage.close()

    @staticmethod
    def _record(plan: Plan, row: tuple[Any, ...], call: Call) -> dict[str, Any]:
        record = plan.record(row, call.version)
        for each in (record, *record.values()):
            if isinstance(each, dict) and "attributes" in each:
                attributes = each["attributes"]
                attributes["url"] = attributes["url"].replace("/sobjects/", "/tooling/sobjects/", 1)
        return record

    def _complete(self, records: list[dict[str, Any]], whole: list[str]) -> None:
        """Add what the org gives for one row only."""
        if len(records) > 1:
            raise OrgError("MALFORMED_QUERY", ONE_ROW)
        for record in records:
            key = record["attributes"]["url"].rpartition("/")[2]
            found = self._find(key)
            if found is None:
                continue
            values = {"metadata": metadata_of(found[1]), "fullname": f"{table_name(found[0])}.{found[1].name}"}
            names = {"metadata": "Metadata", "fullname": "FullName"}
            record |= {names[name.lower()]: values[name.lower()] for name in whole}

    def _create(self, call: Call) -> Answer:
        if call.method != "POST":
            raise OrgError(
                "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are POST", status=405
            )
        self._require_rights(call)
        body = call.object_body()
        full_name, values = str(body.get("FullName") or ""), body.get("Metadata")
        holder, _, name = full_name.partition(".")
        if not name or not isinstance(values, dict):
            raise OrgError(
                "REQUIRED_FIELD_MISSING", "Required fields are missing: [FullName, Metadata]", ["FullName", "Metadata"]
            )
        try:
            known = self.customising.holder(holder).find(name)
            if known is not None:
                message = f"There is already a field named {name.removesuffix('__c')} on {holder}."
                raise OrgError("DUPLICATE_DEVELOPER_NAME", message, ["FullName"])
            self.customising.put_field(holder, full_name, values)
            each = self.customising.holder(holder)
        except RefusedError as error:
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", error.problem, []) from None
        self.changed()
        new_id = field_id(each, each.fields[name])
        body = {"id": new_id, "success": True, "errors": [], "warnings": [], "infos": []}
        return Answer(201, body, {"Location": f"{call.base}/tooling/sobjects/CustomField/{new_id}"})

    def _one(self, call: Call, record_id: str) -> Answer:
        found = self._find(full_id(record_id) or "")
        if found is None:
            raise not_found()
        if call.method == "GET":
            return self._read(call, *found)
        if call.method not in {"PATCH", "DELETE"}:
            message = f"HTTP Method '{call.method}' not allowed. Allowed are HEAD,GET,PATCH,DELETE"
            raise OrgError("METHOD_NOT_ALLOWED", message, status=405)
        self._require_rights(call)
        table, full_name = table_name(found[0]), f"{table_name(found[0])}.{found[1].name}"
        try:
            if call.method == "DELETE":
                self.customising.delete_field(table, full_name)
            else:
                values = call.object_body().get("Metadata")
                self.customising.put_field(table, full_name, values if isinstance(values, dict) else {})
        except RefusedError as error:
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", error.problem, []) from None
        self.changed()
        return Answer(204)

    def _read(self, call: Call, each: SObject, one: Field) -> Answer:
        text = f"SELECT {', '.join(('Id', *FIELDS_OF_ONE))} FROM CustomField WHERE Id = '{field_id(each, one)}'"
        plan, rows = self._select(call, text)
        whole = {"Metadata": metadata_of(one), "FullName": f"{table_name(each)}.{one.name}"}
        return Answer(200, self._record(plan, rows[0], call) | whole)

    def _require_rights(self, call: Call) -> None:
        self.customising.permissions.require(call.user_id, "CustomizeApplication")

    def _find(self, record_id: str) -> tuple[SObject, Field] | None:
        for each in self.customising.schema.objects.values():
            for one in each.fields.values():
                if one.custom and field_id(each, one) == record_id:
                    return each, one
        return None


def table_name(each: SObject) -> str:
    """Return the object metadata names a field after."""
    return ACTIVITY if each.name == "Task" else each.name


def without(text: str, query: Query, whole: list[str]) -> str:
    """Return a query without the fields that are no columns."""
    kept = [path.text for path in query.fields if path.text not in whole] or ["Id"]
    return f"SELECT {', '.join(kept)} {text[query.object.at - len('FROM ') :]}"


def require_plain(query: Query) -> None:
    """Refuse what the catalogue of objects and fields cannot do, and ignore the limit as it does."""
    paths = {condition.path.text.lower() for condition in conditions(query.where)}
    groups = {group.operator for group in groups_of(query.where)}
    negative = any(condition.operator in {"!=", "NOT IN"} for condition in conditions(query.where))
    if query.counts is not None or groups & {"OR", "NOT"} or negative:
        raise OrgError("EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION", NOT_YET)
    reified = {"entitydefinitionid", "durableid", "entitydefinition.qualifiedapiname", "entitydefinition.durableid"}
    if query.object.text.lower() == "fielddefinition" and not paths & (reified | {"entitydefinition.developername"}):
        message = "FieldDefinition: a filter on a reified column is required [EntityDefinitionId,DurableId]"
        raise OrgError("MALFORMED_QUERY", message)


def conditions(part: Condition | Group | None) -> Iterator[Condition]:
    """Yield every comparison."""
    if isinstance(part, Condition):
        yield part
    elif part is not None:
        for each in part.parts:
            yield from conditions(each)


def groups_of(part: Condition | Group | None) -> Iterator[Group]:
    """Yield every AND, OR and NOT."""
    if isinstance(part, Group):
        yield part
        for each in part.parts:
            yield from groups_of(each)
