"""A sandbox Mautic set up like the recorded one, and recorded calls played to it."""

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.fields import NewField

FOLDER = Path(__file__).parents[1] / "recordings" / "mautic"
START = datetime(2026, 11, 21, 21, 20, tzinfo=UTC)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\+00:00)?")


def listed(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"list": [{"label": label, "value": value} for label, value in pairs]}


RECORDED_FIELDS = (
    NewField("crm_reference", "text", "CRM Reference", group="professional"),
    NewField("is_customer", "boolean", "Is customer", {"no": "No", "yes": "Yes"}),
    NewField("birthday", "date", "Birthday"),
    NewField("last_call", "datetime", "Last call"),
    NewField("annual_spend", "number", "Annual spend", {"roundmode": "3", "scale": "2"}),
    NewField("tier", "select", "Tier", listed(("Gold", "gold"), ("Silver", "silver"), ("Bronze", "bronze"))),
    NewField("interests", "multiselect", "Interests", listed(("Music", "music"), ("Art", "art"), ("Sport", "sport"))),
    NewField("bio", "textarea", "Bio"),
    NewField("blog", "url", "Blog"),
    NewField("signature_html", "html", "Signature HTML"),
    NewField("best_time", "time", "Best time"),
)


def recording(name: str) -> dict[str, Any]:
    """Return one recorded call."""
    call: dict[str, Any] = json.loads((FOLDER / "host" / f"{name}.json").read_text())
    return call


def a_host(*more: NewField) -> Host:
    """Return a sandbox with the users, stages and fields of the recorded Mautic."""
    host = Host(clock=HostClock(START), custom_fields=(*RECORDED_FIELDS, *more))
    for name in ("sally", "rob", "owen", "nora"):
        host.add_user(name)
    someone = host.create_contact({"firstname": "Stage setter"})
    for stage in ("Subscriber", "MQL", "SQL", "Customer"):
        host.change_stage(someone, stage)
    return host


def give_next_id(host: Host, contact_id: int) -> None:
    """Let the next contact get this id."""
    with host.database.work() as work:
        last = work.add("leads", id=contact_id - 1, points=0)
        work.connection.exec_driver_sql(f"DELETE FROM leads WHERE id = {last}")


def basic(username: str = "admin", password: str = "sandbox") -> dict[str, str]:
    """Return the header of a user."""
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def play(
    host: Host, name: str, headers: dict[str, str] | None = None, path: str = "", body: Any = None
) -> tuple[int, Any]:
    """Send a recorded request, signed in as the administrator; return status and body."""
    sent = recording(name)["request"]
    content = body if body is not None else sent["body"]
    data = content if isinstance(content, str) or content is None else json.dumps(content)
    response = Client(host.app).open(
        path or sent["path"],
        method=sent["method"],
        query_string=sent["query"],
        data=data,
        content_type=sent["content_type"] or None,
        headers=basic() if headers is None else headers,
    )
    return response.status_code, response.json


def call(
    host: Host, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Send any request; return status and body."""
    response = Client(host.app).open(path, method=method, json=body, headers=headers or basic())
    return response.status_code, response.json


def timeless(value: Any) -> Any:
    """Return an answer with every moment as the same word."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items()}
    if isinstance(value, list):
        return [timeless(item) for item in value]
    return "<moment>" if isinstance(value, str) and MOMENT.fullmatch(value) else value


def bare(contact: dict[str, Any]) -> dict[str, Any]:
    """Return a contact without the fields' metadata, which only some recordings keep."""
    fields = contact["fields"]
    return timeless({**contact, "fields": {"all": fields["all"]} if "all" in fields else {}})
