"""The reconcile lane: once a night, compares what is with what was agreed, and has whatever differs looked at again.

The host's records cost no call, so every linked one is read. Of Salesforce, what its own logs of changes and deletions name
is read; every linked record is where those logs were purged, where a formula is mapped, and once a week in any case. Nothing
is written here: what is found goes into the people lane's outbox, and its next run decides as always.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sidecar.bootstrap import App, OpenSides
from sidecar.mapping.rules import Rules
from sidecar.records import Ref, Side
from sidecar.salesforce.replication import ChangeLog, read_change_log
from sidecar.store.instances import Instance
from sidecar.store.ledger import OpenRun
from sidecar.store.links import Scope, walk_links
from sidecar.store.outbox import Outbox
from sidecar.store.preview import PreviewStore, UncountedRun
from sidecar.store.reconciles import Comparison, Mode, Reconciles
from sidecar.store.watermarks import Feed, advance, load_watermark, open_window
from sidecar.sync.model import Status, Window
from sidecar.sync.reconcile import DRIFT, NO_DRIFT, NOT_VISIBLE, Compared, compare
from sidecar.sync.run import Lane
from sidecar.sync.safety import Brake

LANE = "reconcile"
"""Its watermarks say up to when both sides were compared, so that its freshness is told like any lane's."""
FULL_EVERY = timedelta(days=7)
LOOK_BACK = timedelta(hours=25)
"""How far the host's feed is read once more: a night and what a late start may add."""
LOG_OVERLAP = timedelta(minutes=10)
"""A log may name a change later than the moment it says it covers."""


@dataclass(slots=True)
class Reconciliation:
    """One night's comparison of one lane of an instance."""

    app: App
    instance: Instance
    sides: OpenSides
    rules: Rules
    run: OpenRun
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def _scope(self) -> Scope:
        return Scope(self.instance.id, self.rules.mapping.lane)

    def reconcile(self) -> None:
        """Compare both sides and leave hints; feeds that were never read are left to their first run."""
        for side in Side:
            for name in self.sides.by_side[side].feeds(self.rules.mapping):
                feed = Feed(self.instance.id, self._scope.lane, side, name)
                with self.app.database.read() as connection:
                    seen_until = load_watermark(connection, feed)
                if seen_until is not None:
                    self._compare_feed(feed, seen_until)

    def _compare_feed(self, feed: Feed, seen_until: datetime) -> None:
        began_at, self.counts = self.app.clock(), {}
        own = replace(feed, lane=LANE)
        with self.app.database.write() as connection:
            open_window(connection, own, seen_until)
        log = None if feed.side is Side.HOST else self._change_log(feed, seen_until)
        is_full = feed.side is Side.HOST or log is None or not log.is_complete or self._follows_formulas(feed)
        refs: list[Iterable[Ref]] = []
        if is_full:
            refs.append(self._linked(feed))
        if log is not None:
            refs.append(Ref(feed.name, record_id) for record_id in sorted(log.updated | log.deleted))
        if feed.side is Side.HOST:
            refs.append(self._lately_changed(feed, seen_until))
        for some in refs:
            for compared in compare(self._lane(), feed.side, some, seen_until):
                self._note(compared)
        covered = log.covered_until if log is not None else seen_until
        done = Comparison(Mode.FULL if is_full else Mode.LOG, covered, self.app.clock())
        Reconciles(self.app.database).add(feed, done, began_at, self.counts)
        with self.app.database.write() as connection:
            advance(connection, own)

    def _change_log(self, feed: Feed, seen_until: datetime) -> ChangeLog | None:
        """Return what the logs name since they were last read; None once a week, and where they cannot say."""
        known = Reconciles(self.app.database)
        last, full = known.last(feed), known.last(feed, Mode.FULL)
        if (
            last is None
            or last.covered_until is None
            or full is None
            or full.finished_at <= self.app.clock() - FULL_EVERY
        ):
            return None
        start = max(last.covered_until - LOG_OVERLAP, self.instance.synced_from)
        return read_change_log(self.sides.salesforce.client, feed.name, start, seen_until)

    def _follows_formulas(self, feed: Feed) -> bool:
        """Tell whether a field is mapped that Salesforce works out by itself: a new value of it moves no stamp and no log."""
        rules = self.rules.fields.get(feed.name, ())
        return any(not (rule.salesforce.is_createable or rule.salesforce.is_updateable) for rule in rules)

    def _linked(self, feed: Feed) -> Iterator[Ref]:
        yield from walk_links(self.app.database, self._scope, feed.side, feed.name)

    def _lately_changed(self, feed: Feed, seen_until: datetime) -> Iterator[Ref]:
        window = Window(max(seen_until - LOOK_BACK, self.instance.synced_from), seen_until)
        if window.start < window.end:
            for page in self.sides.by_side[feed.side].read_again(self.rules, feed.name, window):
                yield from (record.ref for record in page.records)

    def _note(self, compared: Compared) -> None:
        """Have what differs looked at, unless it waits already, and count."""
        found = compared.drifted | compared.unseen
        known = Outbox(self.app.database).known(self.instance.id, self._scope.lane, compared.side, found)
        self._hint(compared.side, compared.drifted - known, reason=DRIFT)
        self._hint(compared.side, compared.unseen - known, reason=NOT_VISIBLE)
        self._count(Status.SKIPPED, compared.count - len(found - known), reason=NO_DRIFT)
        self.run.heartbeat()

    def _hint(self, side: Side, refs: Collection[Ref], *, reason: str) -> None:
        if refs:
            Outbox(self.app.database).hint(self.instance.id, self._scope.lane, side, refs, reason)
            self._count(Status.DEFERRED, len(refs), reason=reason)

    def _count(self, status: Status, number: int, *, reason: str) -> None:
        self.run.add_count(status, reason, number)
        self.counts[reason] = self.counts.get(reason, 0) + number

    def _lane(self) -> Lane:
        store = PreviewStore(self.app.database, self._scope)
        brake = Brake(store.count_links(), is_released=True)
        return Lane(self.rules, self.sides.by_side, store, UncountedRun(), self.app.clock, brake)
