"""Owners, where a mapping follows them: changed on either side, unknown, inactive, a queue; never cleared, never by accident."""

import pytest

from sidecar.sandbox.host.work import Work
from tests.world import World

SELLER, MANAGER = "seller@example.com", "manager@example.com"


def follow_owners(world: World, *, owners: dict | None = None, **pair) -> None:
    """Have the instance's mapping follow owners."""

    def change(document: dict) -> None:
        document["fields"]["owner"] = {"host": "owner_email", "salesforce": "OwnerEmail"} | pair
        if owners:
            document["owners"] = owners

    world.change_document(change)


def add_org_user(world: World, email: str, *, is_active: bool = True) -> str:
    name = email.split("@")[0]
    return world.org.insert("User", {"LastName": name, "Username": email, "Email": email, "IsActive": is_active})


def set_active(world: World, user_id: str, *, is_active: bool) -> None:
    world.org.update("User", user_id, {"IsActive": is_active})


def host_owner(world: World, contact: int) -> int | None:
    return world.host.contact(contact)["owner_id"]


def org_owner(world: World, contact: int) -> str:
    return world.twin(contact)["OwnerId"]


@pytest.fixture
def users(world: World) -> dict[str, tuple[int, str]]:
    """Two people who are users of both sides: address → (number in Mautic, id in Salesforce)."""
    return {
        email: (world.host.add_user(email.split("@")[0], email=email), add_org_user(world, email))
        for email in (SELLER, MANAGER)
    }


def test_try(world: World, users) -> None:
    follow_owners(world)
    contact = world.host.create_contact({"email": "ana@example.org", "lastname": "Lee", "owner": users[SELLER][0]})
    world.hourly()
    assert org_owner(world, contact) == users[SELLER][1]
