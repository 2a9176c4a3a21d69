"""What goes on while everything else waits for a limit: opt-outs and deletions of linked people, of both sides.

Looks ahead from where the lane stopped up to now. Cursors and watermarks stay: the lane goes on where it was, and meets what
was settled here as unchanged.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from sidecar.records import Record, Ref, Side
from sidecar.sync.model import Link, LinkState, LookAgain, Window
from sidecar.sync.run import Lane, process

_ANY_TIME = timedelta(days=366)
"""What waits for its next try is looked at whenever that would be."""
_DUE_LIMIT = 500


def sync_urgent(lane: Lane, may_listen: Callable[[], bool]) -> None:
    """Settle what cannot wait. The host is read first, which costs no call; Salesforce is asked while `may_listen`.

    Errors: BudgetError when the reserve is used up too; what was settled stays so.
    """
    for side in (Side.HOST, Side.SALESFORCE):
        if side is Side.SALESFORCE and not may_listen():
            return
        for records in chain(_waiting(lane, side), _changed(lane, side, lane.sides[side].now())):
            urgent = _only_urgent(lane, side, records)
            if urgent:
                process(lane, side, urgent, look_closely=True)


def is_urgent(record: Record, link: Link | None) -> bool:
    """Tell whether a change cannot wait: an opt-out that the other side does not know, or a deletion."""
    if link is None or record.successor is not None:
        return False
    if record.is_deleted:
        return link.state is LinkState.ACTIVE
    return record.consent is not None and record.consent.opted_out and link.opted_out is not True


def _only_urgent(lane: Lane, side: Side, records: Sequence[Record]) -> list[Record]:
    maybe = [record for record in records if record.is_deleted or (record.consent and record.consent.opted_out)]
    links = lane.store.load_links(side, [record.ref for record in maybe]) if maybe else {}
    return [record for record in maybe if is_urgent(record, links.get(record.ref))]


def _changed(lane: Lane, side: Side, source_now: datetime) -> Iterator[Sequence[Record]]:
    """Yield pages of what changed since the lane stopped, also after the end of the window that is open."""
    windows: dict[str, Window] = {}
    for feed in lane.sides[side].feeds(lane.rules.mapping):
        window = lane.store.peek_window(side, feed, source_now)
        windows[feed] = replace(window, end=max(window.end, source_now))
    return lane.sides[side].read_urgent(lane.rules, windows)


def _waiting(lane: Lane, side: Side) -> Iterator[Sequence[Record]]:
    """Yield what waits in the outbox for nothing but time."""
    last = 0
    while due := lane.store.load_due(lane.now() + _ANY_TIME, _DUE_LIMIT, last):
        last = due[-1].id
        refs = _refs(lane, side, due)
        if refs:
            yield list(lane.sides[side].read(lane.rules, refs).values())


def _refs(lane: Lane, side: Side, due: Sequence[LookAgain]) -> list[Ref]:
    lane.attempts.update({item.ref: item.attempts for item in due if item.side is side})
    return [item.ref for item in due if item.side is side]
