"""Registering with a Mautic: everything looked at, what is missing made once, only what was made removed, the webhook watched."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.checks import check_side
from sidecar.errors import SetupError, TransientError
from sidecar.hosts.mautic.registration.look_behind import rights_beyond_reading
from sidecar.lines import Line, LineStatus
from sidecar.records import Side
from sidecar.registering import Wishes, check_mautic, made_parts, register, try_out, unregister
from sidecar.sandbox.host.faults import Fault
from sidecar.store.audit import AuditLog
from tests.world import World, make_world

URL = "https://sidecar.example.com"
HOOK = f"{URL}/hooks/acme/mautic"
WISHES = Wishes(sidecar_url=URL)


@pytest.fixture
def world() -> Iterator[World]:
    found = make_world()
    found.host.create_contact({"email": "ana@example.org", "lastname": "Lee"})
    yield found
    found.close()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[World]:
    """A world whose Mautic has none of the fields that the mapping names."""
    found = make_world(host_url=f"sqlite:///{tmp_path}/mautic.sqlite3", custom_fields=())
    found.host.create_contact({"email": "ana@example.org", "lastname": "Lee"})
    yield found
    found.close()


def lines_of(world: World, wishes: Wishes = WISHES) -> dict[tuple[str, str], Line]:
    lines = check_mautic(world.app, world.instance, wishes).report.lines
    return {(line.code, line.about): line for line in lines}


def hooks_of(world: World) -> list[dict]:
    with world.host.database.work() as work:
        return work.rows("webhooks")


def aliases(world: World) -> set[str]:
    with world.host.database.work() as work:
        return {row["alias"] for row in work.rows("lead_fields") if row["date_added"] is not None}


def test_what_is_missing_is_made_once_with_the_right_types_and_only_that_is_removed(bare: World) -> None:
    before = lines_of(bare)
    assert before["host-field", "deleted_in_salesforce"].status is LineStatus.FIX
    assert before["host-right", "Contacts: edit others"].status is LineStatus.OK
    contact = bare.host.contact(1)
    done = register(bare.app, bare.instance, "ana", replace(WISHES, segment=True))
    assert {part.name for part in done.made} > {"deleted_in_salesforce", "interests", "score", "birthday", "rating"}
    assert done.keys.keys() == {"shared_key", "push_key"}
    assert done.after.report.is_green
    assert bare.host.contact(1)["email"] == contact["email"]
    fields = done.after.seen.database.schema.fields
    kinds = {name: fields[name].type.value for name in ("deleted_in_salesforce", "birthday", "score", "interests")}
    assert kinds == {
        "deleted_in_salesforce": "boolean", "birthday": "date", "score": "number", "interests": "multi_picklist",
    }  # fmt: skip
    assert fields["interests"].options == ("Music", "Sport", "Art", "Travel")
    hook = hooks_of(bare)[0]
    secret = bare.app.connections.load_secrets(bare.instance.id, Side.HOST)["hook_secret"]
    assert (hook["webhook_url"], hook["secret"], hook["is_published"]) == (HOOK, secret, 1)
    again = register(bare.app, bare.instance, "ana", replace(WISHES, segment=True))
    assert (again.made, dict(again.keys), len(hooks_of(bare))) == ((), {}, 1)

    theirs = bare.host.add_oauth_client("Somebody else") and aliases(bare)
    removed = unregister(bare.app, bare.instance, "ana")
    assert {part.kind for part in removed} == {"webhook", "segment"}
    assert (hooks_of(bare), aliases(bare)) == ([], theirs)
    assert {part.kind for part in unregister(bare.app, bare.instance, "ana", with_fields=True)} == {"field"}
    assert aliases(bare) == set()
    assert unregister(bare.app, bare.instance, "ana", with_fields=True) == []
    assert "shared_key" not in bare.app.connections.load_secrets(bare.instance.id, Side.HOST)


def test_missing_fields_can_be_made_alone(bare: World) -> None:
    done = register(bare.app, bare.instance, "ana", replace(WISHES, only_fields=True))
    assert {part.kind for part in done.made} == {"field"}
    assert (hooks_of(bare), dict(done.keys)) == ([], {})


def test_a_webhook_that_was_changed_is_mended_and_fewer_triggers_make_it_anew(world: World) -> None:
    register(world.app, world.instance, "ana", WISHES)
    with world.host.database.work() as work:
        work.connection.exec_driver_sql("UPDATE webhooks SET is_published = 0, webhook_url = 'https://x.example.com'")
        work.connection.exec_driver_sql("DELETE FROM webhook_events WHERE event_type = 'mautic.lead_post_delete'")
    assert "published, url, triggers" in lines_of(world)["host-hook", HOOK].what
    assert [part.action for part in register(world.app, world.instance, "ana", WISHES).made] == ["mend"]
    assert lines_of(world)["host-hook", HOOK].status is LineStatus.OK
    few = register(world.app, world.instance, "ana", replace(WISHES, few_triggers=True))
    triggers = few.after.seen.api.hook.triggers
    assert "mautic.lead_channel_subscription_changed" in triggers
    assert "mautic.lead_post_save_update" not in triggers
    assert register(world.app, world.instance, "ana", WISHES).made == (), "the choice is kept"
    assert len(hooks_of(world)) == 1


def test_without_an_address_of_ours_no_webhook_is_made_and_the_line_says_so(world: World) -> None:
    done = register(world.app, world.instance, "ana", Wishes())
    assert hooks_of(world) == []
    assert any("Nobody said at which address" in line.what for line in done.after.report.lines)


def test_each_right_that_is_missing_is_named_and_a_wrong_prefix_is_told_with_the_right_one(world: World) -> None:
    for path in ("PATCH /api/contacts/1/edit", "POST /api/contacts/new", "GET /api/hooks", "GET /api/fields/contact"):
        world.host.faults.add(Fault(path, status=403))
    found = lines_of(world)
    wrong = {about for (code, about), line in found.items() if code == "host-right" and line.status is LineStatus.FIX}
    assert wrong == {"Contacts: edit others", "Contacts: create"}
    notes = {about for (code, about), line in found.items() if code == "host-right" and line.status is LineStatus.NOTE}
    assert notes == {"Custom fields: full", "Webhooks: view, edit, create, delete"}
    info = world.app.connections.load(world.instance.id, Side.HOST)
    world.app.connections.save(world.instance.id, Side.HOST, {**info.settings, "table_prefix": "mtc_"})
    prefix = next(line for (code, _), line in lines_of(world).items() if code == "host-prefix")
    assert (prefix.values["prefix"], prefix.values["other"]) == ("mtc_", "")
    with pytest.raises(SetupError):
        register(world.app, world.instance, "ana", WISHES)


def test_the_trial_leaves_nothing_behind_even_when_it_is_cut_short(world: World) -> None:
    assert try_out(world.app, world.instance).agrees is True
    world.host.faults.add(Fault("PATCH /api/contacts", status=502))
    with pytest.raises(TransientError, match="502"):
        try_out(world.app, world.instance)
    world.host.faults.add(Fault("/delete", status=403))
    left = try_out(world.app, world.instance).left
    assert left is not None
    assert [part.host_id for part in made_parts(world.app, world.instance)] == [left]
    assert try_out(world.app, world.instance).left is None
    with world.host.database.work() as work:
        assert [row["email"] for row in work.rows("leads")] == ["ana@example.org"]
    assert world.sync().counts["written"] == {"new-in-host": 1}


def test_a_webhook_that_mautic_switched_off_is_on_again_after_the_next_look_with_an_alert_and_an_entry(
    world: World,
) -> None:
    register(world.app, world.instance, "ana", WISHES)
    world.sync(), world.later(hours=2)
    with world.host.database.work() as work:
        work.connection.exec_driver_sql("UPDATE webhooks SET is_published = 0")
    assert check_side(world.app, world.instance, Side.HOST).is_ok
    assert hooks_of(world)[0]["is_published"] == 1
    assert [alert.code for alert in world.app.alerts.list_open(world.instance.id)] == ["webhook-stopped"]
    assert AuditLog(world.app.database).entries(world.instance.id, limit=1)[0].what == "webhook-switched-on"
    check_side(world.app, world.instance, Side.HOST)
    assert world.app.alerts.list_open(world.instance.id) == []


@pytest.mark.parametrize(
    ("grants", "more"),
    [
        (("GRANT USAGE ON *.*", "GRANT SELECT ON mautic.*"), ()),
        (("GRANT SELECT (id, email), SHOW VIEW ON mautic.users",), ()),
        (("GRANT SELECT, INSERT, UPDATE (a, b) ON mautic.*",), ("INSERT", "UPDATE")),
        (("GRANT ALL PRIVILEGES ON *.* WITH GRANT OPTION",), ("ALL PRIVILEGES", "GRANT OPTION")),
        (("GRANT reader",), ("a role",)),
    ],
)
def test_rights_beyond_reading_are_named(grants: tuple[str, ...], more: tuple[str, ...]) -> None:
    assert rights_beyond_reading(grants) == more
