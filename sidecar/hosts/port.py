"""What a host platform is to the sidecar: a side of the engine, and the little around it that a run asks for.

A fork that speaks to another platform writes one folder beside this file with something that is a `HostSide`, and one line in
`sidecar/bootstrap.py` that opens it (docs/generic-host.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sidecar.activities.ports import TimelineFeed
from sidecar.mapping.filled import Filled
from sidecar.mapping.rules import Problem, Rules
from sidecar.records import Ref, Value
from sidecar.sync.ports import SidePort


@dataclass(frozen=True, slots=True)
class ToldPush:
    """Somebody in the host wants a contact in Salesforce: as what, in which campaign, and by which action it was wished."""

    contact: Ref
    wanted_object: str | None
    campaign_id: str | None
    member_status: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Audience:
    """Who there is to take part: how many people, how many of them with an e-mail address, and the segments, alias → name."""

    everybody: int
    with_email: int
    segments: Mapping[str, str] = field(default_factory=dict)


class HostSide(SidePort, Protocol):
    """The host's side of one instance. Every method may raise SetupError or TransientError."""

    @property
    def calls(self) -> int:
        """How many calls were made so far, where the host counts them."""

    @property
    def timeline(self) -> TimelineFeed | None:
        """What people did, for the activities lane; None where the host knows nothing of it."""

    def look(self) -> str:
        """Sign in, and say in a sentence what is there to see. Writes nothing."""

    def count(self, rules: Rules) -> tuple[int, int]:
        """Return how many people there are of the kind that may take part, and how many of them the scope lets in."""

    def find_by_email(self, email: str) -> list[Ref]:
        """Return the living people with exactly this address, whatever the case, by id. Asks nobody but the host."""

    def read_audience(self) -> Audience:
        """Return who there is, whatever the scope; without segments where there are none, or our user may not see them."""

    def count_filled(self, *, with_email: bool) -> Filled:
        """Return how many people, or people with an address, have each field filled. One statement, over all of them."""

    def read_samples(self, field: str, most: int) -> list[Value]:
        """Return what the newest people that have the field filled have in it."""

    def missing_segments(self, rules: Rules) -> tuple[str, ...]:
        """Return the segments that the scope names and the host does not have."""

    def find_rival(self, now: datetime) -> Problem | None:
        """Return the warning that another sync writes beside us, if the host shows one."""

    def take_pushes(self, keep: Callable[[Sequence[ToldPush]], object]) -> None:
        """Hand over whom people in the host want in Salesforce; once `keep` returned, the host forgets it."""

    def close(self) -> None:
        """Give back the connections."""
