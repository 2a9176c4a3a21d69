"""Log entries are one JSON object a line, say where they belong, and give nothing away."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from sidecar.config import Settings
from sidecar.logs import configure_logs, log_context


@pytest.fixture(autouse=True)
def _logs(tmp_path: Path) -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    structlog.reset_defaults()


@pytest.fixture
def last_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    configure_logs(Settings(home=tmp_path))
    return lambda: json.loads(capsys.readouterr().err.splitlines()[-1])


def test_an_entry_says_which_instance_lane_and_run_it_belongs_to(last_entry: Any) -> None:
    with log_context(instance=7, lane="people", run=12):
        structlog.get_logger("sidecar").info("page-read", records=200)
    entry = last_entry()
    assert {"instance": 7, "lane": "people", "run": 12, "records": 200, "event": "page-read"}.items() <= entry.items()
    assert entry["timestamp"].endswith("Z")


def test_the_context_ends_with_its_block(last_entry: Any) -> None:
    with log_context(instance=7):
        pass
    structlog.get_logger("sidecar").info("later")
    assert "instance" not in last_entry()


def test_secrets_are_hidden_by_the_name_they_go_by(last_entry: Any) -> None:
    structlog.get_logger("x").info("signed-in", access_token="abc", settings={"client_secret": "def", "user": "u"})
    entry = last_entry()
    assert entry["access_token"] == "[redacted]"
    assert entry["settings"] == {"client_secret": "[redacted]", "user": "u"}


@pytest.mark.parametrize("where", ["event", "message", "exception"])
def test_addresses_and_passwords_are_hidden_wherever_they_stand(last_entry: Any, where: str) -> None:
    text = "no ana@acme.example at mysql://root:hunter2@db/x with Bearer 00Dxx!AQ.secret_text"
    if where == "event":
        structlog.get_logger("x").warning(text)
    elif where == "message":
        logging.getLogger("another.package").warning("%s", text)
    else:
        try:
            raise ValueError(text)  # noqa: TRY301  (an error is what is logged)
        except ValueError:
            logging.getLogger("another.package").exception("broken")
    line = json.dumps(last_entry())
    assert not [secret for secret in ("ana@", "hunter2", "secret_text") if secret in line]


def test_text_is_for_people_and_the_level_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Settings(home=tmp_path, log_format="text", log_level="WARNING"))
    structlog.get_logger("x").info("unheard")
    structlog.get_logger("x").warning("heard", records=3)
    shown = capsys.readouterr().err
    assert "heard" in shown
    assert "records=3" in shown
    assert "unheard" not in shown
