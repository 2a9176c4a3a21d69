"""Contacts as Mautic keeps them: created, edited, merged and deleted, each with the traces it leaves behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from sidecar.sandbox.host import companies, dnc, notices, php
from sidecar.sandbox.host.change import UNSET, Change
from sidecar.sandbox.host.values import same, shown
from sidecar.sandbox.host.work import Actor, Work, chunks

Row = dict[str, Any]
Origin = tuple[str, str]
"""What the audit log says of where a change came from: manipulated_by, manipulator_key; ("", "") says nothing."""

Made = tuple[Change, Row]
"""What was asked for, and the audit details of it."""

NOWHERE: Origin = ("", "")
IDENTIFYING = ("firstname", "lastname", "company", "email", "twitter", "facebook", "linkedin", "instagram", "skype")


def load(work: Work, ids: Iterable[int]) -> dict[int, Row]:
    """Return the rows of contacts by id; unknown ids are left out."""
    leads, found = work.schema["leads"], {}
    for part in chunks(sorted(set(ids))):
        for row in work.connection.execute(select(leads).where(leads.c.id.in_(part))).mappings():
            found[row["id"]] = dict(row)
    return found


def find(work: Work, contact_id: int) -> Row | None:
    """Return the row of a contact, of its survivor when it was merged away, or None."""
    if row := load(work, [contact_id]).get(contact_id):
        return row
    records = work.schema["contact_merge_records"]
    query = select(records.c.contact_id).where(records.c.merged_id == contact_id)
    survivor = work.connection.execute(query).scalar()
    return load(work, [survivor]).get(survivor) if survivor else None


def load_for_batch(work: Work, ids: Sequence[int]) -> dict[int, Row]:
    """Return the rows of contacts by the id that was asked for; from 7.0 on one gone id for each survivor finds it."""
    found = load(work, ids)
    missing = [contact_id for contact_id in dict.fromkeys(ids) if contact_id not in found]
    if work.profile.batches_follow_merges:
        taken = set(found)
        for contact_id in missing:
            row = find(work, contact_id)
            if row and row["id"] not in taken:
                found[contact_id] = row
                taken.add(row["id"])
    return found


def name_of(row: Mapping[str, Any]) -> str:
    """Return the name Mautic writes into logs."""
    name = " ".join(str(row[part]) for part in ("firstname", "lastname") if row.get(part))
    return name or str(row.get("company") or row.get("email") or "")


def new_row(work: Work, change: Change, actor: Actor) -> tuple[Row, Row]:
    """Return the row of a contact to insert, and the audit details of its creation."""
    blank = {alias: None for alias, item in work.fields.items() if not item.is_core}
    row = work.row("leads", **blank)
    row |= {"is_published": 1, "date_added": work.stamp, "points": 0, "internal": php.EMPTY, "social_cache": php.EMPTY}
    if work.lead_ids:
        row["id"] = next(work.lead_ids)
    row |= {"created_by": actor.id, "created_by_user": actor.name}
    if work.profile.freezes_date_modified:
        row["date_modified"] = work.stamp
    columns, details = differences(work, row, change)
    return row | columns, details


def create(work: Work, change: Change, actor: Actor, origin: Origin, action: str = "create") -> Row:
    """Write a new contact and return its row."""
    row, details = new_row(work, change, actor)
    leads = work.schema["leads"]
    row["id"] = work.connection.execute(insert(leads), row).inserted_primary_key[0]  # type: ignore[index]  # just made
    settle_creation(work, row, (change, details), actor, origin, action)
    return row


def create_many(
    work: Work, changes: Sequence[Change], actor: Actor, origin: Origin, action: str = "create"
) -> list[Row]:
    """Write many contacts at once and return their rows."""
    made = [new_row(work, change, actor) for change in changes]
    if not made:
        return []
    leads = work.schema["leads"]
    statement = insert(leads).returning(leads.c.id, sort_by_parameter_order=True)
    ids = work.connection.execute(statement, [row for row, _ in made]).scalars().all()
    for contact_id, (row, details), change in zip(ids, made, changes, strict=True):
        row["id"] = contact_id
        settle_creation(work, row, (change, details), actor, origin, action)
    return [row for row, _ in made]


def settle_creation(work: Work, row: Row, made: Made, actor: Actor, origin: Origin, action: str) -> None:
    """Leave the traces of a creation and write what hangs on the contact."""
    change, details = made
    work.changed("contact", row["id"])
    write_relations(work, row, change, details, actor)
    if details:
        work.audit(actor, row["id"], action, with_origin(details, origin))
    if row["date_identified"] is not None:
        settle_identification(work, row["id"], actor, origin)
    notices.saved(work, row, details, is_new=True, fresh=True)


def settle_identification(work: Work, contact_id: int, actor: Actor, origin: Origin) -> None:
    """Leave the traces of a contact that got its first identifying value."""
    work.audit(actor, contact_id, "identified", {})
    if origin != NOWHERE:
        bundle, object_, *rest = origin[1].split(":")
        object_id = int(rest[0]) if rest else None
        work.event(contact_id, (bundle, object_, "identified_contact"), object_id, object_description=origin[0])


def edit(work: Work, row: Row, change: Change, actor: Actor, origin: Origin) -> bool:
    """Write a change to a contact, in place in `row` too; return whether anything changed."""
    was_known = row["date_identified"] is not None
    change.values = {**stale_choices(work, row), **change.values}
    columns, details = differences(work, row, change)
    write_relations(work, {**row, **columns}, change, details, actor)
    only_opt_out = set(details) == {"dnc_channel_status"}
    if actor.id is not None or actor.name is not None or details:
        columns |= stamps(work, actor, is_change=bool(details), opt_out=only_opt_out)
    save(work, row, columns)
    is_identified = not was_known and row["date_identified"] is not None
    if details:
        work.audit(actor, row["id"], "update", with_origin(details, origin))
    if is_identified:
        settle_identification(work, row["id"], actor, origin)
    if details:
        notices.saved(work, row, details, is_new=is_identified)
    return bool(details)


def touch(work: Work, row: Row, actor: Actor, *, opt_out: bool = False) -> Row:
    """Move the stamps of a contact for a change that is not one of its fields; return audit details of what went with it."""
    columns, details = differences(work, row, Change(stale_choices(work, row)))
    save(work, row, columns | stamps(work, actor, opt_out=opt_out and not details))
    return details


def stamps(work: Work, actor: Actor, *, is_change: bool = True, opt_out: bool = False) -> Row:
    """Return the columns that tell of a save: none for a mere opt-out where that moves nothing."""
    if opt_out and not work.profile.opt_out_moves_contact:
        return {}
    moved = {"date_modified": work.stamp} if is_change and not work.profile.freezes_date_modified else {}
    return {"modified_by": actor.id, "modified_by_user": actor.modified_name, **moved}


def stale_choices(work: Work, row: Row) -> Row:
    """Return None for each select whose stored value is no option any more, where saving blanks those."""
    if not work.profile.blanks_stale_choices:
        return {}
    selects = (item for item in work.fields.values() if item.type == "select")
    return {item.alias: None for item in selects if row.get(item.alias) and row[item.alias] not in item.choices}


def save(work: Work, row: Row, columns: Row) -> None:
    """Write columns of a contact."""
    if columns:
        leads = work.schema["leads"]
        work.connection.execute(update(leads).where(leads.c.id == row["id"]), columns)
        row |= columns


def differences(work: Work, row: Row, change: Change) -> tuple[Row, Row]:
    """Return the columns a change moves and the audit details for them."""
    columns: Row = {}
    details: Row = {}
    for alias, new in change.values.items():
        if same(row.get(alias), new):
            continue
        columns[alias] = new
        pair = [shown(row.get(alias)), float(new) if alias == "points" and new is not None else shown(new)]
        if work.fields[alias].is_core:
            details[alias] = pair
        details.setdefault("fields", {})[alias] = pair
    for name, wanted in (("owner", change.owner_id), ("stage", change.stage_id)):
        if wanted != UNSET and wanted != row[f"{name}_id"]:
            details[name] = [row[f"{name}_id"], wanted]
            columns[f"{name}_id"] = wanted
    if change.last_active is not None:
        columns["last_active"] = change.last_active
    if row["date_identified"] is None and any(columns.get(alias) for alias in IDENTIFYING):
        columns["date_identified"] = work.stamp
        details["dateIdentified"] = ["", work.stamp]
    return columns, details


def with_origin(details: Row, origin: Origin) -> Row:
    """Return audit details with where the change came from."""
    return details if origin == NOWHERE else {**details, "manipulated_by": origin[0], "manipulator_key": origin[1]}


def write_relations(work: Work, row: Row, change: Change, details: Row, actor: Actor) -> None:
    """Write tags, stage log, company membership and do-not-contact entries of a change, adding to the audit details."""
    if change.tags_added or change.tags_removed:
        write_tags(work, row["id"], change, details)
    if "stage" in details:
        log_stage(work, row["id"], *details["stage"])
    if row.get("company") and "company" in details:
        companies.join_by_name(work, row["id"], row["company"], actor)
    for entry in change.do_not_contact:
        status = dnc.write(work, row["id"], str(entry.get("channel", "email")), entry)
        if status:
            details.setdefault("dnc_channel_status", {}).update(status)
    for channel in change.lifted_channels:
        if status := dnc.lift(work, row["id"], channel):
            details.setdefault("dnc_channel_status", {}).update(status)


def write_tags(work: Work, contact_id: int, change: Change, details: Row) -> None:
    """Add and take away tags, making those that do not exist."""
    tags, links = work.schema["lead_tags"], work.schema["lead_tags_xref"]
    added, removed = [], []
    for name in change.tags_added:
        tag_id = work.connection.execute(select(tags.c.id).where(tags.c.tag == name)).scalar() or work.add(
            "lead_tags", tag=name
        )
        held = select(func.count()).where(links.c.lead_id == contact_id, links.c.tag_id == tag_id)
        if not work.connection.execute(held).scalar():
            work.add("lead_tags_xref", lead_id=contact_id, tag_id=tag_id)
            added.append(name)
    for name in change.tags_removed:
        tag_ids = select(tags.c.id).where(tags.c.tag == name)
        gone = delete(links).where(links.c.lead_id == contact_id, links.c.tag_id.in_(tag_ids))
        if work.connection.execute(gone).rowcount:
            removed.append(name)
    if parts := {key: names for key, names in (("added", added), ("removed", removed)) if names}:
        details["tags"] = parts


def log_stage(work: Work, contact_id: int, old: int | None, new: int | None) -> None:
    """Leave a row in the stages' change log."""
    stages = work.schema["stages"]
    stage_id = new or old
    name = work.connection.execute(select(stages.c.name).where(stages.c.id == stage_id)).scalar()
    action = "Manually Added" if new else "Manually Removed"
    values = {"lead_id": contact_id, "stage_id": stage_id, "event_name": f"{stage_id}: {name}", "action_name": action}
    work.add("lead_stages_change_log", **values, date_added=work.stamp)


def remove(work: Work, row: Row, actor: Actor, *, in_batch: bool = False) -> None:
    """Delete a contact with everything that hangs on it."""
    leads = work.schema["leads"]
    work.leaving(row)
    notices.deleted(work, row, in_batch=in_batch)
    work.connection.execute(delete(leads).where(leads.c.id == row["id"]))
    work.audit(actor, row["id"], "delete", {"name": name_of(row)})
