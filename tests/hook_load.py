"""Mautic calling our webhook many times a second, over HTTP, while every statement of our database takes its time."""

import copy
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.serving import make_server

from sidecar import slots
from sidecar.bootstrap import App
from sidecar.config import isolated_settings
from sidecar.records import Side
from sidecar.store.crypto import Cipher
from sidecar.store.instances import InstanceState
from sidecar.store.outbox import Outbox
from sidecar.store.session import Database
from sidecar.web import create_app
from tests.recorded_hooks import SECRET, as_sent, recorded_deliveries, signed
from tests.web_app import make_app

CALLERS = 16
PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Told:
    """What came of a load: answers by status, how long they took, who was noted, and when runs were queued."""

    answers: Counter
    seconds: list[float]
    noted: int
    runs: list[float]

    @property
    def p95_seconds(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)]

    @property
    def least_gap_seconds(self) -> float:
        return min((after - before for before, after in zip(self.runs, self.runs[1:], strict=False)), default=60)


def prepare(home: Path) -> None:
    """Make a deployment with one instance whose people lane runs hourly and just did."""
    app = make_app(home)
    now = datetime.now(UTC)
    instance = app.instances.add("acme", "Acme", now)
    app.instances.set_state(instance.id, InstanceState.ENABLED)
    app.connections.save(instance.id, Side.HOST, {"client_id": "9_abc"}, {"hook_secret": SECRET})
    app.schedules.switch(instance.id, "people", by_customer=True, by_support=True)
    app.schedules.set_cron(instance.id, "people", "0 3 1 1 *")  # far from now, whenever the test runs
    app.schedules.claim_due(now)
    app.database.close()


def open_app(home: Path) -> App:
    settings = isolated_settings(home=home)
    return App(settings, Database(settings.database_url), Cipher(settings.load_keys()))


def slow_app(home: str, statement_seconds: float) -> Flask:
    """Return the pages over a slow database; jobs are only written down. Gunicorn calls this in each of its processes."""
    app, pause = open_app(Path(home)), threading.Event()
    event.listen(app.database._engine, "before_cursor_execute", lambda *_: pause.wait(statement_seconds))

    def enqueue(job: str, *_: object, job_id: str, settings: object, unless_waiting: str) -> bool:
        with (Path(home) / "jobs").open("a") as jobs:
            jobs.write(f"{time.time()} {job} {job_id}\n")
        return True

    slots.enqueue = enqueue
    return create_app(app)


@contextmanager
def served_here(home: Path, statement_seconds: float) -> Iterator[int]:
    """Serve from this process; what is left in memory at the end is stored, as in an orderly end of any process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "enqueue", slots.enqueue)  # put back afterwards
        flask = slow_app(str(home), statement_seconds)
        server = make_server("127.0.0.1", 0, flask, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            flask.extensions["hooks"].background.close()
            flask.extensions["sidecar"].database.close()


@contextmanager
def served_by_gunicorn(home: Path, statement_seconds: float, workers: int = 2) -> Iterator[int]:
    """Serve as `sidecar serve` does, in several processes."""
    port = _free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--worker-class", "gthread", "--threads", "8"]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--log-level", "warning", *options]
    process = subprocess.Popen([*command, f"tests.hook_load:slow_app('{home}', {statement_seconds})"])
    try:
        _wait_for(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def run_load(port: int, seconds: float, per_second: int = 100) -> tuple[Counter, list[float]]:
    """Post so many deliveries a second, each about another contact; return the answers and how long each took."""
    count = int(seconds * per_second)
    bodies = [_body(number) for number in range(1, count + 1)]
    here, begun = threading.local(), time.perf_counter()

    def post(number: int) -> tuple[int, float]:
        due = begun + number / per_second
        threading.Event().wait(max(due - time.perf_counter(), 0))
        body = bodies[number]
        started = time.perf_counter()
        if not hasattr(here, "connection"):
            here.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        headers = {"Webhook-Signature": signed(body, SECRET), "Content-Type": "application/json"}
        here.connection.request("POST", "/hooks/acme/mautic", body, headers)
        answer = here.connection.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - started

    with ThreadPoolExecutor(CALLERS) as callers:
        done = list(callers.map(post, range(count)))
    return Counter(status for status, _ in done), [spent for _, spent in done]


def told(home: Path, answers: Counter, seconds: list[float]) -> Told:
    """Return what is to be seen in the database, and which jobs were queued."""
    app = open_app(home)
    noted = Outbox(app.database).counts(app.instances.get("acme").id, "people").get("", 0)
    app.database.close()
    jobs = (home / "jobs").read_text().splitlines() if (home / "jobs").exists() else []
    return Told(answers, seconds, noted, sorted(float(line.split()[0]) for line in jobs))


def _body(number: int) -> bytes:
    document = copy.deepcopy(next(each.parsed for each in recorded_deliveries() if each.action == "contact_patch_api"))
    for items in document.values():
        for item in items:
            item["contact"]["id"] = number
            item["timestamp"] = datetime.now(UTC).isoformat(timespec="seconds")
    return as_sent(document)


def _free_port() -> int:
    with make_server("127.0.0.1", 0, lambda *_: []) as server:
        return server.server_port


def _wait_for(port: int) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/live")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nobody serves at {port}, process {os.getpid()}")
