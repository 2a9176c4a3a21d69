"""Ten days in the life of a Mautic and an org that do not know each other yet. The same at every start.

People appear on either side, some on both and known differently; they get mails, visit pages, unsubscribe; staff merge,
convert, delete and change their minds. `life.py` goes on from there.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from sidecar.demo.events import make_events
from sidecar.demo.people import Casting, Person
from sidecar.demo.sandboxes import NOW, Sandboxes

SEED = 42
STEPS = 20
STEP = timedelta(hours=12)

ON_BOTH_SIDES = 160
ONLY_IN_MAUTIC = 300
ONLY_IN_SALESFORCE = 330
WITHOUT_EMAIL = 25
ANONYMOUS = 30
EVENTS_PER_STEP = 35

LONG_TITLE = "Responsable des partenariats stratégiques, de l'innovation et de la transformation 🚀 " * 2
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff" * 3
ODD_PEOPLE = (
    Person("long.title@example.com", "Léa", "Long", position=LONG_TITLE[:180]),
    Person("long.name@example.com", "Hubert", LONG_NAME),
    Person("long.first.name@example.com", LONG_NAME[:60], "Short"),
    Person("idn@müller.example", "Ute", "Umlaut"),
    Person("blanks@example.com", "  Padded  ", "\tTabbed\t", phone="   "),
    Person("nameless@example.com"),
    Person("zero@example.com", "0", "0", phone="0", company="0", score=0),
    Person("all.interests@example.com", "Ivy", "Interested", interests=("Travel", "Art", "Sport", "Music")),
    Person("entities@example.com", "Ann &amp; Bob", "<3 Tags & 'Quotes\""),
)
"""People that other tools stumble over."""


class Seed:
    """Fills both sandboxes."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self.sandboxes, self.host, self.org = sandboxes, sandboxes.host, sandboxes.org
        self.random = Random(SEED)  # noqa: S311  (invented people need no secrets)
        self.casting = Casting(self.random, self.org.clock.now())

    def plant(self) -> None:
        """Live through the days until now."""
        contacts = self._contacts()
        people = self._people()
        for step in range(STEPS):
            self.sandboxes.travel((STEPS - step) * STEP)
            self._appear(contacts[step::STEPS], people[step::STEPS], step)
            make_events(self.host, self.random, [row["id"] for row in self.host.contacts()], EVENTS_PER_STEP)
        self.sandboxes.travel(timedelta(hours=5))
        self._unsubscribe()
        self.sandboxes.travel(timedelta(hours=3))
        self._tidy_up_mautic()
        self._tidy_up_salesforce()
        self.sandboxes.travel(NOW)

    def _appear(self, contacts: list[dict[str, Any]], people: list[tuple[str, dict[str, Any]]], step: int) -> None:
        self.host.create_many(contacts, by=("import", "ui", "api")[step % 3])
        for name in ("Contact", "Lead"):
            self.org.insert_many(name, [values for each, values in people if each == name])

    def _contacts(self) -> list[dict[str, Any]]:
        """Return everybody Mautic knows, those whom Salesforce knows too first."""
        self.shared = [self.casting.person() for _ in range(ON_BOTH_SIDES)]
        own = [self.casting.person() for _ in range(ONLY_IN_MAUTIC)]
        silent = [replace(self.casting.person(), email=None) for _ in range(WITHOUT_EMAIL)]
        doubled = [replace(self.casting.person(), email=each.email) for each in (*own[:8], *self.shared[:3])]
        visitors: list[dict[str, Any]] = [{} for _ in range(ANONYMOUS)]
        known = [*self.shared, *own, *silent, *doubled, *ODD_PEOPLE]
        return self._shuffled([*(each.as_contact() for each in known), *visitors])

    def _people(self) -> list[tuple[str, dict[str, Any]]]:
        """Return everybody Salesforce knows: object and values."""
        theirs = [self.casting.as_others_know(each) for each in self.shared]
        own = [self.casting.person() for _ in range(ONLY_IN_SALESFORCE)]
        silent = [replace(self.casting.person(), email=None) for _ in range(WITHOUT_EMAIL)]
        doubled = [replace(self.casting.person(), email=each.email) for each in (*own[:6], *theirs[-4:])]
        unscored = [replace(each, score=each.score or None) for each in (*theirs, *own, *silent, *doubled)]
        zero = Person("zero@mail.example.net", "Zero", "Zéro", phone="0", score=0)
        return self._shuffled(self._in_salesforce(each) for each in (*unscored, zero))

    def _in_salesforce(self, person: Person) -> tuple[str, dict[str, Any]]:
        values = {"HasOptedOutOfEmail": True} if self.random.random() < 0.08 else {}
        if self.random.random() < 0.4:
            return "Contact", person.as_salesforce_contact() | values
        return "Lead", person.as_lead() | values

    def _unsubscribe(self) -> None:
        """Opt people out in Mautic: by their own click, by a bounce, by hand."""
        for number, row in enumerate(self._known_contacts(45)):
            self.host.opt_out(row["id"], reason=number % 3 + 1, by="visitor" if number % 3 == 0 else "ui")

    def _tidy_up_mautic(self) -> None:
        """Merge by hand, merge by a form in a fresh browser, delete."""
        rows = self._known_contacts(30)
        for winner, loser in zip(rows[:6], rows[6:12], strict=True):
            self.host.merge_contacts(winner["id"], loser["id"])
        for row in rows[12:18]:
            self.host.submit_form_fresh_browser(row["email"], {"phone": "+44 20 7946 0000"})
        for row in rows[18:26]:
            self.host.delete_contact(row["id"])

    def _tidy_up_salesforce(self) -> None:
        """Convert, merge, delete and undelete."""
        leads, contacts = self._living("Lead"), self._living("Contact")
        for lead_id in leads[:8]:
            self.org.convert_lead(lead_id)
        for winner, loser in zip(leads[8:11], leads[11:14], strict=True):
            self.org.merge("Lead", winner, [loser])
        self.org.merge("Contact", contacts[0], [contacts[1]])
        for each in leads[14:20]:
            self.org.delete("Lead", each)
        for each in contacts[2:6]:
            self.org.delete("Contact", each)
        self.org.undelete("Lead", leads[14])
        self.org.undelete("Contact", contacts[2])

    def _known_contacts(self, number: int) -> list[dict[str, Any]]:
        rows = [row for row in self.host.contacts() if row["email"] and not row["email"].startswith("long")]
        return self.random.sample(rows, number)

    def _living(self, object_name: str) -> list[str]:
        rows = [row for row in self.org.rows(object_name) if row["Email"] and not row.get("IsConverted")]
        return [row["Id"] for row in self._shuffled(rows)]

    def _shuffled(self, items: Iterable[Any]) -> list[Any]:
        shuffled = list(items)
        self.random.shuffle(shuffled)
        return shuffled
