"""Registering with each version of Mautic, the lines of a check one by one, and the commands that people type."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sidecar.checks import check_side
from sidecar.cli import app as commands
from sidecar.connecting import save_mautic
from sidecar.lines import Line, LineStatus
from sidecar.records import Side
from sidecar.registering import Wishes, check_mautic, made_parts, register, try_out, unregister
from tests.world import World, install_bundle, make_world

URL = "https://sidecar.example.com"
HOOK = f"{URL}/hooks/acme/mautic"
PUBLIC = "93.184.216.34"
FIX, NOTE, OK = LineStatus.FIX, LineStatus.NOTE, LineStatus.OK


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make a world whose Mautic has one contact."""
    worlds: list[World] = []

    def make(**options: object) -> World:
        own = {"host_url": f"sqlite:///{tmp_path}/mautic.sqlite3"} if options.keys() - {"profile"} else {}
        worlds.append(make_world(**own, **options))
        worlds[-1].host.create_contact({"email": "ana@example.org", "lastname": "Lee"})
        return worlds[-1]

    yield make
    for each in worlds:
        each.close()


def lines_of(world: World, url: str | None = None) -> dict[tuple[str, str], Line]:
    lines = check_mautic(world.app, world.instance, Wishes(sidecar_url=url)).report.lines
    return {(line.code, line.about): line for line in lines}


def status_of(world: World, code: str, about: str = "", url: str | None = None) -> LineStatus | None:
    found = lines_of(world, url)
    return next((line.status for (each, name), line in found.items() if each == code and about in name), None)


def hooks_of(world: World) -> list[dict]:
    with world.host.database.work() as work:
        return work.rows("webhooks")


def sql(world: World, statement: str) -> None:
    with world.host.database.work() as work:
        work.connection.exec_driver_sql(statement)


@pytest.mark.parametrize(("version", "is_private_refused"), [("5.2", False), ("6.0", True), ("7.2", True)])
def test_each_version_is_registered_with_and_a_webhook_that_it_gave_up_is_switched_on_again(
    made: Callable[..., World], version: str, is_private_refused: bool
) -> None:
    world = made(profile=version)
    inside = status_of(world, "host-hook-target", url="https://sidecar.internal")
    assert inside == (FIX if is_private_refused else None)
    done = register(world.app, world.instance, "ana", Wishes(sidecar_url=URL))
    assert done.after.report.is_green
    codes = {line.code for line in done.after.report.lines}
    assert codes & {"host-hook-kept", "host-columns"} == ({"host-hook-kept"} if version == "7.2" else set())
    assert try_out(world.app, world.instance).agrees is True

    posted: list[str] = []
    world.host.hooks.resolve = lambda _: [PUBLIC]
    world.host.deliver = lambda url, _headers, _body: posted.append(url) or 500
    world.later(days=3)
    world.host.create_contact({"email": "bea@example.org", "lastname": "Ray"})
    assert (set(posted), hooks_of(world)[0]["is_published"]) == ({HOOK}, 0)
    assert check_side(world.app, world.instance, Side.HOST).is_ok
    assert hooks_of(world)[0]["is_published"] == 1
    assert [alert.code for alert in world.app.alerts.list_open(world.instance.id)] == ["webhook-stopped"]


def test_each_thing_that_is_not_right_has_its_line(made: Callable[..., World]) -> None:
    world = made(profile="7.2")
    assert status_of(world, "host-bundle") is NOTE
    install_bundle(world)
    assert (status_of(world, "host-bundle"), status_of(world, "host-log"), status_of(world, "host-clock")) == (OK,) * 3
    register(world.app, world.instance, "ana", Wishes(sidecar_url=URL))
    assert "--few-triggers" in lines_of(world)["host-hook-triggers", HOOK].how
    world.host.install_bundle("9_somebody", "k" * 32)
    assert status_of(world, "host-bundle") is FIX
    world.host.unpublish_bundle()
    assert (status_of(world, "host-bundle"), status_of(world, "host-hook-triggers")) == (NOTE, None)

    world.later(days=5)
    world.host.create_contact({"email": "bea@example.org", "lastname": "Ray"})
    sql(world, "DELETE FROM audit_log WHERE id < (SELECT max(id) FROM audit_log)")
    assert lines_of(world)["host-log", "Mautic's log of changes"].values == {"days": 0}
    assert status_of(world, "host-log") is FIX
    sql(world, "ALTER TABLE lead_lists DROP COLUMN deleted")
    assert status_of(world, "host-columns") is FIX
    for seconds, expected in ((-29, OK), (90, FIX)):
        world.host.clock.set(world.now + timedelta(seconds=seconds))
        line = lines_of(world)["host-clock", "Clock of the web server"]
        assert (line.status, line.values) == (expected, {"seconds": seconds})


def test_a_missing_prefix_is_told_and_with_it_everything_is_registered(made: Callable[..., World]) -> None:
    world = made(table_prefix="mau_")
    told = next(line for (code, _), line in lines_of(world).items() if code == "host-prefix")
    assert (told.status, told.values["prefix"], told.values["other"]) == (FIX, "", "mau_")
    known = world.app.connections.load(world.instance.id, Side.HOST).settings
    world.app.connections.save(world.instance.id, Side.HOST, {**known, "table_prefix": "mau_"})
    assert register(world.app, world.instance, "ana", Wishes(sidecar_url=URL)).after.report.is_green


def test_the_address_that_was_given_is_kept_and_a_webhook_that_calls_elsewhere_is_told(
    made: Callable[..., World],
) -> None:
    world = made()
    lines_of(world, URL)
    assert world.app.sidecar_url(world.instance) is None, "looking keeps nothing"
    register(world.app, world.instance, "ana", Wishes(sidecar_url=URL))
    known = world.app.connections.load(world.instance.id, Side.HOST).settings
    entered = {name: known[name] for name in ("base_url", "client_id", "parallel")}
    save_mautic(world.app, world.instance, entered, {}, "ana", allow_loopback=True)
    assert status_of(world, "host-hook", HOOK) is OK
    assert register(world.app, world.instance, "ana").made == ()

    sql(world, "UPDATE webhooks SET webhook_url = 'https://old.example.com/hooks/acme/mautic'")
    check_side(world.app, world.instance, Side.HOST)
    assert [alert.code for alert in world.app.alerts.list_open(world.instance.id)] == ["webhook-moved"]
    assert [part.action for part in register(world.app, world.instance, "ana").made] == ["mend"]
    check_side(world.app, world.instance, Side.HOST)
    assert world.app.alerts.list_open(world.instance.id) == []
    unregister(world.app, world.instance, "ana")
    assert world.app.sidecar_url(world.instance) is None


def test_a_webhook_and_a_segment_of_another_mautic_that_bear_our_ids_are_left_alone(
    made: Callable[..., World],
) -> None:
    world, other = made(), made()
    register(world.app, world.instance, "ana", Wishes(sidecar_url=URL, segment=True))
    theirs = other.host.add_hook("https://theirs.example.com", ["mautic.lead_post_delete"], name="Theirs")
    sql(other, "UPDATE webhooks SET is_published = 0")
    world.adapters[Side.HOST].app = other.host.app
    known = world.app.connections.load(world.instance.id, Side.HOST).settings
    client_id, client_secret = other.host.add_oauth_client("Sidecar")
    secrets = {"client_secret": client_secret, "database_url": other.host.database_url}
    world.app.connections.save(world.instance.id, Side.HOST, {**known, "client_id": client_id}, secrets)
    world.app.forget(world.instance, Side.HOST)

    check_side(world.app, world.instance, Side.HOST)
    assert [alert.code for alert in world.app.alerts.list_open(world.instance.id)] == ["webhook-missing"]
    assert ("webhook", str(theirs)) in {(part.kind, part.host_id) for part in made_parts(world.app, world.instance)}
    register(world.app, world.instance, "ana", Wishes(segment=True))
    found = {hook["webhook_url"]: hook["is_published"] for hook in hooks_of(other)}
    assert found == {"https://theirs.example.com": 0, HOOK: 1}
    assert status_of(world, "host-hook", HOOK) is OK


def test_the_commands_look_make_try_renew_and_remove(
    made: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = made(custom_fields=())
    monkeypatch.setattr("sidecar.cli.registering.bootstrap", lambda: world.app)

    def said(*words: str, code: int = 0) -> dict:
        done = CliRunner().invoke(commands, [*words, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    looked = said("register", "acme", "--check", "--sidecar-url", URL, code=3)
    assert (looked["made"], looked["keys"], hooks_of(world)) == ([], {}, [])
    assert {"kind": "webhook", "name": "every change of people and companies", "action": "make"} in looked["missing"]
    fields = said("register", "acme", "--fields-only")
    assert ({part["kind"] for part in fields["made"]}, fields["keys"]) == ({"field"}, {})
    everything = said("register", "acme", "--sidecar-url", URL, "--segment", "--probe")
    assert {part["kind"] for part in everything["made"]} == {"webhook", "segment"}
    assert "The contact of the trial is gone again" in everything["probe"]
    first = everything["keys"]
    assert said("register", "acme")["keys"] == {}
    renewed = said("register", "acme", "--new-keys")["keys"]
    kept = world.app.connections.load_secrets(world.instance.id, Side.HOST)
    assert renewed == {name: kept[name] for name in ("shared_key", "push_key")}
    assert not set(renewed.values()) & set(first.values())
    assert said("register", "acme", "--check", "--new-keys")["keys"] == {}, "looking makes no keys"
    removed = said("unregister", "acme")["removed"]
    assert {part["kind"] for part in removed} == {"webhook", "segment"}
    assert {part["kind"] for part in said("unregister", "acme", "--fields")["removed"]} == {"field"}
    refused = CliRunner().invoke(commands, ["register", "acme", "--sidecar-url", "sidecar.example.com"])
    assert (refused.exit_code, "address-unclear" in refused.output) == (2, True)
