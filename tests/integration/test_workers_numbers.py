"""What a large run may cost: calls, requests and statements, counted. Times and memory are measured by `make bench`."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from sidecar.lanes import RunReport
from sidecar.records import Side
from tests.world import World, make_world

PEOPLE = 2000
PAGES_OF_CONTACTS = 2  # of 1,000; a page of Salesforce's holds 2,000


@contextmanager
def counted_statements() -> Iterator[Counter[str]]:
    """Count what is asked of our database and of Mautic's by others than Mautic itself."""
    found: Counter[str] = Counter()

    def count(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # The sandbox shares our process: its own connections write, ours to its database only read.
        is_ours = "state.sqlite3" in str(connection.engine.url)
        reads_only = connection.connection.driver_connection.execute("PRAGMA query_only").fetchone() == (1,)
        found["ours" if is_ours else "mautic" if reads_only else "sandbox"] += 1

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", count)


@pytest.fixture(scope="module")
def large_world() -> Iterator[World]:
    """A world with many people in step, all writes seen again."""
    world = make_world()
    world.sync()
    world.host.create_many([{"email": f"p{n}@example.org", "lastname": f"Person {n}"} for n in range(PEOPLE)], "api")
    world.settle(runs=3)
    yield world
    world.close()


def cost_of(world: World) -> tuple[RunReport, Counter[str]]:
    with counted_statements() as statements:
        report = world.hourly()
    return report, statements


@pytest.fixture
def idle(large_world: World) -> Counter[str]:
    """Statements of a run that finds nothing."""
    large_world.settle(runs=2)
    report, statements = cost_of(large_world)
    assert (dict(report.counts), report.calls) == ({}, {Side.SALESFORCE: 2, Side.HOST: 0})
    return statements


def test_many_changed_contacts_reach_salesforce_in_few_calls_and_statements(
    large_world: World, idle: Counter[str]
) -> None:
    for contact in large_world.host.contacts():
        large_world.host.edit_contact(contact["id"], {"position": f"Chief {contact['id']} {large_world.now}"}, "api")
    report, statements = cost_of(large_world)
    assert large_world.written(report) == PEOPLE
    assert report.calls[Side.SALESFORCE] <= 6 * PEOPLE // 1000
    assert statements["mautic"] - idle["mautic"] <= 10 * PAGES_OF_CONTACTS
    assert statements["ours"] - idle["ours"] <= 65 * PAGES_OF_CONTACTS


def test_many_changed_people_reach_mautic_in_few_requests_and_statements(
    large_world: World, idle: Counter[str]
) -> None:
    for lead in large_world.org.rows("Lead"):
        large_world.org.update("Lead", lead["Id"], {"Title": f"Chief {lead['Id']} {large_world.now}"})
    report, statements = cost_of(large_world)
    assert large_world.written(report) == PEOPLE
    assert report.calls[Side.SALESFORCE] <= 4
    assert report.calls[Side.HOST] <= PEOPLE / 200 * 2
    assert statements["mautic"] - idle["mautic"] <= 40
    assert statements["ours"] - idle["ours"] <= 120
