"""The sandbox Mautic against recordings of a real one: signing in, lists, fields, raw tables, webhooks, faults."""

import threading
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
import requests
from werkzeug.test import Client

from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.faults import AnswerLate, ConnectionDropped, Fault
from sidecar.sandbox.host.server import build_server
from tests.contract.host_replay import a_host, basic, call, play, recording

WRONG = {
    "oauth_token_bad_secret": {"client_secret"},
    "oauth_token_bad_client_id": {"client_id", "client_secret"},
}


def token_for(host: Host, **changes: str) -> tuple[int, Any]:
    client_id, secret = host.add_oauth_client("sync sidecar")
    sent = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, **changes}
    response = Client(host.app).post("/oauth/v2/token", data=sent)
    return response.status_code, response.json


def bearer(host: Host) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(host)[1]['access_token']}"}


@pytest.mark.parametrize(
    "name",
    [
        "oauth_token_bad_secret",
        "oauth_token_bad_client_id",
        "oauth_token_grant_missing",
        "oauth_token_grant_password",
        "oauth_token_no_row_prefix_in_client_id",
    ],
)
def test_a_refused_sign_in_is_answered_as_recorded(name: str) -> None:
    host = a_host()
    client_id, secret = host.add_oauth_client("sync sidecar")
    sent = {key: value[0] for key, value in parse_qs(recording(name)["request"]["body"]).items()}
    right = {"client_id": client_id, "client_secret": secret}
    if name == "oauth_token_no_row_prefix_in_client_id":
        right["client_id"] = client_id.partition("_")[2]
    wrong = {
        "oauth_token_bad_secret": {"client_secret"},
        "oauth_token_bad_client_id": {"client_id", "client_secret"},
    }.get(name, set())
    body = urlencode({key: value if key in wrong else right.get(key, value) for key, value in sent.items()})
    expected = recording(name)["response"]
    assert play(host, name, headers={}, body=body) == (expected["status"], expected["body"])


def test_a_token_comes_with_the_recorded_keys_and_length() -> None:
    status, body = token_for(a_host())
    recorded = recording("oauth_token_client_credentials")["response"]["body"]
    assert (status, len(body["access_token"])) == (200, 86)
    assert {**body, "access_token": ""} == {**recorded, "access_token": ""}


def test_credentials_are_taken_from_json_and_from_a_basic_header_too() -> None:
    host = a_host()
    client_id, secret = host.add_oauth_client()
    client, grant = Client(host.app), {"grant_type": "client_credentials"}
    as_json = client.post("/oauth/v2/token", json={**grant, "client_id": client_id, "client_secret": secret})
    as_header = client.post("/oauth/v2/token", data=grant, headers=basic(client_id, secret))
    assert [as_json.status_code, as_header.status_code] == [200, 200]


def test_a_token_ends_after_an_hour_with_the_recorded_words() -> None:
    host = a_host()
    header = bearer(host)
    host.clock.advance(seconds=3599)
    assert call(host, "GET", "/api/contacts", headers=header)[0] == 200
    host.clock.advance(seconds=1)
    expected = recording("oauth_bearer_expired")["response"]
    assert call(host, "GET", "/api/contacts", headers=header) == (expected["status"], expected["body"])


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("error_no_authorization_header", {}),
        ("error_bad_password", basic("admin", "wrong")),
        ("error_bad_bearer", {"Authorization": "Bearer nonsense"}),
        ("error_not_found_route", basic()),
        ("error_wrong_method", basic()),
        ("error_malformed_json", basic()),
        ("error_json_scalar", basic()),
        ("contacts_list_where_unknown_column", basic()),
        ("contacts_list_orderBy_dateModified_camel", basic()),
    ],
)
def test_a_wrong_call_is_answered_as_recorded(name: str, headers: dict[str, str]) -> None:
    expected = recording(name)["response"]
    assert play(a_host(), name, headers=headers) == (expected["status"], expected["body"])


def test_an_api_client_writes_under_its_name_and_row_id() -> None:
    host = a_host()
    _, body = call(host, "POST", "/api/contacts/new", {"email": "o@example.com"}, bearer(host))
    entry = host.rows("audit_log", object_id=body["contact"]["id"])[0]
    assert (entry["user_id"], entry["user_name"]) == (0, "sync sidecar [1]")
    assert (body["contact"]["createdBy"], body["contact"]["createdByUser"]) == (None, "sync sidecar [1]")


def test_every_api_answer_names_the_version() -> None:
    host = a_host()
    assert Client(host.app).get("/api/contacts", headers=basic()).headers["Mautic-Version"] == "5.1.1"
    host.profile = replace(host.profile, version="6.0.5")
    assert Client(host.app).get("/api/contacts").headers["Mautic-Version"] == "6.0.5"


def listed(host: Host, query: str) -> list[int]:
    status, body = call(host, "GET", f"/api/contacts?minimal=1&{query}")
    assert status == 200
    return [contact["id"] for contact in body["contacts"].values()]


def test_a_list_is_an_object_with_its_total_as_text() -> None:
    host = a_host()
    _, body = call(host, "GET", "/api/contacts?limit=1&minimal=1")
    assert (body["total"], list(body["contacts"])) == ("1", ["1"])
    expected = recording("contacts_list_start_beyond_end")["response"]["body"]
    assert play(host, "contacts_list_start_beyond_end")[1]["contacts"] == expected["contacts"] == {}


def test_a_list_pages_by_key_and_has_thirty_by_default() -> None:
    host = a_host()
    host.create_many([{"firstname": f"n{n}"} for n in range(40)])
    assert listed(host, "where[0][col]=id&where[0][expr]=gt&where[0][val]=30&orderBy=id&orderByDir=asc&limit=2") == [
        31,
        32,
    ]
    assert len(listed(host, "orderBy=id")) == 30
    assert len(listed(host, "limit=0")) == 41


def test_an_unknown_operator_answers_the_unfiltered_list() -> None:
    host = a_host()
    host.create_many([{"email": f"{name}@example.com"} for name in "abc"])
    assert len(listed(host, "where[0][col]=email&where[0][expr]=equals&where[0][val]=a@example.com")) == 4


def test_a_poll_finds_what_was_added_or_modified_since() -> None:
    host = a_host()
    old, edited = host.create_many([{"firstname": "old"}, {"firstname": "edited"}])
    host.clock.advance(hours=1)
    since = host.clock.now().strftime("%Y-%m-%d %H:%M:%S")
    host.edit_contact(edited, {"city": "Rom"})
    new = host.create_contact({"firstname": "new"})
    parts = {"where[0][expr]": "orX", "orderBy": "id", "orderByDir": "asc"}
    for place, column in enumerate(("date_added", "dateModified")):
        parts |= {f"where[0][val][{place}][{k}]": v for k, v in (("col", column), ("expr", "gte"), ("val", since))}
    assert listed(host, urlencode(parts)) == [edited, new]
    assert old not in listed(host, urlencode(parts))


def test_a_search_finds_by_email_tag_segment_and_word() -> None:
    host = a_host()
    one, two = host.create_many(
        [{"email": "one@example.com", "tags": ["vip"]}, {"email": "two@example.com", "lastname": "Müller"}]
    )
    host.join_segment(two, "Static list")
    found = [
        listed(host, f"search={text}") for text in ("email:one@example.com", "tag:vip", "segment:static-list", "Müller")
    ]
    assert found == [[one], [one], [two], [two]]


def test_where_does_not_find_a_merged_away_id() -> None:
    host = a_host()
    loser, winner = host.create_many([{"firstname": "a"}, {"firstname": "b"}])
    host.merge_contacts(winner, loser)
    assert listed(host, f"where[0][col]=id&where[0][expr]=eq&where[0][val]={loser}") == []


def test_the_fields_are_listed_as_recorded() -> None:
    _, body = play(a_host(), "fields_contact_list")
    recorded = recording("fields_contact_list")["response"]["body"]
    ours = [{**field, "dateAdded": None} for field in body["fields"].values()]
    theirs = [{**field, "dateAdded": None} for field in recorded["fields"].values()]
    by_alias = {field["alias"]: field for field in theirs}
    assert body["total"] == recorded["total"]
    for field in ours:
        assert {**field, "order": 0} == {**by_alias[field["alias"]], "order": 0}


@pytest.mark.parametrize(
    "name",
    [
        "fields_contact_new_bad_type",
        "fields_contact_new_long_alias",
        "fields_contact_new_reserved_alias",
        "fields_contact_new_unique",
        "fields_contact_new_no_alias",
    ],
)
def test_a_new_field_is_answered_as_recorded(name: str) -> None:
    expected = recording(name)["response"]
    status, body = play(a_host(), name)
    assert status == expected["status"]
    if status == 201:
        without = {"id": 0, "order": 0, "dateAdded": None}
        assert {**body["field"], **without} == {**expected["body"]["field"], **without}
    else:
        assert body == expected["body"]


def test_a_new_field_can_be_written_at_once() -> None:
    host = a_host()
    call(
        host,
        "POST",
        "/api/fields/contact/new",
        {"label": "Salesforce Id", "alias": "salesforce_id", "type": "text", "isUniqueIdentifier": True},
    )
    _, body = call(host, "POST", "/api/contacts/new", {"salesforce_id": "003A"})
    status, again = call(host, "POST", "/api/contacts/new", {"salesforce_id": "003a", "firstname": "B"})
    assert (status, again["contact"]["id"]) == (200, body["contact"]["id"])


def test_raw_tables_answer_text_and_hide_errors_in_a_200() -> None:
    host = a_host()
    contact_id = host.create_contact({"email": "a@example.com"})
    query = f"where[0][col]=object_id&where[0][expr]=eq&where[0][val]={contact_id}&order[0][col]=id&order[0][dir]=ASC"
    _, body = call(host, "GET", f"/api/stats/audit_log?{query}")
    assert (body["total"], [row["action"] for row in body["stats"]]) == ("2", ["update", "identified"])
    assert body["stats"][0]["object_id"] == str(contact_id)
    status, unknown = play(host, "stats_where_unknown_column")
    assert (status, unknown["errors"][0]["code"]) == (200, 1054)
    assert set(play(host, "stats_unknown_table")[1]) == set(recording("stats_unknown_table")["response"]["body"])


def test_webhooks_are_kept_as_recorded() -> None:
    host = a_host()
    for name in ("hooks_new", "hooks_edit", "hooks_delete"):
        expected = recording(name)["response"]
        status, body = play(host, name)
        assert status == expected["status"]
        moments = {"dateAdded": None, "dateModified": None}
        assert {**body["hook"], **moments} == {**expected["body"]["hook"], **moments}
    expected = recording("hooks_new_no_url")["response"]
    assert play(host, "hooks_new_no_url") == (expected["status"], expected["body"])


def test_a_contact_that_is_not_there_cannot_join_a_segment() -> None:
    host = a_host()
    host.join_segment(1, "Static list")
    expected = recording("segments_list_contact_unknown")["response"]
    assert play(host, "segments_list_contact_unknown") == (expected["status"], expected["body"])


@pytest.mark.parametrize(
    ("kind", "error", "is_done"),
    [
        ("reset_before", ConnectionDropped, False),
        ("reset_after", ConnectionDropped, True),
        ("timeout", AnswerLate, False),
        ("timeout_after", AnswerLate, True),
    ],
)
def test_a_lost_answer_may_or_may_not_have_been_carried_out(kind: Any, error: type[Exception], is_done: bool) -> None:
    host = a_host()
    host.faults.add(Fault("POST /api/contacts/new", kind))
    with pytest.raises(error):
        call(host, "POST", "/api/contacts/new", {"email": "x@example.com"})
    assert any(row["email"] == "x@example.com" for row in host.contacts()) is is_done
    assert call(host, "POST", "/api/contacts/new", {"email": "y@example.com"})[0] == 201


@pytest.mark.parametrize("status", [401, 500, 503])
def test_an_injected_status_is_answered_once_and_nothing_is_done(status: int) -> None:
    host = a_host()
    host.faults.add(Fault("/api/contacts/new", status=status))
    answers = [call(host, "POST", "/api/contacts/new", {"email": "x@example.com"})[0] for _ in range(2)]
    assert answers == [status, 201]


def test_over_real_http_a_dropped_connection_is_seen_as_one() -> None:
    host = a_host()
    server = build_server(host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/api/contacts/new"
        host.faults.add(Fault("/api/contacts/new", "reset_after"))
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.post(url, json={"email": "x@example.com"}, headers=basic(), timeout=10)
        answer = requests.post(url, json={"email": "x@example.com"}, headers=basic(), timeout=10)
        assert answer.status_code == 200
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_many_threads_write_without_losing_anything(tmp_path: Any) -> None:
    host = Host(f"sqlite:///{tmp_path}/host.sqlite3")
    threads = [
        threading.Thread(target=host.create_many, args=([{"email": f"{n}-{m}@example.com"} for m in range(20)],))
        for n in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(host.contacts()) == 100
    host.close()


def test_a_database_file_is_opened_again_with_its_fields_and_contacts(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/host.sqlite3"
    first = Host(url, table_prefix="mtc_")
    contact_id = first.create_contact({"email": "a@example.com", "score": 1.5})
    first.close()
    again = Host(url, table_prefix="mtc_")
    row = again.contact(contact_id)
    assert row
    assert (row["email"], row["score"]) == ("a@example.com", 1.5)
    again.close()


MAKERS = [
    ("email_stats", lambda host, who: host.send_email(who)),
    ("email_stats", lambda host, who: host.read_email(host.send_email(who))),
    ("page_hits", lambda host, who: host.click_email(host.send_email(who))),
    ("email_stat_replies", lambda host, who: host.reply_email(host.send_email(who))),
    ("page_hits", lambda host, who: host.hit_page(who, page="Spring landing")),
    ("video_hits", lambda host, who: host.watch_video(who)),
    ("form_submissions", lambda host, who: host.submit_form(who, values={"city": "Rom"})),
    ("asset_downloads", lambda host, who: host.download_asset(who)),
    ("lead_points_change_log", lambda host, who: host.gain_points(who, 5)),
    ("lead_stages_change_log", lambda host, who: host.change_stage(who, "MQL")),
    ("lead_event_log", lambda host, who: host.join_segment(who, "List")),
    ("lead_event_log", lambda host, who: host.leave_segment(who, "List") if host.join_segment(who, "List") else 0),
    ("lead_event_log", lambda host, who: host.join_campaign(who)),
    ("lead_event_log", lambda host, who: host.leave_campaign(who)),
    ("campaign_lead_event_log", lambda host, who: host.run_campaign_event(who)),
    ("campaign_lead_event_log", lambda host, who: host.run_campaign_event(who, due_at=host.clock.now())),
    ("sms_message_stats", lambda host, who: host.send_sms(who, is_failed=True)),
    ("lead_event_log", lambda host, who: host.receive_sms(who)),
    ("focus_stats", lambda host, who: host.see_focus(who, is_click=True)),
    ("dynamic_content_stats", lambda host, who: host.see_dynamic_content(who)),
    ("message_queue", lambda host, who: host.queue_message(who)),
    ("lead_notes", lambda host, who: host.add_note(who, "text")),
    ("lead_utmtags", lambda host, who: host.add_utm(who, source="ad")),
    ("lead_devices", lambda host, who: host.add_device(who)),
]


@pytest.mark.parametrize(("table", "make"), MAKERS)
def test_an_act_leaves_a_row_of_the_contact_and_returns_its_id(table: str, make: Any) -> None:
    host = a_host()
    contact_id = host.create_contact({"email": "a@example.com"})
    (row,) = host.rows(table, id=make(host, contact_id))
    if table == "email_stat_replies":
        (row,) = host.rows("email_stats", id=row["stat_id"])
    assert row["lead_id"] == contact_id
