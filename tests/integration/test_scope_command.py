"""The command that counts who takes part: its numbers are those that a run would come to."""

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from sidecar.cli import app as cli
from tests.world import World, make_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = make_world()
    monkeypatch.setattr("sidecar.cli.scope.bootstrap", lambda: made.app)
    yield made
    made.close()


def told(world: World, **scopes: dict) -> dict[str, dict]:
    """Return the command's rows by object, under these scopes."""
    world.change_document(lambda document: document.update(scope=scopes))
    answer = CliRunner().invoke(cli, ["mapping", "scope", "acme", "--json"])
    assert answer.exit_code == 0, answer.stderr
    return {row["object"]: row for row in json.loads(answer.stdout)}


def numbers(row: dict) -> tuple[int, int]:
    return row["records"], row["in_scope"]


LEADS: dict[str, dict] = {
    "hot": {"Rating": "Hot", "Score__c": 10, "Interests__c": "Music;Art", "Birthday__c": "1990-01-01"},
    "warm": {"Rating": "Warm", "Score__c": 2, "DoNotCall": True, "Interests__c": "Sport"},
    "none": {"Phone": 'it\'s \\ "odd"'},
}


@pytest.mark.parametrize(
    "criteria",
    [
        [{"field": "Rating", "is": "hot"}],
        [{"field": "Rating", "in": ["Hot", "Warm"]}],
        [{"field": "Rating", "is_not": "Hot"}],
        [{"field": "Rating", "is_blank": True}],
        [{"field": "Rating", "is_blank": False}, {"field": "Score__c", "at_least": 3}],
        [{"field": "Score__c", "at_most": 2.0}],
        [{"field": "DoNotCall", "is": True}],
        [{"field": "DoNotCall", "is": False}],
        [{"field": "Birthday__c", "at_most": "1990-01-01"}],
        [{"field": "Interests__c", "is": "Art"}],
        [{"field": "Interests__c", "in": ["Sport", "Travel"]}],
        [{"field": "Interests__c", "is_not": "Sport"}],
        [{"field": "Phone", "is": 'it\'s \\ "odd"'}],
        [{"field": "Phone", "is": "x' OR Name != '"}],
    ],
)
def test_the_count_is_who_a_run_would_take(world: World, criteria: list[dict]) -> None:
    for name, values in LEADS.items():
        world.org.insert("Lead", {"LastName": name, "Company": "C", "Email": f"{name}@example.org"} | values)
    records, in_scope = numbers(told(world, Lead={"records": "matching", "criteria": criteria})["Lead"])
    world.hourly()
    assert (records, in_scope) == (3, len(world.host.contacts()))


def test_every_object_is_counted_with_its_words_and_nobody_who_is_gone(world: World) -> None:
    for number in range(4):
        world.org.insert("Lead", {"LastName": f"L{number}", "Company": "C", "Email": f"l{number}@example.org"})
    lead, gone, *_ = (row["Id"] for row in world.org.rows("Lead"))
    world.org.convert_lead(lead)
    world.org.delete("Lead", gone)
    world.host.create_contact({"email": "a@example.org", "tags": ["crm"]})
    world.host.create_contact({"email": "b@example.org"})
    world.host.create_contact({"lastname": "nobody can be recognised by that"})
    world.org.reset_calls()
    rows = told(world, Lead={"records": "none"}, host={"only_with_tag": "crm"})
    assert {name: numbers(row) for name, row in rows.items()} == {"contact": (2, 1), "Contact": (1, 1), "Lead": (2, 0)}
    assert {row["scope"] for row in rows.values()} == {"has the tag crm", "all records", 'records = "none"'}


def test_new_people_are_counted_from_their_date_on(world: World) -> None:
    world.org.insert("Lead", {"LastName": "old", "Company": "C"})
    since = world.later(hours=1)
    world.org.insert("Lead", {"LastName": "new", "Company": "C"})
    rows = told(world, Lead={"records": "new", "since": since.isoformat()})
    assert numbers(rows["Lead"]) == (2, 1)


def test_a_scope_that_cannot_be_asked_counts_nobody_and_says_why(world: World) -> None:
    world.org.insert("Lead", {"LastName": "L", "Company": "C"})
    row = told(world, Lead={"records": "flagged", "flag": "No_Such__c"})["Lead"]
    assert (numbers(row), row["problem"]) == ((1, 0), "scope-field-missing")


def test_the_table_says_it_to_people(world: World) -> None:
    answer = CliRunner().invoke(cli, ["mapping", "scope", "acme"])
    assert answer.exit_code == 0
    assert "all records" in answer.stdout
