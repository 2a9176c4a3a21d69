"""Rights that one worker at a time has, on any machine: a row in the database with its owner and until when.

For short work with its own end in sight. A worker that dies keeps its right until the lease runs out; nothing else is needed.
"""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, insert, update
from sqlalchemy.exc import IntegrityError

from sidecar.errors import TransientError
from sidecar.store.session import Database
from sidecar.store.tables import leases

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.5
LOOKS = 130
"""Together a minute of waiting: as long as one request of the holder can take."""


class Leases:
    """Takes and gives back the leases of one instance."""

    def __init__(self, database: Database, instance_id: int, now: Callable[[], datetime]) -> None:
        self._database = database
        self._instance_id = instance_id
        self._now = now

    def take(self, name: str, owner: str, seconds: int) -> bool:
        """Hold a lease for so many seconds from now; False while somebody else does."""
        now = self._now()
        held = {"owner": owner, "until": now + timedelta(seconds=seconds)}
        with self._database.write() as connection:
            if connection.execute(update(leases).where(self._is(name), leases.c.until <= now).values(held)).rowcount:
                return True
        try:
            with self._database.write() as connection:
                connection.execute(insert(leases), {"instance_id": self._instance_id, "name": name, **held})
        except IntegrityError:
            return False  # the row is there and somebody's, or was just made by somebody quicker
        return True

    def give_back(self, name: str, owner: str) -> None:
        """End a lease at once; nothing happens if it is not the owner's any more."""
        mine = self._is(name) & (leases.c.owner == owner)
        with self._database.write() as connection:
            connection.execute(update(leases).where(mine).values(until=self._now()))

    @contextmanager
    def hold(self, name: str, seconds: int, sleep: Callable[[float], None], *, looks: int = LOOKS) -> Iterator[None]:
        """Hold a lease for the length of a block, which must end within `seconds`; wait for whoever has it first."""
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex}"
        for look in range(looks):
            if look:
                sleep(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 1.5 ** min(look, 10)))
            if self.take(name, owner, seconds):
                break
        else:
            raise TransientError("Another worker is still at this; trying again later.", code="lease-busy")
        try:
            yield
        finally:
            self.give_back(name, owner)

    def _is(self, name: str) -> ColumnElement[bool]:
        return (leases.c.instance_id == self._instance_id) & (leases.c.name == name)
