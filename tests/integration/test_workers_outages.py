"""The queue server or the state database goes away in the middle and comes back: work goes on, nothing is lost or doubled."""

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from sidecar.clock import utc_now
from sidecar.queue import count_waiting, queue_answers
from sidecar.store.history import RunState
from sidecar.store.instances import Instance
from sidecar.valkey import EmbeddedValkey, find_server
from tests.conftest import NewDatabase
from tests.deployment import Deployment, Systems, deploy, open_systems, wait_until
from tests.services import Running, running, start_mariadb

PUSH = "PATCH /composite/sobjects/Lead/Mautic_Id__c"
LATER = 75


class RedisServer:
    """A Redis that can be killed and started again on the same port, with what it had on disk."""

    def __init__(self, folder: Path, *, keeps: bool = True) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            find_server(), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder), "--save", "",
            "--appendonly", "yes" if keeps else "no",
        ]  # fmt: skip

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        with redis.Redis.from_url(self.url) as client:
            wait_until(lambda: self._answers(client), "Redis answers")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self, client: "redis.Redis") -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def redis_server(*, keeps: bool = True) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder), keeps=keeps)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    with open_systems(tmp_path) as systems:
        yield systems


def wait_for_runs(deployment: Deployment, instance: Instance, count: int) -> None:
    def are_done() -> bool:
        runs = deployment.runs(instance)
        return len(runs) == count and all(run.finished_at for run in runs)

    wait_until(are_done, f"{count} finished runs")


def emails(systems: Systems) -> list[str]:
    return sorted(row["Email"] for row in systems.org.rows("Lead"))


# -- the queue server ------------------------------------------------------------------------------------------------


def test_workers_reconnect_to_a_queue_server_that_was_killed_and_started_again(systems: Systems) -> None:
    with redis_server() as server, deploy(redis_url=server.url) as deployment:
        instance = deployment.add_instance(systems)
        workers = [deployment.start_worker() for _ in range(2)]
        deployment.make_due(instance)
        deployment.tick()
        wait_for_runs(deployment, instance, 1)  # both wait by now, or soon
        server.kill()
        server.start()
        systems.new_contacts(1)
        deployment.make_due(instance)
        assert deployment.tick() == 1
        wait_for_runs(deployment, instance, 2)
        assert all(worker.is_alive for worker in workers)
        assert emails(systems) == ["p0@example.org"]


def test_jobs_that_wait_survive_a_kill_of_the_queue_server(systems: Systems) -> None:
    with redis_server() as server, deploy(redis_url=server.url) as deployment:
        instance = deployment.add_instance(systems)
        deployment.make_due(instance)
        assert deployment.tick() == 1
        server.kill()
        server.start()
        assert count_waiting(deployment.settings)["sync"] == 1
        deployment.work_off()
        assert [run.state for run in deployment.runs(instance)] == [RunState.DONE]


def test_a_tick_without_a_queue_says_so_and_the_next_one_catches_up(systems: Systems) -> None:
    systems.new_contacts(2)
    with redis_server() as server, deploy(redis_url=server.url) as deployment:
        instance = deployment.add_instance(systems)
        deployment.make_due(instance)
        server.kill()
        tick = deployment.run("tick")
        assert (tick.code, tick.out) == (LATER, "")
        assert "queue-unreachable" in tick.err
        assert deployment.run("tick").code == LATER
        server.start()
        assert deployment.run("tick", "--json").document == {"queued": 1}
        assert deployment.run("tick", "--json").document == {"queued": 0}
        deployment.work_off()
        assert [run.state for run in deployment.runs(instance)] == [RunState.DONE]
        assert len(emails(systems)) == 2


def test_a_run_that_is_going_on_does_not_need_the_queue_server(systems: Systems) -> None:
    systems.new_contacts(2)
    with redis_server() as server, deploy(redis_url=server.url) as deployment:
        instance = deployment.add_instance(systems)
        with systems.org_gate.holding(PUSH) as held:
            worker = deployment.start_worker()
            deployment.make_due(instance)
            deployment.tick()
            held.wait()
            server.kill()
        wait_for_runs(deployment, instance, 1)
        assert deployment.runs(instance)[0].state is RunState.DONE
        assert len(emails(systems)) == 2
        server.start()
        deployment.make_due(instance)
        assert deployment.tick() == 1
        wait_for_runs(deployment, instance, 2)
        assert worker.is_alive


def test_a_queue_that_was_forgotten_is_made_up_for_by_the_next_slot(systems: Systems) -> None:
    systems.new_contacts(2)
    with redis_server(keeps=False) as server, deploy(redis_url=server.url) as deployment:
        instance = deployment.add_instance(systems)
        deployment.make_due(instance)
        assert deployment.tick() == 1
        server.kill()
        server.start()
        assert count_waiting(deployment.settings)["sync"] == 0
        planned = deployment.app.schedules.get(instance.id, "people").next_run_at
        assert planned <= utc_now() + timedelta(hours=1, minutes=5)
        deployment.run_due(instance)
        assert len(emails(systems)) == 2


def test_workers_bring_a_killed_embedded_server_back_with_its_jobs(systems: Systems) -> None:
    with deploy() as deployment:
        instance = deployment.add_instance(systems)
        deployment.make_due(instance)
        server = EmbeddedValkey(deployment.folder)
        server.start()
        assert deployment.tick() == 1
        kill_server(deployment)
        server.stop()
        workers = [deployment.start_worker() for _ in range(2)]
        wait_for_runs(deployment, instance, 1)
        kill_server(deployment)
        wait_until(lambda: queue_answers(deployment.settings), "a worker starts the server again")
        deployment.make_due(instance)
        assert deployment.tick() == 1
        wait_for_runs(deployment, instance, 2)
        assert all(worker.is_alive for worker in workers)


def kill_server(deployment: Deployment) -> None:
    """Kill the embedded server, whoever started it."""
    with redis.Redis.from_url(deployment.settings.redis_url) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid), "the server is gone")


def is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


# -- the state database ----------------------------------------------------------------------------------------------


class StateDatabase:
    """A MariaDB of our own that can be killed and started again with what it had committed."""

    def __init__(self, server: Running) -> None:
        self.url = f"{server.url}state"
        self._server = server
        self._command = [
            str(word).replace("flush-log-at-trx-commit=0", "flush-log-at-trx-commit=2") for word in server.process.args
        ]
        self.process = server.process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, "MariaDB answers")

    def _answers(self) -> bool:
        import pymysql

        port = int(self.url.rpartition(":")[2].partition("/")[0])
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2).close()
        except pymysql.err.OperationalError:
            return False
        return True


@pytest.fixture
def state_database() -> Iterator[StateDatabase]:
    with running(start_mariadb) as server:
        database = StateDatabase(server)
        database.kill()
        database.start()  # with a log that survives a kill
        import pymysql

        with pymysql.connect(host="127.0.0.1", port=int(server.url.rpartition(":")[2].strip("/")), user="root") as root:
            root.cursor().execute("CREATE DATABASE state CHARACTER SET utf8mb4")
        yield database
        database.kill()


def test_a_state_database_that_is_killed_in_the_middle_ends_the_run_and_a_later_one_completes_it(
    systems: Systems, state_database: StateDatabase, new_redis_database: NewDatabase
) -> None:
    systems.new_contacts(30)
    with deploy(database_url=state_database.url, redis_url=new_redis_database()) as deployment:
        instance = deployment.add_instance(systems)
        with systems.org_gate.holding(PUSH, is_after=True) as held:
            run = deployment.start("run", "people", "acme")
            held.wait()
            state_database.kill()
        said, _ = run.communicate(timeout=60)
        assert run.returncode == LATER, said
        assert "database-unavailable" in said
        assert "Traceback" not in said
        state_database.start()
        deployment.end_lease(instance)
        deployment.run_due(instance)
        assert len(set(emails(systems))) == len(emails(systems)) == 30
        report = deployment.run_here(instance)
        assert (report.state, "written" in report.counts) == (RunState.DONE, False)


def test_a_worker_outlives_its_state_database(
    systems: Systems, state_database: StateDatabase, new_redis_database: NewDatabase
) -> None:
    systems.new_contacts(3)
    with deploy(database_url=state_database.url, redis_url=new_redis_database()) as deployment:
        instance = deployment.add_instance(systems)
        worker = deployment.start_worker()
        with systems.org_gate.holding(PUSH, is_after=True) as held:
            deployment.make_due(instance)
            deployment.tick()
            held.wait()
            state_database.kill()
            assert deployment.run("tick").code == LATER
        wait_until(lambda: worker.is_idle, "the job ends without its database")
        state_database.start()
        deployment.end_lease(instance)
        deployment.make_due(instance)
        assert deployment.run("tick", "--json").document == {"queued": 1}
        wait_until(lambda: deployment.runs(instance)[0].state is RunState.DONE, "the next run ends")
        assert worker.is_alive
        assert len(emails(systems)) == 3
