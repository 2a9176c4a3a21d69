"""What happens to contacts over time: mails, visits, forms, points, stages … one method per source of the timeline.

Each returns the id of the row it leaves, and moves on the contact what Mautic moves.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, func, select, update

from sidecar.sandbox.host import contacts, memberships, notice_acts, notices, php
from sidecar.sandbox.host.change import Change, known_in
from sidecar.sandbox.host.contacts import NOWHERE, Row
from sidecar.sandbox.host.memberships import named
from sidecar.sandbox.host.people import FORM_NAME, People, form_named, parse, require
from sidecar.sandbox.host.submissions import add_submission
from sidecar.sandbox.host.work import SYSTEM, VISITOR, Work

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"
HIT = {"code": 200, "user_agent": AGENT, "country": "", "region": "", "city": "", "isp": "", "organization": ""}


class Acts(People):
    """Everything the timeline shows."""

    def send_email(
        self, contact_id: int, name: str = "Welcome mail", subject: str = "Welcome", *, is_failed: bool = False
    ) -> int:
        """Send a mail; return the id of its row in email_stats."""

        def do(work: Work, row: Row) -> int:
            email_id = named(work, "emails", name, subject=subject, lang="en", email_type="template")
            copy_id = hashlib.md5(f"{name}{subject}".encode()).hexdigest()  # noqa: S324 - Mautic's own key
            if not work.rows("email_copies", work.schema["email_copies"].c.id == copy_id):
                work.add("email_copies", id=copy_id, date_created=work.stamp, subject=subject)
            values = {
                "email_id": email_id,
                "copy_id": copy_id,
                "email_address": row["email"] or "",
                "is_failed": int(is_failed),
            }
            values |= {
                "tracking_hash": secrets.token_hex(11),
                "source": "email",
                "source_id": email_id,
                "tokens": php.EMPTY,
            }
            stat_id = work.add("email_stats", lead_id=row["id"], date_sent=work.stamp, **values)
            if not is_failed:
                notice_acts.mail_sent(work, one(work, "email_stats", stat_id))
            return stat_id

        return self.act_on(contact_id, do)

    def read_email(self, stat_id: int) -> int:
        """Open a mail: moves last_active only, the first opening stays in date_read."""

        def do(work: Work) -> int:
            stat, table = one(work, "email_stats", stat_id), work.schema["email_stats"]
            opened = {"is_read": 1, "open_count": (stat["open_count"] or 0) + 1, "last_opened": work.stamp}
            details = php.serialize(
                [{"datetime": work.stamp.isoformat(sep=" "), "useragent": AGENT, "inBrowser": False}]
            )
            first = {} if stat["date_read"] else {"date_read": work.stamp, "open_details": details}
            work.connection.execute(update(table).where(table.c.id == stat_id).values(**opened, **first))
            seen(work, stat["lead_id"])
            notice_acts.mail_opened(work, stat_id)
            return stat_id

        return self.act(do)

    def click_email(self, stat_id: int, url: str = "https://example.com/offer") -> int:
        """Follow a link of a mail; return the id of the page hit."""

        def do(work: Work) -> int:
            stat = one(work, "email_stats", stat_id)
            redirect_id = named(work, "page_redirects", url, "url", redirect_id=secrets.token_hex(12)[:25])
            row = seen(work, stat["lead_id"])
            tag(work, row, ["utm_source", "mail"])
            places = {
                "redirect_id": redirect_id,
                "email_id": stat["email_id"],
                "source": "email",
                "source_id": stat["email_id"],
            }
            return add_hit(work, row["id"], url, **places)

        return self.act(do)

    def reply_email(self, stat_id: int) -> str:
        """Answer a mail; return the uuid of the reply."""

        def do(work: Work) -> str:
            values = {"id": str(uuid4()), "stat_id": stat_id, "message_id": secrets.token_hex(6)}
            work.add("email_stat_replies", **values, date_replied=work.stamp)
            return values["id"] if isinstance(values["id"], str) else ""

        return self.act(do)

    def hit_page(
        self, contact_id: int, url: str = "https://example.com/", title: str | None = None, *, page: str | None = None
    ) -> int:
        """Visit a page; `page` names a landing page of Mautic's own."""

        def do(work: Work, row: Row) -> int:
            page_id = named(work, "pages", page, "title", alias=page.lower(), lang="en") if page else None
            return add_hit(work, row["id"], url, url_title=title or page, page_id=page_id)

        return self.act_on(contact_id, do, is_visit=True)

    def watch_video(self, contact_id: int, url: str = "https://video.example.com/1", seconds: int = 60) -> int:
        """Watch a video."""
        values = {**HIT, "url": url, "time_watched": seconds, "duration": seconds, "query": php.EMPTY}
        return self.leave(contact_id, "video_hits", "date_hit", {**values, "guid": secrets.token_hex(8)}, is_visit=True)

    def submit_form(
        self,
        contact_id: int,
        form: str = FORM_NAME,
        values: Mapping[str, Any] | None = None,
        answers: Mapping[str, str] | None = None,
    ) -> int:
        """Fill a form in a browser that Mautic knows; return the id of the submission.

        `values` go to the contact by field alias, `answers` to the form's own table, which has the fields of the first ones.
        """

        def do(work: Work, row: Row) -> int:
            form_id = form_named(work, form)
            if values:
                change = parse(work, values, known_in(work))
                contacts.edit(work, row, change, VISITOR, (form, f"form:submission:{form_id}"))
            return add_submission(work, row["id"], form_id, answers)

        return self.act_on(contact_id, do, is_visit=True)

    def download_asset(self, contact_id: int, title: str = "White paper") -> int:
        """Download a file."""

        def do(work: Work, row: Row) -> int:
            asset_id = named(work, "assets", title, "title", alias=title.lower().replace(" ", "-"), lang="en")
            values = {"asset_id": asset_id, "lead_id": row["id"], "code": 200, "tracking_id": secrets.token_hex(11)}
            return work.add("asset_downloads", **values, date_download=work.stamp)

        return self.act_on(contact_id, do, is_visit=True)

    def gain_points(self, contact_id: int, delta: int, event: str = "1: Hit a page", kind: str = "page") -> int:
        """Get (or lose) points by an action."""
        names = (kind, event, "hit")
        return self.act_on(contact_id, lambda work, row: memberships.gain_points(work, row, delta, names, SYSTEM))

    def change_stage(self, contact_id: int, stage: str | None) -> int:
        """Put a contact on a stage by name, or off its stage; return the id of the log row."""

        def do(work: Work, row: Row) -> int:
            stage_id = named(work, "stages", stage, weight=1) if stage else None
            contacts.edit(work, row, Change(stage_id=stage_id), self.actor(work, "ui"), NOWHERE)
            return last_id(work, "lead_stages_change_log")

        return self.act_on(contact_id, do)

    def join_segment(self, contact_id: int, name: str) -> int:
        """Put a contact into a segment; return the id in the event log."""

        def do(work: Work, row: Row) -> int:
            segment = one(work, "lead_lists", memberships.segment_named(work, name))
            memberships.join_segment(work, row["id"], segment, SYSTEM)
            return last_event(work)

        return self.act_on(contact_id, do)

    def leave_segment(self, contact_id: int, name: str) -> int:
        """Take a contact out of a segment; return the id in the event log."""

        def do(work: Work, row: Row) -> int:
            segment = one(work, "lead_lists", memberships.segment_named(work, name))
            memberships.leave_segment(work, row["id"], segment, SYSTEM)
            return last_event(work)

        return self.act_on(contact_id, do)

    def join_campaign(self, contact_id: int, name: str = "Spring campaign") -> int:
        """Put a contact into a campaign; return the id in the event log."""

        def do(work: Work, row: Row) -> int:
            campaign_id = named(work, "campaigns", name)
            values = {"campaign_id": campaign_id, "lead_id": row["id"], "rotation": 1}
            work.add("campaign_leads", **values, date_added=work.stamp)
            memberships.log_campaign(work, row["id"], (campaign_id, name), "added")
            return last_event(work)

        return self.act_on(contact_id, do)

    def leave_campaign(self, contact_id: int, name: str = "Spring campaign") -> int:
        """Take a contact out of a campaign; return the id in the event log."""

        def do(work: Work, row: Row) -> int:
            campaign_id, links = named(work, "campaigns", name), work.schema["campaign_leads"]
            mine = (links.c.lead_id == row["id"], links.c.campaign_id == campaign_id)
            work.connection.execute(delete(links).where(*mine))
            memberships.log_campaign(work, row["id"], (campaign_id, name), "removed")
            return last_event(work)

        return self.act_on(contact_id, do)

    def run_campaign_event(
        self,
        contact_id: int,
        event: str = "Send welcome",
        campaign: str = "Spring campaign",
        *,
        due_at: datetime | None = None,
    ) -> int:
        """Run a step of a campaign, or plan it for later."""

        def do(work: Work, row: Row) -> int:
            campaign_id = named(work, "campaigns", campaign)
            extra: Row = {"campaign_id": campaign_id, "type": "email.send", "event_type": "action", "event_order": 1}
            values = {"event_id": named(work, "campaign_events", event, **extra), "campaign_id": campaign_id}
            planned = {"is_scheduled": int(due_at is not None), "trigger_date": due_at and due_at.replace(tzinfo=None)}
            values["rotation"] = 1 + last_id(work, "campaign_lead_event_log")
            said = {"metadata": php.EMPTY, "system_triggered": 1, "date_triggered": work.stamp}
            return work.add("campaign_lead_event_log", lead_id=row["id"], **values, **planned, **said)

        return self.act_on(contact_id, do)

    def send_sms(self, contact_id: int, name: str = "SMS one", *, is_failed: bool = False) -> int:
        """Send a text message."""

        def do(work: Work, row: Row) -> int:
            said = {"lang": "en", "message": "Hello", "sms_type": "template"}
            sms_id = named(work, "sms_messages", name, **said)
            values = {"sms_id": sms_id, "is_failed": int(is_failed), "source": "api"}
            values |= {"tracking_hash": secrets.token_hex(11), "tokens": php.EMPTY}
            details = json.dumps({"failed": ["refused by the gateway"]} if is_failed else [])
            if not is_failed:
                notice_acts.sms_sent(work, row["id"], sms_id)
            return work.add("sms_message_stats", lead_id=row["id"], date_sent=work.stamp, details=details, **values)

        return self.act_on(contact_id, do)

    def receive_sms(self, contact_id: int, message: str = "Thanks") -> int:
        """Answer a text message; return the id in the event log."""

        def do(work: Work, row: Row) -> int:
            work.event(row["id"], ("sms", "sms", "reply"), None, message=message)
            return last_event(work)

        return self.act_on(contact_id, do)

    def see_focus(self, contact_id: int, name: str = "Focus bar", *, is_click: bool = False) -> int:
        """See a focus item, or click it."""

        def do(work: Work, row: Row) -> int:
            focus_id = named(work, "focus", name, focus_type="notice", style="bar")
            values = {"focus_id": focus_id, "type": "click" if is_click else "view"}
            return work.add("focus_stats", lead_id=row["id"], date_added=work.stamp, **values)

        return self.act_on(contact_id, do)

    def see_dynamic_content(self, contact_id: int, name: str = "Banner") -> int:
        """Be shown dynamic content."""

        def do(work: Work, row: Row) -> int:
            content_id = named(work, "dynamic_content", name, lang="en")
            values = {"dynamic_content_id": content_id, "lead_id": row["id"], "source": "slot", "tokens": php.EMPTY}
            return work.add("dynamic_content_stats", **values, date_sent=work.stamp, sent_details=php.EMPTY)

        return self.act_on(contact_id, do)

    def queue_message(self, contact_id: int, channel: str = "email", channel_id: int = 1) -> int:
        """Put a message into the queue for later."""
        values = {"channel": channel, "channel_id": channel_id, "status": "pending", "priority": 2, "max_attempts": 3}
        return self.leave(contact_id, "message_queue", "date_published", values)

    def add_note(self, contact_id: int, text: str, kind: str = "general") -> int:
        """Write a note on a contact: does not move the contact."""
        values = {"text": text, "type": kind, "is_published": 1, "created_by": 1, "created_by_user": "Ada Admin"}

        def do(work: Work, row: Row) -> int:
            note_id = work.add("lead_notes", lead_id=row["id"], date_added=work.stamp, date_time=work.stamp, **values)
            work.audit(self.actor(work, "ui"), note_id, "create", {"text": [None, text]}, "note")
            return note_id

        return self.act_on(contact_id, do)

    def add_utm(self, contact_id: int, **tags: str) -> int:
        """Arrive with UTM tags: `source`, `medium`, `campaign`, `content`, `term`."""

        def do(work: Work, row: Row) -> int:
            tag(work, row, [part for item in tags.items() for part in item])
            named_tags = {f"utm_{name}": value for name, value in tags.items()}
            return work.add("lead_utmtags", lead_id=row["id"], date_added=work.stamp, query=php.EMPTY, **named_tags)

        return self.act_on(contact_id, do, is_visit=True)

    def add_device(self, contact_id: int, device: str = "desktop") -> int:
        """Be seen with a new device."""
        return self.leave(contact_id, "lead_devices", "date_added", {"client_info": "N;", "device": device})

    def act_on(self, contact_id: int, do: Callable[[Work, Row], int], *, is_visit: bool = False) -> int:
        """Do something with a contact; a visit moves its last_active."""

        def both(work: Work) -> int:
            return do(work, seen(work, contact_id) if is_visit else require(work, contact_id))

        return self.act(both)

    def leave(self, contact_id: int, table: str, date_column: str, values: Row, *, is_visit: bool = False) -> int:
        """Leave one row for a contact, dated now."""

        def do(work: Work, row: Row) -> int:
            return work.add(table, **{"lead_id": row["id"], date_column: work.stamp, **values})

        return self.act_on(contact_id, do, is_visit=is_visit)


def seen(work: Work, contact_id: int) -> Row:
    """Note that a contact was active and return it."""
    row = require(work, contact_id)
    contacts.save(work, row, {"last_active": work.stamp})
    return row


def tag(work: Work, row: Row, words: list[str]) -> None:
    """Leave the traces of UTM tags on a contact."""
    details = {"utmtags": words, **contacts.touch(work, row, VISITOR)}
    work.audit(VISITOR, row["id"], "update", details)
    notices.saved(work, row, details)


def one(work: Work, table: str, row_id: int) -> Row:
    """Return a row that must be there."""
    return work.rows(table, work.schema[table].c.id == row_id)[0]


def add_hit(work: Work, contact_id: int, url: str, **places: Any) -> int:
    """Leave a page hit."""
    values = {
        **HIT,
        "url": url,
        "tracking_id": f"tracked{contact_id}",
        "query": php.serialize({"page_url": url}),
        **places,
    }
    hit_id = work.add("page_hits", lead_id=contact_id, date_hit=work.stamp, **values)
    notice_acts.page_hit(work, hit_id)
    return hit_id


def last_id(work: Work, table: str) -> int:
    """Return the highest id of a table."""
    return int(work.connection.execute(select(func.max(work.schema[table].c.id))).scalar() or 0)


def last_event(work: Work) -> int:
    """Return the id of the newest row of the event log."""
    work.flush()
    return last_id(work, "lead_event_log")
