"""A world whose org sends change events over real gRPC, and a listener in a thread of its own."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from sidecar import slots
from sidecar.errors import SidecarError
from sidecar.events import Ear, follow_events
from sidecar.records import Side
from sidecar.sandbox.org.pubsub import PubSub, build_pubsub
from sidecar.store.instances import InstanceState
from tests.world import World, make_world

PATIENCE = 20


@dataclass
class Listening:
    """A listener that runs, and what it waited for before it connected again."""

    world: World
    pubsub: PubSub
    stop_after: int
    pauses: list[float] = field(default_factory=list)
    wake: Ear | None = None
    error: BaseException | None = None
    thread: threading.Thread | None = None

    def start(self, streams: int = 2) -> "Listening":
        """Begin to listen; return once so many more subscriptions are open."""
        wanted = self.pubsub.opened + streams
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.wait_for(wanted)
        return self

    def wait_for(self, opened: int) -> None:
        """Wait until so many subscriptions were opened in all."""
        news = self.world.org.events.news
        with news:
            assert news.wait_for(lambda: self.pubsub.opened >= opened or self.error, PATIENCE), "nobody subscribed"

    def result(self) -> Ear:
        """Wait until it has heard enough."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the listener goes on"
        if self.error:
            raise self.error
        return self.wake

    def _run(self) -> None:
        try:
            self.wake = follow_events(
                self.world.app, self.world.instance, pause=self.pauses.append, stop_after=self.stop_after
            )
        except (SidecarError, AssertionError) as error:  # told by result()
            self.error = error
            with self.world.org.events.news:
                self.world.org.events.news.notify_all()


@dataclass
class Wired:
    """A world with its event bus."""

    world: World
    pubsub: PubSub
    jobs: list[str] = field(default_factory=list)

    def listen(self, stop_after: int) -> Listening:
        return Listening(self.world, self.pubsub, stop_after).start()

    def hear(self, stop_after: int) -> Listening:
        """Listen where the streams may end before both are open."""
        return Listening(self.world, self.pubsub, stop_after).start(streams=1)

    @property
    def next_run_at(self):
        return self.world.app.schedules.get(self.world.instance.id, "people").next_run_at

    def wait_until(self, is_so: Callable[[], object]) -> None:
        """Wait for what the listener does in its threads."""
        ends = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < ends, "it never came about"
            threading.Event().wait(0.01)

    def hints(self) -> int:
        from sidecar.store.outbox import Outbox

        return Outbox(self.world.app.database).counts(self.world.instance.id, "people").get("", 0)

    def take_slot(self):
        """Claim what is due, as the clockwork does; return the lanes."""
        return [slot.lane for slot in self.world.app.schedules.claim_due(self.world.now)]


@contextmanager
def wired_world():
    """Yield a world with a people lane that runs hourly, whose org captures changes of Leads and Contacts."""
    world = make_world()
    world.org.capture_changes("Lead", "Contact")
    server, pubsub, port = build_pubsub(world.org)
    server.start()
    say_where(world, f"127.0.0.1:{port}")
    app, instance = world.app, world.instance
    app.instances.set_state(instance.id, InstanceState.ENABLED)
    app.schedules.switch(instance.id, "people", by_customer=True, by_support=True)
    app.schedules.claim_due(world.now)
    wired = Wired(world, pubsub)

    def enqueue(job: str, *_: object, **__: object) -> bool:
        wired.jobs.append(job)
        return True

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(slots, "enqueue", enqueue)
            yield wired
    finally:
        server.stop(None).wait()
        world.close()


def say_where(world: World, address: str) -> None:
    """Tell the instance where the Pub/Sub API is."""
    connections = world.app.connections
    known = connections.load(world.instance.id, Side.SALESFORCE)
    secrets = connections.load_secrets(world.instance.id, Side.SALESFORCE)
    connections.save(world.instance.id, Side.SALESFORCE, {**known.settings, "events_address": address}, secrets)
