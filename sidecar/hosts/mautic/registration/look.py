"""Looking at a Mautic from outside: who we are there, what our role may do, our webhook, our bundle. Changes nothing.

What our role may do is found by calls that Mautic must refuse for what they say, after it asked whether we may say it at all:
403 means that we may not, any other refusal that we may.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from sidecar.errors import SidecarError
from sidecar.hosts.mautic.client import WHO_AM_I, MauticClient
from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.reader import ContactReader
from sidecar.hosts.mautic.registration.seen import ApiSeen, HookSeen
from sidecar.hosts.mautic.registration.wanted import SEGMENT_ALIAS, Wanted

IMPOSSIBLE: Final = {"email": "not an address", "owner": 4_294_967_295}
"""Refused twice over: no address, and an owner whom nobody has. Nothing is ever saved of it."""

_SOME: Final = 50


def look_at_api(client: MauticClient, reader: ContactReader, wanted: Wanted, hook_id: str | None) -> ApiSeen:
    """Ask Mautic's API everything; what keeps it from answering is what was seen."""
    try:
        me = client.call("GET", WHO_AM_I, may_be_forbidden=True)
        differences = client.differences()
        user = me.body if me.status == 200 and isinstance(me.body, Mapping) else {}
        hook, may_hook = _find_hook(client, wanted, hook_id)
        status = client.call("GET", "/api/sidecar/status", may_be_forbidden=True)
        other = _somebody_elses(client, reader)
        return ApiSeen(
            version=client.version,
            differences=differences,
            who=f"{user.get('firstName') or ''} {user.get('lastName') or ''}".strip(),
            said_at=client.said_at,
            may_list=_may(client, "GET", "/api/contacts?limit=1&minimal=1&orderBy=id"),
            may_view_others=_may(client, "GET", f"/api/contacts/{other}") if other else None,
            may_edit_others=_may(client, "PATCH", f"/api/contacts/{other}/edit", IMPOSSIBLE) if other else None,
            may_create=_may(client, "POST", "/api/contacts/new", IMPOSSIBLE),
            may_manage_fields=_may(client, "GET", "/api/fields/contact?limit=1"),
            may_manage_hooks=may_hook,
            hook=hook,
            bundle_status=status.status,
            bundle=status.body if status.status == 200 and isinstance(status.body, Mapping) else {},
        )
    except SidecarError as error:
        return ApiSeen(error=error, version=client.version, said_at=client.said_at)


def read_hook(client: MauticClient, hook_id: str) -> HookSeen | None:
    """Return a webhook, or None if it is gone. SetupError where our role may not see webhooks."""
    answer = client.call("GET", f"/api/hooks/{hook_id}")
    found = answer.body.get("hook") if answer.status == 200 and isinstance(answer.body, Mapping) else None
    return _hook(found) if isinstance(found, Mapping) else None


def is_ours(hook: HookSeen, name: str, url: str | None) -> bool:
    """Tell whether a webhook that bears the id of ours is ours: another Mautic may have one of its own by that id."""
    return hook.name == name or (url is not None and hook.url == url)


def has_segment(client: MauticClient, segment_id: str) -> bool:
    """Tell whether the segment that we made is still there; another Mautic may have one of its own by that id."""
    answer = client.call("GET", f"/api/segments/{segment_id}")
    found = answer.body.get("list") if answer.status == 200 and isinstance(answer.body, Mapping) else None
    return isinstance(found, Mapping) and found.get("alias") == SEGMENT_ALIAS


def _may(client: MauticClient, method: str, path: str, body: Any = None) -> bool:
    return client.call(method, path, body, may_be_forbidden=True).status != 403


def _find_hook(client: MauticClient, wanted: Wanted, hook_id: str | None) -> tuple[HookSeen | None, bool]:
    """Return the webhook that we remember, else one with our very address; and whether our role may see webhooks at all."""
    if hook_id:
        answer = client.call("GET", f"/api/hooks/{hook_id}", may_be_forbidden=True)
        if answer.status == 403:
            return None, False
        found = answer.body.get("hook") if answer.status == 200 and isinstance(answer.body, Mapping) else None
        hook = _hook(found) if isinstance(found, Mapping) else None
        if hook is not None and is_ours(hook, wanted.hook_name, wanted.hook_url):
            return hook, True
    answer = client.call("GET", "/api/hooks?limit=1000", may_be_forbidden=True)
    if answer.status == 403:
        return None, False
    hooks = answer.body.get("hooks") or {}
    rows = hooks.values() if isinstance(hooks, Mapping) else hooks
    url = wanted.hook_url
    return next((_hook(each) for each in rows if url and each.get("webhookUrl") == url), None), True


def _hook(told: Mapping[str, Any]) -> HookSeen:
    return HookSeen(
        int(told["id"]),
        str(told.get("name") or ""),
        str(told.get("webhookUrl") or ""),
        bool(told.get("isPublished")),
        frozenset(str(each) for each in told.get("triggers") or ()),
        str(told.get("secret") or ""),
    )


def _somebody_elses(client: MauticClient, reader: ContactReader) -> int | None:
    """Return a contact that we did not make ourselves: what a role may do with its own says nothing."""
    leads = reader.tables.leads("created_by_user")
    try:
        with reading(reader.engine) as connection:
            rows = connection.execute(select(leads.c.id, leads.c.created_by_user).order_by(leads.c.id).limit(_SOME))
            found = [(int(row.id), str(row.created_by_user or "")) for row in rows]
    except SidecarError:
        return None
    return next((contact_id for contact_id, name in found if not client.is_own_name(name)), None)
