"""Finds the living people of a host that unlinked records may belong to: by id, else by the values that identify them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sidecar.mapping.fingerprint import comparable_text
from sidecar.mapping.rules import Rules
from sidecar.records import ObjectSchema, Record, Ref, Value
from sidecar.sync.model import Wanted

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Asking:
    """How one host is asked for people of one object.

    `read` returns records as they are now, as SidePort does. `search` returns the living people, some near misses among
    them, whose field holds one of the values: field name, comparable text → value.
    """

    object: str
    schema: ObjectSchema
    read: Callable[[Sequence[Ref]], Mapping[Ref, Record]]
    search: Callable[[str, Mapping[str, Value]], Iterable[Record]]


def find_people(host: Asking, rules: Rules, wanted: Sequence[Wanted]) -> list[list[Record]]:
    """Return, for each wanted, the person of that id (or whom it was merged into), else all that share a value."""
    by_id = _read_living(host, [want.external_id for want in wanted if want.external_id])
    by_value = _find_by_values(host, rules, [want for want in wanted if want.external_id not in by_id])
    found: list[list[Record]] = []
    for want in wanted:
        if want.external_id in by_id:
            found.append([by_id[want.external_id]])
            continue
        matches = [record for key in _keys(want, rules, host.schema) for record in by_value.get(key, ())]
        found.append(list({record.ref: record for record in matches}.values()))
    return found


def with_address(records: Iterable[Record], email: str) -> list[Ref]:
    """Return whose e-mail address is exactly this one, whatever the case, by id."""
    same = [record.ref for record in records if str(record.values.get("email")).lower() == email.lower()]
    return sorted(same, key=lambda ref: (len(ref.id), ref.id))


def _read_living(host: Asking, ids: Sequence[str]) -> dict[str | None, Record]:
    records = dict(host.read([Ref(host.object, each) for each in ids]))
    survivors = {record.successor for record in records.values() if record.successor}
    records |= host.read(sorted(survivors - records.keys()))
    living: dict[str | None, Record] = {}
    for each in ids:
        record = records.get(Ref(host.object, each))
        if record is not None and record.successor:
            record = records.get(record.successor)
        if record is not None and not record.is_deleted and record.successor is None:
            living[each] = record
    return living


def _find_by_values(host: Asking, rules: Rules, wanted: Sequence[Wanted]) -> Mapping[_Key, list[Record]]:
    values: dict[str, dict[str, Value]] = {}
    for want in wanted:
        for (name, text), value in _keys(want, rules, host.schema).items():
            values.setdefault(name, {})[text] = value
    found: dict[_Key, list[Record]] = {}
    for name, sought in values.items():
        for record in host.search(name, sought):
            held = comparable_text(record.values.get(name), host.schema.fields[name])
            if held is not None and held in sought:
                found.setdefault((name, held), []).append(record)
    return found


def _keys(want: Wanted, rules: Rules, schema: ObjectSchema) -> dict[_Key, Value]:
    """Return the host field and comparable text of each value to look for, by pair or field name; blanks find nothing."""
    hosts = {pair.name: pair.host for pair in rules.mapping.fields}
    keys: dict[_Key, Value] = {}
    for name, value in want.values.items():
        info = schema.fields.get(hosts.get(name, name))
        text = comparable_text(value, info) if info else None
        if info is not None and text is not None:
            keys[info.name, text] = value
    return keys
