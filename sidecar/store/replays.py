"""Up to where the change events of each topic were handled. The place is Salesforce's own: opaque, never computed with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select

from sidecar.store.bulk import upsert
from sidecar.store.session import Database
from sidecar.store.tables import event_replays


@dataclass(frozen=True, slots=True)
class Replays:
    """The topics of one instance."""

    database: Database
    instance_id: int
    now: Callable[[], datetime]

    def load(self, topic: str) -> bytes | None:
        """Return the place after which to go on; None if there is none."""
        with self.database.read() as connection:
            found = connection.scalar(select(event_replays.c.replay_id).where(self._is(topic)))
        return None if found is None else bytes(found)

    def save(self, topic: str, replay_id: bytes) -> None:
        """Remember that everything up to this place was handled."""
        row = {"instance_id": self.instance_id, "topic": topic, "replay_id": replay_id, "at": self.now()}
        with self.database.write() as connection:
            upsert(connection, event_replays, [row], ("instance_id", "topic"), update=("replay_id", "at"))

    def forget(self, topic: str) -> None:
        """Begin where the stream is, next time."""
        with self.database.write() as connection:
            connection.execute(delete(event_replays).where(self._is(topic)))

    def _is(self, topic: str) -> ColumnElement[bool]:
        return (event_replays.c.instance_id == self.instance_id) & (event_replays.c.topic == topic)
