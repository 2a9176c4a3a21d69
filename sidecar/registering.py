"""Registering with an instance's Mautic: check it, make what is missing, take away what was made. Start here.

Checking changes nothing there. What a registration makes is remembered, with its id; an undo removes that and nothing else.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sidecar.bootstrap import SIDECAR_URL, App
from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.hosts.mautic.registration.look import has_segment, look_at_api
from sidecar.hosts.mautic.registration.look_behind import look_behind
from sidecar.hosts.mautic.registration.make import (
    make_field,
    make_hook,
    make_segment,
    mend_hook,
    remove_field,
    remove_hook,
    remove_segment,
)
from sidecar.hosts.mautic.registration.plan import (
    FEW_CHANGES,
    TOO_MANY,
    Action,
    Part,
    PartKind,
    hook_faults,
)
from sidecar.hosts.mautic.registration.probe import Probed, probe, remove_probe
from sidecar.hosts.mautic.registration.report import Report, build_report
from sidecar.hosts.mautic.registration.seen import Seen
from sidecar.hosts.mautic.registration.wanted import (
    EVERY_TRIGGER,
    FEW_TRIGGERS,
    Wanted,
    build_wanted,
    hook_name,
)
from sidecar.hosts.mautic.side import MauticSide
from sidecar.lines import dump_lines, parse_lines
from sidecar.records import ObjectSchema, Side
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.host_events import HostEvents
from sidecar.store.host_parts import HostPart, HostParts
from sidecar.store.instances import Instance
from sidecar.store.outbox import Outbox
from sidecar.sync.model import Reaction

HOOK_SECRET: Final = "hook_secret"  # noqa: S105  (the name of a secret)
SHARED_KEY: Final = "shared_key"
PUSH_KEY: Final = "push_key"
SHOWN_ONCE: Final = (SHARED_KEY, PUSH_KEY)
"""What somebody must enter elsewhere: the plugin inside Mautic, and the webhook action of a campaign."""

_CHECK: Final = "host-check"
_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for: where Mautic reaches us and which triggers (None: as before), whether a segment is made.

    An empty address means that of the deployment again.
    """

    sidecar_url: str | None = None
    few_triggers: bool | None = None
    segment: bool = False
    only_fields: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at a Mautic, and what it means."""

    wanted: Wanted
    seen: Seen
    report: Report


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registration did, and how Mautic looks afterwards. `keys` are those made just now: shown once, and never again."""

    made: tuple[Part, ...]
    after: Looked
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)


def check_mautic(app: App, instance: Instance, wishes: Wishes | None = None) -> Looked:
    """Look at everything a Mautic must have for us; nothing is changed."""
    with _opened(app, instance) as host:
        return _look(app, instance, host, wishes or Wishes())


def register(app: App, instance: Instance, who: str, wishes: Wishes | None = None) -> Registered:
    """Make what is missing, mend what is not right; a second time there is nothing to do. Repeat it after an error.

    Errors: SetupError where Mautic cannot be used or refuses a part; what was made before it is remembered.
    """
    wishes = wishes or Wishes()
    with _opened(app, instance) as host:
        before = _look(app, instance, host, wishes)
        _require_looked(before)
        if wishes.sidecar_url is not None:
            app.connections.remember(instance.id, Side.HOST, SIDECAR_URL, wishes.sidecar_url)
        keys = {} if wishes.only_fields else _make_keys(app, instance)
        made = tuple(_make(app, instance, host, before, part) for part in _chosen(before, wishes))
    after = check_mautic(app, instance, wishes) if made else before
    if any(part.kind is PartKind.FIELD for part in made):
        Outbox(app.database).wake(instance.id, "people", Reaction.SETUP)
    if made or keys:
        told = [f"{part.action} {part.kind} {part.name}" for part in made]
        entry = AuditEntry(who, "mautic-registered", app.clock(), None, [*told, *sorted(keys)], "", instance.id)
        AuditLog(app.database).add(entry)
    return Registered(made, after, {name: keys[name] for name in SHOWN_ONCE if name in keys})


def unregister(app: App, instance: Instance, who: str, *, with_fields: bool = False) -> list[HostPart]:
    """Remove what registering made: the webhook, the segment, and fields only if asked, as their values go with them.

    Return what was removed. What is gone already, or is not ours any more, is only forgotten.
    """
    kept = HostParts(app.database, instance.id)
    parts = [part for part in kept.load() if with_fields or part.kind != PartKind.FIELD]
    removed = []
    if parts:
        with _opened(app, instance) as host:
            for part in parts:
                is_gone = _remove(host, instance, part)
                if is_gone:
                    removed.append(part)
                if is_gone or part.kind != PartKind.PROBE:
                    kept.forget(part)
    app.connections.remember(instance.id, Side.HOST, SIDECAR_URL, "")
    if HOOK_SECRET in app.connections.load_secrets(instance.id, Side.HOST):
        app.connections.set_secrets(instance.id, Side.HOST, dict.fromkeys((HOOK_SECRET, *SHOWN_ONCE), ""))
    if removed:
        told = [f"{part.kind} {part.name}" for part in removed]
        AuditLog(app.database).add(AuditEntry(who, "mautic-unregistered", app.clock(), told, None, "", instance.id))
    return removed


def try_out(app: App, instance: Instance) -> Probed:
    """Try on a throw-away contact what only a trial tells; one that could not be removed is removed by the next try."""
    kept = HostParts(app.database, instance.id)

    def remember(contact_id: str | None) -> None:
        if contact_id is None:
            for part in kept.load(PartKind.PROBE):
                kept.forget(part)
        else:
            kept.add(HostPart(PartKind.PROBE, "trial", contact_id), app.clock())

    with _opened(app, instance) as host:
        for part in kept.load(PartKind.PROBE):
            if not remove_probe(host.client, part.host_id):
                return Probed(left=part.host_id)
            kept.forget(part)
        return probe(host.client, app.sleep, remember)


def new_keys(app: App, instance: Instance, who: str) -> dict[str, str]:
    """Make new keys for the plugin and for campaigns; the old ones hold no longer. They are shown once."""
    keys = {name: _random() for name in SHOWN_ONCE}
    app.connections.set_secrets(instance.id, Side.HOST, keys)
    AuditLog(app.database).add(AuditEntry(who, "mautic-keys-renewed", app.clock(), instance_id=instance.id))
    return keys


def made_parts(app: App, instance: Instance) -> list[HostPart]:
    """Return what registering made and an undo would remove."""
    return HostParts(app.database, instance.id).load()


def keep_check(app: App, instance: Instance, looked: Looked) -> None:
    """Remember a check for the page, until tomorrow or until the connection changes; and whether Mautic can be used."""
    kept = {
        "checked_at": app.clock().isoformat(),
        "is_green": looked.report.is_green,
        "lines": dump_lines(looked.report.lines),
        "parts": [[part.kind.value, part.name, part.action.value] for part in looked.report.plan.parts],
    }
    app.cache(instance, Side.HOST).put(_CHECK, json.dumps(kept), expires_at=app.clock() + _KEPT)
    wrong = _unusable(looked)
    told = {"code": wrong.code, "message": wrong.message} if wrong else {}
    app.connections.note_check(instance.id, Side.HOST, app.clock(), **told)


def kept_check(app: App, instance: Instance) -> dict[str, Any] | None:
    """Return the remembered check, or None if there is none."""
    text = app.cache(instance, Side.HOST).get(_CHECK)
    if text is None:
        return None
    kept: dict[str, Any] = json.loads(text)
    return {
        **kept,
        "checked_at": datetime.fromisoformat(kept["checked_at"]),
        "lines": parse_lines(kept["lines"]),
        "parts": [Part(PartKind(kind), name, Action(action)) for kind, name, action in kept["parts"]],
    }


def _look(app: App, instance: Instance, host: MauticSide, wishes: Wishes) -> Looked:
    parts = HostParts(app.database, instance.id)
    hook = next(iter(parts.load(PartKind.HOOK)), None)
    segment = next(iter(parts.load(PartKind.SEGMENT)), None)
    behind = look_behind(host.reader)
    wanted = _wanted(app, instance, behind.schema, wishes, hook)
    api = look_at_api(host.client, host.reader, wanted, hook.host_id if hook else None)
    seen = Seen(
        base_url=host.reader.base_url,
        is_basic=_is_basic(app, instance),
        prefix=host.reader.tables.prefix,
        now=app.clock(),
        api=api,
        database=behind,
        heard_at=HostEvents(app.database).last_heard_at(instance.id),
        has_segment=segment is not None and api.error is None and has_segment(host.client, segment.host_id),
    )
    secret = app.connections.load_secrets(instance.id, Side.HOST).get(HOOK_SECRET)
    return Looked(wanted, seen, build_report(wanted, seen, secret))


def _wanted(app: App, instance: Instance, schema: ObjectSchema | None, wishes: Wishes, hook: HostPart | None) -> Wanted:
    people = app.mapping(instance, "people")
    few = wishes.few_triggers if wishes.few_triggers is not None else bool(hook and hook.name == FEW_CHANGES)
    asked = wishes.sidecar_url
    url = app.sidecar_url(instance) if asked is None else asked or app.settings.public_url
    triggers = FEW_TRIGGERS if few else EVERY_TRIGGER
    wanted = build_wanted(people, {}, instance.slug, url, triggers=triggers, has_segment=wishes.segment)
    if schema is None or all(wish.alias in schema.fields for wish in wanted.fields):
        return wanted
    known = _describe_org(app, instance, people.salesforce_objects)
    return build_wanted(people, known, instance.slug, url, triggers=triggers, has_segment=wishes.segment)


def _describe_org(app: App, instance: Instance, objects: tuple[str, ...]) -> dict[str, ObjectSchema | None]:
    """Return what Salesforce says of these objects; nothing where it is not connected, or does not answer now."""
    try:
        with app.open_salesforce(instance) as org:
            return {name: org.describe(name) for name in objects}
    except (SetupError, TransientError):
        return {}


def _require_looked(looked: Looked) -> None:
    error = _unusable(looked)
    if error is not None:
        raise error


def _unusable(looked: Looked) -> SidecarError | None:
    """Return why nothing can be done with a Mautic as it was found."""
    error = looked.seen.api.error or looked.seen.database.error
    if error is not None or looked.seen.database.schema is not None:
        return error
    wrong = next(line for line in looked.report.lines if line.code in {"host-prefix", "host-tables"})
    return SetupError(f"{wrong.what} {wrong.how}", code="mautic-database-refused", fixed_by=wrong.fixed_by)


def _chosen(looked: Looked, wishes: Wishes) -> tuple[Part, ...]:
    parts = looked.report.plan.parts
    return tuple(part for part in parts if part.kind is PartKind.FIELD) if wishes.only_fields else parts


def _make(app: App, instance: Instance, host: MauticSide, looked: Looked, part: Part) -> Part:
    """Make or mend one part, and remember it at once."""
    kept = HostParts(app.database, instance.id)
    if part.kind is PartKind.FIELD:
        wish = next(each for each in looked.report.plan.fields if each.alias == part.name)
        host_id = make_field(host.client, wish)
    elif part.kind is PartKind.SEGMENT:
        host_id = make_segment(host.client, looked.wanted.mark or "")
    else:
        host_id = _make_hook(app, instance, host, looked)
        for other in kept.load(PartKind.HOOK):
            if other.name != part.name:
                kept.forget(other)
    kept.add(HostPart(part.kind, part.name, host_id), app.clock())
    return part


def _make_hook(app: App, instance: Instance, host: MauticSide, looked: Looked) -> str:
    secret = app.connections.load_secrets(instance.id, Side.HOST)[HOOK_SECRET]
    there = looked.seen.api.hook
    if there is None:
        return make_hook(host.client, looked.wanted, secret)
    if TOO_MANY in hook_faults(looked.wanted, there):
        remove_hook(host.client, str(there.id), looked.wanted.hook_name)
        return make_hook(host.client, looked.wanted, secret)
    mend_hook(host.client, str(there.id), looked.wanted, secret)
    return str(there.id)


def _remove(host: MauticSide, instance: Instance, part: HostPart) -> bool:
    kind = PartKind(part.kind)
    if kind is PartKind.HOOK:
        return remove_hook(host.client, part.host_id, hook_name(instance.slug))
    if kind is PartKind.SEGMENT:
        return remove_segment(host.client, part.host_id)
    if kind is PartKind.PROBE:
        return remove_probe(host.client, part.host_id)
    return remove_field(host.client, part.host_id, part.name)


def _make_keys(app: App, instance: Instance) -> dict[str, str]:
    """Make the secrets that are not there yet, and return them."""
    known = app.connections.load_secrets(instance.id, Side.HOST)
    keys = {name: _random() for name in (HOOK_SECRET, *SHOWN_ONCE) if not known.get(name)}
    if keys:
        app.connections.set_secrets(instance.id, Side.HOST, keys)
    return keys


def _random() -> str:
    return secrets.token_urlsafe(32)


def _is_basic(app: App, instance: Instance) -> bool:
    info = app.connections.load(instance.id, Side.HOST)
    return bool(info and info.settings.get("auth") == "basic")


@contextmanager
def _opened(app: App, instance: Instance) -> Iterator[MauticSide]:
    host = app.connect_mautic(instance)
    try:
        yield host
    finally:
        host.close()
