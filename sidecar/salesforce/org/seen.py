"""What was seen of an org: objects and fields as our user sees them, and those it does not. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SeenField:
    """One field, by describe where our user sees it, else by the Tooling API. `is_plain`: neither formula nor counter."""

    name: str
    type: str
    length: int = 0
    is_unique: bool = False
    is_external_id: bool = False
    is_calculated: bool = False
    is_plain: bool = True
    is_permissionable: bool = True
    is_createable: bool = False
    is_updateable: bool = False
    refers_to: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenObject:
    """One object as our user sees it."""

    name: str
    is_createable: bool
    is_updateable: bool
    fields: Mapping[str, SeenField]


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at an org. None means: our user may not know.

    `definitions` are all fields by the Tooling API, hidden ones too, per object, with whether their history is tracked;
    an object that does not exist has none.
    """

    user_id: str | None
    objects: Mapping[str, SeenObject]
    definitions: Mapping[str, Mapping[str, Json] | None] = field(default_factory=dict)
    object_names: Sequence[str] = ()
    versions: Sequence[str] = ()
    api_version: str = ""
    organization: Json | None = None
    limits: Json | None = None
    is_assigned: bool | None = None
    duplicate_rules: Sequence[Json] | None = None
    writers: Mapping[str, Sequence[Json] | None] = field(default_factory=dict)
    calls: int = 0

    @classmethod
    def nothing(cls, objects: Sequence[str]) -> "Seen":
        """Return a look at an org that has these objects and nothing of ours."""
        bare = {name: SeenObject(name, True, True, {}) for name in objects}
        return cls(user_id=None, objects=bare, definitions={name: {} for name in objects})

    @property
    def namespace(self) -> str:
        """Return the org's own namespace, "" for nearly all."""
        return str((self.organization or {}).get("NamespacePrefix") or "")

    def exists(self, object_name: str) -> bool:
        """Tell whether the object is there, hidden or not."""
        return object_name in self.objects or bool(self.definitions.get(object_name))

    def has_field(self, object_name: str, name: str) -> bool:
        """Tell whether the field is there, as far as we may know."""
        return self.field(object_name, name) is not None

    def field(self, object_name: str, name: str) -> SeenField | None:
        """Return a field, hidden or not."""
        described = self.objects.get(object_name)
        if described and name in described.fields:
            return described.fields[name]
        definition = (self.definitions.get(object_name) or {}).get(name)
        return _hidden_field(definition) if definition else None

    def is_known_hidden(self, object_name: str, name: str) -> bool:
        """Tell whether the field is there for others and not for our user."""
        described = self.objects.get(object_name)
        return not (described and name in described.fields) and self.has_field(object_name, name)

    def is_tracked(self, object_name: str, name: str) -> bool | None:
        """Tell whether the field's history is kept; None if we may not know."""
        definitions = self.definitions.get(object_name)
        if not definitions or name not in definitions:
            return None if definitions != {} or object_name not in self.objects else False
        return definitions[name].get("IsFieldHistoryTracked") is True

    def seen_by(self, other: "Seen") -> "Seen":
        """Return this look, with what a more powerful user sees of definitions and of the organization."""
        known = {name: found for name, found in other.definitions.items() if found is not None}
        return replace(
            self,
            definitions={**self.definitions, **known},
            organization=self.organization or other.organization,
            calls=self.calls + other.calls,
        )


def parse_object(describe: Json) -> SeenObject:
    """Return an object as describe tells it."""
    fields = (_described_field(each) for each in describe["fields"])
    return SeenObject(
        name=describe["name"],
        is_createable=bool(describe.get("createable")),
        is_updateable=bool(describe.get("updateable")),
        fields={each.name: each for each in fields},
    )


def _described_field(described: Json) -> SeenField:
    is_calculated = bool(described.get("calculated"))
    return SeenField(
        name=described["name"],
        type=described["type"],
        length=int(described.get("precision") or described.get("length") or 0),
        is_unique=bool(described.get("unique")),
        is_external_id=bool(described.get("externalId")),
        is_calculated=is_calculated,
        is_plain=not (is_calculated or described.get("autoNumber")),
        is_permissionable=bool(described.get("permissionable")),
        is_createable=bool(described.get("createable")),
        is_updateable=bool(described.get("updateable")),
        refers_to=tuple(described.get("referenceTo") or ()),
        options=tuple(
            option["value"] for option in described.get("picklistValues") or () if option.get("active", True)
        ),
    )


def _hidden_field(definition: Json) -> SeenField:
    is_calculated = definition.get("IsCalculated") is True
    return SeenField(
        name=str(definition["QualifiedApiName"]),
        type="",
        is_calculated=is_calculated,
        is_plain=not is_calculated,
    )
