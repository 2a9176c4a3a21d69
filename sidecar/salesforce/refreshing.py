"""Renewing an access token by a refresh token that Salesforce may replace at each use, safe for many workers at once.

A refresh token that rotates is good for one use: whoever uses it a second time ends the whole sign-in (Salesforce Help,
"Force one-time-use Refresh Tokens"). So one worker at a time asks, and what it is given is stored before anything else.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from sidecar.errors import SetupError
from sidecar.salesforce.oauth import TokenEndpoint
from sidecar.salesforce.refusals import SIGN_IN_EXPIRED


class RefreshTokens(Protocol):
    """Keeps the refresh token of one connection; the same one for all workers."""

    def alone(self) -> AbstractContextManager[None]:
        """Return a block that one worker at a time is in; waits for the others. TransientError if that takes long."""

    def known(self) -> tuple[str, ...]:
        """Return the token to use and, if it was rotated, the one before it."""

    def rotate(self, used: str, new: str) -> None:
        """Store for good what came in place of the token used, which is kept as the one before it."""


class MemoryRefreshTokens:
    """RefreshTokens that live as long as the process; for tests and one-off commands."""

    def __init__(self, token: str = "") -> None:
        self._known: tuple[str, ...] = (token,) if token else ()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See RefreshTokens."""
        yield

    def known(self) -> tuple[str, ...]:
        """See RefreshTokens."""
        return self._known

    def rotate(self, used: str, new: str) -> None:
        """See RefreshTokens."""
        self._known = (new, used)


def refresh(endpoint: TokenEndpoint, tokens: RefreshTokens) -> dict[str, Any]:
    """Return the answer to asking for a new access token; must be called within `tokens.alone()`.

    What came in place of the refresh token is stored by then. The token before the present one is tried only after the
    present one was refused: then nothing can be lost by it.
    """
    refused = SetupError(
        "Nobody has signed in to Salesforce yet: connect Salesforce.", code=SIGN_IN_EXPIRED, fixed_by="salesforce_admin"
    )
    for token in tokens.known():
        try:
            answer = endpoint.refresh(token)
        except SetupError as error:
            if error.code != SIGN_IN_EXPIRED:
                raise
            refused = error
            continue
        if answer["refresh_token"] != token:
            tokens.rotate(token, answer["refresh_token"])
        return answer
    raise refused
