"""What administrators do to companies, segments and the options of a select, and what that does to contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, update

from sidecar.sandbox.host import companies, contacts, php
from sidecar.sandbox.host.change import Change, known_in, parse_change
from sidecar.sandbox.host.contacts import Row
from sidecar.sandbox.host.fields import choices
from sidecar.sandbox.host.people import By, People, require
from sidecar.sandbox.host.work import Work


class CompanyActs(People):
    """Everything around companies that does not come by REST."""

    def create_company(self, name: str, values: Mapping[str, Any] | None = None, by: By = "ui") -> int:
        """Make a company and return its id; unlike REST, people may use a name twice. `values` go by field alias."""

        def do(work: Work) -> int:
            change = company_change(work, {**(values or {}), "companyname": name})
            return int(companies.create(work, change, self.actor(work, by))["id"])

        return self.act(do)

    def edit_company(self, company_id: int, values: Mapping[str, Any], by: By = "ui") -> None:
        """Change a company; None blanks a field."""

        def do(work: Work) -> None:
            row = require_company(work, company_id)
            companies.edit(work, row, company_change(work, values), self.actor(work, by))

        self.act(do)

    def rename_company(self, company_id: int, name: str) -> None:
        """Give a company another name: the text on its members changes without a trace."""
        self.edit_company(company_id, {"companyname": name})

    def delete_company(self, company_id: int, by: By = "ui", *, in_background: bool = False) -> None:
        """Delete a company; in the background its row stays, marked, where deletions are marked (7.2)."""

        def do(work: Work) -> None:
            row = require_company(work, company_id)
            companies.remove(work, row, self.actor(work, by), in_background=in_background)

        self.act(do)

    def finish_deletions(self) -> int:
        """Take away the companies that were deleted in the background, as a cron job does; return how many."""
        return self.act(lambda work: companies.finish_removals(work, self.actor(work, "ui")))

    def company(self, company_id: int) -> Row | None:
        """Return the row of a company, also of one that is marked as deleted, or None."""
        return next(iter(self.rows("companies", id=company_id)), None)

    def join_company(self, contact_id: int, name: str) -> int:
        """Become a member of a company, made when it is not there; return the company's id."""

        def do(work: Work) -> int:
            row, actor = require(work, contact_id), self.actor(work, "ui")
            company_id = companies.join_by_name(work, contact_id, name, actor)
            contacts.touch(work, row, actor)
            contacts.save(work, row, {"company": name})
            return company_id

        return self.act(do)

    def leave_company(self, contact_id: int, company_id: int) -> None:
        """Cease to be a member of a company; the latest of the others takes its place."""
        self.act(
            lambda work: companies.remove_member(work, require_company(work, company_id), require(work, contact_id))
        )

    def delete_segment(self, segment_id: int, *, in_background: bool = False) -> None:
        """Delete a segment with its memberships, of which the contacts show nothing.

        In the background the row stays, marked and unpublished, where deletions are marked.
        """

        def do(work: Work) -> None:
            lists, links = work.schema["lead_lists"], work.schema["lead_lists_leads"]
            row = work.rows("lead_lists", lists.c.id == segment_id)[0]
            if in_background and work.profile.marks_deletions:
                marked = update(lists).where(lists.c.id == segment_id)
                work.connection.execute(marked.values(deleted=work.stamp, is_published=0))
                return
            work.connection.execute(delete(links).where(links.c.leadlist_id == segment_id))
            work.connection.execute(delete(lists).where(lists.c.id == segment_id))
            work.audit(self.actor(work, "ui"), segment_id, "delete", {"name": row["name"]}, "segment")

        self.act(do)

    def change_choices(self, alias: str, *values: str) -> None:
        """Give a select other options; what contacts hold stays as it is until they are saved."""

        def do(work: Work) -> None:
            fields = work.schema["lead_fields"]
            changed = update(fields).where(fields.c.alias == alias)
            work.connection.execute(changed.values(properties=php.serialize(choices(*values))))
            self.database.reload_fields(work)

        self.act(do)


def company_change(work: Work, values: Mapping[str, Any]) -> Change:
    """Return the change a person's entries ask for; what Mautic refuses is a mistake of the caller."""
    unknown = set(values) - set(work.company_fields) - {"owner"}
    body = {**values, "overwriteWithBlank": True}
    change, errors = parse_change(work.company_fields, body, known_in(work), replace=False)
    if errors or unknown:
        raise ValueError(f"Mautic has no place for this: {errors or sorted(unknown)}")
    return change


def require_company(work: Work, company_id: int) -> Row:
    """Return a company that must be there."""
    rows = companies.load(work, [company_id])
    if not rows:
        raise LookupError(f"there is no company {company_id}")
    return rows[company_id]
