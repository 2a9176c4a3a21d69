"""Owners, where a mapping follows them: changed on either side, unknown, inactive, a queue; never cleared, never by accident."""

import pytest
from sqlalchemy import update

from sidecar.lanes import open_preview
from sidecar.records import Ref, Side
from sidecar.store.history import OutcomeFilter
from sidecar.sync.explain import explain
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
    name = email.split("@", maxsplit=1)[0]
    return world.org.insert("User", {"LastName": name, "Username": email, "Email": email, "IsActive": is_active})


def a_contact(world: World, owner: int | None, email: str = "ana@example.org") -> int:
    return world.host.create_contact({"email": email, "lastname": "Lee"} | ({"owner": owner} if owner else {}))


def a_queue(world: World) -> str:
    return next(row["Id"] for row in world.org.rows("Group") if row["Type"] == "Queue")


def unpublish(world: World, user_id: int) -> None:
    users = world.host.act(lambda work: work.schema["users"])
    world.host.act(
        lambda work: work.connection.execute(update(users).where(users.c.id == user_id).values(is_published=0))
    )


def decided(world: World, contact: int) -> str:
    """Return what the ledger last said of the contact's owner."""
    return world.why(contact)["owner"]


def outcomes_of(world: World, contact: int) -> list:
    wanted = OutcomeFilter(side=Side.HOST, ref=Ref("contact", str(contact)))
    return world.app.ledger.history.outcomes(world.instance.id, wanted, limit=1)


def requests_for_users(world: World) -> int:
    """Return how often the users were read; each time our own id is asked for too."""
    return sum(each.path.rstrip("/") == "/services/data/v66.0" for each in world.org.requests)


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


def test_the_owner_travels_with_a_new_person_both_ways(world: World, users) -> None:
    follow_owners(world)
    contact = a_contact(world, users[SELLER][0])
    lead = world.org.insert(
        "Lead", {"LastName": "Bo", "Company": "C", "Email": "b@example.org", "OwnerId": users[MANAGER][1]}
    )
    world.hourly()
    assert org_owner(world, contact) == users[SELLER][1]
    assert world.contact_of("Lead", lead)["owner_id"] == users[MANAGER][0]


def test_a_change_of_owner_travels_both_ways_and_our_echo_writes_nothing(world: World, users) -> None:
    follow_owners(world)
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    world.org.update("Lead", world.twin(contact)["Id"], {"OwnerId": users[MANAGER][1]})
    world.hourly()
    assert (host_owner(world, contact), decided(world, contact)) == (users[MANAGER][0], "changed-in-salesforce")
    world.host.edit_contact(contact, {"owner": users[SELLER][0]})
    world.hourly()
    assert (org_owner(world, contact), decided(world, contact)) == (users[SELLER][1], "changed-in-host")
    assert [world.written(report) for report in world.settle(runs=2, minutes=1)] == [0, 0]


@pytest.mark.parametrize("priority", ["salesforce", "host"])
def test_the_arrow_keeps_the_other_sides_owner_from_travelling(world: World, users, priority: str) -> None:
    follow_owners(world, priority=priority)
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    if priority == "salesforce":
        world.host.edit_contact(contact, {"owner": users[MANAGER][0]})
    else:
        world.org.update("Lead", world.twin(contact)["Id"], {"OwnerId": users[MANAGER][1]})
    world.hourly()
    assert decided(world, contact) == f"{priority}-has-priority"
    owners = (host_owner(world, contact), org_owner(world, contact))
    assert owners == (
        (users[MANAGER][0], users[SELLER][1]) if priority == "salesforce" else (users[SELLER][0], users[MANAGER][1])
    )


def test_an_alias_makes_two_addresses_one_person(world: World) -> None:
    here, there = (
        world.host.add_user("jane", email="jane@marketing.example"),
        add_org_user(world, "j.doe@sales.example"),
    )
    other, colleague = world.host.add_user("tom", email="tom@x.example"), add_org_user(world, "Tom@x.example")
    follow_owners(world, owners={"aliases": {"Jane@marketing.example": "J.Doe@sales.example"}})
    contact = a_contact(world, here)
    world.hourly()
    assert org_owner(world, contact) == there
    assert [world.written(report) for report in world.settle(runs=2, minutes=1)] == [0, 0]
    world.org.update("Lead", world.twin(contact)["Id"], {"OwnerId": colleague})
    world.hourly()
    assert host_owner(world, contact) == other
    world.org.update("Lead", world.twin(contact)["Id"], {"OwnerId": there})
    world.hourly()
    assert host_owner(world, contact) == here


@pytest.mark.needs_mautic("a plain table takes any address for an owner")
def test_an_owner_who_is_no_user_of_the_other_side_is_told_and_the_rest_travels(world: World, users) -> None:
    follow_owners(world)
    only_here, only_there = (
        world.host.add_user("here", email="here@example.com"),
        add_org_user(world, "there@example.com"),
    )
    contact = a_contact(world, only_here)
    world.hourly()
    assert world.twin(contact)["LastName"] == "Lee"
    assert decided(world, contact) == "owner-unknown"
    assert org_owner(world, contact) == world.org.user_ids["api"]
    world.settle(runs=2)
    assert host_owner(world, contact) == only_here, "our own user, who owns what nobody else does, is nobody's owner"
    world.org.update("Lead", world.twin(contact)["Id"], {"OwnerId": only_there, "Phone": "1"})
    world.hourly()
    assert world.host.contact(contact)["phone"] == "1"
    assert (host_owner(world, contact), decided(world, contact)) == (only_here, "owner-unknown")


def test_an_owner_known_later_is_set_when_the_person_changes(world: World) -> None:
    follow_owners(world)
    contact = a_contact(world, world.host.add_user("late", email="late@example.com"))
    world.hourly()
    late = add_org_user(world, "late@example.com")
    world.host.edit_contact(contact, {"phone": "1"})
    world.hourly()
    assert org_owner(world, contact) == late


@pytest.mark.needs_mautic("a plain table does not know who left")
def test_a_user_who_left_gets_nobody_on_either_side(world: World, users) -> None:
    follow_owners(world)
    gone = world.host.add_user("gone", email="gone@example.com")
    left = add_org_user(world, "gone@example.com", is_active=False)
    contact = a_contact(world, gone)
    world.hourly()
    assert (decided(world, contact), org_owner(world, contact)) == ("owner-inactive", world.org.user_ids["api"])
    unpublish(world, users[MANAGER][0])
    other = a_contact(world, users[SELLER][0], "b@example.org")
    world.hourly()
    world.org.update("Lead", world.twin(other)["Id"], {"OwnerId": users[MANAGER][1], "Phone": "2"})
    world.hourly()
    assert (host_owner(world, other), decided(world, other)) == (users[SELLER][0], "owner-inactive")
    assert world.host.contact(other)["phone"] == "2"
    assert left != org_owner(world, contact)


def test_two_users_with_one_address_are_not_guessed_between(world: World, users) -> None:
    follow_owners(world)
    world.org.insert(
        "User", {"LastName": "Double", "Username": "second@example.com", "Email": SELLER, "IsActive": True}
    )
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    assert (decided(world, contact), org_owner(world, contact)) == ("owner-ambiguous", world.org.user_ids["api"])


def test_a_fallback_owns_who_would_be_nobodys_and_overwrites_nobody_in_mautic(world: World, users) -> None:
    follow_owners(world, owners={"fallback": MANAGER})
    stranger = world.host.add_user("stranger", email="stranger@example.com")
    contact = a_contact(world, stranger)
    world.hourly()
    assert (org_owner(world, contact), decided(world, contact)) == (users[MANAGER][1], "owner-fallback")
    assert set(world.sync().counts["skipped"]) == {"unchanged"}, "it is known how the record was left"
    world.org.update("Lead", world.twin(contact)["Id"], {"Phone": "1"})
    world.settle(runs=2)
    assert host_owner(world, contact) == stranger
    assert world.host.contact(contact)["phone"] == "1"
    world.org.update("Lead", world.twin(contact)["Id"], {"OwnerId": users[SELLER][1]})
    world.hourly()
    assert host_owner(world, contact) == users[SELLER][0], "a change made on purpose travels"


def test_the_fallback_is_for_new_people_only(world: World, users) -> None:
    follow_owners(world, owners={"fallback": MANAGER})
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    world.host.edit_contact(contact, {"owner": world.host.add_user("x", email="x@example.com")})
    world.hourly()
    assert org_owner(world, contact) == users[SELLER][1]
    assert next(row.reason for row in outcomes_of(world, contact)) == "owner-unknown"


@pytest.mark.parametrize("blanks", [False, True])
def test_the_owner_is_never_cleared_in_salesforce(world: World, users, blanks: bool) -> None:
    follow_owners(world, propagate_blanks=blanks)
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    world.host.edit_contact(contact, {"owner": None})
    world.settle(runs=2)
    assert org_owner(world, contact) == users[SELLER][1]
    assert decided(world, contact) == ("required-in-target" if blanks else "blanks-stay")


@pytest.mark.parametrize("blanks", [False, True])
def test_who_goes_to_a_queue_loses_the_owner_in_mautic_only_where_blanks_travel(
    world: World, users, blanks: bool
) -> None:
    follow_owners(world, propagate_blanks=blanks)
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    queue = a_queue(world)
    world.org.update("Lead", world.twin(contact)["Id"], {"OwnerId": queue})
    world.settle(runs=2)
    assert host_owner(world, contact) == (None if blanks else users[SELLER][0])
    assert org_owner(world, contact) == queue


def test_a_queue_is_not_emptied_by_filling_what_looks_empty(world: World, users) -> None:
    follow_owners(world, priority="salesforce")
    queue = a_queue(world)
    world.org.insert("Lead", {"LastName": "Lee", "Company": "C", "Email": "ana@example.org", "OwnerId": queue})
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    assert (org_owner(world, contact), decided(world, contact)) == (queue, "salesforce-has-priority")


def test_assignment_rules_stay_off_and_cannot_take_the_owner_away(world: World, users) -> None:
    follow_owners(world)
    world.org.set_assignment_rule(world.org.user_ids["user"])
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    world.host.edit_contact(contact, {"phone": "1"})
    world.hourly()
    assert (world.twin(contact)["Phone"], org_owner(world, contact)) == ("1", users[SELLER][1])


def test_a_rule_of_the_org_that_names_the_owner_holds_back_the_owner_alone(world: World, users) -> None:
    follow_owners(world)
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    world.org.add_validation_rule(
        "Lead", lambda row: row["OwnerId"] == users[MANAGER][1], "Not to managers", field="OwnerId"
    )
    world.host.edit_contact(contact, {"owner": users[MANAGER][0], "phone": "1"})
    world.hourly()
    assert (world.twin(contact)["Phone"], org_owner(world, contact)) == ("1", users[SELLER][1])


def test_users_are_asked_for_once_a_run_and_not_by_an_idle_one(world: World, users) -> None:
    follow_owners(world)
    for number in range(5):
        a_contact(world, users[SELLER][0], f"p{number}@example.org")
    world.org.reset_calls()
    world.hourly()
    assert requests_for_users(world) == 1
    world.hourly()
    world.later(minutes=58)
    world.org.reset_calls()
    idle = world.sync()
    assert (idle.calls[Side.SALESFORCE], requests_for_users(world)) == (2, 0)


def test_where_owners_are_not_mapped_nothing_is_asked_about_users(world: World, users) -> None:
    world.org.reset_calls()
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    assert org_owner(world, contact) == world.org.user_ids["api"]
    assert requests_for_users(world) == 0


def test_thousands_of_users_are_read_page_by_page(world: World, users) -> None:
    follow_owners(world)
    world.org.set_page_size(2)
    last = add_org_user(world, "zoe@example.com")
    contact = a_contact(world, world.host.add_user("zoe", email="zoe@example.com"))
    world.hourly()
    assert org_owner(world, contact) == last


def test_explain_tells_both_owners_and_what_would_be_done(world: World, users) -> None:
    follow_owners(world)
    contact = a_contact(world, users[SELLER][0])
    world.hourly()
    world.host.edit_contact(contact, {"owner": users[MANAGER][0]})
    ref = world.link_of(contact).host
    with open_preview(world.app, world.instance, "people") as lane:
        story = explain(lane, Side.HOST, lane.sides[Side.HOST].read(lane.rules, [ref])[ref])
    owner = next(field for field in story.fields if field.name == "owner")
    assert (owner.host, owner.salesforce, owner.outcome, owner.reason) == (MANAGER, SELLER, "write", "changed-in-host")
