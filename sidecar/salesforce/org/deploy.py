"""Deploying a package through the Metadata API's REST resource, and waiting for its end with few calls."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.errors import SetupError, TransientError
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.errors import codes_in
from sidecar.salesforce.org.plan import OrgPart, PartKind
from sidecar.salesforce.parts import Part, PartAnswer

WAITS_SECONDS: Final = (1, 2, 4, 8, 15, 30, 30, 30, 60, 60, 60)
"""How long to wait before each question; every question is a metered call."""

NOT_ALLOWED: Final = "org-set-up-not-allowed"
_OPTIONS: Final = {
    "allowMissingFiles": False,
    "autoUpdatePackage": False,
    "checkOnly": False,
    "ignoreWarnings": True,
    "performRetrieve": False,
    "purgeOnDelete": False,
    "rollbackOnError": True,
    "singlePackage": True,
}
_KINDS: Final = {
    "CustomObject": PartKind.OBJECT,
    "CustomField": PartKind.FIELD,
    "PermissionSet": PartKind.PERMISSION_SET,
}
_REFUSALS: Final = frozenset({401, 403, 404, 405})
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,160}")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment did: the parts that were not there before, and all that were taken."""

    made: frozenset[OrgPart]
    taken: frozenset[OrgPart]


def start_deployment(client: SalesforceClient, package: bytes) -> str:
    """Hand the package over and return the deployment's id; SetupError if our user may not do that."""
    files = {
        "json": (None, json.dumps({"deployOptions": _OPTIONS}), "application/json"),
        "file": ("mautic-sidecar.zip", package, "application/zip"),
    }
    answer = client.upload("metadata/deployRequest", files)
    if answer.status >= 300:
        raise _refused(answer)
    return str(answer.body["id"])


def wait_for_deployment(
    client: SalesforceClient, deployment_id: str, *, waits: Iterable[float] = WAITS_SECONDS
) -> Deployed:
    """Return what a deployment did once it has ended; TransientError if it has not within the time given to it."""
    path = f"metadata/deployRequest/{deployment_id}?includeDetails=true"
    for seconds in waits:
        client.sleep(seconds)
        answer = client.send(Part("GET", path), is_repeatable=True)
        if answer.error:
            raise answer.error
        result = answer.body["deployResult"]
        if _is_yes(result.get("done")) or result.get("status") in {"Succeeded", "Failed", "Canceled"}:
            return _read(result)
    raise TransientError("Salesforce is still deploying; repeat the command later.", code="org-deployment-unfinished")


def _read(result: Mapping[str, Any]) -> Deployed:
    details = result.get("details") or {}
    if not _is_yes(result.get("success")) and result.get("status") != "Succeeded":
        raise _failed(_as_list(details.get("componentFailures")), str(result.get("status")))
    found = [(part, each) for each in _as_list(details.get("componentSuccesses")) if (part := _part(each))]
    return Deployed(
        made=frozenset(part for part, each in found if _is_yes(each.get("created"))),
        taken=frozenset(part for part, _ in found),
    )


def _part(component: Mapping[str, Any]) -> OrgPart | None:
    kind = _KINDS.get(str(component.get("componentType")))
    return OrgPart(kind, str(component.get("fullName"))) if kind else None


def _failed(failures: list[Mapping[str, Any]], status: str) -> SetupError:
    """Name the parts that were refused. Salesforce's own text stays out: it may quote anything."""
    names = sorted({name for each in failures if _NAME.fullmatch(name := str(each.get("fullName") or ""))})
    return SetupError(
        "Salesforce did not take the package, and changed nothing"
        + (f"; it objects to {', '.join(names)}." if names else f" ({status}).")
        + " Setup, Deployment Status in Salesforce says why.",
        code="org-deployment-failed",
        fixed_by="salesforce_admin",
    )


def _refused(answer: PartAnswer) -> Exception:
    codes = codes_in(answer.body)
    if answer.status in _REFUSALS or any(code.startswith("INSUFFICIENT_ACCESS") for code in codes):
        return not_allowed()
    return answer.error or not_allowed()


def not_allowed() -> SetupError:
    """Return the error for a user who may not change an org's set-up."""
    return SetupError(
        "Our Salesforce user may not change the org's set-up: it lacks Customize Application, Modify Metadata Through "
        "Metadata API Functions, Manage Profiles and Permission Sets or Assign Permission Sets. Let a Salesforce "
        "administrator deploy the package and assign the permission set Mautic_Sidecar to our user, or give the set-up "
        "an administrator's access token for this once.",
        code=NOT_ALLOWED,
        fixed_by="salesforce_admin",
    )


def _as_list(value: object) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Mapping)]


def _is_yes(value: object) -> bool:
    """Salesforce's own examples write true both as JSON and as text."""
    return value is True or value == "true"
