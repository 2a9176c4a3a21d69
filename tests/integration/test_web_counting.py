"""Counting filled fields: asked for on the page, done by a worker, told on the page as it goes on, ends or fails."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from jobs import maintenance
from sidecar.errors import TransientError
from sidecar.field_mapping import counting
from sidecar.field_mapping.filling import known_filling
from sidecar.records import Side
from sidecar.sandbox.org.faults import Fault
from sidecar.store.users import Role
from tests.web_app import add_user, client_of
from tests.world import World, make_world

PAGE = "/instances/acme/mapping"
BUTTON, LOOK_AGAIN = "Count filled fields", "Look again"


@dataclass
class Queue:
    """Takes jobs until somebody works them off, or does not answer."""

    jobs: list[tuple[object, ...]] = field(default_factory=list)
    answers: bool = True

    def enqueue(self, job: str, *args: int, job_id: str, settings: object, unless_waiting: str) -> bool:
        assert re.fullmatch(rf"{unless_waiting}[A-Za-z0-9_-]+", job_id)
        if not self.answers:
            raise TransientError("The queue does not answer", code="queue-unreachable")
        self.jobs.append((job, *args))
        return True

    def work(self) -> list[bool]:
        """Do what waits, as a worker would."""
        assert {job for job, *_ in self.jobs} == {"jobs.maintenance.count_fields"}
        done, self.jobs = self.jobs, []
        return [maintenance.count_fields(*args) for _, *args in done]


@pytest.fixture
def world() -> Iterator[World]:
    """Both systems with somebody in each; nobody has counted yet."""
    found = make_world()
    for name, role, language in (("ada", Role.ADMINISTRATOR, "en"), ("vue", Role.VIEWER, "fr")):
        add_user(found.app, name, role, language=language)
    found.host.create_contact({"email": "ana@example.org", "lastname": "Lee"})
    for phone in ("1", None):
        found.org.insert("Lead", {"LastName": "Roe", "Company": "B", "Phone": phone})
    yield found
    found.close()


@pytest.fixture
def queue(world: World, monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setattr(counting, "enqueue", queue.enqueue)
    monkeypatch.setattr(maintenance, "bootstrap", lambda: world.app)
    return queue


def counted_at(world: World) -> datetime | None:
    return known_filling(world.app, world.instance).counted_at


def test_a_count_that_was_asked_for_twice_is_queued_once_and_the_page_tells_how_far_it_came(
    world: World, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, told = client_of(world.app, "ada"), []
    for _ in range(2):
        text = client.post(f"{PAGE}/count", follow_redirects=True).text
    assert queue.jobs == [("jobs.maintenance.count_fields", world.instance.id)]
    assert world.app.budgets.calls(world.instance.id, world.now).ours == 0
    assert re.search(r'role="status">.*?The fields are being counted: Mautic first, then Salesforce', text, re.DOTALL)
    assert LOOK_AGAIN in text
    assert BUTTON not in text
    answer = world.adapters[Side.SALESFORCE].app

    def look(*args: object) -> object:
        told.append(client.get(PAGE).text)
        return answer(*args)

    monkeypatch.setattr(world.adapters[Side.SALESFORCE], "app", look)
    world.later(minutes=5)
    assert queue.work() == [True]
    assert "Mautic is done, Salesforce is next" in told[0]
    text = client.get(PAGE).text
    assert counted_at(world) == world.now
    assert "Filled fields were counted <time" in text
    assert "filled: 50% (1 of 2)" in text
    assert "did not end" not in text
    assert BUTTON in text
    assert LOOK_AGAIN not in text


@contextmanager
def broken(world: World, side: Side) -> Iterator[None]:
    """Let one side tell nothing for a while."""
    secrets = world.app.connections.load_secrets(world.instance.id, Side.HOST)
    if side is Side.HOST:
        world.app.connections.set_secrets(world.instance.id, Side.HOST, {"database_url": "sqlite:////nowhere/at/all"})
    else:
        world.org.faults.add(Fault(times=100))
    yield
    world.app.connections.set_secrets(world.instance.id, Side.HOST, secrets)
    world.org.faults.clear()


@pytest.mark.parametrize(
    ("side", "name", "code"),
    [(Side.HOST, "Mautic", "mautic-database-unreachable"), (Side.SALESFORCE, "Salesforce", "salesforce-unreachable")],
)
def test_what_one_side_told_stays_when_the_other_fails_and_the_page_says_why(
    world: World, queue: Queue, side: Side, name: str, code: str
) -> None:
    client = client_of(world.app, "ada")
    counting.run_count(world.app, world.instance)
    world.later(minutes=5)
    client.post(f"{PAGE}/count")
    with broken(world, side):
        assert queue.work() == [False]
    text = client.get(PAGE).text
    assert f"{name} could not be counted" in text
    assert f'<a href="/reasons/{code}">' in text
    assert "n’a pas pu être compté" in client_of(world.app, "vue").get(PAGE).text
    assert (BUTTON in text, LOOK_AGAIN in text) == (True, False)
    kept = {each: json.loads(world.app.cache(world.instance, each).get("mapping-filled")) for each in Side}
    assert kept[side]["counted_at"] < kept[side.other]["counted_at"] == world.now.isoformat()
    client.post(f"{PAGE}/count")
    assert queue.work() == [True]
    assert "could not be counted" not in client.get(PAGE).text


def test_a_count_without_an_end_is_lost_after_an_hour_and_the_button_comes_back(world: World, queue: Queue) -> None:
    client, asked_at = client_of(world.app, "ada"), world.now
    client.post(f"{PAGE}/count")
    asked = counting.known_counting(world.app, world.instance)
    assert asked.asked_at == asked_at
    for passed, is_lost in ((timedelta(hours=1), False), (timedelta(hours=1, seconds=1), True)):
        assert asked.is_lost(asked_at + passed) is is_lost
        assert asked.is_under_way(asked_at + passed) is not is_lost
    world.later(hours=1, seconds=1)
    text = client.get(PAGE).text
    assert "did not end within an hour" in text
    assert BUTTON in text
    assert LOOK_AGAIN not in text
    assert "being counted" in client.post(f"{PAGE}/count", follow_redirects=True).text
    assert len(queue.jobs) == 2


def test_a_late_end_of_a_lost_count_is_no_end_of_the_one_asked_for_since(world: World, queue: Queue) -> None:
    counting.ask_count(world.app, world.instance)
    answer = world.adapters[Side.SALESFORCE].app

    def ask_anew(*args: object) -> object:
        counting.ask_count(world.app, world.instance)
        return answer(*args)

    world.later(hours=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.adapters[Side.SALESFORCE], "app", ask_anew)
        queue.work()
    known = counting.known_counting(world.app, world.instance)
    assert dict(known.sides) == dict.fromkeys(Side, counting.SideCount(world.now))
    assert len(queue.jobs) == 1
    assert queue.work() == [True]
    assert not counting.known_counting(world.app, world.instance).is_under_way(world.now)


def test_a_queue_that_does_not_answer_is_told_and_nothing_counts_as_asked(world: World, queue: Queue) -> None:
    client, queue.answers = client_of(world.app, "ada"), False
    text = client.post(f"{PAGE}/count", follow_redirects=True).text
    assert "The queue does not answer (queue-unreachable)" in text
    assert BUTTON in text
    assert LOOK_AGAIN not in text
    assert counting.known_counting(world.app, world.instance).asked_at is None
    queue.answers = True
    client.post(f"{PAGE}/count")
    with broken(world, Side.SALESFORCE):
        queue.work()
    before, queue.answers = counting.known_counting(world.app, world.instance), False
    world.later(minutes=5)
    assert "Salesforce could not be counted" in client.post(f"{PAGE}/count", follow_redirects=True).text
    assert counting.known_counting(world.app, world.instance) == before
