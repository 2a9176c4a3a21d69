"""The REST API of the sandbox Mautic, as a WSGI app.

Start here: `URLS` names every call there is; each is a method of `Api` of the same name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sidecar.sandbox.host import auth, consent, contacts
from sidecar.sandbox.host.answers import (
    NOT_FOUND,
    ApiError,
    answer,
    generic_error,
    list_or_object,
    plain_error,
    typed_error,
)
from sidecar.sandbox.host.faults import AnswerWithheld, ConnectionDropped, Fault
from sidecar.sandbox.host.rendering import Renderer
from sidecar.sandbox.host.work import Actor, Work
from sidecar.sandbox.host.writing import RefusedError, Writer, batch_edit, batch_new, refusal

if TYPE_CHECKING:
    from sidecar.sandbox.host.control import Host

URLS = Map(
    [
        Rule("/oauth/v2/token", endpoint="token", methods=["POST"]),
        Rule("/api/contacts/new", endpoint="contact_new", methods=["POST"]),
        Rule("/api/contacts/<int:contact_id>/edit", endpoint="contact_edit", methods=["PATCH", "PUT"]),
        Rule("/api/contacts/<int:contact_id>/delete", endpoint="contact_delete", methods=["DELETE"]),
        Rule("/api/contacts/<int:contact_id>/dnc/<channel>/add", endpoint="dnc_add", methods=["POST"]),
        Rule("/api/contacts/<int:contact_id>/dnc/<channel>/remove", endpoint="dnc_remove", methods=["POST"]),
        Rule("/api/contacts/batch/new", endpoint="contacts_new", methods=["POST"]),
        Rule("/api/contacts/batch/edit", endpoint="contacts_edit", methods=["PATCH", "PUT"]),
        Rule("/api/contacts/batch/delete", endpoint="contacts_delete", methods=["DELETE"]),
        Rule("/api/contacts/<int:contact_id>", endpoint="contact_get", methods=["GET"]),
    ]
)


@dataclass(slots=True)
class Call:
    """One call being answered."""

    request: Request
    work: Work
    actor: Actor
    faults: list[Fault] = field(default_factory=list)

    @property
    def body(self) -> Any:
        """The body: JSON, or a form."""
        if self.request.mimetype == "application/x-www-form-urlencoded":
            return {k.removesuffix("[]"): v if k.endswith("[]") else v[-1] for k, v in self.request.form.lists()}
        text = self.request.get_data()
        if not text.strip():
            return {}
        try:
            return json.loads(text)
        except ValueError as error:
            raise generic_error(400) from error

    @property
    def item(self) -> dict[str, Any]:
        """The body, which must be one object."""
        if not isinstance(self.body, dict):
            raise generic_error(400)
        return self.body

    def writer(self, source: str) -> Writer:
        """Return a writer of contacts for this call."""
        is_blind = any(fault.kind == "race" for fault in self.faults)
        return Writer(self.work, self.actor, source, is_blind)


class Api:
    """Answers REST calls."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one HTTP request."""
        request = Request(environ)
        response = self.respond(request)
        if request.path.startswith("/api"):
            response.headers["Mautic-Version"] = self.host.rules.version
        return response(environ, start_response)

    def respond(self, request: Request) -> Response:
        """Let the injected faults strike before or after the real answer."""
        self.host.requests.append((request.method, request.full_path.rstrip("?")))
        faults = self.host.faults.take(request.method, request.path)
        kinds = {fault.kind: fault for fault in faults}
        if "reset_before" in kinds:
            raise ConnectionDropped("dropped before the call was read")
        if "status" in kinds:
            return self.failed(generic_error(kinds["status"].status))
        response = self.dispatch(request, faults)
        if "reset_after" in kinds:
            raise ConnectionDropped("dropped after the call was carried out")
        if "timeout" in kinds:
            raise AnswerWithheld("no answer")
        return response

    def dispatch(self, request: Request, faults: list[Fault]) -> Response:
        """Find what a request wants, sign its sender in, do it in one transaction."""
        try:
            endpoint, arguments = URLS.bind_to_environ(request.environ).match()
            with self.host.database.work() as work:
                actor = Actor() if endpoint == "token" else auth.sign_in(work, request)
                result: Response = getattr(self, endpoint)(Call(request, work, actor, faults), **arguments)
                return result
        except (NotFound, MethodNotAllowed):
            return self.failed(self.missing_route(request))
        except ApiError as error:
            return self.failed(error)
        except RefusedError as refused:
            return self.failed(refusal(refused))
        except HTTPException as error:
            return self.failed(generic_error(error.code or 500))

    def missing_route(self, request: Request) -> ApiError:
        """Return Mautic's answer to a path or method it does not know, which it gives to signed-in callers only."""
        try:
            with self.host.database.work() as work:
                auth.sign_in(work, request)
        except ApiError as error:
            return error
        return typed_error(404, f"Requested URL not found: {request.path}")

    @staticmethod
    def failed(error: ApiError) -> Response:
        """Return an error as JSON."""
        return answer({"errors": error.errors}, error.status)

    def token(self, call: Call) -> Response:
        """Give out an access token."""
        return auth.issue_token(call.work, call.request)

    def contact_get(self, call: Call, contact_id: int) -> Response:
        """Return a contact, or the survivor of the one that was asked for."""
        row = self.found(call, contact_id)
        return answer({"contact": Renderer(call.work, [row["id"]]).full(row)})

    def contact_new(self, call: Call) -> Response:
        """Create a contact or update the one with the same unique value."""
        row, status = call.writer("lead:api-single").create_or_update(call.item)
        shown = Renderer(call.work, [row["id"]]).full(row, call.item, fresh=status == 201)
        response = answer({"contact": shown}, status)
        response.headers["Location"] = f"/api/contacts/{row['id']}"
        return response

    def contact_edit(self, call: Call, contact_id: int) -> Response:
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

    def contact_delete(self, call: Call, contact_id: int) -> Response:
        """Delete a contact; the id of one that was merged away deletes the survivor."""
        row = self.found(call, contact_id)
        shown = Renderer(call.work, [row["id"]]).full(row)
        contacts.remove(call.work, row, call.actor)
        shown["fields"]["all"]["id"] = None
        return answer({"contact": {**shown, "id": None}})

    def contacts_new(self, call: Call) -> Response:
        """Create or update many contacts: 201 whatever became of the items."""
        return answer(batch_new(call.writer("lead:api-batch"), call.body, call.faults), 201)

    def contacts_edit(self, call: Call) -> Response:
        """Edit many contacts: 200 whatever became of the items."""
        is_put = call.request.method == "PUT"
        return answer(batch_edit(call.writer("lead:api-batch"), call.body, call.faults, replace=is_put))

    def contacts_delete(self, call: Call) -> Response:
        """Delete the contacts named in ?ids=; a body is not looked at, unknown ids are passed over."""
        sent = call.request.args.getlist("ids[]") or call.request.args.get("ids", "").split(",")
        rows = contacts.load(call.work, [int(part) for part in sent if part.strip().isdigit()])
        renderer = Renderer(call.work, rows)
        shown = {position: renderer.full(row) for position, row in enumerate(rows.values())}
        for row in rows.values():
            contacts.remove(call.work, row, call.actor)
        return answer({"contacts": list_or_object(shown)})

    def dnc_add(self, call: Call, contact_id: int, channel: str) -> Response:
        """Put a contact on the do-not-contact list of a channel."""
        row = self.found(call, contact_id)
        consent.add(call.work, row, channel, call.item, call.actor)
        return answer({"contact": Renderer(call.work, [row["id"]]).sparse(row)})

    def dnc_remove(self, call: Call, contact_id: int, channel: str) -> Response:
        """Take a contact from the do-not-contact list of a channel."""
        row = self.found(call, contact_id)
        was_on = consent.remove(call.work, row, channel, call.actor)
        return answer({"recordFound": was_on, "contact": Renderer(call.work, [row["id"]]).sparse(row)})

    @staticmethod
    def found(call: Call, contact_id: int) -> contacts.Row:
        """Return a contact or its survivor, or end the call."""
        if row := contacts.find(call.work, contact_id):
            return row
        raise plain_error(404, NOT_FOUND)
