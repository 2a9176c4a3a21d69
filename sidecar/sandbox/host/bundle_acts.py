"""What administrators do with the bundle, and what its actions, or Mautic's own webhook action, do for contacts."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlencode

from sqlalchemy import delete

from sidecar.sandbox.host import outbox
from sidecar.sandbox.host.bundle import Bundle, Sender
from sidecar.sandbox.host.contacts import Row
from sidecar.sandbox.host.memberships import named
from sidecar.sandbox.host.people import FORM_NAME, People, form_named, require
from sidecar.sandbox.host.values import shown
from sidecar.sandbox.host.work import Work

TOKEN = re.compile(r"\{contactfield=([^}|]+)(?:\|([^}]*))?\}")
TAKEN_FOR_DONE = frozenset({200, 201})
Answering = Callable[[str, Mapping[str, str], bytes], int]
"""Posts a body to a URL with headers and returns the status of the answer; an OSError says that nobody was there."""


class BundleActs(People):
    """Everything around the bundle that does not come by REST."""

    @property
    def bundle(self) -> Bundle | None:
        """The bundle, while its files are here."""
        return self.database.bundle

    def install_bundle(
        self,
        client_id: str = "",
        shared_key: str = "",
        sidecar_url: str = "",
        instance: str = "",
        *,
        repair_merges: bool = True,
        sender: Sender | None = None,
    ) -> Bundle:
        """Install the bundle, or update it: its table is made, and tells everything from now on.

        `sender` carries the call for attention after a push; without it nobody is called.
        """
        key = shared_key or secrets.token_urlsafe(32)
        bundle = Bundle(client_id, key, sidecar_url, instance, repair_merges, sender=sender)
        with self.database.work() as work:
            outbox.add_table(work.schema).create(work.connection, checkfirst=True)
            self.database.bundle, work.listeners = bundle, bundle.listen()
            begin(work)
        return bundle

    def remove_bundle(self) -> None:
        """Take the bundle's files away: its calls and listeners are gone, its table stays with what is in it."""
        self.database.bundle = None

    def unpublish_bundle(self) -> None:
        """Switch the integration off: its calls refuse, its listeners hear nothing."""
        self.require_bundle().is_published = False

    def publish_bundle(self) -> None:
        """Switch the integration on: what happened meanwhile was not heard, so its table begins anew."""
        bundle = self.require_bundle()
        if not bundle.is_published:
            bundle.is_published = True
            self.act(begin)

    def outbox(self) -> list[Row]:
        """Return the rows of the bundle's table by id, with the details read; nothing where there is no table."""
        with self.database.work() as work:
            if outbox.NAME not in work.schema.tables:
                return []
            rows = work.rows(outbox.NAME, order=work.schema[outbox.NAME].c.id)
            return [{**row, "details": row["details"] and json.loads(row["details"])} for row in rows]

    def push_by_campaign(
        self,
        contact_ids: Sequence[int],
        *,
        as_: str | None = None,
        campaign_id: str | None = None,
        member_status: str | None = None,
        campaign: str = "Spring campaign",
    ) -> None:
        """Let a campaign's action ask for a push of contacts; `campaign_id` is the one in Salesforce."""
        wish = choice(as_, campaign_id, member_status)
        self.push(contact_ids, wish, lambda work: f"campaign:{named(work, 'campaigns', campaign)}")

    def push_by_form(
        self,
        contact_ids: Sequence[int],
        *,
        as_: str | None = None,
        campaign_id: str | None = None,
        member_status: str | None = None,
        form: str = FORM_NAME,
    ) -> None:
        """Let the action of a submitted form ask for a push."""
        wish = choice(as_, campaign_id, member_status)
        self.push(contact_ids, wish, lambda work: f"form:{form_named(work, form)}")

    def push_by_point(
        self,
        contact_ids: Sequence[int],
        *,
        as_: str | None = None,
        campaign_id: str | None = None,
        member_status: str | None = None,
        trigger_id: int = 1,
    ) -> None:
        """Let the trigger of a number of points ask for a push."""
        wish = choice(as_, campaign_id, member_status)
        self.push(contact_ids, wish, lambda _: f"point:{trigger_id}")

    def push_by_tab(self, contact_ids: Sequence[int]) -> None:
        """Let somebody ask for a push on the contact's page."""
        self.push(contact_ids, choice(), lambda _: "contact tab")

    def push(self, contact_ids: Sequence[int], wish: Mapping[str, Any], source_of: Callable[[Work], str]) -> None:
        """Ask for a push of contacts, which nobody hears while the integration is switched off."""
        self.require_bundle()

        def do(work: Work) -> None:
            details = {**wish, "source": source_of(work)}
            for contact_id in contact_ids:
                require(work, contact_id)
                if work.listeners:
                    work.listeners.hear_push(contact_id, details)

        self.act(do)

    def send_campaign_webhook(
        self, contact_id: int, url: str, headers: Mapping[str, str], data: Mapping[str, str], sender: Answering
    ) -> bool:
        """Run the core campaign action "send a webhook" with POST; return whether Mautic takes it for done.

        Tokens like {contactfield=email} become values. A JSON body is sent only when the Content-Type says just that;
        any answer but 200 and 201 is a failure.
        """
        row = self.act(lambda work: require(work, contact_id))
        sent = {name.lower(): with_values(text, row) for name, text in headers.items()}
        body = {name: with_values(text, row) for name, text in data.items()}
        if sent.get("content-type", "").lower() == "application/json":
            content = json.dumps(body).replace("/", "\\/")
        else:
            sent["content-type"] = "application/x-www-form-urlencoded"
            content = urlencode(body)
        try:
            return sender(with_values(url, row), sent, content.encode()) in TAKEN_FOR_DONE
        except OSError:
            return False

    def cleanup_gdpr(self, contact_id: int) -> None:
        """Let `mautic:maintenance:cleanup --gdpr` delete a contact: by SQL, heard by nobody and logged nowhere."""

        def do(work: Work) -> None:
            leads = work.schema["leads"]
            work.connection.execute(delete(leads).where(leads.c.id == require(work, contact_id)["id"]))

        self.act(do)

    def require_bundle(self) -> Bundle:
        """Return the bundle, which must have been installed."""
        if self.database.bundle is None:
            raise LookupError("the bundle is not installed")
        return self.database.bundle


def choice(as_: str | None = None, campaign_id: str | None = None, member_status: str | None = None) -> dict[str, Any]:
    """Return what an action was set to; a member's status says nothing without a campaign."""
    return {"as": as_, "campaign_id": campaign_id, "member_status": member_status if campaign_id else None}


def begin(work: Work) -> None:
    """Write down that the outbox tells everything from now on."""
    if work.listeners:
        work.listeners.begin()


def with_values(text: str, row: Row) -> str:
    """Return a text with the contact's values for its tokens; percent signs are decoded as Mautic does it."""
    parts, end = [], 0
    for found in TOKEN.finditer(text):
        value = shown(row.get(found[1].strip()))
        parts += [unquote(text[end : found.start()]), str(found[2] or "") if value in {None, ""} else str(value)]
        end = found.end()
    return "".join([*parts, unquote(text[end:])])
