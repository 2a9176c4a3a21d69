"""REST calls of the bundle: how it stands, its outbox, writing contacts in bulk."""

from __future__ import annotations

import json
from typing import Any, Final

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host import bundle_bulk, outbox
from sidecar.sandbox.host.answers import ApiError, answer, plain_error, typed_error
from sidecar.sandbox.host.bundle import PROTOCOL, VERSION, Bundle
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.listeners import iso

ROOT: Final = "/api/sidecar/"
PAGE_LIMIT = 1000
DONE_LIMIT = 5000
SWITCHED_OFF = "The integration is switched off."
FORBIDDEN = "The role of this API client does not allow it."


def require_bundle(call: Call) -> Bundle:
    """Return the bundle; without it the path is unknown, and switched off it refuses everything."""
    bundle = call.database.bundle
    if bundle is None:
        raise NotFound
    if not bundle.is_published:
        raise typed_error(403, SWITCHED_OFF, "switched-off")
    return bundle


def injected_error(status: int) -> ApiError | None:
    """Return the error somebody wants of these calls where it has a form of its own."""
    if status == 403:
        return typed_error(403, FORBIDDEN, "forbidden")
    return bundle_bulk.busy() if status == 503 else None


def status(call: Call) -> Response:
    """Say which parts of the bundle there are, and what waits."""
    bundle = require_bundle(call)
    began_at, waiting, oldest_at = outbox.summary(call.work.connection, call.work.schema[outbox.NAME])
    return answer(
        {
            "bundle": VERSION,
            "protocol": PROTOCOL,
            "outbox": {"began_at": iso(began_at), "waiting": waiting, "oldest_at": iso(oldest_at)},
            "own_client": bundle.is_own(call.actor.client_id),
            "bulk_limit": bundle_bulk.LIMIT,
            "repair_merges": bundle.repair_merges,
        }
    )


def outbox_page(call: Call) -> Response:
    """Return a page of the outbox, by id; a limit beyond 1 to 1,000 is taken for the nearest."""
    require_bundle(call)
    after_id, limit = number(call, "after", 0), number(call, "limit", PAGE_LIMIT)
    limit = max(1, min(PAGE_LIMIT, limit))
    rows = outbox.read_page(call.work.connection, call.work.schema[outbox.NAME], after_id, limit)
    return answer({"rows": [row_json(row) for row in rows]})


def outbox_done(call: Call) -> Response:
    """Delete the rows that were dealt with; ids that are gone are no error."""
    require_bundle(call)
    ids = call.item.get("ids")
    if not isinstance(ids, list) or len(ids) > DONE_LIMIT or not all(type(each) is int and each > 0 for each in ids):
        raise plain_error(400, f"ids is a list of at most {DONE_LIMIT} ids.")
    return answer({"deleted": outbox.delete_done(call.work.connection, call.work.schema[outbox.NAME], ids)})


def contacts_bulk(call: Call) -> Response:
    """Write many contacts: 200 whatever became of the items."""
    require_bundle(call)
    items = call.item.get("items")
    if not isinstance(items, list):
        raise plain_error(400, "items is a list.")
    if len(items) > bundle_bulk.LIMIT:
        raise plain_error(413, f"A max of {bundle_bulk.LIMIT} items are taken at a time.")
    return answer({"results": bundle_bulk.write_items(call.writer(bundle_bulk.SOURCE), items, call.faults)})


def row_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the outbox as JSON."""
    shown = {name: row[name] for name in ("id", "kind", "what", "object_id", "into_id")}
    details = None if row["details"] is None else json.loads(row["details"])
    return {**shown, "details": details, "at": iso(row["date_added"])}


def number(call: Call, name: str, default: int) -> int:
    """Return a number of the query; what is none counts as not sent."""
    text = call.request.args.get(name, "")
    return int(text) if text.isdecimal() else default


RULES = [
    Rule(f"{ROOT}status", endpoint=status, methods=["GET"]),
    Rule(f"{ROOT}outbox", endpoint=outbox_page, methods=["GET"]),
    Rule(f"{ROOT}outbox/done", endpoint=outbox_done, methods=["POST"]),
    Rule(f"{ROOT}contacts/bulk", endpoint=contacts_bulk, methods=["POST"]),
]
