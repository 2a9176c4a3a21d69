"""The command that shows and sets what an instance may use."""

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from sidecar.cli import app as cli
from sidecar.cli.output import ExitCode
from sidecar.store.audit import AuditLog
from tests.world import World, make_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = make_world()
    monkeypatch.setattr("sidecar.cli.budget.bootstrap", lambda: made.app)
    yield made
    made.close()


def told(*words: str) -> dict:
    answer = CliRunner().invoke(cli, ["budget", *words, "--json"])
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


def test_it_shows_ours_others_free_and_makes_no_call(world: World) -> None:
    world.org.limits.use_by_others(100)
    world.link_person()
    calls = world.org.calls
    shown = told("show", "acme")
    assert (shown["ours"], shown["others"], shown["org_allowed"]) == (calls, 100, 15_000)
    assert shown["free"] == 15_000 - 100 - calls
    assert shown["allocation"] is None
    assert len(shown["hours"]) == 24
    assert world.org.calls == calls


def test_what_is_not_named_stays_and_each_change_is_noted(world: World) -> None:
    told("set", "acme", "--calls", "500", "--operations", "1000", "--reason", "asked")
    changed = told("set", "acme", "--percent", "10")
    assert changed == {
        "calls": None, "percent": 10, "reserve_percent": 10, "alert_percent": 80, "operations_per_month": 1000,
    }  # fmt: skip
    assert told("set", "acme", "--unlimited", "--operations", "0")["operations_per_month"] is None
    entries = AuditLog(world.app.database).entries(world.instance.id)
    assert [(each.who, each.before["calls"], each.after["calls"]) for each in entries][-1] == (
        "command line",
        None,
        500,
    )
    assert len(entries) == 3


@pytest.mark.parametrize("words", [["--calls", "5"], ["--calls", "50", "--percent", "5"], ["--alert", "0"]])
def test_what_makes_no_sense_is_refused(world: World, words: list[str]) -> None:
    answer = CliRunner().invoke(cli, ["budget", "set", "acme", *words])
    assert answer.exit_code == ExitCode.USAGE
    assert AuditLog(world.app.database).entries(world.instance.id) == []


def test_the_table_says_it_to_people(world: World) -> None:
    told("set", "acme", "--calls", "20")
    for _ in range(20):
        world.app.budgets.claim(world.instance.id, world.now)
    answer = CliRunner().invoke(cli, ["budget", "show", "acme"])
    assert "budget-used" in answer.stdout
    assert "20 calls in 24 hours" in answer.stdout
