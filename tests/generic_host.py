"""A platform that keeps its people in one table, and what people do in it: another world for the scenarios.

It offers the acts of the sandbox Mautic that a plain table can have, by the same names, so that a scenario need not know where
it plays. What has no place in a table is not here; such scenarios say so (`needs_mautic`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    func,
    insert,
    select,
    update,
)

from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.fields import NewField

DOCUMENT = """
[host]
name = "Shop"
table = "customers"
record_url = "http://127.0.0.1:8001/s/contacts/view/{id}"

[columns]
id = "id"
created_at = "created_at"
modified_at = "modified_at"
deleted = "deleted"
merged_into = "merged_into"
opted_out = "no_email"
opt_out_reason = "no_email_reason"
opt_out_at = "no_email_since"
owner_email = "owner"
tags = "tags"

[fields.email]
type = "email"

[fields.phone]
type = "phone"

[fields.mobile]
type = "phone"

[fields.website]
type = "url"

[fields.interests]
type = "multi_picklist"
options = ["Music", "Sport", "Art", "Travel"]

[fields.rating]
type = "picklist"
options = ["Hot", "Warm", "Cold"]
"""

TEXTS = (
    "title", "firstname", "lastname", "email", "phone", "mobile", "position", "company", "website", "address1", "address2",
    "city", "state", "zipcode", "country", "interests", "rating", "twitter", "facebook", "linkedin",
)  # fmt: skip
REASONS = {1: "unsubscribed", 2: "bounced", 3: "manual"}

Row = dict[str, Any]


def build_table(metadata: MetaData) -> Table:
    """Return the table as the platform has it."""
    return Table(
        "customers",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("created_at", DateTime, nullable=False),
        Column("modified_at", DateTime, nullable=False),
        Column("deleted", Boolean, nullable=False, server_default="0"),
        Column("merged_into", Integer),
        Column("no_email", Boolean, nullable=False, server_default="0"),
        Column("no_email_reason", String(20)),
        Column("no_email_since", DateTime),
        Column("owner", String(191)),
        Column("tags", String(500)),
        *(Column(name, String(191)) for name in TEXTS),
        Column("segment_note", Text),
        Column("score", Float),
        Column("birthday", Date),
        Column("last_visit", DateTime),
        Column("deleted_in_salesforce", Boolean),
        Index("changed", "modified_at", "id"),
    )


class LateActs:
    """Acts that are stamped but not committed; nobody sees them before `commit()`."""

    def __init__(self, host: "GenericHost") -> None:
        self._host = host
        self.pending: list[tuple[datetime, Callable[[Connection, datetime], Any]]] = []

    def commit(self) -> None:
        with self._host.engine.begin() as connection:
            for moment, do in self.pending:
                do(connection, moment)
        self.pending.clear()


class GenericHost:
    """The platform: a table, and a clock of its own."""

    def __init__(self, database_url: str, *, clock: HostClock) -> None:
        self.database_url = database_url
        self.clock = clock
        self.engine = create_engine(database_url)
        metadata = MetaData()
        self.table = build_table(metadata)
        metadata.create_all(self.engine)
        self._users: dict[int, str] = {}
        self._late: LateActs | None = None
        self._reserved = 0

    def create_contact(self, values: Mapping[str, Any], by: str = "ui") -> int:
        return self.create_many([values])[0]

    def create_many(self, values: Sequence[Mapping[str, Any]], by: str = "ui") -> list[int]:
        if self._late is None:
            return self.act(lambda connection, now: [self._insert(connection, each, now) for each in values])
        ids = [self._reserve() for _ in values]
        rows = [{**each, "id": number} for each, number in zip(values, ids, strict=True)]
        self.act(lambda connection, now: [self._insert(connection, each, now) for each in rows])
        return ids

    def edit_contact(self, contact_id: int, values: Mapping[str, Any], by: str = "ui") -> None:
        self.act(lambda connection, now: self._update(connection, contact_id, self._parse(values), now))

    def delete_contact(self, contact_id: int, by: str = "ui") -> None:
        self.act(lambda connection, now: self._update(connection, contact_id, {"deleted": True}, now))

    def remove_row(self, contact_id: int) -> None:
        """Take a person's row out, which tells nobody."""
        with self.engine.begin() as connection:
            connection.execute(self.table.delete().where(self.table.c.id == contact_id))

    def merge_contacts(self, winner_id: int, loser_id: int, by: str = "ui") -> None:
        """Merge two people: the winner keeps its values and takes the other's where it has none; opt-outs are forgotten."""
        winner, loser = self.contact(winner_id), self.contact(loser_id)
        assert winner is not None, f"there is nobody with id {winner_id}"
        assert loser is not None, f"there is nobody with id {loser_id}"
        taken = {
            name: loser[name]
            for name in (*TEXTS, "score", "birthday", "last_visit", "owner", "tags", "segment_note")
            if winner[name] in (None, "") and loser[name] not in (None, "")
        }

        def merge(connection: Connection, now: datetime) -> None:
            self._update(connection, winner_id, taken, now)
            self._update(connection, loser_id, {"merged_into": winner_id}, now)

        self.act(merge)

    def submit_form_fresh_browser(self, email: str, values: Mapping[str, Any] | None = None) -> int:
        """Let a known person come back as somebody new: the new row takes the old one over."""
        known = [row["id"] for row in self.contacts() if row["email"] == email]
        fresh = self.create_contact({})
        for old in known:
            self.merge_contacts(fresh, old)
        self.edit_contact(fresh, {**(values or {}), "email": email})
        return fresh

    def opt_out(self, contact_id: int, reason: int = 1, by: str = "visitor", *, channel: str = "email") -> None:
        """Opt a person out; another channel than e-mail has no place here and only moves the row."""

        def do(connection: Connection, now: datetime) -> None:
            values = {"no_email": True, "no_email_reason": REASONS[reason], "no_email_since": now}
            self._update(connection, contact_id, values if channel == "email" else {}, now)

        self.act(do)

    def lift_opt_out(self, contact_id: int, by: str = "ui") -> None:
        def do(connection: Connection, now: datetime) -> None:
            values = {"no_email": False, "no_email_reason": None, "no_email_since": now}
            self._update(connection, contact_id, values, now)

        self.act(do)

    def lose_opt_out(self, contact_id: int) -> None:
        """Let an opt-out vanish without any trace."""
        gone = {"no_email": False, "no_email_reason": None, "no_email_since": None}
        with self.engine.begin() as connection:
            connection.execute(update(self.table).where(self.table.c.id == contact_id).values(gone))

    def add_user(self, username: str, *, email: str = "") -> int:
        """Return a number for who may own people; the table itself has the address."""
        self._users[len(self._users) + 1] = email or f"{username}@example.com"
        return len(self._users)

    def add_field(self, wish: NewField) -> None:
        """Give the table one more column, whose type is all that is known of it."""
        kind = "BOOLEAN" if wish.type == "boolean" else "VARCHAR(191)"
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE customers ADD COLUMN {wish.alias} {kind}")
            self.table = Table("customers", MetaData(), autoload_with=connection)

    @contextmanager
    def late_commit(self) -> Iterator[LateActs]:
        """Stamp now what happens inside the block, and keep it from everybody until `commit()` is called."""
        self._late = late = LateActs(self)
        try:
            yield late
        finally:
            self._late = None

    # -- looking --

    def contact(self, contact_id: int) -> Row | None:
        """Return a living person's row by its own id, or None."""
        return next((row for row in self.contacts() if row["id"] == contact_id), None)

    def contacts(self) -> list[Row]:
        """Return the rows of all living people by id."""
        living = select(self.table).where(self.table.c.deleted.is_(False), self.table.c.merged_into.is_(None))
        with self.engine.connect() as connection:
            rows = connection.execute(living.order_by(self.table.c.id)).mappings()
            numbers = {address.lower(): number for number, address in self._users.items()}
            return [{**row, "owner_id": numbers.get((row["owner"] or "").lower())} for row in rows]

    def dnc(self, contact_id: int) -> list[Row]:
        """Return the opt-out of a person as the sandbox Mautic would: a row, or none."""
        row = self.contact(contact_id)
        numbers = {text: number for number, text in REASONS.items()}
        return [{"channel": "email", "reason": numbers[row["no_email_reason"]]}] if row and row["no_email"] else []

    def act(self, do: Callable[[Connection, datetime], Any]) -> Any:
        """Do something as one transaction, or keep it back inside `late_commit`."""
        now = self.clock.now().astimezone(UTC).replace(tzinfo=None)
        if self._late is not None:
            self._late.pending.append((now, do))
            return None
        with self.engine.begin() as connection:
            return do(connection, now)

    def close(self) -> None:
        self.engine.dispose()

    def _insert(self, connection: Connection, values: Mapping[str, Any], now: datetime) -> int:
        made = {"created_at": now, "modified_at": now, **self._parse(values)}
        if "id" not in made and self._reserved:
            made["id"] = self._reserve()
        return int(connection.execute(insert(self.table).values(made)).inserted_primary_key[0])

    def _update(self, connection: Connection, contact_id: int, values: Mapping[str, Any], now: datetime) -> None:
        wanted = update(self.table).where(self.table.c.id == contact_id).values({**values, "modified_at": now})
        assert connection.execute(wanted).rowcount == 1, f"there is nobody with id {contact_id}"

    def _reserve(self) -> int:
        """Give out an id now for a row that comes later."""
        with self.engine.connect() as connection:
            highest = connection.execute(select(func.max(self.table.c.id))).scalar() or 0
        self._reserved = max(self._reserved, highest) + 1
        return self._reserved

    def _parse(self, values: Mapping[str, Any]) -> Row:
        """Return what people enter as the table has it; what has no place in it is a mistake of the caller."""
        unknown = values.keys() - {column.name for column in self.table.c}
        assert not unknown, f"the table has no place for {sorted(unknown)}"
        return {name: self._entered(name, value) for name, value in values.items()}

    def _entered(self, name: str, value: Any) -> Any:
        if name == "owner" and isinstance(value, int):
            return self._users[value] if value else None
        if isinstance(value, list):
            return "|".join(value) or None
        kind = self.table.c[name].type
        if isinstance(value, str) and isinstance(kind, Date | DateTime):
            if not value:
                return None
            return date.fromisoformat(value) if isinstance(kind, Date) else datetime.fromisoformat(value)
        return None if value == "" else value
