"""What the host is told about us is true."""

import json
import re
import tomllib
from pathlib import Path

from sidecar.config import Settings
from sidecar.web import create_app

ROOT = Path(__file__).parents[2]
MANIFEST = json.loads((ROOT / "plugin_manifest/manifest.json").read_text())
README = (ROOT / "plugin_manifest/README.md").read_text()


def test_name_and_version_are_those_of_the_program() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (MANIFEST["name"], MANIFEST["version"]) == (project["name"], project["version"])


def test_the_version_is_the_newest_of_the_changelog() -> None:
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == MANIFEST["version"]


def test_each_address_is_a_page_of_ours(tmp_path: Path) -> None:
    def shape(address: str) -> str:
        return re.sub(r"<[^>]+>", "<>", address)

    pages = {
        shape(rule.rule): rule.methods or set() for rule in create_app(Settings(home=tmp_path)).url_map.iter_rules()
    }
    visited = [address for key, address in MANIFEST.items() if key.endswith("_url") and key != "push_url"]
    delivered = [*MANIFEST["webhooks"], MANIFEST["push_url"]]
    assert len(visited) == 5
    assert [each for each in visited if "GET" not in pages.get(shape(each), ())] == []
    assert [each for each in delivered if "POST" not in pages.get(shape(each), ())] == []


def test_every_key_is_explained() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == set(MANIFEST)
