"""Writes timeline records into the org; knows nothing of what they mean."""

from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.records import ObjectSchema, Ref, Value
from sidecar.salesforce.parts import Part
from sidecar.salesforce.rows import RowResult
from sidecar.salesforce.side import SalesforceSide
from sidecar.sync.model import Reaction, WriteResult


class OrgTimeline:
    """Implements TimelineWriter for one org."""

    def __init__(self, side: SalesforceSide) -> None:
        self._side = side
        self._distrusted: set[str] = set()

    def describe(self, object_name: str) -> ObjectSchema | None:
        """See TimelineWriter."""
        return self._side.describe(object_name)

    def find_objects(self, name: str) -> list[str]:
        """See TimelineWriter."""
        answer = self._side.client.send(Part("GET", "sobjects"), is_repeatable=True)
        if answer.error:
            raise answer.error
        listed: list[Mapping[str, Any]] = answer.body["sobjects"]
        return sorted(each["name"] for each in listed if each["name"].endswith(f"__{name}"))

    def upsert_rows(self, object_name: str, key_field: str, rows: Sequence[Mapping[str, Value]]) -> list[WriteResult]:
        """See TimelineWriter."""
        return self._taken(object_name, self._side.client.upsert_rows(object_name, key_field, rows))

    def insert_rows(self, object_name: str, rows: Sequence[Mapping[str, Value]]) -> list[WriteResult]:
        """See TimelineWriter."""
        return self._taken(object_name, self._side.client.insert_rows(object_name, rows))

    def _taken(self, object_name: str, sent: Sequence[RowResult]) -> list[WriteResult]:
        if object_name not in self._distrusted and any(_is_setup(result) for result in sent):
            # Rights or fields changed: the next run should see how.
            self._distrusted.add(object_name)
            self._side.refresh_describe(object_name)
        return [
            WriteResult(Ref(object_name, result.id) if result.id else None, result.error, None, result.was_created)
            for result in sent
        ]


def _is_setup(result: RowResult) -> bool:
    return result.error is not None and result.error.reaction is Reaction.SETUP
