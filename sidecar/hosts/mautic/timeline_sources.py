"""Where each event type of Mautic's timeline is kept, one declaration each. Data only.

Columns are written "alias.column"; `t` is the source's own table. Type names and their wording are those of Mautic's
timeline, so that records made by its own plugin and ours read alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sidecar.hosts.mautic import timeline_labels as labels
from sidecar.hosts.mautic.timeline_labels import Label


@dataclass(frozen=True, slots=True)
class Join:
    """A table that has the words for an id: `alias` is `table` where its `id` is `on`; what is gone leaves blanks."""

    table: str
    alias: str
    on: str
    id: str = "id"
    must_exist: bool = False


@dataclass(frozen=True, slots=True)
class TimelineSource:
    """One event type: its rows, when they happened and to whom, and what the timeline says about them.

    `where` lists the values a column may have (None: NULL too). `columns` are read for `label`, `link` and `note`, under
    their own names. `late`: how long after its date a row may become an event, beyond the usual overlap.
    """

    event_type: str
    name: str
    table: str
    date: str
    label: Label
    link: Label | None = None
    note: Label | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    joins: tuple[Join, ...] = ()
    where: Mapping[str, tuple[str | int | None, ...]] = field(default_factory=dict)
    contact: str = "t.lead_id"
    has_number: bool = True
    late: timedelta = timedelta(0)

    def event_id(self, row_id: object) -> str:
        """Return the event's id as Mautic's own Salesforce plugin writes it: words capitalised, dots gone, then the row.

        Page hits are the bare number there. Video hits have no stable id there at all, so ours is of the common form.
        """
        return f"{self.id_prefix}{row_id}"

    @property
    def tables(self) -> Mapping[str, str]:
        """Return every table it reads, by alias, without the installation's prefix."""
        return {"t": self.table, **{join.alias: join.table for join in self.joins}}

    def columns_of(self, alias: str) -> list[str]:
        """Return the columns it reads of one table."""
        ends = [end for join in self.joins for end in (join.on, f"{join.alias}.{join.id}")]
        paths = ["t.id", f"t.{self.date}", self.contact, *self.columns.values(), *self.where, *ends]
        return sorted({path.partition(".")[2] for path in paths if path.startswith(f"{alias}.")})

    @property
    def id_prefix(self) -> str:
        """Return what stands before the row's number in an event's id."""
        if self.event_type == "page.hit":
            return ""
        return "".join(word[:1].upper() + word[1:] for word in self.event_type.split("."))


def _event_log(
    event_type: str, name: str, label: Label, link: Label | None = None, **where: tuple[str, ...]
) -> TimelineSource:
    """Return a source kept in the log that many types share."""
    return TimelineSource(
        event_type,
        name,
        "lead_event_log",
        "date_added",
        label,
        link,
        columns={"action": "t.action", "properties": "t.properties", "object_id": "t.object_id"},
        where={f"t.{column}": values for column, values in where.items()},
    )


_EMAIL_WORDS = (Join("emails", "email", "t.email_id"), Join("email_copies", "copy", "t.copy_id"))
_EMAIL_COLUMNS = {
    "email_name": "email.name",
    "subject": "email.subject",
    "copy_subject": "copy.subject",
    "email_id": "t.email_id",
    "hash": "t.tracking_hash",
}


def _email(event_type: str, name: str, date: str, late: timedelta = timedelta(0), **where: int) -> TimelineSource:
    return TimelineSource(
        event_type,
        name,
        "email_stats",
        date,
        labels.email_name,
        labels.email_link,
        columns=_EMAIL_COLUMNS,
        joins=_EMAIL_WORDS,
        where={f"t.{column}": (value,) for column, value in where.items()},
        late=late,
    )


def _campaign(event_type: str, name: str, *, is_scheduled: int) -> TimelineSource:
    return TimelineSource(
        event_type,
        name,
        "campaign_lead_event_log",
        "date_triggered",
        "{event_name} / {campaign_name}",
        "/s/campaigns/view/{campaign_id}",
        "{reason}",
        columns={
            "event_name": "event.name",
            "campaign_name": "campaign.name",
            "campaign_id": "t.campaign_id",
            "reason": "failed.reason",
        },
        joins=(
            Join("campaign_events", "event", "t.event_id"),
            Join("campaigns", "campaign", "t.campaign_id"),
            Join("campaign_lead_event_failed_log", "failed", "t.id", id="log_id"),
        ),
        where={"t.is_scheduled": (is_scheduled,)},
    )


def _sms(event_type: str, name: str, late: timedelta = timedelta(0), **where: tuple[int | None, ...]) -> TimelineSource:
    return TimelineSource(
        event_type,
        name,
        "sms_message_stats",
        "date_sent",
        "{sms_name}",
        "/s/sms/view/{sms_id}",
        columns={"sms_name": "sms.name", "sms_id": "t.sms_id"},
        joins=(Join("sms_messages", "sms", "t.sms_id"),),
        where={f"t.{column}": values for column, values in where.items()},
        late=late,
    )


def _focus(event_type: str, name: str, kind: str) -> TimelineSource:
    return TimelineSource(
        event_type,
        name,
        "focus_stats",
        "date_added",
        "{focus_name}",
        "/s/focus/view/{focus_id}",
        columns={"focus_name": "focus.name", "focus_id": "t.focus_id"},
        joins=(Join("focus", "focus", "t.focus_id"),),
        where={"t.type": (kind,)},
    )


_BOUNCES_ARRIVE_WITHIN = timedelta(days=7)
"""A failure keeps the date of sending: mail servers try for five days before they give up."""

_TAGS_ARE_BACKDATED_BY = timedelta(days=7)
"""UTM tags written through the API carry the person's last activity as their date."""

TIMELINE_SOURCES: Mapping[str, TimelineSource] = {
    source.event_type: source
    for source in (
        _email("email.sent", "Email sent", "date_sent"),
        _email("email.read", "Email read", "date_read", is_read=1),
        _email("email.failed", "Email failed", "date_sent", _BOUNCES_ARRIVE_WITHIN, is_failed=1),
        TimelineSource(
            "email.replied",
            "Email replied",
            "email_stat_replies",
            "date_replied",
            "Reply: {email_name}",
            columns={"email_name": "email.name"},
            joins=(
                Join("email_stats", "stat", "t.stat_id", must_exist=True),
                Join("emails", "email", "stat.email_id"),
            ),
            contact="stat.lead_id",
            has_number=False,
        ),
        TimelineSource(
            "page.hit",
            "Page hit",
            "page_hits",
            "date_hit",
            labels.page_title,
            labels.page_link,
            columns={"page_title": "page.title", "page_id": "t.page_id", "url_title": "t.url_title", "url": "t.url"},
            joins=(Join("pages", "page", "t.page_id"),),
        ),
        TimelineSource(
            "page.videohit", "Video view event", "video_hits", "date_hit", "{url}", "{url}", columns={"url": "t.url"}
        ),
        TimelineSource(
            "form.submitted",
            "Form submitted",
            "form_submissions",
            "date_submitted",
            "{form_name}",
            "/s/forms/view/{form_id}",
            columns={"form_name": "form.name", "form_id": "t.form_id"},
            joins=(Join("forms", "form", "t.form_id"),),
        ),
        TimelineSource(
            "asset.download",
            "Asset downloaded",
            "asset_downloads",
            "date_download",
            "{asset_title}",
            "/s/assets/view/{asset_id}",
            columns={"asset_title": "asset.title", "asset_id": "t.asset_id"},
            joins=(Join("assets", "asset", "t.asset_id"),),
        ),
        _campaign("campaign.event", "Campaign action triggered", is_scheduled=0),
        _campaign("campaign.event.scheduled", "Campaign event scheduled", is_scheduled=1),
        _event_log(
            "campaign_membership",
            "Campaign membership change",
            labels.membership("campaign"),
            bundle=("campaign",),
            object=("campaign",),
            action=("added", "removed"),
        ),
        _event_log(
            "segment_membership",
            "Segment membership change",
            labels.membership("segment"),
            bundle=("lead",),
            object=("segment",),
            action=("added", "removed"),
        ),
        TimelineSource(
            "stage.changed",
            "Stage changed",
            "lead_stages_change_log",
            "date_added",
            "{event_name}",
            "/s/stages/edit/{stage_id}",
            columns={"event_name": "t.event_name", "stage_id": "t.stage_id"},
        ),
        TimelineSource(
            "point.gained",
            "Point gained",
            "lead_points_change_log",
            "date_added",
            labels.points,
            columns={"event_name": "t.event_name", "delta": "t.delta", "group_name": "point_group.name"},
            joins=(Join("point_groups", "point_group", "t.group_id"),),
        ),
        _event_log(
            "lead.source.created", "Contact created by source", labels.source("created"), action=("created_contact",)
        ),
        _event_log(
            "lead.source.identified",
            "Contact identified by source",
            labels.source("identified"),
            action=("identified_contact",),
        ),
        _event_log(
            "lead.imported",
            "Imported",
            labels.imported,
            "/s/contacts/import/view/{object_id}",
            object=("import",),
            action=("inserted", "updated", "failed"),
        ),
        TimelineSource(
            "lead.donotcontact",
            "Do not contact",
            "lead_donotcontact",
            "date_added",
            labels.channel,
            labels.do_not_contact_link,
            "{comments}",
            columns={
                "channel": "t.channel",
                "channel_id": "t.channel_id",
                "email_name": "email.name",
                "comments": "t.comments",
            },
            joins=(Join("emails", "email", "t.channel_id"),),
        ),
        TimelineSource(
            "lead.utmtagsadded",
            "UTM tags recorded",
            "lead_utmtags",
            "date_added",
            "UTM Campaign: {utm_campaign}",
            columns={"utm_campaign": "t.utm_campaign"},
            late=_TAGS_ARE_BACKDATED_BY,
        ),
        TimelineSource(
            "dynamic.content.sent",
            "Dynamic Content Triggered",
            "dynamic_content_stats",
            "date_sent",
            "{content_name}",
            "/s/dwc/view/{content_id}",
            columns={"content_name": "content.name", "content_id": "t.dynamic_content_id"},
            joins=(Join("dynamic_content", "content", "t.dynamic_content_id"),),
        ),
        _focus("focus.on_view", "Focus view", "view"),
        _focus("focus.on_click", "Focus click", "click"),
        _sms("sms.sent", "Sent", is_failed=(0, None)),
        _sms("sms.failed", "Failed", _BOUNCES_ARRIVE_WITHIN, is_failed=(1,)),
        _event_log("sms_reply", "Text message received", labels.message, bundle=("sms",)),
        TimelineSource(
            "message.queue",
            "Message Queue",
            "message_queue",
            "date_published",
            "Message Queued for channel - {channel} {channel_id}",
            labels.channel_link,
            columns={"channel": "t.channel", "channel_id": "t.channel_id"},
        ),
        _event_log("integration_sync_issues", "Integration sync notice", labels.sync_issue, bundle=("integrations",)),
    )
}
"""Every event type Mautic 5.1 to 7 can deliver, keyed by type."""
