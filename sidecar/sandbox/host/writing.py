"""Writing contacts through the API: one at a time, and in batches with all their traps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.sandbox.host import contacts
from sidecar.sandbox.host.answers import (
    NOT_FOUND,
    ApiError,
    generic_error,
    list_or_object,
    plain_error,
    validation_error,
)
from sidecar.sandbox.host.change import Change, Errors, Known, known_in, parse_change
from sidecar.sandbox.host.faults import Fault
from sidecar.sandbox.host.rendering import Renderer
from sidecar.sandbox.host.uniques import Uniques
from sidecar.sandbox.host.work import Actor, Work

BATCH_LIMIT = 200  # Mautic: api_batch_max_limit
Row = dict[str, Any]
Body = Mapping[str, Any]


class RefusedError(Exception):
    """The values were refused."""

    def __init__(self, errors: Errors) -> None:
        super().__init__()
        self.error = validation_error(errors)


@dataclass(slots=True)
class Writer:
    """Writes the contacts of one call."""

    work: Work
    actor: Actor
    source: str = "lead:api-single"
    is_blind: bool = False
    uniques: Uniques = field(init=False)
    known: Known = field(init=False)

    def __post_init__(self) -> None:
        self.uniques = Uniques(self.work)
        self.known = known_in(self.work)

    @property
    def origin(self) -> contacts.Origin:
        """What the audit log says of the change."""
        return (self.actor.name or "", self.source)

    def parse(self, body: Body, *, replace: bool) -> Change:
        """Return the change a body asks for, or raise RefusedError."""
        change, errors = parse_change(self.work.fields, body, self.known, replace=replace)
        if errors:
            raise RefusedError(errors)
        return change

    def create_or_update(self, body: Body, *, replace: bool = False) -> tuple[Row, int]:
        """Make a contact, or change the one that holds a unique value of the body."""
        change = self.parse(body, replace=replace)
        holders = [] if self.is_blind else self.uniques.holders(change.values)
        if holders:
            # Of several Mautic takes the newest.
            row = contacts.load(self.work, holders)[holders[-1]]
            self.update(row, change)
            return row, 200
        row = contacts.create(self.work, change, self.actor, self.origin)
        self.uniques.note(row)
        return row, 201

    def update(self, row: Row, change: Change) -> bool:
        """Change a contact and return whether anything changed.

        Every unique value it then holds must be its own, also those that were not sent.
        """
        if problems := self.uniques.problems({**row, **change.values}, row["id"]):
            raise RefusedError(problems)
        is_changed = contacts.edit(self.work, row, change, self.actor, self.origin)
        self.uniques.note(row)
        return is_changed

    def duplicate(self, row: Row, change: Change) -> None:
        """Write a contact that Mautic has lost track of: as a new one, with all its values."""
        whole = Change({a: row[a] for a in self.work.fields if row.get(a) is not None} | change.values)
        whole.owner_id, whole.stage_id = row["owner_id"], row["stage_id"]
        made = contacts.create(self.work, whole, self.actor, self.origin)
        kept = {
            "date_added": row["date_added"],
            "date_modified": self.work.stamp,
            "date_identified": row["date_identified"],
        }
        contacts.save(
            self.work, made, kept | {"modified_by": self.actor.id, "modified_by_user": self.actor.modified_name}
        )
        row.update(made)
        self.uniques.note(row)


@dataclass(slots=True)
class Entity:
    """A contact loaded for a batch; items that name it share it."""

    row: Row
    is_saved: bool = False
    sent: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class BatchAnswer:
    """What a batch call answers, by item."""

    entities: dict[Any, Entity] = field(default_factory=dict)
    codes: dict[Any, int] = field(default_factory=dict)
    errors: dict[Any, dict[str, Any]] = field(default_factory=dict)

    def refuse(self, key: Any, error: dict[str, Any]) -> None:
        """Note an item that was not written."""
        self.codes[key] = error["code"]
        self.errors.setdefault(key, error)

    def body(self, work: Work, *, fresh: bool) -> dict[str, Any]:
        """Return the JSON."""
        renderer = Renderer(work, [entity.row["id"] for entity in self.entities.values()])
        # Contacts that a PUT created come last, whatever their place.
        in_order = sorted(self.entities.items(), key=lambda item: not fresh and self.codes[item[0]] == 201)
        written = {
            key: renderer.full(e.row, e.sent, fresh=fresh and self.codes[key] == 201, saved=e.is_saved)
            for key, e in in_order
        }
        out = {"contacts": list_or_object(written), "statusCodes": list_or_object(self.codes)}
        return {**out, "errors": list_or_object(self.errors)} if self.errors else out


def read_items(body: Any) -> dict[Any, Body]:
    """Return the items of a batch by key: a list or an object of objects, not too many."""
    if isinstance(body, list):
        items = dict(enumerate(body))
    elif isinstance(body, dict):
        items = dict(body)
    else:
        raise generic_error(400)
    if len(items) > BATCH_LIMIT:
        raise plain_error(500, f"A max of {BATCH_LIMIT} entities are supported at a time.")
    if not all(isinstance(item, dict) for item in items.values()):
        raise generic_error(500)
    return items


def batch_new(writer: Writer, body: Any, faults: list[Fault]) -> dict[str, Any]:
    """Create or update each item; what is refused is missing among the contacts."""
    items, out = read_items(body), BatchAnswer()
    writer.uniques.prime(items.values())
    for position, (key, item) in enumerate(items.items()):
        if error := injected(faults, position):
            out.refuse(key, error)
            continue
        try:
            row, status = writer.create_or_update(item)
        except RefusedError as refused:
            out.refuse(key, {**refused.error, "type": None})
            continue
        out.codes[key] = status
        out.entities[key] = Entity(row, is_saved=True, sent=dict(item))
    return out.body(writer.work, fresh=True)


def batch_edit(writer: Writer, body: Any, faults: list[Fault], *, replace: bool) -> dict[str, Any]:
    """Edit each item, with Mautic's two traps.

    Contacts are matched to items by position among the ids that were sent, so an item without id shifts the rest;
    and a contact that was saved once in the call is written as a new one the second time.
    """
    items, out = read_items(body), BatchAnswer()
    ids = [as_id(item["id"]) for item in items.values() if "id" in item]
    rows = contacts.load_for_batch(writer.work, [i for i in ids if i])
    loaded = {contact_id: Entity(row) for contact_id, row in rows.items()}
    in_order = [loaded.get(contact_id) for contact_id in ids]
    for key, item in items.items():
        if "id" not in item:
            out.errors[key] = {"message": "mautic.api.call.id_missing", "code": 400, "type": "api"}
    writer.uniques.prime([*items.values(), *rows.values()])
    for position, (key, item) in enumerate(items.items()):
        if error := injected(faults, position):
            out.refuse(key, error)
            continue
        entity = in_order[position] if position < len(in_order) else None
        edit_item(writer, out, key, item, entity, replace=replace)
    return out.body(writer.work, fresh=False)


def edit_item(writer: Writer, out: BatchAnswer, key: Any, item: Body, entity: Entity | None, *, replace: bool) -> None:
    """Write one item to the contact that stands at its place."""
    if entity is None and not replace:
        out.codes[key] = 400 if key in out.errors else 404
        out.errors.setdefault(key, {"message": NOT_FOUND, "code": 404, "type": "api"})
        return
    try:
        if entity is None:
            row, out.codes[key] = writer.create_or_update(item, replace=True)
            out.entities[key] = Entity(row, is_saved=True, sent=dict(item))
            return
        out.entities[key] = entity
        change = writer.parse(item, replace=replace)
        if entity.is_saved and writer.work.profile.repeats_make_duplicates:
            writer.duplicate(entity.row, change)
        else:
            writer.update(entity.row, change)
        entity.is_saved = True
        entity.sent |= item
        out.codes[key] = 400 if key in out.errors else 200
    except RefusedError as refused:
        out.refuse(key, {**refused.error, "type": None})


def injected(faults: list[Fault], position: int) -> dict[str, Any] | None:
    """Return the error somebody wants for an item."""
    struck = [f for f in faults if f.kind == "row_error" and f.row == position]
    return {"code": struck[0].status, "message": "Injected.", "details": [], "type": None} if struck else None


def as_id(value: Any) -> int:
    """Return an id that came as a number or as text; 0 for anything else."""
    return int(value) if str(value).isdigit() else 0


def refusal(refused: RefusedError) -> ApiError:
    """Return a single call's answer to refused values."""
    return ApiError(refused.error["code"], [refused.error])
