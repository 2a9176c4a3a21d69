"""The image and the deployment name only what exists."""

import re
from pathlib import Path

import pytest
import typer.main

from sidecar.cli import app as cli
from sidecar.config import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
COMMANDS = set(typer.main.get_command(cli).commands)  # type: ignore[attr-defined]  # a group has commands


@pytest.mark.parametrize("path", re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE))
def test_what_is_copied_exists_and_is_not_ignored(path: str) -> None:
    assert (ROOT / path).exists()
    assert f"!{path}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_image_carries_everything_the_program_reads() -> None:
    assert {"sidecar", "jobs", "mappings", "docs", "plugin_manifest"} <= set(
        re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE)
    )


def test_the_image_starts_with_a_command_that_exists() -> None:
    assert 'ENTRYPOINT ["python", "-m", "sidecar"]' in DOCKERFILE
    assert set(re.findall(r'^CMD \["([\w-]+)"\]$', DOCKERFILE, re.MULTILINE)) <= COMMANDS


def test_each_service_runs_a_command_that_exists() -> None:
    ours = re.findall(r"<<: \*sidecar\n\s+command: \[([\w-]+)", COMPOSE)
    assert set(ours) == {"upgrade-db", "serve", "worker", "tick"}
    assert set(ours) <= COMMANDS


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE], ids=["Dockerfile", "compose.yaml"])
def test_each_variable_is_a_setting(text: str) -> None:
    named = set(re.findall(rf"\b{PREFIX}\w+", text))
    assert named
    assert named <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_nothing_runs_as_root() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["sidecar"]


def test_the_image_is_built_from_the_lock_alone() -> None:
    assert "--require-hashes -r requirements.lock" in DOCKERFILE


def test_the_health_check_asks_a_page_that_exists(tmp_path: Path) -> None:
    from sidecar.web import create_app

    pages = {rule.rule for rule in create_app(Settings(home=tmp_path)).url_map.iter_rules()}
    asked = set(re.findall(r"127\.0\.0\.1:8000(/\w+)", DOCKERFILE))
    assert asked
    assert asked <= pages
