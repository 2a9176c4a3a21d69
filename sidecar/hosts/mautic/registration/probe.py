"""What only a trial tells: a throw-away contact is made, changed and removed, and compared with what its version does.

The contact has nothing that identifies a person, so that it is nobody for the sync. Its id is read again before it is removed:
Mautic answers for a merged id with the survivor, and would remove that one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.errors import SetupError, SidecarError
from sidecar.hosts.mautic.client import MauticClient

SIGN: Final = "Made by the Salesforce sidecar for a trial; it may be deleted"
"""Stands in the second line of the address, which identifies nobody."""

A_SECOND: Final = 1.1
"""Mautic's moments are whole seconds: two within one look alike."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What the trial showed. `left` is the id of the contact, if it could not be removed again."""

    date_modified_moves: bool | None = None
    agrees: bool | None = None
    left: str | None = None


def probe(client: MauticClient, sleep: Callable[[float], None], remember: Callable[[str | None], None]) -> Probed:
    """Try how Mautic dates a change. `remember` is told the contact's id before it is used, and None once it is gone."""
    expected = not client.differences().date_modified_is_frozen
    contact_id = _make(client)
    remember(contact_id)
    moves: bool | None = None
    try:
        before = _read(client, contact_id)
        sleep(A_SECOND)
        client.call("PATCH", f"/api/contacts/{contact_id}/edit", {"address2": f"{SIGN}."})
        after = _read(client, contact_id)
        if before is not None and after is not None:
            moves = before.get("dateModified") != after.get("dateModified")
    finally:
        left = None if remove_probe(client, contact_id) else contact_id
        if left is None:
            remember(None)
    return Probed(moves, None if moves is None else moves is expected, left)


def remove_probe(client: MauticClient, contact_id: str) -> bool:
    """Remove our throw-away contact if it is still that; tell whether it is gone."""
    try:
        found = _read(client, contact_id)
        if found is None:
            return True
        if str(found.get("id")) != contact_id or not _says(found).startswith(SIGN):
            return True  # somebody else lives under this id by now
        return client.call("DELETE", f"/api/contacts/{contact_id}/delete", may_be_forbidden=True).status == 200
    except SidecarError:
        return False


def _make(client: MauticClient) -> str:
    answer = client.call("POST", "/api/contacts/new", {"address2": SIGN})
    made = answer.body.get("contact") if answer.status == 201 and isinstance(answer.body, Mapping) else None
    if not isinstance(made, Mapping) or not made.get("id"):
        raise SetupError(
            "Mautic did not make the contact for the trial", code="mautic-part-refused", fixed_by="host_admin"
        )
    return str(made["id"])


def _read(client: MauticClient, contact_id: str) -> Mapping[str, Any] | None:
    answer = client.call("GET", f"/api/contacts/{contact_id}")
    found = answer.body.get("contact") if answer.status == 200 and isinstance(answer.body, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _says(contact: Mapping[str, Any]) -> str:
    fields = contact.get("fields")
    everything = fields.get("all") if isinstance(fields, Mapping) else None
    return str((everything or {}).get("address2") or "")
