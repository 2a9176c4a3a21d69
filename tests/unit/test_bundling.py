"""The zip of the bundle: whole, harmless to unpack, and the same from the same files."""

import json
import os
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from sidecar.bundling import BUNDLE, SHIPPED_MANIFEST, build_bundle, bundle_version
from sidecar.errors import UsageError


def names(data: bytes) -> list[str]:
    return zipfile.ZipFile(BytesIO(data)).namelist()


def test_it_holds_one_folder_with_every_file_and_nothing_beside_it() -> None:
    packed = names(build_bundle())
    assert {name.split("/")[0] for name in packed} == {BUNDLE}
    assert not [name for name in packed if name.startswith("/") or ".." in name.split("/") or "\\" in name]
    assert not [name for name in packed if "test" in name.lower() or "/." in name]
    assert {f"{BUNDLE}/{each}" for each in (f"{BUNDLE}.php", "composer.json", "Config/config.php", "README.md")} <= {
        *packed
    }
    assert f"{BUNDLE}/Assets/img/salesforcesidecar.png" in packed
    assert len(packed) == sum(path.is_file() for path in (SHIPPED_MANIFEST / BUNDLE).rglob("*"))


def test_the_same_files_make_the_same_bytes_whenever_and_however_they_were_copied(tmp_path: Path) -> None:
    copy = tmp_path / "plugin_manifest"
    shutil.copytree(SHIPPED_MANIFEST, copy)
    for path in copy.rglob("*.php"):
        os.utime(path, (0, 0))
        path.chmod(0o600)
    (copy / BUNDLE / ".DS_Store").write_text("left behind by a desktop")
    assert build_bundle(copy) == build_bundle()


def test_its_version_is_that_of_the_program() -> None:
    assert bundle_version() == json.loads((SHIPPED_MANIFEST / "manifest.json").read_text())["version"]


def test_an_installation_without_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        build_bundle(tmp_path)


def test_the_image_carries_it() -> None:
    assert "COPY plugin_manifest ./plugin_manifest" in (SHIPPED_MANIFEST.parent / "Dockerfile").read_text()
