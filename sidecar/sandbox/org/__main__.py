"""Run a sandbox org: python -m sidecar.sandbox.org --port 8801 --file org.sqlite3."""

import argparse
import sys
from pathlib import Path

from sidecar.sandbox.org.org import Org
from sidecar.sandbox.org.server import build_server


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sidecar.sandbox.org", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8801)
    parser.add_argument("--file", default=":memory:", help="SQLite file that keeps the records")
    parser.add_argument("--client-id", default="sandbox-client")
    parser.add_argument("--client-secret", default="sandbox-secret")
    parser.add_argument("--public-key", type=Path, help="certificate or public key for JWT bearer")
    parser.add_argument("--username", default="integration@example.com", help="the user the app runs as")
    parser.add_argument("--redirect-uri", default="http://127.0.0.1:8000/oauth/salesforce/callback")
    parser.add_argument("--rotate", action="store_true", help="give a new refresh token at each use")
    parser.add_argument(
        "--empty", action="store_true", help="an org as the vendor delivers it: no object or field of ours"
    )
    parser.add_argument("--admin", action="store_true", help="the integration user is an administrator")
    chosen = parser.parse_args()
    org = Org(chosen.file, is_empty=chosen.empty)
    if chosen.admin:
        org.make_admin()
    public_key = chosen.public_key.read_text() if chosen.public_key else None
    by_browser = {"redirect_uri": chosen.redirect_uri, "rotates": chosen.rotate}
    org.add_client(chosen.client_id, chosen.client_secret, public_key, chosen.username, **by_browser)
    server = build_server(org, chosen.host, chosen.port)
    sys.stdout.write(f"sandbox org at http://{chosen.host}:{server.server_port}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        org.close()


if __name__ == "__main__":
    main()
