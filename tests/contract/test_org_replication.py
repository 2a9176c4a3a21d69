"""getUpdated and getDeleted of the sandbox org: minutes, spans, what is covered, and a delete log that forgets."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sidecar.sandbox.org import Clock, Org
from tests.contract.org_caller import Caller

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LEAD = {"LastName": "Stone", "Company": "Acme"}
DAY = timedelta(days=1)


@pytest.fixture
def org():
    org = Org(clock=Clock(NOON))
    yield org
    org.close()


@pytest.fixture
def caller(org):
    return Caller(org)


def recorded(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]


def ask(caller, what, start, end, object_name="Lead"):
    times = {"start": start.isoformat(), "end": end.isoformat()}
    return caller.ask("GET", f"/sobjects/{object_name}/{what}/", params=times)


def refusal(answer):
    return answer.status_code, answer.json()[0]["errorCode"]


def shape(value):
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value)


def test_both_answer_as_recorded(org, caller):
    org.insert("Lead", LEAD)
    org.delete("Lead", org.insert("Lead", LEAD))
    org.clock.advance(120)
    updated = ask(caller, "updated", NOON, NOON + timedelta(minutes=2))
    deleted = ask(caller, "deleted", NOON, NOON + timedelta(minutes=2))
    assert shape(updated.json()) == shape(recorded("getUpdated-200")["body"])
    for name in ("getDeleted-200", "getDeleted-fixture"):
        assert shape(deleted.json()) == shape(recorded(name)["body"])
    assert deleted.json()["latestDateCovered"] == "2026-05-01T12:02:00.000+0000"


def test_updated_names_living_records_and_deleted_the_others(org, caller):
    kept, gone, loser = (org.insert("Lead", LEAD) for _ in range(3))
    org.delete("Lead", gone)
    org.merge("Lead", kept, [loser])
    org.clock.advance(120)
    span = (NOON - DAY, NOON + timedelta(minutes=2))
    assert ask(caller, "updated", *span).json()["ids"] == [kept]
    assert {one["id"] for one in ask(caller, "deleted", *span).json()["deletedRecords"]} == {gone, loser}


def test_seconds_are_ignored(org, caller):
    org.clock.advance(10)
    org.insert("Lead", LEAD)
    org.clock.advance(600)
    early = ask(caller, "updated", NOON + timedelta(seconds=50), NOON + timedelta(minutes=5))
    assert len(early.json()["ids"]) == 1
    late = ask(caller, "updated", NOON - timedelta(minutes=5), NOON + timedelta(seconds=50))
    assert late.json() == {"ids": [], "latestDateCovered": "2026-05-01T12:00:00.000+0000"}


def test_automation_counts_as_a_change(org, caller):
    one = org.insert("Lead", LEAD)
    org.clock.advance(600)
    org.update("Lead", one, {"Title": "x"}, by="automation")
    org.clock.advance(120)
    assert ask(caller, "updated", NOON + timedelta(minutes=5), NOON + timedelta(minutes=12)).json()["ids"] == [one]


def test_what_is_covered_may_end_before_what_was_asked_and_before_a_deletion_in_the_answer(org, caller):
    org.replication.lag = timedelta(minutes=3)
    gone = org.insert("Lead", LEAD)
    org.clock.advance(90)
    org.delete("Lead", gone)
    org.clock.advance(60)
    body = ask(caller, "deleted", NOON - DAY, NOON + timedelta(hours=1)).json()
    assert body["latestDateCovered"] == "2026-05-01T11:59:00.000+0000"
    assert body["deletedRecords"] == [{"id": gone, "deletedDate": "2026-05-01T12:01:30.000+0000"}]


@pytest.mark.parametrize(("what", "days"), [("updated", 30), ("deleted", 15)])
def test_a_start_too_long_ago_is_refused_as_recorded(caller, what, days):
    wanted = recorded("invalid-replication-date-400")
    assert ask(caller, what, NOON - days * DAY, NOON).status_code == 200
    answer = ask(caller, what, NOON - days * DAY - timedelta(minutes=1), NOON)
    assert (answer.status_code, answer.json()) == (wanted["status"], wanted["body"])


@pytest.mark.parametrize("seconds", [60, 0, -3600])
def test_a_span_is_longer_than_a_minute(caller, seconds):
    answer = ask(caller, "deleted", NOON - timedelta(hours=2), NOON - timedelta(hours=2) + timedelta(seconds=seconds))
    assert refusal(answer) == (400, "INVALID_REPLICATION_DATE")


def test_an_offset_must_be_encoded(caller):
    url = "/sobjects/Lead/deleted?start=2026-04-30T12:00:00+00:00&end=2026-05-01T12:00:00Z"
    assert caller.ask("GET", url).status_code == 400
    assert caller.ask("GET", url.replace("+", "%2B")).status_code == 200


def test_a_purged_log_moves_its_beginning_and_forgets(org, caller):
    first, second = org.insert("Lead", LEAD), org.insert("Lead", LEAD)
    org.delete("Lead", first)
    org.clock.advance(3600)
    org.delete("Lead", second)
    org.replication.purge(NOON + timedelta(minutes=30))
    org.clock.advance(3600)
    body = ask(caller, "deleted", NOON - DAY, NOON + timedelta(hours=2)).json()
    assert [one["id"] for one in body["deletedRecords"]] == [second]
    assert body["earliestDateAvailable"] == "2026-05-01T12:30:00.000+0000"


def test_a_purged_log_may_refuse_a_start_before_it(org, caller):
    org.replication.purge(NOON - timedelta(hours=1), refuses=True)
    refused = ask(caller, "deleted", NOON - timedelta(hours=2), NOON)
    assert refusal(refused) == (400, "INVALID_REPLICATION_DATE")
    assert ask(caller, "deleted", NOON - timedelta(minutes=59), NOON).status_code == 200


def test_the_log_outlives_the_recycle_bin(org, caller):
    gone = org.insert("Lead", LEAD)
    org.delete("Lead", gone)
    org.empty_recycle_bin("Lead")
    org.clock.advance(120)
    body = ask(caller, "deleted", NOON - DAY, NOON + timedelta(minutes=2)).json()
    assert [one["id"] for one in body["deletedRecords"]] == [gone]


def test_a_record_taken_out_of_the_bin_counts_as_changed(org, caller):
    one = org.insert("Lead", LEAD)
    org.delete("Lead", one)
    org.undelete("Lead", one)
    org.clock.advance(120)
    span = (NOON - DAY, NOON + timedelta(minutes=2))
    assert ask(caller, "deleted", *span).json()["deletedRecords"] == []
    assert ask(caller, "updated", *span).json()["ids"] == [one]


@pytest.mark.parametrize("what", ["updated", "deleted"])
def test_too_many_ids_are_refused(org, caller, what):
    org.replication.max_ids = 1
    for _ in range(2):
        one = org.insert("Lead", LEAD)
        if what == "deleted":
            org.delete("Lead", one)
    org.clock.advance(120)
    assert refusal(ask(caller, what, NOON, NOON + timedelta(minutes=2))) == (400, "EXCEEDED_ID_LIMIT")


def test_an_unknown_object_is_not_found(caller):
    assert refusal(ask(caller, "updated", NOON - DAY, NOON, "Nothing__c")) == (404, "NOT_FOUND")
