"""Gathers events until a call is full, writes them, logs what became of them, and only then lets the feeds move on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sidecar.activities.build import build_row
from sidecar.activities.model import ActivityOutcome, TimelineTarget
from sidecar.activities.ports import ActivityStore, TimelineFeed, TimelineWriter
from sidecar.activities.settle import NO_LOOKUP, Parcel, accept_duplicate, settle
from sidecar.activities.target import build_absence, build_target, check_target, require_usable
from sidecar.mapping.activities import ActivityMapping
from sidecar.mapping.rules import Problem
from sidecar.records import ObjectSchema, Value
from sidecar.sync.model import WriteResult

ROWS_PER_CALL = 1000
"""Five collections of 200 rows in one composite request (Salesforce, REST API guide, Composite)."""

ENOUGH = 2 * ROWS_PER_CALL


@dataclass
class Delivery:
    """One run's way to Salesforce; it asks for nothing there until there is something to send."""

    mapping: ActivityMapping
    feed: TimelineFeed
    store: ActivityStore
    writer: TimelineWriter
    now: datetime
    on_outcomes: Callable[[Sequence[ActivityOutcome]], None]
    problems: tuple[Problem, ...] = ()
    _parcels: dict[str, Parcel] = field(default_factory=dict)
    _afterwards: list[Callable[[], None]] = field(default_factory=list)
    _target: TimelineTarget | None = None

    def put(self, parcels: Sequence[Parcel], then: Callable[[], None] | None = None) -> None:
        """Take parcels over, each event once, and write when enough have come together.

        `then` is done when these and all earlier parcels are logged.
        """
        for parcel in parcels:
            self._parcels.setdefault(parcel.event.event_id, parcel)
        if then is not None:
            self._afterwards.append(then)
        if len(self._parcels) >= ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Write and log everything, then do what waits for it."""
        known = self.store.known(list(self._parcels)) if self._parcels else set()
        new = [parcel for event_id, parcel in self._parcels.items() if event_id not in known]
        # Rows of one person stand side by side: they lock the same record.
        new.sort(key=lambda parcel: (parcel.person, parcel.event.at, parcel.event.event_id))
        for start in range(0, len(new), ROWS_PER_CALL):
            self._send(new[start : start + ROWS_PER_CALL])
        self._parcels.clear()
        for remember in self._afterwards:
            remember()
        self._afterwards.clear()

    def _send(self, parcels: Sequence[Parcel]) -> None:
        target = self._require_target()
        values: dict[str, dict[str, Value]] = {}
        for parcel in parcels:
            url = self.feed.contact_url(parcel.event.contact_id)
            if row := build_row(parcel.event, parcel.person, target, url):
                values[parcel.event.event_id] = row
        results = dict(zip(values, self._write(target, list(values.values())), strict=True))
        unlinkable = WriteResult(error=NO_LOOKUP)
        ends = [settle(parcel, results.get(parcel.event.event_id, unlinkable), self.now) for parcel in parcels]
        self.store.add([log for log, _ in ends])
        self.on_outcomes([outcome for _, outcome in ends])

    def _write(self, target: TimelineTarget, rows: Sequence[dict[str, Value]]) -> list[WriteResult]:
        if not rows:
            return []
        if target.reference.is_key:
            return self.writer.upsert_rows(target.object, target.reference.name, rows)
        results = self.writer.insert_rows(target.object, rows)
        return [accept_duplicate(result, target.reference) for result in results]

    def _require_target(self) -> TimelineTarget:
        if self._target is None:
            schema = self._require_schema()
            target = build_target(schema, self.mapping)
            self.problems = check_target(schema, target, self.mapping)
            require_usable(self.problems)
            self._target = target
        return self._target

    def _require_schema(self) -> ObjectSchema:
        """Return the object's schema; without a namespace in the mapping, that of the only one with any namespace."""
        name = self.mapping.object_api_name
        schema = self.writer.describe(name)
        if schema is None and not self.mapping.namespace:
            alike = self.writer.find_objects(name)
            schema = self.writer.describe(alike[0]) if len(alike) == 1 else None
        if schema is None:
            raise build_absence(self.mapping)
        return schema
