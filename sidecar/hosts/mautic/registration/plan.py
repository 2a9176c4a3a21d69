"""What a registration would make or mend. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sidecar.hosts.mautic.registration.seen import HookSeen, Seen
from sidecar.hosts.mautic.registration.wanted import EVERY_TRIGGER, FEW_TRIGGERS, FieldWish, Wanted


class PartKind(StrEnum):
    """The kinds of things we make in a Mautic. Names are stored."""

    HOOK = "webhook"
    FIELD = "field"
    SEGMENT = "segment"
    PROBE = "contact"


class Action(StrEnum):
    """What is done about a part."""

    MAKE = "make"
    MEND = "mend"


EVERY_CHANGE: Final = "every change of people and companies"
FEW_CHANGES: Final = "new people, opt-outs, deletions"
"""The names under which our webhook is remembered: they keep what was chosen."""
TOO_MANY: Final = "too many triggers"
"""Mautic takes no trigger away from a webhook: it must be made anew."""

SEGMENT_NAME: Final = "deleted in Salesforce"


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One thing to be made or mended."""

    kind: PartKind
    name: str
    action: Action = Action.MAKE


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is missing and can be made."""

    parts: tuple[Part, ...] = ()
    fields: tuple[FieldWish, ...] = ()


def build_plan(wanted: Wanted, seen: Seen, secret: str | None = None) -> Plan:
    """Return what would make everything right; nothing where we could not look."""
    if seen.api.error or seen.database.error or seen.database.schema is None:
        return Plan()
    fields = missing_fields(wanted, seen)
    makeable = tuple(wish for wish in fields if wish.is_makeable) if seen.api.may_manage_fields else ()
    parts = [Part(PartKind.FIELD, wish.alias) for wish in makeable]
    if wanted.hook_url and seen.api.may_manage_hooks:
        if seen.api.hook is None:
            parts.append(Part(PartKind.HOOK, hook_part_name(wanted)))
        elif hook_faults(wanted, seen.api.hook, secret):
            parts.append(Part(PartKind.HOOK, hook_part_name(wanted), Action.MEND))
    if wanted.has_segment and not seen.has_segment:
        parts.append(Part(PartKind.SEGMENT, SEGMENT_NAME))
    return Plan(tuple(parts), makeable)


def hook_part_name(wanted: Wanted) -> str:
    """Return under which name our webhook is remembered."""
    return FEW_CHANGES if wanted.triggers == FEW_TRIGGERS else EVERY_CHANGE


def missing_fields(wanted: Wanted, seen: Seen) -> tuple[FieldWish, ...]:
    """Return the fields that the mapping names and Mautic has not."""
    there = seen.database.schema.fields if seen.database.schema else {}
    return tuple(wish for wish in wanted.fields if wish.alias not in there)


def hook_faults(wanted: Wanted, hook: HookSeen, secret: str | None = None) -> tuple[str, ...]:
    """Return what of our webhook is not as it should be. Without a secret of ours, Mautic's is not compared."""
    faults = []
    if not hook.is_published:
        faults.append("published")
    if hook.url != wanted.hook_url:
        faults.append("url")
    if not hook.triggers >= set(wanted.triggers):
        faults.append("triggers")
    if wanted.triggers == FEW_TRIGGERS and hook.triggers & (set(EVERY_TRIGGER) - set(FEW_TRIGGERS)):
        faults.append(TOO_MANY)
    if secret is not None and hook.secret and hook.secret != secret:
        faults.append("secret")
    return tuple(faults)
