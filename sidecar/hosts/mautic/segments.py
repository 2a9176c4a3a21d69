"""Puts contacts into static segments through REST, in bulk; makes the segment where there is none yet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sidecar.errors import SetupError, TransientError
from sidecar.hosts.chunks import chunked
from sidecar.hosts.mautic.client import Answer, MauticClient
from sidecar.hosts.mautic.reader import id_of
from sidecar.sync.model import Reaction, Write, WriteError, WriteResult

AT_ONCE = 1000
REFUSED = WriteError("mautic-segment-refused", Reaction.SETUP)
NOT_JOINED = WriteError("mautic-segment-not-joined", Reaction.RETRY)


class SegmentWriter:
    """Adds the contacts of one write call to the segments that their writes name."""

    def __init__(self, client: MauticClient) -> None:
        self._client = client

    def join(self, writes: Sequence[Write], results: Sequence[WriteResult]) -> list[WriteResult]:
        """Return the results, with an error of its own where a contact did not get into its segment."""
        wanted: dict[str, list[int]] = {}
        for write, result in zip(writes, results, strict=True):
            if write.segment and result.ref and result.error is None and (contact_id := id_of(result.ref)):
                wanted.setdefault(write.segment, []).append(contact_id)
        errors = {number: error for alias, ids in wanted.items() for number, error in self._join(alias, ids).items()}
        return [
            replace(result, segment_error=errors[number])
            if write.segment and result.ref and (number := id_of(result.ref)) in errors
            else result
            for write, result in zip(writes, results, strict=True)
        ]

    def _join(self, alias: str, ids: Sequence[int]) -> dict[int | None, WriteError]:
        try:
            segment_id = self._find(alias) or self._make(alias)
            if segment_id is None:
                return dict.fromkeys(ids, REFUSED)
            return {
                number: NOT_JOINED
                for some in chunked(ids, AT_ONCE)
                for number, is_in in self._add(segment_id, some).items()
                if not is_in
            }
        except (SetupError, TransientError) as error:  # the contacts are made: only their segment is missing
            return dict.fromkeys(ids, WriteError(error.code, Reaction.RETRY))

    def _find(self, alias: str) -> int | None:
        answer = self._client.call("GET", f"/api/segments?search={alias}&limit=500&minimal=1")
        lists = _table(answer).get("lists")
        found = lists.values() if isinstance(lists, Mapping) else lists if isinstance(lists, list) else ()
        return next((int(each["id"]) for each in found if each.get("alias") == alias), None)

    def _make(self, alias: str) -> int | None:
        body = {"name": alias, "alias": alias, "isPublished": 1, "isGlobal": 1, "filters": []}
        made = _table(self._client.call("POST", "/api/segments/new", body)).get("list")
        return int(made["id"]) if isinstance(made, Mapping) and "id" in made else None

    def _add(self, segment_id: int, ids: Sequence[int]) -> dict[int, bool]:
        answer = self._client.call("POST", f"/api/segments/{segment_id}/contacts/add", {"ids": list(ids)})
        details = _table(answer).get("details")
        told = details if isinstance(details, Mapping) else {}
        return {number: bool((told.get(str(number)) or {}).get("success")) for number in ids}


def _table(answer: Answer) -> Mapping[str, Any]:
    return answer.body if answer.status < 400 and isinstance(answer.body, dict) else {}
