"""Writing: few calls, every row's own result, nothing doubled, and an opt-out that always arrives."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.records import Ref
from sidecar.sync.model import ConsentChange, Reaction, WriteError
from tests.salesforce_builders import (
    Pauses,
    a_creation,
    a_description,
    a_side,
    an_org,
    an_update,
    people_rules,
    salesforce_id,
)
from tests.salesforce_stub import Answer, composite, recorded, refused, result, saved
from tests.salesforce_writes import COLLECTION, COMPOSITE, accepting, save_all, write, writes_sent

# -- what is sent ----------------------------------------------------------------------------------------------------


def test_a_creation_is_an_upsert_on_the_external_id():
    org = accepting()
    [written] = write(org, a_creation(7, LastName="Roe", Email="jane@example.com"))
    [sent] = writes_sent(org)
    assert sent.path == "/services/data/v66.0/composite/sobjects/Lead/Mautic_Id__c"
    assert sent.body == {
        "allOrNone": False,
        "records": [
            {
                "attributes": {"type": "Lead"},
                "LastName": "Roe",
                "Email": "jane@example.com",
                "Mautic_Id__c": "7",
            }
        ],
    }
    assert written.ref == Ref("Lead", salesforce_id(7))
    assert written.error is None


@pytest.mark.parametrize("created", [True, False])
def test_an_upsert_tells_whether_it_created(created):
    org = accepting(lambda records: [saved(salesforce_id(1), created=created)])
    assert write(org, a_creation(1, LastName="Roe"))[0].was_created is created


def test_recorded_upsert_answers_are_understood():
    body = recorded("collections-upsert-by-Email-mixed")["body"]
    org = accepting(lambda records: body)
    written = write(org, *(a_creation(n, LastName="Roe") for n in range(1, 5)))
    assert [result.was_created for result in written] == [False, False, False, True]
    assert [result.ref.id for result in written] == [row["id"] for row in body]


@pytest.mark.parametrize("unique", [True, False])
def test_without_a_usable_key_a_creation_is_an_insert_that_still_carries_the_id(unique):
    described = a_description("Lead", Mautic_Id__c={"externalId": False, "unique": unique, "idLookup": False})
    org = accepting(Lead=described)
    [written] = write(org, a_creation(7, LastName="Roe"))
    [sent] = writes_sent(org)
    assert (sent.method, sent.path) == ("POST", "/services/data/v66.0/composite/sobjects")
    assert sent.body["records"][0]["Mautic_Id__c"] == "7"
    assert written.was_created


def test_a_hidden_external_id_is_not_sent():
    org = accepting(Lead=a_description("Lead", without=["Mautic_Id__c"]))
    write(org, a_creation(7, LastName="Roe"))
    assert "Mautic_Id__c" not in writes_sent(org)[0].body["records"][0]


def test_a_change_names_only_what_changes_and_null_clears():
    org = accepting()
    change = an_update(
        1,
        Email=None,
        Score__c=Decimal("1.50"),
        Birthday__c=date(1990, 2, 3),
        Last_Visit__c=datetime(2026, 5, 1, 7, 0, tzinfo=UTC),
        Interests__c=("Music", "Art"),
        Deleted_in_Mautic__c=None,
    )
    [written] = write(org, change)
    [sent] = writes_sent(org)
    assert (sent.method, sent.path) == ("PATCH", "/services/data/v66.0/composite/sobjects")
    assert sent.body["records"] == [
        {
            "attributes": {"type": "Lead"},
            "id": salesforce_id(1),
            "Email": None,
            "Score__c": 1.5,
            "Birthday__c": "1990-02-03",
            "Last_Visit__c": "2026-05-01T07:00:00Z",
            "Interests__c": "Music;Art",
            "Deleted_in_Mautic__c": False,
        }
    ]
    assert written.ref == change.ref
    assert not written.was_created


@pytest.mark.parametrize(("change", "value"), [(ConsentChange.OPT_OUT, True), (ConsentChange.LIFT, False)])
def test_consent_travels_in_the_same_row(change, value):
    org = accepting()
    write(org, an_update(1, Email="a@example.com", consent=change))
    assert writes_sent(org)[0].body["records"][0]["HasOptedOutOfEmail"] is value


def test_parts_of_a_composite_carry_the_headers_they_would_not_inherit():
    org = accepting()
    write(org, *(an_update(n, Email=None) for n in range(201)))
    [sent] = writes_sent(org)
    assert [part["httpHeaders"]["Sforce-Auto-Assign"] for part in sent.parts] == ["FALSE", "FALSE"]
    assert (sent.body["allOrNone"], sent.body["collateSubrequests"]) == (False, False)
    assert [part["body"]["allOrNone"] for part in sent.parts] == [False, False]


def test_children_of_one_account_travel_side_by_side():
    org = accepting()
    accounts = [salesforce_id(n % 2, "001") for n in range(6)]
    write(org, *(an_update(n, object_name="Contact", AccountId=account) for n, account in enumerate(accounts)))
    sent = [row["AccountId"] for row in writes_sent(org)[0].body["records"]]
    assert sent == sorted(accounts)


def test_writing_nothing_sends_nothing():
    org = an_org()
    assert write(org) == []
    assert not org.sent


# -- what it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "writes",
    [
        [a_creation(n, LastName="Roe") for n in range(1000)],
        [an_update(n, Email=None) for n in range(1000)],
        [an_update(n, Email=None) for n in range(400)] + [a_creation(n, LastName="Roe") for n in range(400)],
    ],
)
def test_a_thousand_people_are_one_call(writes):
    org = accepting()
    written = write(org, *writes)
    assert len(writes_sent(org)) == 1
    assert all(len(part["body"]["records"]) <= 200 for part in writes_sent(org)[0].parts)
    assert all(one.error is None for one in written)


def test_looking_for_and_making_a_thousand_people_is_at_most_four_calls():
    org = accepting()
    both = lambda sent: composite(  # noqa: E731  (an answer, written where it is given)
        *[result() if part["method"] == "GET" else save_all(part["body"]["records"]) for part in sent.parts]
    )
    org.on("POST", COMPOSITE, both)
    side = a_side(org)
    side.describe("Lead"), side.describe("Contact")
    before = side.calls
    from sidecar.sync.model import Wanted

    side.find(people_rules(), [Wanted(str(n), {"email": f"person{n}@example.com"}) for n in range(1000)])
    side.write(people_rules(), [a_creation(n, LastName="Roe") for n in range(1000)])
    assert side.calls - before <= 4


# -- results ---------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 449)), st.randoms(use_true_random=False))
def test_a_row_can_only_fail_itself_wherever_it_stands(bad, random):
    def rows(records):
        return [
            refused("STRING_TOO_LONG", "Email") if int(row["id"][3:15]) in bad else saved(row["id"]) for row in records
        ]

    numbers = list(range(450))
    random.shuffle(numbers)
    written = write(accepting(rows), *(an_update(n, Email="x") for n in numbers))
    failed = {n for n, one in zip(numbers, written, strict=True) if one.error}
    assert failed == bad
    assert all(one.ref == Ref("Lead", salesforce_id(n)) for n, one in zip(numbers, written, strict=True))


def test_a_recorded_mixed_answer_is_read_row_by_row():
    org = accepting(lambda records: recorded("collections-update-mixed-invalid-email")["body"])
    good, bad = write(org, an_update(1, Email="a"), an_update(2, Email="badone"))
    assert good.error is None
    assert bad.error == WriteError("salesforce-invalid-email-address", Reaction.DATA, ("email_field__c",))


def test_an_id_beside_a_failure_does_not_mean_saved():
    org = accepting(lambda records: recorded("doc-collections-upsert-rolled-back-with-id")["body"])
    first, second = write(org, a_creation(1, LastName="Roe"), a_creation(2, LastName="Doe"))
    assert (first.ref, first.error.reaction) == (None, Reaction.RETRY)
    assert second.error.reaction is Reaction.DATA


def test_a_converted_lead_and_a_record_that_is_gone_are_looked_at_again():
    org = accepting(lambda records: recorded("update-converted-lead")["body"])
    assert write(org, an_update(1, Email="a"))[0].error == WriteError("salesforce-lead-converted", Reaction.RETRY)
    org = accepting(lambda records: recorded("collections-update-unknown-id")["body"])
    assert write(org, an_update(1, Email="a"))[0].error == WriteError("salesforce-record-gone", Reaction.RETRY)


@pytest.mark.parametrize("body", [[], [saved(salesforce_id(1))], {"odd": True}])
def test_an_answer_that_does_not_match_the_rows_is_trusted_for_none(body):
    org = accepting(lambda records: body)
    written = write(org, an_update(1, Email="a"), an_update(2, Email="a"))
    assert [one.error.code for one in written] == ["salesforce-answer-lost"] * 2


def test_a_write_to_an_object_that_is_gone_waits_for_setup():
    [written] = write(an_org(Lead=None), an_update(1, Email="a"))
    assert written.error == WriteError("salesforce-object-unknown", Reaction.SETUP)


def test_rights_that_are_missing_make_the_next_description_a_fresh_one():
    org = accepting(lambda records: [refused("INVALID_FIELD_FOR_INSERT_UPDATE", "Email")])
    side = a_side(org)
    side.write(people_rules(), [an_update(1, Email="a")])
    side.describe("Lead")
    assert len([sent for sent in org.metered if sent.path.endswith("/describe")]) == 2


# -- the same key twice ----------------------------------------------------------------------------------------------


def test_one_key_never_stands_twice_in_a_collection():
    org = accepting()
    written = write(org, a_creation(7, LastName="Roe"), a_creation(8, LastName="Doe"), a_creation(7, LastName="Poe"))
    sent = [[row["Mautic_Id__c"] for row in part["body"]["records"]] for part in writes_sent(org)[0].parts]
    assert sent == [["7", "8"], ["7"]]
    assert all(one.error is None for one in written)


# -- what passes by itself -------------------------------------------------------------------------------------------


def sometimes(code, times):
    """Refuse each record so many times, then save it."""
    refusals = {}

    def rows(records):
        answers = []
        for row in records:
            key = row.get("id") or row["Mautic_Id__c"]
            refusals[key] = refusals.get(key, 0) + 1
            is_bad = key in ("1", salesforce_id(1)) and refusals[key] <= times
            answers.append(refused(code) if is_bad else saved(row.get("id") or salesforce_id(int(key))))
        return answers

    return rows


def test_a_locked_row_is_tried_once_more_by_itself():
    org, pauses = accepting(sometimes("UNABLE_TO_LOCK_ROW", 1)), Pauses()
    written = write(org, an_update(1, Email="a"), an_update(2, Email="a"), sleep=pauses)
    assert [one.error for one in written] == [None, None]
    assert [len(sent.body["records"]) for sent in writes_sent(org)] == [2, 1]
    assert len(pauses) == 1


def test_a_row_that_stays_locked_waits():
    org = accepting(sometimes("UNABLE_TO_LOCK_ROW", 9))
    written = write(org, an_update(1, Email="a"), an_update(2, Email="a"))
    assert written[0].error == WriteError("salesforce-unable-to-lock-row", Reaction.RETRY)
    assert len(writes_sent(org)) == 2


@pytest.mark.parametrize(("times", "code"), [(1, None), (9, "salesforce-duplicate-value")])
def test_two_upserts_that_overlapped_are_settled_by_a_second_look(times, code):
    org = accepting(sometimes("DUPLICATE_VALUE", times))
    [written] = write(org, a_creation(1, LastName="Roe"))
    assert (written.error and written.error.code) == code
    assert len(writes_sent(org)) == 2


def test_a_duplicate_value_in_a_change_is_a_data_problem_at_once():
    org = accepting(lambda records: [refused("DUPLICATE_VALUE")])
    assert write(org, an_update(1, Email="a"))[0].error.reaction is Reaction.DATA
    assert len(writes_sent(org)) == 1


# -- consent ---------------------------------------------------------------------------------------------------------


def picky(*bad_fields):
    """Return an org that refuses any row with these fields."""

    def rows(records):
        return [
            refused("STRING_TOO_LONG", *blamed) if (blamed := [f for f in bad_fields if f in row]) else saved(row["id"])
            for row in records
        ]

    return accepting(rows)


def test_an_opt_out_arrives_although_its_record_is_refused():
    org = picky("Email")
    [written] = write(org, an_update(1, Email="x", consent=ConsentChange.OPT_OUT))
    assert written.error.fields == ("Email",)
    assert written.consent_error is None
    assert writes_sent(org)[-1].body["records"] == [
        {"attributes": {"type": "Lead"}, "id": salesforce_id(1), "HasOptedOutOfEmail": True}
    ]


def test_values_arrive_although_the_opt_out_is_refused():
    org = picky("HasOptedOutOfEmail")
    [written] = write(org, an_update(1, Email="x", consent=ConsentChange.OPT_OUT))
    assert written.error is None
    assert written.consent_error.fields == ("HasOptedOutOfEmail",)


def test_an_opt_out_that_cannot_be_written_at_all_says_so():
    org = accepting(Lead=a_description("Lead", without=["HasOptedOutOfEmail"]))
    with_values, alone = write(
        org, an_update(1, Email="x", consent=ConsentChange.OPT_OUT), an_update(2, consent=ConsentChange.OPT_OUT)
    )
    assert with_values.error is None
    assert alone.consent_error == with_values.consent_error
    assert with_values.consent_error == WriteError("salesforce-opt-out-hidden", Reaction.SETUP)
    assert len(writes_sent(org)[0].body["records"]) == 1


def test_a_passing_failure_is_not_split():
    org = accepting(lambda records: [refused("PROCESSING_HALTED")])
    write(org, an_update(1, Email="x", consent=ConsentChange.OPT_OUT))
    assert len(writes_sent(org)) == 1


# -- rows for the activities -----------------------------------------------------------------------------------------


def test_rows_of_any_object_can_be_upserted_by_any_key():
    org = an_org()
    org.on(
        "POST",
        COMPOSITE,
        lambda sent: composite(*[[saved(row["ReferenceId__c"]) for row in p["body"]["records"]] for p in sent.parts]),
    )
    rows = [
        {"ReferenceId__c": f"{n}-x", "ActivityDate__c": datetime(2026, 5, 1, tzinfo=UTC), "Name": "Mail"}
        for n in range(1500)
    ]
    side = a_side(org)
    written = side.client.upsert_rows("mautic_timeline__c", "ReferenceId__c", rows)
    assert [one.id for one in written] == [row["ReferenceId__c"] for row in rows]
    assert side.calls == 2
    assert org.sent[-1].parts[0]["url"].endswith("/composite/sobjects/mautic_timeline__c/ReferenceId__c")
    assert org.sent[-1].parts[0]["body"]["records"][0]["ActivityDate__c"] == "2026-05-01T00:00:00Z"


def test_an_inserted_row_that_was_there_already_says_so():
    org = an_org()
    org.on("POST", COLLECTION, Answer([refused("DUPLICATE_VALUE"), saved("a01000000000002AAA")]))
    first, second = a_side(org).client.insert_rows("Task", [{"Subject": "a"}, {"Subject": "b"}])
    assert first.error.code == "salesforce-duplicate-value"
    assert (second.id, second.was_created) == ("a01000000000002AAA", True)


def test_results_and_rows_show_no_values():
    from sidecar.salesforce.rows import Kind, Row

    assert "jane" not in repr(Row(Kind.UPDATE, "Lead", {"id": "1", "Email": "jane@example.com"}))
