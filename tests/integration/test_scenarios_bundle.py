"""With our bundle inside Mautic: its outbox tells who changed, is forgotten only once that is settled, and tells pushes."""

import pytest
from sqlalchemy import create_engine, text

from sidecar.hosts.mautic.bundle import Bundle
from sidecar.hosts.mautic.told import ToldContacts
from sidecar.records import Ref
from sidecar.sandbox.host.faults import Fault
from sidecar.sync.model import Cursor
from tests.world import World, install_bundle

pytestmark = pytest.mark.needs_mautic("a plain table has no bundle")
TOLD_BY_OUTBOX = "the bundle's outbox"


@pytest.fixture
def bundled(world: World) -> World:
    """A world whose Mautic has had the bundle for some hours."""
    install_bundle(world)
    world.hourly()
    world.hourly()
    return world


def told_by(world: World) -> str:
    """Return what told the last run of Mautic's changes, as the ledger has it."""
    return world.app.ledger.history.runs(world.instance.id)[0].windows["host:contact"]["told_by"]


def waiting(world: World) -> list[tuple[str, str, int]]:
    """Return what still stands in the outbox."""
    return [(row["kind"], row["what"], row["object_id"]) for row in world.host.outbox() if row["kind"] != "began"]


def forget_log(world: World) -> None:
    """Let Mautic's own log be emptied behind everybody's back."""
    engine = create_engine(world.host.database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_log"))
    engine.dispose()


def by_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our database user not be allowed to read the outbox."""

    def refused(bundle: Bundle) -> bool:
        bundle._is_read_by_sql = False
        return True

    monkeypatch.setattr(Bundle, "_may_exist", refused)


@pytest.mark.parametrize("way", ["sql", "rest"])
def test_the_outbox_tells_of_edits_deletions_and_new_people(
    bundled: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "rest":
        by_rest(monkeypatch)
    edited, lead = bundled.link_person()
    deleted, marked = bundled.link_person("bo@example.org")
    bundled.host.edit_contact(edited, {"phone": "555"})
    bundled.host.join_company(edited, "Acme Works")
    bundled.host.delete_contact(deleted)
    assert "company" in {kind for kind, _, _ in waiting(bundled)}
    forget_log(bundled)
    bundled.hourly()
    assert told_by(bundled) == TOLD_BY_OUTBOX
    assert bundled.org.row("Lead", lead)["Phone"] == "555"
    assert bundled.org.row("Lead", marked)["Deleted_in_Mautic__c"]
    assert waiting(bundled) == []


def test_where_it_began_too_late_or_is_switched_off_the_log_tells_and_nothing_is_lost(world: World) -> None:
    contact, lead = world.link_person()
    install_bundle(world)
    world.host.edit_contact(contact, {"phone": "1"})
    world.hourly()
    assert told_by(world) == "Mautic's audit log (the bundle's outbox began later)"
    assert world.org.row("Lead", lead)["Phone"] == "1"
    world.hourly()
    assert told_by(world) == TOLD_BY_OUTBOX
    world.host.unpublish_bundle()
    world.host.edit_contact(contact, {"phone": "2"})
    world.hourly()
    assert told_by(world) == "Mautic's audit log (the bundle is switched off)"
    assert world.org.row("Lead", lead)["Phone"] == "2"
    world.host.remove_bundle()
    world.hourly()
    assert told_by(world) == "Mautic's audit log (the bundle is not installed)"


def test_what_was_not_forgotten_is_told_again_and_costs_nothing(bundled: World) -> None:
    contact, lead = bundled.link_person()
    bundled.host.edit_contact(contact, {"phone": "555"})
    bundled.host.faults.add(Fault("POST /api/sidecar/outbox/done", kind="reset_before", times=2))
    bundled.hourly()
    assert bundled.org.row("Lead", lead)["Phone"] == "555"
    assert waiting(bundled) == [("contact", "changed", contact)]
    report = bundled.hourly()
    assert bundled.written(report) == 0
    assert waiting(bundled) == []


def test_a_run_that_dies_in_the_middle_leaves_its_rows(bundled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contact, lead = bundled.link_person()
    bundled.host.edit_contact(contact, {"phone": "555"})
    with monkeypatch.context() as patch:
        patch.setattr("sidecar.sync.run.process", _die)
        with pytest.raises(RuntimeError):
            bundled.hourly()
    assert waiting(bundled) == [("contact", "changed", contact)]
    bundled.hourly()
    assert bundled.org.row("Lead", lead)["Phone"] == "555"


def _die(*_: object, **__: object) -> None:
    raise RuntimeError("the machine was switched off")


def test_who_changes_again_while_being_settled_is_told_again(bundled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contact, lead = bundled.link_person()
    bundled.host.edit_contact(contact, {"phone": "1"})
    confirm = ToldContacts.confirm

    def too_late(told: ToldContacts, cursor: Cursor | None) -> None:
        bundled.host.edit_contact(contact, {"phone": "2"})
        confirm(told, cursor)

    with monkeypatch.context() as patch:
        patch.setattr(ToldContacts, "confirm", too_late)
        bundled.hourly()
    assert bundled.org.row("Lead", lead)["Phone"] == "1"
    assert waiting(bundled) == [("contact", "changed", contact)]
    bundled.hourly()
    assert bundled.org.row("Lead", lead)["Phone"] == "2"


def test_our_own_writes_are_never_told(bundled: World) -> None:
    _, lead = bundled.link_person()
    bundled.org.update("Lead", lead, {"Phone": "777"})
    bundled.hourly()
    [contact] = bundled.host.contacts()
    assert contact["phone"] == "777"
    assert waiting(bundled) == []
    assert bundled.written(bundled.hourly()) == 0


def test_what_happened_before_the_instance_began_is_not_imported(new_world: World) -> None:
    install_bundle(new_world)
    new_world.later(hours=3)
    new_world.host.create_contact({"email": "old@example.org", "lastname": "Old"})
    new_world.activate()
    new_world.hourly()
    assert told_by(new_world) == TOLD_BY_OUTBOX
    assert new_world.org.rows("Lead") == []
    assert waiting(new_world) == []


def test_a_hole_in_the_outbox_is_found_in_the_night(bundled: World) -> None:
    contact, lead = bundled.link_person()
    bundled.hourly()
    bundled.host.edit_contact(contact, {"phone": "555"})
    engine = create_engine(bundled.host.database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sidecar_outbox WHERE kind = 'contact'"))
    engine.dispose()
    bundled.hourly()
    assert bundled.org.row("Lead", lead)["Phone"] != "555"
    bundled.sync("reconcile")
    bundled.hourly()
    assert bundled.org.row("Lead", lead)["Phone"] == "555"


@pytest.mark.parametrize("repair", [True, False])
@pytest.mark.parametrize("way", ["by hand", "form"])
def test_a_merge_moves_the_link_in_one_hop_and_keeps_the_opt_out(bundled: World, way: str, repair: bool) -> None:
    install_bundle(bundled, repair_merges=repair)
    bundled.hourly()
    bundled.hourly()
    contact, lead = bundled.link_person()
    bundled.host.opt_out(contact)
    bundled.hourly()
    if way == "form":
        survivor = bundled.host.submit_form_fresh_browser("ana@example.org")
    else:
        survivor = bundled.host.create_contact({"email": "other@example.org"})
        bundled.host.merge_contacts(survivor, contact)
    assert bundled.is_opted_out(survivor) is repair
    bundled.hourly()
    assert told_by(bundled) == TOLD_BY_OUTBOX
    assert bundled.twin(survivor)["Id"] == lead
    assert bundled.org.row("Lead", lead)["Mautic_Id__c"] == str(survivor)
    assert bundled.is_opted_out(survivor)
    assert bundled.org.row("Lead", lead)["HasOptedOutOfEmail"]
    assert len(bundled.people_in_org()) == 1
    assert waiting(bundled) == []


def test_a_push_is_remembered_here_before_mautic_forgets_it(bundled: World) -> None:
    stranger = bundled.host.create_contact({"email": "ana@example.org", "lastname": "Lee"})
    bundled.hourly()
    bundled.host.push_by_campaign([stranger], as_="Lead")
    bundled.hourly()
    assert waiting(bundled) == []
    push = bundled.app.pushes.last(bundled.instance.id, Ref("contact", str(stranger)))
    assert push is not None
    assert (push.wish.wanted_object, push.wish.source.partition(":")[0]) == ("Lead", "campaign")
    assert push.state == "done"
