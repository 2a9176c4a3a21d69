"""What the org refuses, in the words it uses on the wire."""

from collections.abc import Sequence
from typing import Any

ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"


class OrgError(Exception):
    """One refusal. A single-record call answers it with `status`; a collections call puts it into the row.

    `fields` of None leaves the key out of a single answer; rows always have the key.
    """

    def __init__(self, code: str, message: str, fields: Sequence[str] | None = None, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.fields = None if fields is None else list(fields)
        self.status = status
        self.more: tuple[OrgError, ...] = ()

    def body(self) -> list[dict[str, Any]]:
        """Return the JSON of a refused call."""
        entries = []
        for error in (self, *self.more):
            entry: dict[str, Any] = {"message": error.message, "errorCode": error.code}
            if error.fields is not None:
                entry["fields"] = error.fields
            entries.append(entry)
        return entries

    def row(self) -> list[dict[str, Any]]:
        """Return the `errors` of a refused row."""
        return [
            {"statusCode": error.code, "message": error.message, "fields": error.fields or []}
            for error in (self, *self.more)
        ]


def not_found() -> OrgError:
    """Return the answer for a resource that does not exist."""
    return OrgError("NOT_FOUND", "The requested resource does not exist", status=404)


def entity_is_deleted() -> OrgError:
    """Return the answer for a record in the recycle bin."""
    return OrgError("ENTITY_IS_DELETED", "entity is deleted", [], status=404)


def unknown_column(field: str, object_name: str) -> OrgError:
    """Return the answer for a field that does not exist, or is hidden from the user."""
    return OrgError("INVALID_FIELD", f"No such column '{field}' on sobject of type {object_name}")


def no_external_id(field: str) -> OrgError:
    """Return the answer for an upsert on something that is no key."""
    message = f"Provided external ID field does not exist or is not accessible: {field}"
    return OrgError("NOT_FOUND", message, status=404)


def rolled_back() -> OrgError:
    """Return the answer for an innocent row of an all-or-none call."""
    return OrgError("ALL_OR_NONE_OPERATION_ROLLED_BACK", ROLLED_BACK, [])
