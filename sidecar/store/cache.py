"""The Cache of one side of one instance, in the database: every worker uses the same token and the same describes."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select

from sidecar.records import Side
from sidecar.store.bulk import upsert
from sidecar.store.crypto import Cipher
from sidecar.store.session import Database
from sidecar.store.tables import cache


class SqlCache:
    """See Cache. Texts are encrypted; what has run out is as good as gone."""

    def __init__(
        self, database: Database, cipher: Cipher, instance_id: int, side: Side, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._instance_id = instance_id
        self._side = side
        self._now = now

    def get(self, key: str) -> str | None:
        """See Cache."""
        chosen = select(cache.c.text).where(self._is(key), cache.c.expires_at > self._now())
        with self._database.read() as connection:
            token = connection.scalar(chosen)
        return None if token is None else self._cipher.decrypt(token)

    def put(self, key: str, text: str, *, expires_at: datetime) -> None:
        """See Cache."""
        row = {
            "instance_id": self._instance_id,
            "side": self._side,
            "name": key,
            "text": self._cipher.encrypt(text),
            "key_id": self._cipher.key_id,
            "expires_at": expires_at,
        }
        with self._database.write() as connection:
            keys = ("instance_id", "side", "name")
            upsert(connection, cache, [row], keys, update=("text", "key_id", "expires_at"))

    def drop(self, key: str) -> None:
        """See Cache."""
        with self._database.write() as connection:
            connection.execute(delete(cache).where(self._is(key)))

    def clear(self) -> None:
        """Forget everything about this side."""
        of_side = (cache.c.instance_id == self._instance_id) & (cache.c.side == self._side)
        with self._database.write() as connection:
            connection.execute(delete(cache).where(of_side))

    def _is(self, key: str) -> ColumnElement[bool]:
        return (cache.c.instance_id == self._instance_id) & (cache.c.side == self._side) & (cache.c.name == key)


def prune_cache(database: Database, now: datetime) -> int:
    """Delete what ran out, of all instances; return how many rows that were."""
    with database.write() as connection:
        return connection.execute(delete(cache).where(cache.c.expires_at <= now)).rowcount
