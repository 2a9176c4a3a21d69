"""Putting contacts on the do-not-contact list and taking them off, with the traces on the contact and in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.sandbox.host import contacts, dnc, notices
from sidecar.sandbox.host.work import Actor, Work


def add(work: Work, row: contacts.Row, channel: str, entry: Mapping[str, Any], actor: Actor) -> bool:
    """Put a contact on the list, with the traces; return whether anything changed."""
    return settle(work, row, dnc.write(work, row["id"], channel, entry), actor)


def remove(work: Work, row: contacts.Row, channel: str, actor: Actor) -> bool:
    """Take a contact from the list, with the traces; return whether it was on it."""
    return settle(work, row, dnc.lift(work, row["id"], channel), actor)


def settle(work: Work, row: contacts.Row, status: dnc.Status, actor: Actor) -> bool:
    """Leave the traces of a changed do-not-contact status."""
    if not status:
        return False
    details = {"dnc_channel_status": status, **contacts.touch(work, row, actor, opt_out=True)}
    work.audit(actor, row["id"], "update", details)
    notices.saved(work, row, details)
    return True
