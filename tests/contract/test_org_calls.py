"""Calling the sandbox org: sign-in, sessions, the allowance, collections and composites, arranged misbehaviour, real HTTP."""

import gzip
import json
import threading
from datetime import UTC, datetime

import pytest
import requests

from sidecar.sandbox.org import Clock, Fault, Org, build_server
from tests.contract.org_caller import HOST, Caller
from tests.contract.org_cases import an_assertion

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LEAD = {"LastName": "Stone", "Company": "Acme"}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
BASE = "/services/data/v66.0"


@pytest.fixture
def org():
    org = Org(clock=Clock(NOON))
    yield org
    org.close()


@pytest.fixture
def caller(org):
    return Caller(org)


def codes(answer):
    return [error["errorCode"] for error in answer.json()]


# Sign-in and sessions


def test_a_good_assertion_gives_a_token_that_works(org, caller):
    token = caller.sign_in(grant_type=JWT_BEARER, assertion=an_assertion(caller)).json()["access_token"]
    assert caller.ask("GET", "/limits", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("changes", [{"exp": 0}, {"exp": 1777637700}, {"sub": "someone@example.com"}])
def test_a_stale_too_long_lived_or_foreign_assertion_is_refused(caller, changes):
    answer = caller.sign_in(grant_type=JWT_BEARER, assertion=an_assertion(caller, **changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_an_assertion_signed_by_another_key_is_refused(caller):
    forged = an_assertion(caller)
    an_assertion(caller)
    assert caller.sign_in(grant_type=JWT_BEARER, assertion=forged).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"}, "invalid_client_id"),
        ({"grant_type": "device"}, "unsupported_grant_type"),
    ],
)
def test_other_sign_ins_are_refused(caller, form, error):
    assert caller.sign_in(**form).json()["error"] == error


def test_the_secret_may_come_in_a_basic_header(org, caller):
    org.add_client("app", "secret")
    form = {"grant_type": "client_credentials"}
    assert (
        requests.Session.post(
            caller.session, f"{HOST}/services/oauth2/token", data=form, auth=("app", "secret")
        ).status_code
        == 200
    )


def test_a_session_ends_after_two_idle_hours_and_each_call_begins_them_anew(org, caller):
    for _ in range(3):
        org.clock.advance(7000)
        assert caller.ask("GET", "/limits").status_code == 200
    org.clock.advance(7201)
    answer = caller.ask("GET", "/limits")
    assert (answer.status_code, codes(answer)) == (401, ["INVALID_SESSION_ID"])
    assert "Sforce-Limit-Info" not in answer.headers


# The allowance


def test_a_collection_or_a_composite_is_one_call_and_versions_are_none(org, caller):
    caller.session.get(f"{HOST}/services/data")
    caller.many("POST", "", "Lead", *[LEAD] * 200)
    part = {"method": "GET", "url": f"{BASE}/limits"}
    answer = caller.composite(*({**part, "referenceId": f"r{number}"} for number in range(25)))
    assert org.calls == 2
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=2/15000"


def test_the_allowance_rolls_over_24_hours(org, caller):
    org.set_api_limit(1)
    assert caller.ask("GET", "/limits").status_code == 200
    refused = caller.ask("GET", "/limits")
    assert (refused.status_code, codes(refused)) == (403, ["REQUEST_LIMIT_EXCEEDED"])
    org.clock.advance(25 * 3600)
    caller.session.headers["Authorization"] = f"Bearer {org.token()}"
    assert caller.ask("GET", "/limits").status_code == 200


def test_the_date_header_is_the_orgs_own_clock(org, caller):
    assert caller.session.get(f"{HOST}/services/data").headers["Date"] == "Fri, 01 May 2026 12:00:00 GMT"


# Collections and composites


def test_a_collection_takes_200_records_and_no_more(caller):
    assert caller.many("POST", "", "Lead", *[LEAD] * 201).status_code == 400


def test_rows_come_back_in_order_and_one_bad_row_fails_alone(org, caller):
    rows = caller.many("POST", "", "Lead", LEAD, LEAD | {"Email": "bad"}, LEAD).json()
    assert [row["success"] for row in rows] == [True, False, True]
    assert "id" not in rows[1]
    assert len(org.rows("Lead")) == 2


def test_all_or_none_saves_nothing_when_one_row_fails(org, caller):
    known = org.insert("Lead", LEAD | {"Mautic_Id__c": "1"})
    rows = caller.many(
        "PATCH",
        "/Lead/Mautic_Id__c",
        "Lead",
        {"Mautic_Id__c": "1", "Title": "x"},
        LEAD | {"Mautic_Id__c": "2", "Email": "bad"},
        allOrNone=True,
    ).json()
    assert [row["errors"][0]["statusCode"] for row in rows] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "INVALID_EMAIL_ADDRESS",
    ]
    assert rows[0]["id"] == known
    assert [row["Title"] for row in org.rows("Lead")] == [None]


def test_a_composite_hands_an_id_on_to_its_next_part(org, caller):
    first = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "acc", "body": {"Name": "A"}}
    body = {"LastName": "B", "AccountId": "@{acc.id}"}
    second = {"method": "POST", "url": f"{BASE}/sobjects/Contact", "referenceId": "con", "body": body}
    parts = caller.composite(first, second).json()["compositeResponse"]
    assert [part["httpStatusCode"] for part in parts] == [201, 201]
    assert org.rows("Contact")[0]["AccountId"] == parts[0]["body"]["id"]


def test_a_part_that_refers_to_a_failed_part_is_halted_and_the_others_go_on(org, caller):
    first = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "acc", "body": {}}
    second = {
        "method": "POST",
        "url": f"{BASE}/sobjects/Contact",
        "referenceId": "con",
        "body": {"AccountId": "@{acc.id}"},
    }
    third = {"method": "POST", "url": f"{BASE}/sobjects/Lead", "referenceId": "lead", "body": LEAD}
    parts = caller.composite(first, second, third).json()["compositeResponse"]
    assert [part["httpStatusCode"] for part in parts] == [400, 400, 201]
    assert parts[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"


def test_a_part_inherits_no_headers_from_its_composite(org, caller):
    org.set_assignment_rule(org.user_ids["seller"])
    off = {"Sforce-Auto-Assign": "FALSE"}
    part = {"method": "POST", "url": f"{BASE}/sobjects/Lead", "body": LEAD}
    requests_ = [{**part, "referenceId": "outer"}, {**part, "referenceId": "own", "httpHeaders": off}]
    caller.ask("POST", "/composite", {"compositeRequest": requests_}, headers=off)
    assert [row["OwnerId"] for row in org.rows("Lead")] == [org.user_ids["seller"], org.user_ids["api"]]


@pytest.mark.parametrize(("path", "count"), [("limits", 26), ("composite/sobjects", 6), ("query?q=x", 6)])
def test_a_composite_has_25_parts_of_which_5_may_be_heavy(caller, path, count):
    part = {"method": "GET", "url": f"{BASE}/{path}"}
    assert caller.composite(*({**part, "referenceId": f"r{number}"} for number in range(count))).status_code == 400


def test_five_collections_in_a_composite_write_a_thousand_records(org, caller):
    rows = [
        [{"attributes": {"type": "Lead"}, "Mautic_Id__c": f"{part}-{row}", **LEAD} for row in range(200)]
        for part in range(5)
    ]
    url = f"{BASE}/composite/sobjects/Lead/Mautic_Id__c"
    parts = (
        {"method": "PATCH", "url": url, "referenceId": f"r{number}", "body": {"records": each}}
        for number, each in enumerate(rows)
    )
    answer = caller.composite(*parts).json()["compositeResponse"]
    assert all(row["created"] for part in answer for row in part["body"])
    assert (len(org.rows("Lead")), org.calls) == (1000, 1)


def test_a_post_may_stand_for_a_patch(org, caller):
    lead = org.insert("Lead", LEAD)
    assert (
        caller.ask("POST", f"/sobjects/Lead/{lead}", {"Title": "Dr"}, params={"_HttpMethod": "PATCH"}).status_code
        == 204
    )
    assert org.row("Lead", lead)["Title"] == "Dr"


def test_a_gzipped_body_is_read(org, caller):
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = caller.session.post(
        f"{HOST}{BASE}/sobjects/Lead", data=gzip.compress(json.dumps(LEAD).encode()), headers=headers
    )
    assert answer.status_code == 201


def test_a_body_that_is_not_json_is_refused(caller):
    form = caller.session.post(f"{HOST}{BASE}/sobjects/Lead", data={"LastName": "A"})
    broken = caller.session.post(f"{HOST}{BASE}/sobjects/Lead", data=b"{", headers={"Content-Type": "application/json"})
    assert (form.status_code, codes(form)) == (415, ["UNSUPPORTED_MEDIA_TYPE"])
    assert (broken.status_code, codes(broken)) == (400, ["JSON_PARSER_ERROR"])


# Misbehaviour


@pytest.mark.parametrize(("kind", "saved"), [("reset_before", 0), ("reset_after", 1)])
def test_a_lost_connection_may_or_may_not_have_saved(org, caller, kind, saved):
    org.faults.add(Fault("POST /sobjects/Lead", kind))
    with pytest.raises(requests.exceptions.ConnectionError):
        caller.ask("POST", "/sobjects/Lead", LEAD)
    assert len(org.rows("Lead")) == saved
    assert caller.ask("POST", "/sobjects/Lead", LEAD).status_code == 201


@pytest.mark.parametrize(("kind", "saved"), [("timeout", 0), ("timeout_after", 1)])
def test_a_time_out_may_or_may_not_have_saved(org, caller, kind, saved):
    org.faults.add(Fault(kind=kind))
    with pytest.raises(requests.exceptions.ReadTimeout):
        caller.ask("POST", "/sobjects/Lead", LEAD)
    assert len(org.rows("Lead")) == saved


@pytest.mark.parametrize(
    ("status", "kind"),
    [(503, "text/html; charset=UTF-8"), (500, "text/html; charset=UTF-8"), (401, "application/json;charset=UTF-8")],
)
def test_an_error_status_comes_as_html_but_for_an_expired_session(org, caller, status, kind):
    org.faults.add(Fault("GET /limits", "status", times=2, status=status))
    answers = [caller.ask("GET", "/limits") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers["Content-Type"] == kind


def test_the_used_up_allowance_can_be_arranged(org, caller):
    org.faults.add(Fault(kind="limit"))
    assert codes(caller.ask("GET", "/limits")) == ["REQUEST_LIMIT_EXCEEDED"]


def test_a_row_can_be_made_to_fail_by_place_or_by_value(org, caller):
    org.faults.add(Fault("/composite/sobjects", "row_error", row=1))
    org.faults.add(
        Fault("/composite/sobjects", "row_error", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", row_match={"LastName": "C"})
    )
    rows = caller.many("POST", "", "Lead", *({"LastName": name, "Company": "X"} for name in "ABC")).json()
    assert [row["errors"][0]["statusCode"] if row["errors"] else None for row in rows] == [
        None,
        "UNABLE_TO_LOCK_ROW",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    ]


def test_every_request_is_remembered_with_its_cause(org, caller):
    caller.query("SELECT Nope FROM Lead")
    org.faults.add(Fault(kind="reset_before"))
    with pytest.raises(requests.exceptions.ConnectionError):
        caller.ask("GET", "/limits")
    assert [tuple(seen) for seen in org.requests] == [
        ("GET", f"{BASE}/query", 400, "INVALID_FIELD"),
        ("GET", f"{BASE}/limits", 0, "ConnectionDropped"),
    ]


# Over real HTTP, from another process, and after a restart


@pytest.fixture
def address(org):
    org.add_client("app", "secret")
    server = build_server(org)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_http_a_dropped_connection_is_a_dropped_connection(org, address):
    with requests.Session() as session:
        form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "secret"}
        token = session.post(f"{address}/services/oauth2/token", data=form, timeout=5).json()
        assert token["instance_url"] == address
        session.headers["Authorization"] = f"Bearer {token['access_token']}"
        org.faults.add(Fault("PATCH", "reset_after"))
        with pytest.raises(requests.exceptions.ConnectionError):
            session.patch(f"{address}{BASE}/sobjects/Lead/Mautic_Id__c/a%2Fb", json=LEAD, timeout=5)
        again = session.patch(f"{address}{BASE}/sobjects/Lead/Mautic_Id__c/a%2Fb", json=LEAD, timeout=5)
    assert again.json()["created"] is False
    assert org.rows("Lead")[0]["Mautic_Id__c"] == "a/b"


def test_over_http_there_is_one_date_and_it_is_the_orgs(address):
    assert requests.get(f"{address}/services/data", timeout=5).headers["Date"] == "Fri, 01 May 2026 12:00:00 GMT"


def test_another_process_can_do_what_people_do(org, address):
    def control(operation, **arguments):
        return requests.post(f"{address}/sandbox/{operation}", json=arguments, timeout=5).json()["result"]

    lead = control("insert", object_name="Lead", values=LEAD)
    control("advance_clock", seconds=60)
    control("update", object_name="Lead", record_id=lead, values={"HasOptedOutOfEmail": True})
    assert control("history", object_name="Lead", record_id=lead)[1]["CreatedDate"] == "2026-05-01T12:01:00.000+0000"
    contact = control("convert_lead", lead_id=lead)
    assert control("row", object_name="Contact", record_id=contact)["LastName"] == "Stone"
    control("add_fault", match="/limits", kind="status", status=500)
    assert requests.get(f"{address}{BASE}/limits", timeout=5).status_code == 500
    assert requests.post(f"{address}/sandbox/nonsense", timeout=5).status_code == 404


def test_records_survive_a_restart_and_new_ids_are_new(tmp_path):
    before = Org(str(tmp_path / "org.sqlite3"))
    first = before.insert("Lead", LEAD)
    before.close()
    after = Org(str(tmp_path / "org.sqlite3"))
    second = after.insert("Lead", LEAD)
    assert [row["Id"] for row in after.rows("Lead")] == [first, second]
    assert len(after.rows("User")) == 4
    after.close()


def test_many_threads_lose_nothing(org, address):
    def write(number):
        rows = [{"attributes": {"type": "Lead"}, "Mautic_Id__c": f"{number}-{row}", **LEAD} for row in range(50)]
        headers = {"Authorization": f"Bearer {org.token()}"}
        url = f"{address}{BASE}/composite/sobjects/Lead/Mautic_Id__c"
        requests.patch(url, json={"records": rows}, headers=headers, timeout=10)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(org.rows("Lead")) == 300
