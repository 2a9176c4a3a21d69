"""What is remembered between runs to save calls: describes and access tokens. Values are text and stored encrypted."""

from datetime import datetime
from typing import Protocol


class Cache(Protocol):
    """A small store of texts that may be forgotten at any time; one per instance and side."""

    def get(self, key: str) -> str | None:
        """Return the text, or None if it was never put, ran out, or was dropped."""

    def put(self, key: str, text: str, *, expires_at: datetime) -> None:
        """Remember a text until then, in place of an earlier one."""

    def drop(self, key: str) -> None:
        """Forget a text; nothing happens if there is none."""


class MemoryCache:
    """A Cache that lives as long as the process and never expires; for tests and one-off commands."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """See Cache."""
        return self._texts.get(key)

    def put(self, key: str, text: str, *, expires_at: datetime) -> None:  # noqa: ARG002  (kept until the process ends)
        """See Cache."""
        self._texts[key] = text

    def drop(self, key: str) -> None:
        """See Cache."""
        self._texts.pop(key, None)
