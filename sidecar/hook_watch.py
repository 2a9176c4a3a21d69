"""Watching our webhook: Mautic switches one off by itself after a bad answer, and then nobody is told of a change at once.

Nothing is lost by it, since each run reads what changed. So nothing here ever ends a run, and it costs one call an hour.
"""

import logging
from datetime import timedelta
from typing import Final

from sidecar.bootstrap import App, as_mautic
from sidecar.errors import SidecarError
from sidecar.hosts.mautic.registration.look import is_ours, read_hook
from sidecar.hosts.mautic.registration.make import switch_hook_on
from sidecar.hosts.mautic.registration.plan import PartKind
from sidecar.hosts.mautic.registration.wanted import hook_address, hook_name
from sidecar.hosts.mautic.side import MauticSide
from sidecar.hosts.port import HostSide
from sidecar.records import Side
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.host_parts import HostPart, HostParts
from sidecar.store.instances import Instance

LANE: Final = "hooks"
"""What its alerts stand under: those of a lane of work are replaced by each of its runs."""
STOPPED: Final = "webhook-stopped"
MISSING: Final = "webhook-missing"
MOVED: Final = "webhook-moved"
EVERY: Final = timedelta(hours=1)
WHO: Final = "sidecar"

_LOOKED_AT: Final = "hook-watched"
_log = logging.getLogger(__name__)


def watch_hook(app: App, instance: Instance, host: HostSide, *, at_once: bool = False) -> None:
    """Look whether our webhook is on, and switch it on again; at most once an hour, unless asked to look at once."""
    cache, now = app.cache(instance, Side.HOST), app.clock()
    hook = next(iter(HostParts(app.database, instance.id).load(PartKind.HOOK)), None)
    if hook is None or (cache.get(_LOOKED_AT) and not at_once):
        return
    cache.put(_LOOKED_AT, now.isoformat(), expires_at=now + EVERY)
    try:
        _look(app, instance, as_mautic(host), hook)
    except SidecarError as error:
        _log.warning("The webhook could not be looked at (%s)", error.code)


def _look(app: App, instance: Instance, host: MauticSide, hook: HostPart) -> None:
    now, found = app.clock(), read_hook(host.client, hook.host_id)
    url = app.sidecar_url(instance)
    address = hook_address(url, instance.slug) if url else None
    if found is None or not is_ours(found, hook_name(instance.slug), address):
        message = "Our webhook is gone from Mautic: changes wait for the next run. Register again to make a new one."
        app.alerts.open(instance.id, LANE, MISSING, message, "operator", now)
        return
    app.alerts.close(instance.id, LANE, MISSING, now)
    if address and found.url != address:
        message = f"Our webhook calls another address than {address}: changes wait for the next run. Register again to mend it."
        app.alerts.open(instance.id, LANE, MOVED, message, "operator", now)
        return
    app.alerts.close(instance.id, LANE, MOVED, now)
    if found.is_published:
        app.alerts.close(instance.id, LANE, STOPPED, now)
        return
    switch_hook_on(host.client, hook.host_id)
    message = (
        f"Mautic had switched our webhook off, which it does after a bad answer; it was switched on again at "
        f"{now:%Y-%m-%d %H:%M} UTC. Until then, changes waited for the next run."
    )
    app.alerts.open(instance.id, LANE, STOPPED, message, "operator", now)
    entry = AuditEntry(
        WHO, "webhook-switched-on", now, {"is_published": False}, {"is_published": True}, "", instance.id
    )
    AuditLog(app.database).add(entry)
