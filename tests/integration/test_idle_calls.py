"""A run that finds nothing new asks Salesforce once per object, whatever happened in the minutes it reads again."""

from collections.abc import Callable, Iterator

import pytest

from sidecar.records import Side
from tests.world import World, make_world

OBJECTS = 2

Event = Callable[[World, list[int]], object]


@pytest.fixture
def world() -> Iterator[World]:
    made = make_world()
    yield made
    made.close()


def lead_of(world: World, contact_id: int) -> str:
    return world.twin(contact_id)["Id"]


EVENTS: dict[str, Event] = {
    "a lead was converted": lambda world, ids: world.org.convert_lead(lead_of(world, ids[0])),
    "two leads were merged, one of them unknown to us": lambda world, ids: world.org.merge(
        "Lead", lead_of(world, ids[0]), [world.org.insert("Lead", {"LastName": "Double", "Company": "Lab"})]
    ),
    "a lead was deleted": lambda world, ids: world.org.delete("Lead", lead_of(world, ids[0])),
    "a contact was deleted": lambda world, ids: world.host.delete_contact(ids[0]),
    "contacts were merged": lambda world, ids: world.host.merge_contacts(ids[0], ids[1]),
}


@pytest.mark.parametrize("what", EVENTS)
def test_an_idle_run_asks_once_per_object_minutes_after(world: World, what: str) -> None:
    ids = world.host.create_many([{"email": f"c{number}@example.org", "lastname": "Lab"} for number in range(3)])
    world.sync()
    EVENTS[what](world, ids)
    world.sync()
    idle = world.sync()
    assert world.written(idle) == 0
    assert idle.calls[Side.SALESFORCE] == OBJECTS


def test_who_comes_back_after_a_deletion_is_no_echo(world: World) -> None:
    contact_id = world.host.create_contact({"email": "c@example.org", "lastname": "Lab"})
    world.sync()
    lead_id = lead_of(world, contact_id)
    world.org.delete("Lead", lead_id)
    world.sync()
    assert world.host.contact(contact_id)["deleted_in_salesforce"] == 1
    world.org.undelete("Lead", lead_id)
    world.sync()
    assert world.host.contact(contact_id)["deleted_in_salesforce"] == 0


def test_a_contact_converted_long_ago_still_travels_when_it_changes(world: World) -> None:
    contact_id = world.host.create_contact({"email": "c@example.org", "lastname": "Lab"})
    world.sync()
    salesforce_id = world.org.convert_lead(lead_of(world, contact_id))
    world.sync()
    world.org.update("Contact", salesforce_id, {"Phone": "1 2 3"})
    world.sync()
    assert world.host.contact(contact_id)["phone"] == "1 2 3"
