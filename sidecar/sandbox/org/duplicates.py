"""Duplicate rules: what a new or changed record is compared with, and how the org says that it knows it already."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.schema import SObject
from sidecar.sandbox.org.storage import Row, Storage

DUPLICATE_TEXT = "You're creating a duplicate record. We recommend you use an existing record instead."
SHOWN_VERSION = "66.0"


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """Compare records of an object with others by one field.

    With `allow_save` the rule alerts, and a caller may insist; else it blocks. `matches` are the objects it looks at, as the
    standard rules compare a lead with contacts too. The message is in the language of the user who calls.
    """

    object: str
    matches: tuple[SObject, ...]
    allow_save: bool = True
    field: str = "Email"
    name: str = ""
    message: str = DUPLICATE_TEXT

    def check(self, after: Row, storage: Storage) -> None:
        """Refuse a record that others are like."""
        found: dict[str, list[str]] = {}
        for each in self.matches:
            ids = storage.matching(each, each.fields[self.field], after[self.field])
            others = [one for one in ids if one != after.get("Id")]
            if others:
                found[each.name] = others
        if found:
            raise DuplicateError(self, found)


class DuplicateError(OrgError):
    """A duplicate rule spoke. Single-record answers carry its result under a misspelt key."""

    def __init__(self, rule: DuplicateRule, found: Mapping[str, list[str]]) -> None:
        super().__init__("DUPLICATES_DETECTED", rule.message, [])
        self.result = {
            "allowSave": rule.allow_save,
            "duplicateRule": rule.name or f"Standard_{rule.object}_Duplicate_Rule",
            "duplicateRuleEntityType": rule.object,
            "errorMessage": rule.message,
            "matchResults": [match_result(name, ids) for name, ids in found.items()],
        }

    def body(self) -> list[dict[str, Any]]:
        """Return the JSON of a refused single-record call."""
        return [{"duplicateResut": self.result, "errorCode": self.code, "message": self.message}]

    def row(self) -> list[dict[str, Any]]:
        """Return the `errors` of a refused row."""
        return [{"statusCode": self.code, "message": self.message, "fields": [], "duplicateResult": self.result}]


def match_result(object_name: str, ids: list[str]) -> dict[str, Any]:
    """Return what one matching rule found: the records it names, no fields of theirs."""
    return {
        "entityType": object_name,
        "errors": [],
        "matchEngine": "ExactMatchEngine",
        "matchRecords": [match_record(object_name, record_id) for record_id in ids],
        "rule": f"Standard_{object_name}_Match_Rule_v1_1",
        "size": len(ids),
        "success": True,
    }


def match_record(object_name: str, record_id: str) -> dict[str, Any]:
    """Return one record a new one is like."""
    url = f"/services/data/v{SHOWN_VERSION}/sobjects/{object_name}/{record_id}"
    record = {"attributes": {"type": object_name, "url": url}, "Id": record_id}
    return {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record}
