"""Do-not-contact entries: one row per contact and channel, changed in place, deleted when lifted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, update

from sidecar.sandbox.host.work import Work

REASONS = (1, 2, 3)  # unsubscribed, bounced, manual
UNSUBSCRIBED = 1
MANUAL = 3
Status = dict[str, dict[str, Any]]
"""Audit details by channel: reason, old_reason, comments."""


def write(work: Work, contact_id: int, channel: str, entry: Mapping[str, Any]) -> Status:
    """Write an entry and return the audit details; an unknown reason or the reason it has already changes nothing.

    Nor does any reason change what the person asked for.
    """
    reason = int(entry.get("reason") or MANUAL)
    if reason not in REASONS:
        return {}
    comments, channel_id = str(entry.get("comments") or ""), entry.get("channelId")
    table = work.schema["lead_donotcontact"]
    held = work.rows("lead_donotcontact", table.c.lead_id == contact_id, table.c.channel == channel)
    values = {"reason": reason, "comments": comments, "channel_id": channel_id, "date_added": work.stamp}
    if not held:
        work.add("lead_donotcontact", lead_id=contact_id, channel=channel, **values)
        return {channel: {"reason": reason, "comments": comments}}
    if held[0]["reason"] in {reason, UNSUBSCRIBED}:
        return {}
    work.connection.execute(update(table).where(table.c.id == held[0]["id"]).values(**values))
    return {channel: {"reason": reason, "old_reason": held[0]["reason"], "comments": comments}}


def lift(work: Work, contact_id: int, channel: str) -> Status:
    """Delete an entry and return the audit details; nothing there, nothing returned."""
    table = work.schema["lead_donotcontact"]
    held = work.rows("lead_donotcontact", table.c.lead_id == contact_id, table.c.channel == channel)
    if not held:
        return {}
    work.connection.execute(delete(table).where(table.c.id == held[0]["id"]))
    return {channel: {"reason": 0, "old_reason": held[0]["reason"], "comments": ""}}
