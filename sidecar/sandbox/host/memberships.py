"""Segments, campaigns, points: what contacts join and gain, with the traces each leaves."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import delete, select

from sidecar.sandbox.host import contacts, notices
from sidecar.sandbox.host.contacts import Row
from sidecar.sandbox.host.work import Actor, Work


def named(work: Work, table_name: str, name: str, column: str = "name", **more: Any) -> int:
    """Return the id of the row of that name, made when there is none."""
    table = work.schema[table_name]
    found = work.connection.execute(select(table.c.id).where(table.c[column] == name)).scalar()
    if found is not None:
        return int(found)
    common = {"is_published": 1, "date_added": work.stamp}
    return work.add(table_name, **{k: v for k, v in common.items() if k in table.c}, **{column: name}, **more)


def segment_named(work: Work, name: str, alias: str | None = None) -> int:
    """Return the id of a segment, made when there is none of that name."""
    plain = alias or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return named(work, "lead_lists", name, alias=plain, public_name=name, is_global=1)


def join_segment(work: Work, contact_id: int, segment: Row, actor: Actor) -> bool:
    """Put a contact into a segment; return whether it was not in it."""
    links = work.schema["lead_lists_leads"]
    mine = (links.c.lead_id == contact_id, links.c.leadlist_id == segment["id"])
    if work.rows("lead_lists_leads", *mine):
        return False
    values = {"leadlist_id": segment["id"], "lead_id": contact_id, "manually_added": 1, "manually_removed": 0}
    work.add("lead_lists_leads", **values, date_added=work.stamp)
    log_segment(work, contact_id, segment, "added", actor)
    notices.listed(work, contact_id, segment, "added")
    return True


def leave_segment(work: Work, contact_id: int, segment: Row, actor: Actor) -> bool:
    """Take a contact out of a segment; return whether it was in it."""
    links = work.schema["lead_lists_leads"]
    gone = delete(links).where(links.c.lead_id == contact_id, links.c.leadlist_id == segment["id"])
    if not work.connection.execute(gone).rowcount:
        return False
    log_segment(work, contact_id, segment, "removed", actor)
    notices.listed(work, contact_id, segment, "removed")
    return True


def log_segment(work: Work, contact_id: int, segment: Row, action: str, actor: Actor) -> None:
    """Leave a row in the event log: the only trace of a segment membership."""
    who = {"user_id": actor.id, "user_name": actor.name or "System"}
    work.event(contact_id, ("lead", "segment", action), segment["id"], object_description=segment["name"], **who)


def log_campaign(work: Work, contact_id: int, campaign: tuple[int, str], action: str) -> None:
    """Leave a row in the event log for joining or leaving a campaign."""
    number, name = campaign
    said = {"campaign_id": number, "campaign_name": name, "object_description": name}
    work.event(contact_id, ("campaign", "campaign", action), number, user_name="System", **said)


def gain_points(work: Work, row: Row, delta: int, names: tuple[str, str, str], actor: Actor) -> int:
    """Change a contact's points and return the id of the log row; `names` are type, event, action."""
    old, new = row["points"], row["points"] + delta
    details = {"points": [old, new], **contacts.touch(work, row, actor)}
    notices.saved(work, row, details)  # with the points it had before, as recorded
    contacts.save(work, row, {"points": new})
    work.audit(actor, row["id"], "update", details)
    kind, event_name, action_name = names
    values = {"type": kind, "event_name": event_name, "action_name": action_name, "delta": delta}
    return work.add("lead_points_change_log", lead_id=row["id"], date_added=work.stamp, **values)
