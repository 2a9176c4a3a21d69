"""Merging contacts the way Mautic does, with what it loses: do-not-contact entries, stage and UTM tags of the loser."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from sidecar.sandbox.host import contacts, merge_repair, notices
from sidecar.sandbox.host.contacts import Row
from sidecar.sandbox.host.values import shown
from sidecar.sandbox.host.work import Actor, Work

LOST = frozenset({"lead_donotcontact", "lead_stages_change_log", "lead_utmtags"})
ONCE_EACH = {
    "lead_tags_xref": "tag_id",
    "lead_lists_leads": "leadlist_id",
    "companies_leads": "company_id",
    "campaign_leads": "campaign_id",
    "lead_ips_xref": "ip_id",
    "lead_categories": "category_id",
    "point_group_contact_score": "group_id",
    "campaign_lead_event_log": "event_id",
}


def merge(work: Work, winner: Row, loser: Row, actor: Actor) -> None:
    """Merge `loser` into `winner`: the record changed later gives its values, the other fills the gaps."""
    columns, details = merged_columns(work, winner, loser)
    tags = carry_over(work, winner["id"], loser["id"])
    if tags:
        details["tags"] = {"added": tags}
    is_repaired = bool(work.listeners and work.listeners.repair_merges)
    if is_repaired:
        merge_repair.before_merge(work, winner, loser, columns, details)
    if details:
        columns |= {"modified_by": actor.id, "modified_by_user": actor.modified_name}
        columns |= {} if work.profile.freezes_date_modified else {"date_modified": work.stamp}
        was_known = winner["date_identified"] is not None
        contacts.save(work, winner, columns)
        work.audit(actor, winner["id"], "update", details)
        notices.saved(work, winner, details, is_new=not was_known)
        if not was_known or "dateIdentified" in details:
            work.audit(actor, winner["id"], "identified", {})
    record(work, winner["id"], loser, actor)
    if is_repaired:
        merge_repair.after_merge(work, winner["id"], loser["id"])
    contacts.remove(work, loser, actor)


def merged_columns(work: Work, winner: Row, loser: Row) -> tuple[Row, Row]:
    """Return the columns of the survivor that move, and the audit details."""
    leading, other = (loser, winner) if changed_at(loser) > changed_at(winner) else (winner, loser)
    columns: Row = {}
    for alias in work.fields:
        if alias in {"points", "last_active"}:
            continue
        value = leading[alias] if leading.get(alias) not in {None, ""} else other.get(alias)
        if value is not None and value != winner.get(alias):
            columns[alias] = value
    details: dict[str, Any] = {}
    known = [at for at in (winner["date_identified"], loser["date_identified"]) if at]
    if known and min(known) != winner["date_identified"]:
        moments = (winner["date_identified"], min(known))
        details["dateIdentified"] = [at.strftime("%Y-%m-%dT%H:%M:%S+00:00") if at else None for at in moments]
    for alias, value in columns.items():
        pair = [shown(winner.get(alias)), shown(value)]
        if work.fields[alias].is_core:
            details[alias] = pair
        details.setdefault("fields", {})[alias] = pair
    if "dateIdentified" in details:
        columns["date_identified"] = min(known)
    if loser["owner_id"] and not winner["owner_id"]:
        columns["owner_id"], details["owner"] = loser["owner_id"], [None, loser["owner_id"]]
    if loser["points"]:
        columns["points"] = winner["points"] + loser["points"]
        details["points"] = [winner["points"], columns["points"]]
    active = [at for at in (winner["last_active"], loser["last_active"]) if at]
    if active and max(active) != winner["last_active"]:
        columns["last_active"] = max(active)
    return columns, details


def changed_at(row: Row) -> Any:
    """Return when a contact was last changed, as far as Mautic knows."""
    return row["date_modified"] or row["date_added"]


def carry_over(work: Work, winner_id: int, loser_id: int) -> list[str]:
    """Hang what hangs on the loser on the winner; return the names of the tags it gets."""
    tags, links = work.schema["lead_tags"], work.schema["lead_tags_xref"]
    held = select(links.c.tag_id).where(links.c.lead_id == winner_id)
    gained = select(tags.c.tag).join_from(links, tags, tags.c.id == links.c.tag_id)
    new = gained.where(links.c.lead_id == loser_id, links.c.tag_id.not_in(held))
    names = list(work.connection.execute(new).scalars())
    for name, table in work.schema.tables.items():
        if "lead_id" not in table.c or name in LOST:
            continue
        move = update(table).where(table.c.lead_id == loser_id).values(lead_id=winner_id)
        if name in ONCE_EACH:
            mine = table.alias()
            key = ONCE_EACH[name]
            taken = work.connection.execute(select(mine.c[key]).where(mine.c.lead_id == winner_id)).scalars().all()
            move = move.where(table.c[key].not_in(taken))
        work.connection.execute(move)
    return names


def record(work: Work, winner_id: int, loser: Row, actor: Actor) -> None:
    """Remember which id went into which; older records are pointed to the new survivor."""
    records = work.schema["contact_merge_records"]
    repoint = update(records).where(records.c.contact_id == loser["id"]).values(contact_id=winner_id)
    work.connection.execute(repoint)
    values = {"contact_id": winner_id, "merged_id": loser["id"], "name": contacts.name_of(loser)}
    work.add("contact_merge_records", **values, date_added=work.stamp)
    work.audit(actor, loser["id"], "merge", {"merged_into": winner_id})
