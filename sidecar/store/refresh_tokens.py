"""The refresh token of an instance's connection: one for all workers, used by one at a time, replaced before it is dropped."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from sidecar.errors import TransientError
from sidecar.records import Side
from sidecar.store.connections import Connections
from sidecar.store.leases import Leases

LEASE = "refresh-token"
LEASE_SECONDS = 180
"""Longer than asking twice and storing can take, so that nobody else begins meanwhile."""

_ATTEMPTS = 6


class SqlRefreshTokens:
    """Implements RefreshTokens of sidecar/salesforce/refreshing.py."""

    def __init__(
        self, connections: Connections, leases: Leases, instance_id: int, sleep: Callable[[float], None]
    ) -> None:
        self._connections = connections
        self._leases = leases
        self._instance_id = instance_id
        self._sleep = sleep

    def alone(self) -> AbstractContextManager[None]:
        """See RefreshTokens."""
        return self._leases.hold(LEASE, LEASE_SECONDS, self._sleep)

    def known(self) -> tuple[str, ...]:
        """See RefreshTokens."""
        kept = self._connections.load_secrets(self._instance_id, Side.SALESFORCE)
        return tuple(token for name in ("refresh_token", "previous_refresh_token") if (token := kept.get(name)))

    def rotate(self, used: str, new: str) -> None:
        """See RefreshTokens. Tries hard: this copy of the new token is the only one there is."""
        attempts = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(multiplier=0.5, max=8),
            sleep=self._sleep,
            reraise=True,
        )
        attempts(self._connections.rotate_refresh_token, self._instance_id, used, new)
