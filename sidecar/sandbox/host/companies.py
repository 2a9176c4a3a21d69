"""Companies as Mautic keeps them: made, edited and deleted, with their members, and what happens to members without a trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, insert, select, update

from sidecar.sandbox.host import notices
from sidecar.sandbox.host.change import UNSET, Change
from sidecar.sandbox.host.rendering import Row, iso
from sidecar.sandbox.host.values import same, shown
from sidecar.sandbox.host.work import Actor, Work


def load(work: Work, ids: Iterable[int]) -> dict[int, Row]:
    """Return the rows of companies by id; unknown ids are left out."""
    companies = work.schema["companies"]
    rows = work.rows("companies", companies.c.id.in_(sorted(set(ids))), *present(work), order=companies.c.id)
    return {row["id"]: row for row in rows}


def present(work: Work) -> list[Any]:
    """Return the condition that leaves out companies marked as deleted, where there are any."""
    companies = work.schema["companies"]
    return [companies.c.deleted.is_(None)] if "deleted" in companies.c else []


def named(work: Work, name: str) -> Row | None:
    """Return the oldest company of a name."""
    companies = work.schema["companies"]
    rows = work.rows("companies", companies.c.companyname == name, *present(work), order=companies.c.id)
    return rows[0] if rows else None


def create(work: Work, change: Change, actor: Actor) -> Row:
    """Write a new company and return its row."""
    row = work.row("companies", is_published=1, date_added=work.stamp, score=0)
    row |= {"created_by": actor.id, "created_by_user": actor.name}
    if work.profile.freezes_date_modified:
        row["date_modified"] = work.stamp
    columns, details = differences(work, row, change)
    row |= columns
    inserted = work.connection.execute(insert(work.schema["companies"]), row)
    row["id"] = inserted.inserted_primary_key[0]  # type: ignore[index]  # just made
    work.audit(actor, row["id"], "create", details, "company")
    notices.company_saved(work, row, fresh=True)
    return row


def edit(work: Work, row: Row, change: Change, actor: Actor) -> bool:
    """Write a change to a company, in place in `row` too; return whether anything changed.

    A new name becomes the text on its members, of which neither a date nor a log tells.
    """
    columns, details = differences(work, row, change)
    if not details:
        return False
    columns |= {"modified_by": actor.id, "modified_by_user": actor.modified_name}
    if not work.profile.freezes_date_modified:
        columns["date_modified"] = work.stamp
        details["dateModified"] = [iso(row["date_modified"]), iso(work.stamp)]
    old_name, companies = row["companyname"], work.schema["companies"]
    work.connection.execute(update(companies).where(companies.c.id == row["id"]).values(**columns))
    row |= columns
    if "companyname" in columns:
        rename_on_members(work, row, old_name)
    work.audit(actor, row["id"], "update", details, "company")
    notices.company_saved(work, row)
    return True


def differences(work: Work, row: Row, change: Change) -> tuple[Row, Row]:
    """Return the columns a change moves and the audit details for them."""
    columns: Row = {}
    details: Row = {}
    for alias, new in change.values.items():
        if same(row.get(alias), new):
            continue
        columns[alias] = new
        pair = [shown(row.get(alias)), shown(new)]
        if work.company_fields[alias].is_fixed:
            details[alias] = pair
        details.setdefault("fields", {})[alias] = pair
    if change.owner_id not in {UNSET, row["owner_id"]}:
        columns["owner_id"], details["owner"] = change.owner_id, [row["owner_id"], change.owner_id]
    return columns, details


def rename_on_members(work: Work, row: Row, old_name: str | None) -> None:
    """Write the new name on the contacts whose primary company it is."""
    leads, members = work.schema["leads"], work.schema["companies_leads"]
    mine = select(members.c.lead_id).where(members.c.company_id == row["id"])
    renamed = update(leads).where(leads.c.id.in_(mine), leads.c.company == old_name)
    work.connection.execute(renamed.values(company=row["companyname"]))


def remove(work: Work, row: Row, actor: Actor, *, in_background: bool = False) -> None:
    """Delete a company and its memberships; its text stays on the contacts, or goes from all that carry the name (7.0+).

    `in_background` leaves the row, marked, until `finish_removals`: only where deletions are marked (7.2).
    """
    companies, leads = work.schema["companies"], work.schema["leads"]
    notices.company_deleted(work, row)
    if work.profile.marks_deletions:
        mark = update(companies).where(companies.c.id == row["id"]).values(deleted=work.stamp)
        work.connection.execute(mark)
        work.audit(actor, row["id"], "update", {"companydeleted": [None, iso(work.stamp)]}, "company")
    if work.profile.clears_company_text:
        work.connection.execute(update(leads).where(leads.c.company == row["companyname"]).values(company=None))
    if not (in_background and work.profile.marks_deletions):
        erase(work, row, actor)


def erase(work: Work, row: Row, actor: Actor) -> None:
    """Delete the row and the memberships."""
    companies, members = work.schema["companies"], work.schema["companies_leads"]
    work.connection.execute(delete(members).where(members.c.company_id == row["id"]))
    work.connection.execute(delete(companies).where(companies.c.id == row["id"]))
    # Mautic logs a list here, not an array with a key.
    work.audit(actor, row["id"], "delete", dict(enumerate(("name", row["companyname"]))), "company")


def finish_removals(work: Work, actor: Actor) -> int:
    """Delete the companies that were marked in the background; return how many."""
    companies = work.schema["companies"]
    rows = work.rows("companies", companies.c.deleted.is_not(None)) if "deleted" in companies.c else []
    for row in rows:
        erase(work, row, actor)
    return len(rows)


def add_member(work: Work, company: Row, contact: Row) -> bool:
    """Make a contact a member, the company its primary one; return whether it was none before. The audit log stays silent."""
    members = work.schema["companies_leads"]
    mine = members.c.lead_id == contact["id"]
    if work.rows("companies_leads", mine, members.c.company_id == company["id"]):
        return False
    work.connection.execute(update(members).where(mine).values(is_primary=0))
    values = {"company_id": company["id"], "lead_id": contact["id"], "is_primary": 1}
    work.add("companies_leads", **values, date_added=work.stamp)
    write_text(work, contact, company["companyname"], moves=not work.profile.freezes_date_modified)
    notices.employed(work, contact["id"], company, added=True)
    return True


def remove_member(work: Work, company: Row, contact: Row) -> bool:
    """Take a contact out of a company; return whether it was in it. Of its other companies the latest takes over."""
    members = work.schema["companies_leads"]
    mine = members.c.lead_id == contact["id"]
    held = work.rows("companies_leads", mine, order=[members.c.date_added.desc(), members.c.company_id.desc()])
    left = next((row for row in held if row["company_id"] == company["id"]), None)
    if left is None:
        return False
    work.connection.execute(delete(members).where(mine, members.c.company_id == company["id"]))
    if left["is_primary"]:
        heir = next((row for row in held if row is not left), None)
        if heir:
            theirs = update(members).where(mine, members.c.company_id == heir["company_id"])
            work.connection.execute(theirs.values(is_primary=1))
        name = load(work, [heir["company_id"]])[heir["company_id"]]["companyname"] if heir else None
        # An heir moves the date even where it is frozen.
        write_text(work, contact, name, moves=bool(heir) or not work.profile.freezes_date_modified)
    notices.employed(work, contact["id"], company, added=False)
    return True


def write_text(work: Work, contact: Row, name: str | None, *, moves: bool) -> None:
    """Write the name of the primary company on a contact."""
    columns: Row = {"company": name} | ({"date_modified": work.stamp} if moves else {})
    leads = work.schema["leads"]
    work.connection.execute(update(leads).where(leads.c.id == contact["id"]).values(**columns))
    contact |= columns
    work.changed("contact", contact["id"])


def join_by_name(work: Work, contact_id: int, name: str, actor: Actor) -> int:
    """Make a contact a member of the company of that name, its primary one; unknown companies are made."""
    members = work.schema["companies_leads"]
    known = named(work, name)
    company = known or create(work, Change({"companyname": name}), actor)
    company_id = int(company["id"])
    mine = members.c.lead_id == contact_id
    work.connection.execute(update(members).where(mine).values(is_primary=0))
    same_one = update(members).where(mine, members.c.company_id == company_id)
    if not work.connection.execute(same_one.values(is_primary=1)).rowcount:
        work.add("companies_leads", company_id=company_id, lead_id=contact_id, date_added=work.stamp, is_primary=1)
        log = {"type": "form", "event_name": "Identify Company", "action_name": f"Lead added to the company, {name}"}
        work.add("lead_companies_change_log", lead_id=contact_id, company_id=company_id, date_added=work.stamp, **log)
        work.changed("contact", contact_id)
        notices.employed(work, contact_id, company, added=True, fresh=not known)
    return company_id
