"""Writes → rows → results: which field carries what, and an opt-out that arrives even when its record is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from sidecar.mapping.model import ObjectMapping, OnDuplicate
from sidecar.mapping.rules import Rules
from sidecar.records import ObjectSchema, Ref
from sidecar.salesforce.rows import Kind, Row, RowResult
from sidecar.salesforce.values import to_json
from sidecar.sync.model import ConsentChange, Reaction, Write, WriteError, WriteResult

_HIDDEN: Final = WriteError("salesforce-opt-out-hidden", Reaction.SETUP)
_NO_OBJECT: Final = WriteError("salesforce-object-unknown", Reaction.SETUP)


class Writer(Protocol):
    """Whoever takes rows to Salesforce."""

    def write(self, rows: Sequence[Row]) -> list[RowResult]:
        """Write the rows; one result each, in order."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """One write with its row; no row means there is nothing to send."""

    write: Write
    row: Row | None
    opt_out: str | None
    result: WriteResult


def write_all(
    writer: Writer, rules: Rules, schemas: Mapping[str, ObjectSchema | None], writes: Sequence[Write]
) -> list[WriteResult]:
    """Carry out the writes; one result each, in order."""
    plans = [_plan(write, rules, schemas.get(write.object)) for write in writes]
    # Children of one account lock each other: neighbours in one collection are saved one after the other.
    order = sorted((number for number, plan in enumerate(plans) if plan.row), key=lambda n: _parent_first(writes[n]))
    sent = writer.write([row for number in order if (row := plans[number].row)])
    for number, row_result in zip(order, sent, strict=True):
        plans[number] = replace(plans[number], result=_result(plans[number], row_result))
    _part_with_consent(writer, plans)
    return [plan.result for plan in plans]


def headers_for(mapping: ObjectMapping) -> dict[str, str]:
    """Return the headers by which the mapping's choices about duplicate and assignment rules reach Salesforce."""
    headers = {"Sforce-Auto-Assign": "TRUE"} if mapping.assignment_rules else {}
    if mapping.on_duplicate is OnDuplicate.SAVE:
        headers["Sforce-Duplicate-Rule-Header"] = "allowSave=true"
    return headers


def _plan(write: Write, rules: Rules, schema: ObjectSchema | None) -> _Planned:
    if schema is None:
        return _Planned(write, None, None, WriteResult(ref=write.ref, error=_NO_OBJECT))
    body: dict[str, Any] = {name: to_json(value, schema.fields.get(name)) for name, value in write.values.items()}
    opt_out = rules.mapping.consent.salesforce_field if rules.mapping.consent else None
    result = WriteResult(ref=write.ref)
    if write.consent and (opt_out is None or opt_out not in schema.fields):
        opt_out, result = None, WriteResult(ref=write.ref, consent_error=_HIDDEN)
    elif write.consent and opt_out:
        body[opt_out] = write.consent is ConsentChange.OPT_OUT
    external_id = schema.fields.get(rules.mapping.external_id or "")
    if write.external_id and external_id:
        body[external_id.name] = write.external_id
    if write.ref:
        row = Row(Kind.UPDATE, write.object, {"id": write.ref.id} | body) if body else None
    elif write.external_id and external_id and external_id.is_key:
        row = Row(Kind.UPSERT, write.object, body, external_id.name)
    else:
        row = Row(Kind.INSERT, write.object, body)
    return _Planned(write, row, opt_out if write.consent else None, result)


def _result(plan: _Planned, sent: RowResult) -> WriteResult:
    ref = plan.write.ref or (Ref(plan.write.object, sent.id) if sent.id else None)
    return replace(plan.result, ref=ref, error=sent.error, was_created=sent.was_created)


def _part_with_consent(writer: Writer, plans: list[_Planned]) -> None:
    """Send the opt-out and the other values of a refused update apart: neither may keep the other from arriving."""
    apart: list[tuple[int, bool, Row]] = []
    for number, plan in enumerate(plans):
        error, row = plan.result.error, plan.row
        if error is None or row is None or row.kind is not Kind.UPDATE or plan.opt_out is None or len(row.body) < 3:
            continue
        if error.reaction is Reaction.RETRY:
            continue
        consent_to_blame = error.fields == (plan.opt_out,)
        body = {name: value for name, value in row.body.items() if (name == plan.opt_out) is not consent_to_blame}
        apart.append((number, consent_to_blame, replace(row, body=body | {"id": row.body["id"]})))
    sent = writer.write([row for _, _, row in apart]) if apart else []
    for (number, consent_to_blame, _), row_result in zip(apart, sent, strict=True):
        first, second = plans[number].result.error, row_result.error
        error, consent_error = (second, first) if consent_to_blame else (first, second)
        result = replace(plans[number].result, error=error, consent_error=consent_error)
        plans[number] = replace(plans[number], result=result)


def _parent_first(write: Write) -> tuple[str, str, str]:
    return write.object, str(write.values.get("AccountId") or ""), write.ref.id if write.ref else ""
