"""Where the newer change wins, it is the field's own change that counts, not the record's, and never one of ours."""

import pytest

from sidecar.lanes import open_preview
from sidecar.records import Ref, Side
from sidecar.sync.explain import explain
from tests.world import World


@pytest.fixture
def person(world: World) -> tuple[int, str]:
    """Somebody whose newer change wins, linked a while ago."""
    world.change_document(lambda document: document["mapping"].update(conflict_policy="newest_wins"))
    return world.link_person(phone="1", firstname="Ana")


@pytest.mark.needs_mautic("a plain table keeps no dates of its fields")
def test_a_later_edit_of_another_field_does_not_make_a_value_newer(world: World, person: tuple[int, str]) -> None:
    contact, lead = person
    world.host.edit_contact(contact, {"phone": "2"})
    first, second = world.now, world.later(minutes=10)
    world.org.update("Lead", lead, {"Phone": "3"})
    world.later(minutes=10)
    world.host.edit_contact(contact, {"firstname": "Anna"})
    with open_preview(world.app, world.instance, "people") as lane:
        [record] = lane.sides[Side.HOST].read(lane.rules, [Ref("contact", str(contact))]).values()
        story = explain(lane, Side.HOST, record)
    [phone] = [field for field in story.fields if field.name == "phone"]
    dates = f"in the host {first:%Y-%m-%d %H:%M:%S}, in Salesforce {second:%Y-%m-%d %H:%M:%S}"
    assert phone.agreed == f"changed on both sides since ({dates})"
    assert story.told_by[Side.HOST] == "Mautic's audit log (the bundle is not installed)"
    world.hourly()
    assert world.host.contact(contact)["phone"] == "3"
    assert world.org.row("Lead", lead)["FirstName"] == "Anna"


def test_a_write_of_ours_does_not_make_a_value_newer(world: World, person: tuple[int, str]) -> None:
    contact, lead = person
    world.org.update("Lead", lead, {"Phone": "2"})
    world.hourly()
    assert world.host.contact(contact)["phone"] == "2", "written by us"
    world.org.update("Lead", lead, {"Phone": "3"})
    world.later(minutes=5)
    world.host.edit_contact(contact, {"phone": "4"})
    world.hourly()
    assert world.org.row("Lead", lead)["Phone"] == "4"
