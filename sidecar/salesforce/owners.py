"""Owners: between a record's OwnerId and the address of the user it names. Queues and our own user are nobody's address.

The users are read once an hour at most, or once a run while somebody is missing among them; and only if a record or a write
has an owner that the mapping follows.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sidecar.cache import Cache
from sidecar.mapping.model import OwnerRule
from sidecar.records import NOTHING, FieldInfo, FieldType, ObjectSchema, Value
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.org.look import read_user_id
from sidecar.sync.model import Reaction, Write, WriteError, WriteResult

OWNER_ID: Final = "OwnerId"
OWNER_EMAIL: Final = "OwnerEmail"
"""Our own name for the address of a record's owner; no field of Salesforce's is called so."""

UNKNOWN: Final = WriteError("owner-unknown", Reaction.DATA, (OWNER_EMAIL,))
INACTIVE: Final = WriteError("owner-inactive", Reaction.DATA, (OWNER_EMAIL,))
AMBIGUOUS: Final = WriteError("owner-ambiguous", Reaction.DATA, (OWNER_EMAIL,))

_USERS: Final = "SELECT Id, Email, IsActive FROM User"
_USER_PREFIX: Final = "005"
_KEPT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Users:
    """The org's users as last read: id → address and whether they are active; `me` is our own."""

    me: str | None
    by_id: Mapping[str, tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A write with its owner as Salesforce wants it, or why that cannot be; `instead` is what its field will read as."""

    write: Write
    error: WriteError | None = None
    instead: Mapping[str, Value] = field(default_factory=lambda: NOTHING)

    def finish(self, result: WriteResult) -> WriteResult:
        """Return the result in the words of the mapping."""
        error = result.error
        if error and OWNER_ID in error.fields:
            names = tuple(OWNER_EMAIL if name == OWNER_ID else name for name in error.fields)
            error = replace(error, fields=names)
        return replace(result, error=error, instead=NOTHING if error else self.instead)


class Owners:
    """Who owns what in one org, by address. Nothing is asked before it is needed."""

    def __init__(self, client: SalesforceClient, cache: Cache, clock: Callable[[], datetime], *, key: str) -> None:
        self._client = client
        self._cache = cache
        self._clock = clock
        self._key = f"salesforce-users-{key}"
        self._users: _Users | None = None
        self._is_asked = False

    def email_of(self, owner_id: str | None) -> str | None:
        """Return the address of the user who owns a record; None for a queue, our own user, or one we cannot see."""
        if not owner_id or not owner_id.startswith(_USER_PREFIX):
            return None
        users = self._load()
        if owner_id not in users.by_id and not self._is_asked:
            users = self._ask()
        email, _ = users.by_id.get(owner_id, (None, False))
        return email if owner_id != users.me else None

    def prepare(self, rule: OwnerRule, writes: Sequence[Write]) -> list[Prepared]:
        """Return the writes with ids for addresses, each owner that cannot be set named as an error."""
        return [self._prepare(rule, write) if OWNER_EMAIL in write.values else Prepared(write) for write in writes]

    def _prepare(self, rule: OwnerRule, write: Write) -> Prepared:
        email = write.values[OWNER_EMAIL]
        if not isinstance(email, str):  # an owner is never taken away
            return Prepared(_with_owner(write, None))
        found = self._find(email)
        if isinstance(found, str):
            return self._given(write, found, email, email)
        fallback = self._find(rule.fallback) if rule.fallback and write.ref is None else found
        if isinstance(fallback, str) and rule.fallback:
            return self._given(write, fallback, rule.fallback, email)
        return Prepared(write, found)

    def _given(self, write: Write, user_id: str, email: str, wanted: str) -> Prepared:
        read_as = None if user_id == self._load().me else email
        instead = NOTHING if read_as == wanted else {OWNER_EMAIL: read_as}
        return Prepared(_with_owner(write, user_id), instead=instead)

    def _find(self, email: str) -> str | WriteError:
        found = _user_of(email, self._load())
        return found if isinstance(found, str) or self._is_asked else _user_of(email, self._ask())

    def _load(self) -> _Users:
        if self._users is None:
            text = self._cache.get(self._key)
            kept = json.loads(text) if text else None
            if kept is None or datetime.fromisoformat(kept["until"]) <= self._clock():
                return self._ask()
            self._users = _Users(kept["me"], {each: (email, active) for each, email, active in kept["users"]})
        return self._users

    def _ask(self) -> _Users:
        rows = [row for page in self._client.query(_USERS) for row in page]
        by_id = {str(row["Id"]): (str(row["Email"]), bool(row["IsActive"])) for row in rows if row.get("Email")}
        self._users, self._is_asked = _Users(read_user_id(self._client), by_id), True
        until = self._clock() + _KEPT
        users = [[each, email, is_active] for each, (email, is_active) in by_id.items()]
        text = json.dumps({"until": until.isoformat(), "me": self._users.me, "users": users}, separators=(",", ":"))
        self._cache.put(self._key, text, expires_at=until)
        return self._users


def with_owner(schema: ObjectSchema | None) -> ObjectSchema | None:
    """Return an object's schema with the address of its owner among the fields, where records of it have owners."""
    owner = schema.fields.get(OWNER_ID) if schema else None
    if schema is None or owner is None:
        return schema
    info = FieldInfo(
        OWNER_EMAIL,
        "Owner's e-mail",
        FieldType.EMAIL,
        is_createable=owner.is_createable,
        is_updateable=owner.is_updateable,
        is_clearable=False,
    )
    return replace(schema, fields={**schema.fields, OWNER_EMAIL: info})


def _user_of(email: str, users: _Users) -> str | WriteError:
    """Return the one active user of that address."""
    wanted = email.casefold()
    same = [(each, is_active) for each, (theirs, is_active) in users.by_id.items() if theirs.casefold() == wanted]
    active = [each for each, is_active in same if is_active]
    if len(active) == 1:
        return active[0]
    if active:
        return AMBIGUOUS
    return INACTIVE if same else UNKNOWN


def _with_owner(write: Write, user_id: str | None) -> Write:
    values = {name: value for name, value in write.values.items() if name != OWNER_EMAIL}
    return replace(write, values=values | ({OWNER_ID: user_id} if user_id else {}))
