"""What the activities lane hands from step to step. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sidecar.mapping.rules import Problem
from sidecar.records import FieldInfo
from sidecar.sync.model import Cursor, Reaction, Status


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event of a person's timeline on the host.

    `event_id` is unique on the host over all types ("FormSubmitted123", a page hit is the bare "4711"). `type_name`, `label`
    and `link` are what the host's own timeline shows; `description` is what else there is to say, such as why it failed.
    """

    event_id: str
    event_type: str
    type_name: str
    contact_id: str
    at: datetime
    label: str
    link: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events of one type, in order; `cursor` is the last row read, also when none of its events is left."""

    events: tuple[TimelineEvent, ...]
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class TimelineTarget:
    """The timeline object as our user sees it, with each field that can be filled.

    `fields` are keyed by the mapping's word ("activity_date"), the record's own name by "name".
    """

    object: str
    fields: Mapping[str, FieldInfo]

    @property
    def reference(self) -> FieldInfo:
        """The field that names an event; it is a key where records can be upserted by it."""
        return self.fields["reference_id"]


class LogState(StrEnum):
    """How far one event has come. Stored words."""

    WRITTEN = "written"
    WAITING = "waiting"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class LogRow:
    """What is remembered of one event: never sent again once written or rejected, tried at each run while waiting.

    `salesforce_id` is the person's. `at` is when it was last tried. `reason` is a stable code.
    """

    event_id: str
    reference_id: str
    event_type: str
    salesforce_id: str
    state: LogState
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event that Salesforce could not take yet, as last logged; it is read afresh. `since` is the first failure."""

    log: LogRow
    since: datetime


@dataclass(frozen=True, slots=True)
class ActivityOutcome:
    """How one event ended in this run."""

    event_id: str
    event_type: str
    reference_id: str
    status: Status
    reason: str
    waits_for: Reaction | None = None


@dataclass(frozen=True, slots=True)
class ActivityReport:
    """What one run did: how many events ended in each status, written ones by type, and what should be set right."""

    counts: Mapping[Status, int]
    written_by_type: Mapping[str, int]
    problems: tuple[Problem, ...]
