"""Companies as the REST API and the webhooks write them."""

from __future__ import annotations

from typing import Any, Final

from sidecar.sandbox.host.fields import Field
from sidecar.sandbox.host.rendering import Json, Row, entity_head, fresh_metadata, loaded_metadata, normalized
from sidecar.sandbox.host.values import shown
from sidecar.sandbox.host.work import Work

GROUPS_LOADED: Final = ("core", "professional", "other")
GROUPS_FRESH: Final = ("core", "professional", "social", "personal")
FLAT: Final = (
    "name",
    "email",
    "address1",
    "address2",
    "phone",
    "city",
    "state",
    "zipcode",
    "country",
    "website",
    "industry",
    "description",
)


def company_json(work: Work, row: Row, *, fresh: bool = False) -> Json:
    """Return a company as the REST API answers it: without any date. `fresh` is the form right after a creation."""
    fields = field_groups(work, row, fresh=fresh)
    values = {alias: item["value"] for group in fields.values() for alias, item in (group or {}).items()}
    return {"id": row["id"], "score": row["score"] or 0, "fields": {**fields, "all": {"id": row["id"], **values}}}


def company_whole(work: Work, row: Row, *, fresh: bool = False) -> Json:
    """Return a company as the webhooks tell it: with dates and flat values, without `fields.all`."""
    return {
        **entity_head(row),
        "id": row["id"],
        **{name: shown(row[f"company{name}"]) for name in FLAT},
        "score": row["score"] or 0,
        "fields": field_groups(work, row, fresh=fresh),
    }


def field_groups(work: Work, row: Row, *, fresh: bool) -> Json:
    """Return the fields by group with their metadata; a group without any is a list."""
    groups: Json = {name: {} for name in (GROUPS_FRESH if fresh else GROUPS_LOADED)}
    for alias, item in work.company_fields.items():
        value = shown_value(item, row.get(alias))
        metadata = fresh_metadata(item) if fresh else loaded_metadata(item)
        if fresh:
            del metadata["properties"]
        groups[item.group][alias] = {**metadata, "value": value, "normalizedValue": normalized(item, value)}
    return {name: group or [] for name, group in groups.items()}


def shown_value(item: Field, value: Any) -> Any:
    """Return a stored value as JSON writes it; a number without decimals is a whole one."""
    return int(value) if item.type == "number" and not item.scale and value is not None else shown(value)
