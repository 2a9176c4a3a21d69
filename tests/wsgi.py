"""Drive a WSGI app from `requests`: in-process (WsgiAdapter), or over real HTTP on a loopback port (serve).

An app drops a connection by raising ConnectionError, and lets a client wait for ever by raising TimeoutError; both
reach the caller as the exceptions `requests` raises for the real thing.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from werkzeug.serving import WSGIRequestHandler, make_server

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WsgiAdapter(HTTPAdapter):
    """Answer requests by calling a WSGI app in this thread. Mount it for "http://" and "https://"."""

    def __init__(self, app: WsgiApp) -> None:
        super().__init__()
        self.app = app

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Call the app and return its whole answer."""
        try:
            status, headers, body = call(self.app, build_environ(request))
        except ConnectionError as error:
            raise requests.exceptions.ConnectionError(str(error), request=request) from error
        except TimeoutError as error:
            raise requests.exceptions.ReadTimeout(str(error), request=request) from error
        raw = HTTPResponse(body=BytesIO(body), headers=headers, status=status, preload_content=False)
        raw.reason = ""
        return self.build_response(request, raw)


def build_environ(request: requests.PreparedRequest) -> dict[str, Any]:
    """Return what a WSGI server would make of the request."""
    url = urlsplit(request.url)
    body = body_bytes(request.body)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path or "/").decode("latin-1"),
        "QUERY_STRING": url.query,
        "REQUEST_URI": (url.path or "/") + (f"?{url.query}" if url.query else ""),
        "SERVER_NAME": url.hostname or "localhost",
        "SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": url.netloc.rpartition("@")[2],
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    return environ | header_variables(request.headers)


def header_variables(headers: Mapping[str, str | bytes]) -> dict[str, str]:
    """Return the request's headers under their WSGI names."""
    found = {}
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if key not in {"CONTENT_LENGTH", "TRANSFER_ENCODING"}:
            found[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = text
    return found


def body_bytes(body: Any) -> bytes:
    """Return a request body of any kind `requests` allows."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    if hasattr(body, "read"):
        return body_bytes(body.read())
    return b"".join(body_bytes(part) for part in body)


def call(app: WsgiApp, environ: dict[str, Any]) -> tuple[int, HTTPHeaderDict, bytes]:
    """Run the app once; return status, headers and the whole body."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [int(status.split(" ", 1)[0]), HTTPHeaderDict(headers)]
        return lambda data: None

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return started[0], started[1], body


class _KeepAliveHandler(WSGIRequestHandler):
    """HTTP/1.1 without a log line per request; a dropped connection closes the socket without an answer."""

    protocol_version = "HTTP/1.1"

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin an answer without a date of this machine: the app may send its own."""
        self.send_response_only(code, message)

    def log_request(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """Close the socket, so that the client sees a reset."""
        self.close_connection = True


@contextmanager
def serve(app: WsgiApp) -> Iterator[str]:
    """Serve the app on a free loopback port; yield its base URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_KeepAliveHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
