"""Deployments as a client of the vendor's published protocol sends them: raw XML in a zip, multipart, polled."""

import io
import json
import zipfile
from typing import Any

from sidecar.sandbox.org import Org
from tests.contract.org_caller import HOST, Caller

SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
TEXT = "<length>40</length>"


def field(name: str, kind: str = "Text", more: str = TEXT) -> str:
    """Return one custom field of an object's file."""
    return f"<fields><fullName>{name}</fullName><label>{name}</label><type>{kind}</type>{more}</fields>"


def custom_object(fields: str = "", **changes: str) -> str:
    """Return the file of a custom object."""
    said = {
        "deploymentStatus": "Deployed",
        "label": "Timeline",
        "nameField": "<label>Name</label><type>Text</type>",
        "pluralLabel": "Timelines",
        "sharingModel": "ReadWrite",
    } | changes
    body = "".join(f"<{name}>{value}</{name}>" for name, value in said.items() if value)
    return f"<CustomObject {SPACE}>{body}{fields}</CustomObject>"


def standard_object(fields: str = "", history: str = "") -> str:
    """Return the file of a standard object: only what it names is changed."""
    switch = f"<enableHistory>{history}</enableHistory>" if history else ""
    return f"<CustomObject {SPACE}>{switch}{fields}</CustomObject>"


def permission_set(*grants: str, label: str = "Sync") -> str:
    """Return the file of a permission set."""
    head = f"<label>{label}</label><hasActivationRequired>false</hasActivationRequired>" if label else ""
    return f"<PermissionSet {SPACE}>{''.join(grants)}{head}</PermissionSet>"


def on_field(name: str, readable: str = "true", editable: str = "true") -> str:
    """Return a grant on a field."""
    flags = f"<editable>{editable}</editable><field>{name}</field><readable>{readable}</readable>"
    return f"<fieldPermissions>{flags}</fieldPermissions>"


def on_object(name: str, **flags: str) -> str:
    """Return a grant on an object: everything, unless said."""
    rights = {"allowCreate": "true", "allowDelete": "true", "allowEdit": "true", "allowRead": "true"}
    rights |= {"modifyAllRecords": "false", "viewAllRecords": "false"} | flags
    body = "".join(f"<{right}>{value}</{right}>" for right, value in rights.items())
    return f"<objectPermissions>{body}<object>{name}</object></objectPermissions>"


def manifest(**members: str | list[str]) -> str:
    """Return a package.xml or destructiveChanges.xml."""
    types = ""
    for kind, names in members.items():
        listed = "".join(f"<members>{name}</members>" for name in ([names] if isinstance(names, str) else names))
        types += f"<types>{listed}<name>{kind}</name></types>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Package {SPACE}>{types}<version>66.0</version></Package>'


def zipped(files: dict[str, str]) -> bytes:
    """Return files as a zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    return made.getvalue()


def begin(caller: Caller, files: dict[str, str], **options: Any) -> Any:
    """Send a deployment."""
    asked = {"deployOptions": {"singlePackage": True, "rollbackOnError": True} | options}
    parts = {
        "json": (None, json.dumps(asked), "application/json"),
        "file": ("deploy.zip", zipped(files), "application/zip"),
    }
    return caller.session.post(f"{HOST}/services/data/v66.0/metadata/deployRequest", files=parts)


def look(caller: Caller, deployment_id: str) -> dict[str, Any]:
    """Ask how far a deployment is."""
    answer = caller.ask("GET", f"/metadata/deployRequest/{deployment_id}", params={"includeDetails": "true"})
    assert answer.status_code == 200, answer.text
    return answer.json()["deployResult"]


def deploy(caller: Caller, files: dict[str, str], **options: Any) -> dict[str, Any]:
    """Deploy, and ask until it is done."""
    begun = begin(caller, files, **options)
    assert begun.status_code == 201, begun.text
    for _ in range(5):
        result = look(caller, begun.json()["id"])
        if result["done"]:
            return result
    raise AssertionError("still not done")


def effects(result: dict[str, Any]) -> dict[str, tuple[bool, bool, bool]]:
    """Return created, changed, deleted by name."""
    done = result["details"]["componentSuccesses"]
    return {each["fullName"]: (each["created"], each["changed"], each["deleted"]) for each in done}


def problems(result: dict[str, Any]) -> dict[str, str]:
    """Return what failed and why."""
    return {each["fullName"]: each["problem"] for each in result["details"]["componentFailures"]}


def admin_of(org: Org) -> Caller:
    """Return a caller who may change everything."""
    org.make_admin()
    return Caller(org)


def assign(caller: Caller, name: str) -> Any:
    """Give the integration user a permission set."""
    set_id = caller.query(f"SELECT Id FROM PermissionSet WHERE Name = '{name}'").json()["records"][0]["Id"]
    body = {"AssigneeId": caller.org.user_ids["api"], "PermissionSetId": set_id}
    return caller.ask("POST", "/sobjects/PermissionSetAssignment", body)


def field_names(caller: Caller, object_name: str) -> set[str]:
    """Return the fields the caller is told of."""
    return {each["name"] for each in caller.ask("GET", f"/sobjects/{object_name}/describe").json()["fields"]}
