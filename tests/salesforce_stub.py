"""An org that says only what a test tells it to, in-process, and remembers what it was asked."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

INSTANCE = "https://example.my.salesforce.com"
RECORDINGS = Path(__file__).parent / "recordings" / "salesforce"
TOKEN = {"access_token": "00D-first-token", "instance_url": INSTANCE, "token_type": "Bearer", "token_format": "opaque"}


def recorded(name: str) -> dict[str, Any]:
    """Return the response part of a recorded exchange: status, headers, body."""
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]


@dataclass
class Answer:
    """What the stub sends back. A string body goes out as it is, anything else as JSON."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str) -> "Answer":
        """Return a recorded answer."""
        response = recorded(name)
        return cls(response["body"], response["status"], dict(response["headers"]))


@dataclass
class Sent:
    """One request as it went out."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def soql(self) -> str:
        """The query of a direct query request."""
        return parse_qs(urlsplit(self.url).query)["q"][0]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts of a composite request."""
        return self.body["compositeRequest"]

    @property
    def is_metered(self) -> bool:
        return "Authorization" in self.headers


Reply = Answer | Exception | Callable[[Sent], Answer]


class StubOrg(HTTPAdapter):
    """Answers by method and path; each route has a queue of replies whose last one stays."""

    def __init__(self) -> None:
        super().__init__()
        self._routes: list[tuple[str, re.Pattern[str], list[Reply]]] = []
        self.sent: list[Sent] = []
        self.on("POST", "/services/oauth2/token", Answer(TOKEN))

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Answer from now on; a later rule for the same place goes before an earlier one."""
        self._routes.insert(0, (method, re.compile(path), list(replies)))

    @property
    def metered(self) -> list[Sent]:
        """What cost an API call."""
        return [sent for sent in self.sent if sent.is_metered]

    @property
    def sign_ins(self) -> list[Sent]:
        return [sent for sent in self.sent if sent.path == "/services/oauth2/token"]

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        sent = Sent(request.method, request.url, dict(request.headers), _body(request))
        self.sent.append(sent)
        for method, path, replies in self._routes:
            if method == sent.method and path.fullmatch(sent.path):
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                return self._answer(
                    request, reply(sent) if callable(reply) and not isinstance(reply, Answer) else reply
                )
        raise AssertionError(f"nobody told the stub about {sent.method} {sent.path}")

    def _answer(self, request: requests.PreparedRequest, reply: Answer | Exception) -> requests.Response:
        if isinstance(reply, Exception):
            raise reply
        is_text = isinstance(reply.body, str)
        body = reply.body.encode() if is_text else b"" if reply.body is None else json.dumps(reply.body).encode()
        headers = HTTPHeaderDict({"Content-Type": "text/html" if is_text else "application/json"} | reply.headers)
        raw = HTTPResponse(body=BytesIO(body), headers=headers, status=reply.status, preload_content=False)
        return self.build_response(request, raw)


def composite(*bodies: Any, status: int = 200) -> Answer:
    """Return a composite answer with these bodies, all with one inner status."""
    found = [
        {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": f"part{number}"}
        for number, body in enumerate(bodies)
    ]
    return Answer({"compositeResponse": found})


def result(*rows: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    """Return the body of a query answer."""
    body: dict[str, Any] = {"totalSize": len(rows), "done": following is None, "records": list(rows)}
    return body | ({"nextRecordsUrl": following} if following else {})


def saved(record_id: str, *, created: bool | None = None) -> dict[str, Any]:
    """Return the result of a row that was saved."""
    return {"id": record_id, "success": True, "errors": []} | ({} if created is None else {"created": created})


def refused(code: str, *fields: str) -> dict[str, Any]:
    """Return the result of a row that was refused."""
    error = {"statusCode": code, "message": "Jane Roe <jane@example.com>", "fields": list(fields)}
    return {"success": False, "errors": [error]}


def _body(request: requests.PreparedRequest) -> Any:
    text = request.body.decode() if isinstance(request.body, bytes) else request.body
    if not text:
        return None
    if "json" in request.headers.get("Content-Type", ""):
        return json.loads(text)
    return {name: values[0] for name, values in parse_qs(text).items()}
