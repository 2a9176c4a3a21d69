"""What somebody wants to write to a contact, and how a REST body becomes that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from sidecar.sandbox.host.fields import Field
from sidecar.sandbox.host.values import KEEP, NOT_VALID, InvalidValueError, clean, parse_moment
from sidecar.sandbox.host.work import Work

UNSET: Final = -1  # an owner or stage that is not touched


@dataclass(slots=True)
class Change:
    """Cleaned values by alias, and what is not a field."""

    values: dict[str, Any] = field(default_factory=dict)
    tags_added: list[str] = field(default_factory=list)
    tags_removed: list[str] = field(default_factory=list)
    owner_id: int | None = UNSET
    stage_id: int | None = UNSET
    last_active: datetime | None = None
    do_not_contact: list[Mapping[str, Any]] = field(default_factory=list)
    lifted_channels: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """The users and stages a body may point to."""

    user_ids: frozenset[int]
    stage_ids: frozenset[int]


def known_in(work: Work) -> Known:
    """Return the users and stages there are."""
    ids = (work.connection.execute(select(work.schema[name].c.id)).scalars() for name in ("users", "stages"))
    users, stages = (frozenset(found) for found in ids)
    return Known(users, stages)


Errors = dict[str, list[str]]


def parse_change(
    fields: Mapping[str, Field], body: Mapping[str, Any], known: Known, *, replace: bool
) -> tuple[Change, Errors]:
    """Return the change a body asks for and what is wrong with it; `replace` is PUT: fields not sent become blank."""
    change, errors = Change(), {}
    blanks = replace or bool(body.get("overwriteWithBlank"))
    for alias, item in fields.items():
        if alias == "last_active" or (alias not in body and not replace):
            continue
        value = body.get(alias)
        if not value and value is not False and value != 0:
            if blanks and not (value == "" and item.type in {"date", "datetime", "time"}):
                change.values[alias] = 0 if alias == "points" else None
            continue
        try:
            cleaned = clean(item, value)
        except InvalidValueError as error:
            errors[alias] = [str(error)]
            continue
        if cleaned is not KEEP and (cleaned is not None or blanks):
            change.values[alias] = cleaned
    read_relations(body, change, known, errors)
    read_extras(body, change)
    return change, errors


def read_relations(body: Mapping[str, Any], change: Change, known: Known, errors: Errors) -> None:
    """Read owner and stage: null takes them away, an unknown id is an error."""
    for name, ids in (("owner", known.user_ids), ("stage", known.stage_ids)):
        if name not in body:
            continue
        value = body[name]
        number = int(value) if isinstance(value, int) or str(value).isdigit() else None
        if value not in {None, "", 0} and number not in ids:
            errors[name] = [NOT_VALID]
        elif name == "owner":
            change.owner_id = number
        else:
            change.stage_id = number


def read_extras(body: Mapping[str, Any], change: Change) -> None:
    """Read tags (a leading minus takes one away), the last activity and do-not-contact entries."""
    tags = body.get("tags") or []
    for tag in tags.split(",") if isinstance(tags, str) else tags:
        text = str(tag).strip()
        (change.tags_removed if text.startswith("-") else change.tags_added).append(text.removeprefix("-"))
    if body.get("lastActive"):
        change.last_active = parse_moment(body["lastActive"])
    entries = body.get("doNotContact") or []
    change.do_not_contact = [entry for entry in entries if isinstance(entry, Mapping)]
