"""E-mail opt-outs as Mautic keeps them: a row per contact and channel, and the log's word on who was opted in again."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, select

from sidecar.hosts.mautic.php import unserialize
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.values import utc
from sidecar.records import Consent

CHANNEL = "email"
UNSUBSCRIBED, BOUNCED, MANUAL = 1, 2, 3
REASONS: Mapping[int, str] = MappingProxyType({UNSUBSCRIBED: "unsubscribed", BOUNCED: "bounced", MANUAL: "manual"})
"""Mautic's do-not-contact reasons; 0 means contactable and is never kept as a row."""

_STRONGEST_FIRST = (BOUNCED, UNSUBSCRIBED, MANUAL)


def read_opt_outs(connection: Connection, tables: Tables, ids: Sequence[int]) -> dict[int, Consent]:
    """Return the opt-out of those who have one; of several rows the one that is hardest to lift. One statement."""
    rows = tables.do_not_contact
    wanted = select(rows.c.lead_id, rows.c.reason, rows.c.date_added).where(
        rows.c.lead_id.in_(ids), rows.c.channel == CHANNEL, rows.c.reason != 0
    )
    found: dict[int, tuple[int, Consent]] = {}
    for row in connection.execute(wanted):
        contact_id, reason = int(row.lead_id), int(row.reason)
        rank = _STRONGEST_FIRST.index(reason) if reason in _STRONGEST_FIRST else len(_STRONGEST_FIRST)
        if contact_id not in found or rank < found[contact_id][0]:
            found[contact_id] = rank, Consent(True, REASONS.get(reason, REASONS[MANUAL]), utc(row.date_added))
    return {contact_id: consent for contact_id, (_, consent) in found.items()}


def read_lifted_at(
    connection: Connection, tables: Tables, ids: Sequence[int], is_own_name: Callable[[str], bool]
) -> dict[int, datetime]:
    """Return when somebody else last opted these contacts in, if nothing was logged about their opt-out since. One statement."""
    if not ids:
        return {}
    log = tables.audit_log
    wanted = select(log.c.object_id, log.c.date_added, log.c.details, log.c.user_name).where(
        log.c.bundle == "lead",
        log.c.object == "lead",
        log.c.object_id.in_(ids),
        log.c.details.contains("dnc_channel_status", autoescape=True),
    )
    last: dict[int, datetime | None] = {}
    for row in connection.execute(wanted.order_by(log.c.id)):
        reason = logged_reason(row.details)
        if reason is not None:
            is_proof = reason == 0 and not is_own_name(row.user_name)
            last[int(row.object_id)] = utc(row.date_added) if is_proof else None
    return {contact_id: at for contact_id, at in last.items() if at is not None}


def logged_reason(details: str | bytes | None) -> int | None:
    """Return the reason an audit row gives for the e-mail channel (0: contactable), or None if it is about something else."""
    content = unserialize(details)
    status: Any = content.get("dnc_channel_status") if isinstance(content, dict) else None
    change = status.get(CHANNEL) if isinstance(status, dict) else None
    reason = change.get("reason") if isinstance(change, dict) else None
    return int(reason) if isinstance(reason, int) or (isinstance(reason, str) and reason.isdigit()) else None
