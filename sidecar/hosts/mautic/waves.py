"""In which order writes must go where contacts share or hand over a value that only one of them may have. Pure."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from sidecar.hosts.mautic.values import Json

UniqueKey = tuple[str, str]
"""Field name and value, as Mautic compares it: trimmed and without case."""


@dataclass(frozen=True, slots=True)
class Item:
    """One contact of a batch. `place` is the write it stands for, `contact_id` is None for a creation.

    `do_not_contact` travels only where the bundle's bulk endpoint takes it along.
    """

    place: int
    body: Mapping[str, Json]
    contact_id: int | None = None
    keys: frozenset[UniqueKey] = field(default_factory=frozenset)
    do_not_contact: Mapping[str, Json] | None = None


def unique_keys(values: Mapping[str, object], unique: Set[str]) -> frozenset[UniqueKey]:
    """Return what of a write's values no other contact may have."""
    return frozenset(
        (name, value.strip().lower()) for name, value in values.items() if name in unique and isinstance(value, str)
    )


def waves_of_creations(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield the items so that no two of a wave share a unique value.

    Mautic looks for an existing contact and then inserts, without a lock: two at once make a double.
    """
    rest = list(items)
    while rest:
        taken: set[UniqueKey] = set()
        wave, later = [], []
        for item in rest:
            if item.keys & taken:
                later.append(item)
            else:
                taken |= item.keys
                wave.append(item)
        yield wave
        rest = later


def waves_of_edits(items: Sequence[Item], holders: Mapping[UniqueKey, int]) -> Iterator[list[Item]]:
    """Yield the items so that whoever gives a unique value up goes before the one who takes it over.

    Where several swap in a circle, one of them is blanked first. `holders` tells which contact has a value now.
    """
    rest = {item.contact_id: item for item in items}
    waits_for = {item.contact_id: _givers(item, rest, holders) for item in items}
    while rest:
        ready = [item for contact_id, item in rest.items() if not waits_for[contact_id] & rest.keys()]
        if ready:
            yield ready
            done = {item.contact_id for item in ready}
            rest = {contact_id: item for contact_id, item in rest.items() if contact_id not in done}
            continue
        giver = _somebody_in_a_circle(next(iter(rest)), waits_for, rest.keys())
        given = {key for key, holder in holders.items() if holder == giver}
        yield [_blanked(rest[giver], {name for name, _ in given})]
        waits_for = {contact_id: others - {giver} for contact_id, others in waits_for.items()}


def _givers(item: Item, edited: Mapping[int | None, Item], holders: Mapping[UniqueKey, int]) -> Set[int | None]:
    """Return which of the edited contacts hold a value that this item takes, and are about to change it."""
    holding = ((key, holders.get(key)) for key in item.keys)
    return {
        holder
        for (name, value), holder in holding
        if holder is not None
        and holder != item.contact_id
        and holder in edited
        and name in edited[holder].body
        and (name, value) not in edited[holder].keys
    }


def _somebody_in_a_circle(
    start: int | None, waits_for: Mapping[int | None, Set[int | None]], waiting: Set[int | None]
) -> int | None:
    seen: set[int | None] = set()
    here = start
    while here not in seen:
        seen.add(here)
        here = next(other for other in waits_for[here] if other in waiting)
    return here


def _blanked(item: Item, names: Set[str]) -> Item:
    body: dict[str, Json] = {"id": item.contact_id, **dict.fromkeys(names), "overwriteWithBlank": True}
    return replace(item, body=body, keys=frozenset(), do_not_contact=None)
