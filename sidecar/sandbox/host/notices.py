"""What a webhook tells of contacts, segments and companies: one item per event, with the state of that moment.

Nothing is built while no published webhook asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from sidecar.sandbox.host.company_rendering import company_whole
from sidecar.sandbox.host.rendering import Json, Renderer, Row, entity_head, iso
from sidecar.sandbox.host.values import shown
from sidecar.sandbox.host.work import Notice, Work

STATUSES: Final = {0: "contactable", 1: "unsubscribed", 2: "bounced", 3: "manual"}
FLAT: Final = (
    "title",
    "firstname",
    "lastname",
    "company",
    "position",
    "email",
    "phone",
    "mobile",
    "address1",
    "address2",
    "city",
    "state",
    "zipcode",
    "timezone",
    "country",
)
"""What stands beside the fields where Mautic hands over the contact itself."""


def tell(work: Work, trigger: str, build: Callable[[], Json]) -> None:
    """Note an event, if a webhook asks for it."""
    if f"mautic.{trigger}" in work.triggers:
        work.notices.append(Notice(f"mautic.{trigger}", {**build(), "timestamp": iso(work.stamp)}))


def saved(work: Work, row: Row, details: Mapping[str, Any], *, is_new: bool = False, fresh: bool = False) -> None:
    """Tell of a contact that was saved with changes; `is_new` when it got its first identifying value with them."""
    if not work.triggers:
        return

    def contact() -> Json:
        return {"contact": Renderer(work, [row["id"]]).full(row, fresh=fresh, saved=False)}

    if "points" in details and not fresh:
        old, new = (int(value or 0) for value in details["points"])
        points = {"points": {"old_points": old, "new_points": new}}
        tell(work, "lead_points_change", partial(both, contact, points))
    for channel, status in details.get("dnc_channel_status", {}).items():
        subscription = {
            "channel": channel,
            "old_status": STATUSES[status.get("old_reason", 0)],
            "new_status": STATUSES[status["reason"]],
        }
        tell(work, "lead_channel_subscription_changed", partial(both, contact, subscription))
    if row["date_identified"] is not None:
        tell(work, "lead_post_save_new" if is_new else "lead_post_save_update", contact)


def both(contact: Callable[[], Json], said: Json) -> Json:
    """Return the contact with what is said beside it."""
    return {**contact(), **said}


def deleted(work: Work, row: Row, *, in_batch: bool = False) -> None:
    """Tell of a contact that is about to go, whatever for; one of a batch comes with `fields.all`."""

    def build() -> Json:
        contact = Renderer(work, [row["id"]]).full(row, saved=in_batch)
        return {"id": row["id"], "contact": {**contact, "id": None}}

    tell(work, "lead_post_delete", build)


def listed(work: Work, contact_id: int, segment: Row, action: str) -> None:
    """Tell of a contact that was added to a segment or removed from it."""

    def build() -> Json:
        return {"contact": whole_contact(work, contact_id), "segment": segment_json(segment), "action": action}

    tell(work, "lead_list_change", build)


def employed(work: Work, contact_id: int, company: Row, *, added: bool, fresh: bool = False) -> None:
    """Tell of a contact that became a member of a company, perhaps of a fresh one, or ceased to be one."""

    def build() -> Json:
        shown = company_whole(work, company, fresh=fresh)
        return {"added": added, "contact": whole_contact(work, contact_id), "company": shown}

    tell(work, "lead_company_change", build)


def company_saved(work: Work, row: Row, *, fresh: bool = False) -> None:
    """Tell of a company that was made or changed."""
    tell(work, "company_post_save", lambda: {"company": company_whole(work, row, fresh=fresh)})


def company_deleted(work: Work, row: Row) -> None:
    """Tell of a company that goes."""
    tell(work, "company_post_delete", lambda: {"id": row["id"], "company": {**company_whole(work, row), "id": None}})


def whole_contact(work: Work, contact_id: int) -> Json:
    """Return a contact as Mautic hands over the object itself: with flat values and everything of its owner."""
    row = work.rows("leads", work.schema["leads"].c.id == contact_id)[0]
    renderer = Renderer(work, [contact_id])
    flat = {alias: shown(row[alias]) for alias in FLAT}
    whole = {**renderer.head(row), **flat, **renderer.full(row, saved=False)}
    return {**whole, "owner": whole_owner(work, row["owner_id"])}


def whole_owner(work: Work, user_id: int | None) -> Json | None:
    """Return everything Mautic tells of an owner."""
    owners = work.rows("users", work.schema["users"].c.id == (user_id or 0))
    if not owners:
        return None
    user, roles = owners[0], work.schema["roles"]
    role = next(iter(work.rows("roles", roles.c.id == user["role_id"])), None)
    return {
        **_who(user),
        "username": user["username"],
        "firstName": user["first_name"],
        "lastName": user["last_name"],
        "email": user["email"],
        "position": user["position"],
        "role": role
        and {
            **_who(role),
            "name": role["name"],
            "description": role["description"],
            "isAdmin": bool(role["is_admin"]),
            "rawPermissions": None,
        },
        "timezone": user["timezone"],
        "locale": user["locale"],
        "lastLogin": iso(user["last_login"]),
        "lastActive": iso(user["last_active"]),
        "signature": user["signature"],
    }


def segment_json(row: Row) -> Json:
    """Return a segment."""
    return {
        **entity_head(row),
        "modifiedByUser": row["modified_by_user"] or " ",
        "id": row["id"],
        "name": row["name"],
        "publicName": row["public_name"],
        "alias": row["alias"],
        "description": row["description"],
        "category": None,
        "filters": [],
        "isGlobal": bool(row["is_global"]),
        "isPreferenceCenter": bool(row["is_preference_center"]),
    }


def _who(row: Row) -> Json:
    return {"createdByUser": row["created_by_user"], "modifiedByUser": row["modified_by_user"], "id": row["id"]}
