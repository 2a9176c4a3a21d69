"""Writing contacts through a REST API that is easily misled: each trap by its recorded answer."""

import json
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError
from sidecar.hosts.mautic.bundle import Bundle
from sidecar.hosts.mautic.client import MauticClient
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.reader import Wish
from sidecar.hosts.mautic.schema import VIRTUAL, ContactFields
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.writer import ContactWriter
from sidecar.records import NOTHING, Consent, FieldInfo, FieldType, ObjectSchema, Record, Ref, Side
from sidecar.sync.model import ConsentChange, Reaction, Write, WriteError, WriteResult
from tests.recorded_mautic import ScriptedMautic, playback, recorded

NEW, EDIT = "/api/contacts/batch/new", "/api/contacts/batch/edit"
TYPES = {
    "email": FieldType.EMAIL,
    "score": FieldType.NUMBER,
    "interests": FieldType.MULTI_PICKLIST,
    "gone": FieldType.BOOLEAN,
}
PAUSES: list[float] = []
"""How long the writer waited, in all tests."""
NAMES = ("email", "firstname", "tier", "score", "interests", "gone")


class SlowMautic(ScriptedMautic):
    """Answers several callers at the same time."""

    def _answer(self, path: str, request: requests.PreparedRequest) -> tuple[Any, ...]:
        reply = self.replies.get(path, [None])[0]
        if not callable(reply):
            return super()._answer(path, request)
        self._lock.release()
        try:
            return reply(json.loads(request.body or ""))
        finally:
            self._lock.acquire()


class FakeReader:
    """Mautic's database as far as the writer looks at it."""

    def __init__(self, living: Iterable[int] = range(1, 1000), opt_outs: dict[int, Consent] | None = None) -> None:
        self.living = set(living)
        self.opt_outs = opt_outs or {}
        self.emails: dict[str, int] = {}
        infos = [*VIRTUAL, *(FieldInfo(name, name, TYPES.get(name, FieldType.TEXT)) for name in NAMES)]
        schema = ObjectSchema("contact", {info.name: info for info in infos})
        self.fields = ContactFields(schema, dict.fromkeys(NAMES, "text"), frozenset({"email"}))

    def read_existing(self, ids: Iterable[int]) -> set[int]:
        return set(ids) & self.living

    def read_opt_outs(self, ids: Iterable[int]) -> dict[int, Consent]:
        return {each: self.opt_outs[each] for each in ids if each in self.opt_outs}

    def find(self, wish: Wish, name: str, texts: Iterable[str]) -> dict[int, Record]:
        found = {self.emails[text]: text for text in texts if text in self.emails}
        return {each: Record(Ref("contact", str(each)), {name: text}) for each, text in found.items()}


def write(
    mautic: ScriptedMautic, *writes: Write, reader: FakeReader | None = None, parallel: int = 1
) -> list[WriteResult]:
    connection = MauticConnection("https://mautic.example", "sqlite://", client_id="1_a", client_secret="b")
    client = MauticClient(
        connection, cache=MemoryCache(), clock=lambda: datetime(2026, 11, 21, tzinfo=UTC), adapter=mautic
    )
    bundle = Bundle(client, create_engine("sqlite://"), Tables())
    fake: Any = reader or FakeReader()
    writer = ContactWriter(client, fake, bundle, parallel=parallel, sleep=PAUSES.append)
    return writer.write(writes)


def create(consent: ConsentChange | None = None, **values: Any) -> Write:
    return Write(Side.HOST, "contact", values=values, consent=consent)


def edit(contact_id: int, consent: ConsentChange | None = None, **values: Any) -> Write:
    return Write(Side.HOST, "contact", Ref("contact", str(contact_id)), values or NOTHING, consent=consent)


def echo(body: list[dict[str, Any]]) -> tuple[int, Any]:
    """Answer a batch as if all went well; a new contact gets its place + 1 as id."""
    contacts = {str(place): {"id": item.get("id", place + 1)} for place, item in enumerate(body)}
    return 200, {"contacts": contacts, "statusCodes": [200 if "id" in item else 201 for item in body]}


def dnc(body: Any) -> tuple[int, Any]:
    return 200, {"contact": {"id": 7}}


# -- creations -------------------------------------------------------------------------------------------------------


def test_a_batch_of_creations_tells_each_ones_fate() -> None:
    sent = [
        {name: value for name, value in item.items() if name in NAMES}
        for item in recorded("contacts_batch_new_mixed_errors")["request"]["body"]
    ]
    status, body = playback("contacts_batch_new_mixed_errors")
    kept = [0, 1, 2, 4, 5]  # the fourth repeats an address and would go by itself
    answer = {
        "contacts": {
            str(new): body["contacts"][str(old)] for new, old in enumerate(kept) if str(old) in body["contacts"]
        },
        "errors": {str(new): body["errors"][str(old)] for new, old in enumerate(kept) if str(old) in body["errors"]},
        "statusCodes": [body["statusCodes"][old] for old in kept],
    }
    results = write(ScriptedMautic({NEW: [(status, answer)]}), *(create(**sent[place]) for place in kept))
    refused = [WriteError("mautic-field-refused", Reaction.DATA, (name,)) for name in ("email", "tier", "firstname")]
    assert results == [
        WriteResult(Ref("contact", "315"), was_created=True),
        *(WriteResult(error=error) for error in refused),
        WriteResult(Ref("contact", "316"), was_created=True),
    ]


def test_a_contact_that_was_there_already_is_returned_but_not_as_created() -> None:
    answer = (201, {"contacts": [{"id": 44}], "statusCodes": [200]})
    assert write(ScriptedMautic({NEW: [answer]}), create(email="a@x.example")) == [WriteResult(Ref("contact", "44"))]


def test_the_same_address_is_never_in_two_open_requests() -> None:
    mautic = ScriptedMautic({NEW: [echo]})
    write(mautic, create(email="a@x.example"), create(email="b@x.example"), create(email="A@x.example "), parallel=4)
    assert [[item["email"] for item in body] for body in mautic.bodies(NEW)] == [
        ["a@x.example", "b@x.example"],
        ["A@x.example "],
    ]


def test_a_creation_leaves_blanks_out() -> None:
    mautic = ScriptedMautic({NEW: [echo]})
    write(mautic, create(email="a@x.example", firstname=None))
    assert mautic.bodies(NEW) == [[{"email": "a@x.example"}]]


# -- edits -----------------------------------------------------------------------------------------------------------


def test_every_item_of_an_edit_has_its_id_and_each_id_once() -> None:
    mautic = ScriptedMautic({EDIT: [echo]})
    results = write(mautic, edit(5, firstname="A"), edit(5, firstname="B"), edit(6, firstname="C"))
    assert [item["id"] for body in mautic.bodies(EDIT) for item in body] == [5, 6]
    assert results[1].error == WriteError("mautic-written-twice", Reaction.RETRY)


def test_a_gone_contact_is_not_sent() -> None:
    mautic = ScriptedMautic({EDIT: [echo]})
    results = write(mautic, edit(5, firstname="A"), edit(6, firstname="B"), reader=FakeReader(living={6}))
    assert mautic.bodies(EDIT) == [[{"id": 6, "firstname": "B"}]]
    assert results == [
        WriteResult(error=WriteError("mautic-contact-gone", Reaction.RETRY)),
        WriteResult(Ref("contact", "6")),
    ]


def test_an_answer_about_another_contact_is_no_success() -> None:
    """What Mautic 7 does with an id that was merged while the batch was on its way."""
    mautic = ScriptedMautic({EDIT: [(200, {"contacts": [{"id": 9}], "statusCodes": [200]})]})
    assert write(mautic, edit(5, firstname="A"))[0].error == WriteError(
        "mautic-answered-for-another-contact", Reaction.RETRY
    )


def test_a_gap_in_the_answer_does_not_shift_the_rest() -> None:
    mautic = ScriptedMautic({EDIT: [playback("batchedit_case_A_unknown_id")]})
    reader = FakeReader(living={519, 99999999, 520})
    results = write(
        mautic, edit(519, firstname="n0"), edit(99999999, firstname="nX"), edit(520, firstname="n1"), reader=reader
    )
    assert [result.ref and result.ref.id for result in results] == ["519", None, "520"]
    assert results[1].error == WriteError("mautic-contact-gone", Reaction.RETRY)


def test_a_refused_item_that_shows_in_the_answer_is_still_refused() -> None:
    mautic = ScriptedMautic({EDIT: [playback("batchedit_case_E_invalid_then_valid")]})
    results = write(mautic, edit(540, email="broken"), edit(541, firstname="n1"))
    assert results == [
        WriteResult(error=WriteError("mautic-field-refused", Reaction.DATA, ("email",))),
        WriteResult(Ref("contact", "541")),
    ]


def test_an_address_somebody_else_has_names_the_field() -> None:
    mautic = ScriptedMautic({EDIT: [playback("batchedit_case_G_swap_emails")]})
    results = write(mautic, edit(548, email="be2G1@example.com"), edit(549, firstname="n1"))
    assert results[0].error == WriteError("mautic-value-not-unique", Reaction.RETRY, ("email",))
    assert results[1].ref == Ref("contact", "549")


def test_two_contacts_can_swap_their_addresses() -> None:
    mautic, reader = ScriptedMautic({EDIT: [echo]}), FakeReader()
    reader.emails = {"a@x.example": 1, "b@x.example": 2}
    results = write(mautic, edit(1, email="b@x.example"), edit(2, email="a@x.example"), reader=reader)
    assert mautic.bodies(EDIT) == [
        [{"id": 1, "email": None, "overwriteWithBlank": True}],
        [{"id": 2, "email": "a@x.example"}],
        [{"id": 1, "email": "b@x.example"}],
    ]
    assert [result.error for result in results] == [None, None]


def test_blanks_go_apart_with_null_and_the_word_that_makes_them_count() -> None:
    mautic = ScriptedMautic({EDIT: [echo]})
    write(mautic, edit(1, firstname=None, tier="gold"), edit(2, firstname="B"))
    assert mautic.bodies(EDIT) == [
        [{"id": 2, "firstname": "B"}],
        [{"id": 1, "firstname": None, "tier": "gold", "overwriteWithBlank": True}],
    ]


def test_what_mautic_would_store_differently_is_refused_here() -> None:
    mautic = ScriptedMautic({EDIT: [echo]})
    results = write(
        mautic, edit(1, score=Decimal(0), firstname="<b>", tier="gold"), edit(2, unknown="x"), edit(3, id="4")
    )
    assert [result.error for result in results] == [
        WriteError("mautic-drops-zero", Reaction.DATA, ("score", "firstname")),
        WriteError("mautic-field-missing", Reaction.DATA, ("unknown",)),
        WriteError("mautic-field-missing", Reaction.DATA, ("id",)),
    ]
    assert mautic.bodies(EDIT) == []


# -- batches ---------------------------------------------------------------------------------------------------------


def test_no_batch_is_larger_than_mautic_allows() -> None:
    mautic = ScriptedMautic({EDIT: [echo]})
    results = write(mautic, *(edit(each, firstname="A") for each in range(1, 901)))
    sizes = [len(body) for body in mautic.bodies(EDIT)]
    assert max(sizes) <= 200
    assert sum(sizes) == 900
    assert [result.ref.id for result in results if result.ref] == [str(each) for each in range(1, 901)]


def test_four_thousand_edits_are_twenty_batches_where_mautic_is_quick() -> None:
    mautic = ScriptedMautic({EDIT: [echo]})
    reader = FakeReader(living=range(1, 4_001))
    results = write(mautic, *(edit(each, firstname="A") for each in range(1, 4_001)), reader=reader, parallel=4)
    assert not any(result.error for result in results)
    assert [len(body) for body in mautic.bodies(EDIT)] == [200] * 20


def test_the_work_is_shared_among_as_many_requests_as_allowed() -> None:
    mautic = ScriptedMautic({EDIT: [echo]})
    write(mautic, *(edit(each, firstname="A") for each in range(1, 121)), parallel=4)
    assert sorted(len(body) for body in mautic.bodies(EDIT)) == [30, 30, 30, 30]


def test_a_lost_answer_makes_every_item_wait_and_no_other_batch() -> None:
    replies = [echo, requests.ReadTimeout("x"), echo, echo, echo]
    mautic = ScriptedMautic({EDIT: replies})
    results = write(mautic, *(edit(each, firstname="A") for each in range(1, 301)))
    lost = [result for result in results if result.error]
    assert {result.error for result in lost} == {WriteError("mautic-unreachable", Reaction.RETRY)}
    assert 0 < len(lost) < 300


def test_where_mautic_is_busy_we_wait_as_long_as_it_asks_and_send_less_at_once() -> None:
    busy = (429, {}, {"Retry-After": "7"})
    mautic = ScriptedMautic({EDIT: [busy, (503, {}, {"Retry-After": "2"}), echo]})
    PAUSES.clear()
    results = write(mautic, *(edit(each, firstname="A") for each in range(1, 401)))
    assert not any(result.error for result in results)
    assert PAUSES == [7, 2]
    assert [len(body) for body in mautic.bodies(EDIT)] == [200, 200, 200, 60, 70, 70]


def test_a_pause_longer_than_a_run_ends_the_writing_and_not_the_rest_of_the_world() -> None:
    mautic = ScriptedMautic({EDIT: [echo, (429, {}, {"Retry-After": "900"})]})
    results = write(mautic, *(edit(each, firstname="A") for each in range(1, 801)))
    assert {result.error for result in results[:200]} == {None}
    assert {result.error for result in results[200:]} == {
        WriteError("mautic-busy", Reaction.RETRY, retry_after_seconds=900)
    }
    assert len(mautic.paths()) == 2


def test_there_are_never_more_requests_open_than_granted() -> None:
    lock, is_open, most = threading.Lock(), [0], [0]
    meeting = threading.Barrier(3)

    def slow(body: list[dict[str, Any]]) -> tuple[int, Any]:
        with lock:
            is_open[0] += 1
            most[0] = max(most[0], is_open[0])
        meeting.wait(5)  # all three are here at once, or the test fails
        with lock:
            is_open[0] -= 1
        return echo(body)

    write(SlowMautic({EDIT: [slow]}), *(edit(each, firstname="A") for each in range(1, 601)), parallel=3)
    assert most == [3]


def test_one_poisonous_contact_does_not_take_its_batch_along() -> None:
    def fails_on_66(body: list[dict[str, Any]]) -> tuple[int, Any]:
        return (500, {"errors": []}) if any(item["id"] == 66 for item in body) else echo(body)

    results = write(ScriptedMautic({EDIT: [fails_on_66]}), *(edit(each, firstname="A") for each in range(1, 101)))
    assert [place + 1 for place, result in enumerate(results) if result.error] == [66]


def test_a_sick_server_is_not_asked_a_hundred_times() -> None:
    mautic = ScriptedMautic({EDIT: [(500, {"errors": []})]})
    results = write(mautic, *(edit(each, firstname="A") for each in range(1, 201)))
    assert all(result.error == WriteError("mautic-unreachable", Reaction.RETRY) for result in results)
    assert len(mautic.paths()) < 60


def test_a_batch_that_cannot_be_repeated_safely_is_not_split() -> None:
    mautic = ScriptedMautic({NEW: [(500, {"errors": []})]})
    write(mautic, create(firstname="Nobody"), create(firstname="Nobody either"))
    assert len(mautic.paths(NEW)) == 1


def test_an_unreadable_answer_is_no_success() -> None:
    mautic = ScriptedMautic({EDIT: [(200, {"contacts": [{"id": 1}]})]})
    assert write(mautic, edit(1, firstname="A"))[0].error == WriteError("mautic-answer-unclear", Reaction.RETRY)


def test_a_refused_sign_in_stops_everything_while_nothing_is_written() -> None:
    mautic = ScriptedMautic({EDIT: [playback("error_role_readonly_edit")]})
    with pytest.raises(SetupError) as caught:
        write(mautic, edit(1, firstname="A"))
    assert caught.value.code == "mautic-forbidden"


def test_a_sign_in_refused_half_way_leaves_the_rest_for_later() -> None:
    mautic = ScriptedMautic({EDIT: [echo, playback("error_bad_password")]})
    results = write(mautic, *(edit(each, firstname="A") for each in range(1, 251)))
    assert results[0].error is None
    assert results[-1].error == WriteError("mautic-sign-in-refused", Reaction.RETRY)


# -- opt-outs --------------------------------------------------------------------------------------------------------

ADD, REMOVE = "/api/contacts/7/dnc/email/add", "/api/contacts/7/dnc/email/remove"
BOUNCED = {7: Consent(True, "bounced")}
UNSUBSCRIBED = {7: Consent(True, "unsubscribed")}


def test_an_opt_out_follows_the_record_and_names_its_origin() -> None:
    mautic = ScriptedMautic({EDIT: [echo], ADD: [dnc]})
    assert write(mautic, edit(7, ConsentChange.OPT_OUT, firstname="A")) == [WriteResult(Ref("contact", "7"))]
    assert mautic.paths() == [EDIT, ADD]
    assert mautic.bodies(ADD) == [{"reason": 3, "comments": "Set by Salesforce"}]
    assert "doNotContact" not in str(mautic.bodies(EDIT))


def test_a_new_contact_can_be_born_opted_out() -> None:
    answer = (201, {"contacts": [{"id": 7}], "statusCodes": [201]})
    mautic = ScriptedMautic({NEW: [answer], ADD: [dnc]})
    write(mautic, create(ConsentChange.OPT_OUT, email="a@x.example"))
    assert mautic.paths() == [NEW, ADD]


@pytest.mark.parametrize("present", [BOUNCED, UNSUBSCRIBED])
def test_an_opt_out_with_a_stronger_reason_is_left_alone(present: dict[int, Consent]) -> None:
    mautic = ScriptedMautic({ADD: [dnc]})
    assert write(mautic, edit(7, ConsentChange.OPT_OUT), reader=FakeReader(opt_outs=present))[0].consent_error is None
    assert mautic.paths() == []


def test_a_lift_removes_the_row() -> None:
    mautic = ScriptedMautic({REMOVE: [dnc]})
    write(mautic, edit(7, ConsentChange.LIFT), reader=FakeReader(opt_outs=UNSUBSCRIBED))
    assert mautic.paths() == [REMOVE]


def test_a_bounce_is_never_lifted() -> None:
    mautic = ScriptedMautic({REMOVE: [dnc]})
    result = write(mautic, edit(7, ConsentChange.LIFT), reader=FakeReader(opt_outs=BOUNCED))[0]
    assert result.consent_error == WriteError("bounce-is-never-lifted", Reaction.PERSON)
    assert mautic.paths() == []


def test_an_opt_out_that_reached_the_survivor_of_a_merge_is_looked_at_again() -> None:
    reply = playback("dnc_add_merged_away_id")
    result = write(ScriptedMautic({ADD: [reply]}), edit(7, ConsentChange.OPT_OUT))[0]
    assert result.consent_error == WriteError("mautic-answered-for-another-contact", Reaction.RETRY)


def test_the_opt_out_can_fail_by_itself() -> None:
    mautic = ScriptedMautic({EDIT: [echo], ADD: [(503, {})]})
    result = write(mautic, edit(7, ConsentChange.OPT_OUT, firstname="A"))[0]
    assert (result.error, result.consent_error) == (None, WriteError("mautic-unreachable", Reaction.RETRY))


@pytest.mark.parametrize(("change", "is_sent"), [(ConsentChange.OPT_OUT, True), (ConsentChange.LIFT, False)])
def test_an_opt_out_does_not_wait_for_its_record_but_a_lift_does(change: ConsentChange, is_sent: bool) -> None:
    mautic = ScriptedMautic({EDIT: [(503, {})], ADD: [dnc], REMOVE: [dnc]})
    write(mautic, edit(7, change, firstname="A"))
    assert ((ADD in mautic.paths()) or (REMOVE in mautic.paths())) is is_sent
