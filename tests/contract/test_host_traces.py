"""The sandbox Mautic against experiments on a real one: which columns, rows and audit entries each change leaves."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from sidecar.sandbox.host import php
from sidecar.sandbox.host.control import Host
from tests.contract.host_replay import FOLDER, a_host, call

EXPERIMENTS = {each["experiment"]: each for each in json.loads((FOLDER / "host" / "experiments.json").read_text())}
Act = Callable[[Host, int], Any]
EMAIL = "exp@example.com"


def patch(**body: Any) -> Act:
    return lambda host, contact_id: call(host, "PATCH", f"/api/contacts/{contact_id}/edit", body)


def post(path: str, **body: Any) -> Act:
    return lambda host, contact_id: call(host, "POST", path.format(contact_id), body)


def on_stage(host: Host, contact_id: int) -> None:
    host.change_stage(contact_id, "MQL")


def globex_exists(host: Host, contact_id: int) -> None:
    host.create_company("Globex")


def opted_out(host: Host, contact_id: int) -> None:
    host.opt_out(contact_id, 3, "api", comments="x")


def nothing(host: Host, contact_id: int) -> None:
    """Leave the contact as it is."""


def in_segment(host: Host, contact_id: int) -> None:
    host.join_segment(contact_id, "Static list")


def other_in_segment(host: Host, contact_id: int) -> None:
    host.join_segment(1, "Static list")


def tagged(host: Host, contact_id: int) -> None:
    call(host, "PATCH", f"/api/contacts/{contact_id}/edit", {"tags": ["vip"]})


# experiment: what was done before, what is done, what the lab had besides (points for forms, IP rows …)
CASES: dict[str, tuple[Act, Act]] = {
    "api_patch_name": (nothing, patch(firstname="Changed")),
    "api_patch_same_value": (nothing, patch(firstname="Exp", lastname="X")),
    "api_patch_custom_field": (nothing, patch(tier="gold")),
    "api_patch_tags_only": (nothing, patch(tags=["vip"])),
    "api_patch_tag_remove": (tagged, patch(tags=["-vip"])),
    "api_patch_owner_only": (nothing, patch(owner=2)),
    "api_patch_stage_only": (nothing, patch(stage=2)),
    "api_patch_points_only": (nothing, patch(points=9)),
    "api_patch_company_field": (globex_exists, patch(company="Globex")),
    "api_patch_lastActive": (nothing, patch(lastActive="2026-01-02T03:04:05+00:00")),
    "api_post_new_existing_email": (nothing, post("/api/contacts/new", firstname="Upserted", email=EMAIL)),
    "api_points_plus": (nothing, post("/api/contacts/{}/points/plus/5")),
    "api_dnc_add": (nothing, post("/api/contacts/{}/dnc/email/add", comments="x")),
    "api_dnc_remove": (opted_out, post("/api/contacts/{}/dnc/email/remove")),
    "api_segment_add": (other_in_segment, post("/api/segments/1/contact/{}/add")),
    "api_segment_remove": (in_segment, post("/api/segments/1/contact/{}/remove")),
    "api_stage_add": (nothing, post("/api/stages/2/contact/{}/add")),
    "api_stage_remove": (on_stage, post("/api/stages/2/contact/{}/remove")),
    "api_note_new": (nothing, lambda host, contact_id: host.add_note(contact_id, "n")),
    "api_email_send": (nothing, lambda host, contact_id: host.send_email(contact_id)),
    "api_delete": (nothing, lambda host, contact_id: call(host, "DELETE", f"/api/contacts/{contact_id}/delete")),
    "ui_edit_name": (nothing, lambda host, contact_id: host.edit_contact(contact_id, {"firstname": "UiEdited"})),
    "ui_edit_no_change": (nothing, lambda host, contact_id: host.edit_contact(contact_id, {"firstname": "Exp"})),
    "ui_batch_dnc": (nothing, lambda host, contact_id: host.opt_out(contact_id, 3, "ui", comments="ui dnc")),
    "ui_delete": (nothing, lambda host, contact_id: host.delete_contact(contact_id)),
    "page_hit_external_tracked": (nothing, lambda host, contact_id: host.hit_page(contact_id)),
    "asset_download_tracked": (nothing, lambda host, contact_id: host.download_asset(contact_id)),
    "api_email_blanked": (nothing, patch(email=None, overwriteWithBlank=True)),
}
# The columns the experiments looked at.
OBSERVED = {
    "company",
    "date_identified",
    "date_modified",
    "email",
    "last_active",
    "modified_by",
    "modified_by_user",
    "owner_id",
    "points",
    "stage_id",
}
# Copies of mails and named things are made by the sandbox when they are first used.
NAMED = {
    "email_copies",
    "emails",
    "assets",
    "forms",
    "lead_tags",
    "companies",
    "ip_addresses",
    "lead_devices",
    "email_stats_devices",
}


def counts(host: Host) -> dict[str, int]:
    with host.database.work() as work:
        return {
            name: work.connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in work.schema.tables.items()
            if name not in NAMED
        }


def changed(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in before if after[name] != before[name]}


def recorded_changes(experiment: dict[str, Any], known: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in experiment["tables_rows_added"].items() if name in known}


@pytest.mark.parametrize("name", CASES)
def test_a_change_leaves_the_recorded_traces(name: str) -> None:
    host, experiment = a_host(), EXPERIMENTS[name]
    contact_id = host.create_contact({"firstname": "Exp", "lastname": "X", "email": EMAIL}, by="api")
    prepare, act = CASES[name]
    host.clock.advance(seconds=5)
    prepare(host, contact_id)
    before, tables, audits = host.contact(contact_id), counts(host), len(host.rows("audit_log"))
    host.clock.advance(seconds=5)
    act(host, contact_id)
    after = host.contact(contact_id)
    assert before
    if experiment["leads_columns_changed"] == "ROW GONE":
        assert after is None
    else:
        assert after
        assert {column for column in OBSERVED if before[column] != after[column]} == set(
            experiment["leads_columns_changed"]
        )
    assert changed(tables, counts(host)) == recorded_changes(experiment, tables)
    ours = host.rows("audit_log")[audits:]
    assert [(row["object"], row["action"]) for row in ours] == [
        (row["object"], row["action"]) for row in experiment["audit_log"]
    ]
    for mine, theirs in zip(ours, experiment["audit_log"], strict=True):
        if mine["object"] == "lead":
            assert shape(php.unserialize(mine["details"])) == shape(php.unserialize(theirs["details"]))


def shape(value: Any) -> Any:
    """Return audit details with what differs from one contact to the next made equal."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, str):
        return "<name>" if value.lower().startswith("exp") else re.sub(r"^lead:lead:\d+$", "lead:lead:<id>", value)
    return value


def test_a_new_contact_has_no_date_modified_and_is_logged_by_its_way_in() -> None:
    host = a_host()
    actions = {}
    for way in ("api", "ui", "import"):
        contact_id = host.create_contact({"email": f"{way}@example.com"}, by=way)
        row = host.contact(contact_id)
        assert row
        assert row["date_modified"] is None
        actions[way] = [entry["action"] for entry in host.rows("audit_log", object_id=contact_id)]
    assert actions == {
        "api": ["create", "identified"],
        "ui": ["update", "identified"],
        "import": ["create", "identified"],
    }


def test_a_frozen_date_modified_is_the_creation_time_for_ever() -> None:
    host = Host(clock=a_host().clock, profile="6.0")
    contact_id = host.create_contact({"email": EMAIL})
    host.clock.advance(hours=1)
    host.edit_contact(contact_id, {"firstname": "Later"})
    row = host.contact(contact_id)
    assert row
    assert row["date_modified"] == row["date_added"]


def loaded_contact(host: Host, email: str) -> int:
    contact_id = host.create_contact(
        {"firstname": "Loaded", "email": email, "city": "Rom", "owner": 2, "tags": ["vip"]}
    )
    host.gain_points(contact_id, 27)
    host.change_stage(contact_id, "MQL")
    host.add_utm(contact_id, source="ad")
    host.join_company(contact_id, "Globex")
    host.add_note(contact_id, "stays")
    host.opt_out(contact_id)
    return contact_id


def test_a_merge_loses_opt_out_stage_and_utm_tags_and_carries_over_the_rest() -> None:
    host = a_host()
    loser = loaded_contact(host, "loser@example.com")
    winner = host.create_contact({"firstname": "Path"})
    host.clock.advance(seconds=5)
    host.edit_contact(winner, {"lastname": "Newer"})
    host.merge_contacts(winner, loser)
    row = host.contact(winner)
    assert row
    assert (row["firstname"], row["lastname"], row["city"], row["points"], row["owner_id"]) == (
        "Path",
        "Newer",
        "Rom",
        27,
        2,
    )
    assert (row["email"], row["stage_id"], row["company"]) == ("loser@example.com", None, "Globex")
    assert {
        name: len(host.rows(name, lead_id=winner))
        for name in ("lead_donotcontact", "lead_utmtags", "lead_stages_change_log")
    } == {
        "lead_donotcontact": 0,
        "lead_utmtags": 0,
        "lead_stages_change_log": 0,
    }
    assert [len(host.rows(name, lead_id=winner)) for name in ("lead_notes", "companies_leads", "lead_tags_xref")] == [
        1,
        1,
        1,
    ]


def test_the_audit_log_of_a_merge_names_update_identified_merge_and_delete_in_this_order() -> None:
    host = a_host()
    loser = loaded_contact(host, "loser@example.com")
    winner = host.create_contact({"firstname": "Path"})
    count = len(host.rows("audit_log"))
    host.merge_contacts(winner, loser)
    name = "ui_merge: opened newer contact, merged the older (loaded) one into it"
    recorded = [row["action"] for row in EXPERIMENTS[name]["audit_log"]]
    ours = [row["action"] for row in host.rows("audit_log")[count:]]
    # The loser of the recording was identified earlier than the winner, as here only when a second lies between them.
    assert [action for action in ours if action != "identified"] == [
        action for action in recorded if action != "identified"
    ]
    merged = next(row for row in host.rows("audit_log") if row["action"] == "merge")
    assert (merged["object_id"], php.unserialize(merged["details"])) == (loser, {"merged_into": winner})


def test_merge_records_point_to_the_last_survivor() -> None:
    host = a_host()
    first, second, third = host.create_many([{"firstname": name} for name in "abc"])
    host.merge_contacts(second, first)
    host.merge_contacts(third, second)
    assert [(row["merged_id"], row["contact_id"]) for row in host.rows("contact_merge_records")] == [
        (first, third),
        (second, third),
    ]


def test_a_form_from_a_fresh_browser_gives_a_known_person_a_new_id_and_loses_the_opt_out() -> None:
    host = a_host()
    old = loaded_contact(host, EMAIL)
    identified = (host.contact(old) or {})["date_identified"]
    host.clock.advance(minutes=1)
    count = len(host.rows("audit_log"))
    new = host.submit_form_fresh_browser(EMAIL, {"firstname": "Fm", "lastname": "L"})
    row = host.contact(new)
    assert row
    assert new > old
    assert host.contact(old) is None
    assert (row["firstname"], row["stage_id"], row["date_identified"]) == ("Fm", None, identified)
    assert host.dnc(new) == []
    recorded = [entry["action"] for entry in EXPERIMENTS["form_submit_fresh_browser_loaded_contact"]["audit_log"]]
    # The lab's form also gave points and a tag: three more updates.
    assert [entry["action"] for entry in host.rows("audit_log")[count:]] == recorded[:-3]


def test_a_deletion_takes_memberships_along_and_leaves_mails_and_visits_without_a_contact() -> None:
    host = a_host()
    contact_id = loaded_contact(host, EMAIL)
    stat, hit = host.send_email(contact_id), host.hit_page(contact_id)
    host.delete_contact(contact_id)
    gone = (
        "lead_donotcontact",
        "lead_notes",
        "companies_leads",
        "lead_tags_xref",
        "lead_utmtags",
        "lead_points_change_log",
    )
    assert [host.rows(name, lead_id=contact_id) for name in gone] == [[]] * len(gone)
    assert [host.rows("email_stats", id=stat)[0]["lead_id"], host.rows("page_hits", id=hit)[0]["lead_id"]] == [
        None,
        None,
    ]


def test_an_opt_out_can_vanish_without_a_trace() -> None:
    host = a_host()
    contact_id = host.create_contact({"email": EMAIL})
    host.opt_out(contact_id)
    before, count = host.contact(contact_id), len(host.rows("audit_log"))
    host.clock.advance(minutes=1)
    host.lose_opt_out(contact_id)
    assert (host.dnc(contact_id), host.contact(contact_id), len(host.rows("audit_log"))) == ([], before, count)


def test_a_late_commit_appears_afterwards_with_an_earlier_stamp_and_lower_ids() -> None:
    host = a_host()
    first = host.create_contact({"email": EMAIL})
    with host.late_commit() as late:
        late_id = host.create_contact({"email": "late@example.com"})
        host.edit_contact(first, {"city": "Rom"})
        stamp = host.clock.now().replace(tzinfo=None)
    host.clock.advance(minutes=3)
    during = host.create_contact({"email": "during@example.com"})
    assert (host.contact(late_id), (host.contact(first) or {})["city"]) == (None, None)
    late.commit()
    row = host.contact(late_id)
    assert row
    assert (row["date_added"], (host.contact(first) or {})["city"]) == (stamp, "Rom")
    assert late_id < during
    ids = {entry["object_id"]: entry["id"] for entry in host.rows("audit_log") if entry["action"] == "update"}
    assert ids[late_id] < ids[during]
