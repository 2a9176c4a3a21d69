"""Finds the living contacts that unlinked records may belong to: by id, else by the values that identify them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sidecar.hosts.mautic.reader import ContactReader, Wish, id_of
from sidecar.mapping.fingerprint import comparable_text
from sidecar.mapping.rules import Rules
from sidecar.records import Record, Ref, Value
from sidecar.sync.model import Wanted


def find_contacts(reader: ContactReader, rules: Rules, wanted: Sequence[Wanted]) -> list[list[Record]]:
    """Return, for each wanted, the contact of that id (or the one it was merged into), else all that share a value."""
    wish = Wish.of(rules)
    by_id = _read_living(reader, wish, [want.external_id for want in wanted if want.external_id])
    searched = [want for want in wanted if want.external_id not in by_id]
    by_value = _find_by_values(reader, rules, wish, searched)
    found: list[list[Record]] = []
    for want in wanted:
        if want.external_id in by_id:
            found.append([by_id[want.external_id]])
            continue
        matches = [record for key in _keys(want, rules, reader) for record in by_value.get(key, ())]
        found.append(list({record.ref: record for record in matches}.values()))
    return found


def _read_living(reader: ContactReader, wish: Wish, external_ids: Sequence[str]) -> dict[str | None, Record]:
    ids = {
        external_id: contact_id for external_id in external_ids if (contact_id := id_of(Ref("contact", external_id)))
    }
    records = reader.read(wish, ids.values())
    survivors = {int(record.successor.id) for record in records.values() if record.successor}
    records |= reader.read(wish, survivors - records.keys())
    living: dict[str | None, Record] = {}
    for external_id, contact_id in ids.items():
        record = records[contact_id]
        if record.successor:
            record = records[int(record.successor.id)]
        if not record.is_deleted and record.successor is None:
            living[external_id] = record
    return living


def _find_by_values(
    reader: ContactReader, rules: Rules, wish: Wish, wanted: Sequence[Wanted]
) -> Mapping[tuple[str, str], list[Record]]:
    texts: dict[str, set[str]] = {}
    for want in wanted:
        for name, text in _keys(want, rules, reader):
            texts.setdefault(name, set()).add(text)
    found: dict[tuple[str, str], list[Record]] = {}
    for name, some in texts.items():
        wider = replace(wish, fields=tuple(dict.fromkeys((*wish.fields, name))))
        for record in reader.find(wider, name, some).values():
            held = comparable_text(record.values.get(name), reader.schema.fields[name])
            if held is not None and held in some:
                found.setdefault((name, held), []).append(record)
    return found


def _keys(want: Wanted, rules: Rules, reader: ContactReader) -> list[tuple[str, str]]:
    """Return the host field and comparable text of each value to look for; blanks find nothing."""
    keys = []
    for name, value in want.values.items():
        field_name = _host_field(name, rules)
        text = _comparable(field_name, value, reader)
        if text is not None:
            keys.append((field_name, text))
    return keys


def _comparable(field_name: str, value: Value, reader: ContactReader) -> str | None:
    info = reader.schema.fields.get(field_name)
    return comparable_text(value, info) if info else None


def _host_field(name: str, rules: Rules) -> str:
    """Return the host field of a pair's name; a field's own name stays."""
    return next((pair.host for pair in rules.mapping.fields if pair.name == name), name)
