"""One budget, however many workers: counted before each call, so that nobody passes it and a dead worker forgot nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
from requests.adapters import BaseAdapter

from sidecar.budget import Budget
from sidecar.lanes import run_lane
from sidecar.records import Side
from sidecar.store.budget import Budgets
from tests.builders_store import NOW, an_instance
from tests.world import World, make_world
from tests.wsgi import WsgiAdapter


@pytest.fixture
def world() -> Iterator[World]:
    made = make_world()
    yield made
    made.close()


def test_workers_that_ask_at_once_share_one_budget(database) -> None:
    instance, budgets = an_instance(database), Budgets(database)
    budgets.save(instance.id, Budget(calls=40), NOW)

    def claim(number: int) -> bool:
        # Some clocks are an hour ahead: those count under another hour.
        return budgets.claim(instance.id, NOW + timedelta(minutes=number % 2 * 60)) is None

    with ThreadPoolExecutor(8) as workers:
        granted = sum(workers.map(claim, range(120)))
    assert granted == 40
    assert budgets.calls(instance.id, NOW + timedelta(hours=1)).ours == 40
    assert budgets.claim(instance.id, NOW, is_urgent=True) is None


def test_what_the_org_told_is_stored_with_the_next_call(database) -> None:
    instance, budgets = an_instance(database), Budgets(database)
    assert budgets.claim(instance.id, NOW) is None
    assert budgets.claim(instance.id, NOW, (14_999, 15_000)) is not None
    found = budgets.calls(instance.id, NOW)
    assert (found.ours, found.org_used, found.org_allowed, found.free) == (1, 14_999, 15_000, 1)


def test_operations_are_counted_by_month(database) -> None:
    instance, budgets = an_instance(database), Budgets(database)
    assert [budgets.add_operations(instance.id, NOW, 5) for _ in range(2)] == [5, 10]
    assert budgets.add_operations(instance.id, NOW + timedelta(days=31), 1) == 1


def test_the_activities_lane_pays_from_the_same_budget(world: World) -> None:
    world.host.create_contact({"email": "a@example.org", "lastname": "A"})
    world.sync()
    world.later(hours=30)
    world.app.budgets.save(world.instance.id, Budget(calls=20), world.now)
    for _ in range(20):
        world.app.budgets.claim(world.instance.id, world.now)
    world.host.hit_page(1, "https://example.org/", "A page")
    before = world.org.calls
    report = world.sync("activities")
    assert (report.state, report.error.code, world.org.calls) == ("postponed", "budget-used", before)
    world.later(hours=26)
    world.sync("activities")
    assert len(world.org.rows("mautic_timeline__c")) == 1


class KilledError(BaseException):
    """The worker is gone between a call and its answer."""


class Killer(BaseAdapter):
    """Lets some metered calls through, then ends the worker."""

    def __init__(self, behind: WsgiAdapter, calls: int) -> None:
        super().__init__()
        self.behind, self.left = behind, calls

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        answer = self.behind.send(request, *args, **kwargs)
        if "/services/data/v" in request.url:
            self.left -= 1
            if self.left == 0:
                raise KilledError
        return answer

    def close(self) -> None:
        """Nothing is open."""


def test_a_killed_worker_has_forgotten_none_of_its_calls(world: World) -> None:
    world.host.create_many([{"email": f"c{each}@example.org", "lastname": "N"} for each in range(1500)])
    honest = world.adapters[Side.SALESFORCE]
    world.adapters[Side.SALESFORCE] = Killer(honest, 7)
    world.later(minutes=1)
    with pytest.raises(KilledError):
        run_lane(world.app, world.instance, "people", "test")
    assert world.app.budgets.calls(world.instance.id, world.now).ours == world.org.calls == 7
    world.adapters[Side.SALESFORCE] = honest
    world.settle(runs=2)
    assert world.app.budgets.calls(world.instance.id, world.now).ours == world.org.calls
    assert len(world.org.rows("Lead")) == 1500
