"""The Mautic side against the sandbox Mautic: what is written is read back, and what surprises in Mautic does no harm."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.side import MauticSide, connect
from sidecar.mapping.rules import Rules
from sidecar.records import Consent, Record, Ref, Side
from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.faults import Fault
from sidecar.sandbox.host.profiles import PROFILES
from sidecar.sync.model import ConsentChange, Reaction, Wanted, Window, Write, WriteError, WriteResult
from tests.recorded_mautic import rules_for
from tests.wsgi import WsgiAdapter

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FIELDS = (
    "email",
    "firstname",
    "lastname",
    "company",
    "interests",
    "score",
    "birthday",
    "last_visit",
    "segment_note",
    "rating",
)


class Lab:
    """A sandbox Mautic and our side of it."""

    def __init__(self, database_url: str, table_prefix: str = "") -> None:
        self.host = Host(database_url, clock=HostClock(START), table_prefix=table_prefix)
        client_id, client_secret = self.host.add_oauth_client("sync sidecar")
        self.connection = MauticConnection(
            "http://localhost",
            database_url,
            table_prefix=table_prefix,
            client_id=client_id,
            client_secret=client_secret,
        )
        self.side = self.connect()

    def connect(self, **options: Any) -> MauticSide:
        return connect(
            self.connection,
            cache=MemoryCache(),
            clock=self.host.clock.now,
            adapter=WsgiAdapter(self.host.app),
            **options,
        )

    @property
    def rules(self) -> Rules:
        names = [name for name in (*FIELDS, "deleted_in_salesforce") if name in self.side.reader.schema.fields]
        return rules_for(self.side.reader.schema, *names)

    def write(self, *writes: Write) -> list[WriteResult]:
        return self.side.write(self.rules, writes)

    def read(self, contact_id: int | str) -> Record:
        ref = Ref("contact", str(contact_id))
        return self.side.read(self.rules, [ref])[ref]

    def changed(self, since: datetime) -> dict[str, Record]:
        window = Window(since, self.host.clock.now() + timedelta(seconds=1))
        return {r.ref.id: r for page in self.side.read_changes(self.rules, "contact", window) for r in page.records}

    def contact(self, email: str, **values: Any) -> int:
        return self.host.create_contact({"email": email, **values})

    def close(self) -> None:
        self.side.close()
        self.host.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(f"sqlite:///{tmp_path}/host.sqlite3")
    yield lab
    lab.close()


def create(consent: ConsentChange | None = None, **values: Any) -> Write:
    return Write(Side.HOST, "contact", values=values, consent=consent)


def edit(contact_id: int, consent: ConsentChange | None = None, **values: Any) -> Write:
    return Write(Side.HOST, "contact", Ref("contact", str(contact_id)), values, consent=consent)


# -- what is written is read back ------------------------------------------------------------------------------------

VALUES = {
    "email": "zoë@example.com",
    "firstname": "👩‍🚀 Zoë",
    "lastname": 'O\'Neill & "Söhne"',
    "interests": ("Music", "Art"),
    "score": Decimal("12.50"),
    "birthday": date(1980, 2, 29),
    "last_visit": datetime(2026, 3, 4, 15, 6, tzinfo=UTC),
    "segment_note": "Line 1\nLine 2",
    "rating": "Hot",
    "deleted_in_salesforce": True,
}


def test_every_kind_of_value_comes_back_as_it_was_sent(lab: Lab) -> None:
    [result] = lab.write(create(**VALUES))
    assert result.error is None
    assert result.was_created
    read = lab.read(result.ref.id).values
    assert {name: read[name] for name in VALUES} == VALUES


def test_an_edit_touches_only_what_it_names(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com", firstname="Ann", lastname="Bee")
    assert lab.write(edit(contact_id, firstname="Anna")) == [WriteResult(Ref("contact", str(contact_id)))]
    read = lab.read(contact_id).values
    assert (read["firstname"], read["lastname"], read["email"]) == ("Anna", "Bee", "a@example.com")


@pytest.mark.parametrize(
    "name", ["firstname", "interests", "score", "birthday", "last_visit", "segment_note", "rating"]
)
def test_every_kind_of_value_can_be_blanked_and_nothing_else_is(lab: Lab, name: str) -> None:
    [created] = lab.write(create(**VALUES))
    assert lab.write(edit(int(created.ref.id), **{name: None}))[0].error is None
    read = lab.read(created.ref.id).values
    assert {each: read[each] for each in VALUES} == {**VALUES, name: None}


def test_a_mark_can_be_set_and_cleared(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com")
    for marked in (True, False, True):
        lab.write(edit(contact_id, deleted_in_salesforce=marked))
        assert lab.read(contact_id).values["deleted_in_salesforce"] is marked


def test_seconds_that_mautic_cuts_do_not_count_as_a_change(lab: Lab) -> None:
    contact_id, sent = lab.contact("a@example.com"), datetime(2026, 3, 4, 15, 6, 59, tzinfo=UTC)
    lab.write(edit(contact_id, last_visit=sent))
    info, fingerprint = lab.side.describe("contact").fields["last_visit"], lab.rules.fingerprint
    assert fingerprint.of(lab.read(contact_id).values["last_visit"], info) == fingerprint.of(sent, info)


def test_hundreds_of_contacts_are_written_in_a_few_calls(lab: Lab) -> None:
    results = lab.write(*(create(email=f"p{each}@example.com", firstname=f"P{each}") for each in range(450)))
    assert len({result.ref.id for result in results}) == 450
    changes = [edit(int(result.ref.id), firstname=f"Q{each}") for each, result in enumerate(results)]
    before = lab.side.calls
    assert all(result.error is None for result in lab.write(*changes))
    assert lab.side.calls - before <= 6
    read = lab.side.read(lab.rules, [result.ref for result in results])
    assert [read[result.ref].values["firstname"] for result in results] == [f"Q{each}" for each in range(450)]


def test_one_bad_item_fails_only_itself_wherever_it_stands(lab: Lab) -> None:
    for place in range(5):
        writes = [create(email=f"{place}.{each}@example.com") for each in range(5)]
        writes[place] = create(email="no address")
        results = lab.write(*writes)
        assert [index for index, result in enumerate(results) if result.error] == [place]
        assert results[place].error == WriteError("mautic-field-refused", Reaction.DATA, ("email",))
        read = [lab.read(result.ref.id).values["email"] for result in results if result.ref]
        assert read == [write.values["email"] for index, write in enumerate(writes) if index != place]


def test_two_people_can_swap_their_addresses(lab: Lab) -> None:
    one, two = lab.contact("one@example.com"), lab.contact("two@example.com")
    assert [r.error for r in lab.write(edit(one, email="two@example.com"), edit(two, email="one@example.com"))] == [
        None,
        None,
    ]
    assert (lab.read(one).values["email"], lab.read(two).values["email"]) == ("two@example.com", "one@example.com")


def test_a_lost_answer_leaves_everything_to_be_looked_at_again(lab: Lab) -> None:
    lab.side.client.require_known_version()
    lab.host.faults.add(Fault(match="batch/new", kind="reset_after"))
    [result] = lab.write(create(email="a@example.com"))
    assert result.error == WriteError("mautic-unreachable", Reaction.RETRY)
    [again] = lab.write(create(email="a@example.com"))
    assert (again.error, again.was_created) == (None, False)
    assert len(lab.host.contacts()) == 1


def test_an_expired_token_is_renewed_in_passing(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com")
    lab.write(edit(contact_id, firstname="A"))
    lab.host.clock.advance(hours=2)
    assert lab.write(edit(contact_id, firstname="B"))[0].error is None


def test_a_mautic_of_tomorrow_is_refused_untouched(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com", firstname="A")
    lab.host.profile = replace(lab.host.profile, version="8.0.0")
    with pytest.raises(SetupError) as caught:
        lab.write(edit(contact_id, firstname="B"))
    assert caught.value.code == "mautic-version-unknown"
    assert lab.read(contact_id).values["firstname"] == "A"


# -- what changed ----------------------------------------------------------------------------------------------------


def test_the_feed_shows_what_people_do(lab: Lab) -> None:
    edited, deleted, opted_out, quiet = (lab.contact(f"{name}@example.com") for name in ("e", "d", "o", "q"))
    lab.host.clock.advance(hours=1)
    since = lab.host.clock.now()
    new = lab.contact("new@example.com")
    lab.host.edit_contact(edited, {"firstname": "E"})
    lab.host.delete_contact(deleted)
    lab.host.opt_out(opted_out)
    found = lab.changed(since)
    assert found.keys() == {str(each) for each in (new, edited, deleted, opted_out)}
    assert str(quiet) not in found
    assert found[str(edited)].values["firstname"] == "E"
    assert found[str(deleted)].is_deleted
    assert found[str(opted_out)].consent == Consent(True, "unsubscribed", since)


def test_our_own_write_shows_in_the_feed_as_it_was_written(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com")
    lab.host.clock.advance(hours=1)
    since = lab.host.clock.now()
    lab.write(edit(contact_id, firstname="A"))
    assert lab.changed(since)[str(contact_id)].values["firstname"] == "A"


def test_a_change_committed_late_is_seen_by_an_overlapping_window(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com")
    lab.host.clock.advance(hours=1)
    stamped = lab.host.clock.now()
    with lab.host.late_commit() as late:
        lab.host.edit_contact(contact_id, {"firstname": "Late"})
        lab.host.clock.advance(minutes=10)
        assert lab.changed(stamped) == {}
    late.commit()
    assert lab.changed(lab.host.clock.now() - timedelta(minutes=20))[str(contact_id)].values["firstname"] == "Late"


def test_contacts_are_found_by_id_then_address(lab: Lab) -> None:
    one, two = lab.contact("one@example.com"), lab.contact("two@example.com")
    wanted = [Wanted(str(one), {"email": "two@example.com"}), Wanted(None, {"email": "TWO@example.com"}), Wanted("77")]
    found = lab.side.find(lab.rules, wanted)
    assert [[record.ref.id for record in records] for records in found] == [[str(one)], [str(two)], []]


@pytest.mark.parametrize("prefix", ["", "mtc_"])
def test_it_is_the_same_on_mariadb_and_under_a_prefix(new_mariadb_database: Any, prefix: str) -> None:
    lab = Lab(new_mariadb_database(), prefix)
    try:
        [created] = lab.write(create(ConsentChange.OPT_OUT, **VALUES))
        record = lab.changed(START - timedelta(hours=1))[created.ref.id]
        assert {name: record.values[name] for name in VALUES} == VALUES
        assert record.consent == Consent(True, "manual", START)
    finally:
        lab.close()


# -- opt-outs --------------------------------------------------------------------------------------------------------


def evidence(lab: Lab, contact_id: int) -> datetime | None:
    ref = Ref("contact", str(contact_id))
    return lab.side.read_evidence(lab.rules, [ref])[ref]


def test_an_opt_out_from_salesforce_is_manual_and_can_be_lifted(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com")
    assert lab.write(edit(contact_id, ConsentChange.OPT_OUT))[0] == WriteResult(Ref("contact", str(contact_id)))
    assert lab.read(contact_id).consent == Consent(True, "manual", START)
    assert [row["comments"] for row in lab.host.dnc(contact_id)] == ["Set by Salesforce"]
    lab.write(edit(contact_id, ConsentChange.LIFT))
    assert lab.read(contact_id).consent == Consent(opted_out=False)


@pytest.mark.parametrize(("reason", "name"), [(1, "unsubscribed"), (2, "bounced")])
def test_a_persons_own_opt_out_keeps_its_reason(lab: Lab, reason: int, name: str) -> None:
    contact_id = lab.contact("a@example.com")
    lab.host.opt_out(contact_id, reason)
    lab.write(edit(contact_id, ConsentChange.OPT_OUT))
    assert lab.read(contact_id).consent.reason == name


def test_a_bounce_is_never_lifted(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com")
    lab.host.opt_out(contact_id, 2)
    [result] = lab.write(edit(contact_id, ConsentChange.LIFT, firstname="A"))
    assert (result.error, result.consent_error) == (None, WriteError("bounce-is-never-lifted", Reaction.PERSON))
    assert lab.read(contact_id).consent.reason == "bounced"


def test_a_persons_lift_is_dated_evidence_but_ours_is_none(lab: Lab) -> None:
    by_hand, by_us = lab.contact("a@example.com"), lab.contact("b@example.com")
    lab.host.opt_out(by_hand)
    lab.host.opt_out(by_us)
    at = lab.host.clock.advance(hours=1)
    lab.host.lift_opt_out(by_hand)
    lab.write(edit(by_us, ConsentChange.LIFT))
    assert (evidence(lab, by_hand), evidence(lab, by_us)) == (at, None)


def test_an_opt_out_that_vanished_proves_nothing(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com")
    lab.host.opt_out(contact_id)
    lab.host.lose_opt_out(contact_id)
    assert lab.read(contact_id).consent == Consent(opted_out=False)
    assert evidence(lab, contact_id) is None


# -- the ten that surprise -------------------------------------------------------------------------------------------


def test_surprise_1_a_form_in_a_fresh_browser_is_a_merge_with_a_lost_opt_out(lab: Lab) -> None:
    old = lab.contact("known@example.com")
    lab.host.opt_out(old)
    lab.host.clock.advance(hours=1)
    since = lab.host.clock.now()
    new = lab.host.submit_form_fresh_browser("known@example.com")
    found = lab.changed(since)
    assert (found[str(old)].successor, found[str(old)].is_deleted) == (Ref("contact", str(new)), False)
    assert found[str(new)].consent == Consent(opted_out=False)
    assert evidence(lab, new) is None


def test_surprise_2_no_write_for_a_merged_id_reaches_the_survivor(lab: Lab) -> None:
    survivor, gone = lab.contact("s@example.com", firstname="S"), lab.contact("g@example.com")
    lab.host.merge_contacts(survivor, gone)
    before = lab.host.contact(survivor)
    results = lab.write(edit(gone, ConsentChange.OPT_OUT, firstname="X"))
    assert results == [WriteResult(error=WriteError("mautic-contact-gone", Reaction.RETRY))]
    assert lab.host.contact(survivor) == before
    assert lab.host.dnc(survivor) == []


def test_surprise_3_no_edit_ever_lands_on_a_neighbour(lab: Lab) -> None:
    ids = [lab.contact(f"{each}@example.com") for each in range(6)]
    lab.host.delete_contact(ids[2])
    writes = [edit(each, firstname=f"for {each}") for each in (*ids, ids[4])]
    results = lab.write(*writes)
    assert [place for place, result in enumerate(results) if result.error] == [2, 6]
    assert all(row["firstname"] == f"for {row['id']}" for row in lab.host.contacts())
    assert len(lab.host.contacts()) == 5


def test_surprise_4_changes_are_seen_though_date_modified_stands_still(lab: Lab) -> None:
    lab.host.profile = PROFILES["6.0"]
    contact_id = lab.contact("a@example.com")
    at = lab.host.clock.advance(hours=1)
    lab.host.edit_contact(contact_id, {"firstname": "B"})
    found = lab.changed(at)
    assert found[str(contact_id)].modified_at == at


def test_surprise_5_deletions_and_merges_come_from_the_log(lab: Lab) -> None:
    survivor, gone, deleted = (lab.contact(f"{each}@example.com") for each in "sgd")
    at = lab.host.clock.advance(hours=1)
    lab.host.merge_contacts(survivor, gone)
    lab.host.delete_contact(deleted)
    found = lab.changed(at)
    assert found[str(gone)].successor == Ref("contact", str(survivor))
    assert found[str(deleted)].is_deleted
    assert str(survivor) in found


def test_surprise_6_a_token_is_asked_for_once(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com")
    for each in range(5):
        lab.write(edit(contact_id, firstname=f"N{each}"))
    assert [path for _, path in lab.host.requests].count("/oauth/v2/token") == 1


def test_surprise_8_a_write_that_would_fail_silently_is_refused_aloud(lab: Lab) -> None:
    contact_id = lab.contact("a@example.com", score=7, firstname="A")
    results = lab.write(edit(contact_id, score=Decimal("0.25"), firstname="5 < 6 > 4"))
    assert results[0].error.fields == ("score", "firstname")
    assert lab.read(contact_id).values["score"] == Decimal(7)


def test_surprise_9_one_address_never_becomes_two_contacts(lab: Lab) -> None:
    writes = [create(email=("a@example.com", " A@EXAMPLE.com", "A@example.com")[each % 3]) for each in range(12)]
    results = lab.write(*writes)
    assert len(lab.host.contacts()) == 1
    assert len({result.ref for result in results}) == 1
    assert [result.was_created for result in results] == [True, *[False] * 11]


def test_surprise_10_pages_do_not_drift_while_contacts_are_active(lab: Lab) -> None:
    ids = lab.host.create_many([{"email": f"{each}@example.com"} for each in range(50)])
    side, seen = lab.connect(page_size=7), []
    window = Window(START - timedelta(hours=1), START + timedelta(seconds=1))
    for page in side.read_changes(lab.rules, "contact", window):
        seen += [int(record.ref.id) for record in page.records]
        lab.host.clock.advance(minutes=1)
        lab.host.edit_contact(ids[0], {"firstname": f"Active {len(seen)}"})
    side.close()
    assert seen == ids
