"""Jobs reach a worker once per id, as JSON, and survive what happens to queues and workers."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import rq

from sidecar import queue
from sidecar.config import Settings
from sidecar.errors import TransientError
from sidecar.valkey import EmbeddedValkey
from tests.conftest import NewDatabase

WORKER = "import sys; from sidecar.queue import run_worker; run_worker(burst='--burst' in sys.argv)"


@pytest.fixture(autouse=True)
def _jobs_of_these_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(queue.QUEUE_BY_MODULE, "tests.integration.queued", "sync")


@pytest.fixture
def settings(new_redis_database: NewDatabase, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, redis_url=new_redis_database())


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def words(notes: Path) -> list[str]:
    return notes.read_text().split() if notes.exists() else []


def start_worker(settings: Settings, *arguments: str) -> "subprocess.Popen[bytes]":
    environment = {name: text for name, text in os.environ.items() if not name.startswith("SIDECAR_")}
    environment["SIDECAR_HOME"] = str(settings.home)
    if not settings.uses_embedded_redis:
        environment["SIDECAR_REDIS_URL"] = settings.redis_url
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments],
        env=environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def work_off(settings: Settings) -> None:
    assert start_worker(settings, "--burst").wait(60) == 0


@pytest.fixture
def worker(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    with start_worker(settings) as process:
        yield process
        process.kill()


def eventually(fact: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.05)  # another process needs real time
    return fact()


def test_a_job_is_run_with_its_arguments(settings: Settings, notes: Path) -> None:
    queue.enqueue("tests.integration.queued.note", str(notes), "one", job_id="a-1", settings=settings)
    work_off(settings)
    assert words(notes) == ["one"]


def test_the_same_id_is_queued_once_also_after_it_was_run(settings: Settings, notes: Path) -> None:
    job = ("tests.integration.queued.note", str(notes), "one")
    assert queue.enqueue(*job, job_id="slot-1", settings=settings) is True
    assert queue.enqueue(*job, job_id="slot-1", settings=settings) is False
    others = {"settings": settings, "unless_waiting": "slot-"}
    assert queue.enqueue(*job, job_id="slot-2", **others) is False, "one that waits will do"
    work_off(settings)
    assert queue.enqueue(*job, job_id="slot-1", settings=settings) is False
    assert words(notes) == ["one"]
    assert queue.enqueue(*job, job_id="slot-3", **others) is True, "one that was run will not"


def test_a_failed_slot_does_not_block_the_next_one(settings: Settings, notes: Path) -> None:
    queue.enqueue("tests.integration.queued.fail", "so", job_id="slot-1", settings=settings)
    work_off(settings)
    assert queue.enqueue("tests.integration.queued.note", str(notes), "two", job_id="slot-2", settings=settings) is True
    work_off(settings)
    assert words(notes) == ["two"]


def test_nothing_is_kept_for_ever(settings: Settings) -> None:
    queue.enqueue("tests.integration.queued.note", "/dev/null", "one", job_id="a", settings=settings)
    queue.enqueue("tests.integration.queued.fail", "so", job_id="b", settings=settings)
    with redis.Redis.from_url(settings.redis_url) as client:
        assert 0 < client.ttl("rq:job:a") <= queue.WAIT_SECONDS
        work_off(settings)
        assert 0 < client.ttl("rq:job:a") <= queue.KEEP_FINISHED_SECONDS
        assert 0 < client.ttl("rq:job:b") <= queue.KEEP_FAILED_SECONDS


def test_a_pickle_put_into_the_queue_is_never_opened(settings: Settings, notes: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(notes),))

    with redis.Redis.from_url(settings.redis_url) as client:
        job = rq.Queue("sync", connection=client).enqueue("tests.integration.queued.note", "x", "y")
        client.hset(job.key, "data", pickle.dumps(Trap()))
    work_off(settings)
    assert not notes.exists()


def test_a_job_that_does_not_belong_to_any_queue_is_refused_at_once(settings: Settings) -> None:
    with pytest.raises(KeyError):
        queue.enqueue("jobs.typo.sync_people", 1, job_id="a", settings=settings)


def test_a_silent_redis_is_a_transient_error(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")
    with pytest.raises(TransientError) as caught:
        queue.enqueue("jobs.sync.sync_people", 1, job_id="a", settings=settings)
    assert caught.value.code == "queue-unreachable"
    assert queue.queue_answers(settings) is False


def test_a_worker_that_is_told_to_stop_finishes_its_job(
    settings: Settings, notes: Path, worker: "subprocess.Popen[bytes]"
) -> None:
    queue.enqueue("tests.integration.queued.note_slowly", str(notes), "done", job_id="a", settings=settings)
    assert eventually(lambda: words(notes) == ["begun"])
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert words(notes) == ["begun", "done"]


def test_a_worker_outlives_a_restart_of_its_redis(notes: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="valkey-", ignore_cleanup_errors=True) as home:
        server = EmbeddedValkey(Path(home))
        settings = Settings(home=Path(home), redis_url=server.url)
        server.start()
        with start_worker(settings) as worker:
            queue.enqueue("tests.integration.queued.note", str(notes), "before", job_id="a", settings=settings)
            assert eventually(lambda: words(notes) == ["before"])
            server.stop()
            server.start()
            queue.enqueue("tests.integration.queued.note", str(notes), "after", job_id="b", settings=settings)
            assert eventually(lambda: words(notes) == ["before", "after"])
            worker.kill()
        server.stop()


def test_a_worker_brings_the_embedded_server_with_it(notes: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="valkey-", ignore_cleanup_errors=True) as home:
        settings = Settings(home=Path(home))
        with queue.queue_server(settings):
            queue.enqueue("tests.integration.queued.note", str(notes), "one", job_id="a", settings=settings)
        work_off(settings)
        assert words(notes) == ["one"]
