"""Packs the bundle that is installed inside Mautic. The same files always make the same bytes."""

import json
import zipfile
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

from sidecar.errors import UsageError

SHIPPED_MANIFEST: Final = Path(__file__).parent.parent / "plugin_manifest"
BUNDLE: Final = "SalesforceSidecarBundle"

_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest moment a zip knows."""
_FILE_MODE: Final = 0o100644
_UNIX: Final = 3


def bundle_version(folder: Path = SHIPPED_MANIFEST) -> str:
    """Return the version that the manifest tells."""
    return str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["bundle"]["version"])


def bundle_files(folder: Path = SHIPPED_MANIFEST) -> list[tuple[PurePosixPath, Path]]:
    """Return every file of the bundle with its path in the zip, in order; UsageError where the bundle is not shipped."""
    root = folder / BUNDLE
    found = [
        (PurePosixPath(path.relative_to(folder).as_posix()), path)
        for path in root.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    if not found:
        raise UsageError(f"The bundle is not in {folder}", code="file-unreadable")
    return sorted(found)


def build_bundle(folder: Path = SHIPPED_MANIFEST) -> bytes:
    """Return the zip to unpack into Mautic's folder `plugins`."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, path in bundle_files(folder):
            entry = zipfile.ZipInfo(str(name), date_time=_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = _FILE_MODE << 16
            archive.writestr(entry, path.read_bytes())
    return packed.getvalue()
