"""What an instance needs in its org, from its mapping documents. The only place with sizes of fields. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from sidecar.mapping.activities import ActivityMapping, Target
from sidecar.mapping.model import ConflictPolicy, LiftPolicy, ObjectMapping, Priority
from sidecar.records import Side

PERMISSION_SET: Final = "Mautic_Sidecar"
PERSON_OBJECTS: Final = frozenset({"Lead", "Contact"})


class Kind(StrEnum):
    """A field's type as the Metadata API names it; `DESCRIBED` says how describe does."""

    DATETIME = "DateTime"
    LOOKUP = "Lookup"
    LONG_TEXT = "LongTextArea"
    NUMBER = "Number"
    URL = "Url"
    TEXT = "Text"
    CHECKBOX = "Checkbox"


DESCRIBED: Final[Mapping[Kind, str]] = {
    Kind.DATETIME: "datetime",
    Kind.LOOKUP: "reference",
    Kind.LONG_TEXT: "textarea",
    Kind.NUMBER: "double",
    Kind.URL: "url",
    Kind.TEXT: "string",
    Kind.CHECKBOX: "boolean",
}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One custom field. `length` counts characters, of a number digits; `refers_to` is a lookup's object."""

    name: str
    label: str
    kind: Kind
    length: int | None = None
    refers_to: str | None = None
    is_external_id: bool = False
    is_unique: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one instance needs: its timeline object, our fields on people, and access to what is mapped.

    `mapped` is, per object of people, each mapped field and whether we write it. `foreign` is the namespace of a managed
    package: what carries it can only come with that package.
    """

    timeline: str
    timeline_fields: tuple[FieldSpec, ...]
    people_fields: Mapping[str, tuple[FieldSpec, ...]]
    mapped: Mapping[str, Mapping[str, bool]]
    opt_out: str | None
    reference_field: str
    namespace: str = ""
    has_timeline: bool = True
    has_tasks: bool = False
    is_history_needed: bool = False

    @property
    def objects(self) -> tuple[str, ...]:
        """Return the objects of people."""
        return tuple(self.mapped)

    def as_found(self, object_names: Collection[str]) -> "Wanted":
        """Return the same with the timeline object's real name, where a package brought the only one there is."""
        bare = self.timeline if not self.namespace else self.timeline.removeprefix(f"{self.namespace}__")
        alike = [name for name in object_names if name.endswith(f"__{bare}")]
        if self.timeline in object_names or self.namespace or len(alike) != 1:
            return self
        return replace(self, timeline=alike[0], namespace=alike[0].removesuffix(f"__{bare}"))

    def with_fields_as_found(self, names: Collection[str]) -> "Wanted":
        """Return the same with the timeline fields' real names: with the given namespace, without, or with the only one."""
        fields = tuple(
            replace(spec, name=_real_name(spec.name, self.namespace, names)) for spec in self.timeline_fields
        )
        reference = _real_name(self.reference_field, self.namespace, names)
        return replace(self, timeline_fields=fields, reference_field=reference)

    def specs(self, object_name: str) -> tuple[FieldSpec, ...]:
        """Return our own fields on an object."""
        return self.timeline_fields if object_name == self.timeline else self.people_fields.get(object_name, ())


def build_wanted(people: ObjectMapping, activities: ActivityMapping) -> Wanted:
    """Return what these documents need. Every name comes from them."""
    targets = set(activities.targets.values())
    rule = people.consent
    return Wanted(
        timeline=activities.object_api_name,
        timeline_fields=_timeline_fields(activities),
        people_fields={name: _people_fields(people) for name in people.salesforce_objects},
        mapped={name: _mapped(people, name) for name in people.salesforce_objects},
        opt_out=rule.salesforce_field if rule else None,
        reference_field=activities.field_api_name("reference_id"),
        namespace=activities.namespace,
        has_timeline=bool(targets & {Target.TIMELINE, Target.BOTH}),
        has_tasks=bool(targets & {Target.TASK, Target.BOTH}),
        is_history_needed=_needs_history(people),
    )


def _real_name(name: str, namespace: str, names: Collection[str]) -> str:
    if name in names:
        return name
    plain = name.removeprefix(f"{namespace}__") if namespace else name
    if plain in names:
        return plain
    alike = [each for each in names if each.endswith(f"__{plain}")]
    return alike[0] if len(alike) == 1 else name


def _timeline_fields(activities: ActivityMapping) -> tuple[FieldSpec, ...]:
    name = activities.field_api_name
    return (
        FieldSpec(name("activity_date"), "ActivityDate", Kind.DATETIME, about="When it happened"),
        FieldSpec(name("contact"), "contact_id", Kind.LOOKUP, refers_to="Contact", about="Who did it, as a Contact"),
        FieldSpec(name("description"), "Description", Kind.LONG_TEXT, 131_072, about="What happened"),
        FieldSpec(name("lead"), "WhoId", Kind.LOOKUP, refers_to="Lead", about="Who did it, as a Lead"),
        FieldSpec(
            name("mautic_id"), "MauticLead", Kind.NUMBER, 18, is_external_id=True, about="The contact's id in Mautic"
        ),
        FieldSpec(name("mautic_url"), "Mautic_url", Kind.URL, 255, about="The contact's page in Mautic"),
        FieldSpec(
            name("reference_id"),
            "ReferenceId",
            Kind.TEXT,
            255,
            is_external_id=True,
            is_unique=True,
            about="The event's own key: what is sent twice is kept once",
        ),
    )


def _people_fields(people: ObjectMapping) -> tuple[FieldSpec, ...]:
    specs = []
    if people.external_id:
        about = "The contact's id in Mautic"
        specs.append(
            FieldSpec(people.external_id, "Mautic Id", Kind.TEXT, 40, is_external_id=True, is_unique=True, about=about)
        )
    if people.deletion.salesforce_field:
        about = "Set when the contact is deleted in Mautic"
        specs.append(FieldSpec(people.deletion.salesforce_field, "Deleted in Mautic", Kind.CHECKBOX, about=about))
    return tuple(spec for spec in specs if spec.name.endswith("__c"))


def _mapped(people: ObjectMapping, object_name: str) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for pair in people.fields:
        field = pair.salesforce.get(object_name)
        if field:
            is_written = pair.priority is not Priority.SALESFORCE or people.fill_if_empty
            found[field] = found.get(field, False) or (is_written and Side.SALESFORCE in people.update)
    return found


def _needs_history(people: ObjectMapping) -> bool:
    """An opt-out is only ever lifted, and a newest value only known, by dated evidence."""
    policies = {people.conflict_policy, *(pair.conflict_policy for pair in people.fields)}
    lifts = people.consent is not None and people.consent.lift is not LiftPolicy.NEVER
    return lifts or ConflictPolicy.NEWEST_WINS in policies
