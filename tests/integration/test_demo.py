"""The demo ends well on a bare machine, and its referee cannot be fooled."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sidecar.demo.referee import Referee
from sidecar.demo.rounds import EVERYTHING, Round
from sidecar.demo.sandboxes import Sandboxes
from sidecar.store.history import OutcomeFilter
from tests.world import HOST_URL, ORG_URL, World, make_world

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory with a short path: a Unix socket must fit into it."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        yield Path(name)


def processes_using(home: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"{home}/var".encode() in words:
            found.append(entry.name)
    return found


@pytest.mark.timeout(300)
def test_the_demo_syncs_two_systems_and_leaves_nothing_behind(home: Path) -> None:
    settings = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "SIDECAR_DATABASE_URL": "sqlite:////nowhere/of/the/operator"}
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", "demo", "--once"],
        check=False,
        cwd=home,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-3000:]
    assert done.stdout.splitlines()[-1] == "Both sides agree."
    assert "\x1b" not in done.stdout
    assert processes_using(home) == []


# -- the referee -----------------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> Iterator[World]:
    """Three people on both sides, the first opted out, the second with a page hit."""
    made = make_world()
    people = [{"email": f"{name}@example.org", "lastname": name, "phone": "1"} for name in ("out", "active", "plain")]
    ids = made.host.create_many(people)
    made.host.opt_out(ids[0])
    made.host.hit_page(ids[1])
    yield made
    made.close()


class Match:
    """A referee over a world, and what the rounds were."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.referee = Referee(Sandboxes(world.host, world.org, HOST_URL, ORG_URL), world.app, world.instance)
        self.rounds: list[Round] = []

    def play(self, meanwhile: Callable[[World], object] = lambda _: None) -> None:
        self.referee.before_round()
        history = self.world.app.ledger.history
        runs = {}
        for lane in ("people", "activities"):
            self.world.later(minutes=58)
            runs[lane] = history.run(self.world.instance.id, self.world.sync(lane).run_id)
        found = [
            row
            for run in runs.values()
            for row in history.outcomes(self.world.instance.id, OutcomeFilter(run_id=run.id), limit=EVERYTHING)
        ]
        meanwhile(self.world)
        self.referee.after_round()
        self.rounds.append(Round("", runs, found))

    def differences(self) -> list[str]:
        return self.referee.judge(self.rounds).differences


def test_the_referee_finds_nothing_where_both_sides_agree(world: World) -> None:
    match = Match(world)
    match.play()
    match.play()
    found = match.referee.judge(match.rounds)
    assert (found.twins, found.events, found.differences) == (3, 2, [])


def tamper_value(world: World) -> None:
    world.org.update("Lead", world.twin(3)["Id"], {"Phone": "2"})


def tamper_consent(world: World) -> None:
    world.org.update("Lead", world.twin(1)["Id"], {"HasOptedOutOfEmail": False})


def tamper_both_consents(world: World) -> None:
    tamper_consent(world)
    world.host.lose_opt_out(1)


def tamper_mark(world: World) -> None:
    world.org.update("Lead", world.twin(3)["Id"], {"Deleted_in_Mautic__c": True})


def lose_event(world: World) -> None:
    world.org.delete("mautic_timeline__c", world.org.rows("mautic_timeline__c")[0]["Id"])


def give_event_to_somebody_else(world: World) -> None:
    for row in world.org.rows("mautic_timeline__c"):
        world.org.update("mautic_timeline__c", row["Id"], {"WhoId__c": world.twin(3)["Id"]})


def double_event(world: World) -> None:
    row = world.org.rows("mautic_timeline__c")[0]
    again = f"{row['ReferenceId__c'].rpartition('-')[0]}-{world.twin(3)['Id']}"
    world.org.insert("mautic_timeline__c", {"ReferenceId__c": again, "WhoId__c": row["WhoId__c"]})


def double_person(world: World) -> None:
    world.org.insert("Lead", {"LastName": "plain", "Company": "Lab", "Email": "plain@example.org"}, by="api")


def lose_person(world: World) -> None:
    world.org.update("Lead", world.twin(3)["Id"], {"Mautic_Id__c": None})


@pytest.mark.parametrize(
    ("tamper", "word"),
    [
        (tamper_value, "phone is '1' and '2'"),
        (tamper_consent, "opted out on one side only"),
        (tamper_both_consents, "had opted out, and does not any more"),
        (tamper_mark, "marked as deleted, though both live"),
        (lose_event, "is in Salesforce 0 times"),
        (double_event, "is in Salesforce 2 times"),
        (give_event_to_somebody_else, "is with somebody else"),
        (double_person, "was made, though its address was there"),
        (lose_person, "is in Mautic only"),
    ],
)
def test_the_referee_sees_what_nobody_explains(world: World, tamper: Callable[[World], None], word: str) -> None:
    match = Match(world)
    match.play()
    match.play(tamper)
    assert any(word in each for each in match.differences()), match.differences()
