"""Writing contacts in bulk: each item by itself, with the traces of Mautic's own edits, and errors that name the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from sidecar.sandbox.host import contacts, dnc
from sidecar.sandbox.host.answers import GENERIC, ApiError, plain_error
from sidecar.sandbox.host.change import Change, parse_change
from sidecar.sandbox.host.faults import Fault
from sidecar.sandbox.host.uniques import fold
from sidecar.sandbox.host.values import KEEP, NOT_VALID, clean
from sidecar.sandbox.host.work import Work
from sidecar.sandbox.host.writing import Writer, injected

LIMIT: Final = 500
SOURCE: Final = "sidecar:bulk"
MEMBERS = frozenset({"id", "fields", "tags", "owner", "do_not_contact"})
REASON_BY_STATUS = {
    400: "invalid",
    403: "forbidden",
    404: "not-found",
    409: "twice",
    422: "not-unique",
}
Item = Mapping[str, Any]
Row = dict[str, Any]


class ItemError(Exception):
    """One item is refused, for this reason."""

    def __init__(
        self, code: int, reason: str, message: str, fields: Sequence[str] = (), into_id: int | None = None
    ) -> None:
        super().__init__(message)
        self.error: dict[str, Any] = {"code": code, "reason": reason, "message": message, "fields": sorted(fields)}
        if into_id is not None:
            self.error["into"] = into_id


@dataclass(slots=True)
class Bulk:
    """The items of one call being written."""

    writer: Writer
    taken: set[tuple[str, str | int]] = field(default_factory=set)

    @property
    def work(self) -> Work:
        """The transaction all items share."""
        return self.writer.work

    def write(self, item: Any) -> dict[str, Any]:
        """Write one item and return its result."""
        require_form(item)
        if unknown := [alias for alias in item["fields"] if alias not in self.work.fields]:
            raise ItemError(400, "unknown-field", "There is no such field.", unknown)
        row = self.row_of(item)
        change = self.parse(item)
        origin = self.writer.origin
        if row is None:
            made = contacts.create(self.work, change, self.writer.actor, origin)
            self.writer.uniques.note(made)
            return {"id": made["id"], "created": True, "changed": True}
        # Unlike Mautic's own calls it does not mind unique values that the contact shares with another and that were not sent.
        is_changed = contacts.edit(self.work, row, change, self.writer.actor, origin)
        self.writer.uniques.note(row)
        return {"id": row["id"], "created": False, "changed": is_changed}

    def row_of(self, item: Item) -> Row | None:
        """Return the contact an item means, or None when it is to be created; each is meant once, and each value too."""
        row = self.by_id(item["id"]) if item.get("id") is not None else None
        if item.get("owner") is not None and item["owner"] not in self.writer.known.user_ids:
            raise ItemError(400, "invalid", "There is no such user.", ["owner"])
        values = self.uniques_of(item)
        holders = {alias: set(self.writer.uniques.holders({alias: values[alias]})) for alias in values}
        every = set().union(*holders.values())
        if row is None and len(every) == 1:
            row = contacts.load(self.work, every)[every.pop()]
        own_id = row["id"] if row else None
        self.take(values, own_id)
        if others := [alias for alias, ids in holders.items() if ids - {own_id}]:
            raise ItemError(422, "not-unique", "Another contact has this value.", others)
        return row

    def take(self, values: Item, contact_id: int | None) -> None:
        """Refuse an item that means a contact, or takes a value, of an earlier item."""
        keys: set[tuple[str, str | int]] = {(alias, fold(value)) for alias, value in values.items()}
        keys |= {("id", contact_id)} if contact_id is not None else set()
        if twice := keys & self.taken:
            raise ItemError(
                409, "twice", "An earlier item means the same contact or value.", [name for name, _ in twice]
            )
        self.taken |= keys

    def uniques_of(self, item: Item) -> Row:
        """Return the unique values an item names; what is no text or number is no value."""
        named = {alias: item["fields"].get(alias) for alias in self.writer.uniques.aliases}
        return {alias: value for alias, value in named.items() if isinstance(value, str | int | float) and fold(value)}

    def by_id(self, contact_id: int) -> Row:
        """Return a contact by its own id; the survivor of a merge is named, not written to."""
        if row := contacts.load(self.work, [contact_id]).get(contact_id):
            return row
        records = self.work.schema["contact_merge_records"]
        query = select(records.c.contact_id).where(records.c.merged_id == contact_id)
        if into_id := self.work.connection.execute(query).scalar():
            raise ItemError(409, "merged", f"The contact went into {into_id}.", (), into_id)
        raise ItemError(404, "not-found", "There is no such contact.")

    def parse(self, item: Item) -> Change:
        """Return the change an item asks for; what Mautic would drop without a word is refused here."""
        values = {alias: None if value in ("", []) else value for alias, value in item["fields"].items()}
        body: Row = {**values, "overwriteWithBlank": True, "tags": item.get("tags") or []}
        body |= {"owner": item["owner"]} if "owner" in item else {}
        change, errors = parse_change(self.work.fields, body, self.writer.known, replace=False)
        wrong = {*errors, *(a for a, value in values.items() if a not in errors and self.is_dropped(a, value))}
        if wrong:
            raise ItemError(400, "invalid", NOT_VALID, list(wrong))
        read_opt_out(item.get("do_not_contact"), change)
        return change

    def is_dropped(self, alias: str, value: Any) -> bool:
        """Tell whether Mautic's own calls would leave a field alone without saying so, as with a date that is none."""
        return value is not None and clean(self.work.fields[alias], value) is KEEP


def write_items(writer: Writer, items: Sequence[Any], faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """Write the items in order; each is undone by itself when it fails."""
    bulk = Bulk(writer)
    writer.uniques.prime(bulk.uniques_of(i) for i in items if isinstance(i, dict) and isinstance(i.get("fields"), dict))
    return [write_item(bulk, item, injected(list(faults), place)) for place, item in enumerate(items)]


def write_item(bulk: Bulk, item: Any, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    """Write one item inside a savepoint; `wanted` is an error somebody injects."""
    before = bulk.work.traces()
    try:
        with bulk.work.connection.begin_nested():
            refuse_as_injected(wanted)
            return bulk.write(item)
    except ItemError as refused:
        error = refused.error
    except OperationalError as failure:
        raise busy() from failure
    except (SQLAlchemyError, OverflowError):
        error = ItemError(500, "failed", GENERIC.format(500)).error
    bulk.work.forget_after(before)
    return {"error": error}


def refuse_as_injected(wanted: Mapping[str, Any] | None) -> None:
    """Refuse an item because somebody wants it refused."""
    if wanted:
        reason = REASON_BY_STATUS.get(wanted["code"], "failed")
        raise ItemError(wanted["code"], reason, wanted["message"])


def require_form(item: Any) -> None:
    """Refuse an item that is not built as agreed."""
    if not isinstance(item, dict) or not isinstance(item.get("fields"), dict):
        raise ItemError(400, "invalid", "An item is an object with fields.", ["fields"])
    wrong = [name for name in item if name not in MEMBERS]
    wrong += [name for name in ("id", "owner") if item.get(name) is not None and type(item[name]) is not int]
    wrong += [] if all(is_plain(value) for value in item["fields"].values()) else ["fields"]
    tags = item.get("tags") or []
    wrong += [] if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags) else ["tags"]
    if wrong:
        raise ItemError(400, "invalid", NOT_VALID, wrong)


def is_plain(value: Any) -> bool:
    """Tell whether a value is a scalar, or a list of scalars."""
    return all(isinstance(each, str | int | float | None) for each in (value if isinstance(value, list) else [value]))


def read_opt_out(entry: Any, change: Change) -> None:
    """Read what an item says of one channel's do-not-contact list."""
    if entry is None:
        return
    channel = entry.get("channel") if isinstance(entry, dict) else None
    is_removal = bool(channel and entry.get("remove"))
    if not channel or not isinstance(channel, str) or (not is_removal and entry.get("reason") not in dnc.REASONS):
        raise ItemError(400, "invalid", NOT_VALID, ["do_not_contact"])
    if is_removal:
        change.lifted_channels.append(channel)
    else:
        change.do_not_contact.append(entry)


def busy() -> ApiError:
    """Return what a call answers that the database did not let through."""
    refusal = plain_error(503, "The database is busy.")
    return ApiError(refusal.status, refusal.errors, {"Retry-After": "1"})
