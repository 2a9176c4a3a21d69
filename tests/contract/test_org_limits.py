"""What the sandbox org reports of its limits, and how use of them wears off."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecar.sandbox.org import Clock, Org
from tests.contract.org_caller import Caller

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = 3600


@pytest.fixture
def org():
    org = Org(clock=Clock(NOON))
    yield org
    org.close()


@pytest.fixture
def caller(org):
    return Caller(org)


def recorded(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["body"]


def later(caller, seconds):
    """Move the clock and sign in again."""
    caller.org.clock.advance(seconds)
    caller.session.headers["Authorization"] = f"Bearer {caller.org.token()}"


def shape(report):
    return {name: {key: type(each) for key, each in value.items()} for name, value in report.items()}


def test_the_report_has_every_entry_of_a_real_one(caller):
    given, wanted = caller.ask("GET", "/limits").json(), recorded("limits-2026-05")
    assert list(given) == list(wanted)
    assert shape(given) == shape(wanted)
    same = {name for name in wanted if given[name]["Max"] == wanted[name]["Max"]}
    assert set(wanted) - same == {"DataStorageMB"}


def test_an_app_with_an_allotment_of_its_own_shows_in_report_and_header(org, caller):
    org.limits.use_by_others(8)
    org.limits.set_app_limit("TEST APP", 250)
    caller.ask("GET", "/sobjects")
    answer = caller.ask("GET", "/limits")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=10/15000; per-app-api-usage=2/250(appName=TEST APP)"
    report = answer.json()
    assert report["DailyApiRequests"] == {"Max": 15000, "Remaining": 14990, "TEST APP": {"Max": 250, "Remaining": 248}}
    wanted = recorded("limits-with-per-app")["DailyApiRequests"]
    assert shape({"x": report["DailyApiRequests"]["TEST APP"]}) == shape({"x": wanted["TEST APP"]})


def test_calls_of_others_count_for_all(org, caller):
    org.set_api_limit(100)
    org.limits.use_by_others(99)
    assert caller.ask("GET", "/limits").headers["Sforce-Limit-Info"] == "api-usage=100/100"
    refused = caller.ask("GET", "/limits")
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert org.calls == 1


def test_each_call_is_free_again_a_day_after_it_was_made(org, caller):
    org.set_api_limit(3)
    for _ in range(3):
        assert caller.ask("GET", "/sobjects").status_code == 200
        later(caller, 10 * HOUR)
    assert org.limits.used() == 2  # it is six hours past the end of the first call's day
    assert caller.ask("GET", "/sobjects").status_code == 200
    assert caller.ask("GET", "/sobjects").status_code == 403
    later(caller, 4 * HOUR)
    assert caller.ask("GET", "/sobjects").status_code == 200
    assert caller.ask("GET", "/sobjects").status_code == 403


def test_a_call_counts_until_the_minute_of_the_next_day(org, caller):
    caller.ask("GET", "/sobjects")
    org.clock.advance(24 * HOUR - 60)
    assert org.limits.used() == 1
    org.clock.advance(60)
    assert org.limits.used() == 0


def test_records_take_two_kilobytes_each_until_they_are_deleted(org, caller):
    org.limits.set_maximum("DataStorageMB", 10)
    leads = org.insert_many("Lead", [{"LastName": "L", "Company": "A"} for _ in range(1100)])
    assert caller.ask("GET", "/limits").json()["DataStorageMB"] == {"Max": 10, "Remaining": 8}
    for one in leads[:100]:
        org.delete("Lead", one)
    assert caller.ask("GET", "/limits").json()["DataStorageMB"] == {"Max": 10, "Remaining": 9}
    org.limits.use_by_others(3, "DataStorageMB")
    later(caller, 48 * HOUR)
    assert caller.ask("GET", "/limits").json()["DataStorageMB"]["Remaining"] == 6


def test_any_limit_can_be_set_and_used_up(org, caller):
    org.limits.set_maximum("DailyBulkApiBatches", 20)
    org.limits.use_by_others(15, "DailyBulkApiBatches")
    assert caller.ask("GET", "/limits").json()["DailyBulkApiBatches"] == {"Max": 20, "Remaining": 5}
    later(caller, 24 * HOUR)
    assert caller.ask("GET", "/limits").json()["DailyBulkApiBatches"] == {"Max": 20, "Remaining": 20}
