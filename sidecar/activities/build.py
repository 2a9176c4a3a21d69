"""Turns an event into a timeline record for the Salesforce person it belongs to. Pure."""

from decimal import Decimal

from sidecar.activities.model import TimelineEvent, TimelineTarget
from sidecar.activities.target import LOOKUPS, NAME, REFERENCE
from sidecar.mapping.graphemes import cut
from sidecar.records import Ref, Value


def build_row(event: TimelineEvent, person: Ref, target: TimelineTarget, contact_url: str) -> dict[str, Value] | None:
    """Return the record's values by real field names, or None if our user cannot link it to that kind of person.

    A field that is missing or hidden is left out. Texts are cut to the described length; an address that is too long
    for its field is left out, because half an address leads nowhere.
    """
    lookup = LOOKUPS.get(person.object)
    if lookup is None or lookup not in target.fields:
        return None
    texts = {
        NAME: " ".join(f"{event.type_name} - {event.label}".split()),
        "description": "\n".join(text for text in (event.link, event.description) if text),
    }
    wanted: dict[str, Value] = {
        "activity_date": event.at,
        lookup: person.id,
        "mautic_id": Decimal(event.contact_id),
        "mautic_url": contact_url if _fits(contact_url, target) else None,
        REFERENCE: build_reference(event.event_id, person.id),
        **{word: fit_text(text, target.fields[word].length) for word, text in texts.items() if word in target.fields},
    }
    return {target.fields[word].name: value for word, value in wanted.items() if value and word in target.fields}


def build_reference(event_id: str, salesforce_id: str) -> str:
    """Return the reference Mautic's own plugin gives an event, so that its records and ours are the same ones."""
    return f"{event_id}-{salesforce_id}"


def fit_text(text: str, length: int | None) -> str:
    """Return the beginning that fits, never cut inside a letter or an emoji.

    Characters beyond the 16-bit range count as two, as they do in Java: a little short is better than refused.
    """
    if length is None:
        return text
    fitting = cut(text, length)
    while _java_length(fitting) > length:
        fitting = cut(fitting, len(fitting) - 1)
    return fitting


def _fits(url: str, target: TimelineTarget) -> bool:
    info = target.fields.get("mautic_url")
    return info is not None and (info.length is None or len(url) <= info.length)


def _java_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
