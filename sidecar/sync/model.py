"""What the engine's steps hand to each other. Frozen values, stored words: enum values are never renamed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sidecar.records import NOTHING, Record, Ref, Side, Value


class LinkState(StrEnum):
    """Whether both ends of a link live."""

    ACTIVE = "active"
    DELETED_IN_HOST = "deleted_in_host"
    DELETED_IN_SALESFORCE = "deleted_in_salesforce"


DELETED_IN: Mapping[Side, LinkState] = {
    Side.HOST: LinkState.DELETED_IN_HOST,
    Side.SALESFORCE: LinkState.DELETED_IN_SALESFORCE,
}
"""The state of a link whose record on that side was deleted."""


@dataclass(frozen=True, slots=True)
class Link:
    """Remembered host record ↔ Salesforce record. Each end belongs to one link at most.

    `fingerprints[side][pair name]` is the value last agreed, as that side holds it. `opted_out` is the consent last
    agreed; None: never. `origin` tells how it began. `id` is None until stored.
    """

    host: Ref
    salesforce: Ref
    state: LinkState = LinkState.ACTIVE
    origin: str = "matched"
    opted_out: bool | None = None
    fingerprints: Mapping[Side, Mapping[str, str]] = field(default_factory=dict)
    id: int | None = None

    def end(self, side: Side) -> Ref:
        """Return the record on that side."""
        return self.host if side is Side.HOST else self.salesforce

    def agreed(self, side: Side, pair_name: str) -> str | None:
        """Return the fingerprint last agreed for a field, or None if there never was one."""
        return self.fingerprints.get(side, {}).get(pair_name)


@dataclass(frozen=True, slots=True)
class Pair:
    """One person (or company …) as decide() sees it: what triggered the look, both records, the link between them.

    `link` may still point to records that were merged or converted; `host` and `salesforce` are where the identities
    live now. `matched_by` is set when an unlinked counterpart was found. `problem` is a reason code when pairing itself
    found that nothing may be written. `evidence` says since when each side's present opt-out state holds, as far as it can
    be proved. `inherits_opt_out`: a person merged away had opted out, so the survivor has. `retired` are links that end.
    `is_pushed`: the host wants this person in Salesforce, as `wanted_object` if it says so. `is_excluded`: a person took one of
    the two out by hand; `excluded_as` is the triggering record then, by the id under which it was taken out.
    `changed_at` tells when fields last changed on a side (field name → moment), where a conflict asked for it.
    """

    trigger: Side
    trigger_ref: Ref
    host: Record | None = None
    salesforce: Record | None = None
    link: Link | None = None
    matched_by: str | None = None
    moved_because: str | None = None
    problem: str | None = None
    evidence: Mapping[Side, datetime | None] = field(default_factory=dict)
    inherits_opt_out: bool = False
    retired: tuple[Link, ...] = ()
    is_pushed: bool = False
    wanted_object: str | None = None
    is_excluded: bool = False
    excluded_as: Ref | None = None
    changed_at: Mapping[Side, Mapping[str, datetime]] = field(default_factory=dict)

    def record(self, side: Side) -> Record | None:
        """Return the record on that side, if there is one."""
        return self.host if side is Side.HOST else self.salesforce


class Action(StrEnum):
    """What is done about a pair."""

    CREATE = "create"
    UPDATE = "update"
    ADOPT = "adopt"
    DELETE = "delete"
    SKIP = "skip"
    HOLD = "hold"


class FieldOutcome(StrEnum):
    """What becomes of one field of a pair."""

    AGREED = "agreed"
    WRITE = "write"
    KEPT = "kept"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class FieldDecision:
    """One field: both values as read, what is done, towards which side, and the rule that decided (a reason code)."""

    name: str
    outcome: FieldOutcome
    reason: str
    host: Value = None
    salesforce: Value = None
    target: Side | None = None
    new_value: Value = None


class ConsentChange(StrEnum):
    """What happens to the opt-out of one side."""

    OPT_OUT = "opt_out"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """Who opts out or in where, and why. `agreed` is the state both sides have once it is done."""

    agreed: bool
    reason: str
    changes: Mapping[Side, ConsentChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Write:
    """One change to one record. A create has no ref; `object` says what to make and `external_id` whose twin it is.

    `values` are canonical, already converted and checked against the target's schema, keyed by the target's field names.
    Only what is named is touched; None blanks the field. In the host `tags` are added, and the record joins `segment`.
    """

    side: Side
    object: str
    ref: Ref | None = None
    values: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    external_id: str | None = None
    consent: ConsentChange | None = None
    tags: tuple[str, ...] = ()
    segment: str | None = None


class Reaction(StrEnum):
    """What a failed write, or a record that is left out, waits for."""

    RETRY = "retry"
    DATA = "data"
    SETUP = "setup"
    PERSON = "person"
    RULES = "rules"


@dataclass(frozen=True, slots=True)
class WriteError:
    """Why one write failed: a stable code, what it waits for, and the target's field names that are to blame, if known.

    `twins` are records that the target itself says are the same as the one refused.
    """

    code: str
    reaction: Reaction
    fields: tuple[str, ...] = ()
    retry_after_seconds: int | None = None
    twins: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one write. `ref` is the record written or made. Consent and segment may fail by themselves.

    `instead` are values that the side took in place of those it was given: field name → value.
    """

    ref: Ref | None = None
    error: WriteError | None = None
    consent_error: WriteError | None = None
    was_created: bool = False
    instead: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    segment_error: WriteError | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The one thing to do about a pair, with every reason. `writes` holds at most one write per side."""

    pair: Pair
    action: Action
    reason: str
    writes: tuple[Write, ...] = ()
    fields: tuple[FieldDecision, ...] = ()
    consent: ConsentDecision | None = None
    link_state: LinkState = LinkState.ACTIVE


class Status(StrEnum):
    """How a decision ended."""

    WRITTEN = "written"
    SKIPPED = "skipped"
    HELD = "held"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the ledger, and what it leaves behind: the link as it now is, the links it ends, and what is looked at again.

    `waits_for` is None when nothing is left to do; RETRY comes back at `try_again_at`, the others when someone acts.
    `waits_because` is the reason to wait where it is another than that of the decision: a field that stayed behind.
    `changes` are (side, field name, before, after) of what was really written. `seen` is the fingerprint of the record that
    waits, so that it is not decided again before it changes.
    """

    decision: Decision
    status: Status
    reason: str
    link: Link | None = None
    waits_for: Reaction | None = None
    waits_because: str | None = None
    try_again_at: datetime | None = None
    changes: tuple[tuple[Side, str, Value, Value], ...] = ()
    seen: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """How far a feed has been read inside a window: time alone cannot resume, a bulk load gives thousands one second."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of the source's own time, `start ≤ at < end`, resumed after `after` if it was cut short.

    `begins_at` is where its feed begins: nothing that happened earlier is ever told, however late it is seen.
    """

    start: datetime
    end: datetime
    after: Cursor | None = None
    begins_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a feed, in order, with the cursor of the last one."""

    records: tuple[Record, ...]
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class LookAgain:
    """One entry of the outbox: a record that must be looked at again, why, and how often it was tried."""

    side: Side
    ref: Ref
    reason: str
    attempts: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for on the other side for one unlinked record: the id it may carry, and values that would mean the same."""

    external_id: str | None = None
    values: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
