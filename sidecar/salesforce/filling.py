"""How many records have something in each field, and a few of the things. COUNT(field) of many fields is one query."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sidecar.errors import SidecarError
from sidecar.mapping.filled import Filled
from sidecar.records import FieldType, ObjectSchema, Value
from sidecar.salesforce import soql
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.owners import OWNER_EMAIL
from sidecar.salesforce.values import from_json

FIELDS_PER_QUERY: Final = 40
"""No limit is documented; what an org refuses is a part of the fields only."""
_MOST_LISTS: Final = 10
"""A list of several options takes a query of its own (SOQL reference, field types in aggregate functions)."""
_ROWS_LOOKED_AT: Final = 200
"""A long text cannot be asked for by WHERE: some records are read, and those without one left out."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A query, and the fields whose counts are its answer."""

    object: str
    fields: Sequence[str]
    soql: str


def count_filled(client: SalesforceClient, schemas: Sequence[ObjectSchema]) -> dict[str, Filled]:
    """Return the counts of each object; five queries are one call, 200 fields. Deleted records and converted leads are nobody."""
    asked = [question for schema in schemas for question in _questions(schema)]
    answers = client.try_each([question.soql for question in asked])
    refused = [answer for answer in answers if isinstance(answer, SidecarError)]
    if len(refused) == len(answers) and refused:
        raise refused[0]
    records: dict[str, int] = {}
    counts: dict[str, dict[str, int]] = {schema.object: {} for schema in schemas}
    for question, answer in zip(asked, answers, strict=True):
        if not isinstance(answer, SidecarError):
            total, found = _read(question, answer[0])
            counts[question.object] |= found
            if total is not None:
                records[question.object] = total
    return {name: Filled(records[name], found) for name, found in counts.items() if name in records}


def read_samples(client: SalesforceClient, schema: ObjectSchema, name: str, most: int) -> Sequence[Value]:
    """Return some values of a field, blanks left out; one call."""
    if name not in schema.fields or name == OWNER_EMAIL:
        return []
    info, terms, limit = schema.fields[name], _living(schema), _ROWS_LOOKED_AT
    if info.is_countable and info.type is not FieldType.BOOLEAN:
        terms.append(soql.compare(name, "!=", None))
        limit = most
    query = soql.select([name], schema.object, " AND ".join(terms), f"LIMIT {limit}")
    rows = (row for page in client.query(query) for row in page)
    values = (from_json(row.get(name), info.type) for row in rows)
    return [value for value in values if value is not None][:most]


def _questions(schema: ObjectSchema) -> Iterator[_Question]:
    countable = [info for info in schema.fields.values() if info.is_countable and info.name != OWNER_EMAIL]
    lists = [info.name for info in countable if info.type is FieldType.MULTI_PICKLIST]
    names = [info.name for info in countable if info.type not in (FieldType.MULTI_PICKLIST, FieldType.BOOLEAN)]
    for start in range(0, len(names), FIELDS_PER_QUERY):
        some = names[start : start + FIELDS_PER_QUERY]
        counted = ",".join(["COUNT(Id)", *(f"COUNT({soql.checked_name(name)})" for name in some)])
        yield _Question(schema.object, some, _select(counted, schema, _living(schema)))
    for name in lists[:_MOST_LISTS]:
        terms = [*_living(schema), soql.compare(name, "!=", None)]
        yield _Question(schema.object, [name], _select("COUNT(Id)", schema, terms))


def _select(counted: str, schema: ObjectSchema, terms: Sequence[str]) -> str:
    return f"SELECT {counted} FROM {soql.checked_name(schema.object)} WHERE {' AND '.join(terms)}"  # noqa: S608  (names are checked)


def _living(schema: ObjectSchema) -> list[str]:
    terms = [soql.compare("Id", "!=", None)]
    if "IsConverted" in schema.fields:
        terms.append(soql.compare("IsConverted", "=", False))
    return terms


def _read(question: _Question, row: Mapping[str, Any]) -> tuple[int | None, dict[str, int]]:
    """Return how many records there are, where the query tells, and how many have each of its fields filled."""
    numbers = [int(row[f"expr{place}"]) for place in range(sum(key.startswith("expr") for key in row))]
    if len(numbers) == 1:
        return None, {question.fields[0]: numbers[0]}
    return numbers[0], dict(zip(question.fields, numbers[1:], strict=True))
