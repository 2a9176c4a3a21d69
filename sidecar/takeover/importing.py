"""The take-over itself: documents, the way to the org, where reading begins, and the links. Doing it again changes nothing."""

import os
import socket
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sidecar.bootstrap import App
from sidecar.errors import TransientError
from sidecar.hosts.mautic.native.cipher import decrypt_all, require_key
from sidecar.hosts.mautic.native.convert import convert_access
from sidecar.hosts.mautic.native.links import Fate
from sidecar.hosts.mautic.native.settings import NativeSettings
from sidecar.mapping.parse import parse_mapping
from sidecar.records import Side
from sidecar.salesforce.connection import API_VERSION
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import Instance
from sidecar.store.lane import LeasedLane
from sidecar.store.links import Scope
from sidecar.takeover.beginning import Beginning, begin_activities, begin_people
from sidecar.takeover.linking import Detail, LinkTaker
from sidecar.takeover.looking import Looked, look, rows_of
from sidecar.takeover.rules import identity_only, rules_of

AUTHOR: Final = "take-over"
"""How the author of a version begins that came from the plugin; the import replaces no other version unasked."""


class Saving(StrEnum):
    """What became of a document."""

    SAVED = "saved"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class OrgSaving(StrEnum):
    """What became of the plugin's way to its org."""

    IMPORTED = "imported"
    KEPT = "kept"
    NO_KEY = "no_secret_key"
    NEVER_AUTHORISED = "never_authorised"


@dataclass(slots=True)
class Imported:
    """All that an import did and found."""

    looked: Looked
    documents: dict[str, tuple[Saving, int]] = field(default_factory=dict)
    org: OrgSaving = OrgSaving.NO_KEY
    people: Beginning = field(default_factory=lambda: Beginning(None))
    activities: Beginning = field(default_factory=lambda: Beginning(None))
    links: Counter[Fate] = field(default_factory=Counter)
    details: list[Detail] = field(default_factory=list)
    tombstones: int = 0

    @property
    def has_changed(self) -> bool:
        """Whether anything is other than before."""
        saved = any(saving is Saving.SAVED for saving, _ in self.documents.values())
        began = self.people.at is not None or self.activities.at is not None
        linked = bool(self.links[Fate.LINKED] or self.tombstones)
        return saved or began or linked or self.org is OrgSaving.IMPORTED


def take_over(
    app: App, instance: Instance, who: str, *, secret_key: str | None = None, replace: bool = False
) -> Imported:
    """Import everything; `secret_key` opens the plugin's own way to the org, and is not kept.

    Errors: UsageError (no plugin, wrong key), SetupError (no way to a side), TransientError (a lane is running).
    """
    key = require_key(secret_key) if secret_key else None
    done = Imported(look(app, instance))
    done.org = _save_access(app, instance, done.looked.settings, key, who)
    with app.open_sides(instance) as sides, _leased(app, instance) as lanes:
        conversion = done.looked.conversion
        rules_of(identity_only(parse_mapping(conversion.people)), instance, sides)  # refuse before anything is saved
        for name, document in (("people", conversion.people), ("activities", conversion.activities)):
            done.documents[name] = _save_document(app, instance, name, document, who, replace=replace)
        mapping = app.mapping(instance, "people")
        done.activities = begin_activities(app, sides, app.activities(instance), lanes["activities"])
        last_push_at = done.looked.state.last_push_at
        done.people = begin_people(app, instance, sides, mapping, lanes["people"], last_push_at)
        taker = LinkTaker(sides, rules_of(identity_only(mapping), instance, sides), lanes["people"])
        for page in rows_of(sides.mautic).pages():
            taker.take(page)
    done.links, done.details, done.tombstones = taker.counts, taker.details, taker.buried
    if done.has_changed:
        _note(app, instance, who, done)
    return done


def _save_document(
    app: App, instance: Instance, name: str, document: Mapping[str, Any], who: str, *, replace: bool
) -> tuple[Saving, int]:
    """Save a new version, unless it says the same, or somebody made one of their own."""
    current = app.mappings.current(instance.id, name)
    if current is not None and current.document == document:
        return Saving.UNCHANGED, current.version
    if current is not None and not current.author.startswith(AUTHOR) and not replace:
        return Saving.KEPT, current.version
    return Saving.SAVED, app.mappings.save(instance.id, name, document, f"{AUTHOR} ({who})", app.clock())


def _save_access(app: App, instance: Instance, settings: NativeSettings, key: str | None, who: str) -> OrgSaving:
    """Reach the org as the plugin did, where nobody has entered another way."""
    if key is None:
        return OrgSaving.NO_KEY
    access = convert_access(settings, decrypt_all(settings.api_keys, key))
    if access is None:
        return OrgSaving.NEVER_AUTHORISED
    if app.connections.load(instance.id, Side.SALESFORCE) is not None:
        return OrgSaving.KEPT
    saved = {**access.settings, "username": "", "api_version": API_VERSION}
    app.connections.save(instance.id, Side.SALESFORCE, saved, access.secrets)
    app.forget(instance, Side.SALESFORCE)
    entry = AuditEntry(
        who, "salesforce-connected", app.clock(), None, saved, "the sign-in of the plugin", instance_id=instance.id
    )
    AuditLog(app.database).add(entry)
    return OrgSaving.IMPORTED


@contextmanager
def _leased(app: App, instance: Instance) -> Iterator[dict[str, LeasedLane]]:
    """Hold both lanes, so that no run sees half an import."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    fences: dict[str, int] = {}
    try:
        for lane in ("people", "activities"):
            fence = app.schedules.claim_lease(instance.id, lane, owner, app.clock(), app.settings.lease_seconds)
            if fence is None:
                raise TransientError(f"The lane {lane} is running: try again once it is done", code="lane-running")
            fences[lane] = fence
        yield {
            lane: LeasedLane(app.database, Scope(instance.id, lane), owner, fence, app.clock)
            for lane, fence in fences.items()
        }
    finally:
        for lane, fence in fences.items():
            app.schedules.release_lease(instance.id, lane, fence)


def _note(app: App, instance: Instance, who: str, done: Imported) -> None:
    """Write down who took over what; settings that have no place yet are kept here."""
    settings = done.looked.settings
    after = {
        "documents": {name: {"what": saving, "version": version} for name, (saving, version) in done.documents.items()},
        "org": done.org,
        "links": {fate.value: count for fate, count in done.links.items()},
        "tombstones": done.tombstones,
        "people_from": done.people.at and done.people.at.isoformat(),
        "activities_from": done.activities.at and done.activities.at.isoformat(),
        "company_fields": dict(settings.company_fields),
        "company_arrows": dict(settings.company_arrows),
    }
    entry = AuditEntry(who, "native-plugin-taken-over", app.clock(), None, after, instance_id=instance.id)
    AuditLog(app.database).add(entry)
