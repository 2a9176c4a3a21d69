"""What the activities document says: which timeline events go to Salesforce, as what, and how far back. Pure.

The document's keys are told in mappings/README.md; events and their fields are read elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from sidecar.mapping.document import API_NAME, NAME, DocumentProblem, MappingError, TableReader, nearest
from sidecar.mapping.parse import read_document

ACTIVITIES_KEYS = ("lane", "object", "namespace", "first_run_days", "target", "event_types", "targets", "fields")

EVENT_TYPES = (
    "asset.download",
    "campaign.event",
    "campaign.event.scheduled",
    "campaign_membership",
    "dynamic.content.sent",
    "email.failed",
    "email.read",
    "email.replied",
    "email.sent",
    "focus.on_click",
    "focus.on_view",
    "form.submitted",
    "integration_sync_issues",
    "lead.donotcontact",
    "lead.imported",
    "lead.source.created",
    "lead.source.identified",
    "lead.utmtagsadded",
    "message.queue",
    "page.hit",
    "page.videohit",
    "point.gained",
    "segment_membership",
    "sms.failed",
    "sms.sent",
    "sms_reply",
    "stage.changed",
)
"""Every event of a contact's timeline, by the host's own key."""

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "activity_date": "ActivityDate",
        "contact": "contact_id",
        "description": "Description",
        "lead": "WhoId",
        "mautic_id": "MauticLead",
        "mautic_url": "Mautic_url",
        "reference_id": "ReferenceId",
    }
)
"""Our word for each custom field of the timeline object → its name there, without namespace and ending."""


class Target(StrEnum):
    """What an event becomes in Salesforce."""

    TIMELINE = "timeline"
    TASK = "task"
    BOTH = "both"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ActivityMapping:
    """Which events travel and what they become. `object_name` and `fields` are without namespace and `__c`."""

    lane: str
    object_name: str
    namespace: str
    first_run_days: int
    targets: Mapping[str, Target]
    fields: Mapping[str, str]

    @property
    def object_api_name(self) -> str:
        """Return the timeline object's name as the API wants it."""
        return self._api_name(self.object_name)

    @property
    def event_types(self) -> tuple[str, ...]:
        """Return the event types that travel at all."""
        return tuple(name for name, target in self.targets.items() if target is not Target.OFF)

    def field_api_name(self, word: str) -> str:
        """Return a timeline field's name as the API wants it; KeyError if FIELDS has no such word."""
        return self._api_name(self.fields[word])

    def _api_name(self, name: str) -> str:
        prefix = f"{self.namespace}__" if self.namespace else ""
        return f"{prefix}{name}__c"


def load_activities(path: Path) -> ActivityMapping:
    """Read the activities document from a TOML file; MappingError tells everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError([DocumentProblem(path.name, "cannot be read as a text file")]) from error
    return parse_activities(read_document(text))


def parse_activities(document: Mapping[str, object]) -> ActivityMapping:
    """Return what an activities document says; MappingError with every problem if it is not one."""
    problems: list[DocumentProblem] = []
    whole = TableReader(document, "", problems)
    whole.require_known(("activities",))
    table = TableReader(whole.get("activities"), "activities", problems)
    table.require_known(ACTIVITIES_KEYS)
    mapping = ActivityMapping(
        lane=table.text("lane", form=NAME, default="activities") or "activities",
        object_name=_bare_name(table, "object", "mautic_timeline"),
        namespace=_parse_namespace(table),
        first_run_days=table.number("first_run_days", least=0, most=365, default=7),
        targets=_parse_targets(table, problems),
        fields=_parse_fields(table, problems),
    )
    if problems:
        raise MappingError(problems)
    return mapping


def dump_activities(mapping: ActivityMapping) -> dict[str, object]:
    """Return the document again; parsing it gives the same mapping."""
    return {
        "activities": {
            "lane": mapping.lane,
            "object": mapping.object_name,
            "namespace": mapping.namespace,
            "first_run_days": mapping.first_run_days,
            "target": Target.TIMELINE.value,
            "event_types": list(mapping.targets),
            "targets": {name: target.value for name, target in mapping.targets.items()},
            "fields": dict(mapping.fields),
        }
    }


def _parse_namespace(table: TableReader) -> str:
    """Return the prefix of a managed package; the empty text means none, so it is the one blank text allowed."""
    return "" if table.get("namespace") == "" else table.text("namespace", form=API_NAME) or ""


def _parse_targets(table: TableReader, problems: list[DocumentProblem]) -> dict[str, Target]:
    """Return a target per event type named: its own from `targets`, else the common one."""
    common = table.word("target", Target, Target.TIMELINE)
    own = TableReader(table.get("targets") if table.has("targets") else {}, "activities.targets", problems)
    own.require_known(EVENT_TYPES)
    value = table.get("event_types") if table.has("event_types") else []
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        table.note("event_types", "must be a list of event types")
        return {}
    for name in value:
        if name not in EVENT_TYPES:
            suggestion = nearest(name, EVENT_TYPES)
            table.note("event_types", f"{name[:40]!a} is not an event type", allowed=EVENT_TYPES, suggestion=suggestion)
    named = dict.fromkeys([*value, *own.text_keys()])
    return {name: own.word(name, Target, common) for name in named if name in EVENT_TYPES}


def _parse_fields(table: TableReader, problems: list[DocumentProblem]) -> dict[str, str]:
    renamed = TableReader(table.get("fields") if table.has("fields") else {}, "activities.fields", problems)
    renamed.require_known(tuple(FIELDS))
    return {word: _bare_name(renamed, word, name) for word, name in FIELDS.items()}


def _bare_name(table: TableReader, key: str, default: str) -> str:
    name = table.text(key, form=API_NAME, default=default) or default
    if "__" in name:
        table.note(key, "is written without namespace and without __c", suggestion=name.removesuffix("__c"))
    return name
