"""Follows the change events of one object: connects, resumes after the stored place, and connects again, without end.

A place is stored only after its hint was put where a crash cannot lose it: an event may be told twice, never not at all.
What the bus itself cannot replay any more is covered by asking for a run: polling is the truth.
"""

import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from sidecar.errors import SetupError, TransientError
from sidecar.salesforce.events.bus import Bus, Fetched, ReplayLostError, TokenRefusedError
from sidecar.salesforce.events.hints import Hint, hint_of, topic_of

_log = logging.getLogger(__name__)
_MOST_REFUSALS: Final = 3
_LONGEST_PAUSE_SECONDS: Final = 60


class ReplayStore(Protocol):
    """Keeps, per topic, up to where events were handled."""

    def load(self, topic: str) -> bytes | None:
        """Return the place after which to go on; None to begin now."""
        ...

    def save(self, topic: str, replay_id: bytes) -> None:
        """Remember that everything up to this place was handled."""
        ...

    def forget(self, topic: str) -> None:
        """Begin now, next time."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one answer of the bus came to: how many events, and what they hint at."""

    event_count: int
    hints: tuple[Hint, ...]


@dataclass(slots=True)
class Subscription:
    """One object's events. `put` must have stored a delivery when it returns; `pause` waits so many seconds."""

    bus: Bus
    object_name: str
    replays: ReplayStore
    put: Callable[[Delivery], None]
    pause: Callable[[float], object]

    @property
    def topic(self) -> str:
        """The object's channel."""
        return topic_of(self.object_name)

    def follow(self) -> None:
        """Follow until the bus is stopped. Errors: SetupError, when going on would not help."""
        failures = refusals = 0
        while not self.bus.is_stopped:
            seconds: float | None = None
            try:
                for fetched in self._fetch():
                    self._take(fetched)
                    failures = refusals = 0
            except ReplayLostError:
                self._begin_anew()
            except TokenRefusedError as error:
                refusals += 1
                if refusals == _MOST_REFUSALS:
                    raise _sign_in_refused() from error
            except TransientError as error:
                _log.warning(error.message, extra={"code": error.code, "topic": self.topic})
                seconds = error.retry_after_seconds
            failures += 1
            if not self.bus.is_stopped:
                self.pause(pause_seconds(failures) if seconds is None else seconds)

    def _fetch(self) -> Iterator[Fetched]:
        self.bus.require_topic(self.topic)
        return self.bus.fetch(self.topic, self.replays.load(self.topic))

    def _take(self, fetched: Fetched) -> None:
        found = [hint_of(header, self.object_name) for header in fetched.headers]
        if found:
            self.put(Delivery(len(found), tuple(hint for hint in found if hint is not None)))
        if fetched.replay_id:
            self.replays.save(self.topic, fetched.replay_id)

    def _begin_anew(self) -> None:
        """Go on from now, and have a run read what happened meanwhile."""
        _log.warning("Salesforce cannot go on where we stopped: a run reads the rest.", extra={"topic": self.topic})
        self.put(Delivery(0, (Hint(self.object_name),)))
        self.replays.forget(self.topic)


def pause_seconds(failures: int) -> float:
    """Return how long to wait before connecting again: longer each time, and never for everybody the same."""
    longest: float = min(_LONGEST_PAUSE_SECONDS, 2**failures)
    return longest * (0.5 + random.random() / 2)  # noqa: S311  (spreads load, hides nothing)


def _sign_in_refused() -> SetupError:
    return SetupError(
        "The Pub/Sub API refuses our access token, though the org has just given it.",
        code="change-events-sign-in-refused",
        fixed_by="salesforce_admin",
    )
