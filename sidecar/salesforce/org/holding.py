"""Which parts of an org hold data, so that removing them would lose something."""

from collections.abc import Iterable, Sequence

from sidecar.errors import SidecarError
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.org.permissions import other_assignees
from sidecar.salesforce.org.plan import OrgPart, PartKind
from sidecar.salesforce.soql import select


def parts_in_use(
    client: SalesforceClient, parts: Sequence[OrgPart], checkboxes: Iterable[str], user_id: str | None
) -> dict[OrgPart, int | None]:
    """Return how many records each part holds, or other users have, leaving out empty ones; None where we may not look."""
    whole = {part.name for part in parts if part.kind is PartKind.OBJECT}
    boxes = set(checkboxes)
    found: dict[OrgPart, int | None] = {}
    for part in parts:
        count = _count(client, part, whole, boxes, user_id)
        if count != 0:
            found[part] = count
    return found


def _count(
    client: SalesforceClient, part: OrgPart, whole: set[str], boxes: set[str], user_id: str | None
) -> int | None:
    object_name, _, field = part.name.partition(".")
    try:
        if part.kind is PartKind.PERMISSION_SET:
            return other_assignees(client, user_id)
        if part.kind is PartKind.OBJECT:
            return _records(client, object_name, "Id != null")
        if part.kind is PartKind.FIELD and object_name not in whole:
            return _records(client, object_name, f"{field} = true" if field in boxes else f"{field} != null")
    except SidecarError:
        return None
    return 0


def _records(client: SalesforceClient, object_name: str, where: str) -> int:
    query = select(("Id",), object_name, where).replace("SELECT Id", "SELECT COUNT(Id)", 1)
    row = next(iter(client.query(query)))[0]
    return int(row["expr0"])
