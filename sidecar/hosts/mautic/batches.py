"""Sends contacts in batches, several at a time, and finds out what became of each one."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sidecar.errors import SetupError, TransientError
from sidecar.hosts.mautic.client import Answer, MauticClient, ServerBusyError, ServerFailedError
from sidecar.hosts.mautic.pace import Pace
from sidecar.hosts.mautic.schema import OWNER
from sidecar.hosts.mautic.waves import Item
from sidecar.sync.model import Reaction, WriteError

MAX_BATCH = 200  # Mautic: "A max of 200 entities are supported at a time."
MAX_SPLITS = 24

CREATE = ("POST", "/api/contacts/batch/new")
EDIT = ("PATCH", "/api/contacts/batch/edit")

_OURS = {"owner": OWNER}  # what Mautic calls a part of the body → the field that we know it by

TWICE = WriteError("mautic-written-twice", Reaction.RETRY)
GONE = WriteError("mautic-contact-gone", Reaction.RETRY)
ANOTHER_CONTACT = WriteError("mautic-answered-for-another-contact", Reaction.RETRY)
UNCLEAR = WriteError("mautic-answer-unclear", Reaction.RETRY)


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item: the contact written, or why not."""

    contact_id: int | None = None
    was_created: bool = False
    error: WriteError | None = None


class Batches:
    """Sends one write call's batches by REST, at Mautic's pace. Remembers a refused sign-in and any success."""

    def __init__(self, client: MauticClient, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self._splits_left = MAX_SPLITS
        self._lock = threading.Lock()
        self.refused: SetupError | None = None
        self.has_written = False

    def send(self, how: tuple[str, str], items: Sequence[Item]) -> dict[int, ItemResult]:
        """Send the items, which must not depend on each other; return one result per place."""
        return self._pace.work_off(items, lambda batch: self._send_batch(how, batch), given_up)

    def _send_batch(self, how: tuple[str, str], batch: Sequence[Item]) -> dict[int, ItemResult]:
        try:
            answer = self._client.call(*how, [dict(item.body) for item in batch])
        except ServerFailedError as error:
            return self._split(how, batch) or _all(batch, WriteError(error.code, Reaction.RETRY))
        except ServerBusyError:
            raise
        except TransientError as error:
            self._pace.slow_down()
            return _all(batch, WriteError(error.code, Reaction.RETRY, retry_after_seconds=error.retry_after_seconds))
        except SetupError as error:
            self.refused = error
            return _all(batch, WriteError(error.code, Reaction.RETRY))
        if answer.status >= 400:
            return self._split(how, batch) or _all(batch, WriteError("mautic-refused", Reaction.DATA))
        self.has_written = True
        self._pace.note(answer.seconds)
        return {item.place: result for item, result in zip(batch, parse_batch(answer, batch), strict=True)}

    def _split(self, how: tuple[str, str], batch: Sequence[Item]) -> dict[int, ItemResult] | None:
        """Send both halves by themselves, so that one poisonous contact does not take the others along.

        Repeating is harmless for contacts with an id or a unique value. A sick server would fail each half: splits are few.
        """
        with self._lock:
            may_split = self._splits_left > 0 and len(batch) > 1
            self._splits_left -= 1
        if not may_split or not all(item.contact_id is not None or item.keys for item in batch):
            return None
        middle = len(batch) // 2
        return self._send_batch(how, batch[:middle]) | self._send_batch(how, batch[middle:])


def parse_batch(answer: Answer, batch: Sequence[Item]) -> list[ItemResult]:
    """Return what became of each item. Contacts and errors are keyed by position: an object, or a list if there are no gaps."""
    body = answer.body if isinstance(answer.body, dict) else {}
    codes = body.get("statusCodes")
    if not isinstance(codes, list) or len(codes) != len(batch):
        return [ItemResult(error=UNCLEAR)] * len(batch)
    return [
        _item_result(item, code, _at(body.get("contacts"), index), _at(body.get("errors"), index))
        for index, (item, code) in enumerate(zip(batch, codes, strict=True))
    ]


def field_error(status: int, error: Any) -> WriteError:
    """Return what an error about one contact means for it; `error` is Mautic's {code, message, details}."""
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    fields = tuple(known_name(name) for name in details) if isinstance(details, dict) else ()
    if status == 404:
        return GONE
    if status == 403:
        return WriteError("mautic-forbidden", Reaction.SETUP)
    if status >= 500:
        return WriteError("mautic-unreachable", Reaction.RETRY)
    if status == 422:
        return WriteError("mautic-value-not-unique", Reaction.RETRY, fields)
    return WriteError("mautic-field-refused" if fields else "mautic-refused", Reaction.DATA, fields)


def known_name(name: object) -> str:
    """Return the field that we know a part of the body by."""
    return _OURS.get(str(name), str(name))


def contact_id_of(contact: Any) -> int | None:
    """Return the id of a contact as Mautic sends it, a number or a text."""
    raw = contact.get("id") if isinstance(contact, dict) else None
    return int(raw) if isinstance(raw, int) or (isinstance(raw, str) and raw.isdigit()) else None


def _item_result(item: Item, code: Any, contact: Any, error: Any) -> ItemResult:
    if code not in (200, 201):
        return ItemResult(error=field_error(code if isinstance(code, int) else 400, error))
    contact_id = contact_id_of(contact)
    if contact_id is None:
        return ItemResult(error=UNCLEAR)
    if item.contact_id is not None and contact_id != item.contact_id:
        return ItemResult(error=ANOTHER_CONTACT)
    return ItemResult(contact_id, was_created=item.contact_id is None and code == 201)


def _at(keyed: Any, index: int) -> Any:
    if isinstance(keyed, Mapping):
        return keyed.get(str(index))
    return keyed[index] if isinstance(keyed, list) and index < len(keyed) else None


def given_up(items: Sequence[Item], error: TransientError) -> dict[int, ItemResult]:
    """Return that these items were not sent, because Mautic is too busy."""
    return _all(items, WriteError(error.code, Reaction.RETRY, retry_after_seconds=error.retry_after_seconds))


def _all(batch: Sequence[Item], error: WriteError) -> dict[int, ItemResult]:
    return {item.place: ItemResult(error=error) for item in batch}
