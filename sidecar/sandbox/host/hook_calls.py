"""REST calls on webhooks: list, read, make, change, delete."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host.answers import NOT_FOUND, ApiError, answer, plain_error, validation_error
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.contacts import Row
from sidecar.sandbox.host.rendering import entity_head
from sidecar.sandbox.host.webhooks import add_hook, add_triggers

COLUMNS = {
    "name": "name",
    "description": "description",
    "webhookUrl": "webhook_url",
    "eventsOrderbyDir": "events_orderby_dir",
}


def hook_json(call: Call, row: Row) -> dict[str, Any]:
    """Return a webhook with its secret in clear, as Mautic does."""
    events = call.work.schema["webhook_events"]
    triggers = call.work.rows("webhook_events", events.c.webhook_id == row["id"], order=events.c.id)
    return {
        **entity_head(row),
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "webhookUrl": row["webhook_url"],
        "secret": row["secret"],
        "eventsOrderbyDir": row["events_orderby_dir"],
        "category": None,
        "triggers": [trigger["event_type"] for trigger in triggers],
    }


def hooks_list(call: Call) -> Response:
    """Return all webhooks: a list when empty, else an object keyed by id."""
    rows = call.work.rows("webhooks")
    shown = {str(row["id"]): hook_json(call, row) for row in rows}
    return answer({"total": len(rows), "hooks": shown or []})


def hook_get(call: Call, hook_id: int) -> Response:
    """Return one webhook."""
    return answer({"hook": hook_json(call, hook(call, hook_id))})


def hook_new(call: Call) -> Response:
    """Make a webhook; without a secret it gets one, and no trigger name is refused."""
    body = call.item
    if not body.get("webhookUrl"):
        raise ApiError(400, [validation_error({"webhookUrl": ["A valid URL is required."]})])
    values = {column: body.get(name) for name, column in {**COLUMNS, "secret": "secret"}.items()}
    hook_id = add_hook(call.work, values, body.get("triggers") or [], call.actor)
    if call.database.hooks:
        call.database.hooks.may_have_any = True
    return answer({"hook": hook_json(call, hook(call, hook_id))}, 201)


def hook_edit(call: Call, hook_id: int) -> Response:
    """Change a webhook; triggers are added, never taken away."""
    row, body, hooks = hook(call, hook_id), call.item, call.work.schema["webhooks"]
    values = {column: body[name] for name, column in {**COLUMNS, "secret": "secret"}.items() if name in body}
    if "isPublished" in body:
        values["is_published"] = int(bool(body["isPublished"]))
    values |= {"modified_by": call.actor.id, "modified_by_user": call.actor.modified_name}
    if not call.work.profile.freezes_date_modified:
        values["date_modified"] = call.work.stamp
    call.work.connection.execute(update(hooks).where(hooks.c.id == row["id"]).values(**values))
    add_triggers(call.work, hook_id, body.get("triggers") or [])
    return answer({"hook": hook_json(call, hook(call, hook_id))})


def hook_delete(call: Call, hook_id: int) -> Response:
    """Delete a webhook."""
    shown, schema = hook_json(call, hook(call, hook_id)), call.work.schema
    for name in ("webhook_queue", "webhook_logs"):
        call.work.connection.execute(delete(schema[name]).where(schema[name].c.webhook_id == hook_id))
    call.work.connection.execute(
        delete(schema["webhook_events"]).where(schema["webhook_events"].c.webhook_id == hook_id)
    )
    call.work.connection.execute(delete(schema["webhooks"]).where(schema["webhooks"].c.id == hook_id))
    return answer({"hook": {**shown, "id": None}})


def hook(call: Call, hook_id: int) -> Row:
    """Return the row of a webhook, or end the call."""
    rows = call.work.rows("webhooks", call.work.schema["webhooks"].c.id == hook_id)
    if not rows:
        raise plain_error(404, NOT_FOUND)
    return rows[0]


RULES = [
    Rule("/api/hooks", endpoint=hooks_list, methods=["GET"]),
    Rule("/api/hooks/new", endpoint=hook_new, methods=["POST"]),
    Rule("/api/hooks/<int:hook_id>", endpoint=hook_get, methods=["GET"]),
    Rule("/api/hooks/<int:hook_id>/edit", endpoint=hook_edit, methods=["PATCH", "PUT"]),
    Rule("/api/hooks/<int:hook_id>/delete", endpoint=hook_delete, methods=["DELETE"]),
]
