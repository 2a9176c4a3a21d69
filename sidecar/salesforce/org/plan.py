"""What is wanted against what is there: the parts a set-up would make. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sidecar.salesforce.org.seen import Seen, SeenField
from sidecar.salesforce.org.wanted import PERMISSION_SET, FieldSpec, Wanted


class PartKind(StrEnum):
    """What a set-up makes; stored, so never renamed."""

    OBJECT = "object"
    FIELD = "field"
    HISTORY = "history"
    PERMISSION_SET = "permission_set"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True, order=True)
class OrgPart:
    """One thing made in an org: an object, `Lead.Mautic_Id__c`, a permission set, or the id of the user it is assigned to."""

    kind: PartKind
    name: str


@dataclass(frozen=True, slots=True)
class ObjectAccess:
    """What the permission set allows on an object."""

    name: str
    may_write: bool = True
    sees_all: bool = True


@dataclass(frozen=True, slots=True)
class Access:
    """Everything the permission set allows. A field maps to whether it may be edited."""

    objects: tuple[ObjectAccess, ...]
    fields: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a set-up makes; empty if nothing is missing."""

    timeline: str | None
    fields: tuple[tuple[str, FieldSpec], ...]
    history: tuple[str, ...]
    access: Access | None
    assign_to: str | None

    @property
    def parts(self) -> tuple[OrgPart, ...]:
        """Return everything that would be made, in the order in which people read it."""
        return tuple(self._parts())

    def _parts(self) -> Iterator[OrgPart]:
        if self.timeline:
            yield OrgPart(PartKind.OBJECT, self.timeline)
        for object_name, spec in self.fields:
            yield OrgPart(PartKind.FIELD, f"{object_name}.{spec.name}")
        for name in self.history:
            yield OrgPart(PartKind.HISTORY, name)
        if self.access:
            yield OrgPart(PartKind.PERMISSION_SET, PERMISSION_SET)
        if self.assign_to:
            yield OrgPart(PartKind.ASSIGNMENT, self.assign_to)

    @property
    def is_deployed(self) -> bool:
        """Whether there is something for a package: assigning a permission set is not in it."""
        return any(part.kind is not PartKind.ASSIGNMENT for part in self.parts)


def build_plan(wanted: Wanted, seen: Seen) -> Plan:
    """Return what is missing and can be made. What exists is never changed, however it differs."""
    makes_timeline = wanted.has_timeline and not seen.exists(wanted.timeline) and _is_ours(wanted.timeline, seen)
    fields = tuple(_missing_fields(wanted, seen, makes_timeline))
    lacks = makes_timeline or bool(fields) or any(_lacking(wanted, seen))
    needs_assignment = lacks and not seen.is_assigned
    return Plan(
        timeline=wanted.timeline if makes_timeline else None,
        fields=fields,
        history=tuple(_untracked(wanted, seen)),
        access=_access(wanted, seen, fields) if lacks else None,
        assign_to=seen.user_id if needs_assignment else None,
    )


def build_whole(wanted: Wanted) -> Plan:
    """Return the plan for an org of which nothing is known: all our parts."""
    return build_plan(wanted, Seen.nothing(wanted.objects))


def _is_ours(name: str, seen: Seen) -> bool:
    """Tell whether an org can make a part of that name: another package's namespace cannot be made, only installed."""
    prefix = name.removesuffix("__c").partition("__")
    return not prefix[1] or prefix[0] == seen.namespace


def _missing_fields(wanted: Wanted, seen: Seen, makes_timeline: bool) -> Iterator[tuple[str, FieldSpec]]:
    names = [wanted.timeline] if wanted.has_timeline and (makes_timeline or seen.exists(wanted.timeline)) else []
    for object_name in [*names, *wanted.objects]:
        for spec in wanted.specs(object_name):
            if not seen.has_field(object_name, spec.name) and _is_ours(spec.name, seen):
                yield object_name, spec


def _untracked(wanted: Wanted, seen: Seen) -> Iterator[str]:
    """Yield the opt-out fields without history; where we may not know, nothing is switched."""
    for object_name in wanted.objects:
        if wanted.opt_out and seen.is_tracked(object_name, wanted.opt_out) is False:
            yield f"{object_name}.{wanted.opt_out}"


def _lacking(wanted: Wanted, seen: Seen) -> Iterator[str]:
    """Yield what exists but our user may not see or write, although a permission set could allow it."""
    for object_name in _all_objects(wanted, seen):
        described = seen.objects.get(object_name)
        if described is None or not (described.is_createable and described.is_updateable):
            yield object_name
        for field, is_written in _needed(wanted, object_name).items():
            info = described.fields.get(field) if described else None
            if info is None:
                if seen.is_known_hidden(object_name, field) or field == wanted.opt_out:
                    yield f"{object_name}.{field}"
            elif is_written and info.is_permissionable and info.is_plain and not info.is_updateable:
                yield f"{object_name}.{field}"


def _access(wanted: Wanted, seen: Seen, made: tuple[tuple[str, FieldSpec], ...]) -> Access:
    fields: dict[str, bool] = {f"{object_name}.{spec.name}": True for object_name, spec in made}
    for object_name in _all_objects(wanted, seen):
        for field, is_written in _needed(wanted, object_name).items():
            name, info = f"{object_name}.{field}", seen.field(object_name, field)
            if _may_grant(wanted, field, info):
                fields[name] = fields.get(name, False) or (is_written and (info is None or info.is_plain))
    timeline = (ObjectAccess(wanted.timeline),) if wanted.has_timeline else ()
    people = tuple(ObjectAccess(name) for name in wanted.objects)
    # Salesforce grants no access to Contacts without reading Accounts.
    account = () if "Account" in wanted.objects else (ObjectAccess("Account", may_write=False, sees_all=False),)
    return Access((*people, *account, *timeline), tuple(sorted(fields.items())))


def _may_grant(wanted: Wanted, field: str, info: SeenField | None) -> bool:
    """A field that is required, or not there, would make Salesforce refuse the whole permission set."""
    return info.is_permissionable if info else field == wanted.opt_out


def _needed(wanted: Wanted, object_name: str) -> dict[str, bool]:
    needed = {spec.name: True for spec in wanted.specs(object_name)}
    needed |= wanted.mapped.get(object_name, {})
    if object_name in wanted.mapped and wanted.opt_out:
        needed[wanted.opt_out] = True
    return needed


def _all_objects(wanted: Wanted, seen: Seen) -> tuple[str, ...]:
    has_timeline = wanted.has_timeline and seen.exists(wanted.timeline)
    return (*wanted.objects, wanted.timeline) if has_timeline else wanted.objects
