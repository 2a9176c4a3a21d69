"""A mapping made ready for a run: each field pair with both its schemas, each unusable pair with its reason. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.mapping.fingerprint import Fingerprinter
from sidecar.mapping.model import FieldPair, ObjectMapping
from sidecar.mapping.scope import Clause
from sidecar.records import FieldInfo, Side


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One usable field pair for one Salesforce object."""

    pair: FieldPair
    host: FieldInfo
    salesforce: FieldInfo

    def field(self, side: Side) -> FieldInfo:
        """Return the field on that side."""
        return self.host if side is Side.HOST else self.salesforce


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing preflight found: what, where, and who can change it.

    `pair` and `object` are None where the whole mapping is concerned. A *blocking* problem stops the lane;
    any other suspends only what it names.
    """

    code: str
    message: str
    fixed_by: str
    object: str | None = None
    pair: str | None = None
    is_blocking: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The mapping as it can be followed today. `fields` are keyed by Salesforce object name.

    `is_consent_known` is False when consent is mapped but the opt-out field is hidden from our user: nobody may then be
    taken for opted in. `external_id_on` names the Salesforce objects that have a writable external id field.
    """

    mapping: ObjectMapping
    fields: Mapping[str, tuple[FieldRule, ...]]
    fingerprint: Fingerprinter
    problems: tuple[Problem, ...] = ()
    is_consent_known: bool = True
    can_mark_host_deletion: bool = False
    can_mark_salesforce_deletion: frozenset[str] = frozenset()
    external_id_on: frozenset[str] = frozenset()
    may_write: frozenset[Side] = field(default_factory=lambda: frozenset(Side))
    scopes: Mapping[str, tuple[Clause, ...]] = field(default_factory=dict)
    host_scope: tuple[Clause, ...] = ()

    def clauses(self, side: Side, object_name: str) -> tuple[Clause, ...]:
        """Return what a record of that object must satisfy to take part; nothing, if everybody does."""
        return self.host_scope if side is Side.HOST else self.scopes.get(object_name, ())

    def signature(self) -> str:
        """Return what changes whenever a decision could come out otherwise: the mapping, or what either side shows of it."""
        sides = (self.is_consent_known, sorted(self.external_id_on), sorted(self.may_write))
        scopes = (sorted(self.scopes.items()), self.host_scope)
        who = (scopes, self.mapping.host_scope, self.mapping.push)
        told = (sorted(self.fields.items()), sides, self.mapping.owners, who)
        return hashlib.sha256(repr(told).encode()).hexdigest()
