"""Assigning our permission set to the integration user, and taking it away: plain records, unlike all other parts."""

from sidecar.errors import SetupError
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.errors import codes_in
from sidecar.salesforce.org.deploy import not_allowed
from sidecar.salesforce.org.look import assignment_query
from sidecar.salesforce.org.wanted import PERMISSION_SET
from sidecar.salesforce.parts import Part
from sidecar.salesforce.soql import compare, select


def assign(client: SalesforceClient, user_id: str) -> bool:
    """Assign our permission set to a user; return whether it was not assigned before."""
    if _ids(client, assignment_query(user_id)):
        return False
    found = _ids(client, select(("Id",), "PermissionSet", compare("Name", "=", PERMISSION_SET)))
    if not found:
        raise not_allowed()
    body = {"AssigneeId": user_id, "PermissionSetId": found[0]}
    _do(client, Part("POST", "sobjects/PermissionSetAssignment", body))
    return True


def unassign(client: SalesforceClient, user_id: str) -> None:
    """Take our permission set from a user; nothing happens where it is not assigned."""
    for assignment_id in _ids(client, assignment_query(user_id)):
        _do(client, Part("DELETE", f"sobjects/PermissionSetAssignment/{assignment_id}"))


def other_assignees(client: SalesforceClient, user_id: str | None) -> int:
    """Return how many users besides ours have our permission set."""
    mine = compare("PermissionSet.Name", "=", PERMISSION_SET)
    pages = client.query(select(("AssigneeId",), "PermissionSetAssignment", mine))
    return sum(row["AssigneeId"] != user_id for page in pages for row in page)


def _ids(client: SalesforceClient, soql: str) -> list[str]:
    try:
        return [str(row["Id"]) for page in client.query(soql) for row in page]
    except SetupError:
        raise not_allowed() from None


def _do(client: SalesforceClient, part: Part) -> None:
    try:
        answer = client.send(part, is_repeatable=False)
    except SetupError:
        raise not_allowed() from None
    if answer.error and "DUPLICATE_VALUE" not in codes_in(answer.body):
        raise not_allowed()
