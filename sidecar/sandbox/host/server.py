"""Serving the sandbox Mautic over real HTTP."""

from __future__ import annotations

from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from sidecar.sandbox.host.control import Host


class Handler(WSGIRequestHandler):
    """HTTP/1.1, quiet; a dropped connection closes the socket without an answer."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Close the socket, so that the caller sees a reset."""
        del error, environ
        self.close_connection = True


def build_server(host: Host, address: str = "127.0.0.1", port: int = 0) -> BaseWSGIServer:
    """Return a server bound to a port (a free one for 0); call serve_forever() on it, shutdown() from elsewhere."""
    return make_server(address, port, host.app, threaded=True, request_handler=Handler)
