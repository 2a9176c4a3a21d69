"""Writes contacts through Mautic's REST API, knowing what it does wrong: `batches.py` sends, `waves.py` orders."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sidecar.hosts.mautic.batches import (
    ANOTHER_CONTACT,
    CREATE,
    EDIT,
    GONE,
    MAX_BATCH,
    TWICE,
    Batches,
    ItemResult,
)
from sidecar.hosts.mautic.bulk import Bulk, opt_out_of
from sidecar.hosts.mautic.bundle import MAX_BULK, Bundle
from sidecar.hosts.mautic.client import MauticClient
from sidecar.hosts.mautic.consent import ConsentWriter
from sidecar.hosts.mautic.owners import Owners, read_owners
from sidecar.hosts.mautic.pace import Pace
from sidecar.hosts.mautic.reader import CONTACT, ContactReader, Wish, id_of, ref_of
from sidecar.hosts.mautic.schema import OWNER
from sidecar.hosts.mautic.values import Json, to_json, why_not_writable
from sidecar.hosts.mautic.waves import Item, UniqueKey, unique_keys, waves_of_creations, waves_of_edits
from sidecar.mapping.model import OwnerRule
from sidecar.records import Consent
from sidecar.sync.model import ConsentChange, Reaction, Write, WriteError, WriteResult

UNKNOWN_OBJECT = WriteError("mautic-object-unknown", Reaction.SETUP)
NOTHING_TO_CREATE = WriteError("mautic-nothing-to-create", Reaction.DATA)


class ContactWriter:
    """Creates and edits contacts and their opt-outs; every write gets a result of its own."""

    def __init__(
        self,
        client: MauticClient,
        reader: ContactReader,
        bundle: Bundle,
        *,
        parallel: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._reader = reader
        self._bundle = bundle
        self._parallel = parallel
        self._pace = Pace(parallel, MAX_BATCH, sleep)
        self._bulk_pace = Pace(parallel, MAX_BULK, sleep)
        self._owners = Owners()
        self._opt_outs: Mapping[int, Consent] = {}

    def write(self, writes: Sequence[Write], owners: OwnerRule | None = None) -> list[WriteResult]:
        """Carry out the writes: edits first (they may give up an address), then creations, then opt-outs.

        Raises only if the sign-in or the rights fail before anything was written; later that is each remaining write's error.
        """
        if not writes:
            return []
        self._client.require_known_version()
        self._owners = read_owners(self._reader, owners or OwnerRule(), writes)
        results = self._refused(writes)
        senders = _Senders(Bulk(self._bundle, self._bulk_pace), Batches(self._client, self._pace))
        self._opt_outs = self._read_opt_outs(writes) if senders.bulk.is_usable else {}
        todo = {place: write for place, write in enumerate(writes) if place not in results}
        results |= self._edit({place: write for place, write in todo.items() if write.ref}, senders)
        results |= self._create({place: write for place, write in todo.items() if not write.ref}, senders)
        senders.require_sign_in()
        return self._with_consent(writes, results)

    def _refused(self, writes: Sequence[Write]) -> dict[int, ItemResult]:
        """Return the writes that must not be sent, and why: gone contacts, values that Mautic would store as something else."""
        living = self._reader.read_existing(_ids(writes))
        refused: dict[int, ItemResult] = {}
        named: set[int] = set()
        for place, write in enumerate(writes):
            error = self._why_not(write, living, named)
            if error:
                refused[place] = ItemResult(error=error)
        return refused

    def _why_not(self, write: Write, living: set[int], named: set[int]) -> WriteError | None:
        if write.object != CONTACT:
            return UNKNOWN_OBJECT
        if write.ref is None and all(value is None for value in write.values.values()):
            return NOTHING_TO_CREATE
        if write.ref is not None:
            contact_id = id_of(write.ref)
            if contact_id is None or contact_id not in living:
                return GONE
            if contact_id in named:
                return TWICE
            named.add(contact_id)
        return self._unwritable(write) or self._owners.why_not(write)

    def _unwritable(self, write: Write) -> WriteError | None:
        fields = self._reader.fields
        reasons: dict[str, str] = {}
        for name, value in write.values.items():
            info = fields.schema.fields.get(name)
            if info is None or not info.is_updateable:
                reasons[name] = "mautic-field-missing"
            elif name == OWNER:
                continue
            elif reason := why_not_writable(value, info, fields.host_types[name]):
                reasons[name] = reason
        return WriteError(next(iter(reasons.values())), Reaction.DATA, tuple(reasons)) if reasons else None

    def _edit(self, edits: Mapping[int, Write], senders: "_Senders") -> dict[int, ItemResult]:
        items = [self._item(place, write) for place, write in edits.items()]
        results = {item.place: ItemResult(item.contact_id) for item in items if _is_empty(item)}
        for wave in waves_of_edits([item for item in items if not _is_empty(item)], self._holders(items)):
            sent = senders.bulk.send(wave)
            rest = [item for item in wave if item.place not in sent]
            results |= sent | {item.place: ItemResult(item.contact_id) for item in rest if len(item.body) == 1}
            plain = [item for item in rest if "overwriteWithBlank" not in item.body and len(item.body) > 1]
            blanking = [item for item in rest if "overwriteWithBlank" in item.body]
            for batch in (plain, blanking):
                results |= senders.batches.send(EDIT, batch)
        return results

    def _create(self, creations: Mapping[int, Write], senders: "_Senders") -> dict[int, ItemResult]:
        results: dict[int, ItemResult] = {}
        for wave in waves_of_creations([self._item(place, write) for place, write in creations.items()]):
            sent = senders.bulk.send(wave)
            results |= sent | senders.batches.send(CREATE, [item for item in wave if item.place not in sent])
        return results

    def _item(self, place: int, write: Write) -> Item:
        """Return what is sent: a blank travels only with `overwriteWithBlank`, and is left out of a creation."""
        keys = unique_keys(write.values, self._reader.fields.unique)
        contact_id = _id(write)
        opt_out = opt_out_of(write.consent, self._opt_outs.get(contact_id) if contact_id is not None else None)
        if contact_id is None:
            made = {name: to_json(value) for name, value in write.values.items() if value is not None and name != OWNER}
            return Item(place, made | self._owner(write, may_clear=False) | _tags(write), None, keys, opt_out)
        body: dict[str, Json] = {"id": contact_id}
        body |= {name: to_json(value) for name, value in write.values.items() if name != OWNER}
        if None in body.values():
            body["overwriteWithBlank"] = True
        return Item(place, body | self._owner(write, may_clear=True) | _tags(write), contact_id, keys, opt_out)

    def _owner(self, write: Write, *, may_clear: bool) -> dict[str, Json]:
        """Return who shall own the contact, as REST wants it: a user's number, or null for nobody."""
        if OWNER not in write.values:
            return {}
        email = write.values[OWNER]
        if email is None:
            return {"owner": None} if may_clear else {}
        return {"owner": self._owners.id_of(str(email))}

    def _read_opt_outs(self, writes: Sequence[Write]) -> dict[int, Consent]:
        """Return who of those whose opt-out is about to change has opted out, so that no row is overwritten by a weaker one."""
        ids = _ids(write for write in writes if write.consent)
        return self._reader.read_opt_outs(ids) if ids else {}

    def _holders(self, items: Sequence[Item]) -> dict[UniqueKey, int]:
        """Return which contact has the unique values that are about to be given to another; no statement if there are none."""
        wanted: dict[str, set[str]] = {}
        for name, value in (key for item in items for key in item.keys):
            wanted.setdefault(name, set()).add(value)
        holders: dict[UniqueKey, int] = {}
        for name, values in wanted.items():
            for contact_id, record in self._reader.find(Wish((name,), consent=False), name, values).items():
                holders |= dict.fromkeys(unique_keys(record.values, {name}), contact_id)
        return holders

    def _with_consent(self, writes: Sequence[Write], results: Mapping[int, ItemResult]) -> list[WriteResult]:
        targets = [_opt_out_target(write, results[place]) for place, write in enumerate(writes)]
        changes = {
            contact_id: write.consent
            for write, contact_id in zip(writes, targets, strict=True)
            if write.consent and contact_id is not None
        }
        consent = ConsentWriter(self._client, self._reader, self._parallel)
        errors = consent.apply(changes)
        return [
            WriteResult(
                ref=ref_of(result.contact_id) if result.contact_id is not None else None,
                error=result.error,
                consent_error=errors.get(target) if write.consent and target is not None else None,
                was_created=result.was_created,
            )
            for write, target, result in zip(writes, targets, (results[n] for n in range(len(writes))), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Senders:
    """The two ways a contact may go to Mautic in one write call: the bundle first, REST for what it does not take."""

    bulk: Bulk
    batches: Batches

    def require_sign_in(self) -> None:
        """Raise what refused us if it did so before anything was written."""
        refused = self.bulk.refused or self.batches.refused
        if refused and not (self.bulk.has_written or self.batches.has_written):
            raise refused


def _is_empty(item: Item) -> bool:
    """Tell whether an edit has nothing to say but, perhaps, an opt-out that no batch takes along."""
    return len(item.body) == 1 and not item.do_not_contact


def _opt_out_target(write: Write, result: ItemResult) -> int | None:
    """Return whose opt-out to change: a person's right does not wait for the rest of the record to be accepted."""
    if result.contact_id is not None or write.consent is not ConsentChange.OPT_OUT:
        return result.contact_id
    is_somebody_else = result.error in (GONE, ANOTHER_CONTACT, TWICE, UNKNOWN_OBJECT)
    return None if is_somebody_else else _id(write)


def _tags(write: Write) -> dict[str, Json]:
    """Return the tags that a contact gets; those it has stay."""
    return {"tags": list(write.tags)} if write.tags else {}


def _id(write: Write) -> int | None:
    return id_of(write.ref) if write.ref else None


def _ids(writes: Iterable[Write]) -> list[int]:
    return [contact_id for write in writes if (contact_id := _id(write)) is not None]
