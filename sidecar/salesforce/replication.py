"""Salesforce's own logs of what was changed and deleted: a cross-check of what our queries saw, never the source itself.

Both name ids only. Seconds of the asked span are ignored, the log may end before the span does, and it may have been purged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from sidecar.errors import TransientError
from sidecar.salesforce import errors
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.parts import Part
from sidecar.salesforce.values import parse_datetime

_SHORTEST: Final = timedelta(minutes=2)  # a span must be longer than a minute, whatever its seconds
_TOO_OLD: Final = "INVALID_REPLICATION_DATE"
_TOO_MANY: Final = "EXCEEDED_ID_LIMIT"


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """The ids changed and deleted within a span. Not `is_complete`: the logs do not reach back that far any more."""

    updated: frozenset[str]
    deleted: frozenset[str]
    covered_until: datetime
    is_complete: bool = True


def read_change_log(client: SalesforceClient, object_name: str, start: datetime, end: datetime) -> ChangeLog | None:
    """Return what the logs say of an object between two moments; None if the span is too short to be asked for.

    Costs two calls, more only where a span holds too many ids for one answer.
    """
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    if end - start < _SHORTEST:
        return None
    found: dict[str, set[str]] = {"updated": set(), "deleted": set()}
    covered, is_complete = end, True
    for log, ids in found.items():
        for answer in _read(client, f"sobjects/{quote(object_name, safe='')}/{log}", start, end):
            if answer is None:
                is_complete = False
                continue
            ids.update(_ids(answer, log))
            covered = min(covered, parse_datetime(answer["latestDateCovered"]))
            earliest = answer.get("earliestDateAvailable")
            is_complete = is_complete and (earliest is None or parse_datetime(earliest) <= start)
    return ChangeLog(frozenset(found["updated"]), frozenset(found["deleted"]), covered, is_complete)


def _read(client: SalesforceClient, path: str, start: datetime, end: datetime) -> Iterator[dict[str, Any] | None]:
    """Yield the answers for a span, in halves if it is too large for one; None where the log is not there any more."""
    query = f"start={_moment(start)}&end={_moment(end)}"
    answer = client.send(Part("GET", f"{path}/?{query}"), is_repeatable=True)
    if answer.status < 300 and isinstance(answer.body, dict):
        yield answer.body
        return
    codes = {errors.code_of(item) for item in answer.body if isinstance(item, dict)} if answer.body else set()
    if _TOO_OLD in codes:
        yield None
    elif _TOO_MANY in codes and end - start >= 2 * _SHORTEST:
        middle = (start + (end - start) / 2).replace(second=0, microsecond=0)
        yield from _read(client, path, start, middle)
        yield from _read(client, path, middle, end)
    else:
        raise answer.error or TransientError("Salesforce's log cannot be read.", code="salesforce-unexpected-answer")


def _ids(answer: dict[str, Any], log: str) -> list[str]:
    if log == "updated":
        return [str(record_id) for record_id in answer["ids"]]
    return [str(record["id"]) for record in answer["deletedRecords"]]


def _moment(moment: datetime) -> str:
    return quote(moment.isoformat(), safe="")
