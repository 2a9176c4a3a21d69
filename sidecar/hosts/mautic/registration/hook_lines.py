"""Lines about our webhook: there, switched on, with our address and triggers, able to reach us, not in anybody's way. Pure."""

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from sidecar.hosts.mautic.registration.plan import hook_faults
from sidecar.hosts.mautic.registration.seen import HookSeen, Seen
from sidecar.hosts.mautic.registration.sentences import BUTTON, OPERATOR, fix, note, ok
from sidecar.hosts.mautic.registration.wanted import EVERY_TRIGGER, FEW_TRIGGERS, Wanted
from sidecar.lines import Line, told

LATE: Final = timedelta(hours=1)
_LOCAL_ENDINGS: Final = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


def hook_lines(wanted: Wanted, seen: Seen, secret: str | None) -> Iterator[Line]:
    """Yield the lines about the webhook."""
    about = wanted.hook_url or told("Webhook")
    if wanted.hook_url is None:
        text = told(
            "Nobody said at which address Mautic reaches us, so no webhook is made: changes wait for the next run."
        )
        remedy = told("Set SIDECAR_PUBLIC_URL, or register with --sidecar-url.")
        yield note("host-hook", about, text, remedy, by=OPERATOR)
        return
    hook = seen.api.hook
    yield _state_line(wanted, hook, secret, about)
    yield from _target_lines(wanted.hook_url, seen)
    if hook is None:
        return
    yield from _cost_lines(seen, hook, about)
    if seen.api.differences and seen.api.differences.auto_unpublish_switch:
        text = told(
            "Mautic switches a webhook off when it fails; the sidecar looks every hour and switches it on again."
        )
        remedy = told("Set disable_auto_unpublish to true in Mautic's configuration file, and it stays on.")
        yield note("host-hook-kept", about, text, remedy)


def _state_line(wanted: Wanted, hook: HookSeen | None, secret: str | None, about: str) -> Line:
    if hook is None:
        return note(
            "host-hook", about, told("There is no webhook yet: changes wait for the next run."), BUTTON, by=OPERATOR
        )
    faults = hook_faults(wanted, hook, secret)
    if not faults:
        return ok("host-hook", about, told("The webhook is there and switched on."))
    text = told("The webhook is there, but not as it should be (%(faults)s).")
    return fix("host-hook", about, text, BUTTON, {"faults": ", ".join(faults)}, by=OPERATOR)


def _target_lines(url: str, seen: Seen) -> Iterator[Line]:
    """Tell what may keep deliveries from us; a delivery that came says that nothing does."""
    host = urlsplit(url).hostname or ""
    if seen.heard_at is not None:
        return
    if seen.api.differences and seen.api.differences.private_targets_refused and is_private(host):
        text = told("From this version on Mautic sends nothing to private addresses, and %(host)s looks like one.")
        remedy = told(
            "In Mautic, Configuration, Webhook settings: add exactly %(host)s to webhook_allowed_private_addresses."
        )
        yield fix("host-hook-target", url, text, remedy, {"host": host})


def _cost_lines(seen: Seen, hook: HookSeen, about: str) -> Iterator[Line]:
    """Tell how Mautic sends: from a queue, or within the visitor's own request."""
    count, since = seen.database.hooks_waiting, seen.database.hooks_waiting_since
    if count and since is not None and seen.now - since > LATE:
        text = told("%(count)s deliveries have waited for more than an hour.")
        remedy = told("Run mautic:webhooks:process every minute from cron.")
        yield fix("host-hook-queue", about, text, remedy, {"count": count})
    elif not count:
        text = told("Unless Mautic queues webhooks, it makes a call within each request that changes a contact.")
        remedy = told(
            "In Mautic, Configuration, Webhook settings: process by queue, with mautic:webhooks:process in cron."
        )
        yield note("host-hook-queue", about, text, remedy)
    has_outbox = seen.api.bundle_status == 200 and (seen.api.bundle.get("outbox") or {}).get("began_at")
    if has_outbox and hook.triggers >= set(EVERY_TRIGGER):
        text = told("The plugin's outbox tells every change at the next run, so the webhook need not.")
        remedy = told("Register with --few-triggers to be called for new people, opt-outs and deletions only.")
        yield note("host-hook-triggers", about, text, remedy, by=OPERATOR)
    elif not hook.triggers >= set(EVERY_TRIGGER) and hook.triggers >= set(FEW_TRIGGERS):
        text = told("It calls for new people, opt-outs and deletions; edits wait for the next run.")
        yield note("host-hook-triggers", about, text)


def is_private(host: str) -> bool:
    """Tell whether a host is an address of this machine or of a private network, as far as its name says."""
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_ENDINGS)
