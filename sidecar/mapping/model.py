"""What a mapping document says, once parsed. Frozen values; `parse.py` makes them, `rules.py` pairs them with schemas."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
class OwnerRule:
    """Who owns whom, where an owner's address differs between the sides.

    `aliases` map an owner's address in the host → the same person's address in Salesforce. `fallback` is the address of
    the Salesforce user who owns a new record whose owner cannot be found there.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    fallback: str | None = None

    def in_salesforce(self, email: str) -> str:
        """Return an owner of the host by the address that Salesforce has."""
        known = {theirs.casefold(): ours for theirs, ours in self.aliases.items()}
        return known.get(email.casefold(), email)

    def in_host(self, email: str) -> tuple[str, ...]:
        """Return the addresses that a user of Salesforce may have in the host, the likeliest first."""
        meant = [theirs for theirs, ours in self.aliases.items() if ours.casefold() == email.casefold()]
        return tuple(dict.fromkeys((*meant, email)))


class ScopeRecords(StrEnum):
    """Which people of a Salesforce object take part as long as they are not linked."""

    ALL = "all"
    NONE = "none"
    NEW = "new"
    FLAGGED = "flagged"
    MATCHING = "matching"


class CriterionTest(StrEnum):
    """How a criterion looks at its field."""

    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    IS_BLANK = "is_blank"


Operand = str | int | float | bool
"""A value of a criterion, as a document writes it; dates are texts."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on one field. `operands` holds several values for `in`, one for every other test."""

    field: str
    test: CriterionTest
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class ObjectScope:
    """Which records of one Salesforce object may become people of the host, or be matched with them.

    `since` is for `new` (None: since the instance began), `flag` for `flagged`, `criteria` for `matching`: all must hold.
    """

    records: ScopeRecords = ScopeRecords.ALL
    since: datetime | None = None
    flag: str | None = None
    criteria: tuple[Criterion, ...] = ()


class ScopeWho(StrEnum):
    """Which contacts of the host may become people in Salesforce at all."""

    IDENTIFIED_WITH_EMAIL = "identified_with_email"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class HostScope:
    """Which records of the host take part: who is on its lists, and on none of those that leave people out.

    Who is left out is not created, and no value of a linked person travels. Segments go by their alias. `criteria` must all hold.
    """

    only_with_tag: str | None = None
    only_in_segment: str | None = None
    not_in_segment: str | None = None
    not_with_tag: str | None = None
    not_email_domains: tuple[str, ...] = ()
    not_owners: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    who: ScopeWho = ScopeWho.IDENTIFIED_WITH_EMAIL


@dataclass(frozen=True, slots=True)
class PushRule:
    """What a push from the host decides: whether anybody new needs one, and the tag of who was refused."""

    required: bool = False
    refused_tag: str | None = None


@dataclass(frozen=True, slots=True)
class TagRule:
    """Tags in the host that tell where a person came from. Nothing is tagged unless `write` is on."""

    write: bool = False
    added_to_contact: str = "added-to-salesforce-contact"
    added_to_lead: str = "added-to-salesforce-lead"
    created_from_contact: str = "created-from-salesforce-contact"
    created_from_lead: str = "created-from-salesforce-lead"
    converted: str = "salesforce-lead-converted-to-contact"

    def added_to(self, salesforce_object: str) -> tuple[str, ...]:
        """Return the tags of who was created as that object in Salesforce."""
        return self._chosen({"Contact": self.added_to_contact, "Lead": self.added_to_lead}, salesforce_object)

    def created_from(self, salesforce_object: str) -> tuple[str, ...]:
        """Return the tags of who was created in the host from that object."""
        return self._chosen({"Contact": self.created_from_contact, "Lead": self.created_from_lead}, salesforce_object)

    def _chosen(self, tags: Mapping[str, str], salesforce_object: str) -> tuple[str, ...]:
        return (tags[salesforce_object],) if self.write and salesforce_object in tags else ()


@dataclass(frozen=True, slots=True)
class HostRule:
    """What becomes of who is new in the host: the alias of the segment they are put into."""

    add_to_segment: str | None = None


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
    owners: OwnerRule = field(default_factory=OwnerRule)
    scopes: Mapping[str, ObjectScope] = field(default_factory=dict)
    host_scope: HostScope = field(default_factory=HostScope)
    push: PushRule = field(default_factory=PushRule)
    tags: TagRule = field(default_factory=TagRule)
    host: HostRule = field(default_factory=HostRule)

    def pair(self, name: str) -> FieldPair:
        """Return the field pair of that name; KeyError if there is none."""
        return next(pair for pair in self.fields if pair.name == name)
