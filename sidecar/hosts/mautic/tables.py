"""Mautic's tables with only the columns we read, by name. Nothing here is ever written to."""

from dataclasses import dataclass

from sqlalchemy import ColumnClause, TableClause, column, table


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one installation, with its prefix."""

    prefix: str = ""

    def _table(self, name: str, *columns: str) -> TableClause:
        return table(f"{self.prefix}{name}", *(column(each) for each in columns))

    @property
    def leads_name(self) -> str:
        """The full name of the contacts' table."""
        return f"{self.prefix}leads"

    def leads(self, *fields: str) -> TableClause:
        """Contacts, with the field columns asked for."""
        fixed = ("id", "owner_id", "date_added", "date_modified")
        return self._table("leads", *dict.fromkeys((*fixed, *fields)))

    @property
    def lead_fields(self) -> TableClause:
        """The description of contact and company fields."""
        return self._table(
            "lead_fields",
            "id",
            "is_published",
            "label",
            "alias",
            "type",
            "is_required",
            "is_unique_identifer",
            "object",
            "properties",
        )

    @property
    def users(self) -> TableClause:
        """Mautic's own users: the owners."""
        return self._table("users", "id", "email", "is_published")

    @property
    def tags(self) -> TableClause:
        """The names of tags."""
        return self._table("lead_tags", "id", "tag")

    @property
    def tagged(self) -> TableClause:
        """Which contact has which tag."""
        return self._table("lead_tags_xref", "lead_id", "tag_id")

    @property
    def segments(self) -> TableClause:
        """The names of segments."""
        return self._table("lead_lists", "id", "alias", "name", "is_published")

    @property
    def segment_members(self) -> TableClause:
        """Which contact is in which segment; one that was taken out by hand may keep its row."""
        return self._table("lead_lists_leads", "leadlist_id", "lead_id", "manually_removed")

    @property
    def event_log(self) -> TableClause:
        """What happened to contacts beside their saves: the only trace of a segment's coming and going."""
        return self._table("lead_event_log", "id", "lead_id", "bundle", "object", "object_id", "date_added")

    @property
    def do_not_contact(self) -> TableClause:
        """Opt-outs by channel."""
        return self._table("lead_donotcontact", "id", "lead_id", "date_added", "reason", "channel")

    @property
    def merges(self) -> TableClause:
        """Which id lives on in which; Mautic re-points older rows, so that one hop is always enough."""
        return self._table("contact_merge_records", "id", "contact_id", "date_added", "merged_id")

    @property
    def audit_log(self) -> TableClause:
        """Every save, deletion and merge that Mautic logs."""
        return self._table(
            "audit_log", "id", "user_name", "bundle", "object", "object_id", "action", "details", "date_added"
        )

    def companies(self, *fields: str) -> TableClause:
        """Companies, with the field columns asked for."""
        return self._table("companies", *dict.fromkeys(("id", "date_added", "date_modified", *fields)))

    @property
    def company_members(self) -> TableClause:
        """Which contact belongs to which company."""
        return self._table("companies_leads", "company_id", "lead_id", "date_added")

    @property
    def outbox(self) -> TableClause:
        """What our bundle tells, where it is installed."""
        columns = ("id", "kind", "what", "object_id", "into_id", "details", "date_added")
        return self._table("sidecar_outbox", *columns)


def by_name(source: TableClause, name: str) -> ColumnClause[object]:
    """Return a column by its name, as SQL sees it."""
    return source.c[name]
