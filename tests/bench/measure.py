"""Both sandboxes behind meters, a deployment between them, and runs whose cost is measured in a process of their own."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.store.instances import Instance
from tests.deployment import Deployment, Systems, deploy, open_systems

CHUNK = 2000


class Meter:
    """Stands before a WSGI app: makes each call later by a latency, and adds up what the app itself took."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app
        self.latency_seconds = 0.0
        self.seconds = 0.0
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        time.sleep(self.latency_seconds)
        began = time.perf_counter()
        answer = self.app(environ, start_response)
        with self._lock:
            self.seconds += time.perf_counter() - began
        return answer


@dataclass(frozen=True)
class Cost:
    """What one run cost: us, and the sandboxes meanwhile."""

    state: str
    counts: dict[str, dict[str, int]]
    salesforce_calls: int
    mautic_calls: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    statements: dict[str, int]
    sandbox_seconds: float

    @property
    def written(self) -> int:
        return sum(self.counts.get("written", {}).values())


@dataclass
class Bench:
    """One instance between two metered sandboxes."""

    systems: Systems
    deployment: Deployment
    instance: Instance
    org: Meter
    host: Meter
    people: int = 0
    hours_ahead: int = 0

    def run(self, lane: str = "people", *, expect: int | None = None) -> Cost:
        """Run a lane once, an hour later for everybody; `expect` is how many people or events must be written."""
        self.systems.travel(60)
        self.hours_ahead += 1
        before = self.org.seconds + self.host.seconds
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.lane", str(self.instance.id), lane, str(self.hours_ahead)],
            check=True, env=self.deployment.environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        cost = Cost(**json.loads(done.stdout), sandbox_seconds=self.org.seconds + self.host.seconds - before)
        assert cost.state == "done", cost
        assert expect is None or cost.written == expect, cost
        return cost

    def rest(self) -> None:
        """Let the sidecar see its own writes once, so that they are not counted with what comes next."""
        self.run(expect=0)

    def add_contacts(self, count: int) -> None:
        """Make new contacts in Mautic."""
        for start in range(self.people, self.people + count, CHUNK):
            numbers = range(start, min(start + CHUNK, self.people + count))
            self.systems.host.create_many([a_contact(number) for number in numbers], "api")
        self.people += count

    def change_contacts(self, count: int) -> None:
        """Let the first contacts change in Mautic, as an import does."""
        value = f"Changed {time.monotonic_ns()}"
        for contact in self.systems.host.contacts()[:count]:
            self.systems.host.edit_contact(int(contact["id"]), {"position": value}, "api")

    def change_people(self, count: int) -> None:
        """Let the first people change in Salesforce."""
        value = f"Changed {time.monotonic_ns()}"
        for lead in self.systems.org.rows("Lead")[:count]:
            self.systems.org.update("Lead", lead["Id"], {"Title": value})


def a_contact(number: int) -> dict[str, str]:
    """Return a contact with some fields filled, none like another's."""
    return {
        "email": f"person.{number:06}@example.org",
        "firstname": "Pat",
        "lastname": f"Person {number:06}",
        "phone": f"+1 555 {number:06}",
        "city": "Springfield",
        "position": "Engineer",
    }


@contextmanager
def open_bench(people: int = 0) -> Iterator[Bench]:
    """Open a bench whose people are in step already; the first run is behind it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, open_systems(Path(folder)) as systems:
        org, host = Meter(systems.org_gate.app), Meter(systems.host_gate.app)
        systems.org_gate.app, systems.host_gate.app = org, host
        with deploy() as deployment:
            instance = deployment.add_instance(systems)
            bench = Bench(systems, deployment, instance, org, host)
            bench.add_contacts(people)
            bench.run(expect=people)
            bench.rest()
            yield bench
