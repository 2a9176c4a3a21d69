"""What the bundle's listeners note down while one transaction goes on. Pure.

They hear what Mautic's own events tell them: saves with changes, segment and company memberships, deletions, merges.
Mere activity and what is done by plain SQL they do not hear.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

SAVES: Final = frozenset({"create", "update", "identified"})
BEGAN: Final = "began"
NO_ID: Final = 0
BEGINS_AFTER: Final = timedelta(seconds=60)
"""By so much the beginning is dated ahead: a process that runs on from before is deaf until it ends."""

Row = dict[str, Any]


@dataclass(slots=True)
class Listeners:
    """The rows one transaction will leave in the outbox: one for each dedupe key, pushes each for themselves.

    `is_own` says that the sidecar's own client is writing and says so: its changes are not told, merges and deletions are.
    """

    repair_merges: bool = False
    is_own: bool = False
    row_ids: Iterator[int] | None = None
    has_push: bool = False
    rows: list[Row] = field(default_factory=list)
    _merged_ids: set[int] = field(default_factory=set)

    def hear_audit(self, object_: str, object_id: int, action: str, details: Mapping[Any, Any]) -> None:
        """Hear of a save, a merge or a company's deletion, which all leave a row in the audit log."""
        if object_ == "lead" and action == "merge":
            self._merged_ids.add(object_id)
            self._tell("contact", "merged", object_id, into_id=int(details["merged_into"]))
            self._tell("contact", "changed", int(details["merged_into"]))
        elif object_ == "lead" and action in SAVES:
            self.hear_change("contact", object_id)
        elif object_ == "company":
            if action == "delete":
                self._tell("company", "deleted", object_id)
            elif action in SAVES:
                self.hear_change("company", object_id)

    def hear_event(self, lead_id: int | None, place: tuple[str, str, str]) -> None:
        """Hear of a segment membership that came or went, which the event log alone tells."""
        if lead_id is not None and place[:2] == ("lead", "segment"):
            self.hear_change("contact", lead_id)

    def hear_change(self, kind: str, object_id: int) -> None:
        """Hear of a change to a contact or a company."""
        if not self.is_own:
            self._tell(kind, "changed", object_id)

    def hear_deletion(self, contact: Mapping[str, Any], opt_outs: Iterable[Mapping[str, Any]]) -> None:
        """Hear that a contact is about to go, while its address and do-not-contact rows can still be read.

        The loser of a merge goes too, but that was told already.
        """
        if contact["id"] in self._merged_ids:
            return
        entries = [
            {
                "channel": r["channel"],
                "reason": r["reason"],
                "comments": r["comments"],
                "date_added": iso(r["date_added"]),
            }
            for r in opt_outs
        ]
        self._tell("contact", "deleted", contact["id"], {"email": contact["email"], "do_not_contact": entries})

    def hear_push(self, contact_id: int, wish: Mapping[str, Any]) -> None:
        """Hear that somebody wants a contact pushed now."""
        self.has_push = True
        self._tell("push", "push", contact_id, wish)

    def begin(self) -> None:
        """Note since when the outbox tells everything."""
        self._tell(BEGAN, BEGAN, NO_ID)

    def take_rows(self) -> list[Row]:
        """Return what was noted so far and forget it."""
        taken, self.rows = self.rows, []
        return taken

    def _tell(
        self,
        kind: str,
        what: str,
        object_id: int,
        details: Mapping[str, Any] | None = None,
        *,
        into_id: int | None = None,
    ) -> None:
        key = dedupe_key(kind, what, object_id)
        if key is not None:
            self.rows = [row for row in self.rows if row["dedupe_key"] != key]
        row = {"dedupe_key": key, "kind": kind, "what": what, "object_id": object_id, "into_id": into_id}
        row["details"] = None if details is None else json.dumps(details, ensure_ascii=False)
        self.rows.append(row | ({"id": next(self.row_ids)} if self.row_ids else {}))


def dedupe_key(kind: str, what: str, object_id: int) -> str | None:
    """Return the key under which a row takes the place of an older one; pushes are never joined."""
    if kind == "push":
        return None
    if kind == BEGAN:
        return BEGAN
    if what == "changed":
        return f"{kind}:{object_id}"
    return f"{what}:{object_id}" if kind == "contact" else f"{what}:{kind}:{object_id}"


def iso(moment: Any) -> str | None:
    """Return a moment of the database as the outbox writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00" if moment else None
