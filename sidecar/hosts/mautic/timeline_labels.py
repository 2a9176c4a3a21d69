"""What Mautic's own timeline shows for an event: its text and its link. Pure functions of one row."""

import json
from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]
Label = str | Callable[[Row], str | None]
"""A template over the row's columns, or a function; a missing value gives no text at all."""

CHANNELS = {"email": "Email", "sms": "Text Message", "notification": "Web Notification"}
CHANNEL_LINKS = {"email": "/s/emails/view/{channel_id}", "sms": "/s/sms/view/{channel_id}"}
IMPORTS = {"inserted": "imported", "updated": "updated", "failed": "import failed"}


def fill(label: Label, row: Row) -> str | None:
    """Return the text for a row, or None if a value it needs is missing or empty."""
    if callable(label):
        return label(row) or None
    filled = _Filled(row)
    text = label.format_map(filled)
    return None if filled.lacks_a_value else text


class _Filled(dict[str, Any]):
    """A row for str.format_map that notices blanks."""

    lacks_a_value = False

    def __getitem__(self, key: str) -> str:
        value = super().__getitem__(key)
        if value is None or value == "":
            self.lacks_a_value = True
        return str(value)


def email_name(row: Row) -> str | None:
    """Return the e-mail's name; a mail written for one occasion has only the subject of its copy."""
    return _first(row, "email_name", "subject", "copy_subject")


def email_link(row: Row) -> str | None:
    """Return where the mail can be seen as it was sent, else the template's page."""
    if row["hash"]:
        return f"/email/view/{row['hash']}"
    return fill("/s/emails/view/{email_id}", row)


def page_title(row: Row) -> str | None:
    """Return the landing page's title, else what a tracked page calls itself, else its address."""
    return _first(row, "page_title", "url_title", "url")


def page_link(row: Row) -> str | None:
    """Return the landing page in Mautic, else the address that was visited."""
    return f"/s/pages/view/{row['page_id']}" if row["page_title"] else _first(row, "url")


def points(row: Row) -> str:
    """Return the reason and the change, with the point group it went to."""
    group = f" ({row['group_name']})" if row["group_name"] else ""
    return f"{row['event_name']} / {row['delta']}{group}"


def channel(row: Row) -> str:
    """Return the channel, and the mail that made the person opt out of it."""
    name = CHANNELS.get(row["channel"], row["channel"].capitalize())
    return f"{name} / {row['email_name']}" if row["channel"] == "email" and row["email_name"] else name


def channel_link(row: Row) -> str | None:
    """Return the message's page in Mautic, for channels that have one."""
    template = CHANNEL_LINKS.get(row["channel"])
    return fill(template, row) if template and row["channel_id"] else None


def do_not_contact_link(row: Row) -> str | None:
    """Return the mail that made the person opt out, if it still exists."""
    return channel_link(row) if row["email_name"] else None


def membership(kind: str) -> Callable[[Row], str | None]:
    """Return a label for joining or leaving something of that kind."""

    def label(row: Row) -> str | None:
        verb = "added to" if row["action"] == "added" else "removed from"
        name = _property(row, "object_description") or _property(row, "campaign_name")
        return f"Contact {verb} {kind}, {name}" if name else None

    return label


def source(verb: str) -> Callable[[Row], str | None]:
    """Return a label for how a person came to be created or identified."""

    def label(row: Row) -> str | None:
        name = _property(row, "object_description")
        return f"Contact was {verb} by {name}" if name else None

    return label


def imported(row: Row) -> str | None:
    """Return what an import did to the person, and the file."""
    file = _property(row, "file")
    return f"Contact {IMPORTS[row['action']]} from {file}" if file else None


def message(row: Row) -> str | None:
    """Return the text of an answer."""
    return _property(row, "message")


def sync_issue(row: Row) -> str | None:
    """Return what an integration reported, and which one."""
    return _property(row, "message") or _property(row, "integration")


def _first(row: Row, *names: str) -> str | None:
    """Return the first of those columns that is not blank."""
    return next((str(row[name]) for name in names if row[name]), None)


def _property(row: Row, name: str) -> str | None:
    """Return one text of the JSON in `properties`; a row that is damaged has none."""
    try:
        properties = json.loads(row["properties"] or "{}")
    except ValueError:
        return None
    value = properties.get(name) if isinstance(properties, dict) else None
    return None if value is None else str(value)
