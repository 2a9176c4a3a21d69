"""What an administrator may add to an org: validation rules, duplicate rules, an assignment rule. None by default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.sandbox.org.duplicates import DuplicateRule
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.schema import SObject
from sidecar.sandbox.org.storage import Row, Storage


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """Refuse a record when `fails` says so. Without a field the error stands at the top of the page."""

    object: str
    fails: Callable[[Mapping[str, Any]], bool]
    message: str
    field: str | None = None


@dataclass(slots=True)
class Rules:
    """The rules in force; `duplicates` by the object they guard."""

    validation: list[ValidationRule] = field(default_factory=list)
    duplicates: dict[str, DuplicateRule] = field(default_factory=dict)
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
        rule = self.duplicates.get(each.name)
        if rule is not None and changes.get(rule.field) and not (rule.allow_save and allow_duplicates):
            rule.check(after, storage)
