"""Files that are named on the command line."""

from pathlib import Path

from sidecar.errors import UsageError


def read_text(path: Path) -> str:
    """Return a file's text; UsageError if it cannot be read as text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Cannot read {path} as text", code="file-unreadable") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file; UsageError if that cannot be done."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"Cannot write {path}", code="file-not-writable") from error
