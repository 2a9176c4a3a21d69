"""Objects and fields as data, with the switches an administrator has: field permissions, keys, missing objects."""

from collections.abc import Iterator
from dataclasses import dataclass, field

NEVER_PERMISSIONABLE = frozenset(
    {
        "Id",
        "OwnerId",
        "CreatedById",
        "CreatedDate",
        "IsDeleted",
        "LastModifiedById",
        "LastModifiedDate",
        "SystemModstamp",
    }
    | {"Name", "FirstName", "Salutation", "EmailBouncedReason", "EmailBouncedDate", "IsConverted"}
    | {"Subject", "ActivityDate"}
)
ALL_RIGHTS = frozenset({"read", "create", "edit", "delete"})


@dataclass(slots=True)
class Field:
    """One field; `default` fills a missing value on insert.

    Field-level security: `profile_hides` and `profile_read_only` are what profiles leave of it, `is_hidden` and
    `is_read_only` what then remains for the user who calls, with their permission sets.
    """

    name: str
    label: str
    type: str = "string"
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    default: object = None
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    filterable: bool = True
    sortable: bool = True
    options: tuple[str, ...] = ()
    restricted: bool = False
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    compound: str | None = None
    extra_type: str | None = None
    name_field: bool = False
    tracked: bool = False
    case_sensitive: bool = False
    description: str | None = None
    visible_lines: int = 0
    children: str | None = None
    profile_hides: bool = False
    profile_read_only: bool = False
    is_hidden: bool = False
    is_read_only: bool = False

    @property
    def aggregatable(self) -> bool:
        """Whether COUNT(field) may be asked."""
        return self.filterable and self.type not in {"boolean", "multipicklist", "address"}

    @property
    def custom(self) -> bool:
        """Whether an administrator made it."""
        return self.name.endswith("__c")

    @property
    def is_key(self) -> bool:
        """Whether an upsert may use it."""
        return self.id_lookup or self.external_id

    @property
    def is_required(self) -> bool:
        """Whether a record cannot be without it and nothing fills it in."""
        return not self.nillable and self.createable and not self.defaulted

    @property
    def is_permissionable(self) -> bool:
        """Whether field-level security can take it away."""
        if self.name in NEVER_PERMISSIONABLE:
            return False
        return self.type == "address" or (self.createable and (self.nillable or self.type == "boolean"))


@dataclass(slots=True)
class SObject:
    """One object. `history` names the object that holds its field history; `filled` are the fields with a default.

    `profile_rights` is what profiles give, `rights` what the user who calls has. Set-up objects describe the org itself.
    """

    name: str
    label: str
    plural: str
    prefix: str
    fields: dict[str, Field]
    createable: bool = True
    deletable: bool = True
    is_undeletable: bool = True
    mergeable: bool = False
    history: str | None = None
    parent_key: str | None = None
    is_missing: bool = False
    is_hidden: bool = False
    is_setup: bool = False
    history_on: bool = True
    sharing: str = "ReadWrite"
    description: str | None = None
    name_format: str | None = None
    profile_rights: frozenset[str] = ALL_RIGHTS
    rights: frozenset[str] = ALL_RIGHTS
    required: tuple[Field, ...] = ()
    filled: tuple[Field, ...] = ()
    _by_lower: dict[str, Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Take note of fields that came, went or changed."""
        self._by_lower = {name.lower(): each for name, each in self.fields.items()}
        self.required = tuple(each for each in self.stored() if each.is_required)
        self.filled = tuple(each for each in self.stored() if each.default is not None)

    @property
    def custom(self) -> bool:
        """Whether an administrator made it."""
        return self.name.endswith("__c")

    def find(self, name: str) -> Field | None:
        """Return a field by its name in any case."""
        return self._by_lower.get(name.lower())

    def visible(self, name: str) -> Field | None:
        """Return a field the API user may see."""
        found = self.find(name)
        return found if found is not None and not found.is_hidden else None

    def stored(self) -> Iterator[Field]:
        """Yield the fields that have a column; compound addresses are made of others."""
        return (each for each in self.fields.values() if each.type != "address")

    def relation(self, name: str) -> Field | None:
        """Return the visible reference field behind a relationship name."""
        wanted = name.lower()
        for each in self.fields.values():
            if each.relationship is not None and each.relationship.lower() == wanted and not each.is_hidden:
                return each
        return None


class Schema:
    """All objects of the org."""

    def __init__(self, objects: list[SObject]) -> None:
        self.objects = {each.name.lower(): each for each in objects}

    def get(self, name: str) -> SObject | None:
        """Return an object by its name in any case, unless it was dropped or the user may not see it."""
        found = self.objects.get(name.lower())
        return found if found is not None and not found.is_missing and not found.is_hidden else None

    def by_prefix(self, record_id: str) -> SObject | None:
        """Return the object an id belongs to."""
        return next((each for each in self.objects.values() if each.prefix == record_id[:3]), None)

    def __iter__(self) -> Iterator[SObject]:
        return (each for each in self.objects.values() if not each.is_missing and not each.is_hidden)
