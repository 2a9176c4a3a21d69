"""Keeps what callers brought until it is worked off: hints for the people lane, wishes to push, and early runs.

The request's thread only puts something in. All the rest happens in `work_off`, called by a thread of its own. What is lost
with the process costs nothing but time: every run reads what changed, told or not.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sidecar.bootstrap import App
from sidecar.errors import SidecarError
from sidecar.hooks.doors import Doors
from sidecar.hosts.mautic.reader import Wish
from sidecar.hosts.mautic.webhooks import ACTIVITY_TRIGGERS, CONTACT, Hint, parse_delivery
from sidecar.records import Ref, Side
from sidecar.slots import PEOPLE, EarlyRuns
from sidecar.store.host_events import HostEvents, fingerprint, load_run_times
from sidecar.store.outbox import Outbox
from sidecar.store.pushes import PushWish

WEBHOOK = "webhook"
"""Reason of the hint that has a person looked at."""
MOST_ITEMS = 20_000
MOST_BYTES = 64_000_000
MOST_DROPPED = 1_000
PUSH_WAIT = timedelta(seconds=2)
TRY_AGAIN = timedelta(seconds=5)
REMEMBERED = timedelta(days=7)
"""For how long a delivery is known again; a hint older than that is none any more."""
GIVE_UP = timedelta(minutes=10)
"""How long a push by e-mail address waits for a Mautic that does not answer."""
SLACK = timedelta(seconds=5)
"""How far Mautic's clock may differ from ours for an echo to be recognised."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The body of a webhook, or of the bundle's wake-up. Nobody checked it yet if `signature` is there."""

    slug: str
    body: bytes = field(repr=False)
    at: datetime
    is_wake_up: bool = False
    signature: str | None = None

    @property
    def size(self) -> int:
        """Return about how much memory it takes."""
        return len(self.body) + 500


@dataclass(frozen=True, slots=True)
class PushOrder:
    """Somebody whom a campaign's webhook wants in Salesforce, by number or by e-mail address."""

    slug: str
    at: datetime
    contact_id: str | None = None
    email: str | None = field(default=None, repr=False)
    wanted_object: str | None = None
    campaign_id: str | None = None
    member_status: str | None = None
    source: str = "webhook"
    size: int = 1000


Item = Delivery | PushOrder


@dataclass(slots=True)
class Intake:
    """What came in and was not worked off yet. One per process."""

    app: App
    doors: Doors
    early: EarlyRuns
    dropped: int = 0
    _items: list[Item] = field(default_factory=list)
    _bytes: int = 0
    _full: set[str] = field(default_factory=set)
    _later: list[tuple[datetime, Item]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, item: Item) -> bool:
        """Keep something; False if there is no room."""
        with self._lock:
            is_room = len(self._items) < MOST_ITEMS and self._bytes + item.size <= MOST_BYTES
            if is_room:
                self._items.append(item)
                self._bytes += item.size
        return is_room

    def drop(self, slug: str) -> None:
        """Keep nothing but that an instance had news."""
        with self._lock:
            self.dropped += 1
            if len(self._full) < MOST_DROPPED:
                self._full.add(slug)

    @property
    def waiting(self) -> int:
        """How much was not worked off yet."""
        return len(self._items) + len(self._later)

    def work_off(self) -> datetime | None:
        """Store what waits and queue the runs that are due; return when to come back, or None if nothing is planned."""
        self._store_all(self.app.clock())
        moments = [self.early.start_due(), *(at for at, _ in self._later)]
        return min(filter(None, moments), default=None)

    def _store_all(self, now: datetime) -> None:
        with self._lock:
            items = [*(each for at, each in self._later if at <= now), *self._items]
            self._later = [(at, each) for at, each in self._later if at > now]
            self._items, self._bytes = [], 0
            full, self._full = self._full, set()
        by_slug: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            by_slug[item.slug].append(item)
        for slug in sorted(by_slug.keys() | full):
            try:
                self._store(slug, by_slug[slug], now, is_full=slug in full)
            except SidecarError as error:
                _log.warning("What the host told waits for the database", extra={"code": error.code})
                self._give_back(by_slug[slug], now)
            except Exception:  # noqa: BLE001  (a fault with one instance must not make us deaf to the others)
                _log.exception("What the host told could not be worked off")
        self._refresh_doors()

    def _refresh_doors(self) -> None:
        try:
            self.doors.refresh()
        except SidecarError as error:
            _log.warning("The secrets of callers could not be looked up", extra={"code": error.code})

    def _give_back(self, items: Iterable[Item], now: datetime) -> None:
        with self._lock:
            self._later += [(now + TRY_AGAIN, each) for each in items]
            del self._later[MOST_ITEMS:]

    def _store(self, slug: str, items: Sequence[Item], now: datetime, *, is_full: bool) -> None:
        """Work off what came for one instance. Can be repeated: each step leaves what it finds done as it is."""
        door = self.doors.find(slug)
        if door.instance_id is None:
            return
        deliveries = [each for each in items if isinstance(each, Delivery) and self._is_genuine(each)]
        fresh = self._fresh(door.instance_id, deliveries)
        told = [
            hint for each in fresh.values() if not each.is_wake_up for hint in parse_delivery(each.body, door.client_id)
        ]
        refs = self._worth_a_look(door.instance_id, told, now)
        orders = [each for each in items if isinstance(each, PushOrder)]
        wishes = self._wishes(door.instance_id, orders, now)
        if refs:
            Outbox(self.app.database).hint(door.instance_id, PEOPLE, Side.HOST, refs, WEBHOOK)
        if wishes:
            self.app.pushes.request(door.instance_id, wishes, now)
        if refs or is_full:
            self.early.want(door.instance_id, PEOPLE, len(refs), is_urgent=is_full)
        if wishes or any(each.is_wake_up for each in fresh.values()):
            self.early.want(door.instance_id, PEOPLE, len(wishes), wait=PUSH_WAIT)
        HostEvents(self.app.database).remember(door.instance_id, fresh.keys(), now)

    def _is_genuine(self, delivery: Delivery) -> bool:
        """Check what nobody could when it came, because the database did not answer."""
        if delivery.signature is None:
            return True
        door = self.doors.find(delivery.slug)
        check = door.lets_bundle_in if delivery.is_wake_up else door.lets_webhook_in
        return check(delivery.body, delivery.signature)

    def _fresh(self, instance_id: int, deliveries: Sequence[Delivery]) -> dict[str, Delivery]:
        """Return the deliveries that were not handled before, by the hash of their body."""
        by_hash = {fingerprint(each.body, is_wake_up=each.is_wake_up): each for each in deliveries}
        known = HostEvents(self.app.database).known(instance_id, by_hash) if by_hash else set()
        return {each: by_hash[each] for each in by_hash.keys() - known}

    def _worth_a_look(self, instance_id: int, hints: Sequence[Hint], now: datetime) -> set[Ref]:
        """Return the contacts to look at: not those that only did something, and none that we ourselves just wrote."""
        recent = [
            hint
            for hint in hints
            if hint.object == CONTACT
            and hint.trigger not in ACTIVITY_TRIGGERS
            and (hint.at is None or hint.at > now - REMEMBERED)
        ]
        moments = [hint.at for hint in recent if hint.is_own_name and hint.at]
        runs = load_run_times(self.app.database, instance_id, PEOPLE, min(moments) - SLACK) if moments else ()

        def is_echo(hint: Hint) -> bool:
            return hint.is_own_name and any(
                hint.at is not None and begun - SLACK <= hint.at <= (ended or now) + SLACK for begun, ended in runs
            )

        return {Ref(CONTACT, hint.id) for hint in recent if not is_echo(hint)}

    def _wishes(self, instance_id: int, orders: Sequence[PushOrder], now: datetime) -> list[PushWish]:
        """Return whom to push: an address stands for every living contact that has it."""
        ids = self._ids_of(instance_id, [each for each in orders if each.contact_id is None], now)
        return [
            PushWish(Ref(CONTACT, each), order.wanted_object, order.campaign_id, order.member_status, order.source)
            for order in orders
            for each in ([order.contact_id] if order.contact_id else ids.get((order.email or "").lower(), ()))
        ]

    def _ids_of(self, instance_id: int, orders: Sequence[PushOrder], now: datetime) -> dict[str, list[str]]:
        if not orders:
            return {}
        found: dict[str, list[str]] = defaultdict(list)
        try:
            host = self.app.connect_mautic(self.app.instances.get_by_id(instance_id))
            try:
                texts = {order.email.lower() for order in orders if order.email}
                records = host.reader.find(Wish(("email",), consent=False), "email", texts)
            finally:
                host.close()
        except SidecarError as error:
            _log.warning("Whom to push cannot be looked up", extra={"code": error.code, "instance": instance_id})
            self._give_back([each for each in orders if now - each.at < GIVE_UP], now)
            return {}
        for contact_id, record in records.items():
            found[str(record.values.get("email")).lower()].append(str(contact_id))
        return found
