"""What every host side promises (`sidecar/sync/ports.py`, `sidecar/hosts/port.py`), as cases that any host can be put to.

A host comes with a control of the acts that people do there. Each case makes people of its own, at a time of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sidecar.hosts.port import HostSide
from sidecar.mapping.rules import Rules
from sidecar.records import Ref, Side
from sidecar.sync.model import ConsentChange, Cursor, Page, Wanted, Window, Write, WriteResult
from tests.world import World

FEED = "contact"
PAGE = 3
CASES: list[Callable[["HostLab"], None]] = []


def case(function: Callable[["HostLab"], None]) -> Callable[["HostLab"], None]:
    """Put a function among the cases."""
    CASES.append(function)
    return function


@dataclass
class HostLab:
    """A host side that reads pages of three, what people do there, and the rules of the shipped mapping."""

    world: World
    side: HostSide
    rules: Rules

    def person(self, name: str, **values) -> Ref:
        """Let somebody be made in the host."""
        made = self.world.host.create_contact({"email": f"{name}@example.org", "lastname": name} | values)
        return Ref("contact", str(made))

    def begin(self) -> datetime:
        """Let an hour pass, so that a window from here on sees nothing of what was."""
        return self.world.later(hours=1)

    def window(self, start: datetime, end: datetime | None = None) -> Window:
        """Return the window up to now, what happens in this very second included."""
        return Window(start, end or max(self.side.now(), self.world.now) + timedelta(seconds=1))

    def pages(self, window: Window) -> Iterator[Page]:
        return iter(list(self.side.read_changes(self.rules, FEED, window)))

    def changed(self, window: Window) -> dict[Ref, object]:
        return {record.ref: record for page in self.pages(window) for record in page.records}

    def write(self, *writes: Write) -> list[WriteResult]:
        return self.side.write(self.rules, writes)

    def read(self, ref: Ref):
        return self.side.read(self.rules, [ref]).get(ref)

    def found(self, **values) -> set[Ref]:
        return {record.ref for record in self.side.find(self.rules, [Wanted(values=values)])[0]}


def edit(ref: Ref, consent: ConsentChange | None = None, **values) -> Write:
    return Write(Side.HOST, "contact", ref, values, consent=consent)


def creation(**values) -> Write:
    return Write(Side.HOST, "contact", None, values)


@case
def the_clock_tells_whole_seconds_and_costs_no_call(lab: HostLab) -> None:
    before = lab.side.calls
    moment = lab.side.now()
    assert (moment.microsecond, moment.utcoffset()) == (0, timedelta(0))
    assert lab.side.calls == before


@case
def a_feed_is_named_for_what_can_be_read_and_nothing_else(lab: HostLab) -> None:
    mapping = lab.rules.mapping
    assert lab.side.feeds(mapping) == (FEED,)
    assert lab.side.feeds(replace(mapping, host_object="nonsense")) == ()
    assert lab.side.describe("nonsense") is None
    schema = lab.side.describe("contact")
    assert schema is not None
    assert {"id", "email", "lastname"} <= schema.fields.keys()
    assert not schema.fields["id"].is_updateable
    assert lab.side.told_by(FEED, lab.window(lab.world.now))


@case
def pages_come_in_order_and_nobody_is_missed_at_one_stamp(lab: HostLab) -> None:
    start = lab.begin()
    made = {lab.person(f"page{number}") for number in range(7)}
    window = lab.window(start)
    pages = list(lab.pages(window))
    assert all(page.records for page in pages)
    assert len(pages) > 1, "the case shows nothing with one page"
    seen = [record.ref for page in pages for record in page.records]
    assert made <= set(seen), "others may be there whom a case before wrote by the database's own clock"
    assert len(seen) == len(set(seen))
    order = [(page.cursor.at, int(page.cursor.id)) for page in pages]
    assert order == sorted(order)
    for number, page in enumerate(pages):
        rest = {record.ref for each in pages[number + 1 :] for record in each.records}
        assert rest <= lab.changed(replace(window, after=page.cursor)).keys(), "a reading that was cut short goes on"
    end = Cursor(pages[-1].cursor.at, pages[-1].cursor.id)
    assert lab.changed(replace(window, after=end)) == {}


@case
def a_window_has_its_start_and_not_its_end(lab: HostLab) -> None:
    start = lab.begin()
    early = lab.person("early")
    end = lab.world.later(minutes=5)
    late = lab.person("late")
    assert early in lab.changed(Window(start, end))
    assert late not in lab.changed(Window(start, end))
    assert late in lab.changed(Window(end, end + timedelta(minutes=1)))


@case
def records_have_the_mappings_fields_as_they_are_now(lab: HostLab) -> None:
    start = lab.begin()
    ref = lab.person("now", phone="1", city="Lyon", interests=["Sport", "Music"], twitter="@now")
    lab.world.host.edit_contact(int(ref.id), {"phone": "2", "city": ""})
    record = lab.changed(lab.window(start))[ref]
    assert (record.values["phone"], record.values["city"]) == ("2", None)
    assert sorted(record.values["interests"]) == ["Music", "Sport"]
    assert "twitter" not in record.values
    assert record.consent is not None
    assert not record.consent.opted_out


@case
def the_deleted_and_the_merged_are_told_and_marked(lab: HostLab) -> None:
    gone, loser, winner = lab.person("gone"), lab.person("loser"), lab.person("winner")
    start = lab.begin()
    lab.world.host.delete_contact(int(gone.id))
    lab.world.host.merge_contacts(int(winner.id), int(loser.id))
    for found in (lab.changed(lab.window(start)), lab.side.read(lab.rules, [gone, loser, winner])):
        assert (found[gone].is_deleted, found[gone].successor) == (True, None)
        assert (found[loser].is_deleted, found[loser].successor) == (False, winner)
        assert (found[winner].is_deleted, found[winner].successor) == (False, None)
    urgent = {each.ref for some in lab.side.read_urgent(lab.rules, {FEED: lab.window(start)}) for each in some}
    assert {gone, loser} <= urgent


@case
def nobody_is_read_by_an_id_that_means_nobody(lab: HostLab) -> None:
    strangers = [Ref("contact", "987654321"), Ref("contact", "no number"), Ref("contact", "1' OR 1=1"), Ref("x", "1")]
    assert all(record.is_deleted for record in lab.side.read(lab.rules, strangers).values())


@case
def who_is_looked_for_is_found_as_the_host_compares(lab: HostLab) -> None:
    ana, twice = lab.person("Find.Ana"), [lab.person("two", lastname=name) for name in ("a", "b")]
    gone, loser, winner = lab.person("f-gone"), lab.person("f-loser"), lab.person("f-winner")
    lab.world.host.delete_contact(int(gone.id))
    lab.world.host.merge_contacts(int(winner.id), int(loser.id))
    assert lab.found(email="find.ANA@example.org") == {ana}
    assert lab.found(email="two@example.org") == set(twice)
    assert gone not in lab.found(email="f-gone@example.org")
    assert loser not in lab.found(email="f-loser@example.org")
    wanted = [
        Wanted(values={"email": "nobody@example.org"}),
        Wanted(external_id=ana.id, values={"email": "two@example.org"}),
        Wanted(external_id="987654321", values={"email": "two@example.org"}),
        Wanted(external_id=loser.id),
        Wanted(external_id=gone.id),
        Wanted(values={"email": "' OR '1'='1"}),
    ]
    found = [{record.ref for record in each} for each in lab.side.find(lab.rules, wanted)]
    assert found == [set(), {ana}, set(twice), {winner}, set(), set()], "by id alone, else by value, each in its place"


@case
def writes_answer_in_order_and_touch_what_is_named(lab: HostLab) -> None:
    ana, bo = lab.person("w-ana", phone="1", city="Lyon"), lab.person("w-bo", phone="1")
    start = lab.begin()
    results = lab.write(
        edit(bo, phone="2"), creation(email="w-new@example.org", lastname="New"), edit(ana, phone=None, position="Boss")
    )
    assert [(result.error, result.was_created) for result in results] == [(None, False), (None, True), (None, False)]
    assert (results[0].ref, results[2].ref) == (bo, ana)
    read = {ref: lab.read(ref).values for ref in (ana, bo, results[1].ref)}
    assert (read[bo]["phone"], read[results[1].ref]["lastname"]) == ("2", "New")
    assert (read[ana]["phone"], read[ana]["position"], read[ana]["city"]) == (None, "Boss", "Lyon")
    assert {ana, bo, results[1].ref} <= lab.changed(lab.window(start)).keys(), "a write moves what tells of changes"


@case
def a_bad_write_fails_itself_alone(lab: HostLab) -> None:
    good, gone = lab.person("b-good"), lab.person("b-gone")
    lab.world.host.delete_contact(int(gone.id))
    results = lab.write(
        edit(gone, phone="1"),
        edit(good, phone="1"),
        creation(lastname=None, email=None),
        creation(email="b-bad@example.org", nonsense="1"),
        Write(Side.HOST, "nonsense", None, {"email": "b-other@example.org"}),
        creation(email="b-last@example.org", lastname="Last"),
    )
    assert [result.error is None for result in results] == [False, True, False, False, False, True]
    assert results[3].error.fields == ("nonsense",)
    assert lab.read(good).values["phone"] == "1"
    assert lab.found(email="b-bad@example.org") == set()
    assert lab.found(email="b-last@example.org") == {results[5].ref}


@case
def an_opt_out_is_set_and_lifted_and_a_bounce_is_not(lab: HostLab) -> None:
    ana, bounced = lab.person("o-ana"), lab.person("o-bounced")
    lab.world.host.opt_out(int(bounced.id), 2)
    assert lab.write(edit(ana, ConsentChange.OPT_OUT))[0].consent_error is None
    assert (lab.read(ana).consent.opted_out, lab.read(ana).consent.reason) == (True, "manual")
    assert lab.write(edit(ana, ConsentChange.OPT_OUT))[0].consent_error is None, "twice is once"
    lifted, refused = lab.write(edit(ana, ConsentChange.LIFT), edit(bounced, ConsentChange.LIFT, phone="9"))
    assert (lifted.consent_error, lab.read(ana).consent.opted_out) == (None, False)
    assert (refused.error, refused.consent_error.code) == (None, "bounce-is-never-lifted")
    assert (lab.read(bounced).consent.reason, lab.read(bounced).values["phone"]) == ("bounced", "9")


@case
def an_opt_out_does_not_wait_for_a_record_that_is_refused(lab: HostLab) -> None:
    ana = lab.person("r-ana")
    result = lab.write(edit(ana, ConsentChange.OPT_OUT, nonsense="1"))[0]
    assert (result.error.fields, result.consent_error) == (("nonsense",), None)
    assert lab.read(ana).consent.opted_out


@case
def evidence_is_dated_by_people_and_never_by_us(lab: HostLab) -> None:
    out, lifted, ours, never = (lab.person(f"e-{name}") for name in ("out", "lifted", "ours", "never"))
    for ref in (lifted, ours):
        lab.world.host.opt_out(int(ref.id))
    at = lab.begin()
    lab.world.host.opt_out(int(out.id))
    lab.world.host.lift_opt_out(int(lifted.id))
    lab.write(edit(ours, ConsentChange.LIFT))
    lab.world.later(hours=1)
    found = lab.side.read_evidence(lab.rules, [out, lifted, ours, never])
    assert [found.get(ref) for ref in (out, lifted, ours, never)] == [at, at, None, None]


@case
def what_is_confirmed_may_be_confirmed_again(lab: HostLab) -> None:
    start = lab.begin()
    ref = lab.person("confirmed")
    page = list(lab.pages(lab.window(start)))[-1]
    for _ in range(2):
        lab.side.confirm(FEED, page.cursor)
        lab.side.confirm(FEED)
    lab.world.host.edit_contact(int(ref.id), {"phone": "3"})
    assert lab.changed(lab.window(start))[ref].values["phone"] == "3", "what changes later is told"


@case
def what_is_counted_and_sampled_is_what_is_there(lab: HostLab) -> None:
    there = lab.person("counted", city="Oslo")
    gone = lab.person("uncounted", city="Rome")
    lab.world.host.delete_contact(int(gone.id))
    everybody, in_scope = lab.side.count(lab.rules)
    assert everybody == in_scope > 0
    filled = lab.side.count_filled(with_email=True)
    assert (filled.records, filled.by_field["email"]) == (everybody, everybody)
    assert lab.side.find_by_email("COUNTED@example.org") == [there]
    assert lab.side.find_by_email("uncounted@example.org") == [], "who is deleted is nobody's answer"
    audience = lab.side.read_audience()
    assert (audience.with_email, audience.everybody >= everybody) == (everybody, True)
    assert lab.side.read_samples("city", 1) == ["Oslo"]
    assert lab.side.find_rival(lab.world.now) is None
    assert lab.side.missing_segments(lab.rules) == ()
