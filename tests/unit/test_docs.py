"""What the documents tell people to type or to open exists."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from sidecar.cli import app as cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def commands(text: str) -> set[str]:
    """Every `sidecar …` in code, whether in a block or in a sentence; lines that end in a backslash go on."""
    joined = re.sub(r"\\\n\s*", "", text)
    blocks = "\n".join(re.findall(r"```\w*\n(.*?)```", joined, re.DOTALL))
    in_blocks = re.findall(r"(?m)^(?:.*python -m )?sidecar ([a-z][^#\n]*)", blocks)
    in_sentences = re.findall(r"`(?:\S*python -m )?sidecar ([a-z][^`]*)`", joined)
    return {command.strip() for command in (*in_blocks, *in_sentences)}


def unknown_words(command: str) -> list[str]:
    """Return the sub-command or options that our command line does not know."""
    words = [word for word in shlex.split(command) if not word.isupper()]
    found = typer.main.get_command(cli)
    while hasattr(found, "commands"):
        if not words or words[0] not in found.commands:
            return words[:1] or ["(nothing)"]
        found = found.commands[words.pop(0)]
    options = {option for parameter in found.params for option in parameter.opts}
    return [word for word in words if word.startswith("--") and word not in options]


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_command_that_is_told_exists_with_its_options(path: Path) -> None:
    wrong = {command: unknown for command in commands(path.read_text()) if (unknown := unknown_words(command))}
    assert wrong == {}


def test_the_readme_tells_the_commands_of_the_first_five_minutes() -> None:
    told = {" ".join(command.split()[:1]) for command in commands((ROOT / "README.md").read_text())}
    assert {
        "instance",
        "connect",
        "check",
        "preflight",
        "preview",
        "run",
        "explain",
        "cron",
        "worker",
        "tick",
        "serve",
    } <= told


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_link_leads_to_a_file(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_the_map_of_the_readme_names_folders_that_exist() -> None:
    tree = re.search(r"## Where things are\n+```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert tree is not None
    for line in tree[1].splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()  # type: ignore[union-attr]  # every line fits
        assert (ROOT / ("sidecar" if indent else "") / name).exists(), name
