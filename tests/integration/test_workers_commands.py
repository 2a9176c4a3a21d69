"""The commands, as somebody types them: from an empty database to a synced customer, and what they say to nonsense."""

import json
import re
import sqlite3
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import typer.main
from cryptography.fernet import Fernet

from sidecar.cli import app as commands
from tests.conftest import NewDatabase
from tests.deployment import ORG_SECRET, Deployment, Finished, Systems, deploy, open_systems
from tests.world import KEY

DONE, SOME_FAILED, USAGE, CANNOT_CONNECT, LATER = 0, 1, 2, 3, 75
REMEMBERED = {"cache", "connections", "api_usage", "budgets"}
"""Tables that asking alone may touch: tokens and descriptions, when a side was last reached, and the calls it cost."""


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """A Mautic and an org with three people in each, one of them in both."""
    with open_systems(tmp_path_factory.mktemp("systems")) as systems:
        systems.new_contacts(2)
        systems.new_leads(2, domain="example.net")
        with systems.minutes_ago():
            systems.host.create_contact({"email": "both@example.org", "lastname": "Both", "phone": "+1 555 0100"})
            lead = {"Email": "both@example.org", "LastName": "Both", "Company": "Acme", "Title": "Chief"}
            systems.org.insert("Lead", lead)
        yield systems


@pytest.fixture(scope="module")
def shared(redis_url: str) -> Iterator[Deployment]:
    """A deployment for tests that have an instance of their own in it and leave both systems as they are."""
    with redis.Redis.from_url(redis_url) as server:
        number = int(server.incr("tests:databases"))
    with deploy(redis_url=f"{redis_url.rpartition('/')[0]}/{number}") as deployment:
        yield deployment


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with deploy() as deployment:
        yield deployment


def state_of(deployment: Deployment, *, without: set[str] = frozenset()) -> dict[str, list[tuple]]:
    """Return every row of the state database."""
    return rows_of(deployment.folder / "state.sqlite3", without)


def rows_of(path: Path, without: set[str] = frozenset()) -> dict[str, list[tuple]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [name for [name] in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables if name not in without}
    database.close()
    return found


def both_sides(systems: Systems) -> tuple:
    path = Path(systems.host.database_url.removeprefix("sqlite:///"))
    return rows_of(path, {"oauth2_accesstokens"}), systems.org.rows("Lead"), systems.org.rows("Contact")


def secrets_of(systems: Systems) -> list[str]:
    return [ORG_SECRET, systems.client[1], systems.host.database_url, KEY]


def connect_by_commands(deployment: Deployment, systems: Systems, slug: str) -> list[Finished]:
    files = {}
    client_id, client_secret = systems.client
    for name, text in (("db", systems.host.database_url), ("mautic", client_secret), ("org", ORG_SECRET)):
        files[name] = deployment.folder / f"{slug}-{name}"
        files[name].write_text(f"{text}\n")
    mautic = ("--url", systems.host_url, "--client-id", client_id, "--secret-file", str(files["mautic"]))
    return [
        deployment.run("connect", "mautic", slug, *mautic, "--database-url-file", str(files["db"]), "--json"),
        deployment.run(
            "connect", "salesforce", slug, "--url", systems.org_url, "--client-id", "sidecar",
            "--secret-file", str(files["org"]), "--json",
        ),
    ]  # fmt: skip


def test_from_an_empty_database_to_the_first_run(deployment: Deployment, tmp_path: Path) -> None:
    with open_systems(tmp_path) as systems:
        systems.new_contacts(2)
        steps = [
            deployment.run("upgrade-db", "--json"),
            deployment.run("instance", "add", "acme", "--label", "Acme Ltd", "--json"),
            *connect_by_commands(deployment, systems, "acme"),
            deployment.run("check", "acme", "--json"),
            deployment.run("preflight", "acme", "--json"),
            deployment.run("run", "people", "acme", "--json"),
            deployment.run("run", "activities", "acme", "--json"),
            deployment.run("instance", "show", "acme", "--json"),
            deployment.run("instance", "show", "acme"),
        ]
        assert [step.code for step in steps] == [DONE] * len(steps), [step.said for step in steps]
        checked, _, people, _, shown = (step.document for step in steps[4:9])
        assert [line["ok"] for line in checked] == [True, True, True]
        assert people["counts"]["written"] == {"new-in-host": 2}
        assert shown["state"] == "ready"
        assert shown["last_states"] == {"people": "done", "activities": "done"}
        assert len(systems.org.rows("Lead")) == 2
        for secret in secrets_of(systems):
            assert not any(secret in step.said for step in steps)


def test_a_preview_tells_what_a_run_would_do_and_writes_nothing(shared: Deployment, systems: Systems) -> None:
    shared.add_instance(systems, "preview")
    before = state_of(shared, without=REMEMBERED), both_sides(systems)
    previewed = shared.run("preview", "people", "preview", "--json")
    assert previewed.code == DONE, previewed.said
    assert sum(previewed.document["counts"].values()) == 6
    assert {change["after"] for change in previewed.document["changes"]} >= {"+1 555 0100", "Chief"}
    assert (state_of(shared, without=REMEMBERED), both_sides(systems)) == before


def test_explain_tells_of_each_mapped_field_both_values_what_was_agreed_the_rule_and_the_outcome(
    shared: Deployment, systems: Systems
) -> None:
    instance = shared.add_instance(systems, "explain")
    told = shared.run("explain", "explain", "both@example.org", "--json")
    assert told.code == DONE, told.said
    story = next(each for each in told.document if each["contact"])
    fields = {each["field"]: each for each in story["fields"]}
    assert len(fields) + len(story["suspended"]) >= len(shared.app.mapping(instance, "people").fields)
    phone, title = fields["phone ↔ Phone"], fields["position ↔ Title"]
    assert phone == {
        "field": "phone ↔ Phone",
        "mautic": "+1 555 0100",
        "salesforce": None,
        "agreed": "never agreed",
        "rule": "two-way, conflict: salesforce_wins; fills empty",
        "outcome": "write: filled-empty",
    }
    assert (title["mautic"], title["salesforce"], title["outcome"]) == (None, "Chief", "write: filled-empty")
    assert all(each["rule"] and re.fullmatch(r"\w+: [a-z-]+", each["outcome"]) for each in fields.values())


def test_a_lane_is_queued_only_while_both_switches_are_on_and_the_instance_is_not_paused(
    shared: Deployment, systems: Systems
) -> None:
    instance = shared.add_instance(systems, "switched", lanes=())

    def is_queued() -> bool:
        shared.make_due(instance)
        return shared.tick() == 1

    switch = ("cron", "enable", "switched", "--lane", "people", "--json")
    assert shared.run(*switch, "--as", "customer", "--every", "10").document == [
        {"lane": "people", "customer": "on", "support": "off", "every_minutes": 10}
    ]
    assert not is_queued()
    shared.run(*switch, "--as", "support")
    assert is_queued()
    shared.run("instance", "pause", "switched")
    assert not is_queued()
    assert shared.run("instance", "show", "switched", "--json").document["state"] == "paused"
    shared.run("instance", "resume", "switched")
    assert is_queued()
    assert shared.run("cron", "disable", "switched", "--json").document[-1]["support"] == "off"
    assert not is_queued()


def test_a_job_that_was_queued_before_the_pause_does_nothing(new_redis_database: NewDatabase, systems: Systems) -> None:
    with deploy(redis_url=new_redis_database()) as deployment:
        instance = deployment.add_instance(systems)
        deployment.make_due(instance)
        assert deployment.tick() == 1
        deployment.run("instance", "pause", "acme")
        deployment.work_off()
        assert deployment.runs(instance) == []


def test_a_mapping_is_taken_out_edited_and_put_back(shared: Deployment, systems: Systems) -> None:
    shared.add_instance(systems, "mapped")
    exported = shared.run("mapping", "export", "mapped").out
    document = shared.folder / "mapped.toml"
    document.write_text(exported.replace('conflict_policy = "salesforce_wins"', 'conflict_policy = "host_wins"'))
    saved = shared.run("mapping", "import", "mapped", str(document), "--json").document
    assert saved == {"slug": "mapped", "name": "people", "version": 1}
    again = shared.run("mapping", "export", "mapped").out
    assert tomllib.loads(again) == tomllib.loads(document.read_text())
    assert tomllib.loads(again) != tomllib.loads(exported)
    document.write_text(f'{again}\n[fields.nonsense]\nhost = "x"\nsalesforce = "Y"\npriority = "nobody"\n')
    refused = shared.run("mapping", "import", "mapped", str(document))
    assert refused.code == USAGE
    assert "nonsense" in refused.err
    versions = shared.run("mapping", "history", "mapped", "--json").document
    assert [each["version"] for each in versions] == [1]


def test_the_activities_document_can_be_edited_too(shared: Deployment, systems: Systems) -> None:
    instance = shared.add_instance(systems, "activities")
    exported = shared.run("mapping", "export", "activities", "--name", "activities").out
    document = shared.folder / "activities.toml"
    document.write_text(exported.replace('namespace = ""', 'namespace = "acme"'))
    assert shared.run("mapping", "import", "activities", str(document)).code == DONE
    assert shared.app.activities(instance).object_api_name == "acme__mautic_timeline__c"
    again = shared.run("mapping", "export", "activities", "--name", "activities").out
    assert tomllib.loads(again) == tomllib.loads(document.read_text())


def test_a_run_that_cannot_connect_says_who_can_fix_it(lonely: Deployment) -> None:
    done = lonely.run("run", "people", "lonely", "--json")
    assert done.code == CANNOT_CONNECT
    assert (done.document["state"], done.document["error"]) == ("blocked", "host-not-connected")
    assert "host-not-connected" in done.err
    shown = lonely.run("instance", "show", "lonely", "--json").document
    assert [(alert["code"], alert["fixed_by"]) for alert in shown["alerts"]] == [("host-not-connected", "operator")]


def test_an_old_key_can_be_thrown_away_after_a_rotation(deployment: Deployment, tmp_path: Path) -> None:
    with open_systems(tmp_path) as systems:
        deployment.add_instance(systems)
        new = Fernet.generate_key().decode()
        deployment.environment["SIDECAR_KEYS"] = f"{new},{KEY}"
        rotated = deployment.run("keys", "rotate", "--json")
        assert rotated.document["rotated"] > 0
        deployment.environment["SIDECAR_KEYS"] = new
        assert deployment.run("check", "acme").code == DONE
        deployment.environment["SIDECAR_KEYS"] = KEY
        refused = deployment.run("check", "acme")
        assert refused.code == CANNOT_CONNECT
        assert "Traceback" not in refused.err
        assert not [secret for secret in (new, KEY) if secret in rotated.said + refused.said]


def test_a_second_customer_leaves_the_first_as_it_was(deployment: Deployment, tmp_path: Path) -> None:
    with open_systems(tmp_path, "first") as first, open_systems(tmp_path, "second") as second:
        first.new_contacts(2, domain="first.example")
        second.new_contacts(3, domain="second.example")
        deployment.add_instance(first, "first")
        assert deployment.run("run", "people", "first").code == DONE
        before, shown = both_sides(first), deployment.run("instance", "show", "first", "--json").document
        assert deployment.run("instance", "add", "second", "--json").code == DONE
        connect_by_commands(deployment, second, "second")
        assert deployment.run("check", "second").code == DONE
        assert deployment.run("run", "people", "second").code == DONE
        assert len(second.org.rows("Lead")) == 3
        assert both_sides(first) == before
        assert deployment.run("instance", "show", "first", "--json").document == shown


NONSENSE = [
    (("instance", "add", "Not A Name"), USAGE, "instance-name-invalid"),
    (("instance", "add", "lonely"), USAGE, "instance-exists"),
    (("instance", "add", "x", "--since", "yesterday"), USAGE, "date-unreadable"),
    (("instance", "add", "x", "--since", "2999-01-01"), USAGE, "date-in-the-future"),
    (("instance", "show", "nobody"), USAGE, "no-such-instance"),
    (("instance", "pause", "nobody"), USAGE, "no-such-instance"),
    (("check", "nobody"), USAGE, "no-such-instance"),
    (("preflight", "lonely"), CANNOT_CONNECT, "host-not-connected"),
    (("run", "people", "nobody"), USAGE, "no-such-instance"),
    (("run", "nonsense", "lonely"), USAGE, "no-such-lane"),
    (("preview", "activities", "lonely"), USAGE, "preview-not-offered"),
    (("preview", "people", "lonely"), CANNOT_CONNECT, "host-not-connected"),
    (("explain", "lonely", "ana@example.org"), CANNOT_CONNECT, "host-not-connected"),
    (("cron", "enable", "lonely", "--lane", "nonsense"), USAGE, "no-such-lane"),
    (("cron", "enable", "lonely", "--every", "7"), USAGE, "interval-not-offered"),
    (("cron", "enable", "lonely", "--as", "nobody"), USAGE, "--as"),
    (("mapping", "import", "lonely", "/nowhere.toml"), USAGE, "file-unreadable"),
    (("mapping", "export", "lonely", "--name", "nonsense"), USAGE, "no-such-mapping"),
    (("mapping", "history", "lonely", "--name", "nonsense"), USAGE, "no-such-mapping"),
    (("connect", "mautic", "lonely", "--url", "x", "--database-url-file", "/x"), USAGE, "sign-in-unclear"),
    (
        ("connect", "salesforce", "lonely", "--url", "http://example.org", "--client-id", "c", "--secret-file", "/x"),
        CANNOT_CONNECT,
        "salesforce-address-not-allowed",
    ),
    (("user", "add", "ana", "--password-file", "/nowhere"), USAGE, "file-unreadable"),
    (("run",), USAGE, "Missing argument"),
    (("nonsense",), USAGE, "No such command"),
]


@pytest.mark.parametrize(("words", "code", "name"), NONSENSE, ids=[" ".join(each[0]) for each in NONSENSE])
def test_nonsense_is_refused_by_a_stable_code_and_changes_nothing(
    words: tuple[str, ...], code: int, name: str, lonely: Deployment
) -> None:
    done = lonely.run(*words)
    assert (done.code, done.out) == (code, ""), done.said
    assert name in done.err
    assert "Traceback" not in done.err


@pytest.fixture(scope="module")
def lonely() -> Iterator[Deployment]:
    """A deployment with one instance that is connected to nothing."""
    with deploy() as deployment:
        assert deployment.run("instance", "add", "lonely").code == DONE
        yield deployment


def test_every_command_that_ends_can_answer_in_json(shared: Deployment, systems: Systems) -> None:
    without = {path for path, command in all_commands() if not any("--json" in each.opts for each in command.params)}
    assert without == {"worker", "serve", "demo"}


def all_commands() -> Iterator[tuple[str, object]]:
    waiting = [("", typer.main.get_command(commands))]
    while waiting:
        path, command = waiting.pop()
        if hasattr(command, "commands"):
            waiting += [(f"{path} {name}".strip(), each) for name, each in command.commands.items()]
        else:
            yield path, command


def test_every_answer_in_json_is_one_document(shared: Deployment, systems: Systems) -> None:
    shared.add_instance(systems, "json")
    password = shared.folder / "password"
    password.write_text("a long enough password")
    table, address = shared.folder / "table.toml", shared.folder / "table-url"
    table.write_text('[host]\ntable = "people"\n[columns]\nid = "id"\nmodified_at = "changed"\n')
    address.write_text("sqlite:///people.sqlite3")
    asked = {
        "instance list": (),
        "instance show": ("json",),
        "instance pause": ("json",),
        "instance resume": ("json",),
        "check": ("json",),
        "preflight": ("json",),
        "preview": ("people", "json"),
        "retry": ("json",),
        "explain": ("json", "both@example.org"),
        "push": ("json", "1", "--as", "Lead"),
        "exclude": ("json", "1"),
        "include": ("json", "1"),
        "run": ("activities", "json"),
        "cron enable": ("json",),
        "cron disable": ("json",),
        "mapping export": ("json",),
        "mapping history": ("json",),
        "mapping scope": ("json",),
        "bundle build": ("--output", str(shared.folder / "bundle.zip")),
        "budget show": ("json",),
        "budget set": ("json", "--calls", "5000"),
        "org check": ("json",),
        "register": ("json", "--check", "--sidecar-url", "https://sidecar.example.com"),
        "unregister": ("json",),
        "org package": ("json", "--output", str(shared.folder / "package.zip")),
        "keys rotate": (),
        "tick": (),
        "upgrade-db": (),
        "user add": ("ana", "--password-file", str(password)),
        "connect generic": ("json", "--document", str(table), "--database-url-file", str(address)),
    }
    elsewhere = {
        "instance add",
        "connect mautic",
        "connect salesforce",
        "mapping import",
        "org set-up",
        "org undo",
        "events",
        "takeover inspect",
        "takeover shadow",
        "takeover import",
    }
    assert {path for path, _ in all_commands()} - {"worker", "serve", "demo"} == asked.keys() | elsewhere
    for path, words in asked.items():
        done = shared.run(*path.split(), *words, "--json")
        assert done.code == DONE, done.said
        assert json.loads(done.out) is not None
        assert not [secret for secret in secrets_of(systems) if secret in done.said]
