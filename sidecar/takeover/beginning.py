"""Where our reading begins after a take-over: what the plugin has dealt with is not done again, what came after it is not lost.

People: at the plugin's last push, less the usual overlap. Activities: at the newest timeline record it made, less the same, and
every event that the org holds from then on counts as sent. Feeds that were read before keep their place.
"""

from dataclasses import dataclass
from datetime import datetime

from sidecar.activities.target import REFERENCE, build_target
from sidecar.bootstrap import App, OpenSides
from sidecar.mapping.activities import ActivityMapping
from sidecar.mapping.model import ObjectMapping
from sidecar.records import Side
from sidecar.salesforce.sent import read_last_made, read_references
from sidecar.store.instances import Instance
from sidecar.store.lane import LeasedLane
from sidecar.store.takeover import SentEvent, begin_feeds, log_sent
from sidecar.sync.window import OVERLAP

_MAX_EVENT_ID = 120
_ENOUGH = 10_000


@dataclass(frozen=True, slots=True)
class Beginning:
    """From when a lane reads, and how many events count as sent; `at` is None where it had begun before."""

    at: datetime | None
    known_events: int = 0


def begin_people(
    app: App,
    instance: Instance,
    sides: OpenSides,
    mapping: ObjectMapping,
    lane: LeasedLane,
    last_push_at: datetime | None,
) -> Beginning:
    """Let the people lane begin where the plugin ended."""
    seen_until = min(last_push_at or app.clock(), app.clock())
    feeds = [lane.feed(side, name) for side in Side for name in sides.by_side[side].feeds(mapping)]
    begins_at = seen_until - OVERLAP
    with lane.write() as connection:
        fresh = begin_feeds(connection, feeds, begins_at=begins_at, seen_until=seen_until)
    if len(fresh) < len(feeds):
        return Beginning(None)
    app.instances.set_synced_from(instance.id, begins_at)  # the nightly comparison looks no further back either
    return Beginning(begins_at)


def begin_activities(app: App, sides: OpenSides, mapping: ActivityMapping, lane: LeasedLane) -> Beginning:
    """Let the activities lane begin at the plugin's newest record; events that the org holds since then are done."""
    feeds = [lane.feed(Side.HOST, name) for name in mapping.targets]
    found = _find_reference(sides, mapping)
    last = read_last_made(sides.salesforce.client, found[0], app.clock()) if found else None
    begins_at = last - OVERLAP if last else app.clock()
    with lane.write() as connection:
        fresh = begin_feeds(connection, feeds, begins_at=begins_at, seen_until=begins_at)
    if not fresh:
        return Beginning(None)
    return Beginning(begins_at, _log_sent(sides, lane, found, begins_at) if found and last else 0)


def _find_reference(sides: OpenSides, mapping: ActivityMapping) -> tuple[str, str] | None:
    """Return the timeline object and its field of references, if our user sees both."""
    schema = sides.salesforce.describe(mapping.object_api_name)
    info = build_target(schema, mapping).fields.get(REFERENCE) if schema else None
    return (schema.object, info.name) if schema and info else None


def _log_sent(sides: OpenSides, lane: LeasedLane, found: tuple[str, str], begins_at: datetime) -> int:
    """Remember what the org holds; an event happens before its record is made, but clocks differ a little."""
    count, waiting = 0, list[SentEvent]()
    for references in read_references(sides.salesforce.client, *found, since=begins_at - OVERLAP):
        waiting += [event for reference in references if (event := read_reference(reference))]
        if len(waiting) >= _ENOUGH:
            count += _log(lane, waiting)
            waiting = []
    return count + _log(lane, waiting)


def _log(lane: LeasedLane, events: list[SentEvent]) -> int:
    with lane.write() as connection:
        return log_sent(connection, lane.scope.instance_id, events, lane.now())


def read_reference(reference: str) -> SentEvent | None:
    """Return which event a reference names: `<event>-<Salesforce id>`, as the plugin and we build it. Pure."""
    event_id, _, record_id = reference.rpartition("-")
    if not event_id or len(event_id) > _MAX_EVENT_ID:
        return None
    return SentEvent(event_id, reference, record_id)
