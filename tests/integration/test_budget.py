"""A budget of API calls: lanes pause at it and go on by themselves; opt-outs and deletions never wait for it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sidecar.budget import Budget
from sidecar.lanes import run_lane
from sidecar.limits import set_budget
from sidecar.store.audit import AuditLog
from tests.world import World, make_world

BACKLOG = 6_000
LARGE = 10_000
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
    backlog = seed(world, LARGE, start=100)
    before = world.org.calls
    paused = world.sync()
    assert (paused.state, paused.error.code) == ("postponed", "budget-used")
    assert world.org.calls - before == 20 + LISTENING
    assert 0 < people_in(world) < LARGE

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
    allot(world, calls=12)
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


def test_a_scheduled_lane_goes_on_as_soon_as_calls_are_free(world: World) -> None:
    world.app.schedules.set_interval(world.instance.id, "people", 24 * 3600)
    allot(world, calls=12)
    world.later(minutes=20)
    seed(world, BACKLOG)
    paused_at = world.now
    world.sync()
    planned = world.app.schedules.get(world.instance.id, "people").next_run_at
    hour = paused_at.replace(minute=0, second=0, microsecond=0)
    assert timedelta(0) <= planned - (hour + timedelta(hours=25)) < timedelta(minutes=1)


def test_hourly_slots_stay_while_calls_are_used_up(world: World) -> None:
    allot(world, calls=12)
    soon = world.now + timedelta(minutes=40)
    world.app.schedules.postpone(world.instance.id, "people", soon)
    seed(world, BACKLOG)
    assert world.sync().state == "postponed"
    assert world.app.schedules.get(world.instance.id, "people").next_run_at == soon


def test_cursors_and_windows_stay_where_they_were_while_only_the_urgent_goes_on(world: World) -> None:
    allot(world, calls=12)
    seed(world, BACKLOG)
    world.sync()
    world.hourly()  # opens the windows that the lane will go on with
    before = rows_of(world, "watermarks")
    person, lead = linked_pair(world)
    world.host.opt_out(person)
    for _ in range(3):
        assert world.hourly().state == "postponed"
    assert world.org.row("Lead", lead)["HasOptedOutOfEmail"] is True
    assert rows_of(world, "watermarks") == before


def test_the_last_calls_of_the_org_are_left_to_others_until_it_says_better(world: World) -> None:
    person, _ = world.link_person()
    world.later(hours=2)
    world.org.set_api_limit(100)
    world.org.limits.use_by_others(90)
    world.hourly()
    world.host.edit_contact(person, {"lastname": "New"})
    world.later(minutes=20)
    stopped = world.sync()
    assert (stopped.state, stopped.error.code) == ("postponed", "org-calls-used")
    assert open_codes(world) == ["org-calls-used"]
    world.org.set_api_limit(15_000)
    world.later(minutes=40)
    world.sync()
    assert world.twin(person)["LastName"] == "New"
    assert open_codes(world) == []


def test_a_quota_of_operations_pauses_lanes_until_it_is_raised_and_lets_opt_outs_through(world: World) -> None:
    people = seed(world, 10)
    world.sync()
    allot(world, operations_per_month=12)
    assert world.app.budgets.operations(world.instance.id, world.now) >= 10
    seed(world, 5, start=50)
    world.hourly()
    assert "operations-used" in open_codes(world)
    late = seed(world, 1, start=90)
    world.host.opt_out(people[0])
    assert world.hourly().error.code == "operations-used"
    assert world.twin(people[0])["HasOptedOutOfEmail"] is True
    assert world.link_of(late[0]) is None
    set_budget(world.app, world.instance.id, Budget(operations_per_month=500), who="a test")
    assert world.hourly().state == "done"
    assert world.link_of(late[0])
    assert open_codes(world) == []
    kept = [(each.who, each.after["operations_per_month"]) for each in AuditLog(world.app.database).entries()]
    assert kept == [("a test", 500)]


def test_80_percent_opens_one_alert_and_it_closes_by_itself(world: World) -> None:
    world.sync()
    allot(world, calls=20)
    while world.app.budgets.calls(world.instance.id, world.now).ours < 14:
        world.app.budgets.claim(world.instance.id, world.now)
    for _ in range(2):
        world.sync()
        assert open_codes(world) == ["budget-low"]
    world.later(hours=26)
    world.sync()
    assert open_codes(world) == []
    assert len(world.app.alerts.history(world.instance.id)) == 1


def test_limits_are_read_once_an_hour_and_told_when_they_get_near(world: World) -> None:
    def scheduled() -> int:
        world.later(minutes=10)
        before = world.org.calls
        run_lane(world.app, world.instance, "people", "schedule")
        return world.org.calls - before

    seed(world, 1)
    scheduled()
    assert world.app.budgets.limits(world.instance.id)["DataStorageMB"].allowed > 0
    idle = [scheduled() for _ in range(4)]
    assert set(idle) == {2}
    full = {"DataStorageMB": (900, 1_000), "DailyBulkApiBatches": (80, 100)}
    world.app.budgets.save_limits(world.instance.id, world.now, full)
    scheduled()
    assert sorted(open_codes(world)) == ["bulk-batches-low", "storage-low"]
    calls_before = world.org.calls
    assert world.app.budgets.calls(world.instance.id, world.now).ours == calls_before


def rows_of(world: World, table: str) -> list[tuple]:
    with world.app.database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id")]


def linked_pair(world: World) -> tuple[int, str]:
    """Return a contact of the backlog that is in Salesforce already, and its lead."""
    lead = next(row["Id"] for row in world.people_in_org())
    return int(world.contact_of("Lead", lead)["id"]), lead
