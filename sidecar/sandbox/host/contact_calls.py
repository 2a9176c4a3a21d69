"""REST calls on contacts: read, write, delete, batches, do-not-contact."""

from __future__ import annotations

from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host import consent, contacts
from sidecar.sandbox.host.answers import NOT_FOUND, answer, list_or_object, plain_error
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.rendering import Renderer
from sidecar.sandbox.host.writing import batch_edit, batch_new


def contact_get(call: Call, contact_id: int) -> Response:
    """Return a contact, or the survivor of the one that was asked for."""
    row = call.contact(contact_id)
    return answer({"contact": Renderer(call.work, [row["id"]]).full(row)})


def contact_new(call: Call) -> Response:
    """Create a contact or update the one with the same unique value."""
    row, status = call.writer("lead:api-single").create_or_update(call.item)
    shown = Renderer(call.work, [row["id"]]).full(row, call.item, fresh=status == 201)
    response = answer({"contact": shown}, status)
    response.headers["Location"] = f"/api/contacts/{row['id']}"
    return response


def contact_edit(call: Call, contact_id: int) -> Response:
    """Edit a contact or its survivor; PUT blanks what is not sent and creates what is not there."""
    is_put, writer = call.request.method == "PUT", call.writer("lead:api-single")
    row = contacts.find(call.work, contact_id)
    if row is None and is_put:
        row, status = writer.create_or_update(call.item, replace=True)
        return answer({"contact": Renderer(call.work, [row["id"]]).full(row, call.item, fresh=True)}, status)
    if row is None:
        raise plain_error(404, NOT_FOUND)
    writer.update(row, writer.parse(call.item, replace=is_put))
    return answer({"contact": Renderer(call.work, [row["id"]]).full(row, call.item)})


def contact_delete(call: Call, contact_id: int) -> Response:
    """Delete a contact; the id of one that was merged away deletes the survivor."""
    row = call.contact(contact_id)
    shown = Renderer(call.work, [row["id"]]).full(row)
    contacts.remove(call.work, row, call.actor)
    shown["fields"]["all"]["id"] = None
    return answer({"contact": {**shown, "id": None}})


def contacts_new(call: Call) -> Response:
    """Create or update many contacts: 201 whatever became of the items."""
    return answer(batch_new(call.writer("lead:api-batch"), call.body, call.faults), 201)


def contacts_edit(call: Call) -> Response:
    """Edit many contacts: 200 whatever became of the items."""
    is_put = call.request.method == "PUT"
    return answer(batch_edit(call.writer("lead:api-batch"), call.body, call.faults, replace=is_put))


def contacts_delete(call: Call) -> Response:
    """Delete the contacts named in ?ids=; a body is not looked at, unknown ids are passed over."""
    sent = call.request.args.getlist("ids[]") or call.request.args.get("ids", "").split(",")
    found = contacts.load_for_batch(call.work, [int(part) for part in sent if part.strip().isdigit()])
    rows = {row["id"]: row for row in found.values()}
    renderer = Renderer(call.work, rows)
    shown = {position: renderer.full(row) for position, row in enumerate(rows.values())}
    for row in rows.values():
        contacts.remove(call.work, row, call.actor, in_batch=True)
    return answer({"contacts": list_or_object(shown)})


def dnc_add(call: Call, contact_id: int, channel: str) -> Response:
    """Put a contact on the do-not-contact list of a channel."""
    row = call.contact(contact_id)
    consent.add(call.work, row, channel, call.item, call.actor)
    return answer({"contact": Renderer(call.work, [row["id"]]).sparse(row)})


def dnc_remove(call: Call, contact_id: int, channel: str) -> Response:
    """Take a contact from the do-not-contact list of a channel."""
    row = call.contact(contact_id)
    was_on = consent.remove(call.work, row, channel, call.actor)
    return answer({"recordFound": was_on, "contact": Renderer(call.work, [row["id"]]).sparse(row)})


RULES = [
    Rule("/api/contacts/new", endpoint=contact_new, methods=["POST"]),
    Rule("/api/contacts/<int:contact_id>", endpoint=contact_get, methods=["GET"]),
    Rule("/api/contacts/<int:contact_id>/edit", endpoint=contact_edit, methods=["PATCH", "PUT"]),
    Rule("/api/contacts/<int:contact_id>/delete", endpoint=contact_delete, methods=["DELETE"]),
    Rule("/api/contacts/<int:contact_id>/dnc/<channel>/add", endpoint=dnc_add, methods=["POST"]),
    Rule("/api/contacts/<int:contact_id>/dnc/<channel>/remove", endpoint=dnc_remove, methods=["POST"]),
    Rule("/api/contacts/batch/new", endpoint=contacts_new, methods=["POST"]),
    Rule("/api/contacts/batch/edit", endpoint=contacts_edit, methods=["PATCH", "PUT"]),
    Rule("/api/contacts/batch/delete", endpoint=contacts_delete, methods=["DELETE"]),
]
