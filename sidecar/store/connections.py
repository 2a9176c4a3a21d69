"""How each side of an instance is reached. Secrets go in and are used; no screen ever shows them again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select, update

from sidecar.records import Side
from sidecar.store.bulk import upsert
from sidecar.store.crypto import Cipher
from sidecar.store.session import Database
from sidecar.store.tables import connections


class ConnectionState(StrEnum):
    """What the last check found."""

    UNCHECKED = "unchecked"
    WORKING = "working"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """A connection without its secrets: only which of them are set."""

    side: Side
    settings: Mapping[str, Any]
    secret_names: frozenset[str]
    state: ConnectionState
    checked_at: datetime | None = None
    check_code: str | None = None
    check_message: str | None = None


class Connections:
    """Keeps one connection per instance and side."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    def save(
        self, instance_id: int, side: Side, settings: Mapping[str, Any], secrets: Mapping[str, str] | None = None
    ) -> None:
        """Replace the settings and those secrets that are named; an empty one is forgotten, the others are kept."""
        with self._database.write() as connection:
            row = connection.execute(_select(instance_id, side).with_for_update()).one_or_none()
            kept = self._open(row) | dict(secrets or {})
            saved = {
                "instance_id": instance_id,
                "side": side,
                "settings": dict(settings),
                "secrets": self._cipher.encrypt(json.dumps({name: text for name, text in kept.items() if text})),
                "key_id": self._cipher.key_id,
                "state": ConnectionState.UNCHECKED,
                "checked_at": None,
                "check_code": None,
                "check_message": None,
            }
            keys = ("instance_id", "side")
            upsert(connection, connections, [saved], keys, update=[name for name in saved if name not in keys])

    def load(self, instance_id: int, side: Side) -> ConnectionInfo | None:
        """Return the connection without its secrets, or None if nobody entered one yet."""
        with self._database.read() as connection:
            row = connection.execute(_select(instance_id, side)).one_or_none()
        if row is None:
            return None
        return ConnectionInfo(
            side=Side(row.side),
            settings=row.settings,
            secret_names=frozenset(self._open(row)),
            state=ConnectionState(row.state),
            checked_at=row.checked_at,
            check_code=row.check_code,
            check_message=row.check_message,
        )

    def load_secrets(self, instance_id: int, side: Side) -> dict[str, str]:
        """Return the secrets by name, for the client that signs in with them and for nothing else."""
        with self._database.read() as connection:
            return self._open(connection.execute(_select(instance_id, side)).one_or_none())

    def set_secrets(self, instance_id: int, side: Side, secrets: Mapping[str, str]) -> None:
        """Set secrets beside those that sign in, and leave everything else as it is; an empty one is forgotten.

        Nothing happens where nobody entered a connection.
        """
        with self._database.write() as connection:
            row = connection.execute(_select(instance_id, side).with_for_update()).one_or_none()
            if row is None:
                return
            kept = {name: text for name, text in (self._open(row) | dict(secrets)).items() if text}
            saved = {"secrets": self._cipher.encrypt(json.dumps(kept)), "key_id": self._cipher.key_id}
            connection.execute(update(connections).where(connections.c.id == row.id).values(saved))

    def remember(self, instance_id: int, side: Side, name: str, value: str) -> None:
        """Set one setting beside those that reach the side, and leave everything else as it is; an empty one is forgotten.

        Nothing happens where nobody entered a connection.
        """
        with self._database.write() as connection:
            row = connection.execute(_select(instance_id, side).with_for_update()).one_or_none()
            if row is None:
                return
            settings = {each: known for each, known in {**row.settings, name: value}.items() if each != name or known}
            connection.execute(update(connections).where(connections.c.id == row.id).values(settings=settings))

    def rotate_refresh_token(self, instance_id: int, used: str, new: str) -> None:
        """Put a new refresh token in place of the one that was used for it, and keep that one as the one before it.

        Nothing happens if the used one is not the present one any more: somebody has signed in anew meanwhile.
        """
        with self._database.write() as connection:
            row = connection.execute(_select(instance_id, Side.SALESFORCE).with_for_update()).one_or_none()
            kept = self._open(row)
            if row is None or kept.get("refresh_token") != used:
                return
            kept |= {"refresh_token": new, "previous_refresh_token": used}
            saved = {"secrets": self._cipher.encrypt(json.dumps(kept)), "key_id": self._cipher.key_id}
            connection.execute(update(connections).where(connections.c.id == row.id).values(saved))

    def note_check(
        self, instance_id: int, side: Side, now: datetime, *, code: str | None = None, message: str | None = None
    ) -> None:
        """Remember what a check found; a code means the connection is broken."""
        found = {
            "state": ConnectionState.BROKEN if code else ConnectionState.WORKING,
            "checked_at": now,
            "check_code": code,
            "check_message": message,
        }
        of_side = (connections.c.instance_id == instance_id) & (connections.c.side == side)
        with self._database.write() as connection:
            connection.execute(update(connections).where(of_side).values(found))

    def note_working(self, instance_id: int, side: Side, now: datetime) -> None:
        """Remember that a connection that was broken works again; nothing happens to any other."""
        broken = (
            (connections.c.instance_id == instance_id)
            & (connections.c.side == side)
            & (connections.c.state == ConnectionState.BROKEN)
        )
        found = {"state": ConnectionState.WORKING, "checked_at": now, "check_code": None, "check_message": None}
        with self._database.write() as connection:
            connection.execute(update(connections).where(broken).values(found))

    def _open(self, row: Row[Any] | None) -> dict[str, str]:
        if row is None:
            return {}
        secrets: dict[str, str] = json.loads(self._cipher.decrypt(row.secrets))
        return secrets


def _select(instance_id: int, side: Side) -> Any:
    return select(connections).where(connections.c.instance_id == instance_id, connections.c.side == side)
