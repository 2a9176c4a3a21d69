"""Finds the living people that unlinked records may belong to: by id, else by the values that identify them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sidecar.hosts.generic.reader import TableReader, Wish, is_living
from sidecar.hosts.generic.table import CONTACT
from sidecar.mapping.fingerprint import comparable_text
from sidecar.mapping.rules import Rules
from sidecar.records import Record, Ref, Value
from sidecar.sync.model import Wanted

_Key = tuple[str, str]


def find_people(reader: TableReader, rules: Rules, wanted: Sequence[Wanted]) -> list[list[Record]]:
    """Return, for each wanted, the person of that id (or whom it was merged into), else all that share a value."""
    wish = Wish.of(rules)
    by_id = _read_living(reader, wish, [want.external_id for want in wanted if want.external_id])
    by_value = _find_by_values(reader, rules, wish, [want for want in wanted if want.external_id not in by_id])
    found: list[list[Record]] = []
    for want in wanted:
        if want.external_id in by_id:
            found.append([by_id[want.external_id]])
            continue
        matches = [record for key in _keys(want, rules, reader) for record in by_value.get(key, ())]
        found.append(list({record.ref: record for record in matches}.values()))
    return found


def _read_living(reader: TableReader, wish: Wish, ids: Sequence[str]) -> dict[str | None, Record]:
    records = reader.read(wish, [Ref(CONTACT, each) for each in ids])
    survivors = {record.successor for record in records.values() if record.successor}
    records |= reader.read(wish, survivors - records.keys())
    living: dict[str | None, Record] = {}
    for each in ids:
        record = records.get(Ref(CONTACT, each))
        if record is not None and record.successor:
            record = records.get(record.successor)
        if record is not None and is_living(record):
            living[each] = record
    return living


def _find_by_values(
    reader: TableReader, rules: Rules, wish: Wish, wanted: Sequence[Wanted]
) -> Mapping[_Key, list[Record]]:
    values: dict[str, dict[str, Value]] = {}
    for want in wanted:
        for (name, text), value in _keys(want, rules, reader).items():
            values.setdefault(name, {})[text] = value
    found: dict[_Key, list[Record]] = {}
    for name, sought in values.items():
        wider = replace(wish, fields=tuple(dict.fromkeys((*wish.fields, name))))
        for record in reader.find(wider, name, list(sought.values())):
            held = comparable_text(record.values.get(name), reader.host.schema.fields[name])
            if held is not None and held in sought:
                found.setdefault((name, held), []).append(record)
    return found


def _keys(want: Wanted, rules: Rules, reader: TableReader) -> dict[_Key, Value]:
    """Return the field and comparable text of each value to look for; blanks find nothing."""
    hosts = {pair.name: pair.host for pair in rules.mapping.fields}
    keys: dict[_Key, Value] = {}
    for name, value in want.values.items():
        info = reader.host.schema.fields.get(hosts.get(name, name))
        text = comparable_text(value, info) if info else None
        if info is not None and text is not None:
            keys[info.name, text] = value
    return keys
