"""How fast contacts go into the sandbox Mautic, by batch size and open requests, over real HTTP: `python -m tests.bench.writing`.

The sandbox is not Mautic: what the table shows is which settings waste time of ours, and that more at once never hurts.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.serving import make_server

from sidecar.cache import MemoryCache
from sidecar.clock import utc_now
from sidecar.hosts.mautic.batches import MAX_BATCH
from sidecar.hosts.mautic.bundle import MAX_BULK
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.pace import Pace
from sidecar.hosts.mautic.side import connect
from sidecar.records import Ref, Side
from sidecar.sandbox.host.control import Host
from sidecar.sync.model import Write
from tests.recorded_mautic import rules_for

PEOPLE = 2_000
SIZES, PARALLEL = (50, 100, 200), (1, 2, 4, 8)


@contextmanager
def served(host: Host) -> Iterator[str]:
    """Serve a Mautic on a free port; yield its address."""
    server = make_server("127.0.0.1", 0, host.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def measure(url: str, host: Host, people: list[int], size: int, parallel: int, *, bundle: bool) -> tuple[float, int]:
    """Return how long it took to change everybody, and in how many calls."""
    client_id, secret = host.add_oauth_client("bench")
    if bundle:
        host.install_bundle(client_id)
    connection = MauticConnection(url, host.database_url, client_id=client_id, client_secret=secret, parallel=parallel)
    side = connect(connection, cache=MemoryCache())
    for name in ("_pace", "_bulk_pace"):
        setattr(side._writer, name, Pace(parallel, size, time.sleep))
    rules = rules_for(side.reader.schema, "email")
    writes = [
        Write(Side.HOST, "contact", Ref("contact", str(each)), {"firstname": f"{size} {parallel} {utc_now()}"})
        for each in people
    ]
    before, began = len(host.requests), time.perf_counter()
    results = side.write(rules, writes)
    seconds = time.perf_counter() - began
    assert not any(result.error for result in results)
    calls = sum("/batch/edit" in path or "/contacts/bulk" in path for _, path in host.requests[before:])
    side.close()
    return seconds, calls


def main() -> None:
    """Print the table."""
    print("| way | batch | open requests | contacts/s | calls |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        host = Host(f"sqlite:///{folder}/mautic.sqlite3")
        people = host.create_many([{"email": f"p{number}@example.org"} for number in range(PEOPLE)])
        with served(host) as url:
            for way, sizes, top in (("REST", SIZES, MAX_BATCH), ("bundle", (100, 250, 500), MAX_BULK)):
                for size in (each for each in sizes if each <= top):
                    for parallel in PARALLEL:
                        seconds, calls = measure(url, host, people, size, parallel, bundle=way == "bundle")
                        print(f"| {way} | {size} | {parallel} | {PEOPLE / seconds:.0f} | {calls} |", flush=True)


if __name__ == "__main__":
    main()
