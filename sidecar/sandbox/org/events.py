"""Change Data Capture: an event for each change of a selected object, kept for 72 hours. Start here: `ChangeEvents`.

Source: Change Data Capture Developer Guide – "Change Event Header Fields", "Merged Change Events", "Gap Events",
"Overflow Events"; Pub/Sub API Developer Guide – "Event Message Durability".
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sidecar.sandbox.org.changes import Change
from sidecar.sandbox.org.clock import Clock

RETENTION = timedelta(hours=72)
STEP = 7  # replay ids are opaque and not contiguous
FIRST = 1_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the bus keeps it."""

    place: int
    at: datetime
    object: str
    header: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(slots=True)
class ChangeEvents:
    """The org's event bus. `news` is notified whenever a subscriber should look again."""

    clock: Clock
    selected: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    news: threading.Condition = field(default_factory=threading.Condition)
    beats: int = 0
    breaks: int = 0
    _events: list[Event] = field(default_factory=list)
    _place: int = FIRST
    _gone: int = 0
    _commits: int = 0

    # What an administrator and the platform do

    def select(self, *objects: str) -> None:
        """Choose objects in Setup > Change Data Capture."""
        self.selected |= set(objects)

    def publish(self, object_name: str, kind: str, record_ids: Sequence[str], origin: str = "", user: str = "") -> None:
        """Publish an event without values, such as a GAP event."""
        with self.news:
            self._add(object_name, kind, record_ids, origin, user, {})
            self.news.notify_all()

    def keep_alive(self) -> None:
        """Send every subscriber an empty answer with the newest place, as the platform does within 270 seconds."""
        with self.news:
            self.beats += 1
            self.news.notify_all()

    def break_streams(self) -> None:
        """Cut every subscriber off, as maintenance does."""
        with self.news:
            self.breaks += 1
            self.news.notify_all()

    def heed(self, changes: list[Change]) -> None:
        """Make events of what a transaction changed: the same change of several records is one."""
        told = [each for each in changes if each.object in self.selected]
        with self.news:
            self._commits += 1
            for (name, kind, origin, user), same in groupby(told, _likeness):
                self._merge(name, kind, origin, user, list(same))
            self.news.notify_all()

    # What a subscriber sees

    def tip(self) -> int:
        """Return the newest place."""
        return self._place

    def forget_old(self) -> None:
        """Drop what is past its retention."""
        with self.news:
            while self._events and self.clock.now() - self._events[0].at > RETENTION:
                self._gone = self._events.pop(0).place

    def is_known(self, place: int) -> bool:
        """Tell whether what came after a place is still all there."""
        self.forget_old()
        return max(self._gone, FIRST) <= place <= self._place

    def earliest(self) -> int:
        """Return the place before the oldest event kept."""
        self.forget_old()
        return self._gone

    def after(self, place: int, object_name: str, most: int) -> list[Event]:
        """Return the next events of an object."""
        return [event for event in self._events if event.place > place and event.object == object_name][:most]

    def _merge(self, name: str, kind: str, origin: str, user: str, same: list[Change]) -> None:
        for values, ids in _by_values(same):
            self._add(name, kind, ids, origin, user, values)

    def _add(
        self, name: str, kind: str, record_ids: Sequence[str], origin: str, user: str, values: Mapping[str, Any]
    ) -> None:
        self._place += STEP
        now = self.clock.now()
        header = {
            "entityName": name,
            "recordIds": list(record_ids),
            "changeType": kind,
            "changeOrigin": origin,
            "transactionKey": f"00000000-0000-0000-0000-{self._commits:012d}",
            "sequenceNumber": 1,
            "commitTimestamp": int(now.timestamp() * 1000),
            "commitNumber": self._place,
            "commitUser": user,
            "nulledFields": [],
            "diffFields": [],
            "changedFields": [],
        }
        self._events.append(Event(self._place, now, name, header, values))


def _likeness(change: Change) -> tuple[str, str, str, str]:
    return change.object, change.kind, change.origin, change.user_id


def _by_values(changes: list[Change]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    for _, same in groupby(changes, lambda each: repr(sorted(each.values.items()))):
        found = list(same)
        yield found[0].values, [each.record_id for each in found]
