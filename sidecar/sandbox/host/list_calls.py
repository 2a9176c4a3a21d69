"""REST calls that list contacts and users."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from sidecar.sandbox.host.answers import answer, generic_error
from sidecar.sandbox.host.calls import Call
from sidecar.sandbox.host.contacts import IDENTIFYING
from sidecar.sandbox.host.filters import UnknownColumnError, conditions, nested, ordering, span
from sidecar.sandbox.host.rendering import Renderer, iso
from sidecar.sandbox.host.work import Work

SEARCHED = ("firstname", "lastname", "email", "company", "city", "position")


def contacts_list(call: Call) -> Response:
    """Return contacts as an object keyed by id, most recently active first; `total` is a text."""
    query, leads = nested(call.request.args), call.work.schema["leads"]
    try:
        wanted = conditions(leads, query.get("where"))
        order = ordering(leads, query) or [leads.c.last_active.desc(), leads.c.id.desc()]
    except UnknownColumnError as error:
        raise generic_error(500) from error
    if query.get("search"):
        wanted.append(search(call.work, query["search"]))
    total = call.work.connection.execute(select(func.count()).select_from(leads).where(*wanted)).scalar()
    start, limit = span(query)
    page = select(leads).where(*wanted).order_by(*order).offset(start).limit(limit)
    rows = [dict(row) for row in call.work.connection.execute(page).mappings()]
    is_minimal = query.get("minimal") not in {None, "", "0", "false"}
    renderer = Renderer(call.work, [] if is_minimal else [row["id"] for row in rows])
    shown = {str(row["id"]): renderer.minimal(row) if is_minimal else renderer.full(row) for row in rows}
    return answer({"total": str(total), "contacts": shown})


def search(work: Work, text: str) -> ColumnElement[bool]:
    """Return the condition of a search: `email:`, `ids:`, `tag:`, `segment:`, `is:anonymous`, or words."""
    leads = work.schema["leads"]
    key, colon, value = text.strip().partition(":")
    negated, key = key.startswith("!"), key.removeprefix("!")
    if not colon:
        return or_(*(leads.c[name].like(f"%{text.strip()}%") for name in SEARCHED))
    found: ColumnElement[bool] = leads.c.id == 0
    if key == "ids":
        found = leads.c.id.in_([int(part) for part in value.split(",") if part.isdigit()])
    elif key in {"tag", "segment"}:
        found = leads.c.id.in_(members(work, key, value))
    elif key == "is" and value == "anonymous":
        found = and_(*(or_(leads.c[name].is_(None), leads.c[name] == "") for name in IDENTIFYING))
    elif key in leads.c:
        found = leads.c[key].like(value.replace("*", "%"))
    return not_(found) if negated else found


def members(work: Work, kind: str, name: str) -> Any:
    """Return the ids of the contacts that carry a tag or are in a segment."""
    if kind == "tag":
        links, tags = work.schema["lead_tags_xref"], work.schema["lead_tags"]
        joined = select(links.c.lead_id).join_from(links, tags, tags.c.id == links.c.tag_id)
        return joined.where(tags.c.tag == name)
    links, lists = work.schema["lead_lists_leads"], work.schema["lead_lists"]
    joined = select(links.c.lead_id).join_from(links, lists, lists.c.id == links.c.leadlist_id)
    return joined.where(lists.c.alias == name, links.c.manually_removed == 0)


def user_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a user."""
    return {
        "isPublished": bool(row["is_published"]),
        "dateAdded": iso(row["date_added"]),
        "dateModified": iso(row["date_modified"]),
        "id": row["id"],
        "username": row["username"],
        "firstName": row["first_name"],
        "lastName": row["last_name"],
        "email": row["email"],
        "timezone": row["timezone"],
        "locale": row["locale"],
    }


def users_list(call: Call) -> Response:
    """Return the users as a list; `total` is a number."""
    users = call.work.schema["users"]
    query = nested(call.request.args)
    start, limit = span(query)
    rows = call.work.rows("users", *conditions(users, query.get("where")), order=users.c.id)
    return answer({"total": len(rows), "users": [user_json(row) for row in rows[start:][:limit]]})


def users_self(call: Call) -> Response:
    """Return who is calling: a user, or an API client without an id."""
    if call.actor.id is not None:
        return answer(user_json(call.work.rows("users", call.work.schema["users"].c.id == call.actor.id)[0]))
    first, _, last = (call.actor.name or "").rpartition(" ")
    names = {"username": call.actor.name, "firstName": first, "lastName": last}
    return answer({"isPublished": True, **names, "timezone": "", "locale": ""})


RULES = [
    Rule("/api/contacts", endpoint=contacts_list, methods=["GET"]),
    Rule("/api/users", endpoint=users_list, methods=["GET"]),
    Rule("/api/users/self", endpoint=users_self, methods=["GET"]),
]
