"""One request to an org and its answer, alone or inside a composite call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sidecar.errors import SidecarError
from sidecar.salesforce import errors

PARTS_PER_CALL: Final = 5
"""Queries or sObject Collections in one composite request (Salesforce, REST API guide, Composite)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One request; `path` starts after the version, and is encoded."""

    method: str
    path: str
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What came back for one part."""

    status: int
    body: Any = field(repr=False)

    @property
    def error(self) -> SidecarError | None:
        """Return why the part failed as a whole, or None if it did not."""
        if self.status < 300:
            return None
        items = self.body if isinstance(self.body, list) else []
        return errors.whole_error(self.status, [item for item in items if isinstance(item, Mapping)])


class Caller(Protocol):
    """Whoever can send parts."""

    @property
    def sleep(self) -> Callable[[float], None]:
        """How it waits."""

    def send(self, part: Part, *, is_repeatable: bool) -> PartAnswer:
        """Send one request as a call of its own. What it was refused for itself comes back as its answer."""

    def composite(self, parts: Sequence[Part], *, is_repeatable: bool = True) -> list[PartAnswer]:
        """Send up to five parts as one metered call; answers in order. Each part stands and falls by itself."""
