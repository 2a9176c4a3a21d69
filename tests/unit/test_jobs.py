"""What the queue knows by name exists, stays small, and the tick loses and doubles nothing."""

import ast
import importlib
import inspect
import re
from datetime import timedelta
from pathlib import Path

import pytest

from jobs import tick
from sidecar import slots
from sidecar.bootstrap import App
from sidecar.errors import TransientError
from sidecar.lanes import LANES
from sidecar.queue import QUEUE_BY_MODULE
from sidecar.slots import JOB_BY_LANE, enqueue_due
from sidecar.store.instances import InstanceState
from tests.web_app import NOW, add_instance, make_app

ROOT = Path(__file__).parents[2]
JOB_NAME = re.compile(r"\bjobs\.\w+\.\w+$")


def names_in_code() -> set[str]:
    """Every job that is named by text anywhere in our code."""
    files = [path for folder in ("sidecar", "jobs") for path in (ROOT / folder).rglob("*.py")]
    texts = (
        node.value for path in files for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
    )
    return {text for text in texts if isinstance(text, str) and JOB_NAME.fullmatch(text)}


@pytest.mark.parametrize("name", sorted(names_in_code()))
def test_a_job_that_is_named_exists_and_has_a_queue(name: str) -> None:
    module, _, function = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), function))
    assert module in QUEUE_BY_MODULE


def test_each_lane_has_its_job_and_there_is_something_to_find() -> None:
    assert set(JOB_BY_LANE) == set(LANES)
    assert set(JOB_BY_LANE.values()) < names_in_code()


def test_jobs_are_thin() -> None:
    for path in (ROOT / "jobs").glob("*.py"):
        module = importlib.import_module(f"jobs.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__:
                assert len(inspect.getsource(function).splitlines()) <= 15, name


@pytest.fixture
def app(tmp_path: Path) -> App:
    return make_app(tmp_path)


class Queue:
    """Takes jobs until it breaks."""

    def __init__(self, *, breaks_after: int = 1000) -> None:
        self.jobs: dict[str, tuple[object, ...]] = {}
        self.room = breaks_after

    def enqueue(self, job: str, *args: object, job_id: str, settings: object) -> bool:
        if len(self.jobs) >= self.room:
            raise TransientError("The queue does not answer", code="queue-unreachable")
        is_new = job_id not in self.jobs
        self.jobs[job_id] = (job, *args)
        return is_new


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setattr(tick, "enqueue", queue.enqueue)
    monkeypatch.setattr(slots, "enqueue", queue.enqueue)
    return queue


def make_due(app: App, *slugs: str) -> None:
    for slug in slugs:
        instance = add_instance(app, slug, InstanceState.ENABLED, lanes=("people",))
        app.schedules.postpone(instance.id, "people", NOW - timedelta(minutes=1))


def test_each_due_lane_is_queued_once_however_often_the_clock_ticks(app: App, queue: Queue) -> None:
    make_due(app, "acme", "beta")
    assert [enqueue_due(app, NOW) for _ in range(3)] == [2, 0, 0]
    assert queue.jobs == {
        "people-1-20261121T115900Z": ("jobs.sync.sync_people", 1),
        "people-2-20261121T115900Z": ("jobs.sync.sync_people", 2),
    }


def test_ids_are_made_of_what_the_queue_allows(app: App, queue: Queue) -> None:
    make_due(app, "acme")
    enqueue_due(app, NOW)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", job_id) for job_id in queue.jobs)


def test_when_the_queue_is_away_every_slot_that_was_claimed_is_due_again(app: App, queue: Queue) -> None:
    make_due(app, "acme", "beta", "gamma")
    queue.room = 1
    with pytest.raises(TransientError):
        enqueue_due(app, NOW)
    queue.room = 1000
    assert enqueue_due(app, NOW + timedelta(seconds=60)) == 2
    assert sorted(args for _, *args in queue.jobs.values()) == [[1], [2], [3]]


def test_the_upkeep_is_queued_once_an_hour(app: App, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick, "bootstrap", lambda: app)
    for _ in range(3):
        tick.tick()
    assert queue.jobs == {"prune-20261121T12": ("jobs.maintenance.prune",)}
