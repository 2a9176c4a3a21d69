"""Who may sign in to the settings pages, and as what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from sidecar.errors import UsageError
from sidecar.store.session import Database
from sidecar.store.tables import users

MIN_PASSWORD_LENGTH = 12


class Role(StrEnum):
    """What a user may do: look · change one instance · switch all instances · everything."""

    VIEWER = "viewer"
    ADMINISTRATOR = "administrator"
    SUPPORT = "support"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in. `instance_id` limits them to one instance; None means all."""

    id: int
    name: str
    role: Role
    language: str
    instance_id: int | None
    created_at: datetime


class Users:
    """Adds users and checks their passwords. Names are the same in upper and lower case."""

    def __init__(self, database: Database, hasher: PasswordHasher | None = None) -> None:
        self._database = database
        self._hasher = hasher or PasswordHasher()

    def add(
        self,
        name: str,
        password: str,
        role: Role,
        now: datetime,
        *,
        language: str = "en",
        instance_id: int | None = None,
    ) -> User:
        """Add a user; UsageError if the name is taken or the password too short."""
        row = {
            "name": _name(name),
            "password_hash": self._hash(password),
            "role": role,
            "language": language,
            "instance_id": instance_id,
            "created_at": now,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(users), row)
        except IntegrityError as error:
            raise UsageError("There is a user of this name already", code="user-exists") from error
        return self.get(name)

    def get(self, name: str) -> User:
        """Return the user of that name, or raise UsageError."""
        return self._one(users.c.name == _name(name))

    def get_by_id(self, user_id: int) -> User:
        """Return the user of that number, or raise UsageError."""
        return self._one(users.c.id == user_id)

    def list(self) -> list[User]:
        """Return all users by name."""
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(select(users).order_by(users.c.name))]

    def check(self, name: str, password: str) -> User | None:
        """Return the user if the password is theirs; takes as long for a name that does not exist."""
        with self._database.read() as connection:
            row = connection.execute(select(users).where(users.c.name == _name(name))).one_or_none()
        if row is None:
            self._hasher.hash(password)
            return None
        try:
            self._hasher.verify(row.password_hash, password)
        except (VerifyMismatchError, InvalidHashError):
            return None
        if self._hasher.check_needs_rehash(row.password_hash):
            self._change(row.id, password_hash=self._hasher.hash(password))
        return _user(row)

    def set_password(self, user_id: int, password: str) -> None:
        """Give a user another password."""
        self._change(user_id, password_hash=self._hash(password))

    def set_role(self, user_id: int, role: Role, instance_id: int | None = None) -> None:
        """Give a user another role, for one instance or all."""
        self._change(user_id, role=role, instance_id=instance_id)

    def set_language(self, user_id: int, language: str) -> None:
        """Show pages in another language."""
        self._change(user_id, language=language)

    def remove(self, user_id: int) -> None:
        """Let a user sign in no more."""
        with self._database.write() as connection:
            connection.execute(delete(users).where(users.c.id == user_id))

    def _hash(self, password: str) -> str:
        if len(password) < MIN_PASSWORD_LENGTH:
            raise UsageError(f"A password needs {MIN_PASSWORD_LENGTH} characters or more", code="password-too-short")
        return self._hasher.hash(password)

    def _change(self, user_id: int, **values: object) -> None:
        with self._database.write() as connection:
            if connection.execute(update(users).where(users.c.id == user_id).values(values)).rowcount == 0:
                raise _no_such_user()

    def _one(self, condition: ColumnElement[bool]) -> User:
        with self._database.read() as connection:
            row = connection.execute(select(users).where(condition)).one_or_none()
        if row is None:
            raise _no_such_user()
        return _user(row)


def _no_such_user() -> UsageError:
    return UsageError("There is no such user", code="no-such-user")


def _name(name: str) -> str:
    return name.strip().casefold()


def _user(row: Row[Any]) -> User:
    return User(row.id, row.name, Role(row.role), row.language, row.instance_id, row.created_at)
