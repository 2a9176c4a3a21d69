"""The mapping documents of an instance, every version ever saved. What they mean is the business of `sidecar/mapping/`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from sidecar.errors import UsageError
from sidecar.store.session import Database
from sidecar.store.tables import mappings


@dataclass(frozen=True, slots=True)
class MappingVersion:
    """One saved version of one document."""

    name: str
    version: int
    document: Mapping[str, Any]
    author: str
    valid_from: datetime


class Mappings:
    """Keeps mapping documents; saving makes a new version and leaves the old ones alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, instance_id: int, name: str) -> MappingVersion | None:
        """Return the newest version, or None if the instance never saved one (then the shipped document holds)."""
        with self._database.read() as connection:
            row = connection.execute(_versions(instance_id, name).limit(1)).one_or_none()
        return None if row is None else _version(row)

    def history(
        self, instance_id: int, name: str, *, limit: int | None = None, before: int | None = None
    ) -> list[MappingVersion]:
        """Return all versions, newest first, or some of those before a version."""
        wanted = _versions(instance_id, name).limit(limit)
        if before is not None:
            wanted = wanted.where(mappings.c.version < before)
        with self._database.read() as connection:
            return [_version(row) for row in connection.execute(wanted)]

    def save(
        self,
        instance_id: int,
        name: str,
        document: Mapping[str, Any],
        author: str,
        now: datetime,
        *,
        after: int | None = None,
    ) -> int:
        """Save a new version and return its number; UsageError if someone else saved in the same moment.

        Who changed the version `after`, 0 for the shipped document, is refused as well if it is not the newest any more.
        """
        newest = select(func.max(mappings.c.version)).where(
            mappings.c.instance_id == instance_id, mappings.c.name == name
        )
        try:
            with self._database.write() as connection:
                version = (connection.scalar(newest) or 0) + 1
                if after is not None and version != after + 1:
                    raise _changed_meanwhile()
                row = {"instance_id": instance_id, "name": name, "version": version, "document": dict(document),
                       "author": author, "valid_from": now}  # fmt: skip
                connection.execute(insert(mappings), row)
        except IntegrityError as error:
            raise _changed_meanwhile() from error
        return int(version)


def _changed_meanwhile() -> UsageError:
    return UsageError("Someone else just changed this mapping: look again", code="mapping-changed")


def _versions(instance_id: int, name: str) -> Any:
    of_name = (mappings.c.instance_id == instance_id) & (mappings.c.name == name)
    return select(mappings).where(of_name).order_by(mappings.c.version.desc())


def _version(row: Row[Any]) -> MappingVersion:
    return MappingVersion(row.name, row.version, row.document, row.author, row.valid_from)
