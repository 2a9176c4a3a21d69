"""What a subscriber needs of an event bus, whatever speaks the protocol. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sidecar.salesforce.signin import Token


class ReplayLostError(Exception):
    """The stored place in the stream is too old, or the stream began anew: what lay between cannot be replayed."""


class TokenRefusedError(Exception):
    """The bus does not accept the access token (any more)."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer: the headers of its events, and the place in the stream where it ends."""

    headers: tuple[Mapping[str, Any], ...]
    replay_id: bytes


class Tokens(Protocol):
    """Hands out access tokens."""

    def token(self) -> Token:
        """Return a token that nobody has refused yet."""
        ...

    def replace(self, refused: Token) -> Token:
        """Return another token than the refused one."""
        ...


class Bus(Protocol):
    """The event bus of one org. `stop` may be called from any thread, the others from one thread per topic."""

    @property
    def is_stopped(self) -> bool:
        """Tell whether `stop` was called."""
        ...

    def require_topic(self, topic: str) -> None:
        """Make sure that our user may subscribe to a topic; SetupError otherwise."""
        ...

    def fetch(self, topic: str, after: bytes | None) -> Iterator[Fetched]:
        """Yield answers from a place in the stream on, or from now on. Asking for the next one says the last was handled.

        Errors: ReplayLostError, TokenRefusedError, SetupError, TransientError (connect again).
        """
        ...

    def stop(self) -> None:
        """End every fetch soon; none begins any more."""
        ...

    def close(self) -> None:
        """Close the connection, when nothing is being fetched any more."""
        ...
