"""The client reads what real orgs answered to questions and writes: every page, every value by its described type, every id."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from sidecar.errors import TransientError
from sidecar.mapping.fingerprint import comparable_text
from sidecar.records import FieldType, Ref
from sidecar.salesforce.ids import is_record_id
from sidecar.salesforce.parts import Part
from sidecar.salesforce.rows import Kind, Row, RowWriter
from sidecar.salesforce.schema import parse_schema
from sidecar.salesforce.shape import shape_of
from sidecar.salesforce.values import from_json, parse_datetime, to_json
from tests.recordings import exchange, recorded
from tests.salesforce_builders import a_description, a_side, an_org, people_rules
from tests.salesforce_stub import Answer

MANY = ".*/composite/sobjects.*"


def ids_of(rows):
    """Return the id of each row, or the one its address ends in where no Id was asked for."""
    return [row.get("Id") or row["attributes"]["url"].rpartition("/")[2] for row in rows]


# -- questions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A recorded result, the org's count of calls it carried, how many rows the client got, and a fact about them."""

    recording: str
    rows: int
    usage: tuple[int, int] | None
    fact: Callable[[list[dict[str, Any]]], bool]


ASKED = (
    Asked("query-200-account", 3, (292, 15000), lambda rows: rows[0]["Name"] == "Edge Communications"),
    Asked("query-contacts-v59", 4, (896, 15000), lambda rows: rows[0]["MailingCity"] is None),
    Asked("query-custom-object", 1, (129, 15000), lambda rows: rows[0]["SynchronizationId__c"] is None),
    Asked("query-subquery-null-children", 14, None, lambda rows: rows[0]["Opportunities"] is None),
    Asked("sdk-query-with-subquery", 5, (16, 100000), lambda rows: rows[0]["Contacts"]["done"]),
    Asked("query-typeof-polymorphic", 3, None, lambda rows: rows[0]["Who"]["attributes"]["type"] == "Contact"),
    Asked("query-users", 2, (924, 15000), lambda rows: rows[0]["Profile"] is None and rows[1]["FirstName"] is None),
    Asked(
        "campaignmember-follows-conversion-lead",
        1,
        (8469, 15000),
        lambda rows: rows[0]["LeadId"] == recorded("get-lead-converted")["body"]["Id"],
    ),
    Asked(
        "campaignmember-follows-conversion-contact",
        1,
        (8463, 15000),
        lambda rows: rows[0]["ContactId"] == recorded("get-lead-converted")["body"]["ConvertedContactId"],
    ),
    Asked("sdk-query-binary-data", 1, (23, 15000), lambda rows: rows[0]["VersionData"].endswith("/VersionData")),
)


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.recording)
def test_a_recorded_result_comes_through_whole(case):
    org = an_org()
    org.on("GET", ".*/query/", Answer.of(case.recording))
    side = a_side(org)
    [rows] = side.client.query_each(["SELECT Id FROM Anything"])
    assert len(rows) == case.rows
    assert case.fact(rows)
    assert side.usage == case.usage
    assert side.calls == 1
    assert all(is_record_id(record_id) for record_id in ids_of(rows))


def test_a_member_of_a_campaign_is_the_same_row_before_and_after_its_lead_became_a_contact():
    before, after = (
        recorded(name)["body"]["records"]
        for name in ("campaignmember-follows-conversion-lead", "campaignmember-follows-conversion-contact")
    )
    assert ids_of(before) == ids_of(after)


def test_pages_are_followed_from_one_locator_to_the_next():
    names = ("sdk-query-with-next-records-url", "sdk-query-with-next-records-url-2")
    pages = [recorded(name)["body"] for name in names]
    org = an_org()
    org.on("GET", ".*/query/", Answer.of(names[0]))
    org.on("GET", exchange(names[1])["request"]["url"], Answer.of(names[1]))
    org.on("GET", pages[1]["nextRecordsUrl"], Answer.of("query-more-last-page"))
    side = a_side(org)
    [rows] = side.client.query_each(["SELECT Id FROM Anything"])
    last = recorded("query-more-last-page")["body"]["records"]
    assert rows == [*pages[0]["records"], *pages[1]["records"], *last]
    assert side.calls == 3


@pytest.mark.parametrize(
    ("name", "path", "fact"),
    [
        ("search-sosl", "search", lambda body: body["searchRecords"] == []),
        ("recent-items", "recent", lambda body: len(body) == 3 and all(is_record_id(item["Id"]) for item in body)),
        ("recordCount-approximate", "limits/recordCount", lambda body: body["sObjects"][0]["count"] == 1),
        ("version-root-resources", "", lambda body: body["queryAll"].endswith("/queryAll")),
        ("composite-batch", "composite/batch", lambda body: [r["statusCode"] for r in body["results"]] == [200, 200]),
    ],
)
def test_any_other_json_comes_through_as_it_is(name, path, fact):
    org = an_org()
    org.on("GET", f".*/v66.0/{path}", Answer.of(name))
    side = a_side(org)
    answer = side.client.send(Part("GET", path), is_repeatable=True)
    assert (answer.status, answer.error) == (200, None)
    assert fact(answer.body)
    usage = {"search-sosl": 21, "recent-items": 15, "version-root-resources": 105, "composite-batch": 53}.get(name)
    assert side.usage == ((usage, 15000) if usage else None)


def test_bytes_where_json_should_be_are_waited_out_and_no_crash():
    org = an_org()
    org.on("GET", ".*/VersionData", Answer.of("sdk-query-binary-data-subsequent-request"))
    part = Part("GET", "sobjects/ContentVersion/0687S00000AX37OQAT/VersionData")
    with pytest.raises(TransientError) as caught:
        a_side(org).client.send(part, is_repeatable=True)
    assert caught.value.code == "salesforce-unexpected-answer"


# -- records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "description", "values"),
    [
        (
            "get-account-v62",
            "describe-account-v58-2026-05",
            {
                "BillingStateCode": "TX",
                "BillingPostalCode": None,
                "AnnualRevenue": Decimal(139000000),
                "SLAExpirationDate__c": date(2026, 5, 24),
                "LastViewedDate": datetime(2026, 5, 6, 11, 34, 49, tzinfo=UTC),
            },
        ),
        (
            "get-lead-unconverted",
            "describe-lead-v42",
            {"IsConverted": False, "ConvertedDate": None, "ConvertedContactId": None, "Status": "Open - Not Contacted"},
        ),
        (
            "get-lead-converted",
            "describe-lead-v42",
            {"IsConverted": True, "ConvertedDate": date(2021, 12, 2), "Status": "Closed - Converted"},
        ),
        (
            "get-contact-all-fields",
            "describe-contact-v42-custom-fields",
            {"checkbox_field__c": False, "IsDeleted": False},
        ),
    ],
)
def test_every_field_of_a_record_reads_by_its_described_type_and_writes_back_the_same(record, description, values):
    row = recorded(record)["body"]
    fields = parse_schema(recorded(description)["body"]).fields
    shared = row.keys() & fields.keys()
    read = {name: from_json(row[name], fields[name].type) for name in shared}
    assert len(shared) > 40
    assert {name: read[name] for name in values} == values
    kept = {FieldType.ID, FieldType.TEXT, FieldType.EMAIL, FieldType.PICKLIST, FieldType.DATE, FieldType.BOOLEAN}
    for name in shared:
        if fields[name].type in kept | {FieldType.REFERENCE, FieldType.NUMBER}:
            assert to_json(read[name], fields[name]) == row[name]
        if fields[name].type in {FieldType.ID, FieldType.REFERENCE} and row[name]:
            assert is_record_id(row[name])


@pytest.mark.parametrize(
    ("name", "successor"), [("get-lead-unconverted", None), ("get-lead-converted", "ConvertedContactId")]
)
def test_a_lead_goes_on_as_the_contact_it_was_converted_to(name, successor):
    row = recorded(name)["body"]
    schema = parse_schema(recorded("describe-lead-v42")["body"])
    record = shape_of(people_rules(), "Lead", schema).record(row)
    assert record.ref == Ref("Lead", "00Q4S000002sSacUAE")
    assert record.successor == (Ref("Contact", row[successor]) if successor else None)
    assert record.values["Email"] == "person9@example.com"
    assert not record.is_deleted


def test_contacts_of_a_query_are_records_dated_by_their_last_change():
    rows = recorded("query-contacts-v59")["body"]["records"]
    shape = shape_of(people_rules(), "Contact", parse_schema(a_description("Contact")))
    records = [shape.record(row) for row in rows]
    assert [record.values["Email"] for record in records] == [row["Email"] for row in rows]
    assert {record.modified_at for record in records} == {datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)}


@pytest.mark.parametrize("name", ["get-user-by-Id-path", "user-empty-strings-second-org"])
def test_the_few_fields_that_answer_an_empty_text_are_blank_like_all_others(name):
    body = recorded(name)["body"]
    row = body["records"][0] if "records" in body else body
    assert {field for field, value in row.items() if value == ""} == {"BadgeText", "OutOfOfficeMessage"}
    texts = {field: value for field, value in row.items() if not value and value is not False and value != 0}
    assert len(texts) >= 9
    assert {from_json(value, FieldType.TEXT) for value in texts.values()} == {None}


def test_the_organization_tells_its_kind_and_when_a_trial_ends():
    row = recorded("organization")["body"]
    assert from_json(row["IsSandbox"], FieldType.BOOLEAN) is True
    assert from_json(row["TrialExpirationDate"], FieldType.DATETIME) == datetime(2022, 3, 25, 16, 21, 17, tzinfo=UTC)
    assert is_record_id(row["Id"])
    assert row["OrganizationType"] == "Developer Edition"


def test_an_address_that_comes_back_in_small_letters_is_no_change():
    pairs = recorded("email-stored-lower-case")["body"]["pairs_sent_vs_stored"]
    assert sum(sent != stored for sent, stored in pairs) == 13
    email = parse_schema(a_description("Contact")).fields["Email"]
    for sent, stored in pairs:
        assert comparable_text(from_json(stored, email.type), email) == comparable_text(sent, email)


def test_a_moment_is_the_same_moment_in_each_way_salesforce_writes_it():
    row = recorded("bulk1-json-datetime-ms")["body"][0]
    for name in ("CreatedDate", "SystemModstamp", "LastModifiedDate"):
        assert from_json(row[name], FieldType.DATETIME) == parse_datetime("2019-01-05T03:41:05.000+0000")


# -- writes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Saved:
    """A recorded write of one record: what came back for it, and the org's count of calls."""

    recording: str
    status: int
    usage: tuple[int, int] | None


SAVED = (
    Saved("create-topic-201", 201, (8436, 15000)),
    Saved("sdk-create", 201, (51, 100000)),
    Saved("sdk-create-binary-data", 201, (31, 15000)),
    Saved("sdk-update", 204, (68, 100000)),
    Saved("sdk-update-binary-data", 204, (37, 15000)),
    Saved("update-account-204", 204, None),
    Saved("delete-account-204", 204, None),
    Saved("sdk-delete", 204, (17, 100000)),
)


@pytest.mark.parametrize("case", SAVED, ids=lambda case: case.recording)
def test_a_write_of_one_record_is_done_with_and_without_a_body(case):
    answer = Answer.of(case.recording)
    request = exchange(case.recording)["request"]
    org = an_org()
    org.on(request["method"], ".*/sobjects/.*", answer)
    side = a_side(org)
    path = request["url"].partition(".0/")[2]
    found = side.client.send(Part(request["method"], path, request.get("body")), is_repeatable=False)
    assert answer.status == case.status
    assert found.error is None
    assert side.usage == case.usage
    if case.status == 201:
        assert is_record_id(found.body["id"])
        assert found.body["success"]
        assert answer.headers["Location"].endswith(f"{path}/{found.body['id']}")
    else:
        assert not found.body


@pytest.mark.parametrize(
    ("name", "kind", "created"),
    [
        ("collections-insert-many", Kind.INSERT, True),
        ("collections-create-200", Kind.INSERT, True),
        ("collections-delete-allOrNone", Kind.UPDATE, False),
        ("collections-upsert-by-Email-created", Kind.UPSERT, True),
        ("collections-upsert-Id-null-creates", Kind.UPSERT, True),
    ],
)
def test_each_row_of_a_collection_has_its_own_result_in_order(name, kind, created):
    answer = Answer.of(name)
    org = an_org()
    org.on("PATCH" if kind is not Kind.INSERT else "POST", MANY, answer)
    rows = [Row(kind, "Account", {"id": str(n), "Key__c": str(n)}, "Key__c") for n, _ in enumerate(answer.body)]
    results = RowWriter(a_side(org).client).write(rows)
    assert [result.id for result in results] == [item["id"] for item in answer.body]
    assert [(result.error, result.was_created) for result in results] == [(None, created)] * len(results)
    assert all(is_record_id(result.id) for result in results)
