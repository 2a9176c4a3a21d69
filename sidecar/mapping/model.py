"""What a mapping document says, once parsed. Frozen values; `parse.py` makes them, `rules.py` pairs them with schemas."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sidecar.records import Side


class Priority(StrEnum):
    """The arrow of a field pair: whose value wins once both records exist."""

    SALESFORCE = "salesforce"
    HOST = "host"
    BOTH = "both"


class ConflictPolicy(StrEnum):
    """Who wins when both sides changed a two-way field to different values."""

    SALESFORCE_WINS = "salesforce_wins"
    HOST_WINS = "host_wins"
    NEWEST_WINS = "newest_wins"
    HOLD = "hold"


class TooLong(StrEnum):
    """What happens to a text that does not fit its target."""

    HOLD = "hold"
    CUT = "cut"


class LiftPolicy(StrEnum):
    """Which opt-outs newer dated evidence may lift. A bounce is never lifted."""

    NEVER = "never"
    STAFF = "staff"
    ALL_BUT_BOUNCES = "all_but_bounces"


class OnSalesforceDelete(StrEnum):
    """What the deletion of a Salesforce record does to its host record."""

    MARK = "mark"
    NOTHING = "nothing"


class OnDuplicate(StrEnum):
    """What is done about a new record for which a duplicate rule of the org names one that is there already."""

    LINK = "link"
    HOLD = "hold"
    SAVE = "save"


@dataclass(frozen=True, slots=True)
class FieldPair:
    """One row of a mapping: a host field, its Salesforce field per object, and its rules.

    `salesforce` maps object name → field name; an object that is absent does not carry the field.
    `placeholder` is used only at creation, only where Salesforce requires the field (R-13).
    """

    name: str
    host: str
    salesforce: Mapping[str, str]
    priority: Priority = Priority.BOTH
    conflict_policy: ConflictPolicy | None = None
    propagate_blanks: bool = False
    enforce: bool = False
    too_long: TooLong = TooLong.HOLD
    placeholder: str | None = None
    transform: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """How the e-mail opt-out travels: which Salesforce field, and whether anything may ever lift it."""

    channel: str
    salesforce_field: str
    lift: LiftPolicy = LiftPolicy.NEVER


@dataclass(frozen=True, slots=True)
class DeletionRule:
    """What deletions do. `host_field` is the boolean marked on the host, `salesforce_field` the optional one across."""

    on_salesforce_delete: OnSalesforceDelete = OnSalesforceDelete.MARK
    host_field: str | None = None
    salesforce_field: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectMapping:
    """One host object ↔ one or more Salesforce objects that hold the same kind of thing.

    `salesforce_objects` stand in matching order: the first is preferred when several match.
    `create_in_salesforce` names the object that unknown host records become, or None.
    `match_on` names field pairs whose equal values mean the same thing; a creation needs at least one of them.
    `assignment_rules`: whether Salesforce's own rules for owners run on what we create; they may send e-mail to people.
    """

    name: str
    lane: str
    host_object: str
    salesforce_objects: tuple[str, ...]
    fields: tuple[FieldPair, ...]
    match_on: tuple[str, ...]
    create_in_salesforce: str | None
    create_in_host: bool
    update: frozenset[Side] = frozenset(Side)
    conflict_policy: ConflictPolicy = ConflictPolicy.SALESFORCE_WINS
    fill_if_empty: bool = True
    external_id: str | None = None
    on_duplicate: OnDuplicate = OnDuplicate.LINK
    assignment_rules: bool = False
    consent: ConsentRule | None = None
    deletion: DeletionRule = field(default_factory=DeletionRule)

    def pair(self, name: str) -> FieldPair:
        """Return the field pair of that name; KeyError if there is none."""
        return next(pair for pair in self.fields if pair.name == name)
