"""A hundred deliveries a second over a slow database: all are answered, none is lost, one run comes for all."""

import os
from pathlib import Path

from tests.hook_load import prepare, run_load, served_here, told

SECONDS = float(os.environ.get("TEST_HOOK_SECONDS", "3"))
STATEMENT_SECONDS = 0.1


def test_a_hundred_deliveries_a_second_over_a_slow_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    prepare(home)
    with served_here(home, STATEMENT_SECONDS) as port:
        answers, seconds = run_load(port, SECONDS)
    found = told(home, answers, seconds)
    assert found.answers == {200: len(seconds)}
    assert found.noted == len(seconds), "each contact is noted"
    assert 1 <= len(found.runs) <= SECONDS / 10 + 1.5
    assert found.least_gap_seconds >= 9.9
