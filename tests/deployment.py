"""A whole deployment for tests of processes: both sandboxes over HTTP, and the sidecar's own commands as child processes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy

from sidecar.bootstrap import App
from sidecar.clock import utc_now
from sidecar.config import environment_with, isolated_settings
from sidecar.lanes import RunReport, run_lane
from sidecar.records import Side
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.server import build_server as build_host_server
from sidecar.sandbox.org.org import Org
from sidecar.sandbox.org.server import build_server as build_org_server
from sidecar.slots import enqueue_due
from sidecar.store.crypto import Cipher
from sidecar.store.history import Run
from sidecar.store.instances import Instance, InstanceState
from sidecar.store.session import Database
from sidecar.store.tables import schedules
from sidecar.valkey import TIE_TO_PARENT
from tests.gate import PATIENCE_SECONDS, Gate
from tests.world import KEY

SIDECAR = (sys.executable, "-m", "sidecar")
LEASE_SECONDS = 10
ORG_SECRET = "the org's own secret"


def wait_until(fact: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Look until something another process does has happened."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"not within {seconds} seconds: {what}"
        time.sleep(0.02)  # another process needs real time


@dataclass(frozen=True)
class Systems:
    """A Mautic and an org, served. Their clocks go with the machine's."""

    host: Host
    org: Org
    host_gate: Gate
    org_gate: Gate
    host_url: str
    org_url: str
    client: tuple[str, str]

    @contextmanager
    def minutes_ago(self, minutes: int = 10) -> Iterator[None]:
        """What happens in the block happened that long ago, so that no run is too early for it."""
        self.travel(-minutes)
        yield
        self.travel(minutes)

    def travel(self, minutes: int) -> None:
        self.host.clock.advance(minutes=minutes)
        self.org.clock.advance(minutes * 60)

    def new_contacts(self, count: int, domain: str = "example.org") -> list[int]:
        """Make contacts in Mautic."""
        with self.minutes_ago():
            return self.host.create_many([a_contact(number, domain) for number in range(count)])

    def new_leads(self, count: int, domain: str = "example.org") -> list[str]:
        """Make leads in Salesforce."""
        with self.minutes_ago():
            return self.org.insert_many("Lead", [a_lead(number, domain) for number in range(count)])


def a_contact(number: int, domain: str = "example.org") -> dict[str, str]:
    return {"email": f"p{number}@{domain}", "firstname": "Pat", "lastname": f"Person {number}", "company": "Acme"}


def a_lead(number: int, domain: str = "example.org") -> dict[str, str]:
    return {"Email": f"p{number}@{domain}", "FirstName": "Pat", "LastName": f"Person {number}", "Company": "Acme"}


@contextmanager
def open_systems(folder: Path, name: str = "mautic") -> Iterator[Systems]:
    """Serve a fresh Mautic and a fresh org until the block is left."""
    host, org = Host(f"sqlite:///{folder}/{name}.sqlite3"), Org()
    client = host.add_oauth_client("Sidecar")
    org.add_client("sidecar", ORG_SECRET)
    host_gate, org_gate = Gate(host.app), Gate(org.app)
    host.app, org.app = host_gate, org_gate  # type: ignore[assignment]  # gates before the apps
    servers = (build_host_server(host), build_org_server(org))
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True) for server in servers
    ]
    for thread in threads:
        thread.start()
    try:
        urls = [f"http://127.0.0.1:{server.server_port}" for server in servers]
        yield Systems(host, org, host_gate, org_gate, urls[0], urls[1], client)
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
        host.close()
        org.close()


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """Everything it printed."""
        return self.out + self.err


@dataclass
class Worker:
    """A real RQ worker, and what it logs."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def kill(self) -> None:
        """Kill it and the process that does its job at once, as a power cut does."""
        for pid in [*children_of(self.process.pid), self.process.pid]:
            _signal(pid, signal.SIGKILL)
        self.process.wait()

    def kill_job(self) -> None:
        """Kill only the process that does its job, as the kernel does when memory is short."""
        for pid in children_of(self.process.pid):
            _signal(pid, signal.SIGKILL)

    @property
    def is_idle(self) -> bool:
        """Whether it lives and has no job."""
        return self.is_alive and not children_of(self.process.pid)

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None


class Deployment:
    """One sidecar: a state database, perhaps a queue server, settings, and everything it is told by commands."""

    def __init__(self, folder: Path, *, database_url: str | None = None, redis_url: str | None = None) -> None:
        self.folder = folder
        self.database_url = database_url or f"sqlite:///{folder}/state.sqlite3"
        given = {
            "home": folder,
            "database_url": self.database_url,
            "keys": KEY,
            "lease_seconds": LEASE_SECONDS,
            "log_format": "text",
        }
        given |= {"redis_url": redis_url} if redis_url else {}
        self.environment = environment_with(**given)
        self.settings = isolated_settings(**given)
        self.app = App(self.settings, Database(self.database_url), Cipher([KEY]))
        self.workers: list[Worker] = []

    # -- commands and workers --

    def run(self, *words: str, typed: str | None = None) -> Finished:
        """Run a command to its end."""
        done = subprocess.run(
            [*SIDECAR, *words],
            check=False,
            env=self.environment,
            input=typed or "",
            capture_output=True,
            text=True,
            timeout=100,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command without waiting for its end."""
        return subprocess.Popen(
            [*SIDECAR, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_worker(self, *options: str) -> Worker:
        """Start a worker; it ends with us, whatever happens."""
        path = self.folder / f"worker-{len(self.workers)}.log"
        tied = [sys.executable, "-I", "-S", "-c", TIE_TO_PARENT, str(os.getpid())] if sys.platform == "linux" else []
        with path.open("wb") as log:
            process = subprocess.Popen(
                [*tied, *SIDECAR, "worker", *options],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.workers.append(Worker(process, path))
        return self.workers[-1]

    def work_off(self) -> None:
        """Let one worker do everything that is queued."""
        worker = self.start_worker("--burst")
        code = worker.process.wait(PATIENCE_SECONDS)
        assert code == 0, worker.log.read_text(errors="replace")[-4000:]

    def tick(self) -> int:
        """Queue what is due, as `sidecar tick` does; return how many jobs that were."""
        return enqueue_due(self.app, utc_now())

    # -- instances --

    def add_instance(self, systems: Systems, slug: str = "acme", lanes: Iterable[str] = ("people",)) -> Instance:
        """Add an enabled instance with these lanes switched on and not due yet."""
        now = utc_now()
        instance = self.app.instances.add(slug, slug.title(), now, synced_from=now - timedelta(minutes=20))
        self.connect(instance, systems)
        self.app.instances.set_state(instance.id, InstanceState.ENABLED)
        for lane in lanes:
            self.app.schedules.switch(instance.id, lane, by_customer=True, by_support=True)
            self.app.schedules.postpone(instance.id, lane, now + timedelta(days=1))
        return instance

    def connect(self, instance: Instance, systems: Systems) -> None:
        client_id, client_secret = systems.client
        self.app.connections.save(
            instance.id,
            Side.HOST,
            {"base_url": systems.host_url, "client_id": client_id, "parallel": 2},
            {"client_secret": client_secret, "database_url": systems.host.database_url},
        )
        self.app.connections.save(
            instance.id,
            Side.SALESFORCE,
            {"login_url": systems.org_url, "flow": "client_credentials", "client_id": "sidecar"},
            {"client_secret": ORG_SECRET},
        )

    def make_due(self, instance: Instance, lane: str = "people") -> None:
        """Plan a lane for now."""
        self.app.schedules.postpone(instance.id, lane, utc_now())

    def run_due(self, instance: Instance, lane: str = "people") -> Run:
        """Let a worker run a lane once; return its run."""
        self.make_due(instance, lane)
        assert self.tick() == 1
        self.work_off()
        return self.runs(instance, lane)[0]

    def run_here(self, instance: Instance, lane: str = "people") -> RunReport:
        """Run a lane once in this process."""
        return run_lane(self.app, instance, lane, "test")

    def runs(self, instance: Instance, lane: str = "people") -> list[Run]:
        """Return a lane's runs, newest first."""
        return self.app.ledger.history.runs(instance.id, lane=lane)

    def wait_for_lease(self, instance: Instance, lane: str = "people") -> None:
        """Return once a dead worker's right to the lane ran out."""

        def is_free() -> bool:
            lease_until = self.app.schedules.get(instance.id, lane).lease_until
            return lease_until is None or lease_until <= utc_now()

        wait_until(is_free, "the lease runs out", LEASE_SECONDS * 3)

    def end_lease(self, instance: Instance, lane: str = "people") -> None:
        """Let a dead worker's right to the lane run out at once: the same as waiting, only quicker."""
        mine = (schedules.c.instance_id == instance.id) & (schedules.c.lane == lane)
        with self.app.database.write() as connection:
            connection.execute(sqlalchemy.update(schedules).where(mine).values(lease_until=utc_now()))

    def close(self) -> None:
        for worker in self.workers:
            if worker.is_alive:
                worker.kill()
        self.app.database.close()


@contextmanager
def deploy(*, database_url: str | None = None, redis_url: str | None = None) -> Iterator[Deployment]:
    """Open a deployment with an upgraded state database. Its folder has a short name: a Unix socket must fit."""
    with tempfile.TemporaryDirectory(prefix="sidecar-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        deployment = Deployment(Path(name), database_url=database_url, redis_url=redis_url)
        stack.callback(deployment.close)
        deployment.app.database.upgrade()
        yield deployment


def children_of(pid: int) -> list[int]:
    """Return the ids of a process's children."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in path.read_text().split()]
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it may have ended by itself
        os.kill(pid, number)
