"""Reading: which changes are asked for, how little it costs, and what merges, conversions and deletions look like."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.errors import TransientError
from sidecar.records import Ref
from sidecar.salesforce.reading import RecordReader
from sidecar.salesforce.schema import parse_schema
from sidecar.salesforce.shape import shape_of
from sidecar.sync.model import Cursor, Window
from tests.salesforce_builders import NOON, a_description, a_row, a_side, an_org, people_rules, salesforce_id
from tests.salesforce_stub import Answer, composite, recorded, result

QUERY = ".*/queryAll/"
WINDOW = Window(NOON.replace(hour=11), NOON)


def answering(*rows, description=None):
    org = an_org(**({"Lead": description} if description else {}))
    org.on("GET", QUERY, Answer(result(*rows)))
    return org


def changes(org, rules=None, feed="Lead", window=WINDOW):
    side = a_side(org)
    return [record for page in side.read_changes(rules or people_rules(), feed, window) for record in page.records]


def only(org, **more):
    [record] = changes(org, **more)
    return record


def test_an_idle_hour_costs_one_call_per_object():
    org = answering()
    side = a_side(org)
    side.describe("Lead")
    before = side.calls
    assert list(side.read_changes(people_rules(), "Lead", WINDOW)) == []
    assert side.calls - before == 1


def test_changes_are_asked_for_by_system_time_in_order_and_half_open():
    org = answering()
    changes(org)
    assert org.sent[-1].soql == (
        "SELECT Id,IsDeleted,SystemModstamp,LastModifiedDate,MasterRecordId,IsConverted,ConvertedContactId,"
        "Email,LastName,Mautic_Id__c,Deleted_in_Mautic__c,HasOptedOutOfEmail FROM Lead "
        "WHERE SystemModstamp >= 2026-05-01T11:00:00+00:00 AND SystemModstamp < 2026-05-01T12:00:00+00:00 "
        "ORDER BY SystemModstamp, Id LIMIT 2000"
    )


def test_only_fields_of_the_object_itself_are_selected():
    org = answering()
    changes(org, people_rules("email", "company"), feed="Contact")
    assert "Company" not in org.sent[-1].soql
    assert "IsConverted" not in org.sent[-1].soql


def test_a_window_cut_short_goes_on_after_its_cursor():
    org = answering()
    after = Cursor(NOON.replace(minute=30, hour=11), salesforce_id(7))
    changes(org, window=Window(WINDOW.start, WINDOW.end, after))
    assert (
        "WHERE (SystemModstamp > 2026-05-01T11:30:00+00:00 OR (SystemModstamp = 2026-05-01T11:30:00+00:00 "
        f"AND Id > '{salesforce_id(7)}')) AND SystemModstamp < 2026-05-01T12:00:00+00:00"
    ) in org.sent[-1].soql


def test_fields_that_became_hidden_are_left_out_rather_than_break_the_query():
    org = answering(description=a_description("Lead", without=["Mautic_Id__c", "HasOptedOutOfEmail", "LastName"]))
    changes(org)
    assert not {"Mautic_Id__c", "HasOptedOutOfEmail", "LastName"} & set(re.findall(r"\w+", org.sent[-1].soql))


def test_values_come_in_canonical_form():
    rules = people_rules("email", "interests", "score", "birthday", "last_visit")
    row = a_row(
        Email="jane@example.com",
        Interests__c="Music;Art",
        Score__c=12.5,
        Birthday__c="1990-02-03",
        Last_Visit__c="2026-04-30T22:10:05.000+0000",
        Mautic_Id__c="",
        Deleted_in_Mautic__c=False,
        HasOptedOutOfEmail=True,
    )
    record = only(answering(row), rules=rules)
    assert record.values == {
        "Email": "jane@example.com",
        "Interests__c": ("Music", "Art"),
        "Score__c": Decimal("12.5"),
        "Birthday__c": date(1990, 2, 3),
        "Last_Visit__c": datetime(2026, 4, 30, 22, 10, 5, tzinfo=UTC),
        "Mautic_Id__c": None,
        "Deleted_in_Mautic__c": False,
    }
    assert record.consent is not None
    assert record.consent.opted_out


def test_a_hidden_opt_out_is_unknown_and_never_taken_for_opted_in():
    org = answering(a_row(), description=a_description("Lead", without=["HasOptedOutOfEmail"]))
    assert only(org).consent is None


def test_a_record_counts_as_changed_when_a_user_changed_it_but_is_found_by_system_time():
    row = a_row(at="2026-05-01T11:59:00.000+0000", LastModifiedDate="2026-04-01T08:00:00.000+0000")
    [page] = a_side(answering(row)).read_changes(people_rules(), "Lead", WINDOW)
    assert page.records[0].modified_at == datetime(2026, 4, 1, 8, tzinfo=UTC)
    assert page.cursor == Cursor(datetime(2026, 5, 1, 11, 59, tzinfo=UTC), salesforce_id(1))


def test_a_deleted_record_is_seen_as_deleted():
    record = only(answering(a_row(IsDeleted=True)))
    assert record.is_deleted
    assert record.successor is None


def test_a_merged_record_lives_on_as_the_winner_and_is_not_deleted():
    record = only(answering(a_row(IsDeleted=True, MasterRecordId=salesforce_id(9))))
    assert record.successor == Ref("Lead", salesforce_id(9))
    assert not record.is_deleted


def test_a_converted_lead_lives_on_as_a_contact():
    lead = recorded("get-lead-converted")["body"]
    record = only(answering(a_row() | lead))
    assert record.successor == Ref("Contact", lead["ConvertedContactId"])
    assert not record.is_deleted


@pytest.mark.parametrize("deleted", [True, False])
def test_a_converted_lead_whose_contact_is_gone_has_nobody_left(deleted):
    record = only(answering(a_row(IsConverted=True, ConvertedContactId=None, IsDeleted=deleted)))
    assert record.is_deleted


def test_a_converted_lead_whose_contact_we_may_not_see_is_not_called_deleted():
    org = answering(a_row(IsConverted=True), description=a_description("Lead", without=["ConvertedContactId"]))
    assert not only(org).is_deleted


def test_an_object_that_does_not_exist_has_no_changes():
    assert changes(an_org(Lead=None)) == []


def test_leads_are_followed_before_the_contacts_they_become():
    assert a_side(an_org()).feeds(people_rules().mapping) == ("Lead", "Contact")
    assert a_side(an_org(Lead=None)).feeds(people_rules().mapping) == ("Contact",)


# -- pages -----------------------------------------------------------------------------------------------------------


class Table:
    """Answers keyset queries over rows of (second, number), as an org would."""

    def __init__(self, rows):
        self.rows = sorted((f"2026-05-01T11:00:{second:02d}.000+0000", salesforce_id(n)) for second, n in rows)
        self.asked = 0

    def __call__(self, sent):
        self.asked += 1
        after = re.search(r"SystemModstamp = (\S+?)\+00:00 AND Id > '(\w+)'", sent.soql)
        key = (f"{after[1]}.000+0000", after[2]) if after else ("", "")
        limit = int(re.search(r"LIMIT (\d+)", sent.soql)[1])
        rows = [row for row in self.rows if row > key][:limit]
        return Answer(result(*({**a_row(at=at), "Id": row_id} for at, row_id in rows)))


def pages(table, page_size):
    org = an_org()
    org.on("GET", QUERY, table)
    shape = shape_of(people_rules(), "Lead", parse_schema(a_description("Lead")))
    return list(RecordReader(a_side(org).client, page_size=page_size).read_changes(shape, WINDOW))


@settings(max_examples=30, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=30),
    st.integers(1, 7),
)
def test_every_row_comes_once_in_order_however_many_share_a_second(rows, page_size):
    table = Table(rows)
    found = pages(table, page_size)
    assert [(record.modified_at, record.ref.id) for page in found for record in page.records] == [
        (datetime.fromisoformat(at), row_id) for at, row_id in table.rows
    ]
    assert all(page.records for page in found)
    assert table.asked == len(rows) // page_size + 1


def test_2001_rows_of_one_second_all_come():
    found = pages(Table([(5, number) for number in range(2001)]), 2000)
    assert [len(page.records) for page in found] == [2000, 1]


def test_a_result_that_does_not_move_on_is_left():
    org = an_org()
    org.on("GET", QUERY, Answer(result(a_row(1))))
    shape = shape_of(people_rules(), "Lead", parse_schema(a_description("Lead")))
    with pytest.raises(TransientError):
        list(RecordReader(a_side(org).client, page_size=1).read_changes(shape, WINDOW))


# -- by id -----------------------------------------------------------------------------------------------------------


def ids_in(soql):
    return re.findall(r"'(\w{18})'", soql)


def rows_of_part(part):

    return result(*({**a_row(), "Id": row_id} for row_id in ids_in(unquote(part["url"]))))


def test_a_thousand_records_of_two_objects_are_one_call():
    org = an_org()
    org.on("POST", ".*/composite", lambda sent: composite(*[rows_of_part(part) for part in sent.parts]))
    side = a_side(org)
    side.describe("Lead"), side.describe("Contact")
    before = side.calls
    refs = [Ref("Lead", salesforce_id(n)) for n in range(500)]
    refs += [Ref("Contact", salesforce_id(n, "003")) for n in range(500)]
    found = side.read(people_rules(), refs)
    assert side.calls - before == 1
    assert set(found) == set(refs)
    assert all(len(part["url"]) < 16_384 for part in org.sent[-1].parts)


def test_a_few_records_are_one_plain_question_that_shows_deleted_ones_too():
    org = answering(a_row(1, IsDeleted=True))
    side = a_side(org)
    found = side.read(people_rules(), [Ref("Lead", salesforce_id(1)), Ref("Lead", salesforce_id(2))])
    assert org.sent[-1].path.endswith("/queryAll/")
    assert found[Ref("Lead", salesforce_id(1))].is_deleted
    assert Ref("Lead", salesforce_id(2)) not in found


def test_one_id_that_is_none_does_not_spoil_the_question_for_the_others():
    org = answering(a_row(1))
    found = a_side(org).read(people_rules(), [Ref("Lead", salesforce_id(1)), Ref("Lead", "12345")])
    assert list(found) == [Ref("Lead", salesforce_id(1))]
    assert "12345" not in org.sent[-1].soql


def test_reading_nothing_asks_nothing():
    org = an_org()
    assert a_side(org).read(people_rules(), []) == {}
    assert not org.sent


# -- evidence --------------------------------------------------------------------------------------------------------


def history(number, value, at):
    return {"LeadId": salesforce_id(number), "NewValue": value, "CreatedDate": f"2026-04-{at:02d}T08:00:00.000+0000"}


def evidence(*present, rows, status=200):
    org = an_org()
    refused = [{"errorCode": "INVALID_TYPE", "message": "sObject type 'LeadHistory' is not supported."}]

    def reply(sent):
        parts = composite(result(*present), result(*rows) if status == 200 else refused).body["compositeResponse"]
        parts[1]["httpStatusCode"] = status
        return Answer({"compositeResponse": parts})

    org.on("POST", ".*/composite", reply)
    refs = [Ref("Lead", row["Id"]) for row in present]
    return org, a_side(org).read_evidence(people_rules(), refs)


@pytest.mark.parametrize("value", [True, "true", "1"])
def test_the_newest_change_to_the_present_state_dates_it(value):
    org, found = evidence(
        a_row(1, HasOptedOutOfEmail=True), rows=[history(1, value, 20), history(1, False, 10), history(1, True, 5)]
    )
    assert found == {Ref("Lead", salesforce_id(1)): datetime(2026, 4, 20, 8, tzinfo=UTC)}
    assert len(org.sent[-1].parts) == 2


def test_a_history_that_does_not_lead_to_the_present_state_proves_nothing():
    _, found = evidence(a_row(1, HasOptedOutOfEmail=True), rows=[history(1, False, 20), history(1, True, 10)])
    assert found == {Ref("Lead", salesforce_id(1)): None}


def test_each_record_has_its_own_evidence():
    rows = [history(2, True, 20), history(1, False, 10)]
    _, found = evidence(a_row(1, HasOptedOutOfEmail=False), a_row(2, HasOptedOutOfEmail=True), rows=rows)
    assert [moment.day for moment in found.values()] == [10, 20]


def test_an_org_without_history_has_no_evidence_and_that_is_no_error():
    _, found = evidence(a_row(1, HasOptedOutOfEmail=True), rows=[], status=400)
    assert found == {Ref("Lead", salesforce_id(1)): None}
