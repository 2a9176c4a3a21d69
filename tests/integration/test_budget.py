"""A budget of API calls: lanes pause at it and go on by themselves; opt-outs and deletions never wait for it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sidecar.budget import Budget
from sidecar.records import Side
from tests.world import World, make_world


@pytest.fixture
def world() -> Iterator[World]:
    made = make_world()
    yield made
    made.close()


def seed(world: World, count: int) -> list[int]:
    people = [{"email": f"c{number}@example.org", "lastname": f"Name {number}"} for number in range(count)]
    return world.host.create_many(people)


def allot(world: World, **budget: int) -> None:
    world.app.budgets.save(world.instance.id, Budget(**budget), world.now)


def calls_of(world: World) -> int:
    return world.app.budgets.calls(world.instance.id, world.now).ours


def open_codes(world: World) -> list[str]:
    return [alert.code for alert in world.app.alerts.list_open(world.instance.id)]


def emails_in_org(world: World) -> list[str]:
    return [row["Email"] for row in world.people_in_org()]


def test_a_backlog_pauses_at_its_budget_and_resumes_when_the_window_frees(world: World) -> None:
    early = seed(world, 5)
    world.sync()
    allot(world, calls=20)
    world.later(hours=30)
    late = seed(world, 6000)
    world.org.reset_calls()
    report = world.sync()
    assert (report.state, report.error.code) == ("postponed", "budget-used")
    assert world.org.calls == 20
    print(len(world.people_in_org()))
