"""A trial of writing that leaves nothing behind: one call whose last part must fail, so that Salesforce undoes all of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sidecar.lines import Line, LineStatus, told
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.errors import codes_in
from sidecar.salesforce.org.line import fix
from sidecar.salesforce.parts import Part
from sidecar.salesforce.transport import WRITE_HEADERS

_NAME: Final = "Mautic sidecar trial"
_BODIES: Final[Mapping[str, Mapping[str, str]]] = {
    "Lead": {"LastName": _NAME, "Company": _NAME},
    "Contact": {"LastName": _NAME},
}
_NOBODY: Final = "00Q000000000000AAA"
_ROLLED_BACK: Final = "PROCESSING_HALTED"


def try_writing(client: SalesforceClient, objects: Sequence[str]) -> list[Line]:
    """Create one record of each kind of person and have it undone; one call each. Triggers and flows of the org do run."""
    return [_try(client, name) for name in objects if name in _BODIES]


def _try(client: SalesforceClient, name: str) -> Line:
    root = f"/services/data/v{client.api_version}/sobjects"
    parts = [
        {"method": "POST", "url": f"{root}/{name}", "referenceId": "trial", "body": _BODIES[name]},
        # Nobody has this id, so this part cannot succeed, and with it nothing can.
        {"method": "PATCH", "url": f"{root}/Lead/{_NOBODY}", "referenceId": "undo", "body": {"LastName": _NAME}},
    ]
    body = {
        "allOrNone": True,
        "collateSubrequests": False,
        "compositeRequest": [{**part, "httpHeaders": dict(WRITE_HEADERS)} for part in parts],
    }
    answer = client.send(Part("POST", "composite", body), is_repeatable=False)
    if answer.error:
        raise answer.error
    return _judge(name, answer.body["compositeResponse"][0])


def _judge(name: str, created: Mapping[str, Any]) -> Line:
    codes = codes_in(created.get("body"))
    if codes == [_ROLLED_BACK]:
        text = told("A trial record was created and undone again.")
        return Line("org-write-trial", LineStatus.OK, name, text)
    text = told("Salesforce refused a trial record: %(codes)s.")
    remedy = told(
        "Look up the code: a validation rule, a duplicate rule, a trigger or a missing permission refuses it."
    )
    return fix("org-write-trial", name, text, remedy, {"codes": ", ".join(codes) or "?"})
