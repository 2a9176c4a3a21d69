"""Sends contacts through the bundle's bulk endpoint: up to 500 a call, with tags, owner and opt-out in the same item.

Once it is not answered as agreed, REST does the rest of the run. What may have been written is not sent again at once, unless
repeating it is harmless.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.errors import SetupError
from sidecar.hosts.mautic.batches import ANOTHER_CONTACT, GONE, TWICE, UNCLEAR, ItemResult, field_error, known_name
from sidecar.hosts.mautic.bundle import MAX_BULK, BulkFailedError, Bundle
from sidecar.hosts.mautic.consent import COMMENT
from sidecar.hosts.mautic.opt_outs import BOUNCED, CHANNEL, MANUAL, REASONS
from sidecar.hosts.mautic.pace import Pace
from sidecar.hosts.mautic.values import Json
from sidecar.hosts.mautic.waves import Item
from sidecar.records import Consent
from sidecar.sync.model import ConsentChange, Reaction, WriteError

UNANSWERED = WriteError("mautic-unreachable", Reaction.RETRY)
_NO_FIELD = {"id", "owner", "tags", "overwriteWithBlank"}


class Bulk:
    """Sends one write call's contacts through the bundle. Remembers a refused sign-in and any success."""

    def __init__(self, bundle: Bundle, pace: Pace) -> None:
        self._bundle = bundle
        self._pace = pace
        self.refused: SetupError | None = None
        self.has_written = False

    @property
    def is_usable(self) -> bool:
        """Tell whether the bundle takes contacts from us."""
        return self._bundle.bulk_limit > 0

    def send(self, items: Sequence[Item]) -> dict[int, ItemResult]:
        """Send the items, which must not depend on each other. Places without a result were not taken: REST may have them."""
        if not self.is_usable:
            return {}
        self._pace.max_batch = min(MAX_BULK, self._bundle.bulk_limit)
        self._pace.size = min(self._pace.size, self._pace.max_batch)
        return self._pace.work_off(items, self._send_batch, lambda _items, _error: {})

    def _send_batch(self, batch: Sequence[Item]) -> Mapping[int, ItemResult]:
        if not self.is_usable:
            return {}
        try:
            results, seconds = self._bundle.bulk([as_bulk_item(item) for item in batch])
        except SetupError as error:
            self.refused = error
            return {item.place: ItemResult(error=WriteError(error.code, Reaction.RETRY)) for item in batch}
        except BulkFailedError as error:
            may_repeat = (item for item in batch if error.took_nothing or item.contact_id is not None)
            repeated = {item.place for item in may_repeat}
            return {item.place: ItemResult(error=UNANSWERED) for item in batch if item.place not in repeated}
        self.has_written = True
        self._pace.note(seconds)
        return {item.place: parse_item(item, result) for item, result in zip(batch, results, strict=True)}


def as_bulk_item(item: Item) -> dict[str, Any]:
    """Return an item as the bundle takes it: a blank is null among the fields, and needs no word beside it."""
    built: dict[str, Any] = {} if item.contact_id is None else {"id": item.contact_id}
    built["fields"] = {name: value for name, value in item.body.items() if name not in _NO_FIELD}
    built |= {name: item.body[name] for name in ("owner", "tags") if name in item.body}
    if item.do_not_contact:
        built["do_not_contact"] = dict(item.do_not_contact)
    return built


def parse_item(item: Item, result: Any) -> ItemResult:
    """Return what became of one item."""
    result = result if isinstance(result, dict) else {}
    error = result.get("error")
    if isinstance(error, dict):
        return ItemResult(error=_error(error))
    contact_id = result.get("id")
    if not isinstance(contact_id, int):
        return ItemResult(error=UNCLEAR)
    if item.contact_id is not None and contact_id != item.contact_id:
        return ItemResult(error=ANOTHER_CONTACT)
    return ItemResult(contact_id, was_created=result.get("created") is True)


def opt_out_of(change: ConsentChange | None, present: Consent | None) -> Mapping[str, Json] | None:
    """Return what of a change of opt-out may travel in the item. A row that is there is never turned into a weaker one."""
    if change is ConsentChange.OPT_OUT and present is None:
        return {"channel": CHANNEL, "reason": MANUAL, "comments": COMMENT}
    if change is ConsentChange.LIFT and present is not None and present.reason != REASONS[BOUNCED]:
        return {"channel": CHANNEL, "remove": True}
    return None


def _error(error: Mapping[str, Any]) -> WriteError:
    """Return an item's error in our codes: the bundle's reasons are finer than a status."""
    listed = error.get("fields")
    names = tuple(known_name(each) for each in listed) if isinstance(listed, list) else ()
    match error.get("reason"):
        case "unknown-field":
            return WriteError("mautic-field-missing", Reaction.DATA, names)
        case "merged":
            return GONE
        case "twice":
            return TWICE
    code = error.get("code")
    return field_error(code if isinstance(code, int) else 400, {"details": dict.fromkeys(names, "")})
