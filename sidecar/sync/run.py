"""The main job: follow each side's changes once. Start here.

window → read a page → pair up → decide → check plausible → intend → write → settle → advance

Data may go both ways; control never does: every step takes values and returns values, and only sides and store touch the
outside. The watermark means *seen*, the ledger means *settled*: a record that failed never holds the watermark back, it waits
in the outbox. A crash between any two steps is harmless: what was intended but never settled is looked at again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sidecar.mapping.rules import Rules
from sidecar.records import Record, Ref, Side
from sidecar.sync.batches import BATCH_SIZE, joined, settled_together
from sidecar.sync.decide import decide
from sidecar.sync.duplicates import link_duplicates
from sidecar.sync.marks import mark_again, write_marks
from sidecar.sync.model import Decision, LookAgain, Outcome, Pair
from sidecar.sync.pairing import pair_up
from sidecar.sync.ports import LaneStore, OpenRun, Sides
from sidecar.sync.safety import Brake
from sidecar.sync.settle import Settler
from sidecar.sync.write import write

FOLLOWED = (Side.SALESFORCE, Side.HOST)
"""Salesforce first: merges and conversions are then known before anything is written there."""


@dataclass(slots=True)
class Lane:
    """One mapping of one instance while its lease is held: all that a run needs."""

    rules: Rules
    sides: Sides
    store: LaneStore
    run: OpenRun
    now: Callable[[], datetime]
    brake: Brake
    attempts: dict[Ref, int] = field(default_factory=dict)
    batch_size: int = BATCH_SIZE


def sync_mapping(lane: Lane) -> None:
    """Look again at what waits, follow each side's changes up to its own clock, then finish what that began."""
    _look_again(lane)
    for side in FOLLOWED:
        # One for all feeds: both records of a conversion are within the windows, or none.
        source_now = lane.sides[side].now()
        for feed in lane.sides[side].feeds(lane.rules.mapping):
            window = lane.store.open_window(side, feed, source_now)
            lane.run.note_window(side, feed, window, lane.sides[side].told_by(feed, window))
            for page in joined(lane.sides[side].read_changes(lane.rules, feed, window), side, lane.batch_size):
                process(lane, side, page.records)
                lane.store.save_cursor(side, feed, page.cursor)
                lane.sides[side].confirm(feed, page.cursor)
            lane.store.advance(side, feed)
            lane.sides[side].confirm(feed)
    _look_again(lane)


def process(lane: Lane, side: Side, records: Sequence[Record], *, look_closely: bool = False) -> None:
    """Take some records of one side through every step."""
    plan = make_plan(lane, side, records, look_closely=look_closely)
    lane.brake.require_plausible(plan)
    lane.store.intend([decision for decision in plan if decision.writes])
    results = write(plan, lane.rules, lane.sides)
    plan, results = link_duplicates(plan, results, lane.rules, lane.sides, lane.store)
    settler = Settler(lane.rules, lane.now(), lane.attempts)
    unmarked = write_marks(plan, results, lane.rules, lane.sides[Side.HOST], settler)
    for numbers in settled_together(plan):
        outcomes = settler.settle([plan[number] for number in numbers], [results[number] for number in numbers])
        lane.store.settle(outcomes)
        lane.run.count(outcomes)
    _settle_unmarked(lane, unmarked)


def _settle_unmarked(lane: Lane, outcomes: Sequence[Outcome]) -> None:
    """Let those come back whom the host took without the tag or segment that tells where they came from."""
    if outcomes:
        lane.store.settle(outcomes)
        lane.run.count(outcomes)


def make_plan(lane: Lane, side: Side, records: Sequence[Record], *, look_closely: bool = False) -> list[Decision]:
    """Pair up and decide; nothing is written. Also the whole of a dry run and of an explanation."""
    pairs = pair_up(records, side, lane.rules, lane.sides, lane.store, look_closely=look_closely)
    return [decide(pair, lane.rules) for pair in pairs]


def preview_mapping(lane: Lane) -> Iterator[list[Decision]]:
    """Yield what a run would decide now, page by page. Needs a store that only reads."""
    for side in FOLLOWED:
        source_now = lane.sides[side].now()
        for feed in lane.sides[side].feeds(lane.rules.mapping):
            window = lane.store.open_window(side, feed, source_now)
            for page in lane.sides[side].read_changes(lane.rules, feed, window):
                yield make_plan(lane, side, page.records)


def _look_again(lane: Lane) -> None:
    """Take what is due from the outbox: hints, retries whose time has come, and writes that were never settled."""
    last = 0
    while due := lane.store.load_due(lane.now(), lane.batch_size, last):
        last = due[-1].id
        lane.attempts.update({item.ref: item.attempts for item in due})
        for side in FOLLOWED:
            _look_at(lane, side, [item for item in due if item.side is side])


def _look_at(lane: Lane, side: Side, items: Sequence[LookAgain]) -> None:
    """Re-read some records and decide anew: nothing is repeated blindly."""
    if not items:
        return
    refs = [item.ref for item in items]
    found = lane.sides[side].read(lane.rules, refs)
    process(lane, side, list(found.values()), look_closely=True)
    if side is Side.HOST:
        settler = Settler(lane.rules, lane.now(), lane.attempts)
        _settle_unmarked(lane, mark_again(items, lane.rules, lane.sides[side], lane.store, settler))
    unseen = [decide(Pair(side, ref, problem="record-not-visible"), lane.rules) for ref in refs if ref not in found]
    outcomes = Settler(lane.rules, lane.now(), lane.attempts).settle(unseen, [{} for _ in unseen])
    lane.store.settle(outcomes)
    lane.run.count(outcomes)
