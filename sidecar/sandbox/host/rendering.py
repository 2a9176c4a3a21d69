"""Contacts as the REST API writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from sidecar.sandbox.host import php
from sidecar.sandbox.host.fields import GROUPS_LOADED, Field
from sidecar.sandbox.host.values import shown
from sidecar.sandbox.host.work import Work, chunks

Row = dict[str, Any]
Json = dict[str, Any]
GROUPS_FRESH = ("professional", "core", "social", "personal")


def iso(moment: datetime | None) -> str | None:
    """Return an instant as the API writes it."""
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds") if moment else None


def entity_head(row: Row) -> Json:
    """Return what Mautic says first of whatever its users make: whether it is switched on, and who made and changed it when."""
    return {
        "isPublished": bool(row["is_published"]),
        "dateAdded": iso(row["date_added"]),
        "dateModified": iso(row["date_modified"]),
        "createdBy": row["created_by"],
        "createdByUser": row["created_by_user"],
        "modifiedBy": row["modified_by"],
        "modifiedByUser": row["modified_by_user"],
    }


class Renderer:
    """Writes contacts as JSON, reading what hangs on them in one query per kind."""

    def __init__(self, work: Work, ids: Iterable[int] = ()) -> None:
        self.work = work
        self.tags: dict[int, list[Json]] = {}
        self.entries: dict[int, list[Row]] = {}
        self.utm: dict[int, list[Row]] = {}
        self.users = {row["id"]: row for row in work.rows("users")}
        self.stages = {row["id"]: row for row in work.rows("stages")}
        self.metadata = {alias: loaded_metadata(item) for alias, item in work.fields.items()}
        for part in chunks(sorted(set(ids))):
            self._read(list(part))

    def _read(self, ids: list[int]) -> None:
        schema, connection = self.work.schema, self.work.connection
        tags, links = schema["lead_tags"], schema["lead_tags_xref"]
        query = select(links.c.lead_id, tags.c.id, tags.c.tag, tags.c.description).join_from(
            links, tags, tags.c.id == links.c.tag_id
        )
        for lead_id, tag_id, tag, description in connection.execute(query.where(links.c.lead_id.in_(ids))):
            self.tags.setdefault(lead_id, []).append({"id": tag_id, "tag": tag, "description": description})
        for name, target in (("lead_donotcontact", self.entries), ("lead_utmtags", self.utm)):
            table = schema[name]
            for row in self.work.rows(name, table.c.lead_id.in_(ids), order=table.c.id):
                target.setdefault(row["lead_id"], []).append(row)

    def full(self, row: Row, sent: Mapping[str, Any] | None = None, *, fresh: bool = False, saved: bool = True) -> Json:
        """Return a contact as GET and the single writes answer it.

        `sent` are values that were just written: booleans among them are true and false. `fresh` is the form right
        after a creation: native properties and ids. A contact that was not `saved` in a batch has no `fields.all`.
        """
        return {
            **self.head(row),
            "fields": self.fields(row, sent or {}, fresh=fresh, saved=saved),
            "lastActive": iso(row["last_active"]),
            "owner": self.owner(row["owner_id"]),
            "ipAddresses": [],
            "tags": self.tags.get(row["id"], []),
            "utmtags": None if fresh else [utm_json(entry) for entry in self.utm.get(row["id"], [])],
            "stage": self.stage(row["stage_id"]),
            "dateIdentified": iso(row["date_identified"]),
            "preferredProfileImage": row["preferred_profile_image"],
            "doNotContact": [
                {
                    "id": e["id"],
                    "reason": e["reason"],
                    "comments": e["comments"],
                    "channel": e["channel"],
                    "channelId": e["channel_id"],
                }
                for e in self.entries.get(row["id"], [])
            ],
            "frequencyRules": [],
        }

    def minimal(self, row: Row) -> Json:
        """Return a contact as lists with minimal=1 answer it."""
        return {**self.head(row), "fields": self.fields(row, {}, groups=GROUPS_LOADED)}

    def sparse(self, row: Row) -> Json:
        """Return a contact as the do-not-contact calls answer it: nothing that is empty, no `fields.all`."""
        whole = self.full(row, saved=False)
        for group in GROUPS_FRESH:
            parts = whole["fields"][group]
            whole["fields"][group] = {a: _without_nulls(f) for a, f in parts.items()} if parts else []
        flat = {
            alias: shown(row[alias])
            for alias, f in self.work.fields.items()
            if f.is_fixed and row.get(alias) and f.type != "datetime"
        }
        whole = {**_without_nulls(self.head(row)), **flat, **_without_nulls(whole)}
        whole["doNotContact"] = [
            _without_nulls(
                {
                    "id": e["id"],
                    "dateAdded": iso(e["date_added"]),
                    "reason": e["reason"],
                    "comments": e["comments"],
                    "channel": e["channel"],
                    "channelId": e["channel_id"],
                }
            )
            for e in self.entries.get(row["id"], [])
        ]
        return whole

    def head(self, row: Row) -> Json:
        """Return what stands before the fields."""
        return {
            **entity_head(row),
            "isPublished": True,
            "id": row["id"],
            "points": row["points"],
            "color": None,
        }

    def fields(
        self,
        row: Row,
        sent: Mapping[str, Any],
        *,
        fresh: bool = False,
        saved: bool = True,
        groups: tuple[str, ...] = GROUPS_FRESH,
    ) -> Json:
        """Return the fields by group with their metadata, and `all` with the bare values."""
        out: Json = {group: {} for group in groups}
        values: Json = {"id": str(row["id"])}
        for alias, item in self.work.fields.items():
            value = shown(row.get(alias))
            if item.type == "boolean" and alias in sent and value is not None:
                value = bool(value)
            values[alias] = value
            base = fresh_metadata(item) if fresh else self.metadata[alias]
            out[item.group][alias] = {**base, "value": value, "normalizedValue": normalized(item, value)}
        for group in groups:
            out[group] = out[group] or []
        return {**out, "all": values} if saved else out

    def owner(self, user_id: int | None) -> Json | None:
        """Return the owner of a contact."""
        if not (user := self.users.get(user_id or 0)):
            return None
        who = {"createdByUser": user["created_by_user"], "modifiedByUser": user["modified_by_user"], "id": user["id"]}
        return {**who, "username": user["username"], "firstName": user["first_name"], "lastName": user["last_name"]}

    def stage(self, stage_id: int | None) -> Json | None:
        """Return the stage of a contact."""
        if not (stage := self.stages.get(stage_id or 0)):
            return None
        who = {
            "createdByUser": stage["created_by_user"],
            "modifiedByUser": stage["modified_by_user"],
            "id": stage["id"],
        }
        return {
            **who,
            "name": stage["name"],
            "category": None,
            "weight": stage["weight"],
            "description": stage["description"],
        }


def loaded_metadata(item: Field) -> Json:
    """Return a field's metadata as read from the database: numbers as text, properties as PHP text."""
    return {
        "id": str(item.id),
        "label": item.label,
        "alias": item.alias,
        "type": item.type,
        "group": item.group,
        "object": item.object,
        "is_fixed": str(int(item.is_fixed)),
        "properties": php.serialize(item.properties or {}),
        "default_value": item.default,
    }


def fresh_metadata(item: Field) -> Json:
    """Return a field's metadata as it is right after a creation."""
    return {
        "id": item.id,
        "group": item.group,
        "label": item.label,
        "alias": item.alias,
        "type": item.type,
        "properties": item.properties or [],
    }


def normalized(item: Field, value: Any) -> Any:
    """Return a value the way people read it: labels for choices, "" for nothing."""
    if value is None:
        return ""
    if item.type == "boolean":
        return (item.properties or {}).get("yes" if value else "no", "Yes" if value else "No")
    if item.type == "select":
        return item.choices.get(value, value)
    if item.type == "multiselect":
        return "|".join(item.choices.get(part, part) for part in value.split("|"))
    return value


def utm_json(row: Row) -> Json:
    """Return one row of UTM tags."""
    names = ("utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term")
    tags = {"".join([n.split("_")[0], n.split("_")[1].title()]): row[n] for n in names}
    return {
        "id": row["id"],
        "query": php.unserialize(row["query"]),
        "referer": row["referer"],
        "url": row["url"],
        **tags,
    }


def _without_nulls(values: Json) -> Json:
    return {key: value for key, value in values.items() if value is not None}
