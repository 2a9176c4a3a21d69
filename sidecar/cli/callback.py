"""Waits on this machine for the browser that comes back from Salesforce (RFC 8252), and tells it that all is well."""

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sidecar.connecting import CALLBACK_PATH
from sidecar.errors import UsageError
from sidecar.store.sign_ins import LIFE

PAGE = b"<!doctype html><html lang=en><title>sidecar</title><p>That is all here. Go back to the terminal.</p></html>"


class CallbackListener:
    """Listens on a loopback port from the moment it is made; use it in a with block."""

    def __init__(self, port: int) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError:
            raise UsageError(
                f"Port {port} of this machine is taken: give another --callback-port, or --paste.",
                code="callback-port-taken",
            ) from None

    def __enter__(self) -> "CallbackListener":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    @property
    def url(self) -> str:
        """The callback URL that the app in Salesforce must have."""
        return f"http://localhost:{self._server.server_port}{CALLBACK_PATH}"

    def wait(self, state: str, seconds: float = LIFE.total_seconds()) -> dict[str, str]:
        """Return the parameters of the callback for this sign-in; whatever else knocks is sent away."""
        self._server.state = state
        deadline = time.monotonic() + seconds
        while self._server.answer is None:
            self._server.timeout = deadline - time.monotonic()
            if self._server.timeout <= 0:
                raise UsageError("Nobody came back from Salesforce in time: begin again.", code="sign-in-unknown")
            self._server.handle_request()
        return self._server.answer


class _Server(HTTPServer):
    state = ""
    answer: dict[str, str] | None = None


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Take the answer of our own sign-in; everything else is not found."""
        parts = urlsplit(self.path)
        answer = dict(parse_qsl(parts.query))
        is_ours = parts.path == CALLBACK_PATH and answer.get("state") == self.server.state
        self.send_response(200 if is_ours else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if is_ours:
            self.wfile.write(PAGE)
            self.server.answer = answer

    def log_message(self, *_: Any) -> None:
        """Say nothing: the address holds a code."""
