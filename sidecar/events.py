"""Change events of an org have its people lane run early. Only that: a run reads what changed, as any other run does.

Linked records that are named go to the outbox too, and are read again whatever their stamps say. Others are found by the
run's own reading. Coalesced: the early run is queued from here 10 seconds after the first of them, or at once when 100 wait.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from sidecar.bootstrap import App
from sidecar.records import Ref, Side
from sidecar.salesforce.events.bus import Bus
from sidecar.salesforce.events.subscribe import Delivery, Subscription
from sidecar.slots import PEOPLE, EarlyRuns, Starter
from sidecar.store.instances import Instance
from sidecar.store.links import load_links
from sidecar.store.outbox import Outbox

REASON = "change-event"


@dataclass(slots=True)
class Ear:
    """Puts hints where the lane finds them and makes it due. Called from one thread per topic."""

    app: App
    instance: Instance
    starter: Starter
    event_count: int = 0
    hint_count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, delivery: Delivery) -> None:
        """Store what a delivery hints at. When this returns, a crash loses nothing of it."""
        with self._lock:
            self.event_count += delivery.event_count
            self.hint_count += len(delivery.hints)
            if delivery.hints:
                refs = [Ref(hint.object, each) for hint in delivery.hints for each in hint.record_ids]
                self._leave_hints(refs)
                is_urgent = any(hint.is_everything for hint in delivery.hints)
                self.starter.early.want(self.instance.id, PEOPLE, len(refs), is_urgent=is_urgent)
                self.starter.notify()

    def _leave_hints(self, refs: Iterable[Ref]) -> None:
        """Events ignore sharing: a record nobody linked may be one we cannot even see."""
        with self.app.database.read() as connection:
            linked = load_links(connection, self.instance.id, Side.SALESFORCE, sorted(set(refs)))
        if linked:
            Outbox(self.app.database).hint(self.instance.id, PEOPLE, Side.SALESFORCE, linked, REASON)


def follow_events(
    app: App, instance: Instance, *, pause: Callable[[float], object], stop_after: int | None = None
) -> Ear:
    """Follow the change events of every mapped object until stopped, or until so many came; return what came.

    Errors: SetupError from any topic ends all of them. `pause` waits so many seconds before connecting again.
    """
    bus = app.open_events(instance)
    ear = Ear(app, instance, Starter(EarlyRuns(app)))

    def put(delivery: Delivery) -> None:
        ear.put(delivery)
        if stop_after is not None and ear.event_count >= stop_after:
            bus.stop()

    try:
        with ear.starter.running():
            _follow(bus, app, instance, put, pause)
    finally:
        bus.close()
    return ear


def _follow(
    bus: Bus, app: App, instance: Instance, put: Callable[[Delivery], None], pause: Callable[[float], object]
) -> None:
    """Follow each object in a thread of its own; the first that ends with an error ends them all."""
    names = app.mapping(instance, PEOPLE).salesforce_objects
    followed = [Subscription(bus, name, app.replays(instance), put, pause) for name in names]
    with ThreadPoolExecutor(len(followed)) as threads:
        try:
            ends = [threads.submit(each.follow) for each in followed]
            done, _ = wait(ends, return_when=FIRST_EXCEPTION)
        finally:
            bus.stop()
    for end in done:
        end.result()
