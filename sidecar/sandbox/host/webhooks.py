"""Sending webhooks the way Mautic does: signed, inside the request that caused the event or from a queue, and with its losses.

`Hooks` is asked twice by each transaction: before the commit (what goes into the queue) and after it (what is sent at once).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import http.client
import ipaddress
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update

from sidecar.sandbox.host import php_json
from sidecar.sandbox.host.rendering import Row
from sidecar.sandbox.host.work import Actor, Database, Notice, Work

Deliver = Callable[[str, Mapping[str, str], bytes], int]
"""Sends a body to an address and returns the status; an OSError says that nobody was there."""

Mode = Literal["immediate_process", "command_process"]
Outcome = Literal["delivered", "refused", "unreachable"]
LOGS_LOOKED_AT: Final = 100
SPARED_FOR: Final = timedelta(days=2)
RETRY_AFTER: Final = timedelta(seconds=3600)  # Mautic: webhook_retry_delay
UNHEALTHY_FOR: Final = timedelta(seconds=300)  # Mautic: webhook_health_check_time
TIMEOUT_SECONDS: Final = 30
GONE: Final = 410
NOTE_LENGTH: Final = 191
PRIVATE: Final = "Access to private addresses is not allowed."


class Hooks:
    """The webhooks of one Mautic and how it sends them.

    `mode` is Mautic's `queue_mode`, `limit` its `webhook_limit`; `deliver` and `resolve` are what touches the network.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.deliver: Deliver = post
        self.resolve: Callable[[str], Sequence[str]] = addresses_of
        self.mode: Mode = "immediate_process"
        self.limit = 10
        self.site_url = "http://127.0.0.1:8090"
        self.allowed_private_addresses: set[str] = set()
        self.disables_auto_unpublish = False
        self.is_on = True
        with database.work() as work:
            self.may_have_any = bool(work.rows("webhooks"))

    def triggers(self, work: Work) -> frozenset[str]:
        """Return what published webhooks ask for; nothing while they are cut off."""
        if not (self.is_on and self.may_have_any):
            return frozenset()
        return frozenset(event["event_type"] for event in subscriptions(work))

    def before_commit(self, work: Work) -> None:
        """Put what was told into the queue, where there is one."""
        if self.mode == "immediate_process" or not work.notices:
            return
        wanted = subscriptions(work)
        for notice in work.notices:
            payload = gzip.compress(php_json.encode(notice.item), mtime=0)
            for event in (each for each in wanted if each["event_type"] == notice.trigger):
                values = {"webhook_id": event["webhook_id"], "event_id": event["id"], "payload_compressed": payload}
                work.add("webhook_queue", **values, date_added=work.stamp)
        work.notices.clear()

    def after_commit(self, notices: Iterable[Notice]) -> None:
        """Send what was told: one call per event and webhook, in order, while the caller waits."""
        for notice in notices:
            with self.database.work() as work:
                wanted = [event["webhook_id"] for event in subscriptions(work) if event["event_type"] == notice.trigger]
            for hook_id in wanted:
                self.send(hook_id, {notice.trigger: [notice.item]})

    def process(self) -> int:
        """Send what waits in the queue, as `mautic:webhooks:process` does; return how many deliveries were tried."""
        with self.database.work() as work:
            hooks = work.schema["webhooks"]
            rows = work.rows("webhooks", hooks.c.is_published == 1, order=hooks.c.id)
            due = [row for row in rows if not is_resting(row, work.stamp)]
        tries = 0
        for hook in due if self.is_on else []:
            goes_on = True
            while goes_on and (batch := self.waiting(hook)):
                tries += 1
                goes_on = self.send_batch(hook["id"], batch)
        return tries

    def waiting(self, hook: Row) -> list[Row]:
        """Return the next rows of a webhook's queue, each with its trigger: what was never tried goes first."""
        with self.database.work() as work:
            queue, events = work.schema["webhook_queue"], work.schema["webhook_events"]
            in_time = queue.c.id.desc() if hook["events_orderby_dir"] == "DESC" else queue.c.id
            query = select(queue, events.c.event_type).join_from(queue, events, events.c.id == queue.c.event_id)
            query, order = query.where(queue.c.webhook_id == hook["id"]), [in_time]
            if work.profile.retries_deliveries:
                again = queue.c.date_modified <= work.stamp - RETRY_AFTER
                query, order = query.where((queue.c.retries == 0) | again), [queue.c.retries, in_time]
            found = work.connection.execute(query.order_by(*order).limit(self.limit))
            return [dict(row) for row in found.mappings()]

    def send_batch(self, hook_id: int, batch: Sequence[Row]) -> bool:
        """Send rows of the queue as one delivery and settle them; return whether the next ones may follow."""
        body: dict[str, list[Any]] = {}
        for row in batch:
            item = json.loads(gzip.decompress(row["payload_compressed"]))
            body.setdefault(row["event_type"], []).append(item)
        outcome = self.send(hook_id, body)
        with self.database.work() as work:
            queue, is_ours = work.schema["webhook_queue"], work.schema["webhook_queue"].c.id.in_(r["id"] for r in batch)
            if outcome != "delivered" and work.profile.retries_deliveries:
                later = {"retries": queue.c.retries + 1, "date_modified": work.stamp}
                work.connection.execute(update(queue).where(is_ours).values(**later))
                return False
            # Before 7.0 the rows are gone whatever the receiver answers, and stay only when nobody is there.
            if outcome != "unreachable":
                work.connection.execute(delete(queue).where(is_ours))
            hooks = work.schema["webhooks"]
            is_published = work.rows("webhooks", hooks.c.id == hook_id, hooks.c.is_published == 1)
            return bool(is_published) and outcome != "unreachable"

    def send(self, hook_id: int, body: Mapping[str, Any]) -> Outcome:
        """Make one delivery, write the log, and switch the webhook off where Mautic does."""
        with self.database.work() as work:
            rows = work.rows("webhooks", work.schema["webhooks"].c.id == hook_id)
            refuses_private = work.profile.refuses_private_addresses
            agent = work.profile.webhook_agent
        if not rows:
            return "unreachable"
        url, raw, began = rows[0]["webhook_url"], php_json.encode(body), time.perf_counter()
        headers = {
            "User-Agent": agent,
            "Content-Type": "application/json",
            "X-Origin-Base-URL": self.site_url,
            "Webhook-Signature": signature(rows[0]["secret"], raw),
        }
        status, note = None, ""
        try:
            if refuses_private and self.is_private(url):
                raise PermissionError(PRIVATE)
            status = self.deliver(url, headers, raw)
        except OSError as error:
            note = str(error) or type(error).__name__
        with self.database.work() as work:
            return self.settle(work, hook_id, status, note, time.perf_counter() - began)

    def settle(self, work: Work, hook_id: int, status: int | None, note: str, runtime: float) -> Outcome:
        """Log a delivery and judge its webhook by it. Nobody there is judged before it is logged: the first is forgiven."""
        is_good = status is not None and 200 <= status < 300
        said = note or f"The receiver answered {status}."

        def log(code: str, words: str | None) -> None:
            values = {"webhook_id": hook_id, "status_code": code, "note": words and words[:NOTE_LENGTH]}
            work.add("webhook_logs", **values, runtime=runtime, date_added=work.stamp)

        if status is not None:
            log(str(status), None if is_good or work.profile.logs_failure_twice else said)
        if not is_good:
            hook = work.rows("webhooks", work.schema["webhooks"].c.id == hook_id)[0]
            is_sick = (
                not self.disables_auto_unpublish and not is_spared(hook, work.stamp) and has_no_success(work, hook_id)
            )
            if status == GONE or is_sick:
                write_hook(work, hook_id, is_published=0)
            if status is None or work.profile.logs_failure_twice:
                log("N/A", said)
        if "marked_unhealthy_at" in work.schema["webhooks"].c:
            since = None if is_good else work.stamp
            write_hook(work, hook_id, marked_unhealthy_at=since, unhealthy_since=since)
        return "delivered" if is_good else "unreachable" if status is None else "refused"

    def is_private(self, url: str) -> bool:
        """Tell whether an address is a private one that the settings do not name, or one nobody knows."""
        name = urlsplit(url).hostname or ""
        if name in self.allowed_private_addresses:
            return False
        found = [ipaddress.ip_address(each) for each in self.resolve(name)]
        return not found or any(
            not each.is_global and str(each) not in self.allowed_private_addresses for each in found
        )


def subscriptions(work: Work) -> list[Row]:
    """Return the triggers of all published webhooks."""
    hooks, events = work.schema["webhooks"], work.schema["webhook_events"]
    joined = select(events).join_from(events, hooks, hooks.c.id == events.c.webhook_id)
    found = work.connection.execute(joined.where(hooks.c.is_published == 1).order_by(hooks.c.id, events.c.id))
    return [dict(row) for row in found.mappings()]


def add_hook(work: Work, values: Mapping[str, Any], triggers: Iterable[str], actor: Actor) -> int:
    """Make a webhook, published, with a secret of its own when it was given none; return its id."""
    who = {"created_by": actor.id, "created_by_user": actor.name, "date_added": work.stamp, "is_published": 1}
    if work.profile.freezes_date_modified:
        who["date_modified"] = work.stamp
    secret = values.get("secret") or secrets.token_hex(32)
    hook_id = work.add("webhooks", **{**values, **who, "secret": secret})
    add_triggers(work, hook_id, triggers)
    return hook_id


def add_triggers(work: Work, hook_id: int, triggers: Iterable[str]) -> None:
    """Add the triggers a webhook does not have; no name is refused."""
    events = work.schema["webhook_events"]
    held = {row["event_type"] for row in work.rows("webhook_events", events.c.webhook_id == hook_id)}
    for trigger in dict.fromkeys(triggers):
        if trigger not in held:
            work.add("webhook_events", webhook_id=hook_id, event_type=str(trigger))


def write_hook(work: Work, hook_id: int, **columns: Any) -> None:
    """Write columns of a webhook."""
    hooks = work.schema["webhooks"]
    work.connection.execute(update(hooks).where(hooks.c.id == hook_id).values(**columns))


def has_no_success(work: Work, hook_id: int) -> bool:
    """Tell whether a webhook has logs and none among the last ones says that it went well."""
    logs = work.schema["webhook_logs"]
    query = select(logs.c.status_code).where(logs.c.webhook_id == hook_id).order_by(logs.c.id.desc())
    codes = work.connection.execute(query.limit(LOGS_LOOKED_AT)).scalars().all()
    return bool(codes) and not any(code.startswith("2") for code in codes)


def is_spared(hook: Row, now: datetime) -> bool:
    """Tell whether a webhook was changed so lately that Mautic leaves it alone."""
    return hook["date_modified"] is not None and now - hook["date_modified"] < SPARED_FOR


def is_resting(hook: Row, now: datetime) -> bool:
    """Tell whether the queue of a webhook is left alone for a while after a failure."""
    since = hook.get("marked_unhealthy_at")
    return since is not None and now - since < UNHEALTHY_FOR


def signature(secret: str, raw: bytes) -> str:
    """Return the value of the header `Webhook-Signature`."""
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Send a body over HTTP and return the status; whatever goes wrong on the way is an OSError."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def addresses_of(name: str) -> Sequence[str]:
    """Return the addresses of a host name; none when nobody knows it."""
    try:
        return socket.gethostbyname_ex(name)[2]
    except OSError:
        return []
