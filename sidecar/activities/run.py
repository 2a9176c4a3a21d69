"""The activities lane: timeline events of linked people become timeline records. Start here.

waiting events → newly linked people → what happened since the watermark. Each event is written, then logged, and only then
is the feed's place in time remembered. A crash in between sends events again, and their reference makes that harmless.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sidecar.activities.deliver import Delivery
from sidecar.activities.model import ActivityOutcome, ActivityReport, TimelineEvent, WaitingEvent
from sidecar.activities.ports import ActivityStore, TimelineFeed, TimelineWriter
from sidecar.activities.settle import Parcel, settle_absent
from sidecar.mapping.activities import ActivityMapping, Target
from sidecar.mapping.rules import Problem
from sidecar.records import Ref
from sidecar.sync.model import Status, Window

NEW_PEOPLE_AT_ONCE = 2000
RETRIES_AT_ONCE = 2000

Outcomes = Callable[[Sequence[ActivityOutcome]], None]


def push_activities(
    mapping: ActivityMapping,
    feed: TimelineFeed,
    store: ActivityStore,
    writer: TimelineWriter,
    *,
    now: datetime,
    on_outcomes: Outcomes | None = None,
) -> ActivityReport:
    """Send every event that linked people have and Salesforce has not; return what was done.

    `now` is our clock. `on_outcomes` hears of every event as soon as it is settled.
    Errors: SetupError (the object or its fields are missing), TransientError, LeaseLostError; what was settled stays so.
    """
    report = _Counting(on_outcomes)
    types = _deliverable(mapping, feed, report)
    delivery = Delivery(mapping, feed, store, writer, now, report.add)
    source_now = feed.now()
    first_start = source_now - timedelta(days=mapping.first_run_days)
    windows = {each: store.open_window(each, source_now, first_start, feed.lateness(each)) for each in types}
    _send_waiting(types, feed, store, delivery)
    _start_people(windows, first_start, feed, store, delivery)
    for event_type, window in windows.items():
        _follow(event_type, window, feed, store, delivery)
    delivery.flush()
    return report.result(delivery.problems)


def _send_waiting(types: Sequence[str], feed: TimelineFeed, store: ActivityStore, delivery: Delivery) -> None:
    """Try again what Salesforce could not take earlier, as the host and the links are now."""
    by_type: dict[str, dict[str, WaitingEvent]] = defaultdict(dict)
    for entry in store.retries(types, RETRIES_AT_ONCE):
        by_type[entry.log.event_type][entry.log.event_id] = entry
    for event_type, waiting in by_type.items():
        events = feed.read_again(event_type, list(waiting))
        parcels = _address(events, store, {event_id: entry.since for event_id, entry in waiting.items()})
        delivery.put(parcels)
        there = {event.event_id for event in events}
        absent = waiting.keys() - {parcel.event.event_id for parcel in parcels}
        if absent:
            store.add([settle_absent(waiting[each], is_gone=each not in there, now=delivery.now) for each in absent])


def _start_people(
    windows: Mapping[str, Window], since: datetime, feed: TimelineFeed, store: ActivityStore, delivery: Delivery
) -> None:
    """Send what newly linked people did before they were linked, as far back as the first run looks.

    A type whose open window begins there and is still unread shows them anyway.
    """
    types = [each for each, window in windows.items() if window.start > since or window.after is not None]
    while people := dict(store.new_links(NEW_PEOPLE_AT_ONCE)):
        for events in feed.read_for_contacts(types, list(people), since):
            delivery.put([Parcel(event, people[event.contact_id]) for event in events])
        delivery.put([], then=partial(store.mark_started, list(people)))
        delivery.flush()


def _follow(event_type: str, window: Window, feed: TimelineFeed, store: ActivityStore, delivery: Delivery) -> None:
    """Send one type's events of linked people in the window, and close it."""
    for page in feed.read_window(event_type, window):
        delivery.put(_address(page.events, store), then=partial(store.save_cursor, event_type, page.cursor))
    delivery.put([], then=partial(store.advance, event_type))


def _address(
    events: Sequence[TimelineEvent], store: ActivityStore, since: Mapping[str, datetime] | None = None
) -> list[Parcel]:
    """Return the events of linked people, each with the Salesforce record that person is now."""
    people: dict[str, Ref] = store.linked(list({event.contact_id for event in events})) if events else {}
    return [
        Parcel(event, people[event.contact_id], (since or {}).get(event.event_id))
        for event in events
        if event.contact_id in people
    ]


def _deliverable(mapping: ActivityMapping, feed: TimelineFeed, report: "_Counting") -> list[str]:
    """Return the types that become timeline records and that this host has; the others are reported."""
    wanted = [each for each, target in mapping.targets.items() if target in {Target.TIMELINE, Target.BOTH}]
    missing = feed.missing_types(wanted)
    report.problems.extend(
        Problem("timeline-type-unknown", f"This host has no events of the type {each}", "host_admin", each)
        for each in missing
    )
    report.problems.extend(
        Problem("timeline-tasks-not-offered", f"{each} cannot become tasks yet", "operator", each)
        for each, target in mapping.targets.items()
        if target in {Target.TASK, Target.BOTH}
    )
    return [each for each in wanted if each not in missing]


@dataclass
class _Counting:
    """Counts outcomes as they come and passes them on."""

    on_outcomes: Outcomes | None
    counts: Counter[Status] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def add(self, outcomes: Sequence[ActivityOutcome]) -> None:
        self.counts.update(outcome.status for outcome in outcomes)
        self.written.update(outcome.event_type for outcome in outcomes if outcome.status is Status.WRITTEN)
        if self.on_outcomes is not None:
            self.on_outcomes(outcomes)

    def result(self, problems: Sequence[Problem]) -> ActivityReport:
        return ActivityReport(dict(self.counts), dict(self.written), (*self.problems, *problems))
