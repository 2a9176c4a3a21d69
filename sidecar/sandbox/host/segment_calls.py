"""REST calls on segments themselves: list, read, make with filters, delete. Nobody rebuilds them: members are put in by hand."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host import memberships, php
from sidecar.sandbox.host.answers import NOT_FOUND, answer, plain_error
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.contacts import Row
from sidecar.sandbox.host.rendering import entity_head


def segment_json(row: Row) -> dict[str, Any]:
    """Return a segment."""
    return {
        **entity_head(row),
        "id": row["id"],
        "name": row["name"],
        "publicName": row["public_name"],
        "alias": row["alias"],
        "description": row["description"],
        "category": None,
        "filters": _filters(row),
        "isGlobal": bool(row["is_global"]),
        "isPreferenceCenter": bool(row["is_preference_center"]),
    }


def segments_list(call: Call) -> Response:
    """Return the segments, keyed by id."""
    shown = {str(row["id"]): segment_json(row) for row in call.work.rows("lead_lists")}
    return answer({"total": len(shown), "lists": shown})


def segment_get(call: Call, segment_id: int) -> Response:
    """Return one segment."""
    return answer({"list": segment_json(_segment(call, segment_id))})


def segment_new(call: Call) -> Response:
    """Make a segment with its filters."""
    body, table = call.item, call.work.schema["lead_lists"]
    segment_id = memberships.segment_named(call.work, str(body.get("name", "")), body.get("alias"))
    values = {
        "filters": php.serialize(dict(enumerate(body.get("filters") or []))),
        "description": body.get("description"),
        "created_by": call.actor.id,
        "created_by_user": call.actor.name,
        "is_global": int(bool(body.get("isGlobal", True))),
    }
    call.work.connection.execute(table.update().where(table.c.id == segment_id).values(**values))
    return answer({"list": segment_json(_segment(call, segment_id))}, 201)


def segment_delete(call: Call, segment_id: int) -> Response:
    """Delete a segment and its memberships."""
    shown, schema = segment_json(_segment(call, segment_id)), call.work.schema
    members, lists = schema["lead_lists_leads"], schema["lead_lists"]
    call.work.connection.execute(delete(members).where(members.c.leadlist_id == segment_id))
    call.work.connection.execute(delete(lists).where(lists.c.id == segment_id))
    return answer({"list": {**shown, "id": None}})


def _segment(call: Call, segment_id: int) -> Row:
    rows = call.work.rows("lead_lists", call.work.schema["lead_lists"].c.id == segment_id)
    if not rows:
        raise plain_error(404, NOT_FOUND)
    return rows[0]


def _filters(row: Row) -> list[Any]:
    kept = row["filters"]
    found = php.unserialize(kept) if isinstance(kept, str) else kept
    return list(found.values()) if isinstance(found, dict) else list(found or [])


RULES = [
    Rule("/api/segments", endpoint=segments_list, methods=["GET"]),
    Rule("/api/segments/<int:segment_id>", endpoint=segment_get, methods=["GET"]),
    Rule("/api/segments/new", endpoint=segment_new, methods=["POST"]),
    Rule("/api/segments/<int:segment_id>/delete", endpoint=segment_delete, methods=["DELETE"]),
]
