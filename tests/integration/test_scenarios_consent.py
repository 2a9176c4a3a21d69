"""Who may be written to: an opt-out travels at once, and is lifted only where a person allowed it and dates prove it."""

import pytest

from sidecar.records import Side
from sidecar.sandbox.host.faults import Fault as HostFault
from tests.world import World

UNSUBSCRIBED, BOUNCED, BY_HAND = 1, 2, 3


def allow_lifting(world: World, how: str) -> None:
    world.change_document(lambda document: document["consent"].update(lift=how))


def is_out(world: World, contact: int) -> tuple[bool, bool]:
    """Return whether a person is opted out in Mautic and in Salesforce."""
    return world.is_opted_out(contact), world.twin(contact)["HasOptedOutOfEmail"]


def link_opted_out(world: World, reason: int = BY_HAND) -> tuple[int, str]:
    """Return a linked person who was opted out in Mautic, and is so on both sides."""
    contact, lead = world.link_person()
    world.host.opt_out(contact, reason, by="ui")
    world.hourly()
    assert is_out(world, contact) == (True, True)
    return contact, lead


# -- an opt-out travels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [UNSUBSCRIBED, BOUNCED, BY_HAND])
def test_an_opt_out_in_mautic_reaches_salesforce(world: World, reason: int) -> None:
    contact, _ = world.link_person()
    world.host.opt_out(contact, reason)
    world.hourly()
    assert is_out(world, contact) == (True, True)
    assert [row["reason"] for row in world.host.dnc(contact)] == [reason]


def test_an_opt_out_in_salesforce_reaches_mautic_as_a_manual_one(world: World) -> None:
    contact, lead = world.link_person()
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": True})
    world.hourly()
    assert [row["reason"] for row in world.host.dnc(contact)] == [BY_HAND]
    assert "written" not in world.hourly().counts


@pytest.mark.parametrize("side", list(Side))
def test_a_new_person_who_opted_out_is_opted_out_from_the_first_moment(world: World, side: Side) -> None:
    if side is Side.HOST:
        contact = world.host.create_contact({"email": "a@example.org", "lastname": "Lee"})
        world.host.opt_out(contact)
        world.hourly()
    else:
        values = {"LastName": "Lee", "Company": "C", "Email": "a@example.org", "HasOptedOutOfEmail": True}
        lead = world.org.insert("Lead", values)
        world.hourly()
        contact = int(world.contact_of("Lead", lead)["id"])
    assert is_out(world, contact) == (True, True)


@pytest.mark.parametrize("out_side", list(Side))
def test_two_who_are_matched_by_address_and_disagree_are_both_opted_out(world: World, out_side: Side) -> None:
    contact = world.host.create_contact({"email": "a@example.org", "lastname": "Lee"})
    values = {"LastName": "Lee", "Company": "C", "Email": "a@example.org"}
    world.org.insert("Lead", values | {"HasOptedOutOfEmail": out_side is Side.SALESFORCE})
    if out_side is Side.HOST:
        world.host.opt_out(contact)
    world.hourly()
    assert is_out(world, contact) == (True, True)


def test_an_opt_out_of_another_channel_is_no_opt_out_of_mails(world: World) -> None:
    contact, _ = world.link_person()
    world.host.opt_out(contact, channel="sms")
    world.hourly()
    assert world.twin(contact)["HasOptedOutOfEmail"] is False


def test_an_opt_out_travels_though_the_record_itself_is_refused(world: World) -> None:
    contact, _ = world.link_person()
    world.org.add_validation_rule("Lead", lambda row: row.get("Phone") == "bad", "No.", "Phone")
    world.host.edit_contact(contact, {"phone": "bad"})
    world.host.opt_out(contact)
    world.hourly()
    assert is_out(world, contact) == (True, True)


@pytest.mark.needs_mautic("Mautic's REST API is made to fail")
def test_an_opt_out_reaches_mautic_though_the_contact_itself_is_refused(world: World) -> None:
    contact, lead = world.link_person()
    world.host.faults.add(HostFault("/batch/edit", kind="row_error", row=0, status=400, times=9))
    world.org.update("Lead", lead, {"Phone": "999", "HasOptedOutOfEmail": True})
    world.hourly()
    assert is_out(world, contact) == (True, True)


@pytest.mark.needs_mautic("Mautic's REST API is made to fail")
def test_an_opt_out_that_mautic_could_not_take_comes_back_by_itself(world: World) -> None:
    contact, lead = world.link_person()
    world.host.faults.add(HostFault("/dnc/", times=50, status=503))
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": True})
    world.hourly()
    assert is_out(world, contact) == (False, True)
    world.host.faults.clear()
    world.hourly()
    assert is_out(world, contact) == (True, True)


# -- and is not lifted by accident -----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["never", "staff", "all_but_bounces"])
def test_a_stale_opt_in_never_lifts_an_opt_out(world: World, policy: str) -> None:
    """Salesforce's last word on consent is a year old; somebody edits the phone there."""
    allow_lifting(world, policy)
    contact, lead = world.link_person()
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": True})
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": False})
    world.hourly()
    world.later(days=365)
    world.host.opt_out(contact, by="visitor")
    world.org.update("Lead", lead, {"Phone": "1"})
    world.settle(runs=3)
    assert is_out(world, contact) == (True, True)


@pytest.mark.parametrize("policy", ["never", "staff", "all_but_bounces"])
def test_one_persons_log_never_affects_another(world: World, policy: str) -> None:
    """Both are edited in Mautic, one opted out in Salesforce, and only the other has a log about consent."""
    allow_lifting(world, policy)
    quiet, quiet_lead = world.link_person("quiet@example.org")
    loud, _ = world.link_person("loud@example.org")
    world.host.edit_contact(quiet, {"phone": "1"})
    world.host.edit_contact(loud, {"phone": "2"})
    world.host.opt_out(loud, by="ui")
    world.host.lift_opt_out(loud)
    world.later(minutes=2)
    world.org.update("Lead", quiet_lead, {"HasOptedOutOfEmail": True})
    world.settle(runs=2)
    assert is_out(world, quiet) == (True, True)
    assert is_out(world, loud) == (False, False)


def test_a_history_of_in_and_out_counts_by_its_last_word(world: World) -> None:
    allow_lifting(world, "all_but_bounces")
    contact, lead = world.link_person()
    for state in (True, False, True):
        world.later(minutes=1)
        world.org.update("Lead", lead, {"HasOptedOutOfEmail": state})
    world.settle(runs=2)
    assert is_out(world, contact) == (True, True)
    assert len(world.host.dnc(contact)) == 1


def test_what_the_sync_wrote_itself_proves_nothing(world: World) -> None:
    allow_lifting(world, "all_but_bounces")
    contact, lead = link_opted_out(world)
    world.later(minutes=5)
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": False})
    world.hourly()
    assert is_out(world, contact) == (False, False), "a seller's newer act lifts it"
    world.later(minutes=5)
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": True})
    world.settle(runs=3)
    assert is_out(world, contact) == (True, True), "our own lifting in Mautic is no newer opt-in"


def test_an_opt_out_that_vanished_without_an_act_is_put_back(world: World) -> None:
    contact, _ = link_opted_out(world, UNSUBSCRIBED)
    world.host.lose_opt_out(contact)
    world.host.edit_contact(contact, {"phone": "1"})
    world.settle(runs=2)
    assert is_out(world, contact) == (True, True)


def test_an_opt_out_that_vanished_on_both_sides_without_an_act_is_put_back_on_both(world: World) -> None:
    contact, lead = link_opted_out(world, UNSUBSCRIBED)
    world.org.track_field("Lead", "HasOptedOutOfEmail", tracked=False)
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": False}, by="automation")
    world.host.lose_opt_out(contact)
    assert is_out(world, contact) == (False, False)
    world.settle(runs=2)
    assert is_out(world, contact) == (True, True)


def test_an_opt_out_lost_in_a_merge_is_put_back(world: World) -> None:
    contact, _ = link_opted_out(world, UNSUBSCRIBED)
    visitor = world.host.create_contact({"lastname": "Visitor"})
    world.host.merge_contacts(visitor, contact)
    assert not world.is_opted_out(visitor)
    world.settle(runs=2)
    assert is_out(world, visitor) == (True, True)


def test_a_person_merged_into_somebody_takes_their_opt_out_along(world: World) -> None:
    winner, _ = world.link_person("ana@example.org")
    loser, _ = world.link_person("ana.lee@example.org")
    world.host.opt_out(loser)
    world.hourly()
    world.host.merge_contacts(winner, loser)
    world.settle(runs=3)
    assert is_out(world, winner) == (True, True)


# -- lifted on purpose -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "reason", "is_lifted"),
    [
        ("never", BY_HAND, False),
        ("staff", BY_HAND, True),
        ("staff", UNSUBSCRIBED, False),
        ("all_but_bounces", BY_HAND, True),
        ("all_but_bounces", UNSUBSCRIBED, True),
        ("all_but_bounces", BOUNCED, False),
    ],
)
def test_a_newer_opt_in_in_salesforce_lifts_what_the_setting_allows(
    world: World, policy: str, reason: int, is_lifted: bool
) -> None:
    allow_lifting(world, policy)
    contact, lead = link_opted_out(world, reason)
    world.later(minutes=5)
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": False})
    world.settle(runs=3)
    assert is_out(world, contact) == ((False, False) if is_lifted else (True, True))


def test_without_history_in_salesforce_nothing_is_lifted(world: World) -> None:
    allow_lifting(world, "all_but_bounces")
    world.org.track_field("Lead", "HasOptedOutOfEmail", tracked=False)
    contact, lead = link_opted_out(world)
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": False})
    world.settle(runs=2)
    assert is_out(world, contact) == (True, True)


def test_a_newer_opt_in_in_mautic_lifts_the_opt_out_in_salesforce(world: World) -> None:
    allow_lifting(world, "staff")
    contact, lead = world.link_person()
    world.org.update("Lead", lead, {"HasOptedOutOfEmail": True})
    world.hourly()
    world.later(minutes=5)
    world.host.lift_opt_out(contact, by="ui")
    world.settle(runs=3)
    assert is_out(world, contact) == (False, False)


def test_many_lifts_in_one_run_wait_for_a_person(world: World) -> None:
    allow_lifting(world, "all_but_bounces")
    contacts = world.host.create_many([{"email": f"p{i}@example.org", "lastname": "L"} for i in range(25)])
    for contact in contacts:
        world.host.opt_out(contact, by="ui")
    world.hourly()
    world.later(minutes=5)
    for row in world.org.rows("Lead"):
        world.org.update("Lead", row["Id"], {"HasOptedOutOfEmail": False})
    report = world.hourly()
    assert (report.state, report.error.code) == ("held", "too-many-lifts")
    assert all(world.is_opted_out(each) for each in contacts)
    world.hourly(is_confirmed=True)
    assert not any(world.is_opted_out(each) for each in contacts)


# -- hidden ----------------------------------------------------------------------------------------------------------


def test_a_hidden_opt_out_field_never_means_opted_in_and_stops_nothing_else(world: World) -> None:
    contact, lead = link_opted_out(world)
    world.org.hide_field("Lead", "HasOptedOutOfEmail")
    world.later(days=2)
    world.host.edit_contact(contact, {"phone": "1"})
    new = world.host.create_contact({"email": "new@example.org", "lastname": "New"})
    world.settle(runs=2)
    assert {alert.code for alert in world.app.alerts.list_open(world.instance.id)} == {"opt-out-hidden"}
    assert world.is_opted_out(contact)
    assert world.org.row("Lead", lead)["Phone"] == "1"
    assert world.link_of(new) is None, "nobody is created whose consent we could not carry"
    world.org.hide_field("Lead", "HasOptedOutOfEmail", hidden=False)
    world.later(days=2)
    world.host.edit_contact(new, {"phone": "2"})
    world.settle(runs=2)
    assert world.twin(new)["Phone"] == "2"
    assert world.app.alerts.list_open(world.instance.id) == []
