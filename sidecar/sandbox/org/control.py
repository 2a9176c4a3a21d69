"""The same operations for another process: POST /sandbox/<operation> with a JSON object of arguments."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sidecar.sandbox.org.clock import parse_datetime, stamp
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.faults import Fault
from sidecar.sandbox.org.wire import Answer, refusal

if TYPE_CHECKING:
    from sidecar.sandbox.org.org import Org

DIRECT = frozenset(
    {
        "insert",
        "insert_many",
        "update",
        "delete",
        "undelete",
        "empty_recycle_bin",
        "merge",
        "convert_lead",
        "rows",
        "row",
        "history",
    }
    | {
        "reset_calls",
        "hide_field",
        "make_admin",
        "set_profile",
        "make_read_only",
        "set_external_id",
        "track_field",
        "resize_field",
        "drop_object",
    }
    | {
        "set_duplicate_rule",
        "set_assignment_rule",
        "set_api_limit",
        "set_page_size",
        "add_client",
        "expire_tokens",
        "revoke_tokens",
        "refuse_sign_in",
        "move_to",
        "token",
    }
)


def answer(org: "Org", operation: str, data: bytes) -> Answer:
    """Carry out one operation and answer {"result": …}."""
    try:
        arguments: dict[str, Any] = json.loads(data) if data else {}
        if operation in DIRECT:
            return Answer(200, {"result": getattr(org, operation)(**arguments)})
        if operation in SPECIAL:
            return Answer(200, {"result": SPECIAL[operation](org, **arguments)})
    except OrgError as error:
        return refusal(error)
    except (TypeError, ValueError, KeyError) as error:
        return Answer(400, {"error": f"{type(error).__name__}: {error}"})
    return Answer(404, {"error": f"no such operation: {operation}"})


def add_fault(org: "Org", **arguments: Any) -> None:
    """Arrange for a misbehaviour."""
    org.faults.add(Fault(**arguments))


def set_clock(org: "Org", at: str) -> None:
    """Stop the clock at a moment."""
    org.clock.set(parse_datetime(at))


SPECIAL: dict[str, Callable[..., Any]] = {
    "add_fault": add_fault,
    "plan_bulk_jobs": lambda org, **course: org.bulk.plan(**course),
    "release_bulk_jobs": lambda org: org.bulk.release(),
    "run_bulk_jobs": lambda org: org.bulk.run(),
    "clear_faults": lambda org: org.faults.clear(),
    "set_clock": set_clock,
    "advance_clock": lambda org, seconds: org.clock.advance(seconds),
    "now": lambda org: stamp(org.clock.now()),
    "calls": lambda org: org.calls,
    "requests": lambda org: [list(seen) for seen in org.requests],
}
