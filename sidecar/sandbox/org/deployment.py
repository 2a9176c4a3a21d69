"""One deployment: what was asked, how far it is, and what came of each component."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zlib import crc32

from sidecar.sandbox.org.clock import stamp
from sidecar.sandbox.org.ids import make_id

KIND_PREFIXES = {"CustomObject": "01I", "CustomField": "00N", "PermissionSet": "0PS"}
OPTIONS = {
    "allowMissingFiles": False,
    "autoUpdatePackage": False,
    "checkOnly": False,
    "ignoreWarnings": False,
    "performRetrieve": False,
    "purgeOnDelete": False,
    "rollbackOnError": True,
    "runTests": None,
    "singlePackage": True,
    "testLevel": None,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one component. A problem is an error unless it is said to be a warning only."""

    kind: str
    name: str
    file_name: str
    created: bool = False
    changed: bool = False
    deleted: bool = False
    problem: str | None = None
    is_warning: bool = False
    is_error: bool | None = None

    def __post_init__(self) -> None:
        if self.is_error is None:
            object.__setattr__(self, "is_error", self.problem is not None)


@dataclass(slots=True)
class Deployment:
    """A request to deploy."""

    id: str
    user_id: str
    created_at: datetime
    options: dict[str, Any]
    data: bytes
    status: str = "Pending"
    polls: int = 0
    completed_at: datetime | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether nothing more will happen."""
        return self.completed_at is not None

    @property
    def errors(self) -> list[Outcome]:
        """The components that failed."""
        return [each for each in self.outcomes if each.is_error]

    def option(self, name: str, *, default: bool = False) -> bool:
        """Return a yes/no option."""
        return bool(self.options.get(name, default))

    def finish(self, at: datetime) -> None:
        """Be done, well or badly."""
        self.completed_at = at
        if not self.errors:
            self.status = "Succeeded"
        else:
            self.status = "Failed" if self.option("rollbackOnError", default=True) else "SucceededPartial"


def report(each: Deployment, created_by: str, url: str) -> dict[str, Any]:
    """Return how far a deployment is."""
    status = each.status if each.is_done or each.polls == 0 else "InProgress"
    components = [one for one in each.outcomes if one.kind]
    result = {
        "id": each.id,
        "checkOnly": each.option("checkOnly"),
        "createdBy": each.user_id,
        "createdByName": created_by,
        "createdDate": stamp(each.created_at),
        "startDate": stamp(each.created_at) if each.polls else None,
        "lastModifiedDate": stamp(each.completed_at or each.created_at),
        "completedDate": stamp(each.completed_at) if each.completed_at else None,
        "canceledBy": None,
        "canceledByName": None,
        "done": each.is_done,
        "errorMessage": None,
        "errorStatusCode": None,
        "ignoreWarnings": each.option("ignoreWarnings"),
        "numberComponentErrors": len(each.errors),
        "numberComponentsDeployed": len([one for one in components if not one.is_error]),
        "numberComponentsTotal": len(components),
        "numberTestErrors": 0,
        "numberTestsCompleted": 0,
        "numberTestsTotal": 0,
        "rollbackOnError": each.option("rollbackOnError", default=True),
        "runTestsEnabled": False,
        "stateDetail": None,
        "status": status,
        "success": each.is_done and not each.errors,
    }
    return {"id": each.id, "url": url, "deployOptions": OPTIONS | each.options, "deployResult": result}


def details(each: Deployment) -> dict[str, Any]:
    """Return what came of every component."""
    at = each.completed_at or each.created_at
    return {
        "allComponentMessages": [],
        "componentFailures": [message(one, at) for one in each.outcomes if one.is_error],
        "componentSuccesses": [message(one, at) for one in each.outcomes if not one.is_error],
        "retrieveResult": None,
        "runTestResult": {"numFailures": 0, "numTestsRun": 0, "totalTime": 0.0, "failures": [], "successes": []},
    }


def message(one: Outcome, at: datetime) -> dict[str, Any]:
    """Return one component as a deploy message."""
    component_id = make_id(KIND_PREFIXES[one.kind], crc32(one.name.encode())) if one.kind in KIND_PREFIXES else None
    return {
        "changed": one.changed,
        "columnNumber": None,
        "componentType": one.kind,
        "created": one.created,
        "createdDate": stamp(at),
        "deleted": one.deleted,
        "fileName": one.file_name,
        "fullName": one.name,
        "id": None if one.is_error else component_id,
        "knownPackagingProblem": False,
        "lineNumber": None,
        "problem": one.problem,
        "problemType": None if one.problem is None else ("Warning" if one.is_warning else "Error"),
        "success": not one.is_error,
        "warning": one.is_warning,
    }
