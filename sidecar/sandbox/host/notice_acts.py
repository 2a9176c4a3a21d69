"""What a webhook tells of mails, visits, forms and text messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sidecar.sandbox.host import php
from sidecar.sandbox.host.notices import tell, whole_contact
from sidecar.sandbox.host.rendering import Json, Renderer, Row, iso
from sidecar.sandbox.host.values import shown
from sidecar.sandbox.host.work import Work

UTM: Final = ("source", "medium", "campaign", "content")


def mail_sent(work: Work, stat: Row) -> None:
    """Tell of a mail that went out; its contact is a flat list of values."""

    def build() -> Json:
        email, contact = one(work, "emails", stat["email_id"]), one(work, "leads", stat["lead_id"])
        head = Renderer(work).head({"points": 0, **email})
        published = {key: head[key] for key in list(head)[:7]}
        flat = {alias: shown(contact[alias]) for alias in work.fields}
        return {
            "email": {**published, **email_json(email)},
            "contact": {"id": str(contact["id"]), **flat, "owner_id": contact["owner_id"], "companies": []},
            "contentHash": stat["copy_id"],
            "idHash": stat["tracking_hash"],
            "subject": email["subject"],
            "source": [stat["source"], stat["source_id"]],
            "headers": [],
            "content": email["custom_html"] or "",
            "tokens": {"{subject}": email["subject"]},
        }

    tell(work, "email_on_send", build)


def mail_opened(work: Work, stat_id: int) -> None:
    """Tell of a mail that was opened, each time."""

    def build() -> Json:
        stat = one(work, "email_stats", stat_id)
        return {
            "stat": {
                "id": stat["id"],
                "emailAddress": stat["email_address"],
                "ipAddress": [],
                "dateSent": iso(stat["date_sent"]),
                "isRead": bool(stat["is_read"]),
                "isFailed": bool(stat["is_failed"]),
                "dateRead": iso(stat["date_read"]),
                "retryCount": stat["retry_count"] or 0,
                "source": stat["source"],
                "openCount": stat["open_count"],
                "lastOpened": iso(stat["last_opened"]),
                "sourceId": stat["source_id"],
                "trackingHash": stat["tracking_hash"],
                "viewedInBrowser": bool(stat["viewed_in_browser"]),
                "lead": short_contact(work, stat["lead_id"]),
                "email": email_json(one(work, "emails", stat["email_id"])),
            }
        }

    tell(work, "email_on_open", build)


def page_hit(work: Work, hit_id: int) -> None:
    """Tell of a visit to a page, or of a click in a mail."""

    def build() -> Json:
        hit = one(work, "page_hits", hit_id)
        page = one(work, "pages", hit["page_id"]) if hit["page_id"] else None
        return {
            "hit": {
                "id": hit["id"],
                "dateHit": iso(hit["date_hit"]),
                "dateLeft": iso(hit["date_left"]),
                "page": page and {"id": page["id"], "title": page["title"], "alias": page["alias"], "category": None},
                "redirect": [] if hit["redirect_id"] else None,
                "email": email_json(one(work, "emails", hit["email_id"])) if hit["email_id"] else None,
                "lead": short_contact(work, hit["lead_id"]),
                "ipAddress": [],
                **{name: hit[name] for name in ("country", "region", "city", "isp", "organization", "code", "referer")},
                "url": hit["url"],
                "urlTitle": hit["url_title"],
                "userAgent": hit["user_agent"],
                "remoteHost": hit["remote_host"],
                "pageLanguage": page and page["lang"],
                "browserLanguages": [],
                "trackingId": hit["tracking_id"],
                "source": hit["source"],
                "sourceId": hit["source_id"],
                "query": php.unserialize(hit["query"]),
            }
        }

    tell(work, "page_on_hit", build)


def form_submitted(work: Work, submission_id: int, results: Mapping[str, Any]) -> None:
    """Tell of a form that was filled, with the contact it led to."""

    def build() -> Json:
        submission = one(work, "form_submissions", submission_id)
        form = one(work, "forms", submission["form_id"])
        return {
            "submission": {
                "id": submission["id"],
                "ipAddress": [],
                "form": {"id": form["id"], "name": form["name"], "alias": form["alias"], "category": None},
                "lead": short_contact(work, submission["lead_id"]),
                "trackingId": submission["tracking_id"],
                "dateSubmitted": iso(submission["date_submitted"]),
                "referer": submission["referer"],
                "page": None,
                "results": dict(results),
            }
        }

    tell(work, "form_on_submit", build)


def sms_sent(work: Work, contact_id: int, sms_id: int) -> None:
    """Tell of a text message that went out."""

    def build() -> Json:
        content = one(work, "sms_messages", sms_id)["message"]
        return {"smsId": sms_id, "contact": whole_contact(work, contact_id), "content": content}

    tell(work, "sms_on_send", build)


def short_contact(work: Work, contact_id: int) -> Json:
    """Return a contact as it stands inside of something else: its fields, hardly more."""
    row = one(work, "leads", contact_id)
    fields = Renderer(work).fields(row, {}, saved=False)
    return {"id": row["id"], "points": row["points"], "color": None, "fields": fields}


def email_json(row: Row) -> Json:
    """Return a mail."""
    utm = php.unserialize(row["utm_tags"])
    return {
        "id": row["id"],
        "name": row["name"],
        "subject": row["subject"],
        "language": row["lang"],
        "category": None,
        "fromAddress": row["from_address"],
        "fromName": row["from_name"],
        "replyToAddress": row["reply_to_address"],
        "bccAddress": row["bcc_address"],
        "useOwnerAsMailer": row["use_owner_as_mailer"],
        "utmTags": {f"utm{name.title()}": utm.get(f"utm{name.title()}") if utm else None for name in UTM},
        "customHtml": row["custom_html"] or "",
        "plainText": row["plain_text"],
        "template": row["template"] or "blank",
        "emailType": row["email_type"],
        "publishUp": iso(row["publish_up"]),
        "publishDown": iso(row["publish_down"]),
        "publicPreview": bool(row["public_preview"]),
        "readCount": row["read_count"],
        "sentCount": row["sent_count"],
        "revision": row["revision"],
        "assetAttachments": [],
        "variantStartDate": None,
        "variantSentCount": 0,
        "variantReadCount": 0,
        "variantParent": None,
        "variantChildren": [],
        "translationParent": None,
        "translationChildren": [],
        "unsubscribeForm": None,
        "dynamicContent": [],
        "lists": [],
        "headers": [],
    }


def one(work: Work, table: str, row_id: int) -> Row:
    """Return a row that must be there."""
    return work.rows(table, work.schema[table].c.id == row_id)[0]
