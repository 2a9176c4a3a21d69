"""A sandbox Mautic and a sandbox org, as real HTTP servers on free ports of this machine, with clocks that can be set back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.server import build_server as build_host_server
from sidecar.sandbox.org.org import Org
from sidecar.sandbox.org.server import build_server as build_org_server

NOW = timedelta(0)


@dataclass
class Sandboxes:
    """Both systems. Their clocks run with the machine's, so many days behind it as `travel` says."""

    host: Host
    org: Org
    host_url: str
    org_url: str
    _ago: timedelta = NOW

    def travel(self, ago: timedelta) -> None:
        """Set both clocks to that long ago; they go on running."""
        seconds = (self._ago - ago).total_seconds()
        self.host.clock.advance(seconds=seconds)
        self.org.clock.advance(seconds)
        self._ago = ago


@contextmanager
def open_sandboxes(folder: Path) -> Iterator[Sandboxes]:
    """Serve both on loopback ports until the block is left; their databases stay in the folder."""
    host = Host(f"sqlite:///{folder}/mautic.sqlite3")
    org = Org(str(folder / "salesforce.sqlite3"))
    servers = (build_host_server(host), build_org_server(org))
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        host_url, org_url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
        yield Sandboxes(host, org, host_url, org_url)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        host.close()
        org.close()
