"""What a run costs: calls grow by the batch and not by the person, and so do the statements on both databases."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, insert

from tests.world import World, make_world

SOME, MANY = 200, 1000


def contacts(number: int) -> list[dict]:
    return [{"email": f"p{i}@example.org", "lastname": f"N{i}", "phone": "1"} for i in range(number)]


def leads(number: int) -> list[dict]:
    return [{"LastName": f"N{i}", "Company": "C", "Email": f"p{i}@example.org"} for i in range(number)]


def cost(world: World, lane: str = "people") -> int:
    """Return how many metered calls Salesforce counts for a run."""
    world.later(minutes=58)
    world.org.reset_calls()
    assert world.sync(lane).state == "done"
    return world.org.calls


def edit_all(world: World, phone: str) -> None:
    for row in world.host.contacts():
        world.host.edit_contact(row["id"], {"phone": phone})
    assert {row["phone"] for row in world.host.contacts()} == {phone}


def test_an_idle_hour_costs_one_call_per_object(world: World) -> None:
    world.link_person()
    world.later(hours=2)
    world.sync()
    assert cost(world) == 2
    world.sync("activities")
    assert cost(world, "activities") == 0


def test_a_thousand_new_contacts_cost_at_most_eight_calls(world: World) -> None:
    world.host.create_many(contacts(MANY))
    assert cost(world) <= 8
    assert len(world.org.rows("Lead")) == MANY


def test_a_thousand_changed_contacts_cost_at_most_six_calls(world: World) -> None:
    world.host.create_many(contacts(MANY))
    world.hourly()
    world.later(hours=1)
    world.sync()
    edit_all(world, "2")
    assert cost(world) <= 6
    assert {row["Phone"] for row in world.org.rows("Lead")} == {"2"}


def test_a_thousand_new_leads_cost_at_most_ten_calls(world: World) -> None:
    world.org.insert_many("Lead", leads(MANY))
    assert cost(world) <= 10
    assert len(world.host.contacts()) == MANY


@pytest.mark.needs_mautic("a plain table has no timeline")
def test_four_thousand_activities_cost_at_most_21_calls(world: World) -> None:
    people = world.host.create_many(contacts(20))
    world.hourly()
    world.sync("activities")
    contact = world.host.hit_page(people[0])
    with world.host.database.work() as work:
        row = work.rows("page_hits", work.schema["page_hits"].c.id == contact)[0]
        rows = [row | {"id": 1000 + i, "lead_id": people[i % 20]} for i in range(3999)]
        work.connection.execute(insert(work.schema["page_hits"]), rows)
    assert cost(world, "activities") <= 21
    assert len(world.org.rows("mautic_timeline__c")) >= 4000


@contextmanager
def counted_statements(world: World) -> Iterator[Counter]:
    """Count what the sidecar asks of its own database and of Mautic's; what the sandbox itself asks does not count."""
    counts: Counter[str] = Counter()
    sandbox = world.host.database.engine

    def count(connection, *_):
        if connection.engine is not sandbox:
            counts["mautic" if "mautic" in str(connection.engine.url) else "state"] += 1

    event.listen(Engine, "before_cursor_execute", count)
    yield counts
    event.remove(Engine, "before_cursor_execute", count)


@pytest.mark.parametrize("what", ["new contacts", "changed contacts", "new leads"])
@pytest.mark.needs_mautic("a plain table is written row by row")
def test_statements_on_both_databases_grow_by_the_batch_and_not_by_the_person(what: str) -> None:
    few, many = (_statements(make_world(), what, number) for number in (SOME, MANY))
    for database in ("mautic", "state"):
        more = many[database] - few[database]
        assert more <= (MANY - SOME) / 10, f"{database}: {few} for {SOME}, {many} for {MANY}"


def _statements(world: World, what: str, number: int) -> Counter:
    world.sync()
    if what == "new leads":
        world.org.insert_many("Lead", leads(number))
    else:
        world.host.create_many(contacts(number))
    if what == "changed contacts":
        world.hourly()
        edit_all(world, "2")
    with counted_statements(world) as counts:
        assert world.written(world.hourly()) >= number
    world.close()
    return counts
