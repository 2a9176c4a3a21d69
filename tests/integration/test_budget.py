"""A budget of API calls: lanes pause at it and go on by themselves; opt-outs and deletions never wait for it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sidecar.budget import Budget
from sidecar.records import Side
from tests.world import World, make_world

BACKLOG = 6_000
LISTENING = 1
"""What it costs of the reserve to ask Salesforce for opt-outs and deletions."""


@pytest.fixture
def world() -> Iterator[World]:
    made = make_world()
    yield made
    made.close()


def seed(world: World, count: int, start: int = 0) -> list[int]:
    numbers = range(start, start + count)
    return world.host.create_many([{"email": f"c{each}@example.org", "lastname": f"N{each}"} for each in numbers])


def allot(world: World, **budget: int) -> None:
    world.app.budgets.save(world.instance.id, Budget(**budget), world.now)


def open_codes(world: World) -> list[str]:
    return [alert.code for alert in world.app.alerts.list_open(world.instance.id)]


def emails(rows: list[dict]) -> list[str]:
    return sorted(row["Email"] for row in rows)


def run_until_done(world: World, *, every_hours: int, most: int) -> list[int]:
    """Run at intervals until nothing is left to do; return the calls of each run."""
    calls: list[int] = []
    for _ in range(most):
        before = world.org.limits.calls
        world.later(hours=every_hours)
        report = world.sync()
        calls.append(world.org.limits.calls - before)
        if report.state == "done" and world.written(report) == 0:
            return calls
    pytest.fail(f"not done after {most} runs: {calls}")


def most_in_a_day(calls: list[int], every_hours: int) -> int:
    """Return the most calls within any 24 hours of such runs."""
    runs = 24 // every_hours
    return max(sum(calls[start : start + runs]) for start in range(len(calls)))


def people_in(world: World) -> int:
    return len(world.people_in_org())


def test_a_budget_of_20_calls_pauses_a_backlog_and_resumes_it_without_loss(world: World) -> None:
    known = seed(world, 4)
    world.sync()
    leads = [world.twin(each)["Id"] for each in known]
    world.later(hours=30)
    allot(world, calls=20)
    backlog = seed(world, BACKLOG, start=100)
    before = world.org.calls
    paused = world.sync()
    assert (paused.state, paused.error.code) == ("postponed", "budget-used")
    assert world.org.calls - before == 20 + LISTENING
    assert 0 < people_in(world) < BACKLOG

    world.host.opt_out(known[0])
    world.host.delete_contact(known[1])
    world.org.update("Lead", leads[2], {"HasOptedOutOfEmail": True})
    world.org.delete("Lead", leads[3])
    world.host.opt_out(backlog[-1])  # not in Salesforce yet: nobody there can write to them
    assert world.hourly().error.code == "budget-used"
    assert world.org.row("Lead", leads[0])["HasOptedOutOfEmail"] is True
    assert world.org.row("Lead", leads[1])["Deleted_in_Mautic__c"] is True
    world.later(hours=12)
    assert world.hourly().error.code == "budget-used"
    assert world.is_opted_out(known[2])
    assert world.host.contact(known[3])["deleted_in_salesforce"] == 1

    calls = run_until_done(world, every_hours=4, most=60)
    assert most_in_a_day(calls, 4) <= 20 + 10
    living = {row["email"] for row in world.host.contacts()} - {"c3@example.org"} | {"c1@example.org"}
    assert emails(world.people_in_org()) == sorted(living)
    assert world.twin(backlog[-1])["HasOptedOutOfEmail"] is True
    assert all(world.link_of(each) for each in backlog)


def test_one_alert_tells_of_a_pause_and_closes_when_it_is_over(world: World) -> None:
    allot(world, calls=20)
    seed(world, BACKLOG)
    world.sync()
    for _ in range(3):
        assert world.hourly().state == "postponed"
    assert open_codes(world) == ["budget-used"]
    run_until_done(world, every_hours=6, most=40)
    world.later(hours=30)
    world.sync()
    assert open_codes(world) == []
    told = [alert.code for alert in world.app.alerts.history(world.instance.id)]
    assert told.count("budget-used") < 5
