"""The instances: one customer each, with one host and one org."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from sidecar.errors import UsageError
from sidecar.store.session import Database
from sidecar.store.tables import instances

_SLUG = re.compile(r"[a-z0-9-]{1,64}")


class InstanceState(StrEnum):
    """How far an instance is. Jobs run in ready and enabled ones only."""

    DRAFT = "draft"
    READY = "ready"
    ENABLED = "enabled"
    PAUSED = "paused"
    BLOCKED = "blocked"


RUNNING_STATES = (InstanceState.READY, InstanceState.ENABLED)


@dataclass(frozen=True, slots=True)
class Instance:
    """One customer. `salt` makes its fingerprints its own; `synced_from` is where the first window of each feed begins."""

    id: int
    slug: str
    label: str
    state: InstanceState
    salt: bytes = field(repr=False)
    synced_from: datetime
    created_at: datetime


class Instances:
    """Adds, finds and switches instances."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, slug: str, label: str, now: datetime, *, synced_from: datetime | None = None) -> Instance:
        """Add a draft. UsageError for a slug that is taken or not made of a-z, 0-9 and hyphens, and for a label likewise."""
        if not _SLUG.fullmatch(slug):
            raise UsageError("The short name may hold a-z, 0-9 and hyphens only", code="instance-name-invalid")
        row = {
            "slug": slug,
            "label": label.strip(),
            "state": InstanceState.DRAFT,
            "salt": secrets.token_bytes(32),
            "synced_from": synced_from or now,
            "created_at": now,
        }
        try:
            with self._database.write() as connection:
                # The short name first: who adds an instance twice is told that, not that its label is taken.
                connection.execute(insert(instances), row)
                _require_free_label(connection, label, but=_id_of(connection, slug))
        except IntegrityError as error:
            raise UsageError(f"There is an instance {slug} already", code="instance-exists") from error
        return self.get(slug)

    def list(self) -> list[Instance]:
        """Return all instances by slug."""
        with self._database.read() as connection:
            return [_instance(row) for row in connection.execute(select(instances).order_by(instances.c.slug))]

    def get(self, slug: str) -> Instance:
        """Return the instance of that slug, or raise UsageError."""
        return self._one(instances.c.slug == slug, slug)

    def get_by_id(self, instance_id: int) -> Instance:
        """Return the instance of that number, or raise UsageError."""
        return self._one(instances.c.id == instance_id, str(instance_id))

    def set_state(self, instance_id: int, state: InstanceState) -> None:
        """Put an instance into a state."""
        self._change(instance_id, state=state)

    def pause(self, instance_id: int) -> None:
        """Stop all jobs of an instance until it is resumed."""
        self._change(instance_id, state=InstanceState.PAUSED)

    def block(self, instance_id: int) -> None:
        """Stop all jobs of a running instance until it can be reached again; one that does not run stays as it is."""
        self._switch(instance_id, RUNNING_STATES, InstanceState.BLOCKED)

    def unblock(self, instance_id: int) -> None:
        """Let the jobs of a blocked instance run again; one that is not blocked stays as it is."""
        self._switch(instance_id, (InstanceState.BLOCKED,), InstanceState.ENABLED)

    def resume(self, instance_id: int) -> None:
        """Let the jobs of an instance run again, whether it was paused or blocked."""
        self._change(instance_id, state=InstanceState.ENABLED)

    def rename(self, instance_id: int, label: str) -> None:
        """Change what people call the instance. UsageError for nothing, and for what another one is called."""
        with self._database.read() as connection:
            _require_free_label(connection, label, but=instance_id)
        self._change(instance_id, label=label.strip())

    def set_synced_from(self, instance_id: int, moment: datetime) -> None:
        """Say where the first window begins; feeds that have been read already go on from where they are."""
        self._change(instance_id, synced_from=moment)

    def _switch(self, instance_id: int, before: Sequence[InstanceState], after: InstanceState) -> None:
        fits = (instances.c.id == instance_id) & instances.c.state.in_(before)
        with self._database.write() as connection:
            connection.execute(update(instances).where(fits).values(state=after))

    def _change(self, instance_id: int, **values: object) -> None:
        with self._database.write() as connection:
            changed = connection.execute(update(instances).where(instances.c.id == instance_id).values(values))
        if changed.rowcount == 0:
            raise _no_such_instance(str(instance_id))

    def _one(self, condition: Any, name: str) -> Instance:
        with self._database.read() as connection:
            row = connection.execute(select(instances).where(condition)).one_or_none()
        if row is None:
            raise _no_such_instance(name)
        return _instance(row)


def _id_of(connection: Connection, slug: str) -> int | None:
    return connection.scalar(select(instances.c.id).where(instances.c.slug == slug))


def _require_free_label(connection: Connection, label: str, *, but: int | None = None) -> None:
    """Refuse a label that is empty, or that another instance has, whatever the case: people tell instances apart by it."""
    wanted = label.strip().casefold()
    if not wanted:
        raise UsageError("Give the instance a name that people know it by", code="instance-label-missing")
    rows = connection.execute(select(instances.c.id, instances.c.label))
    if any(row.id != but and row.label.strip().casefold() == wanted for row in rows):
        raise UsageError(f"There is an instance called {label.strip()} already", code="instance-label-taken")


def _no_such_instance(name: str) -> UsageError:
    return UsageError(f"There is no instance {name}", code="no-such-instance")


def _instance(row: Row[Any]) -> Instance:
    values = row._asdict()
    return Instance(**{**values, "state": InstanceState(values["state"]), "salt": bytes(values["salt"])})
