"""The org as a WSGI app: paths, tokens, counting, faults. Start here: `App.__call__`."""

import gzip
import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from werkzeug import Request, Response
from werkzeug.http import http_date

from sidecar.sandbox.org import composite, control
from sidecar.sandbox.org.errors import OrgError, not_found
from sidecar.sandbox.org.faults import AFTER, BEFORE, answer_of, drop_after
from sidecar.sandbox.org.identity import identity_of, resources_of
from sidecar.sandbox.org.metadata import read_parts
from sidecar.sandbox.org.wire import Answer, Call, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from sidecar.sandbox.org.org import Org

MAX_URI = 16384
FIRST_VERSION, LAST_VERSION = 31, 68
RETIRED = range(21, 31)
NO_STORE = "no-cache,must-revalidate,max-age=0,no-store,private"
HTML = {"Content-Type": "text/html; charset=UTF-8"}
SEASONS = ("Spring", "Summer", "Winter")
API_PATH = re.compile(r"/services/data/v(\d+\.0)(/.*)?")


class Seen(NamedTuple):
    """One request as it was answered; status 0 means it was not. `cause` is the error code or the fault behind it."""

    method: str
    path: str
    status: int
    cause: str


class App:
    """Turns HTTP into calls and answers into HTTP."""

    def __init__(self, org: "Org") -> None:
        self.org = org

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        with self.org.lock:
            answer = self._answer(request)
        return self._response(answer)(environ, start_response)

    def _answer(self, request: Request) -> Answer:
        path, _, query = raw_uri(request).partition("?")
        if path.startswith("/sandbox/"):
            return control.answer(self.org, path.removeprefix("/sandbox/"), request.get_data())
        try:
            answer, cause = self._faulty(request, path, query)
        except (ConnectionError, TimeoutError) as error:
            self.org.requests.append(Seen(request.method, path, 0, type(error).__name__))
            raise
        self.org.requests.append(Seen(request.method, path, answer.status, cause))
        return answer

    def _faulty(self, request: Request, path: str, query: str) -> tuple[Answer, str]:
        """Answer, unless a fault is due before or after."""
        before = self.org.faults.take(request.method, path, BEFORE)
        if before is not None:
            instead = answer_of(before)
            answer = refusal(instead) if isinstance(instead, OrgError) else instead
            return answer, before.kind
        answer = self._served(request, path, query)
        after = self.org.faults.take(request.method, path, AFTER)
        if after is not None:
            drop_after(after)
        first = answer.body[0] if isinstance(answer.body, list) and answer.body and answer.status >= 400 else {}
        return answer, str(first.get("errorCode", "")) if isinstance(first, dict) else ""

    def _served(self, request: Request, path: str, query: str) -> Answer:
        if len(path) + len(query) + 1 > MAX_URI:
            return Answer(414, b"<h1>URI Too Long</h1>", dict(HTML))
        if path == "/services/oauth2/token":
            if request.method != "POST":
                return Answer(400, {"error": "invalid_request", "error_description": "must use HTTP POST"})
            return self.org.sign_in.answer(
                request.form, request.headers.get("Authorization"), request.host_url.rstrip("/")
            )
        if path == "/services/oauth2/authorize":
            params = request.form if request.method == "POST" else request.args
            return self.org.sign_in.authorize(params.to_dict(), request.method)
        if path.startswith("/id/"):
            return self._identity(request, path)
        if path.rstrip("/") == "/services/data":
            return Answer(200, versions())
        found = API_PATH.fullmatch(path)
        return self._api(request, found) if found else Answer(404, b"<h1>URL No Longer Exists</h1>", dict(HTML))

    def _identity(self, request: Request, path: str) -> Answer:
        """Tell who signed in; a token is for its own user only."""
        try:
            user_id = self.org.sign_in.user_of(request.headers.get("Authorization"))
        except OrgError:
            return Answer(403, b"Bad_OAuth_Token", dict(HTML))
        user = self.org.row("User", user_id)
        if user is None or path != f"/id/{self.org.org_id}/{user_id}":
            return Answer(404, b"Bad_Id", dict(HTML))
        return Answer(200, identity_of(user, self.org.org_id, request.host_url.rstrip("/")))

    def _api(self, request: Request, found: re.Match[str]) -> Answer:
        try:
            user_id = self.org.sign_in.user_of(request.headers.get("Authorization"))
        except OrgError as error:
            answer = refusal(error)
            answer.headers["WWW-Authenticate"] = "Token"
            return answer
        try:
            self.org.limits.count()
            require_version(found[1])
            self.org.metadata.settle()
            self.org.records.permissions.apply(user_id)
            answer = self.dispatch(read_call(request, found, user_id))
        except OrgError as error:
            answer = refusal(error)
        answer.headers["Sforce-Limit-Info"] = self.org.limits.header()
        return answer

    def dispatch(self, call: Call) -> Answer:
        """Carry out a call: a composite in parts, anything else at once."""
        if call.path.rstrip("/") == "/composite" and call.method == "POST" and not call.is_nested:
            return composite.run(call, self.org.rest.answer, self.org.storage)
        if call.path in {"", "/"} and call.method == "GET":
            return Answer(200, resources_of(call.base, self.org.org_id, call.user_id))
        return self.org.rest.answer(call)

    def _response(self, answer: Answer) -> Response:
        headers = {"Cache-Control": NO_STORE, "Date": http_date(self.org.clock.now())} | answer.headers
        if isinstance(answer.body, bytes):
            return Response(answer.body, answer.status, headers)
        if answer.body is None:
            response = Response(b"", answer.status, headers)
            response.headers.pop("Content-Type", None)
            return response
        headers = {"Content-Type": "application/json;charset=UTF-8", "Vary": "Accept-Encoding"} | headers
        return Response(json.dumps(answer.body, ensure_ascii=False).encode(), answer.status, headers)


def raw_uri(request: Request) -> str:
    """Return path and query as they were sent, still %-encoded."""
    sent: str = request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or ""
    if sent.startswith("http"):
        sent = "/" + sent.split("/", 3)[3]
    return sent or request.full_path


def versions() -> list[dict[str, str]]:
    """Return the API versions on offer, three releases a year from Summer '14 on."""
    found = []
    for number in range(FIRST_VERSION, LAST_VERSION + 1):
        season = SEASONS[(number - FIRST_VERSION + 1) % 3]
        year = 14 + (number - FIRST_VERSION + (2 if season == "Winter" else 1)) // 3
        label = f"{season} '{year}"
        found.append({"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"})
    return found


def require_version(version: str) -> None:
    """Refuse a version this org does not speak, or no longer."""
    number = int(version.partition(".")[0])
    if number in RETIRED:
        raise OrgError("GONE", "API version is retired", status=HTTPStatus.GONE)
    if not FIRST_VERSION <= number <= LAST_VERSION:
        raise not_found()


def read_call(request: Request, found: re.Match[str], user_id: str) -> Call:
    """Return the request as a call, its body parsed."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    args = request.args.to_dict()
    method = args.pop("_HttpMethod", request.method) if request.method == "POST" else request.method
    return Call(method, found[1], found[2] or "", args, read_body(request), headers, user_id)


def read_body(request: Request) -> Any:
    """Return the JSON of a request, perhaps gzipped, or its parts; None when there is none."""
    if request.mimetype == "multipart/form-data":
        return read_parts(request)
    data = request.get_data()
    if not data:
        return None
    if request.headers.get("Content-Encoding") == "gzip":
        data = gzip.decompress(data)
    if request.method == "PUT" and request.mimetype == "text/csv":
        return data
    if not (request.mimetype or "").endswith("json"):
        message = f"Content-Type header specified in HTTP request is not supported: {request.mimetype}"
        raise OrgError("UNSUPPORTED_MEDIA_TYPE", message, status=415)
    try:
        return json.loads(data)
    except ValueError:
        raise OrgError("JSON_PARSER_ERROR", "Unexpected character: the request body is not JSON") from None
