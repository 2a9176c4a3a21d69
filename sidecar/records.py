"""The nouns everyone shares: sides, records, values, schemas. Pure data, no behaviour beyond reading it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

Value = str | Decimal | bool | date | datetime | tuple[str, ...] | None
"""A field's value in canonical form, the same for both sides.

text-like → str · number → Decimal · boolean → bool · date → date · datetime → aware UTC datetime of whole
seconds · multi-select → tuple of API names. Blank is None; a side never yields "" or ().
"""

NOTHING: Mapping[str, Value] = MappingProxyType({})


class Side(StrEnum):
    """One of the two systems."""

    HOST = "host"
    SALESFORCE = "salesforce"

    @property
    def other(self) -> "Side":
        """The side across."""
        return Side.SALESFORCE if self is Side.HOST else Side.HOST


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which record on its side: object name and id (Salesforce ids have 18 characters)."""

    object: str
    id: str


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether a person may be written to by e-mail, as one side has it.

    `reason` is the host's (unsubscribed, bounced, manual) and None in Salesforce. `changed_at` is when the
    present state began, as far as the side can prove it; None means there is no dated evidence.
    """

    opted_out: bool
    reason: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One record as its side has it now.

    `successor` is where the identity lives on after a merge or a lead conversion; such a record is gone or
    read-only itself. `consent` is None where the side cannot tell. `is_deleted` is never true for a merged one.
    """

    ref: Ref
    values: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    modified_at: datetime | None = None
    consent: Consent | None = None
    successor: Ref | None = None
    is_deleted: bool = False


class FieldType(StrEnum):
    """What a field holds, in words common to both sides. Converters are chosen by the pair of types."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    PICKLIST = "picklist"
    MULTI_PICKLIST = "multi_picklist"
    ID = "id"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field as its side describes it to our user. A field hidden from our user does not exist.

    `length` counts characters; `scale` decimals, and 0 on a DATETIME means that its side keeps whole minutes; None means
    unlimited or unknown. `options` are API values;
    only a restricted field refuses others. `is_required` means: not blank, and no default fills it.
    `is_key` means a create can be an upsert on it (external id). `is_countable` means its side can say of how many records it is
    filled. Where `is_clearable` is False the side always has something
    there, even if we cannot say it: it is never blanked, and not taken for empty.
    """

    name: str
    label: str
    type: FieldType
    length: int | None = None
    scale: int | None = None
    is_required: bool = False
    is_createable: bool = True
    is_updateable: bool = True
    is_key: bool = False
    is_clearable: bool = True
    is_countable: bool = True
    options: tuple[str, ...] = ()
    is_restricted: bool = False


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """What our user may see of one object."""

    object: str
    fields: Mapping[str, FieldInfo] = field(default_factory=dict)
