"""Looking for the Salesforce twins of unlinked host records: by external id, else by equal values."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.mapping.rules import Rules
from sidecar.records import FieldType, Record, Value
from sidecar.salesforce import soql
from sidecar.salesforce.asking import Sizes, ask, questions
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.owners import OWNER_EMAIL
from sidecar.salesforce.shape import Shape
from sidecar.sync.model import Wanted

_WANTED: Final = Sizes(some=200, many=2_000, many_from=500)


@dataclass(frozen=True, slots=True)
class _Search:
    """How one object is searched: its external id field and the match fields by pair name, as far as they are visible."""

    shape: Shape
    external_id: str | None
    fields: Mapping[str, str]

    @property
    def is_possible(self) -> bool:
        return bool(self.external_id or self.fields)

    def query(self, wanted: Sequence[Wanted]) -> str:
        """Return the query for living records of any of the wanted."""
        terms = []
        ids = _distinct(want.external_id for want in wanted) if self.external_id else []
        if self.external_id and ids:
            terms.append(soql.is_in(self.external_id, ids))
        for name, field in self.fields.items():
            if values := _distinct(want.values.get(name) for want in wanted):
                terms.append(soql.is_in(field, values))
        alive = [soql.compare("IsDeleted", "=", False)]
        if self.shape.is_convertible:
            alive.append(soql.compare("IsConverted", "=", False))
        return soql.select((*self.shape.fields, *self.fields.values()), self.shape.object, _where(terms, alive))

    def asks_for(self, want: Wanted) -> bool:
        """Tell whether this object could hold a twin at all."""
        has_id = self.external_id is not None and soql.is_sayable(want.external_id)
        return has_id or any(soql.is_sayable(want.values.get(name)) for name in self.fields)


def find(
    client: SalesforceClient, rules: Rules, shapes: Sequence[Shape], wanted: Sequence[Wanted]
) -> list[list[Record]]:
    """Return, for each wanted, the living records that carry its external id or else one of its values, in order of shapes."""
    searches = [search for shape in shapes if (search := _search(rules, shape)).is_possible]
    by_id: dict[str, list[Record]] = defaultdict(list)
    by_value: dict[tuple[str, Value], list[Record]] = defaultdict(list)
    for search, record in _read(client, searches, wanted):
        if search.external_id and (carried := record.values.get(search.external_id)):
            by_id[str(carried).casefold()].append(record)
        for name, field in search.fields.items():
            by_value[name, _folded(record.values.get(field))].append(record)
    return [_twins(want, by_id, by_value) for want in wanted]


def _read(
    client: SalesforceClient, searches: Sequence[_Search], wanted: Sequence[Wanted]
) -> list[tuple[_Search, Record]]:
    asked = [
        question
        for search in searches
        for question in questions(search, [want for want in wanted if search.asks_for(want)], search.query, _WANTED)
    ]
    found: dict[str, tuple[_Search, Record]] = {}
    for search, rows in ask(client, asked):
        for row in rows:
            found.setdefault(row["Id"], (search, search.shape.record(row)))
    return list(found.values())


def _search(rules: Rules, shape: Shape) -> _Search:
    mapping = rules.mapping
    # Long texts cannot stand in a WHERE clause, and an owner's address is no field of the record.
    texts = {name for name, info in shape.values.items() if info.type is not FieldType.LONG_TEXT}
    visible = texts - {OWNER_EMAIL}
    fields = {name: mapping.pair(name).salesforce.get(shape.object) for name in mapping.match_on}
    return _Search(
        shape=shape,
        external_id=mapping.external_id if mapping.external_id in visible else None,
        fields={name: field for name, field in fields.items() if field in visible and field is not None},
    )


def _twins(
    want: Wanted, by_id: Mapping[str, list[Record]], by_value: Mapping[tuple[str, Value], list[Record]]
) -> list[Record]:
    if want.external_id and (carriers := by_id.get(want.external_id.casefold())):
        return carriers
    found: dict[str, Record] = {}
    for name, value in want.values.items():
        if (folded := _folded(value)) is not None:
            found |= {record.ref.id: record for record in by_value.get((name, folded), ())}
    return list(found.values())


def _folded(value: Value) -> Value:
    # Salesforce compares texts without regard to case and stores them without outer blanks.
    return value.strip().casefold() or None if isinstance(value, str) else value


def _distinct(values: Iterable[Value]) -> list[Value]:
    return list(dict.fromkeys(value for value in values if soql.is_sayable(value)))


def _where(terms: Sequence[str], alive: Sequence[str]) -> str:
    either = " OR ".join(terms)
    return " AND ".join([f"({either})" if len(terms) > 1 else either, *alive])
