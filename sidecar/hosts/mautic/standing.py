"""Where a contact stands to what a scope names: its tags, its segments, the domain of its address."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.tags import read_tagged
from sidecar.mapping.model import HostScope
from sidecar.mapping.scope import EMAIL_DOMAIN, HAS_TAG, HAS_UNWANTED_TAG, IN_SEGMENT, IN_UNWANTED_SEGMENT, OWNER
from sidecar.records import Value


def asked_fields(scope: HostScope) -> list[str]:
    """Return the fields that a scope asks for, mapped or not."""
    names = [criterion.field for criterion in scope.criteria]
    names += [OWNER] if scope.not_owners else []
    return [*names, "email"] if scope.not_email_domains else names


def read_standing(
    connection: Connection, tables: Tables, rows: Mapping[int, Mapping[str, Any]], scope: HostScope
) -> dict[int, dict[str, Value]]:
    """Return what the scope asks of each contact and no field says. One statement per tag or segment that is named."""
    ids = list(rows)
    members = [
        (name, read_tagged(connection, tables, ids, tag))
        for name, tag in ((HAS_TAG, scope.only_with_tag), (HAS_UNWANTED_TAG, scope.not_with_tag))
        if tag is not None
    ]
    members += [
        (name, read_members(connection, tables, ids, alias))
        for name, alias in ((IN_SEGMENT, scope.only_in_segment), (IN_UNWANTED_SEGMENT, scope.not_in_segment))
        if alias is not None
    ]
    standing: dict[int, dict[str, Value]] = {each: {name: each in some for name, some in members} for each in ids}
    if scope.not_email_domains:
        for each, row in rows.items():
            standing[each][EMAIL_DOMAIN] = _domain(row["email"])
    return standing


def read_members(connection: Connection, tables: Tables, ids: Sequence[int], alias: str) -> set[int]:
    """Return which of the contacts are in the segment; who was taken out by hand is not, whatever its filters say."""
    segments, members = tables.segments, tables.segment_members
    wanted = select(members.c.lead_id).join_from(members, segments, segments.c.id == members.c.leadlist_id)
    found = connection.execute(
        wanted.where(segments.c.alias == alias, members.c.lead_id.in_(ids), members.c.manually_removed == 0)
    )
    return {int(each) for each in found.scalars()}


def read_segment_ids(connection: Connection, tables: Tables, scope: HostScope) -> dict[str, int]:
    """Return the numbers of the segments that a scope names, by alias; one that is gone is absent."""
    named = {alias for alias in (scope.only_in_segment, scope.not_in_segment) if alias}
    if not named:
        return {}
    segments = tables.segments
    rows = connection.execute(select(segments.c.alias, segments.c.id).where(segments.c.alias.in_(named)))
    return {str(row.alias): int(row.id) for row in rows}


def read_segment_names(connection: Connection, tables: Tables) -> dict[str, str]:
    """Return the names of all published segments by alias, in the order of their names."""
    segments = tables.segments
    wanted = select(segments.c.alias, segments.c.name).where(segments.c.is_published == 1).order_by(segments.c.name)
    return {str(row.alias): str(row.name) for row in connection.execute(wanted)}


def _domain(email: object) -> str | None:
    address = str(email or "").strip()
    return address.rpartition("@")[2].lower() if "@" in address else None
