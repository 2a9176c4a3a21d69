"""Which timeline records an org has already, whoever made them: the last of them, and their references since a moment."""

from collections.abc import Iterator
from datetime import datetime

from sidecar.salesforce import soql
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.values import parse_datetime

_MADE = "CreatedDate"
"""Indexed in every org; the date of the event is not."""


def read_last_made(client: SalesforceClient, object_name: str, until: datetime) -> datetime | None:
    """Return when the newest timeline record was made; None if there is none. One call."""
    before = soql.compare(_MADE, "<=", until)
    query = soql.select([_MADE], object_name, before, f"ORDER BY {_MADE} DESC LIMIT 1")
    rows = [row for page in client.query(query) for row in page]
    return parse_datetime(rows[0][_MADE]) if rows else None


def read_references(
    client: SalesforceClient, object_name: str, reference_field: str, since: datetime
) -> Iterator[list[str]]:
    """Yield the references of the timeline records made since then, page by page, none empty."""
    query = soql.select(["Id", reference_field], object_name, soql.compare(_MADE, ">=", since))
    for page in client.query(query):
        if found := [row[reference_field] for row in page if row[reference_field]]:
            yield found
