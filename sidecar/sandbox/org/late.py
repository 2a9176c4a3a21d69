"""A transaction that commits late: its rows carry an early stamp and appear later, as in a busy org."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sidecar.sandbox.org.records import Actor

if TYPE_CHECKING:
    from sidecar.sandbox.org.org import Org


class LateCommit:
    """Writes that wait. Inside the `with` block the org's own insert and update wait too."""

    def __init__(self, org: "Org") -> None:
        self._org = org
        self._waiting: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        """Catch what is written from now on."""
        self._org.hold_writes(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let writes through again; what was caught still waits."""
        self._org.hold_writes(None)

    def insert(self, object_name: str, values: Mapping[str, Any], by: str = "user") -> str:
        """Create a record, unseen until the commit; return its id."""
        records, each, actor = self._org.records, self._org.schema.objects[object_name.lower()], self._actor(by)
        record_id = self._org.storage.next_id(each)
        self._waiting.append(lambda: records.insert(each, values, actor, record_id))
        return record_id

    def update(self, object_name: str, record_id: str, values: Mapping[str, Any], by: str = "user") -> None:
        """Change a record, unseen until the commit."""
        records, each, actor = self._org.records, self._org.schema.objects[object_name.lower()], self._actor(by)
        self._waiting.append(lambda: records.update(each, record_id, values, actor))

    def commit(self) -> None:
        """Make it all visible, with the stamps it was written at."""
        with self._org.lock, self._org.storage.transaction():
            for write in self._waiting:
                write()
            self._waiting.clear()

    def _actor(self, by: str) -> Actor:
        return self._org.actor(by, at=self._org.now_stamp())
