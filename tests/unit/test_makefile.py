"""The commands that the README promises are there."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
PROMISED = ("help", "demo", "test", "check", "bench", "matrix", "run", "soak", "fmt")


def dry_run(*arguments: str) -> str:
    command = ["make", "--dry-run", "--assume-old=.venv/.ready", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment()).stdout


def environment() -> dict[str, str]:
    """Return ours without what an outer make tells an inner one: `make test` runs these tests too."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


@pytest.mark.parametrize("target", PROMISED)
def test_each_promised_command_explains_itself(target: str) -> None:
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True, env=environment()
    ).stdout
    assert re.search(rf"^  make {target}\s+\w", shown, re.MULTILINE)


def test_every_module_a_command_runs_exists() -> None:
    modules = set(re.findall(r"python -m (tests\.\w+|sidecar|jobs\.\w+)", MAKEFILE))
    missing = {
        name
        for name in modules
        if not any((ROOT / f"{name.replace('.', '/')}{end}").exists() for end in (".py", "/__main__.py"))
    }
    assert {"sidecar", "tests.services"} <= modules
    assert missing == set()


def test_the_demo_stops_after_the_first_run_when_asked_to() -> None:
    assert "demo --once" in dry_run("demo", "ONCE=1")
    assert "--once" not in dry_run("demo")
    assert "--once" not in dry_run("demo", "ONCE=0")


def test_the_tests_run_with_their_own_servers_and_after_the_checks() -> None:
    lines = [line for line in dry_run("test").splitlines() if line]
    assert [
        word in line
        for word, line in zip(("ruff check", "ruff format", "mypy", "tests.services run"), lines, strict=False)
    ] == [True] * 4


def test_the_environment_is_built_from_the_lock_alone() -> None:
    assert "--require-hashes -r requirements.lock" in MAKEFILE


def test_the_machine_does_what_the_readme_tells_people() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make demo" in (ROOT / "README.md").read_text()


def test_the_soak_tells_its_test_how_long_to_go_on() -> None:
    variable, path = re.findall(r"(\w+_EXAMPLES)=\d+ .*? (tests/\S+\.py)", dry_run("soak"))[0]
    assert f'"{variable}"' in (ROOT / path).read_text()
