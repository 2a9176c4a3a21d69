"""A busy hour after the first sync: both sides change, also at once, also in ways that hurt."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

from sidecar.demo.events import make_events
from sidecar.demo.people import Casting
from sidecar.demo.picture import take_picture
from sidecar.demo.sandboxes import Sandboxes

SEED = 4711
EVENTS = 60
NEW_NUMBERS = 5000


@dataclass(frozen=True, slots=True)
class Twins:
    """One person on both sides."""

    contact_id: int
    object: str
    salesforce_id: str


def live_an_hour(sandboxes: Sandboxes) -> None:
    """Let staff and visitors work on both sides. Whom it happens to is the same at every start."""
    Hour(sandboxes, Random(SEED)).live()  # noqa: S311  (invented people need no secrets)


class Hour:
    """What happens, and who is next in line for it: each person is used once."""

    def __init__(self, sandboxes: Sandboxes, random: Random) -> None:
        self.sandboxes, self.host, self.org, self.random = sandboxes, sandboxes.host, sandboxes.org, random
        twins = self._find_twins()
        out = {row["lead_id"] for row in self.host.rows("lead_donotcontact")}
        self.opted_out = iter([each for each in twins if each.contact_id in out])
        leads = [each for each in twins if each.object == "Lead" and each.contact_id not in out]
        self.leads = iter(leads[:20])
        self.others = iter([each for each in twins if each not in leads[:20] and each.contact_id not in out])

    def live(self) -> None:
        """Let everything happen."""
        self._edit()
        self._disagree()
        self._unsubscribe()
        self._merge()
        self._convert_and_delete()
        self._swap_addresses()
        self._newcomers()
        make_events(self.host, self.random, [row["id"] for row in self.host.contacts()], EVENTS)

    def _find_twins(self) -> list[Twins]:
        """Return everybody who is on both sides, by the id Salesforce was given, and shares the address with nobody."""
        picture = take_picture(self.sandboxes)
        found = [
            Twins(contact["id"], person["object"], person["Id"])
            for contact, person in picture.twins
            if contact["email"] and picture.sharing(str(contact["id"]), in_mautic=True) == 1
        ]
        self.random.shuffle(found)
        return found

    def _edit(self) -> None:
        """Edit on one side: values, blanks, several choices."""
        for number, each in enumerate(take(self.others, 30)):
            changes = (
                {"phone": f"+1 555 {number:04}"},
                {"interests": ["Art"]},
                {"interests": None},
                {"score": number / 4},
            )
            self.host.edit_contact(each.contact_id, changes[number % 4])
        for number, each in enumerate(take(self.others, 30)):
            city = "City" if each.object == "Lead" else "MailingCity"
            edits = ({"Title": f"Chief № {number}"}, {city: "Zürich"}, {"Birthday__c": "2000-02-29"}, {"Phone": None})
            self.org.update(each.object, each.salesforce_id, edits[number % 4])

    def _disagree(self) -> None:
        """Edit the same person on both sides: other fields, the same value, and true conflicts."""
        for number, each in enumerate(take(self.others, 9)):
            field, phone = (("mobile", "+49 171 1"), ("phone", "+49 30 123456"), ("phone", "+49 89 0"))[number % 3]
            self.host.edit_contact(each.contact_id, {field: phone})
            self.org.update(each.object, each.salesforce_id, {"Phone": "+49 30 123456"})

    def _unsubscribe(self) -> None:
        for number, each in enumerate(take(self.others, 9)):
            self.host.opt_out(each.contact_id, reason=number % 3 + 1)
        for each in take(self.others, 9):
            self.org.update(each.object, each.salesforce_id, {"HasOptedOutOfEmail": True})

    def _merge(self) -> None:
        """Merge by hand, and by a form in a fresh browser: Mautic forgets the opt-outs of both."""
        for winner, loser in zip(take(self.others, 3), take(self.opted_out, 3), strict=True):
            self.host.merge_contacts(winner.contact_id, loser.contact_id)
        for each in (*take(self.opted_out, 3), *take(self.others, 3)):
            contact = self.host.contact(each.contact_id) or {}
            self.host.submit_form_fresh_browser(contact["email"], {"city": "Malmö"})
        for winner, loser in zip(take(self.leads, 2), take(self.leads, 2), strict=True):
            self.org.merge("Lead", winner.salesforce_id, [loser.salesforce_id])

    def _convert_and_delete(self) -> None:
        for each in take(self.leads, 5):
            self.org.convert_lead(each.salesforce_id)
        for each in take(self.others, 4):
            self.org.delete(each.object, each.salesforce_id)
        for each in take(self.others, 4):
            self.host.delete_contact(each.contact_id)
        gone = [
            row for row in self.org.rows("Lead", include_deleted=True) if row["IsDeleted"] and not row["MasterRecordId"]
        ]
        self.org.undelete("Lead", gone[0]["Id"])

    def _swap_addresses(self) -> None:
        """Let two people swap their e-mail addresses: an address is a value, never who somebody is."""
        pair = take(self.leads, 2)
        addresses = [(self.org.row(each.object, each.salesforce_id) or {})["Email"] for each in pair]
        for each, address in zip(pair, reversed(addresses), strict=True):
            self.org.update(each.object, each.salesforce_id, {"Email": address})

    def _newcomers(self) -> None:
        casting = Casting(self.random, self.org.clock.now(), first_number=NEW_NUMBERS)
        people = [casting.person() for _ in range(24)]
        self.host.create_many([each.as_contact() for each in people[:12]])
        self.org.insert_many("Lead", [each.as_lead() for each in people[12:]])


def take(line: Iterator[Twins], number: int) -> list[Twins]:
    """Return the next in line."""
    return list(islice(line, number))
