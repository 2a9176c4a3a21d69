"""The sandbox Mautic with the bundle keeps to `plugin_manifest/PROTOCOL.md`: outbox, pushes, merges, switches."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect

from sidecar.sandbox.host.faults import Fault
from tests.contract.bundle_site import CALLS, KEY, MARK, Site
from tests.contract.host_replay import basic

Act = Callable[[Site], Any]


@pytest.fixture
def site() -> Site:
    return Site()


# -- there, away, switched off ---------------------------------------------------------------------------------------


def test_without_the_bundle_its_calls_are_unknown_and_its_table_is_not_there() -> None:
    site = Site(installed=False)
    for method, path in CALLS:
        answer = site.send(method, path, {})
        assert (answer.status_code, answer.json) == (
            404,
            {"errors": [{"message": f"Requested URL not found: {path}", "code": 404, "type": None}]},
        )
    site.host.delete_contact(site.bob)
    assert not [name for name in inspect(site.host.database.engine).get_table_names() if "sidecar" in name]
    assert site.host.outbox() == []


def test_its_calls_want_a_login_and_their_own_method(site: Site) -> None:
    assert {site.send(method, path, {}, Accept="*/*").status_code for method, path in CALLS} == {401}
    assert site.send("POST", "/api/sidecar/status", {}).status_code == 404


def test_status_tells_the_version_the_outbox_and_whether_we_are_the_client_it_serves(site: Site) -> None:
    # A process that was running at the installation may be deaf for a while, so that it begins a little later.
    began = "2026-11-21T21:21:00+00:00"
    status = site.call("GET", "/api/sidecar/status")
    assert status == {
        "bundle": "0.1.0",
        "protocol": 1,
        "outbox": {"began_at": began, "waiting": 0, "oldest_at": None},
        "own_client": True,
        "bulk_limit": 500,
        "repair_merges": True,
    }
    site.host.clock.advance(minutes=5)
    site.host.edit_contact(site.ana, {"firstname": "Ana"})
    assert site.call("GET", "/api/sidecar/status", **site.other) == {
        **status,
        "own_client": False,
        "outbox": {"began_at": began, "waiting": 1, "oldest_at": "2026-11-21T21:25:00+00:00"},
    }


def test_switched_off_it_refuses_and_hears_nothing_and_switched_on_it_begins_anew(site: Site) -> None:
    [old] = site.host.outbox()
    site.host.unpublish_bundle()
    for method, path in CALLS:
        answer = site.send(method, path, {})
        assert answer.json
        [error] = answer.json["errors"]
        assert (answer.status_code, error["code"], error["type"]) == (403, 403, "switched-off")
    site.host.edit_contact(site.ana, {"firstname": "Unheard"})
    site.host.push_by_tab([site.ana])
    assert (site.told(), site.posted) == ([], [])
    site.host.clock.advance(hours=1)
    site.host.publish_bundle()
    [new] = site.host.outbox()
    assert (new["kind"], new["what"], new["object_id"], new["dedupe_key"]) == ("began", "began", 0, "began")
    assert new["id"] > old["id"]
    assert new["date_added"] - old["date_added"] == timedelta(hours=1)
    site.host.publish_bundle()
    assert site.host.outbox() == [new]


def test_removed_its_calls_go_and_its_table_stays_and_an_update_begins_anew(site: Site) -> None:
    site.host.edit_contact(site.ana, {"firstname": "Told"})
    before = site.host.outbox()
    site.host.remove_bundle()
    site.host.edit_contact(site.bob, {"firstname": "Unheard"})
    assert site.send("GET", "/api/sidecar/status").status_code == 404
    assert site.host.outbox() == before
    site.host.clock.advance(hours=1)
    site.install()
    assert site.told() == [("contact", "changed", site.ana)]
    [began] = [row for row in site.host.outbox() if row["kind"] == "began"]
    assert began["date_added"] > before[0]["date_added"]


def test_it_can_be_switched_off_between_two_calls_of_a_run(site: Site) -> None:
    site.host.faults.add(Fault("POST /api/sidecar/contacts/bulk", "act", skip=2, do=site.host.unpublish_bundle))
    codes = [site.send("POST", "/api/sidecar/contacts/bulk", {"items": []}).status_code for _ in range(4)]
    assert codes == [200, 200, 403, 403]


# -- what is told ----------------------------------------------------------------------------------------------------

CHANGES: dict[str, Act] = {
    "a field": lambda s: s.host.edit_contact(s.ana, {"firstname": "New"}),
    "a field blanked": lambda s: s.host.edit_contact(s.ana, {"firstname": None}),
    "an import": lambda s: s.host.edit_contact(s.ana, {"city": "Wien"}, by="import"),
    "a tag": lambda s: s.host.edit_contact(s.ana, {"tags": ["vip"]}),
    "a tag away": lambda s: s.host.edit_contact(s.ana, {"tags": ["-vip"]}),
    "an owner": lambda s: s.host.edit_contact(s.ana, {"owner": 2}),
    "a stage": lambda s: s.host.change_stage(s.ana, "MQL"),
    "points": lambda s: s.host.gain_points(s.ana, 5),
    "UTM tags": lambda s: s.host.add_utm(s.ana, source="mail"),
    "an opt-out": lambda s: s.host.opt_out(s.ana),
    "an opt-out lifted": lambda s: s.host.lift_opt_out(s.ana),
    "a segment": lambda s: s.host.join_segment(s.ana, "News"),
    "a segment left": lambda s: s.host.leave_segment(s.ana, "News"),
    "a form with several saves": lambda s: s.host.submit_form(s.ana, values={"lastname": "A", "tags": ["x"]}),
}
SILENT: dict[str, Act] = {
    "the same value": lambda s: s.patch(s.ana, {"email": "ana@example.com"}, s.other),
    "a mail opened": lambda s: s.host.read_email(s.host.send_email(s.ana)),
    "a visit": lambda s: s.host.hit_page(s.ana),
    "a download": lambda s: s.host.download_asset(s.ana),
    "a form without changes": lambda s: s.host.submit_form(s.ana),
    "a note": lambda s: s.host.add_note(s.ana, "Called"),
    "a device": lambda s: s.host.add_device(s.ana),
    "a campaign": lambda s: s.host.join_campaign(s.ana),
    "a row lost by SQL": lambda s: s.host.lose_opt_out(s.ana),
    "the GDPR command": lambda s: s.host.cleanup_gdpr(s.bob),
}


def test_every_kind_of_change_leaves_one_row_and_mere_activity_none(site: Site) -> None:
    for name, change in CHANGES.items():
        change(site)
        assert (name, site.news()) == (name, [("contact", "changed", site.ana)])
    for name, act in SILENT.items():
        act(site)
        assert (name, site.news()) == (name, [])
    made = site.host.create_contact({"email": "new@example.com"})
    assert site.news() == [("contact", "changed", made)]
    nobody = site.call("POST", "/api/contacts/new", {})["contact"]["id"]
    assert site.news() == [("contact", "changed", nobody)]


def test_what_changes_again_has_one_row_with_a_new_id(site: Site) -> None:
    site.host.edit_contact(site.ana, {"firstname": "One"})
    [first] = [row for row in site.host.outbox() if row["kind"] == "contact"]
    site.host.edit_contact(site.bob, {"firstname": "Between"})
    site.host.clock.advance(minutes=1)
    site.host.edit_contact(site.ana, {"firstname": "Two"})
    assert site.told() == [("contact", "changed", site.bob), ("contact", "changed", site.ana)]
    again = site.host.outbox()[-1]
    assert (again["dedupe_key"], first["dedupe_key"]) == (f"contact:{site.ana}", f"contact:{site.ana}")
    assert again["id"] > first["id"] + 1
    assert again["date_added"] > first["date_added"]
    assert site.call("POST", "/api/sidecar/outbox/done", {"ids": [first["id"]]}) == {"deleted": 0}
    assert ("contact", "changed", site.ana) in site.told()


def test_a_row_that_commits_late_has_a_lower_id_than_those_that_came_before(site: Site) -> None:
    with site.host.late_commit() as late:
        site.host.edit_contact(site.ana, {"firstname": "Late"})
        site.host.push_by_tab([site.ana])
    site.host.edit_contact(site.bob, {"firstname": "Meanwhile"})
    assert site.told() == [("contact", "changed", site.bob)]
    assert site.posted == []
    late.commit()
    assert site.told() == [
        ("contact", "changed", site.ana),
        ("push", "push", site.ana),
        ("contact", "changed", site.bob),
    ]
    assert len(site.posted) == 1


def test_companies_are_told_and_who_becomes_a_member(site: Site) -> None:
    company = site.host.join_company(site.ana, "Acme")
    assert sorted(site.news()) == [("company", "changed", company), ("contact", "changed", site.ana)]
    site.host.join_company(site.ana, "Acme")
    assert site.news() == []
    site.host.edit_company(company, {"companycity": "Wien"})
    site.host.rename_company(company, "Acme 2")
    assert site.news() == [("company", "changed", company)]
    site.host.leave_company(site.ana, company)
    assert site.news() == [("contact", "changed", site.ana)]
    site.call("POST", f"/api/companies/{company}/contact/{site.bob}/add", None, **site.other)
    assert site.news() == [("contact", "changed", site.bob)]
    site.patch_company(company, {"companycity": "Graz"}, {**site.own, **MARK})
    assert site.news() == []
    site.call("DELETE", f"/api/companies/{company}/delete", None, **site.own, **MARK)
    assert site.news() == [("company", "deleted", company)]


# -- own writes ------------------------------------------------------------------------------------------------------


def test_only_the_marked_changes_of_the_bundles_own_client_are_not_told(site: Site) -> None:
    changed = [("contact", "changed", site.ana)]
    writers: dict[str, tuple[dict[str, str], list[tuple[str, str, int]]]] = {
        "own and marked": ({**site.own, **MARK}, []),
        "own, not marked": (site.own, changed),
        "another client": ({**site.other, **MARK}, changed),
        "a person": ({**basic(), **MARK}, changed),
    }
    for number, (name, (headers, expected)) in enumerate(writers.items()):
        site.patch(site.ana, {"firstname": f"N{number}", "company": f"C{number}"}, headers)
        assert (name, [row for row in site.news() if row[0] == "contact"]) == (name, expected)
    site.call("POST", f"/api/contacts/{site.ana}/dnc/email/add", {"reason": 3}, **site.own, **MARK)
    site.bulk({"id": site.ana, "fields": {"city": "Wien"}}, **site.own, **MARK)
    assert site.news() == []


def test_an_own_write_leaves_what_others_did_in_the_outbox_and_a_deletion_is_always_told(site: Site) -> None:
    site.host.edit_contact(site.ana, {"firstname": "By a person"})
    site.patch(site.ana, {"firstname": "By us"}, {**site.own, **MARK})
    assert site.news() == [("contact", "changed", site.ana)]
    site.call("DELETE", f"/api/contacts/{site.bob}/delete", None, **site.own, **MARK)
    assert site.news() == [("contact", "deleted", site.bob)]


# -- deletions and merges --------------------------------------------------------------------------------------------


def test_a_deletion_tells_address_and_opt_outs_as_they_were(site: Site) -> None:
    site.host.opt_out(site.bob, comments="No more")
    site.host.opt_out(site.bob, 3, by="ui", channel="sms")
    site.host.delete_contact(site.bob)
    [row] = [r for r in site.call("GET", "/api/sidecar/outbox")["rows"] if r["what"] == "deleted"]
    at = "2026-11-21T21:20:00+00:00"
    assert (row["kind"], row["object_id"], row["into_id"], row["at"]) == ("contact", site.bob, None, at)
    assert row["details"] == {
        "email": "bob@example.com",
        "do_not_contact": [
            {"channel": "email", "reason": 1, "comments": "No more", "date_added": at},
            {"channel": "sms", "reason": 3, "comments": "", "date_added": at},
        ],
    }
    assert site.host.outbox()[-1]["dedupe_key"] == f"deleted:{site.bob}"


def test_a_merge_tells_who_went_into_whom_and_that_the_survivor_changed(site: Site) -> None:
    site.host.merge_contacts(site.ana, site.bob)
    rows = site.call("GET", "/api/sidecar/outbox")["rows"]
    assert sorted((r["what"], r["object_id"], r["into_id"]) for r in rows) == [
        ("changed", site.ana, None),
        ("merged", site.bob, site.ana),
    ]


def test_a_known_person_in_a_fresh_browser_is_told_as_a_merge_into_the_new_id(site: Site) -> None:
    new_id = site.host.submit_form_fresh_browser("ana@example.com")
    assert sorted(site.told()) == [("contact", "changed", new_id), ("contact", "merged", site.ana)]


def test_the_gdpr_command_deletes_without_any_trace(site: Site) -> None:
    audits = site.host.rows("audit_log")
    site.host.cleanup_gdpr(site.bob)
    assert site.host.contact(site.bob) is None
    assert site.host.rows("audit_log") == audits


def prepare_loser(site: Site) -> dict[str, Any]:
    """Give Bob what Mautic loses in a merge; return what is expected on the survivor."""
    site.host.opt_out(site.bob, comments="No more")
    site.host.opt_out(site.bob, 3, by="ui", channel="sms", comments="Asked by phone")
    site.host.change_stage(site.bob, "MQL")
    site.host.add_utm(site.bob, source="mail")
    return {
        "stage_id": site.host.contacts()[-1]["stage_id"],
        "dnc": sorted(without_ids(row) for row in site.host.dnc(site.bob)),
        "utm": [without_ids(row) for row in site.host.rows("lead_utmtags", lead_id=site.bob)],
        "log": [without_ids(row) for row in site.host.rows("lead_stages_change_log", lead_id=site.bob)],
    }


def without_ids(row: Mapping[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in row.items() if name not in {"id", "lead_id"}]


def kept(site: Site) -> dict[str, Any]:
    row = site.host.contact(site.ana)
    assert row
    return {
        "stage_id": row["stage_id"],
        "dnc": sorted(without_ids(each) for each in site.host.dnc(site.ana)),
        "utm": [without_ids(each) for each in site.host.rows("lead_utmtags", lead_id=site.ana)],
        "log": [without_ids(each) for each in site.host.rows("lead_stages_change_log", lead_id=site.ana)],
    }


def test_the_repair_keeps_opt_outs_stage_and_utm_tags_through_a_merge(site: Site) -> None:
    expected = prepare_loser(site)
    site.host.clock.advance(days=1)
    site.host.merge_contacts(site.ana, site.bob)
    assert kept(site) == expected
    assert expected["log"]
    assert len(expected["dnc"]) == 2


@pytest.mark.parametrize("how", ["not wanted", "switched off", "not installed"])
def test_without_the_repair_a_merge_loses_them(how: str) -> None:
    site = Site(installed=how != "not installed")
    if how == "not wanted":
        site.install(repair_merges=False)
        assert site.call("GET", "/api/sidecar/status")["repair_merges"] is False
    elif how == "switched off":
        site.host.unpublish_bundle()
    prepare_loser(site)
    site.host.merge_contacts(site.ana, site.bob)
    assert kept(site) == {"stage_id": None, "dnc": [], "utm": [], "log": []}


def test_of_two_reasons_the_stronger_one_survives_with_its_words(site: Site) -> None:
    cases = [(3, 1, 1), (1, 3, 1), (2, 3, 3), (3, 2, 3), (2, 1, 1), (1, 1, 1)]
    for winners, losers, expected in cases:
        winner, loser = site.host.create_many([{"lastname": "Winner"}, {"lastname": "Loser"}])
        site.host.opt_out(winner, winners, comments="winner's")
        site.host.opt_out(loser, losers, comments="loser's")
        site.host.merge_contacts(winner, loser)
        [row] = site.host.dnc(winner)
        words = "winner's" if winners == expected else "loser's"
        assert (winners, losers, row["reason"], row["comments"]) == (winners, losers, expected, words)


# -- the outbox by REST ----------------------------------------------------------------------------------------------


def test_the_outbox_is_read_in_pages_and_what_was_handled_goes(site: Site) -> None:
    for number in range(3):
        site.host.create_contact({"email": f"{number}@example.com"})
    every = site.call("GET", "/api/sidecar/outbox")["rows"]
    assert [set(row) for row in every] == [{"id", "kind", "what", "object_id", "into_id", "details", "at"}] * 3
    ids = [row["id"] for row in every]
    assert ids == sorted(ids)
    assert site.call("GET", f"/api/sidecar/outbox?after={ids[0]}&limit=1")["rows"] == [every[1]]
    assert site.call("GET", "/api/sidecar/outbox?limit=0")["rows"] == [every[0]]
    began = next(row for row in site.host.outbox() if row["kind"] == "began")
    done = {"ids": [ids[0], ids[2], began["id"], 9999]}
    assert site.call("POST", "/api/sidecar/outbox/done", done) == {"deleted": 2}
    assert site.call("POST", "/api/sidecar/outbox/done", done) == {"deleted": 0}
    assert site.host.outbox() == [began, *(row for row in site.host.outbox() if row["id"] == ids[1])]


REFUSED: tuple[tuple[str, Any, int], ...] = (
    ("outbox/done", {"ids": list(range(1, 5002))}, 400),
    ("outbox/done", {"ids": ["1"]}, 400),
    ("outbox/done", {}, 400),
    ("contacts/bulk", {"items": [{"fields": {}}] * 501}, 413),
    ("contacts/bulk", {}, 400),
    ("contacts/bulk", [], 400),
)


def test_a_call_that_is_not_built_as_agreed_is_refused_whole(site: Site) -> None:
    people = len(site.host.contacts())
    codes = [site.send("POST", f"/api/sidecar/{path}", body).status_code for path, body, _ in REFUSED]
    assert codes == [status for *_, status in REFUSED]
    assert len(site.host.contacts()) == people


def test_a_busy_database_and_a_role_without_rights_are_told_as_agreed(site: Site) -> None:
    site.host.faults.add(Fault("/api/sidecar/contacts/bulk", status=503))
    answer = site.send("POST", "/api/sidecar/contacts/bulk", {"items": [{"fields": {}}]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    site.host.faults.add(Fault("/api/sidecar/contacts/bulk", status=403))
    refused = site.send("POST", "/api/sidecar/contacts/bulk", {"items": []}).json
    assert refused
    assert [(each["code"], each["type"]) for each in refused["errors"]] == [(403, "forbidden")]
    assert site.send("POST", "/api/sidecar/contacts/bulk", {"items": []}).status_code == 200


# -- pushes ----------------------------------------------------------------------------------------------------------


def test_pushes_are_never_joined_and_say_what_is_wanted_and_who_wants_it(site: Site) -> None:
    wish = {"as_": "Lead", "campaign_id": "701000000000001", "member_status": "Sent"}
    site.host.push_by_campaign([site.ana, site.bob], **wish)
    site.host.push_by_campaign([site.ana], as_="Contact", member_status="Means nothing without a campaign")
    site.host.push_by_form([site.ana])
    site.host.push_by_point([site.ana], trigger_id=5)
    site.host.push_by_tab([site.ana])
    rows = site.call("GET", "/api/sidecar/outbox")["rows"]
    assert [(r["kind"], r["what"], r["object_id"]) for r in rows] == [
        ("push", "push", contact_id) for contact_id in (site.ana, site.bob, *[site.ana] * 4)
    ]
    said = {"as": "Lead", "campaign_id": "701000000000001", "member_status": "Sent", "source": "campaign:1"}
    nothing = {"as": None, "campaign_id": None, "member_status": None}
    assert [row["details"] for row in rows] == [
        said,
        said,
        {**nothing, "as": "Contact", "source": "campaign:1"},
        {**nothing, "source": "form:1"},
        {**nothing, "source": "point:5"},
        {**nothing, "source": "contact tab"},
    ]


def test_a_push_wakes_the_sidecar_once_and_nothing_depends_on_it(site: Site) -> None:
    site.host.edit_contact(site.ana, {"firstname": "No push"})
    assert site.posted == []
    site.host.push_by_campaign([site.ana, site.bob])
    [(url, headers, body)] = site.posted
    assert url == "https://sidecar.example/hooks/acme/push"
    told = json.loads(body)
    assert re.fullmatch("[0-9a-f]{32}", told.pop("id")), "two calls of one second are two"
    assert told == {"wake": True, "at": "2026-11-21T21:20:00+00:00"}
    expected = base64.b64encode(hmac.new(KEY.encode(), body, hashlib.sha256).digest()).decode()
    assert headers["Webhook-Signature"] == expected

    def refuse(url: str, headers: Mapping[str, str], body: bytes) -> None:
        raise ConnectionRefusedError

    bundle = site.host.bundle
    assert bundle
    bundle.sender = refuse
    site.host.push_by_tab([site.ana])
    assert site.told()[-1] == ("push", "push", site.ana)


def test_a_push_needs_the_bundle_and_a_contact(site: Site) -> None:
    with pytest.raises(LookupError, match="no contact 999"):
        site.host.push_by_tab([999])
    assert (site.told(), site.posted) == ([], [])
    site.host.remove_bundle()
    with pytest.raises(LookupError, match="not installed"):
        site.host.push_by_tab([site.ana])


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Site(installed=False).host.install_bundle(shared_key="short")


# -- life without the bundle -----------------------------------------------------------------------------------------


def test_the_core_campaign_action_posts_values_for_tokens_and_takes_only_200_and_201() -> None:
    site = Site(installed=False)
    sent: list[tuple[str, Mapping[str, str], bytes]] = []

    def answering(status: int) -> Callable[[str, Mapping[str, str], bytes], int]:
        def answer(url: str, headers: Mapping[str, str], body: bytes) -> int:
            sent.append((url, headers, body))
            return status

        return answer

    url, data = (
        "https://s.example/push/{contactfield=id}",
        {"e": "{contactfield=email}", "c": "{contactfield=city|no/ne}"},
    )
    as_json = {"Content-Type": "application/json", "X-Key": "s3cr3t"}
    assert site.host.send_campaign_webhook(site.ana, url, as_json, data, answering(200))
    assert sent[0] == (
        f"https://s.example/push/{site.ana}",
        {"content-type": "application/json", "x-key": "s3cr3t"},
        b'{"e": "ana@example.com", "c": "no\\/ne"}',
    )
    assert not site.host.send_campaign_webhook(site.ana, url, {}, data, answering(202))
    assert sent[1][1:] == ({"content-type": "application/x-www-form-urlencoded"}, b"e=ana%40example.com&c=no%2Fne")
