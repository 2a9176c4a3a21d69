"""Run a sandbox Mautic: python -m sidecar.sandbox.host --port 8090 --database sqlite:///mautic.sqlite3."""

import argparse
import sys

from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.server import build_server


def main() -> None:
    """Serve until interrupted; print where, and the credentials of a new API client."""
    parser = argparse.ArgumentParser(prog="python -m sidecar.sandbox.host", description="A Mautic to try things on.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--database", default="sqlite:///mautic.sqlite3", help="an SQLite file or a MariaDB")
    parser.add_argument("--table-prefix", default="")
    wishes = parser.parse_args()
    host = Host(wishes.database, table_prefix=wishes.table_prefix)
    client_id, client_secret = host.add_oauth_client()
    server = build_server(host, wishes.address, wishes.port)
    sys.stdout.write(
        f"http://{wishes.address}:{server.server_port}\nclient_id={client_id}\nclient_secret={client_secret}\n"
    )
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
