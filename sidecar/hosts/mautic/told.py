"""What our bundle's outbox tells: who changed, was deleted or merged, until it was settled, and who is to be pushed.

A row is deleted once what it told is settled (`confirm`), so a crash anywhere tells it again. What changes again meanwhile has
a new row, which is left to the next reading.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from sidecar.hosts.mautic.bundle import Bundle, OutboxRow
from sidecar.hosts.mautic.reader import ContactReader, Wish, ref_of
from sidecar.hosts.port import ToldPush
from sidecar.sync.model import Cursor, Page, Window

MAX_SOURCE = 120
CONTACT, PUSHES = "contact", ("push",)
TOLD = (CONTACT, "company")
"""Rows of companies say nothing that the log does not; they are settled with the others, or nobody would take them away."""


def take_pushes(bundle: Bundle, keep: Callable[[Sequence[ToldPush]], object]) -> None:
    """Hand over the pushes that the outbox tells, and have them deleted there once they are kept."""
    for rows in bundle.rows(PUSHES):
        keep([_push(row) for row in rows])
        bundle.done([row.id for row in rows])


def _push(row: OutboxRow) -> ToldPush:
    told = row.details
    return ToldPush(
        ref_of(row.object_id),
        told.get("as") or None,
        told.get("campaign_id") or None,
        told.get("member_status") or None,
        str(told.get("source") or "")[:MAX_SOURCE],
    )


class ToldContacts:
    """Reads contacts that the outbox names, and remembers which rows named them."""

    def __init__(self, bundle: Bundle, reader: ContactReader) -> None:
        self._bundle = bundle
        self._reader = reader
        self._told: list[int] = []

    def read_changes(self, wish: Wish, window: Window) -> Iterator[Page]:
        """Yield everyone whom the outbox names now, as they are now, wherever an earlier reading stopped.

        A cursor holds the row's id, and a time before the window's start: should the log have to go on in this window, it
        begins anew. The members of renamed companies are asked of the log in any case: the outbox names the company alone.
        """
        self._told = []
        seen: set[int] = set()
        begins_at = window.begins_at or window.start
        cursor = Cursor(window.start - timedelta(seconds=1), "0")
        for rows in self._bundle.rows(TOLD):
            self._told += [row.id for row in rows]
            cursor = replace(cursor, id=str(rows[-1].id))
            meant = [row for row in rows if row.kind == CONTACT and row.at >= begins_at]
            named = dict.fromkeys(each for row in meant for each in (row.object_id, row.into_id) if each is not None)
            fresh = [each for each in named if each not in seen]
            seen.update(fresh)
            if fresh:
                found = self._reader.read(wish, fresh)
                yield Page(tuple(found[each] for each in fresh), cursor)
        for page in self._reader.read_renamed(wish, replace(window, after=None), seen):
            yield replace(page, cursor=cursor)

    def confirm(self, cursor: Cursor | None) -> None:
        """Have the rows deleted that were told up to the cursor, or all. Those that Mautic keeps are told again: harmless."""
        settled = [each for each in self._told if cursor is None or each <= int(cursor.id)]
        if settled and self._bundle.done(settled):
            self._told = self._told[len(settled) :]
