"""What store tests start from: an instance, a lane with its lease, links and outcomes that are valid by default."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sidecar.records import Record, Ref, Side
from sidecar.store.crypto import Cipher, generate_key
from sidecar.store.instances import Instance, Instances
from sidecar.store.lane import SqlLaneStore
from sidecar.store.schedule import Schedules
from sidecar.store.session import Database
from sidecar.sync.model import Action, Decision, Link, Outcome, Pair, Status, Write

T = TypeVar("T")
NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
CIPHER_KEY = generate_key()
CIPHER = Cipher([CIPHER_KEY])
LEASE_SECONDS = 300


@dataclass
class Clock:
    """Time that moves only when told to."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Worker:
    """Someone who takes the people lane of an instance and works on it."""

    database: Database
    instance_id: int
    clock: Clock = field(default_factory=Clock)
    lane: str = "people"

    def take(self, owner: str = "worker-1") -> SqlLaneStore:
        """Claim the lease and return the lane's store."""
        schedules = Schedules(self.database)
        fence = schedules.claim_lease(self.instance_id, self.lane, owner, self.clock(), LEASE_SECONDS)
        assert fence is not None
        return SqlLaneStore(
            self.database, CIPHER, self.instance_id, self.lane, fence=fence, owner=owner, now=self.clock
        )

    def take_over(self, owner: str = "worker-2") -> SqlLaneStore:
        """Wait until any lease ran out and take the lane, as after a crash."""
        self.clock.pass_(seconds=LEASE_SECONDS + 1)
        return self.take(owner)


def an_instance(database: Database, slug: str = "acme") -> Instance:
    return Instances(database).add(slug, slug.title(), NOW)


def host(number: int) -> Ref:
    return Ref("contact", str(number))


def lead(number: int) -> Ref:
    return Ref("Lead", f"00Q{number:015}")


def a_pair(number: int = 1, **values: object) -> Pair:
    return Pair(**{"trigger": Side.HOST, "trigger_ref": host(number), "host": Record(host(number)), **values})


def a_decision(pair: Pair | None = None, **values: object) -> Decision:
    pair = pair or a_pair()
    write = Write(Side.SALESFORCE, "Lead")
    return Decision(**{"pair": pair, "action": Action.UPDATE, "reason": "changed", "writes": (write,), **values})


def an_outcome(number: int = 1, link: Link | None = None, pair: Pair | None = None, **values: object) -> Outcome:
    decision = a_decision(pair or a_pair(number))
    return Outcome(**{"decision": decision, "status": Status.WRITTEN, "reason": "changed", "link": link, **values})


def linked(number: int, to: int | None = None, **values: object) -> Outcome:
    """An outcome that links host contact `number` to lead `to`."""
    return an_outcome(number, Link(host(number), lead(number if to is None else to)), **values)


def at_once(database: Database, count: int, act: Callable[[Database, int], T]) -> list[T]:
    """Let several callers with connections of their own act at the same moment; return what each got."""
    barrier = threading.Barrier(count)
    url = database._engine.url.render_as_string(hide_password=False)

    def one(number: int) -> T:
        own = Database(url)
        try:
            barrier.wait()
            return act(own, number)
        finally:
            own.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
