"""Anything may happen on both sides, anything may break on the way: afterwards both sides agree, or the ledger says why.

Random people are created, edited, opted out, merged, converted and deleted; connections drop before and after the commit,
servers fail, sessions expire, rows are locked, limits are reached, and workers are killed between any two steps. Then all is
quiet for a while, and five promises are checked: nothing more to write, no duplicates, no lost opt-out, every difference
explained, no write that goes on for ever.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import select

from sidecar.lanes import open_preview
from sidecar.records import Ref, Side
from sidecar.sandbox.host.faults import Fault as HostFault
from sidecar.sandbox.org.faults import Fault as OrgFault
from sidecar.store.history import History, OutcomeFilter
from sidecar.sync.explain import explain
from sidecar.sync.model import FieldOutcome, LinkState, Status
from tests.world import make_world

EMAILS = st.sampled_from(["ana@example.org", "Bo@Example.org", "cy@example.org", "dé@example.org", None])
TEXTS = st.sampled_from(["1", "22", "  padded ", "Zoë 😀", "0", None])
CONTACT_FIELDS = st.sampled_from(["phone", "firstname", "city", "position"])
PERSON_FIELDS = st.sampled_from(["Phone", "FirstName", "Title"])
PICK = st.integers(min_value=0, max_value=50)
API_USER = "api"


class Killed(BaseException):
    """The worker is gone: nothing more is done, not even tidying up."""


class Guillotine:
    """Kills the worker at its n-th step: a call to one of the sides, or a transaction of its own."""

    def __init__(self, world):
        self.world = world
        self.steps_left = None
        for adapter in world.adapters.values():
            adapter.send = self._guarded(adapter.send)
        self._write = type(world.app.database).write

    def _guarded(self, act):
        def guarded(*args, **kwargs):
            self.step()
            answer = act(*args, **kwargs)
            self.step()
            return answer

        return guarded

    def step(self):
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left <= 0:
                raise Killed


class TwoSystems(RuleBasedStateMachine):
    """One sidecar between one Mautic and one org, and people who do as they like."""

    def __init__(self):
        super().__init__()
        self.world = make_world()
        self.guillotine = Guillotine(self.world)
        database = self.world.app.database
        plain_write, guillotine = database.write, self.guillotine

        def write():
            guillotine.step()
            return plain_write()

        database.write = write
        self.contacts: list[int] = []
        self.people: list[Ref] = []
        self.deleted_people: list[Ref] = []
        self.opted_out_links: set[int] = set()
        self.lifted: set[Ref] = set()

    # -- people --

    def _contact(self, number):
        living = [each for each in self.contacts if self.world.host.contact(each)]
        return living[number % len(living)] if living else None

    def _person(self, number, *objects):
        living = []
        for ref in self.people:
            row = self.world.org.row(ref.object, ref.id)
            if (
                row
                and not row["IsDeleted"]
                and not row.get("IsConverted")
                and ref.object in (objects or ("Lead", "Contact"))
            ):
                living.append(ref)
        return living[number % len(living)] if living else None

    @rule(email=EMAILS, phone=TEXTS)
    def create_contact(self, email, phone):
        self.contacts.append(self.world.host.create_contact({"email": email, "phone": phone, "lastname": "Lab"}))

    @rule(email=EMAILS, phone=TEXTS, opted_out=st.booleans())
    def create_lead(self, email, phone, opted_out):
        values = {"LastName": "Org", "Company": "Acme", "Email": email, "Phone": phone, "HasOptedOutOfEmail": opted_out}
        self.people.append(Ref("Lead", self.world.org.insert("Lead", values)))

    @rule(email=EMAILS, phone=TEXTS)
    def create_salesforce_contact(self, email, phone):
        values = {"LastName": "Org", "Email": email, "Phone": phone}
        self.people.append(Ref("Contact", self.world.org.insert("Contact", values)))

    @rule(number=PICK, field=CONTACT_FIELDS, value=TEXTS)
    def edit_contact(self, number, field, value):
        if contact := self._contact(number):
            self.world.host.edit_contact(contact, {field: value})

    @rule(number=PICK, field=PERSON_FIELDS, value=TEXTS)
    def edit_person(self, number, field, value):
        if ref := self._person(number):
            self.world.org.update(ref.object, ref.id, {field: value})

    @rule(number=PICK, email=EMAILS)
    def change_email_in_salesforce(self, number, email):
        if ref := self._person(number):
            self.world.org.update(ref.object, ref.id, {"Email": email})

    @rule(number=PICK, reason=st.sampled_from([1, 2, 3]))
    def opt_out_in_host(self, number, reason):
        if contact := self._contact(number):
            self.world.host.opt_out(contact, reason)

    @rule(number=PICK)
    def opt_out_in_salesforce(self, number):
        if ref := self._person(number):
            self.world.org.update(ref.object, ref.id, {"HasOptedOutOfEmail": True})

    @rule(number=PICK)
    def lift_in_host(self, number):
        if (contact := self._contact(number)) and self.world.is_opted_out(contact):
            self.world.host.lift_opt_out(contact)
            self.lifted.add(Ref("contact", str(contact)))

    @rule(number=PICK)
    def lose_opt_out_in_host(self, number):
        if (contact := self._contact(number)) and self.world.is_opted_out(contact):
            self.world.host.lose_opt_out(contact)
            self.world.host.edit_contact(
                contact, {"city": f"City {number}"}
            )  # Mautic loses them while it changes a contact

    @rule(number=PICK)
    def merge_contacts(self, number):
        winner, loser = self._contact(number), self._contact(number + 1)
        if winner and loser and winner != loser:
            self.world.host.merge_contacts(winner, loser)

    @rule(email=EMAILS.filter(bool))
    def submit_form_from_a_fresh_browser(self, email):
        self.contacts.append(self.world.host.submit_form_fresh_browser(email, {"phone": "form"}))

    @rule(number=PICK, name=st.sampled_from(["Lead", "Contact"]))
    def merge_people(self, number, name):
        winner, loser = self._person(number, name), self._person(number + 1, name)
        if winner and loser and winner != loser:
            self.world.org.merge(name, winner.id, [loser.id])

    @rule(number=PICK)
    def convert_lead(self, number):
        if ref := self._person(number, "Lead"):
            self.people.append(Ref("Contact", self.world.org.convert_lead(ref.id)))

    @rule(number=PICK)
    def delete_contact(self, number):
        if contact := self._contact(number):
            self.world.host.delete_contact(contact)

    @rule(number=PICK)
    def delete_person(self, number):
        if ref := self._person(number):
            self.world.org.delete(ref.object, ref.id)
            self.deleted_people.append(ref)

    @precondition(lambda self: self.deleted_people)
    @rule()
    def undelete_person(self):
        ref = self.deleted_people.pop()
        self.world.org.undelete(ref.object, ref.id)

    # -- trouble --

    @rule(
        kind=st.sampled_from(["reset_before", "reset_after", "timeout", "timeout_after", "status", "limit"]),
        status=st.sampled_from([500, 503, 401]),
        match=st.sampled_from(["", "/composite", "/query"]),
    )
    def break_org(self, kind, status, match):
        self.world.org.faults.add(OrgFault(match=match, kind=kind, status=status))

    @rule(row=st.integers(0, 3), code=st.sampled_from(["UNABLE_TO_LOCK_ROW", "FIELD_CUSTOM_VALIDATION_EXCEPTION"]))
    def refuse_a_row_in_org(self, row, code):
        self.world.org.faults.add(OrgFault(match="/composite", kind="row_error", row=row, code=code))

    @rule(
        kind=st.sampled_from(["reset_before", "reset_after", "timeout", "timeout_after", "status"]),
        status=st.sampled_from([500, 503, 401]),
    )
    def break_host(self, kind, status):
        self.world.host.faults.add(HostFault(kind=kind, status=status))

    @rule(step=st.integers(1, 60))
    def kill_the_worker(self, step):
        self.guillotine.steps_left = step
        try:
            self._run()
        except Killed:
            self.world.later(minutes=10)  # its lease runs out
        finally:
            self.guillotine.steps_left = None

    # -- the sidecar --

    @rule()
    def hourly_run(self):
        self.world.later(minutes=57)
        self._run()

    def _run(self, **options):
        report = self.world.sync(**options)
        for link in self._links():
            if link.opted_out and link.state is LinkState.ACTIVE:
                self.opted_out_links.add(link.id)
        return report

    def _links(self):
        from sidecar.store.links import load_links
        from sidecar.store.tables import links

        with self.world.app.database.read() as connection:
            rows = connection.execute(select(links.c.host_object, links.c.host_id)).all()
            refs = [Ref(*row) for row in rows]
            return list(load_links(connection, self.world.instance.id, Side.HOST, refs).values())

    # -- the promises --

    def teardown(self):
        self.world.org.faults.clear()
        self.world.host.faults.clear()
        for _ in range(4):
            self.world.later(hours=7)
            last = self._run(is_confirmed=True)
        try:
            assert last.error is None, last
            assert self.world.written(last) == 0, f"still writing: {last}"
            self.check_every_difference_is_explained()
            self.check_no_duplicates()
            self.check_no_lost_opt_out()
        finally:
            self.world.close()

    def check_every_difference_is_explained(self):
        """Nothing is left to write, but for what was refused and waits for somebody, or for the next try."""
        with open_preview(self.world.app, self.world.instance, "people") as lane:
            for link in self._links():
                if link.state is not LinkState.ACTIVE or self._waits(link):
                    continue
                record = lane.sides[Side.HOST].read(lane.rules, [link.host])[link.host]
                story = explain(lane, Side.HOST, record)
                refused = self._refused(link)
                for field in story.fields:
                    assert field.outcome is not FieldOutcome.WRITE or field.name in refused, (link, field)
                    assert field.outcome is FieldOutcome.AGREED or field.reason, (link, field)

    def _waits(self, link):
        """Tell whether the last word of the ledger about a link is that it waits for a next try, for data or for somebody."""
        history = History(self.world.app.database, self.world.app.cipher)
        last = [
            row
            for side in Side
            for row in history.outcomes(self.world.instance.id, OutcomeFilter(side=side, ref=link.end(side)), limit=1)
        ]
        return any(row.status in (Status.REJECTED, Status.HELD, Status.DEFERRED, Status.FAILED) for row in last)

    def _refused(self, link):
        """Return the fields that the ledger last told to be held back for this link."""
        history = History(self.world.app.database, self.world.app.cipher)
        told = {}
        for row in history.outcomes(self.world.instance.id, OutcomeFilter(side=Side.HOST, ref=link.host), limit=100):
            for field in row.fields:
                told.setdefault(field["name"], field["outcome"])
        return {name for name, outcome in told.items() if outcome == FieldOutcome.HELD}

    def check_no_duplicates(self):
        """Every record the sidecar made belongs to a link, or to a person who was merged or deleted since."""
        world = self.world
        linked = {end for link in self._links() for end in (link.host, link.salesforce)}
        for name in ("Lead", "Contact"):
            for row in world.org.rows(name):
                is_ours = row["CreatedById"] == world.org.user_ids["api"] and not row.get("IsConverted")
                if is_ours:
                    assert Ref(name, row["Id"]) in linked or self._was_retired(name, row["Id"]), (
                        f"orphan {name} {row['Id']}"
                    )
        for row in world.host.contacts():
            if row["created_by_user"] == "Sidecar [1]":
                assert Ref("contact", str(row["id"])) in linked or self._was_retired("contact", str(row["id"])), (
                    f"orphan contact {row['id']}"
                )

    def _was_retired(self, name, record_id):
        from sidecar.store.tables import tombstones

        chosen = select(tombstones.c.id).where(tombstones.c.object == name, tombstones.c.record_id == record_id)
        with self.world.app.database.read() as connection:
            return connection.execute(chosen).first() is not None

    def check_no_lost_opt_out(self):
        for link in self._links():
            if link.state is not LinkState.ACTIVE:
                continue
            host_out = self.world.is_opted_out(link.host.id)
            salesforce_out = self.world.org.row(link.salesforce.object, link.salesforce.id)["HasOptedOutOfEmail"]
            assert host_out == salesforce_out, link
            assert host_out or link.id not in self.opted_out_links, f"lost opt-out {link}"


EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "500"))
"""How many random lives are lived in all; `make soak` lives more."""

SETTINGS = settings(
    max_examples=EXAMPLES // 2,
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    derandomize="TEST_EXAMPLES"
    not in os.environ,  # the suite lives the same lives each time; `make soak` lives new ones
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


class OneHalf(TwoSystems):
    """Half of the lives, so that two processors can share them."""


class OtherHalf(TwoSystems):
    """The other half."""


TestOneHalf, TestOtherHalf = OneHalf.TestCase, OtherHalf.TestCase
TestOneHalf.settings = TestOtherHalf.settings = SETTINGS
pytestmark = pytest.mark.timeout(3600)
