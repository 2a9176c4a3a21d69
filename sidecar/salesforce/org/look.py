"""Looking at an org: which parts are there, what our user may do with them, and what surrounds them. Writes nothing.

Start here. One look is eleven metered calls, whatever the org is like; `CALLS` says so.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from sidecar.errors import SetupError, SidecarError
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.org.seen import Json, Seen, SeenObject, parse_object
from sidecar.salesforce.org.wanted import PERMISSION_SET, Wanted
from sidecar.salesforce.parts import Part
from sidecar.salesforce.soql import compare, select

CALLS: Final = 11
"""The resource list, the list of objects, the limits, four descriptions, three Tooling queries, and five queries in one."""

_DAY: Final = timedelta(hours=24)
_USER_ID: Final = re.compile(r"/(005[A-Za-z0-9]{12,15})$")
_NOBODY: Final = "000000000000000AAA"


def look(client: SalesforceClient, wanted: Wanted) -> tuple[Wanted, Seen]:
    """Look at everything; also return what is wanted under the names that it has in this org."""
    before = client.session.calls
    now, versions = client.read_versions()
    if client.api_version not in versions:
        raise SetupError(f"The org does not offer API version {client.api_version}.", code="salesforce-version-gone")
    user_id = read_user_id(client)
    names = _read_object_names(client)
    wanted = wanted.as_found(names)
    objects = dict(_describe_each(client, (*wanted.objects, wanted.timeline, "Task"), names))
    if wanted.timeline in objects:
        wanted = wanted.with_fields_as_found(objects[wanted.timeline].fields)
    limits = client.send(Part("GET", "limits"), is_repeatable=True)
    answers = client.try_each(_queries(user_id, now - _DAY))
    organization, assigned, rules, leads, contacts = (
        None if isinstance(each, SidecarError) else each for each in answers
    )
    return wanted, Seen(
        user_id=user_id,
        objects=objects,
        definitions=look_behind(client, wanted, objects),
        object_names=names,
        versions=versions,
        api_version=client.api_version,
        organization=organization[0] if organization else None,
        limits=limits.body if not limits.error else None,
        is_assigned=bool(assigned) if assigned is not None and user_id else None,
        duplicate_rules=rules,
        writers={"Lead": leads, "Contact": contacts},
        calls=client.session.calls - before,
    )


def look_behind(
    client: SalesforceClient, wanted: Wanted, objects: Mapping[str, SeenObject]
) -> dict[str, dict[str, Json] | None]:
    """Return the definitions of all fields, also of those that are hidden from us; None where we may not know."""
    found: dict[str, dict[str, Json] | None] = {}
    for name in (*wanted.objects, wanted.timeline):
        rows = _read_definitions(client, name)
        # Without the permission to view the set-up, the answer is refused or empty, even for an object that we see.
        unknown = rows is None or (not rows and name in objects)
        found[name] = None if unknown or rows is None else {str(row["QualifiedApiName"]): row for row in rows}
    return found


def read_user_id(client: SalesforceClient) -> str | None:
    """Return the id of the user we are, or None if Salesforce does not say."""
    answer = client.send(Part("GET", ""), is_repeatable=True)
    identity = answer.body.get("identity") if not answer.error and isinstance(answer.body, Mapping) else None
    found = _USER_ID.search(str(identity or ""))
    return found[1] if found else None


def _read_object_names(client: SalesforceClient) -> list[str]:
    answer = client.send(Part("GET", "sobjects"), is_repeatable=True)
    if answer.error:
        raise answer.error
    return [str(each["name"]) for each in answer.body["sobjects"]]


def _describe_each(
    client: SalesforceClient, wanted: tuple[str, ...], names: list[str]
) -> Iterator[tuple[str, SeenObject]]:
    for name in wanted:
        if name not in names:
            continue
        answer = client.describe(name, {})
        if answer and answer[0]:
            yield name, parse_object(answer[0])


def _read_definitions(client: SalesforceClient, object_name: str) -> list[dict[str, Any]] | None:
    fields = ("QualifiedApiName", "DataType", "IsCalculated", "IsFieldHistoryTracked")
    soql = select(fields, "FieldDefinition", compare("EntityDefinition.QualifiedApiName", "=", object_name))
    path = f"tooling/query/?q={quote(soql, safe='')}"
    rows: list[dict[str, Any]] = []
    while path:
        answer = client.send(Part("GET", path), is_repeatable=True)
        if answer.error or not isinstance(answer.body, Mapping):
            return None
        rows += answer.body["records"]
        following = "" if answer.body.get("done", True) else str(answer.body.get("nextRecordsUrl") or "")
        path = re.sub(r"^/services/data/v[\d.]+/", "", following)
    return rows


def _queries(user_id: str | None, since: datetime) -> list[str]:
    organization = ("Id", "OrganizationType", "IsSandbox", "InstanceName", "NamespacePrefix")
    changed = compare("SystemModstamp", ">=", since)
    return [
        select(organization, "Organization", "Id != null"),
        assignment_query(user_id or _NOBODY),
        select(("DeveloperName", "SobjectType"), "DuplicateRule", "IsActive = true"),
        _writers("Lead", changed),
        _writers("Contact", changed),
    ]


def assignment_query(user_id: str) -> str:
    """Return the query for our permission set's assignment to a user."""
    mine = f"{compare('AssigneeId', '=', user_id)} AND {compare('PermissionSet.Name', '=', PERMISSION_SET)}"
    return select(("Id",), "PermissionSetAssignment", mine)


def _writers(object_name: str, where: str) -> str:
    query = select(("LastModifiedById",), object_name, where, "GROUP BY LastModifiedById")
    return query.replace("SELECT LastModifiedById", "SELECT LastModifiedById, COUNT(Id) total", 1)
