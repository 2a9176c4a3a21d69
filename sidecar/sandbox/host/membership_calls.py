"""REST calls that put contacts into segments and stages, and give them points."""

from __future__ import annotations

from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host import contacts, memberships
from sidecar.sandbox.host.answers import NOT_FOUND, answer, plain_error
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.change import Change
from sidecar.sandbox.host.contacts import Row


def segment_add(call: Call, segment_id: int, contact_id: int) -> Response:
    """Put a contact into a segment."""
    segment, row = existing(call, "lead_lists", segment_id), member(call, contact_id)
    memberships.join_segment(call.work, row["id"], segment, call.actor)
    return answer({"success": 1})


def segment_add_many(call: Call, segment_id: int) -> Response:
    """Put contacts into a segment; the answer says of each whether it is one."""
    segment = existing(call, "lead_lists", segment_id)
    details: dict[str, dict[str, bool]] = {}
    for contact_id in call.item.get("ids", []):
        row = contacts.find(call.work, int(contact_id))
        if row is not None:
            memberships.join_segment(call.work, row["id"], segment, call.actor)
        details[str(contact_id)] = {"success": row is not None}
    return answer({"success": 1, "details": details})


def segment_remove(call: Call, segment_id: int, contact_id: int) -> Response:
    """Take a contact out of a segment."""
    segment, row = existing(call, "lead_lists", segment_id), member(call, contact_id)
    memberships.leave_segment(call.work, row["id"], segment, call.actor)
    return answer({"success": 1})


def stages_list(call: Call) -> Response:
    """Return the stages as a list."""
    rows = call.work.rows("stages")
    stages = [{"id": row["id"], "name": row["name"], "weight": row["weight"]} for row in rows]
    return answer({"total": len(stages), "stages": stages})


def stage_add(call: Call, stage_id: int, contact_id: int) -> Response:
    """Put a contact on a stage."""
    existing(call, "stages", stage_id)
    contacts.edit(call.work, member(call, contact_id), Change(stage_id=stage_id), call.actor, contacts.NOWHERE)
    return answer({"success": 1})


def stage_remove(call: Call, stage_id: int, contact_id: int) -> Response:
    """Take a contact off its stage."""
    existing(call, "stages", stage_id)
    contacts.edit(call.work, member(call, contact_id), Change(stage_id=None), call.actor, contacts.NOWHERE)
    return answer({"success": 1})


def points(call: Call, contact_id: int, sign: str, amount: int) -> Response:
    """Give or take points."""
    row = call.contact(contact_id)
    names = (str(call.item.get("eventName", "API")), str(call.item.get("actionName", "API")))
    memberships.gain_points(call.work, row, amount if sign == "plus" else -amount, ("API", *names), call.actor)
    return answer({"success": 1})


def existing(call: Call, table: str, row_id: int) -> Row:
    """Return a row that a path names, or end the call."""
    rows = call.work.rows(table, call.work.schema[table].c.id == row_id)
    if not rows:
        raise plain_error(404, NOT_FOUND)
    return rows[0]


def member(call: Call, contact_id: int) -> Row:
    """Return the contact of a membership call, whose 404 has words of its own."""
    row = contacts.find(call.work, contact_id)
    if row is None:
        raise plain_error(404, "Contact not found.")
    return row


RULES = [
    Rule("/api/segments/<int:segment_id>/contact/<int:contact_id>/add", endpoint=segment_add, methods=["POST"]),
    Rule("/api/segments/<int:segment_id>/contacts/add", endpoint=segment_add_many, methods=["POST"]),
    Rule("/api/segments/<int:segment_id>/contact/<int:contact_id>/remove", endpoint=segment_remove, methods=["POST"]),
    Rule("/api/stages", endpoint=stages_list, methods=["GET"]),
    Rule("/api/stages/<int:stage_id>/contact/<int:contact_id>/add", endpoint=stage_add, methods=["POST"]),
    Rule("/api/stages/<int:stage_id>/contact/<int:contact_id>/remove", endpoint=stage_remove, methods=["POST"]),
    Rule(
        "/api/contacts/<int:contact_id>/points/<any(plus,minus):sign>/<int:amount>", endpoint=points, methods=["POST"]
    ),
]
