"""Owners: from an address to the Mautic user who has it. Read by SQL; only a published user may own a contact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, func, select

from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.reader import ContactReader
from sidecar.hosts.mautic.schema import OWNER
from sidecar.hosts.mautic.tables import Tables
from sidecar.mapping.model import OwnerRule
from sidecar.sync.model import Reaction, Write, WriteError

UNKNOWN = WriteError("owner-unknown", Reaction.DATA, (OWNER,))
INACTIVE = WriteError("owner-inactive", Reaction.DATA, (OWNER,))
AMBIGUOUS = WriteError("owner-ambiguous", Reaction.DATA, (OWNER,))

_ADDRESSES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Owners:
    """The users that some writes name as owners, by the address that the writes use."""

    by_email: Mapping[str, int | WriteError] = field(default_factory=dict)

    def id_of(self, email: str) -> int:
        """Return the user's number; only for an address that `why_not` has nothing against."""
        found = self.by_email[email.casefold()]
        assert isinstance(found, int)
        return found

    def why_not(self, write: Write) -> WriteError | None:
        """Return why a write's owner cannot be set, or None."""
        email = write.values.get(OWNER)
        found = self.by_email.get(email.casefold(), UNKNOWN) if isinstance(email, str) else None
        return found if isinstance(found, WriteError) else None


def read_owners(reader: ContactReader, rule: OwnerRule, writes: Sequence[Write]) -> Owners:
    """Look up who is meant by the writes' owners; no statement where none names one."""
    emails = {str(email).casefold() for write in writes if (email := write.values.get(OWNER)) is not None}
    if not emails:
        return Owners()
    meant = {email: [each.casefold() for each in rule.in_host(email)] for email in emails}
    users = _read_users(reader.engine, reader.tables, sorted({each for some in meant.values() for each in some}))
    return Owners({email: _choose([users[each] for each in some if each in users]) for email, some in meant.items()})


def _choose(candidates: Sequence[Sequence[tuple[int, bool]]]) -> int | WriteError:
    """Return the one published user of the first address that has any."""
    for users in candidates:
        published = [user_id for user_id, is_published in users if is_published]
        if published:
            return published[0] if len(published) == 1 else AMBIGUOUS
    return INACTIVE if candidates else UNKNOWN


def _read_users(engine: Engine, tables: Tables, emails: Sequence[str]) -> dict[str, list[tuple[int, bool]]]:
    users = tables.users
    found: dict[str, list[tuple[int, bool]]] = {}
    with reading(engine) as connection:
        for start in range(0, len(emails), _ADDRESSES_AT_ONCE):
            some = emails[start : start + _ADDRESSES_AT_ONCE]
            wanted = select(users.c.id, users.c.email, users.c.is_published).where(func.lower(users.c.email).in_(some))
            for row in connection.execute(wanted.order_by(users.c.id)):
                found.setdefault(str(row.email).casefold(), []).append((int(row.id), bool(row.is_published)))
    return found
