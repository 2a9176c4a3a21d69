"""Tickets with which people came in from the host: each opens one session, however often and wherever it is shown."""

import hashlib
from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from sidecar.store.session import Database
from sidecar.store.tables import launches


class Launches:
    """Remembers used tickets until they have run out anyway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def use(self, instance_id: int, ticket_id: str, expires_at: datetime) -> bool:
        """Use a ticket up; False if somebody did already. Of two who try at once, one succeeds."""
        token_hash = hashlib.sha256(f"{instance_id}:{ticket_id}".encode()).hexdigest()
        row = {"instance_id": instance_id, "token_hash": token_hash, "expires_at": expires_at}
        try:
            with self._database.write() as connection:
                connection.execute(insert(launches), row)
        except IntegrityError:
            return False
        return True

    def prune(self, now: datetime) -> int:
        """Forget tickets that nobody could use any more; return how many."""
        with self._database.write() as connection:
            return connection.execute(delete(launches).where(launches.c.expires_at < now)).rowcount
