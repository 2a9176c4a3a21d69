"""Change event header → hint: which records to look at, and nothing of what is in them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.salesforce.ids import is_record_id
from sidecar.salesforce.transport import WRITE_HEADERS

_OVERFLOW: Final = "GAP_OVERFLOW"
_OURS: Final = WRITE_HEADERS["Sforce-Call-Options"]
"""Salesforce repeats this in the header `changeOrigin` of what our own calls changed."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Records of an object that changed, in whatever way. Without ids: anything may have changed since the last run."""

    object: str
    record_ids: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Tell whether only a whole run can find what changed."""
        return not self.record_ids


def hint_of(header: Mapping[str, Any], topic_object: str) -> Hint | None:
    """Return what a change event hints at; None for an echo of our own write.

    Creations, updates, deletions and their GAP_ forms (the event could not be made, only named) all mean "look there". An
    overflow names no records, and a mass change may name a wildcard: then everything since the last run is meant.
    Source: Change Data Capture Developer Guide, "Change Event Header Fields", "Gap Events", "Overflow Events".
    """
    if _is_ours(str(header.get("changeOrigin") or "")):
        return None
    name = str(header.get("entityName") or topic_object)
    ids = tuple(str(each) for each in header.get("recordIds") or ())
    if header.get("changeType") == _OVERFLOW or not all(is_record_id(each) for each in ids):
        return Hint(name)
    return Hint(name, ids)


def topic_of(object_name: str) -> str:
    """Return the channel of an object's change events: /data/LeadChangeEvent, for a custom object /data/X__ChangeEvent."""
    if object_name.endswith("__c"):
        return f"/data/{object_name.removesuffix('__c')}__ChangeEvent"
    return f"/data/{object_name}ChangeEvent"


def _is_ours(origin: str) -> bool:
    return _OURS in origin.split(";")[1:]
