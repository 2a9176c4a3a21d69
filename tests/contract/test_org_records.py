"""What the sandbox org does to records: values as it keeps them, stamps, history, deletion, merge and conversion."""

from datetime import UTC, datetime

import pytest

from sidecar.sandbox.org import Clock, Org, OrgError
from tests.contract.org_caller import Caller

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LEAD = {"LastName": "Stone", "Company": "Acme"}


@pytest.fixture
def org():
    org = Org(clock=Clock(NOON))
    yield org
    org.close()


@pytest.fixture
def caller(org):
    return Caller(org)


def refusal(caller, object_name="Lead", **values):
    """Return code and fields of a refused insert."""
    base = LEAD if object_name == "Lead" else {}
    row = caller.many("POST", "", object_name, base | values).json()[0]
    assert row["success"] is False
    return row["errors"][0]["statusCode"], row["errors"][0]["fields"]


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("Email", " Mixed.Case@Example.COM ", "mixed.case@example.com"),
        ("Title", "  Dr\t", "Dr"),
        ("Title", "", None),
        ("Title", "   ", None),
        ("Description", "a\r\nb\nc", "a\r\nb\nc"),
        ("Title", "<b>Ünïcode & 漢字</b>", "<b>Ünïcode & 漢字</b>"),
        ("Score__c", 12.345, 12.35),
        ("Score__c", 0, 0.0),
        ("Score__c", "7", 7.0),
        ("Last_Visit__c", "2026-05-01T14:00:00.987+02:00", "2026-05-01T12:00:00.000+0000"),
        ("Birthday__c", "1990-02-03", "1990-02-03"),
        ("Interests__c", "travel;Music;Music", "Music;Travel"),
        ("Rating", "hot", "Hot"),
        ("LeadSource", "Anything goes", "Anything goes"),
    ],
)
def test_a_value_is_kept_as_the_org_keeps_it(org, caller, field, sent, kept):
    lead = caller.ask("POST", "/sobjects/Lead", LEAD | {field: sent}).json()["id"]
    assert org.row("Lead", lead)[field] == kept


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Email", "no-at-sign", "INVALID_EMAIL_ADDRESS"),
        ("Email", "a" * 70 + "@example.com", "STRING_TOO_LONG"),
        ("Rating", "Lukewarm", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Interests__c", "Music;Chess", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Score__c", 1234567, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Deleted_in_Mautic__c", None, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("OwnerId", "005xx", "MALFORMED_ID"),
    ],
)
def test_a_wrong_value_fails_its_row_and_names_its_field(caller, field, value, code):
    assert refusal(caller, **{field: value}) == (code, [field])


@pytest.mark.parametrize(
    ("field", "value"), [("Birthday__c", "03/02/1990"), ("Last_Visit__c", "2026-05-01T12:00:00"), ("Title", 5)]
)
def test_json_of_the_wrong_kind_is_not_read(caller, field, value):
    assert refusal(caller, **{field: value})[0] == "JSON_PARSER_ERROR"


def test_required_fields_must_be_there_and_stay_there(org, caller):
    assert refusal(caller, "Lead", LastName=None, Company="") == ("REQUIRED_FIELD_MISSING", ["LastName", "Company"])
    lead = org.insert("Lead", LEAD)
    row = caller.many("PATCH", "", "Lead", {"id": lead, "Company": None}).json()[0]
    assert row["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"


def test_a_refused_row_leaves_no_trace(org, caller):
    lead = org.insert("Lead", LEAD)
    caller.many("PATCH", "", "Lead", {"id": lead, "Title": "New", "Email": "bad"})
    assert org.row("Lead", lead)["Title"] is None


def test_a_person_moves_both_stamps_and_automation_only_one(org):
    lead = org.insert("Lead", LEAD)
    org.clock.advance(60)
    org.update("Lead", lead, {"Title": "Dr"})
    org.clock.advance(60)
    org.update("Lead", lead, {"Fax": "1"}, by="automation")
    row = org.row("Lead", lead)
    assert row["LastModifiedDate"] == "2026-05-01T12:01:00.000+0000"
    assert row["SystemModstamp"] == "2026-05-01T12:02:00.000+0000"
    assert row["LastModifiedById"] == org.user_ids["user"]


def test_a_task_moves_the_last_activity_of_its_person_but_not_the_last_change(org):
    lead = org.insert("Lead", LEAD)
    org.clock.advance(60)
    org.insert("Task", {"WhoId": lead, "Subject": "Call", "ActivityDate": "2026-05-01"})
    row = org.row("Lead", lead)
    assert (row["LastActivityDate"], row["LastModifiedDate"]) == ("2026-05-01", "2026-05-01T12:00:00.000+0000")
    assert row["SystemModstamp"] == "2026-05-01T12:01:00.000+0000"


def test_history_says_when_an_opt_out_changed_and_who_did_it(org, caller):
    lead = org.insert("Lead", LEAD | {"HasOptedOutOfEmail": True})
    org.clock.advance(60)
    caller.ask("PATCH", f"/sobjects/Lead/{lead}", {"HasOptedOutOfEmail": False, "Title": "Dr"})
    created, changed = org.history("Lead", lead)
    assert (created["Field"], created["OldValue"], created["NewValue"]) == ("created", None, None)
    assert (changed["Field"], changed["OldValue"], changed["NewValue"]) == ("HasOptedOutOfEmail", True, False)
    assert (changed["CreatedDate"], changed["CreatedById"]) == ("2026-05-01T12:01:00.000+0000", org.user_ids["api"])


def test_the_same_value_again_writes_no_history_but_moves_the_stamp(org):
    lead = org.insert("Lead", LEAD)
    org.clock.advance(60)
    org.update("Lead", lead, {"HasOptedOutOfEmail": False})
    assert len(org.history("Lead", lead)) == 1
    assert org.row("Lead", lead)["SystemModstamp"] == "2026-05-01T12:01:00.000+0000"


def test_a_deleted_record_frees_its_key_and_cannot_come_back_while_it_is_taken(org, caller):
    first = org.insert("Lead", LEAD | {"Mautic_Id__c": "7"})
    org.delete("Lead", first)
    row = caller.many("PATCH", "/Lead/Mautic_Id__c", "Lead", LEAD | {"Mautic_Id__c": "7"}).json()[0]
    assert row["created"] is True
    assert row["id"] != first
    with pytest.raises(OrgError, match="DUPLICATE_VALUE"):
        org.undelete("Lead", first)


def test_a_deleted_record_comes_back_with_its_id_and_a_new_stamp(org, caller):
    lead = org.insert("Lead", LEAD)
    org.delete("Lead", lead)
    assert (
        caller.many("PATCH", "", "Lead", {"id": lead, "Title": "x"}).json()[0]["errors"][0]["statusCode"]
        == "ENTITY_IS_DELETED"
    )
    org.clock.advance(60)
    org.undelete("Lead", lead)
    assert org.row("Lead", lead)["SystemModstamp"] == "2026-05-01T12:01:00.000+0000"
    assert caller.ask("GET", f"/sobjects/Lead/{lead}").status_code == 200


def test_a_merge_bins_the_loser_points_it_to_the_winner_and_moves_its_tasks(org):
    winner, loser = org.insert("Contact", {"LastName": "A"}), org.insert("Contact", {"LastName": "B"})
    task = org.insert("Task", {"WhoId": loser, "Subject": "Call"})
    org.clock.advance(60)
    org.merge("Contact", winner, [loser])
    gone = org.row("Contact", loser)
    assert (gone["IsDeleted"], gone["MasterRecordId"]) == (True, winner)
    assert org.row("Task", task)["WhoId"] == winner
    assert org.row("Contact", winner)["SystemModstamp"] == "2026-05-01T12:01:00.000+0000"


def test_a_converted_lead_stays_readable_names_its_contact_and_keeps_its_key(org, caller):
    lead = org.insert(
        "Lead", LEAD | {"Email": "a@example.com", "Mautic_Id__c": "7", "HasOptedOutOfEmail": True, "City": "Austin"}
    )
    contact = org.convert_lead(lead)
    row = caller.query(
        f"SELECT IsConverted, Status, ConvertedContactId, IsDeleted FROM Lead WHERE Id = '{lead}'"
    ).json()["records"][0]
    assert (row["IsConverted"], row["Status"], row["IsDeleted"]) == (True, "Closed - Converted", False)
    assert row["ConvertedContactId"] == contact
    made = org.row("Contact", contact)
    assert (made["Email"], made["HasOptedOutOfEmail"], made["MailingCity"], made["Mautic_Id__c"]) == (
        "a@example.com",
        True,
        "Austin",
        None,
    )
    assert refusal(caller, Mautic_Id__c="7")[0] == "DUPLICATE_VALUE"


def test_a_lead_can_be_converted_to_a_contact_that_exists_and_fills_only_its_blanks(org):
    contact = org.insert("Contact", {"LastName": "Known", "Phone": "1"})
    lead = org.insert("Lead", LEAD | {"Phone": "2", "Title": "Dr"})
    assert org.convert_lead(lead, contact) == contact
    row = org.row("Contact", contact)
    assert (row["LastName"], row["Phone"], row["Title"]) == ("Known", "1", "Dr")


def test_a_lead_in_a_task_leaves_no_room_for_another_relation(org, caller):
    lead, account = org.insert("Lead", LEAD), org.insert("Account", {"Name": "A"})
    assert refusal(caller, "Task", WhoId=lead, WhatId=account) == ("FIELD_INTEGRITY_EXCEPTION", ["WhoId", "WhatId"])


def test_deleting_an_account_takes_its_contacts_along(org):
    account = org.insert("Account", {"Name": "A"})
    contact = org.insert("Contact", {"LastName": "B", "AccountId": account})
    org.delete("Account", account)
    assert org.row("Contact", contact)["IsDeleted"] is True


def test_a_late_commit_shows_rows_later_with_their_early_stamp(org, caller):
    known = org.insert("Lead", LEAD)
    with org.late_commit() as late:
        unseen = org.insert("Lead", LEAD)
        org.update("Lead", known, {"Title": "Dr"})
    org.clock.advance(300)
    org.insert("Lead", LEAD)
    assert org.row("Lead", unseen) is None
    late.commit()
    assert org.row("Lead", unseen)["SystemModstamp"] == "2026-05-01T12:00:00.000+0000"
    assert org.row("Lead", known)["Title"] == "Dr"


def test_an_assignment_rule_gives_leads_away_unless_the_header_says_no(org, caller):
    org.set_assignment_rule(org.user_ids["seller"])
    given = caller.ask("POST", "/sobjects/Lead", LEAD).json()["id"]
    kept = caller.ask("POST", "/sobjects/Lead", LEAD, headers={"Sforce-Auto-Assign": "FALSE"}).json()["id"]
    assert org.row("Lead", given)["OwnerId"] == org.user_ids["seller"]
    assert org.row("Lead", kept)["OwnerId"] == org.user_ids["api"]


@pytest.mark.parametrize(
    ("may_save", "header", "saved"),
    [(True, None, False), (True, "allowSave=true", True), (False, "allowSave=true", False)],
)
def test_a_duplicate_rule_lets_a_caller_insist_only_where_it_merely_alerts(org, caller, may_save, header, saved):
    org.insert("Lead", LEAD | {"Email": "a@example.com"})
    org.set_duplicate_rule("Lead", allow_save=may_save)
    headers = {"Sforce-Duplicate-Rule-Header": header} if header else {}
    answer = caller.ask("POST", "/sobjects/Lead", LEAD | {"Email": "A@example.com"}, headers=headers)
    assert (answer.status_code == 201) is saved


def test_an_upsert_by_a_field_that_is_no_key_is_refused(org, caller):
    org.set_external_id("mautic_timeline__c", "ReferenceId__c", False)
    single = caller.ask("PATCH", "/sobjects/mautic_timeline__c/ReferenceId__c/x", {"Name": "a"})
    many = caller.many("PATCH", "/mautic_timeline__c/ReferenceId__c", "mautic_timeline__c", {"ReferenceId__c": "x"})
    assert {single.status_code, many.status_code} == {404}


def test_a_reference_stays_unique_without_being_a_key(org, caller):
    org.set_external_id("mautic_timeline__c", "ReferenceId__c", False)
    org.insert("mautic_timeline__c", {"ReferenceId__c": "EmailRead1-x"})
    assert refusal(caller, "mautic_timeline__c", ReferenceId__c="emailread1-X")[0] == "DUPLICATE_VALUE"


def test_several_records_under_one_key_are_refused_in_a_collection(org, caller):
    org.insert_many("Contact", [{"LastName": "A", "Email": "a@example.com"}] * 2)
    row = caller.many("PATCH", "/Contact/Email", "Contact", {"LastName": "B", "Email": "A@example.com"}).json()[0]
    assert row["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"


def test_an_update_only_upsert_creates_nothing(org, caller):
    answer = caller.ask("PATCH", "/sobjects/Lead/Mautic_Id__c/9", LEAD, params={"updateOnly": "true"})
    assert (answer.status_code, org.rows("Lead")) == (404, [])


def test_a_key_in_the_url_is_decoded_once_and_may_hold_a_slash(org, caller):
    caller.ask("PATCH", "/sobjects/Lead/Mautic_Id__c/a%2Fb%252F", LEAD)
    assert org.rows("Lead")[0]["Mautic_Id__c"] == "a/b%2F"


def test_ids_of_15_and_18_characters_are_the_same_record(org, caller):
    lead = org.insert("Lead", LEAD)
    assert caller.many("PATCH", "", "Lead", {"Id": lead[:15], "Title": "Dr"}).json() == [
        {"id": lead, "success": True, "errors": []}
    ]
