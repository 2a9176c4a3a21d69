"""Webhooks of Mautic: whether a delivery is signed, and whom it hints at. Pure, and raises nothing whatever the bytes.

A delivery is a hint to look, never data. The signature holds no time and no nonce, so a replay looks like the first delivery.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SIGNATURE_HEADER = "Webhook-Signature"

CONTACT, COMPANY = "contact", "company"
_LARGEST_ID = 2**63


@dataclass(frozen=True, slots=True)
class Hint:
    """One record that a delivery names. `is_own_name` says that our API client is told as the last who saved it.

    That is an echo only if we were writing at that moment: Mautic leaves the name when a visitor changes the record later.
    """

    object: str
    id: str
    trigger: str
    at: datetime | None = None
    is_own_name: bool = False


_Find = Callable[[Mapping[str, Any]], object]


@dataclass(frozen=True, slots=True)
class _Trigger:
    """Where the items of a trigger name a record, and whether a save tells who saved."""

    object: str
    find: _Find
    saved: _Find | None = None


def _at(*path: str) -> _Find:
    def find(item: object) -> object:
        for name in path:
            item = item.get(name) if isinstance(item, dict) else None
        return item

    return find


# A deletion says who saved the record last, not who deleted it; memberships, points and sending do not say who acted.
_TRIGGERS = {
    "mautic.lead_post_save_new": (_Trigger(CONTACT, _at("contact", "id"), _at("contact")),),
    "mautic.lead_post_save_update": (_Trigger(CONTACT, _at("contact", "id"), _at("contact")),),
    "mautic.lead_post_delete": (_Trigger(CONTACT, _at("id")),),
    "mautic.lead_points_change": (_Trigger(CONTACT, _at("contact", "id")),),
    "mautic.lead_channel_subscription_changed": (_Trigger(CONTACT, _at("contact", "id"), _at("contact")),),
    "mautic.lead_company_change": (_Trigger(CONTACT, _at("contact", "id")), _Trigger(COMPANY, _at("company", "id"))),
    "mautic.lead_list_change": (_Trigger(CONTACT, _at("contact", "id")),),
    "mautic.company_post_save": (_Trigger(COMPANY, _at("company", "id"), _at("company")),),
    "mautic.company_post_delete": (_Trigger(COMPANY, _at("id")),),
    "mautic.email_on_send": (_Trigger(CONTACT, _at("contact", "id")),),
    "mautic.email_on_open": (_Trigger(CONTACT, _at("stat", "lead", "id")),),
    "mautic.form_on_submit": (_Trigger(CONTACT, _at("submission", "lead", "id")),),
    "mautic.page_on_hit": (_Trigger(CONTACT, _at("hit", "lead", "id")),),
    "mautic.sms_on_send": (_Trigger(CONTACT, _at("contact", "id")),),
}
TRIGGERS = tuple(_TRIGGERS)
ACTIVITY_TRIGGERS = frozenset(
    f"mautic.{name}" for name in ("email_on_send", "email_on_open", "form_on_submit", "page_on_hit", "sms_on_send")
)
"""What a contact did. Where that changes the contact, Mautic tells so by another trigger."""


def is_signed(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Tell whether the body was signed with one of the secrets. Takes as long whichever of them it was, if any."""
    given = signature.encode("utf-8", "surrogateescape")
    found = [hmac.compare_digest(_sign(body, secret), given) for secret in secrets if secret]
    return any(found)


def _sign(body: bytes, secret: str) -> bytes:
    return base64.b64encode(hmac.digest(secret.encode("utf-8"), body, hashlib.sha256))


def parse_delivery(body: bytes, client_id: str = "") -> Sequence[Hint]:
    """Return what a delivery hints at, each record once per trigger and moment, in order; nothing of what is not understood.

    `client_id` is the public key of our own API client, `<row>_<random>`.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(document, dict):
        return ()
    row = client_id.partition("_")[0]
    hints = (
        hint
        for name, items in document.items()
        for trigger in _TRIGGERS.get(name, ())
        for hint in _hints(name, trigger, items, row)
    )
    return tuple(dict.fromkeys(hints))


def _hints(name: str, trigger: _Trigger, items: object, row: str) -> Iterator[Hint]:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and (record_id := id_text(trigger.find(item))) is not None:
            is_own_name = trigger.saved is not None and _is_own(trigger.saved(item), row)
            yield Hint(trigger.object, record_id, name, _moment(item.get("timestamp")), is_own_name)


def _is_own(record: object, row: str) -> bool:
    """Tell whether our client saved it: no user's number, and a name that ends in the client's row."""
    if not isinstance(record, dict) or not row.isdecimal() or record.get("modifiedBy") is not None:
        return False
    name = record.get("modifiedByUser") or record.get("createdByUser")
    return isinstance(name, str) and name.endswith(f" [{row}]")


def id_text(value: object) -> str | None:
    """Return an id as text, or None if it is none; ids come as numbers, and from some triggers as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST_ID:
        return str(value)
    return None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
