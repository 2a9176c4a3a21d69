"""Tags: which contacts have the one that a scope names."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from sidecar.hosts.mautic.tables import Tables


def read_tagged(connection: Connection, tables: Tables, ids: Sequence[int], tag: str) -> set[int]:
    """Return which of the contacts have the tag. One statement."""
    tags, tagged = tables.tags, tables.tagged
    wanted = select(tagged.c.lead_id).join_from(tagged, tags, tags.c.id == tagged.c.tag_id)
    found = connection.execute(wanted.where(tags.c.tag == tag, tagged.c.lead_id.in_(ids)))
    return {int(each) for each in found.scalars()}


def count_contacts(connection: Connection, tables: Tables, *, with_email: bool) -> int:
    """Return how many contacts there are, or how many that have an e-mail address."""
    leads = tables.leads("email")
    wanted = select(func.count(leads.c.id))
    if with_email:
        wanted = wanted.where(leads.c.email.is_not(None), leads.c.email != "")
    return int(connection.execute(wanted).scalar_one())
