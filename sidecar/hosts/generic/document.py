"""The document that says where a platform keeps its people: the table, its columns by meaning, and what types cannot tell. Pure.

```toml
[host]
table = "customers"

[columns]                  # what each means; id and modified_at must be there
id = "id"
modified_at = "changed"

[fields.email]             # every other column is a field; its type is the column's unless it is told here
type = "email"
```
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sidecar.errors import SetupError
from sidecar.records import FieldType

MEANINGS: Final = (
    "id",
    "created_at",
    "modified_at",
    "deleted",
    "merged_into",
    "opted_out",
    "opt_out_reason",
    "opt_out_at",
    "owner_email",
    "tags",
)
"""What a column can mean to the sync."""
UNNAMED: Final = "Generic host"
_NEEDED: Final = ("id", "modified_at")
_FIELD_KEYS: Final = frozenset({"type", "label", "options"})
_TYPES: Final = frozenset(FieldType) - {FieldType.ID, FieldType.REFERENCE}


@dataclass(frozen=True, slots=True)
class FieldNote:
    """What a column's own type does not tell. A field with options takes no other value."""

    type: FieldType | None = None
    label: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableDocument:
    """One platform's table. `columns` are keyed by meaning; `record_url` has {id} where the id goes."""

    table: str
    columns: Mapping[str, str]
    name: str = UNNAMED
    record_url: str | None = None
    fields: Mapping[str, FieldNote] = field(default_factory=dict)

    def column(self, meaning: str) -> str | None:
        """Return the column of a meaning, or None if the table has none."""
        return self.columns.get(meaning)


def parse_table(text: str) -> TableDocument:
    """Return the document; SetupError that names the first line that cannot be used."""
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(f"it is no TOML ({error})") from None
    _require_known(document, {"host", "columns", "fields"}, "")
    host, columns = _table(document, "host"), _table(document, "columns")
    _require_known(host, {"table", "name", "record_url"}, "host.")
    _require_known(columns, set(MEANINGS), "columns.")
    texts = {f"host.{key}": value for key, value in host.items()}
    texts |= {f"columns.{key}": value for key, value in columns.items()}
    for where, value in texts.items():
        if not isinstance(value, str) or not value:
            raise _invalid(f"{where} must be a text")
    for where in ("host.table", *(f"columns.{meaning}" for meaning in _NEEDED)):
        if where not in texts:
            raise _invalid(f"{where} is missing")
    if len(set(columns.values())) < len(columns):
        raise _invalid("two meanings have one column")
    url = host.get("record_url")
    if url is not None and "{id}" not in url:
        raise _invalid("host.record_url must have {id} in it")
    notes = {name: _note(name, note) for name, note in _table(document, "fields").items()}
    return TableDocument(host["table"], columns, host.get("name", UNNAMED), url, notes)


def _note(name: str, note: object) -> FieldNote:
    if not isinstance(note, Mapping):
        raise _invalid(f"fields.{name} must be a table")
    _require_known(note, _FIELD_KEYS, f"fields.{name}.")
    kind, label, options = note.get("type"), note.get("label"), note.get("options", [])
    if kind is not None and kind not in _TYPES:
        raise _invalid(f"fields.{name}.type must be one of {', '.join(sorted(_TYPES))}")
    if label is not None and not isinstance(label, str):
        raise _invalid(f"fields.{name}.label must be a text")
    if not isinstance(options, list) or not all(isinstance(each, str) and each and "|" not in each for each in options):
        raise _invalid(f"fields.{name}.options must be a list of texts without |")
    return FieldNote(FieldType(kind) if kind else None, label, tuple(options))


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise _invalid(f"[{name}] must be a table")
    return cast("dict[str, Any]", found)


def _require_known(table: Mapping[str, Any], known: set[str] | frozenset[str], where: str) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        raise _invalid(f"{where}{unknown[0]} is not known here")


def _invalid(why: str) -> SetupError:
    return SetupError(f"The document of the host's table cannot be used: {why}", code="host-document-invalid")
