"""Reads the org's own limits: one metered call."""

from collections.abc import Mapping
from typing import Any

from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.parts import Part


def read_limits(client: SalesforceClient) -> dict[str, tuple[int, int]]:
    """Return (used, allowed) of every limit that the org tells of. Errors: SetupError where our user may not see them."""
    answer = client.send(Part("GET", "limits"), is_repeatable=True)
    if answer.error:
        raise answer.error
    return parse_limits(answer.body)


def parse_limits(body: Any) -> dict[str, tuple[int, int]]:
    """Return (used, allowed) by name. What has not both numbers is no limit; per-app entries inside are left out."""
    found: dict[str, tuple[int, int]] = {}
    for name, limit in body.items() if isinstance(body, Mapping) else ():
        most, rest = (limit.get("Max"), limit.get("Remaining")) if isinstance(limit, Mapping) else (None, None)
        if isinstance(most, int) and isinstance(rest, int):
            found[name] = (max(0, most - rest), most)
    return found
