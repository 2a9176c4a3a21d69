"""What an administrator may add to an org: validation rules, duplicate rules, an assignment rule. None by default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.schema import SObject
from sidecar.sandbox.org.storage import Row, Storage

DUPLICATE_TEXT = "You're creating a duplicate record. We recommend you use an existing record instead."


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """Refuse a record when `fails` says so. Without a field the error stands at the top of the page."""

    object: str
    fails: Callable[[Mapping[str, Any]], bool]
    message: str
    field: str | None = None


@dataclass(slots=True)
class Rules:
    """The rules in force. `duplicates` maps an object to whether its rule lets a caller save anyway."""

    validation: list[ValidationRule] = field(default_factory=list)
    duplicates: dict[str, bool] = field(default_factory=dict)
    assign_to: str | None = None

    def check(self, each: SObject, after: Row, changes: Row, allow_duplicates: bool, storage: Storage) -> None:
        """Refuse what a rule refuses; several failing rules give several entries."""
        failing = [
            OrgError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, [rule.field] if rule.field else [])
            for rule in self.validation
            if rule.object == each.name and rule.fails(after)
        ]
        if failing:
            failing[0].more = tuple(failing[1:])
            raise failing[0]
        if each.name in self.duplicates and changes.get("Email"):
            self._check_duplicates(each, after, allow_duplicates, storage)

    def _check_duplicates(self, each: SObject, after: Row, allow_duplicates: bool, storage: Storage) -> None:
        may_save = self.duplicates[each.name]
        if may_save and allow_duplicates:
            return
        found = [one for one in storage.matching(each, each.fields["Email"], after["Email"]) if one != after.get("Id")]
        if found:
            raise DuplicateError(each.name, found[0], may_save)


class DuplicateError(OrgError):
    """A duplicate rule spoke. Single-record answers carry its result under a misspelt key."""

    def __init__(self, object_name: str, match: str, may_save: bool) -> None:
        super().__init__("DUPLICATES_DETECTED", DUPLICATE_TEXT, [])
        record = {
            "attributes": {"type": object_name, "url": f"/services/data/v66.0/sobjects/{object_name}/{match}"},
            "Id": match,
        }
        matched = {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record}
        rule = {"entityType": object_name, "errors": [], "matchEngine": "ExactMatchEngine", "matchRecords": [matched]}
        self.result = {
            "allowSave": may_save,
            "duplicateRule": f"Standard_{object_name}_Duplicate_Rule",
            "duplicateRuleEntityType": object_name,
            "errorMessage": DUPLICATE_TEXT,
            "matchResults": [rule | {"rule": f"Standard_{object_name}_Match_Rule_v1_1", "size": 1, "success": True}],
        }

    def body(self) -> list[dict[str, Any]]:
        """Return the JSON of a refused single-record call."""
        return [{"duplicateResut": self.result, "errorCode": self.code, "message": self.message}]

    def row(self) -> list[dict[str, Any]]:
        """Return the `errors` of a refused row."""
        return [{"statusCode": self.code, "message": self.message, "fields": [], "duplicateResult": self.result}]
