"""The sandbox Mautic against recordings of a real one: calls on one contact."""

from typing import Any

import pytest

from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.fields import NewField
from tests.contract.host_replay import a_host, bare, call, give_next_id, play, recording, timeless

SALESFORCE_ID = NewField("salesforce_id", "text", "Salesforce Id", is_unique=True)
FULL = {
    "firstname": "Neü",
    "lastname": "Kontakt",
    "email": "neu@example.com",
    "city": "Wien",
    "tier": "gold",
    "annual_spend": 10,
    "birthday": "1990-01-01",
}
REFUSED = [
    "contact_edit_patch_owner_unknown",
    "contact_edit_patch_select_label",
    "error_field_array_for_text",
    "error_field_invalid_country",
    "error_field_invalid_email",
    "error_field_invalid_locale",
    "error_field_invalid_multiselect",
    "error_field_invalid_number",
    "error_field_invalid_select",
    "error_field_invalid_state",
    "error_field_invalid_timezone",
    "error_field_too_long",
    "error_field_unpublished",
]
TAKEN_AS_RECORDED = [
    "contact_edit_patch_bool_variants3",
    "contact_edit_patch_bool_variants4",
    "contact_edit_patch_date_iso",
    "contact_edit_patch_datetime_Z",
    "contact_edit_patch_datetime_plain",
    "contact_edit_patch_datetime_tz",
    "contact_edit_patch_html_entities",
    "contact_edit_patch_multiselect_string",
    "contact_edit_patch_number_exp",
    "contact_edit_patch_points",
    "contact_edit_patch_textarea_crlf",
    "contact_edit_patch_unicode",
    "error_field_invalid_boolean",
    "error_field_invalid_url",
]
DROPPED_WITHOUT_A_WORD = [
    ("contact_edit_patch_null", "city", "Wien"),
    ("contact_edit_patch_empty_string", "city", "Wien"),
    ("contact_edit_patch_empty_no_overwrite", "city", "Wien"),
    ("error_field_invalid_date", "birthday", "1990-01-01"),
    ("error_field_invalid_datetime", "last_call", None),
    ("error_field_unknown", "no_such_field", None),
    ("contact_edit_patch_dateModified_ignored", "id", "308"),
]


@pytest.fixture
def host() -> Host:
    host = a_host()
    give_next_id(host, 308)
    assert host.create_contact(FULL, by="api") == 308
    return host


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_a_value_with_the_recorded_words(host: Host, name: str) -> None:
    expected = recording(name)["response"]
    assert play(host, name) == (expected["status"], expected["body"])


@pytest.mark.parametrize("name", TAKEN_AS_RECORDED)
def test_stores_a_value_as_recorded(host: Host, name: str) -> None:
    expected = recording(name)["response"]
    status, body = play(host, name)
    written = [
        alias for alias in recording(name)["request"]["body"] if alias in expected["body"]["contact"]["fields"]["all"]
    ]
    assert written
    assert status == expected["status"]
    for alias in written:
        assert body["contact"]["fields"]["all"][alias] == expected["body"]["contact"]["fields"]["all"][alias]


@pytest.mark.parametrize(("name", "alias", "kept"), DROPPED_WITHOUT_A_WORD)
def test_answers_200_to_what_it_does_not_write(host: Host, name: str, alias: str, kept: Any) -> None:
    status, body = play(host, name)
    assert (status, body["contact"]["fields"]["all"].get(alias)) == (recording(name)["response"]["status"], kept)


def test_blanks_with_null_only_when_told_to_overwrite(host: Host) -> None:
    assert play(host, "contact_edit_patch_overwriteWithBlank_true_null")[0] == 200
    row = host.contact(308)
    assert row
    assert (row["city"], row["birthday"], row["tier"], row["annual_spend"]) == (None, None, None, None)


def test_an_empty_text_blanks_everything_but_a_date(host: Host) -> None:
    status, body = play(host, "contact_edit_patch_overwriteWithBlank_true_empty")
    recorded = recording("contact_edit_patch_overwriteWithBlank_true_empty")["response"]["body"]["contact"]["fields"][
        "all"
    ]
    assert status == 200
    assert body["contact"]["fields"]["all"]["birthday"] == recorded["birthday"] == "1990-01-01"
    assert not body["contact"]["fields"]["all"]["city"]
    assert not recorded["city"]


def test_a_put_blanks_what_is_not_sent_and_the_points(host: Host) -> None:
    host.gain_points(308, 7)
    status, body = play(host, "contact_edit_put_existing")
    assert (status, body["contact"]["points"]) == (200, 0)
    row = host.contact(308)
    assert row
    assert (row["firstname"], row["city"], row["lastname"]) == ("Put", None, None)


def test_a_put_on_an_unknown_id_creates_a_contact_with_another_id(host: Host) -> None:
    status, body = play(host, "contact_edit_put_new_id")
    assert (status, body["contact"]["id"]) == (201, 309)


@pytest.mark.parametrize(
    "name",
    [
        "contact_edit_patch",
        "contact_edit_patch_owner",
        "contact_edit_patch_owner_null",
        "contact_edit_patch_stage",
        "contact_edit_patch_tags_add",
        "contact_edit_patch_doNotContact",
    ],
)
def test_an_edit_answers_with_the_recorded_keys_and_relations(host: Host, name: str) -> None:
    expected = recording(name)["response"]
    status, body = play(host, name)
    contact, recorded = body["contact"], expected["body"]["contact"]
    assert status == expected["status"]
    assert set(contact) == set(recorded)
    assert set(contact["fields"]["all"]) == set(recorded["fields"]["all"])


@pytest.mark.parametrize(
    ("name", "relation"),
    [
        ("contact_edit_patch_owner", "owner"),
        ("contact_edit_patch_owner_null", "owner"),
        ("contact_edit_patch_stage", "stage"),
        ("contact_edit_patch_doNotContact", "doNotContact"),
    ],
)
def test_an_edit_writes_a_relation_as_recorded(host: Host, name: str, relation: str) -> None:
    _, body = play(host, name)
    expected = recording(name)["response"]["body"]["contact"][relation]
    assert comparable(body["contact"][relation]) == comparable(expected)


def comparable(relation: Any) -> Any:
    """Leave out who made it and numbers that depend on what was there before."""
    if isinstance(relation, list):
        return without_ids(relation)
    return {k: v for k, v in (relation or {}).items() if k not in {"createdByUser", "description", "weight"}}


def test_an_edit_shows_fields_with_the_recorded_metadata(host: Host) -> None:
    _, body = play(host, "contact_edit_patch")
    recorded = recording("contact_edit_patch")["response"]["body"]["contact"]["fields"]
    for group in ("core", "social", "professional", "personal"):
        shown = body["contact"]["fields"][group]
        assert without_values(shown) == without_values(recorded[group])


def test_a_creation_shows_fields_with_the_recorded_metadata() -> None:
    host = a_host()
    status, body = play(host, "contacts_new", body=recording("contacts_new")["request"]["body"])
    recorded = recording("contacts_new")["response"]["body"]["contact"]
    assert status == 201
    assert set(body["contact"]) == set(recorded)
    for group in ("core", "social", "professional", "personal"):
        assert without_values(body["contact"]["fields"][group]) == without_values(recorded["fields"][group])
    for alias in ("is_customer", "birthday", "last_call", "annual_spend", "tier", "interests", "email"):
        assert body["contact"]["fields"]["all"][alias] == recorded["fields"]["all"][alias]


def without_values(fields: Any) -> Any:
    return (
        {a: {k: v for k, v in f.items() if not k.lower().endswith("value")} for a, f in fields.items()}
        if fields
        else []
    )


@pytest.mark.parametrize(
    "name",
    [
        "contacts_new_empty",
        "contacts_new_anonymous_no_fields_null",
        "contacts_new_form_encoded",
        "contacts_new_html_in_text",
    ],
)
def test_a_creation_answers_exactly_as_recorded(name: str) -> None:
    host = a_host()
    recorded = recording(name)["response"]["body"]["contact"]
    with host.database.work() as work:
        work.add("lead_tags", tag="vip")
    give_next_id(host, recorded["id"])
    status, body = play(host, name)
    assert (status, bare(body["contact"])) == (201, bare(recorded))


def test_posting_the_email_of_a_contact_updates_it_whatever_its_case() -> None:
    host = a_host()
    give_next_id(host, 181)
    for name in ("contacts_new_dup_1", "contacts_new_dup_2_same_email", "contacts_new_dup_3_upper_email"):
        expected = recording(name)["response"]
        status, body = play(host, name)
        host.clock.advance(seconds=1)
        assert (status, bare(body["contact"])) == (expected["status"], bare(expected["body"]["contact"]))


def test_an_email_of_another_contact_is_refused(host: Host) -> None:
    host.create_contact({"email": "contact001@example.com"})
    expected = recording("contact_edit_patch_email_of_other")["response"]
    assert play(host, "contact_edit_patch_email_of_other") == (expected["status"], expected["body"])


def test_two_unique_values_of_two_contacts_are_refused() -> None:
    host = a_host(SALESFORCE_ID)
    host.create_many([{"email": "sf1@example.com", "salesforce_id": "003A"}, {"email": "sf2@example.com"}])
    expected = recording("contacts_new_two_unique_ids_hit_two_contacts")["response"]
    assert play(host, "contacts_new_two_unique_ids_hit_two_contacts") == (expected["status"], expected["body"])


@pytest.mark.parametrize(
    "name",
    [
        "contact_get_not_found",
        "contact_get_non_numeric",
        "contact_edit_patch_not_found",
        "dnc_add_not_found",
        "contact_delete_again",
    ],
)
def test_what_is_not_there_is_answered_as_recorded(host: Host, name: str) -> None:
    expected = recording(name)["response"]
    assert play(host, name) == (expected["status"], expected["body"])


@pytest.mark.parametrize(
    "name", ["dnc_add_manual", "dnc_add_nobody", "dnc_add_reason1_unsubscribed", "dnc_add_reason2_bounced"]
)
def test_an_opt_out_answers_with_the_row_it_made(name: str) -> None:
    host = a_host()
    sent, recorded = recording(name)["request"], recording(name)["response"]["body"]["contact"]
    give_next_id(host, recorded["id"])
    host.create_contact(
        {a: recorded[a] for a in ("firstname", "lastname", "email", "phone", "city", "country")}, by="api"
    )
    status, body = play(host, name, body=sent["body"] or {})
    shown, expected = timeless(body["contact"]), timeless(recorded)
    assert status == 200
    assert without_ids(shown["doNotContact"]) == without_ids(expected["doNotContact"])
    assert shown.keys() - {"company"} == expected.keys() - {"company"}
    assert "all" not in shown["fields"]


def without_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "id"} for row in rows]


def test_an_unknown_channel_is_stored_and_an_unknown_reason_changes_nothing() -> None:
    host = a_host()
    give_next_id(host, 32)
    host.create_contact({"email": "x@example.com"})
    play(host, "dnc_add_unknown_channel")
    play(host, "dnc_add_reason_invalid")
    assert [(row["channel"], row["reason"]) for row in host.dnc(32)] == [("pigeon", 3)]


def test_adding_an_opt_out_twice_changes_the_row_in_place() -> None:
    host = a_host()
    contact_id = host.create_contact({"email": "x@example.com"})
    call(host, "POST", f"/api/contacts/{contact_id}/dnc/email/add", {"reason": 3, "comments": "c"})
    first = host.dnc(contact_id)[0]
    host.clock.advance(minutes=1)
    call(host, "POST", f"/api/contacts/{contact_id}/dnc/email/add", {"reason": 1, "comments": "second"})
    (second,) = host.dnc(contact_id)
    assert (second["id"], second["reason"], second["comments"]) == (first["id"], 1, "second")
    assert second["date_added"] > first["date_added"]


def test_removing_an_opt_out_answers_200_also_when_nothing_was_there() -> None:
    host = a_host()
    contact_id = host.create_contact({"email": "x@example.com"})
    answers = []
    host.opt_out(contact_id)
    for _ in range(2):
        status, body = call(host, "POST", f"/api/contacts/{contact_id}/dnc/email/remove")
        answers.append((status, body["recordFound"]))
    recorded = [recording(name)["response"] for name in ("dnc_remove", "dnc_remove_nothing")]
    assert answers == [(each["status"], each["body"]["recordFound"]) for each in recorded]


def test_a_deletion_answers_with_the_contact_and_no_id() -> None:
    host = a_host()
    with host.database.work() as work:
        work.add("lead_tags", tag="vip")
    give_next_id(host, 309)
    play(host, "contacts_new_form_encoded")
    status, body = play(host, "contact_delete")
    recorded = recording("contact_delete")["response"]["body"]["contact"]
    assert (status, body["contact"]["id"], set(body["contact"])) == (200, None, set(recorded))
    assert host.contact(309) is None
