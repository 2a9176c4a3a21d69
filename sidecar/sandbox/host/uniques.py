"""Which contacts hold which values of the unique fields; Mautic asks, the database does not enforce."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from sidecar.sandbox.host.change import Change, Errors
from sidecar.sandbox.host.work import Work, chunks

NOT_UNIQUE = "This field must be unique."
Row = dict[str, Any]


@dataclass(slots=True)
class Uniques:
    """Contact ids by unique field and folded value, for the values that were asked for."""

    work: Work
    ids: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    values: dict[tuple[str, int], str] = field(default_factory=dict)

    @property
    def aliases(self) -> list[str]:
        """The unique fields."""
        return [alias for alias, item in self.work.fields.items() if item.is_unique]

    def prime(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Ask the database once for the unique values of many rows or bodies."""
        leads, rows = self.work.schema["leads"], list(rows)
        for alias in self.aliases:
            wanted = {fold(row.get(alias)) for row in rows} - {""}
            missing = sorted(value for value in wanted if (alias, value) not in self.ids)
            for value in missing:
                self.ids[alias, value] = set()
            for part in chunks(missing):
                query = select(leads.c.id, leads.c[alias]).where(leads.c[alias].in_(part))
                for contact_id, value in self.work.connection.execute(query):
                    self.ids.setdefault((alias, fold(value)), set()).add(contact_id)
                    self.values[alias, contact_id] = fold(value)

    def holders(self, values: Mapping[str, Any]) -> list[int]:
        """Return the contacts that hold any of the unique values, in order."""
        self.prime([values])
        found = [self.ids[alias, fold(values[alias])] for alias in self.aliases if fold(values.get(alias))]
        return sorted(set().union(*found))

    def problems(self, values: Mapping[str, Any], own_id: int | None) -> Errors:
        """Return an error for each unique value that another contact holds."""
        self.prime([values])
        wanted = [(alias, fold(values.get(alias))) for alias in self.aliases]
        return {alias: [NOT_UNIQUE] for alias, value in wanted if value and self.ids[alias, value] - {own_id}}

    def note(self, row: Mapping[str, Any]) -> None:
        """Remember what a contact holds now."""
        for alias in self.aliases:
            if value := fold(row.get(alias)):
                self.ids.setdefault((alias, value), set()).add(row["id"])
            before = self.values.get((alias, row["id"]), "")
            if before and before != value:
                self.ids[alias, before].discard(row["id"])
            self.values[alias, row["id"]] = value

    def changes(self, row: Mapping[str, Any], change: Change) -> bool:
        """Tell whether a change touches a unique field."""
        return any(alias in change.values and change.values[alias] != row.get(alias) for alias in self.aliases)


def fold(value: Any) -> str:
    """Return a value as the database compares it."""
    return str(value).strip().lower() if value not in {None, ""} else ""
