"""Is every event of everybody who is on both sides in Salesforce, once, with the right person? Asked of the systems themselves."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sidecar.demo.compare import Comparison
from sidecar.demo.picture import Picture, Row
from sidecar.demo.sandboxes import Sandboxes

Fits = Callable[[Row], bool]
MARGIN = timedelta(hours=1)
"""How near to the first day the events are left alone: the first run's window began there, to the second."""


@dataclass(frozen=True)
class Source:
    """Where Mautic keeps one type of event, and how its own Salesforce plugin names it."""

    table: str
    date: str
    prefix: str
    fits: Fits = lambda _: True


SOURCES: Mapping[str, Source] = {
    "email.sent": Source("email_stats", "date_sent", "EmailSent"),
    "email.read": Source("email_stats", "date_read", "EmailRead", lambda row: bool(row["is_read"])),
    "email.failed": Source("email_stats", "date_sent", "EmailFailed", lambda row: bool(row["is_failed"])),
    "email.replied": Source("email_stat_replies", "date_replied", "EmailReplied"),
    "form.submitted": Source("form_submissions", "date_submitted", "FormSubmitted"),
    "page.hit": Source("page_hits", "date_hit", ""),
    "asset.download": Source("asset_downloads", "date_download", "AssetDownload"),
    "point.gained": Source("lead_points_change_log", "date_added", "PointGained"),
    "stage.changed": Source("lead_stages_change_log", "date_added", "StageChanged"),
    "segment_membership": Source(
        "lead_event_log", "date_added", "Segment_membership", lambda row: row["object"] == "segment"
    ),
    "lead.donotcontact": Source("lead_donotcontact", "date_added", "LeadDonotcontact"),
    "sms.sent": Source("sms_message_stats", "date_sent", "SmsSent", lambda row: not row["is_failed"]),
    "sms_reply": Source("lead_event_log", "date_added", "Sms_reply", lambda row: row["bundle"] == "sms"),
}
FORGOTTEN = ("LeadDonotcontact", "StageChanged")
"""Events Mautic forgets when it merges contacts; what was sent before stays in Salesforce."""


@dataclass(frozen=True)
class Event:
    """One event as Mautic keeps it."""

    id: str
    contact_id: int
    at: datetime


def compare_timeline(
    sandboxes: Sandboxes, picture: Picture, event_types: tuple[str, ...], since: datetime, found: Comparison
) -> None:
    """Note events of people on both sides that are missing in Salesforce, there twice, or with somebody else."""
    events = {each.id: each for name in event_types for each in _events(sandboxes, SOURCES[name])}
    rows = _rows_by_event(sandboxes)
    linked = {contact["id"]: person["Id"] for contact, person in picture.twins}
    for event in events.values():
        sent = rows.pop(event.id, [])
        is_wanted = event.contact_id in linked and event.at > since + MARGIN
        if len(sent) > 1 or (is_wanted and not sent):
            found.differ(f"event {event.id} of contact {event.contact_id} is in Salesforce {len(sent)} times")
        if sent and event.at < since - MARGIN:
            found.differ(f"event {event.id} is older than what was asked for")
        owner = picture.contact_of(_person(picture, sent[0])) if sent else None
        if event.contact_id in linked and owner not in (event.contact_id, None):
            found.differ(f"event {event.id} of contact {event.contact_id} is with somebody else in Salesforce")
        found.events += bool(is_wanted and sent)
    for event_id, sent in rows.items():
        if picture.contact_of(_person(picture, sent[0])) is not None and not event_id.startswith(FORGOTTEN):
            found.differ(f"event {event_id} is in Salesforce, and not in Mautic")


def _events(sandboxes: Sandboxes, source: Source) -> Iterator[Event]:
    people: Mapping[Any, int] = {}
    if source.table == "email_stat_replies":
        people = {row["id"]: row["lead_id"] for row in sandboxes.host.rows("email_stats")}
    for row in sandboxes.host.rows(source.table):
        contact_id = people.get(row["stat_id"]) if people else row["lead_id"]
        if contact_id is not None and row[source.date] is not None and source.fits(row):
            yield Event(f"{source.prefix}{row['id']}", contact_id, row[source.date].replace(tzinfo=UTC))


def _rows_by_event(sandboxes: Sandboxes) -> dict[str, list[Row]]:
    """Return Salesforce's timeline by event: its reference is the event and the person it was first sent to."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sandboxes.org.rows("mautic_timeline__c"):
        found[row["ReferenceId__c"].rpartition("-")[0]].append(row)
    return found


def _person(picture: Picture, row: Row) -> Row:
    return picture.people[row["contact_id__c"] or row["WhoId__c"]]
