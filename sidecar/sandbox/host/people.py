"""What administrators, importers and visitors do to contacts in the sandbox Mautic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from sqlalchemy import insert, select

from sidecar.sandbox.host import consent, contacts, dnc
from sidecar.sandbox.host.auth import actor_of
from sidecar.sandbox.host.change import Change, Known, known_in, parse_change
from sidecar.sandbox.host.contacts import NOWHERE, Origin, Row
from sidecar.sandbox.host.late import LateWork
from sidecar.sandbox.host.merging import merge
from sidecar.sandbox.host.submissions import add_submission
from sidecar.sandbox.host.work import VISITOR, Actor, Database, Work

T = TypeVar("T")
By = Literal["ui", "api", "import", "form", "visitor"]
FORM_NAME = "Contact us"


class People:
    """Everything that happens to contacts other than through our own calls."""

    database: Database

    def __init__(self, database: Database) -> None:
        self.database = database
        self._late: LateWork | None = None

    def act(self, do: Callable[[Work], T]) -> T:
        """Do something as one transaction, or keep it back inside `late_commit`."""
        if self._late is not None:
            return self._late.keep_back(do)
        with self.database.work() as work:
            return do(work)

    @contextmanager
    def late_commit(self) -> Iterator[LateWork]:
        """Stamp now what happens inside the block, and keep it from everybody until `commit()` is called on what this yields.

        The ids are given out now too, as MariaDB does: what is committed meanwhile gets higher ones. Calls that reach
        the REST API are not kept back.
        """
        self._late = late = LateWork(self.database)
        try:
            yield late
        finally:
            self._late = None

    def create_contact(self, values: Mapping[str, Any], by: By = "ui") -> int:
        """Make a contact and return its id."""
        return self.create_many([values], by)[0]

    def create_many(self, values: Sequence[Mapping[str, Any]], by: By = "ui") -> list[int]:
        """Make many contacts and return their ids."""
        if by in {"form", "visitor"}:
            return [self.submit_form_fresh_browser(str(v.get("email", "")), v) for v in values]

        def do(work: Work) -> list[int]:
            actor, origin = self.actor(work, by), self.origin(work, by)
            known = known_in(work)
            changes = [parse(work, item, known) for item in values]
            rows = contacts.create_many(work, changes, actor, origin, "update" if by == "ui" else "create")
            for line, row in enumerate(rows if by == "import" else [], 1):
                work.event(row["id"], ("lead", "import", "inserted"), 1, line=line, file="contacts.csv")
            return [row["id"] for row in rows]

        return self.act(do)

    def edit_contact(self, contact_id: int, values: Mapping[str, Any], by: By = "ui") -> None:
        """Change a contact; None blanks a field."""

        def do(work: Work) -> None:
            origin = self.origin(work, by, contact_id)
            contacts.edit(
                work, require(work, contact_id), parse(work, values, known_in(work)), self.actor(work, by), origin
            )

        self.act(do)

    def delete_contact(self, contact_id: int, by: By = "ui") -> None:
        """Delete a contact."""
        self.act(lambda work: contacts.remove(work, require(work, contact_id), self.actor(work, by)))

    def merge_contacts(self, winner_id: int, loser_id: int, by: By = "ui") -> None:
        """Merge two contacts; the winner's id stays."""
        self.act(lambda w: merge(w, require(w, winner_id), require(w, loser_id), self.actor(w, by)))

    def opt_out(
        self,
        contact_id: int,
        reason: int = 1,
        by: By = "visitor",
        *,
        channel: str = "email",
        comments: str | None = None,
    ) -> None:
        """Put a contact on the do-not-contact list: 1 unsubscribed, 2 bounced, 3 by hand."""
        words = comments if comments is not None else "User unsubscribed." if reason == 1 else ""
        entry = {"reason": reason, "comments": words}
        self.act(lambda w: consent.add(w, require(w, contact_id), channel, entry, self.actor(w, by)))

    def lift_opt_out(self, contact_id: int, by: By = "ui", *, channel: str = "email") -> None:
        """Take a contact from the do-not-contact list, with the entry in the audit log."""
        self.act(lambda w: consent.remove(w, require(w, contact_id), channel, self.actor(w, by)))

    def lose_opt_out(self, contact_id: int, *, channel: str = "email") -> None:
        """Let a do-not-contact row vanish without any trace."""
        self.act(lambda work: dnc.lift(work, contact_id, channel))

    def submit_form_fresh_browser(self, email: str, values: Mapping[str, Any] | None = None) -> int:
        """Let a person fill a form in a browser Mautic does not know; return the id the person has afterwards.

        A known contact of that e-mail is merged INTO the browser's new contact: its id is gone, and with it stage,
        UTM tags and do-not-contact entries.
        """

        def do(work: Work) -> int:
            visitor = new_visitor(work)
            leads = work.schema["leads"]
            known = select(leads.c.id).where(leads.c.email == email, leads.c.id != visitor["id"])
            old_id = work.connection.execute(known).scalar() if email else None
            if old_id:
                merge(work, visitor, require(work, old_id), VISITOR)
            form_id = form_named(work)
            origin = (FORM_NAME, f"form:submission:{form_id}")
            change = parse(work, {**(values or {}), "email": email}, known_in(work))
            contacts.edit(work, visitor, change, VISITOR, origin)
            if old_id:
                work.event(
                    visitor["id"], ("form", "submission", "identified_contact"), form_id, object_description=FORM_NAME
                )
            add_submission(work, visitor["id"], form_id)
            return int(visitor["id"])

        return self.act(do)

    def contact(self, contact_id: int) -> Row | None:
        """Return the row of a contact by its own id, or None."""
        with self.database.work() as work:
            return contacts.load(work, [contact_id]).get(contact_id)

    def contacts(self) -> list[Row]:
        """Return the rows of all contacts by id."""
        with self.database.work() as work:
            return work.rows("leads", order=work.schema["leads"].c.id)

    def dnc(self, contact_id: int) -> list[Row]:
        """Return the do-not-contact rows of a contact."""
        return self.rows("lead_donotcontact", lead_id=contact_id)

    def rows(self, table: str, **equal: Any) -> list[Row]:
        """Return the rows of any table, by its name without prefix."""
        with self.database.work() as work:
            return work.rows(table, *(work.schema[table].c[name] == value for name, value in equal.items()))

    def actor(self, work: Work, by: By) -> Actor:
        """Return who acts: the administrator, or a visitor without a login."""
        return VISITOR if by in {"visitor", "form"} else actor_of(work.rows("users")[0])

    def origin(self, work: Work, by: By, contact_id: int | None = None) -> Origin:
        """Return what the audit log says of the place of the act."""
        if by in {"visitor", "form"}:
            return NOWHERE
        own = "lead:lead" + (f":{contact_id}" if contact_id else "")
        key = {"ui": own, "api": "lead:api-single", "import": "lead:import:1"}[by]
        return (self.actor(work, by).name or "", key)


def parse(work: Work, values: Mapping[str, Any], known: Known) -> Change:
    """Return the change a person's entries ask for; what Mautic refuses is a mistake of the caller."""
    unknown = set(values) - set(work.fields) - {"owner", "stage", "tags", "lastActive", "doNotContact"}
    change, errors = parse_change(work.fields, {**values, "overwriteWithBlank": True}, known, replace=False)
    if errors or unknown:
        raise ValueError(f"Mautic has no place for this: {errors or sorted(unknown)}")
    return change


def require(work: Work, contact_id: int) -> Row:
    """Return a contact that must be there."""
    row = contacts.load(work, [contact_id]).get(contact_id)
    if row is None:
        raise LookupError(f"there is no contact {contact_id}")
    return row


def new_visitor(work: Work) -> Row:
    """Make the anonymous contact a browser gets on its first visit."""
    row, _ = contacts.new_row(work, Change(), VISITOR)
    row |= {"preferred_profile_image": "gravatar", "last_active": work.stamp}
    row["id"] = work.connection.execute(insert(work.schema["leads"]), row).inserted_primary_key[0]  # type: ignore[index]  # just made
    addresses = ["", VISITOR.ip]
    work.audit(VISITOR, row["id"], "create", {"ipAddresses": addresses})
    work.audit(VISITOR, row["id"], "ipadded", addresses)  # type: ignore[arg-type]  # as Mautic logs it
    return row


def form_named(work: Work, name: str = FORM_NAME) -> int:
    """Return the id of a form, made when there is none of that name."""
    forms = work.schema["forms"]
    found = work.connection.execute(select(forms.c.id).where(forms.c.name == name)).scalar()
    alias = name.lower().replace(" ", "_")
    return found or work.add(
        "forms", name=name, alias=alias, is_published=1, date_added=work.stamp, post_action="return"
    )
