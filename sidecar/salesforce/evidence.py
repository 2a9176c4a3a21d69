"""Since when an opt-out holds, as far as field history can prove it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sidecar.errors import SetupError, SidecarError
from sidecar.records import Ref
from sidecar.salesforce import soql
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.ids import is_record_id
from sidecar.salesforce.shape import Shape
from sidecar.salesforce.values import parse_datetime

_IDS_PER_QUERY: Final = 200


def read_evidence(
    client: SalesforceClient, shapes: Mapping[str, Shape], refs: Sequence[Ref]
) -> dict[Ref, datetime | None]:
    """Return since when each record's present opt-out state holds, or None where history does not say.

    Only the newest row counts, and only if it led to the present state: anything else proves nothing. An object
    without history, or one whose history our user may not see, has no evidence; that is not an error.
    """
    since: dict[Ref, datetime | None] = dict.fromkeys(refs)
    asked: list[tuple[Shape, str]] = []
    for name, shape in shapes.items():
        if shape.opt_out is None:
            continue
        ids = sorted({ref.id for ref in refs if ref.object == name and is_record_id(ref.id)})
        for start in range(0, len(ids), _IDS_PER_QUERY):
            asked += [(shape, query) for query in _queries(shape, ids[start : start + _IDS_PER_QUERY])]
    answers = client.try_each([query for _, query in asked], with_deleted=True) if asked else []
    for number in range(0, len(asked), 2):
        _note(since, asked[number][0], _rows(answers[number]), _rows(answers[number + 1]))
    return since


def history_of(object_name: str) -> tuple[str, str]:
    """Return the object that holds a record's field history, and its field that names the record."""
    if object_name.endswith("__c"):
        return f"{object_name.removesuffix('__c')}__History", "ParentId"
    return f"{object_name}History", f"{object_name}Id"


def _queries(shape: Shape, ids: Sequence[str]) -> tuple[str, str]:
    assert shape.opt_out is not None
    history, parent = history_of(shape.object)
    # Values in a history cannot be filtered on, so the present state is read beside it, in the same call.
    where = f"{soql.is_in(parent, ids)} AND {soql.compare('Field', '=', shape.opt_out)}"
    return (
        soql.select(["Id", shape.opt_out], shape.object, soql.is_in("Id", ids)),
        soql.select([parent, "NewValue", "CreatedDate"], history, where, "ORDER BY CreatedDate DESC, Id DESC"),
    )


def _rows(answer: list[dict[str, Any]] | SidecarError) -> list[dict[str, Any]]:
    if isinstance(answer, SetupError):
        return []
    if isinstance(answer, SidecarError):
        raise answer
    return answer


def _note(
    since: dict[Ref, datetime | None], shape: Shape, present: list[dict[str, Any]], history: list[dict[str, Any]]
) -> None:
    assert shape.opt_out is not None
    newest: dict[str, dict[str, Any]] = {}
    for row in history:
        newest.setdefault(row[history_of(shape.object)[1]], row)
    for row in present:
        change = newest.get(row["Id"])
        if change is not None and _is_true(change["NewValue"]) is bool(row[shape.opt_out]):
            since[Ref(shape.object, row["Id"])] = parse_datetime(change["CreatedDate"])


def _is_true(value: object) -> bool:
    # A history value may be of any type, as text or not.
    return value is True or str(value).lower() in {"true", "1"}
