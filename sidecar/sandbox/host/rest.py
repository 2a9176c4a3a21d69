"""The REST API of the sandbox Mautic, as a WSGI app. Each module `*_calls` names its URLs in RULES."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.http import http_date
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sidecar.sandbox.host import (
    auth,
    bundle_calls,
    company_calls,
    contact_calls,
    field_calls,
    field_removal,
    hook_calls,
    list_calls,
    membership_calls,
    segment_calls,
    stats_calls,
)
from sidecar.sandbox.host.answers import ApiError, answer, generic_error, typed_error
from sidecar.sandbox.host.bundle import OWN_WRITE_HEADER
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.faults import AnswerLate, ConnectionDropped, Fault
from sidecar.sandbox.host.work import SYSTEM
from sidecar.sandbox.host.writing import RefusedError, refusal

if TYPE_CHECKING:
    from sidecar.sandbox.host.control import Host

MODULES = (
    company_calls,
    contact_calls,
    list_calls,
    field_calls,
    field_removal,
    stats_calls,
    segment_calls,
    membership_calls,
    hook_calls,
    bundle_calls,
)


def token(call: Call) -> Response:
    """Give out an access token."""
    return auth.issue_token(call.work, call.request)


@cache
def build_urls() -> Map:
    """Return all calls there are; all sandboxes share them, as compiling them takes longer than making a sandbox."""
    rules = [rule.empty() for module in MODULES for rule in module.RULES]
    return Map([Rule("/oauth/v2/token", endpoint=token, methods=["POST"]), *rules])


class Api:
    """Answers REST calls."""

    def __init__(self, host: Host) -> None:
        self.host, self.urls = host, build_urls()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one HTTP request."""
        request = Request(environ)
        response = self.respond(request)
        if request.path.startswith("/api"):
            response.headers["Mautic-Version"] = self.host.profile.version
            response.headers["Date"] = http_date(self.host.clock.now())
        return response(environ, start_response)

    def respond(self, request: Request) -> Response:
        """Let the injected faults strike before or after the real answer."""
        self.host.requests.append((request.method, request.full_path.rstrip("?")))
        faults = self.host.faults.take(request.method, request.path)
        by_kind: dict[str, Fault] = {fault.kind: fault for fault in faults}
        if "reset_before" in by_kind:
            raise ConnectionDropped("dropped before the call was read")
        if "timeout" in by_kind:
            raise AnswerLate("nothing was done and nobody answers")
        if "status" in by_kind:
            return failed(injected_error(request.path, by_kind["status"].status))
        for fault in faults:
            if fault.kind == "act" and fault.do:
                fault.do()
        response = self.dispatch(request, faults)
        if "reset_after" in by_kind:
            raise ConnectionDropped("dropped after the call was carried out")
        if "timeout_after" in by_kind:
            raise AnswerLate("the call was carried out and nobody answers")
        return response

    def dispatch(self, request: Request, faults: list[Fault]) -> Response:
        """Find what a request wants, sign its sender in, do it in one transaction."""
        database = self.host.database
        try:
            endpoint, arguments = self.urls.bind_to_environ(request.environ).match()
            with database.work() as work:
                actor = SYSTEM if endpoint is token else auth.sign_in(work, request)
                if work.listeners and database.bundle:
                    is_marked = request.headers.get(OWN_WRITE_HEADER) == "1"
                    work.listeners.is_own = is_marked and database.bundle.is_own(actor.client_id)
                result: Response = endpoint(Call(request, work, actor, database, faults), **arguments)
                return result
        except (NotFound, MethodNotAllowed):
            return failed(self.missing_route(request))
        except ApiError as error:
            return failed(error)
        except RefusedError as refused:
            return failed(refusal(refused))
        except HTTPException as error:
            return failed(generic_error(error.code or 500))

    def missing_route(self, request: Request) -> ApiError:
        """Return Mautic's answer to a path or method it does not know, which it gives to signed-in callers only."""
        try:
            with self.host.database.work() as work:
                auth.sign_in(work, request)
        except ApiError as error:
            return error
        return typed_error(404, f"Requested URL not found: {request.path}")


def injected_error(path: str, status: int) -> ApiError:
    """Return the error somebody wants; a 401 looks like an access token that is no longer known."""
    own = bundle_calls.injected_error(status) if path.startswith(bundle_calls.ROOT) else None
    if own:
        return own
    return auth.expired_token() if status == 401 else generic_error(status)


def failed(error: ApiError) -> Response:
    """Return an error as JSON."""
    response = answer({"errors": error.errors}, error.status)
    response.headers.update(error.headers)
    return response
