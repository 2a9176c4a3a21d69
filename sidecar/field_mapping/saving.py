"""A mapping as it stands, and each change of it as a new version: by the same reader as a file, with who and what. Start here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from sidecar.bootstrap import SHIPPED_MAPPINGS, App
from sidecar.errors import UsageError
from sidecar.field_mapping.fields import KnownFields, known_fields
from sidecar.mapping.document import MappingError
from sidecar.mapping.editing import Change, changes
from sidecar.mapping.export import dump_mapping
from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.model import FieldPair, ObjectMapping
from sidecar.mapping.offers import Refusal, recommended, refusals
from sidecar.mapping.parse import load_mapping, parse_mapping
from sidecar.mapping.preflight import preflight
from sidecar.mapping.rules import Problem
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import Instance
from sidecar.store.mappings import MappingVersion

NAME: Final = "people"
SHIPPED: Final = 0
"""The number of the shipped document, which comes before every version that was saved."""


@dataclass(frozen=True)
class Standing:
    """The people mapping of an instance as it is followed now: its document, its version, and both sides' fields as known."""

    instance: Instance
    document: Mapping[str, Any]
    mapping: ObjectMapping
    fields: KnownFields
    version: int = SHIPPED
    author: str = ""
    valid_from: datetime | None = None

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What preflight finds with the fields as known; nothing as long as nobody read them."""
        if not self.fields.is_read:
            return ()
        fingerprint = Fingerprinter(self.instance.salt)
        return preflight(self.mapping, self.fields.host, self.fields.objects, fingerprint=fingerprint).problems

    @cached_property
    def recommended(self) -> list[FieldPair]:
        """The shipped pairs that could be added as they are."""
        host = self.fields.host
        return recommended(load_mapping(_shipped_path()), self.mapping, host, self.fields.objects) if host else []

    def pair(self, name: str) -> FieldPair | None:
        """Return a field pair, or None if there is none of that name."""
        return next((pair for pair in self.mapping.fields if pair.name == name), None)


@dataclass(frozen=True, slots=True)
class Saved:
    """One version that was saved: by whom, when, and what it changed."""

    version: int
    author: str
    valid_from: datetime
    changes: tuple[Change, ...]


def standing(app: App, instance: Instance) -> Standing:
    """Return the mapping as it stands. Asks neither system."""
    saved = app.mappings.current(instance.id, NAME)
    document = saved.document if saved else shipped_document()
    mapping = parse_mapping(document)
    fields = known_fields(app, instance, mapping)
    if saved is None:
        return Standing(instance, document, mapping, fields)
    return Standing(instance, document, mapping, fields, saved.version, saved.author, saved.valid_from)


def save(app: App, found: Standing, document: Mapping[str, Any], version: int, who: str) -> list[Change]:
    """Save a changed document as a new version and return what changed; nothing is saved where nothing did.

    Errors: MappingError with everything that is wrong; UsageError if somebody saved since `version`.
    """
    parse_mapping(document)
    changed = changes(found.document, document)
    if not changed:
        return []
    now = app.clock()
    saved = app.mappings.save(found.instance.id, NAME, document, who, now, after=version)
    told = [{"path": each.path, "before": each.before, "after": each.after} for each in changed]
    before, after = {"version": version}, {"version": saved, "changes": told}
    AuditLog(app.database).add(AuditEntry(who, "mapping-changed", now, before, after, "", found.instance.id))
    return changed


def refused(found: Standing, document: Mapping[str, Any], name: str) -> list[Refusal]:
    """Return why a pair that is new, or joins other fields or by another arrow than before, cannot be followed.

    A pair that merely keeps what it joins is not judged: it may wait for a field to come back.
    """
    mapping = parse_mapping(document)
    pair, before, host = mapping.pair(name), found.pair(name), found.fields.host
    if before is not None and _joins(before) == _joins(pair):
        return []
    if host is None:
        raise UsageError("Read both systems first: nobody knows their fields yet", code="mapping-fields-unread")
    return refusals(pair, mapping, host, found.fields.objects)


def history(app: App, instance: Instance, *, limit: int, before: int | None = None) -> list[Saved]:
    """Return the versions, newest first, each with what it changed; what no longer can be read tells no changes."""
    versions = app.mappings.history(instance.id, NAME, limit=limit + 1, before=before)
    older = [version.document for version in versions[1:]]
    if len(versions) <= limit:
        older.append(shipped_document())
    pairs = zip(versions[:limit], older, strict=False)
    return [Saved(each.version, each.author, each.valid_from, _changes(old, each)) for each, old in pairs]


def document_of(app: App, instance: Instance, version: int) -> Mapping[str, Any]:
    """Return the document of a version, to go back to it; UsageError if there is none."""
    if version == SHIPPED:
        return shipped_document()
    found = app.mappings.history(instance.id, NAME, limit=1, before=version + 1)
    if not found or found[0].version != version:
        raise UsageError("There is no such version", code="no-such-mapping-version")
    return found[0].document


def shipped_document() -> dict[str, Any]:
    """Return the document that holds where nobody saved one."""
    return dump_mapping(load_mapping(_shipped_path()))


def _shipped_path() -> Path:
    return SHIPPED_MAPPINGS / f"{NAME}.toml"


def _changes(before: Mapping[str, Any], after: MappingVersion) -> tuple[Change, ...]:
    try:
        return tuple(changes(before, after.document))
    except MappingError:
        return ()


def _joins(pair: FieldPair) -> tuple[object, ...]:
    return (pair.host, sorted(pair.salesforce.items()), pair.priority)
