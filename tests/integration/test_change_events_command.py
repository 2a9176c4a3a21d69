"""The command that listens, and a sidecar without the extra."""

import json
import subprocess
import sys
import threading

import pytest
from typer.testing import CliRunner

from sidecar.cli import app as cli
from sidecar.cli.output import ExitCode
from sidecar.salesforce import events
from tests.change_events import wired_world


@pytest.fixture
def wired(monkeypatch):
    with wired_world() as found:
        monkeypatch.setattr("sidecar.cli.events.bootstrap", lambda: found.world.app)
        monkeypatch.setattr("sidecar.cli.events.configure_logs", lambda _: None)  # the test's own logs stay
        yield found


def test_the_command_listens_until_it_has_heard_enough(wired):
    news, org = wired.world.org.events.news, wired.world.org

    def edit() -> None:
        with news:
            news.wait_for(lambda: wired.pubsub.opened == 2, 20)
        org.insert("Lead", {"LastName": "New", "Company": "News"})

    editing = threading.Thread(target=edit)
    editing.start()
    answer = CliRunner().invoke(cli, ["events", "acme", "--stop-after", "1", "--json"])
    editing.join()
    assert (answer.exit_code, json.loads(answer.stdout)) == (0, {"events": 1, "hints": 1})


@pytest.mark.parametrize("missing", ["grpc", "fastavro", "google.protobuf"])
def test_without_the_extra_the_command_says_what_to_install_and_the_lane_runs_on(wired, monkeypatch, missing):
    for name in ("pubsub", "protocol"):  # as if this process had never needed them
        monkeypatch.delitem(sys.modules, f"{events.__name__}.{name}", raising=False)
        monkeypatch.delattr(events, name, raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    answer = CliRunner().invoke(cli, ["events", "acme"])
    assert answer.exit_code == ExitCode.CANNOT_CONNECT
    assert "change-events-not-installed" in answer.stderr
    assert "[cdc]" in answer.stderr
    assert wired.world.app.usage.calls_in_last_day(wired.world.instance.id, "salesforce", wired.world.now) == 0
    assert wired.world.sync().state == "done"


def test_only_listening_imports_what_the_extra_brings():
    code = "import sys, sidecar.cli; print([name for name in ('grpc', 'fastavro', 'google.protobuf') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
