"""A document with one thing changed, and what differs between two documents. Pure; nothing here says whether one is right.

An edit touches the keys it is about and leaves every other as it stands. `parse_mapping()` judges the result.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sidecar.mapping.document import NAME
from sidecar.mapping.export import dump_mapping
from sidecar.mapping.model import ScopeWho
from sidecar.mapping.parse import Direction, parse_mapping
from sidecar.records import Side

Document = Mapping[str, Any]

_NO_LETTERS = re.compile(r"[^a-z0-9_]+")
_LONGEST_NAME = 56  # leaves room for a number


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: where, and its value before and after; None where there was, or is, nothing."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices that concern a mapping as a whole."""

    direction: str
    create_in_salesforce: str | None
    create_in_host: bool
    conflict_policy: str
    fill_if_empty: bool
    on_duplicate: str


@dataclass(frozen=True, slots=True)
class Participants:
    """Who of the host takes part, as far as a page lets people choose: the kind of people, and segments by alias."""

    who: str
    only_in_segment: str | None
    not_in_segment: str | None


def with_pair(document: Document, name: str, values: Mapping[str, Any], *, is_match: bool) -> dict[str, Any]:
    """Return the document with a field pair added or changed; a value of None takes the key away."""
    changed = deepcopy(dict(document))
    row = changed.setdefault("fields", {}).setdefault(name, {})
    for key, value in values.items():
        row.pop(key, None)
        if value is not None:
            row[key] = value
    _set_match(changed, name, is_match=is_match)
    return changed


def without_pair(document: Document, name: str) -> dict[str, Any]:
    """Return the document without a field pair."""
    changed = deepcopy(dict(document))
    changed["fields"].pop(name, None)
    _set_match(changed, name, is_match=False)
    return changed


def with_settings(document: Document, settings: Settings) -> dict[str, Any]:
    """Return the document with other choices for the whole; another direction takes what contradicts it along."""
    changed = deepcopy(dict(document))
    head = changed["mapping"]
    direction = Direction(settings.direction)
    if head.get("direction", Direction.BOTH) != direction:
        head.pop("update", None)
    to_salesforce, to_host = direction.allows(Side.SALESFORCE), direction.allows(Side.HOST)
    head |= {
        "direction": direction.value,
        "create_in_salesforce": (to_salesforce and settings.create_in_salesforce) or False,
        "create_in_host": to_host and settings.create_in_host,
        "conflict_policy": settings.conflict_policy,
        "fill_if_empty": settings.fill_if_empty,
        "on_duplicate": settings.on_duplicate,
    }
    return changed


def with_participants(document: Document, chosen: Participants) -> dict[str, Any]:
    """Return the document with others of the host taking part; what its scope says beside that stays."""
    changed = deepcopy(dict(document))
    scopes = changed.setdefault("scope", {})
    host = scopes.setdefault("host", {})
    for key in ("who", "only_in_segment", "not_in_segment"):
        host.pop(key, None)
        if value := getattr(chosen, key):
            host[key] = value
    if host.get("who") == ScopeWho.IDENTIFIED_WITH_EMAIL:
        del host["who"]
    if not host:
        del scopes["host"]
    if not scopes:
        del changed["scope"]
    return changed


def new_name(document: Document, host_field: str) -> str:
    """Return a name for a new field pair, after its host field."""
    known = document.get("fields", {})
    name = _NO_LETTERS.sub("_", host_field.lower())[:_LONGEST_NAME]
    name = name if NAME.fullmatch(name) else f"field_{name}"
    names = (name, *(f"{name}_{number}" for number in range(2, len(known) + 3)))
    return next(each for each in names if each not in known)


def changes(before: Document, after: Document) -> list[Change]:
    """Return what differs between two documents that can be used; a pair that came or went is one change."""
    old, new = (dict(_leaves(dump_mapping(parse_mapping(each)))) for each in (before, after))
    pairs = {False: before.get("fields", {}), True: after.get("fields", {})}
    found = []
    for path in sorted({*old, *new}):
        if old.get(path) == new.get(path):
            continue
        pair = _pair_of(path)
        if pair is None or (pair in pairs[False]) == (pair in pairs[True]):
            found.append(Change(path, old.get(path), new.get(path)))
    gone, come = pairs[False].keys() - pairs[True].keys(), pairs[True].keys() - pairs[False].keys()
    found += [Change(f"fields.{name}", pairs[False][name], None) for name in sorted(gone)]
    found += [Change(f"fields.{name}", None, pairs[True][name]) for name in sorted(come)]
    return sorted(found, key=lambda change: change.path)


def _set_match(document: dict[str, Any], name: str, *, is_match: bool) -> None:
    matches = list(document["mapping"].get("match_on", []))
    if is_match != (name in matches):
        document["mapping"]["match_on"] = [*matches, name] if is_match else [each for each in matches if each != name]


def _pair_of(path: str) -> str | None:
    parts = path.split(".")
    return parts[1] if parts[0] == "fields" else None


def _leaves(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is no table, with where it stands."""
    for key, value in table.items():
        place = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from _leaves(value, place)
        else:
            yield place, value
