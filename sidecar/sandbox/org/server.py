"""Serve an org over real HTTP on a loopback address."""

from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sidecar.sandbox.org.org import Org


class KeepAliveHandler(WSGIRequestHandler):
    """HTTP/1.1, quiet; a dropped connection closes the socket without an answer."""

    protocol_version = "HTTP/1.1"

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin an answer without a date of this machine: the org sends its own."""
        self.log_request(code)
        self.send_response_only(code, message)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Close the socket, so that the caller sees a reset."""
        del error, environ
        self.close_connection = True


def build_server(org: Org, host: str = "127.0.0.1", port: int = 0) -> BaseWSGIServer:
    """Return a server bound to a port (a free one for 0); call serve_forever() on it, shutdown() from elsewhere."""
    return make_server(host, port, org.app, threaded=True, request_handler=KeepAliveHandler)
