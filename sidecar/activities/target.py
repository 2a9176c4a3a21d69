"""Which fields of the timeline object we may fill, and what is missing of them. Pure."""

from sidecar.activities.model import TimelineTarget
from sidecar.errors import SetupError
from sidecar.mapping.activities import ActivityMapping
from sidecar.mapping.rules import Problem
from sidecar.records import FieldInfo, ObjectSchema

NAME = "name"
REFERENCE = "reference_id"
LOOKUPS = {"Contact": "contact", "Lead": "lead"}
"""The mapping's word for the lookup to a person, by the person's object."""


def build_target(schema: ObjectSchema, mapping: ActivityMapping) -> TimelineTarget:
    """Return the fields we may fill, found by their name with the given namespace, without any, or with the only one."""
    found = {word: _find(schema, word, mapping) for word in mapping.fields}
    found[NAME] = schema.fields.get("Name")
    return TimelineTarget(schema.object, {word: info for word, info in found.items() if info and info.is_createable})


def check_target(schema: ObjectSchema, target: TimelineTarget, mapping: ActivityMapping) -> tuple[Problem, ...]:
    """Return what keeps events out (blocking) and what merely leaves them incomplete or slow."""
    problems = [_missing(schema, word, mapping) for word in (*mapping.fields, NAME) if word not in target.fields]
    if not any(lookup in target.fields for lookup in LOOKUPS.values()):
        problems.append(
            Problem(
                "timeline-lookup-missing",
                "a lookup to Contact or to Lead is needed",
                "salesforce_admin",
                schema.object,
                is_blocking=True,
            )
        )
    if REFERENCE in target.fields and not target.reference.is_key:
        problems.append(
            Problem(
                "timeline-reference-not-external-id",
                f"{target.reference.name} should be an External ID besides being unique",
                "salesforce_admin",
                schema.object,
            )
        )
    return tuple(problems)


def require_usable(problems: tuple[Problem, ...]) -> None:
    """Raise SetupError if something is missing that no event can do without; it names all that is missing."""
    if any(problem.is_blocking for problem in problems):
        raise SetupError(
            "The timeline object is not complete: " + "; ".join(problem.message for problem in problems),
            code="timeline-object-missing",
            fixed_by="salesforce_admin",
        )


def build_absence(mapping: ActivityMapping) -> SetupError:
    """Return the error for an org without the object, or one that hides it from our user."""
    fields = ", ".join(mapping.field_api_name(word) for word in mapping.fields)
    return SetupError(
        f"Salesforce has no object {mapping.object_api_name}, or our user may not see it. It needs the fields {fields}",
        code="timeline-object-missing",
        fixed_by="salesforce_admin",
    )


def _find(schema: ObjectSchema, word: str, mapping: ActivityMapping) -> FieldInfo | None:
    plain = f"{mapping.fields[word]}__c"
    for name in (mapping.field_api_name(word), plain):
        if name in schema.fields:
            return schema.fields[name]
    alike = [info for name, info in schema.fields.items() if name.endswith(f"__{plain}")]
    return alike[0] if len(alike) == 1 else None


def _missing(schema: ObjectSchema, word: str, mapping: ActivityMapping) -> Problem:
    if word == NAME:
        message = "Name is not a text that can be filled"
        return Problem("timeline-name-not-text", message, "salesforce_admin", schema.object)
    is_there = _find(schema, word, mapping) is not None
    return Problem(
        "timeline-field-read-only" if is_there else "timeline-field-missing",
        f"{mapping.field_api_name(word)} " + ("cannot be filled by our user" if is_there else "is missing or hidden"),
        "salesforce_admin",
        schema.object,
        is_blocking=word == REFERENCE,
    )
