"""The nightly comparison: what would a run still write, though nothing told it to? Reads only; what it finds is looked at again.

Feeds tell what changed. Some changes tell nobody: a row that vanishes from a table, an event that was lost, a log that was
purged. So once a night every linked host record and everything Salesforce's own logs name is held against what was agreed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sidecar.records import Record, Ref, Side
from sidecar.sync.model import Action
from sidecar.sync.run import Lane, make_plan

DRIFT = "drift-found"
NOT_VISIBLE = "record-not-visible"
NO_DRIFT = "no-drift"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison of some records found: how many there were, which differ, and which cannot be seen at all."""

    side: Side
    count: int
    drifted: frozenset[Ref]
    unseen: frozenset[Ref]


def compare(lane: Lane, side: Side, refs: Iterable[Ref], seen_until: datetime) -> Iterator[Compared]:
    """Read records as they are now and compare them with what was agreed, a page at a time.

    What changed after `seen_until` is left to the next run: it is not drift, only news.
    """
    for some in _pages(refs):
        found = lane.sides[side].read(lane.rules, some)
        older = [record for record in found.values() if not _is_news(record, seen_until)]
        yield Compared(side, len(some), frozenset(_undecided(lane, side, older)), frozenset(some) - found.keys())


def _undecided(lane: Lane, side: Side, records: Sequence[Record]) -> list[Ref]:
    """Return the records about which there is still something to decide."""
    own = {record.ref for record in records}
    refs = [
        decision.pair.trigger_ref for decision in make_plan(lane, side, records) if decision.action is not Action.SKIP
    ]
    return [ref for ref in refs if ref in own]


def _is_news(record: Record, seen_until: datetime) -> bool:
    return record.modified_at is not None and record.modified_at >= seen_until


def _pages(refs: Iterable[Ref]) -> Iterator[list[Ref]]:
    page: list[Ref] = []
    for ref in refs:
        page.append(ref)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page
