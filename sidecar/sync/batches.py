"""How many records travel together: calls grow by the batch, memory does too. Pure."""

from collections.abc import Iterator, Sequence

from sidecar.records import Side
from sidecar.sync.model import Decision, Page

BATCH_SIZE = 10_000
"""How many records are taken through every step together when there is a backlog: calls grow by the batch, memory does too.

50,000 people are five batches, and a process that holds one stays well under 250 MiB.
"""

_SETTLED_AT_ONCE = 1_000


def joined(pages: Iterator[Page], side: Side, batch_size: int) -> Iterator[Page]:
    """Yield the host's pages joined to batches: calls to Salesforce are few and large. Its own pages are large already.

    The cursor is saved once per batch, so a crash reads a batch again; what it intended is in the outbox.
    """
    if side is Side.SALESFORCE:
        yield from pages
        return
    batch: Page | None = None
    for page in pages:
        if batch is not None and len(batch.records) + len(page.records) > batch_size:
            yield batch
            batch = None
        batch = Page((*batch.records, *page.records), page.cursor) if batch else page
    if batch is not None:
        yield batch


def settled_together(plan: Sequence[Decision]) -> Iterator[Sequence[int]]:
    """Yield which decisions are settled in one transaction: a page of them, since an outcome is large.

    Those that move or end links come first and all at once, because one may take an end that another gives up.
    """
    moving = [number for number, decision in enumerate(plan) if decision.pair.retired or decision.pair.moved_because]
    if len(plan) <= _SETTLED_AT_ONCE or len(moving) == len(plan):
        yield range(len(plan))
        return
    if moving:
        yield moving
    known = set(moving)
    rest = [number for number in range(len(plan)) if number not in known]
    for start in range(0, len(rest), _SETTLED_AT_ONCE):
        yield rest[start : start + _SETTLED_AT_ONCE]
