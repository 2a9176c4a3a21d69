"""Making, mending and removing our parts in a Mautic. What is removed is read first, so that nothing of others goes."""

from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.errors import SetupError
from sidecar.hosts.mautic.client import Answer, MauticClient
from sidecar.hosts.mautic.registration.wanted import SEGMENT_ALIAS, FieldWish, Wanted


def make_field(client: MauticClient, wish: FieldWish) -> str:
    """Make a contact field and return its id. Mautic may give it another alias: then it is removed again."""
    answer = client.call("POST", "/api/fields/contact/new", wish.request())
    made = _made(answer, "field", f"the field {wish.alias}")
    if made.get("alias") != wish.alias:
        client.call("DELETE", f"/api/fields/contact/{made['id']}/delete")
        raise SetupError(
            f"Mautic would call the field {wish.alias} by another name; map a name that it takes.",
            code="mautic-field-renamed",
        )
    return str(made["id"])


def make_hook(client: MauticClient, wanted: Wanted, secret: str) -> str:
    """Make our webhook and return its id."""
    body = _hook_body(wanted, secret, wanted.triggers)
    return str(_made(client.call("POST", "/api/hooks/new", body), "hook", "the webhook")["id"])


def mend_hook(client: MauticClient, hook_id: str, wanted: Wanted, secret: str) -> None:
    """Make a webhook be as ours should: switched on, our address, secret and triggers. Mautic only ever adds triggers."""
    body = {**_hook_body(wanted, secret, wanted.triggers), "isPublished": True}
    _made(client.call("PATCH", f"/api/hooks/{hook_id}/edit", body), "hook", "the webhook")


def switch_hook_on(client: MauticClient, hook_id: str) -> None:
    """Publish a webhook again, and change nothing else of it."""
    _made(client.call("PATCH", f"/api/hooks/{hook_id}/edit", {"isPublished": True}), "hook", "the webhook")


def make_segment(client: MauticClient, mark: str) -> str:
    """Make a segment of everybody whose Salesforce record was deleted, and return its id."""
    flagged = {
        "glue": "and",
        "field": mark,
        "object": "lead",
        "type": "boolean",
        "operator": "=",
        "properties": {"filter": "1"},
    }
    body = {
        "name": "Deleted in Salesforce",
        "alias": SEGMENT_ALIAS,
        "description": "Everybody whose record in Salesforce was deleted",
        "isPublished": 1,
        "isGlobal": 1,
        "filters": [flagged],
    }
    return str(_made(client.call("POST", "/api/segments/new", body), "list", "the segment")["id"])


def remove_hook(client: MauticClient, hook_id: str, name: str) -> bool:
    """Remove a webhook if it still bears the name we gave it; tell whether there was one."""
    answer = client.call("GET", f"/api/hooks/{hook_id}")
    found = answer.body.get("hook") if answer.status == 200 and isinstance(answer.body, Mapping) else None
    if not isinstance(found, Mapping) or found.get("name") != name:
        return False
    return client.call("DELETE", f"/api/hooks/{hook_id}/delete").status == 200


def remove_field(client: MauticClient, field_id: str, alias: str) -> bool:
    """Remove a contact field and all its values if it is still the one we made; tell whether there was one."""
    answer = client.call("GET", f"/api/fields/contact/{field_id}")
    found = answer.body.get("field") if answer.status == 200 and isinstance(answer.body, Mapping) else None
    if not isinstance(found, Mapping) or found.get("alias") != alias:
        return False
    answer = client.call("DELETE", f"/api/fields/contact/{field_id}/delete")
    if answer.status != 200:
        raise _refused(f"the removal of the field {alias}", answer)
    return True


def remove_segment(client: MauticClient, segment_id: str) -> bool:
    """Remove a segment if it is still the one we made; tell whether there was one."""
    answer = client.call("GET", f"/api/segments/{segment_id}")
    found = answer.body.get("list") if answer.status == 200 and isinstance(answer.body, Mapping) else None
    if not isinstance(found, Mapping) or found.get("alias") != SEGMENT_ALIAS:
        return False
    return client.call("DELETE", f"/api/segments/{segment_id}/delete").status == 200


def _hook_body(wanted: Wanted, secret: str, triggers: Sequence[str]) -> dict[str, Any]:
    return {
        "name": wanted.hook_name,
        "description": "Tells the Salesforce sidecar that somebody changed. It reads what changed by itself.",
        "webhookUrl": wanted.hook_url,
        "secret": secret,
        "eventsOrderbyDir": "ASC",
        "triggers": list(triggers),
    }


def _made(answer: Answer, name: str, what: str) -> Mapping[str, Any]:
    found = answer.body.get(name) if answer.status in {200, 201} and isinstance(answer.body, Mapping) else None
    if not isinstance(found, Mapping) or not found.get("id"):
        raise _refused(what, answer)
    return found


def _refused(what: str, answer: Answer) -> SetupError:
    errors = answer.body.get("errors") if isinstance(answer.body, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], Mapping) else {}
    said = str(first.get("message") or f"status {answer.status}")[:300]
    return SetupError(f"Mautic refuses {what}: {said}", code="mautic-part-refused", fixed_by="host_admin")
