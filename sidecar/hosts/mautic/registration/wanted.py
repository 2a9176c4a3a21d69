"""What an instance needs in its Mautic, from its mapping document and from what Salesforce says of the mapped fields. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.hosts.mautic.schema import MAX_TEXT, VIRTUAL_NAMES
from sidecar.mapping.model import ObjectMapping, OnSalesforceDelete
from sidecar.records import FieldInfo, FieldType, ObjectSchema

EVERY_TRIGGER: Final = (
    "mautic.lead_post_save_new",
    "mautic.lead_post_save_update",
    "mautic.lead_post_delete",
    "mautic.lead_company_change",
    "mautic.company_post_save",
    "mautic.company_post_delete",
)
"""What tells that a person or a company changed. The others only cost: points, opt-outs and form submissions come with an
update as well, opens, hits and sends change nobody, and a rebuilt segment would send one call per member."""

FEW_TRIGGERS: Final = (
    "mautic.lead_post_save_new",
    "mautic.lead_channel_subscription_changed",
    "mautic.lead_post_delete",
)
"""What should not wait for the next run, where a call for every edit of a contact is too much: somebody new, an opt-out,
a deletion. The rest is told by the bundle's outbox, or by Mautic's log, at the next run."""

ALIAS: Final = re.compile(r"[a-z][a-z0-9_]{0,24}")
"""Mautic cuts a longer alias without a word, and the mapping would not find the field."""

TYPE_NAMES: Final[Mapping[FieldType, str]] = {
    FieldType.TEXT: "text",
    FieldType.LONG_TEXT: "textarea",
    FieldType.EMAIL: "email",
    FieldType.PHONE: "tel",
    FieldType.URL: "url",
    FieldType.NUMBER: "number",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.PICKLIST: "select",
    FieldType.MULTI_PICKLIST: "multiselect",
    FieldType.ID: "text",
    FieldType.REFERENCE: "text",
}
"""The type in Mautic that holds each type of value without a loss."""

SEGMENT_ALIAS: Final = "deleted-in-salesforce"

_WITH_LENGTH = {"text", "email", "tel", "url"}


@dataclass(frozen=True, slots=True)
class FieldWish:
    """A contact field that the mapping names. `like` is the field in Salesforce it goes with; None where nobody knows yet."""

    alias: str
    label: str
    like: FieldInfo | None

    @property
    def is_makeable(self) -> bool:
        """Whether we can make it as the mapping wants it."""
        return self.like is not None and ALIAS.fullmatch(self.alias) is not None

    def request(self) -> dict[str, Any]:
        """Return what Mautic is asked to make."""
        like = self.like
        assert like is not None, "a wish without a type is never sent"
        kind = TYPE_NAMES[like.type]
        if kind in {"select", "multiselect"} and not like.options:
            kind = "text" if kind == "select" else "textarea"
        wanted: dict[str, Any] = {"label": self.label, "alias": self.alias, "type": kind, "object": "lead"}
        if kind in {"select", "multiselect"}:
            wanted["properties"] = {"list": [{"label": each, "value": each} for each in like.options]}
        elif kind == "boolean":
            wanted["properties"] = {"no": "No", "yes": "Yes"}
        elif kind == "number":
            wanted["properties"] = {"roundmode": "3", "scale": str(like.scale or 0)}
        elif kind in _WITH_LENGTH:
            wanted["charLengthLimit"] = min(like.length or MAX_TEXT, MAX_TEXT)
        return wanted


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one instance needs: its fields, the field that marks deletions, and a webhook, if we can be reached at all."""

    slug: str
    fields: tuple[FieldWish, ...]
    mark: str | None
    hook_url: str | None
    triggers: tuple[str, ...] = EVERY_TRIGGER
    has_segment: bool = False

    @property
    def hook_name(self) -> str:
        """Return what our webhook is called in Mautic."""
        return hook_name(self.slug)


def hook_name(slug: str) -> str:
    """Return what an instance's webhook is called in its Mautic."""
    return f"Salesforce sidecar ({slug})"


def hook_address(public_url: str, slug: str) -> str:
    """Return where an instance's Mautic tells us what changed."""
    return f"{public_url.rstrip('/')}/hooks/{slug}/mautic"


def build_wanted(
    people: ObjectMapping,
    salesforce: Mapping[str, ObjectSchema | None],
    slug: str,
    public_url: str | None,
    *,
    triggers: tuple[str, ...] = EVERY_TRIGGER,
    has_segment: bool = False,
) -> Wanted:
    """Return what the document needs. `salesforce` is what is known of its objects; the types of fields come from there."""
    mark = people.deletion.host_field if people.deletion.on_salesforce_delete is OnSalesforceDelete.MARK else None
    wishes = {pair.host: FieldWish(pair.host, _label(pair.host), None) for pair in people.fields}
    for pair in people.fields:
        for object_name, field_name in pair.salesforce.items():
            schema = salesforce.get(object_name)
            info = schema.fields.get(field_name) if schema else None
            if info is not None and wishes[pair.host].like is None:
                wishes[pair.host] = FieldWish(pair.host, info.label or _label(pair.host), info)
    if mark:
        info = FieldInfo(mark, "Deleted in Salesforce", FieldType.BOOLEAN)
        wishes[mark] = FieldWish(mark, "Deleted in Salesforce", info)
    return Wanted(
        slug,
        tuple(wish for alias, wish in wishes.items() if alias not in VIRTUAL_NAMES),
        mark,
        hook_address(public_url, slug) if public_url else None,
        triggers,
        has_segment and mark is not None,
    )


def _label(alias: str) -> str:
    return alias.replace("_", " ").strip().capitalize() or alias
