"""How many records of an object there are, and how many of them a scope lets in: the same clauses, as a WHERE."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.mapping.model import CriterionTest
from sidecar.mapping.scope import Clause
from sidecar.records import FieldType, ObjectSchema
from sidecar.salesforce import soql
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.owners import OWNER_EMAIL

_OPERATORS: Final = {CriterionTest.AT_LEAST: ">=", CriterionTest.AT_MOST: "<="}


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people of one object there are, and how many are in its scope."""

    records: int
    in_scope: int


def count_in_scope(
    client: SalesforceClient, scopes: Sequence[tuple[ObjectSchema, Sequence[Clause]]]
) -> dict[str, Counted]:
    """Return the counts of each object; five queries are one call. Deleted records and converted leads are nobody."""
    asked = [query for schema, clauses in scopes for query in (_query(schema, ()), _query(schema, clauses))]
    answers = iter(client.query_each([query for query in asked if query])) if asked else iter(())
    numbers = [int(next(answers)[0]["expr0"]) if query else 0 for query in asked]
    return {
        schema.object: Counted(numbers[2 * place], numbers[2 * place + 1]) for place, (schema, _) in enumerate(scopes)
    }


def _query(schema: ObjectSchema, clauses: Iterable[Clause]) -> str | None:
    """Return the query that counts who satisfies the clauses, or None where nobody can."""
    terms = [soql.compare("Id", "!=", None)]
    if "IsConverted" in schema.fields:
        terms.append(soql.compare("IsConverted", "=", False))
    for clause in clauses:
        if clause.test is None:
            return None
        terms.append(_term(clause))
    counted = soql.select(["Id"], schema.object, " AND ".join(terms))
    return counted.replace("SELECT Id ", "SELECT COUNT(Id) ", 1)


def _term(clause: Clause) -> str:
    """Return a clause as SOQL; values are quoted, names are checked."""
    name, values = "Owner.Email" if clause.info.name == OWNER_EMAIL else clause.info.name, clause.values
    is_list = clause.info.type is FieldType.MULTI_PICKLIST
    match clause.test:
        case CriterionTest.IS_BLANK:
            return soql.compare(name, "=" if values[0] else "!=", None)
        case CriterionTest.IS_NOT:
            return soql.has_any(name, values, "EXCLUDES") if is_list else soql.compare(name, "!=", values[0])
        case CriterionTest.AT_LEAST | CriterionTest.AT_MOST:
            return soql.compare(name, _OPERATORS[clause.test], values[0])
        case _:
            return soql.has_any(name, values, "INCLUDES") if is_list else soql.is_in(name, values)
