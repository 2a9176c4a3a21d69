"""The sandbox org's query language: what finds what, what is refused, and how answers are cut into pages."""

from datetime import UTC, datetime, timedelta

import pytest

from sidecar.sandbox.org import Clock, Org
from tests.contract.org_caller import HOST, Caller

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def org():
    org = Org(clock=Clock(NOON))
    yield org
    org.close()


@pytest.fixture
def caller(org):
    people = (
        {
            "LastName": "Ångström",
            "FirstName": "Anna",
            "Email": "anna@example.com",
            "Interests__c": "Music;Art",
            "Score__c": 1.5,
        },
        {
            "LastName": "Bell",
            "FirstName": "Bob_1",
            "Interests__c": "Sport",
            "HasOptedOutOfEmail": True,
            "Birthday__c": "1990-02-03",
        },
        {"LastName": "O'Brien", "FirstName": "100%", "Email": "ob@example.com"},
    )
    for person in people:
        org.insert("Contact", person)
        org.clock.advance(60)
    return Caller(org)


def names(answer):
    assert answer.status_code == 200, answer.text
    return sorted(record["LastName"] for record in answer.json()["records"])


def found(caller, condition):
    return names(caller.query(f"SELECT LastName FROM Contact WHERE {condition}"))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("LastName = 'ångSTRÖM'", ["Ångström"]),
        ("Email = 'ANNA@EXAMPLE.COM'", ["Ångström"]),
        (r"LastName = 'O\'Brien'", ["O'Brien"]),
        (r"LastName = '\u004f\'brien'", ["O'Brien"]),
        ("Email = null", ["Bell"]),
        ("Email != null", ["O'Brien", "Ångström"]),
        ("Email IN ('anna@example.com', 'OB@example.com')", ["O'Brien", "Ångström"]),
        ("HasOptedOutOfEmail = TRUE", ["Bell"]),
        ("HasOptedOutOfEmail = null", ["O'Brien", "Ångström"]),
        ("Interests__c INCLUDES ('Music;Art', 'Travel')", ["Ångström"]),
        ("Interests__c INCLUDES ('Music', 'Sport')", ["Bell", "Ångström"]),
        ("Interests__c EXCLUDES ('Music')", ["Bell", "O'Brien"]),
        ("Score__c > 1", ["Ångström"]),
        ("Birthday__c = 1990-02-03", ["Bell"]),
        ("FirstName LIKE 'an%'", ["Ångström"]),
        (r"FirstName LIKE '%\%'", ["O'Brien"]),
        (r"FirstName LIKE 'bob\_1'", ["Bell"]),
        ("FirstName LIKE 'bob\\_x'", []),
        ("(LastName = 'Bell' OR Email = 'ob@example.com') AND FirstName != '100%'", ["Bell"]),
        ("NOT (LastName = 'Bell')", ["O'Brien", "Ångström"]),
        ("NOT (Email = 'ob@example.com')", ["Bell", "Ångström"]),
        ("SystemModstamp >= 2026-05-01T12:01:00Z", ["Bell", "O'Brien"]),
        ("SystemModstamp > 2026-05-01T14:01:00.000+02:00", ["O'Brien"]),
        ("Owner.Email = 'anna.admin@example.com' AND LastName < 'C'", ["Bell"]),
    ],
)
def test_a_condition_finds_what_it_says(caller, condition, expected):
    assert found(caller, condition) == expected


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FROM Contact WHERE LastName = 'a' AND Email = 'b' OR Email = 'c'", "MALFORMED_QUERY"),
        ("SELECT * FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Email IN ()", "MALFORMED_QUERY"),
        (r"SELECT Id FROM Contact WHERE Email = '\x'", "MALFORMED_QUERY"),
        (r"SELECT Id FROM Contact WHERE Email = 'a\_b'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Email = 'it's'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > 2026-05-01T12:00:00", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE IsDeleted = true ALL ROWS", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > '2026-05-01T12:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > 2026-05-01", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Description = 'a'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact ORDER BY Description", "INVALID_FIELD"),
        ("SELECT Id, id FROM Contact", "INVALID_FIELD"),
        ("SELECT Boss.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM LeadHistory WHERE NewValue = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_a_wrong_query_is_refused(caller, soql, code):
    answer = caller.query(soql)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_a_quoted_date_time_is_refused_in_the_words_of_a_real_org(caller):
    message = caller.query("SELECT Id FROM Contact WHERE CreatedDate > '2026-05-01T12:00:00Z'").json()[0]["message"]
    assert (
        "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in quotes"
        in message
    )


def test_names_come_back_as_the_org_spells_them(caller):
    record = caller.query("select ID, lastname, owner.EMAIL from contact limit 1").json()["records"][0]
    assert list(record) == ["attributes", "Id", "LastName", "Owner"]
    assert list(record["Owner"]) == ["attributes", "Email"]


def test_a_parent_that_is_not_there_is_null_as_a_whole(caller):
    assert caller.query("SELECT Account.Name, Account.Owner.Name FROM Contact").json()["records"][0]["Account"] is None


def test_an_owner_may_be_a_queue(caller, org):
    queue = org.rows("Group")[0]["Id"]
    org.insert_many(
        "Lead", [{"LastName": "A", "Company": "B", "OwnerId": owner} for owner in (queue, org.user_ids["seller"])]
    )
    rows = caller.query("SELECT Owner.Name, Owner.Email, Owner.Type FROM Lead ORDER BY Id").json()["records"]
    assert [(row["Owner"]["attributes"]["type"], row["Owner"]["Email"], row["Owner"]["Type"]) for row in rows] == [
        ("Group", None, "Queue"),
        ("User", "sam.seller@example.com", "User"),
    ]


def test_a_task_shows_its_person_whether_lead_or_contact(caller, org):
    lead = org.insert("Lead", {"LastName": "Lea", "Company": "B"})
    org.insert("Task", {"WhoId": lead, "Subject": "Call"})
    org.insert("Task", {"WhoId": org.rows("Contact")[1]["Id"], "Subject": "Call"})
    rows = caller.query("SELECT Who.Type, Who.LastName FROM Task WHERE Who.LastName != null ORDER BY Id").json()[
        "records"
    ]
    assert [(row["Who"]["Type"], row["Who"]["LastName"]) for row in rows] == [("Lead", "Lea"), ("Contact", "Bell")]


def test_an_address_is_an_object_or_null(caller, org):
    person = org.insert("Contact", {"LastName": "Zed", "MailingCity": "Austin"})
    record = caller.query(f"SELECT MailingAddress, OtherAddress FROM Contact WHERE Id = '{person[:15]}'").json()[
        "records"
    ][0]
    assert record["MailingAddress"]["city"] == "Austin"
    assert record["OtherAddress"] is None


def test_values_look_as_a_real_org_writes_them(caller):
    soql = "SELECT CreatedDate, Birthday__c, Score__c, HasOptedOutOfEmail, Interests__c FROM Contact ORDER BY CreatedDate LIMIT 2"
    first, second = caller.query(soql).json()["records"]
    assert first["CreatedDate"] == "2026-05-01T12:00:00.000+0000"
    assert (first["Score__c"], first["HasOptedOutOfEmail"], first["Interests__c"]) == (1.5, False, "Music;Art")
    assert (second["Birthday__c"], second["Score__c"], second["HasOptedOutOfEmail"]) == ("1990-02-03", None, True)


def test_only_query_all_shows_deleted_and_merged_records(caller, org):
    first, second, third = (row["Id"] for row in org.rows("Contact"))
    org.delete("Contact", first)
    org.merge("Contact", third, [second])
    assert names(caller.query("SELECT LastName FROM Contact")) == ["O'Brien"]
    rows = caller.query("SELECT Id, IsDeleted, MasterRecordId FROM Contact", everything=True).json()["records"]
    assert {row["Id"]: (row["IsDeleted"], row["MasterRecordId"]) for row in rows} == {
        first: (True, None),
        second: (True, third),
        third: (False, None),
    }
    org.empty_recycle_bin("Contact")
    assert names(caller.query("SELECT LastName FROM Contact", everything=True)) == ["O'Brien"]


def test_pages_are_followed_to_the_end_as_the_query_was_asked(caller, org):
    org.set_page_size(2)
    page = caller.query("SELECT Id, LastName FROM Contact ORDER BY LastName").json()
    org.insert("Contact", {"LastName": "Aaron"})
    rest = caller.session.get(HOST + page["nextRecordsUrl"]).json()
    assert [record["LastName"] for record in page["records"] + rest["records"]] == ["Bell", "O'Brien", "Ångström"]
    assert (page["totalSize"], rest["totalSize"], rest["done"], "nextRecordsUrl" in rest) == (3, 3, True, False)


def test_a_locator_dies_after_two_days(caller, org):
    org.set_page_size(2)
    url = caller.query("SELECT Id FROM Contact").json()["nextRecordsUrl"]
    org.clock.advance(timedelta(days=2, seconds=1).total_seconds())
    caller.session.headers["Authorization"] = f"Bearer {org.token()}"
    answer = caller.session.get(HOST + url)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_a_batch_size_is_a_wish_within_limits(caller, org):
    org.insert_many("Lead", ({"LastName": str(number), "Company": "A"} for number in range(450)))
    for wish, size in (("batchSize=200", 200), ("batchSize=10", 200), ("batchSize=9999", 450)):
        answer = caller.query("SELECT Id FROM Lead", headers={"Sforce-Query-Options": wish})
        assert len(answer.json()["records"]) == size


def test_a_url_beyond_16_kb_is_refused(caller):
    ids = ",".join(f"'{number:018}'" for number in range(900))
    assert caller.query(f"SELECT Id FROM Contact WHERE Email IN ({ids})").status_code == 414


def test_records_of_one_second_can_be_paged_by_stamp_and_id(caller, org):
    ids = org.insert_many("Lead", ({"LastName": str(number), "Company": "A"} for number in range(7)))
    seen, after = [], "000000000000000AAA"
    while True:
        at = org.now_stamp().replace("+0000", "Z")
        condition = f"(SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > '{after}'))"
        page = caller.query(f"SELECT Id FROM Lead WHERE {condition} ORDER BY SystemModstamp, Id LIMIT 3").json()[
            "records"
        ]
        if not page:
            break
        seen += [record["Id"] for record in page]
        after = seen[-1]
    assert seen == ids


def test_records_are_counted_by_group(org, caller):
    org.insert("Lead", {"LastName": "A", "Company": "B", "LeadSource": "Web"})
    org.insert("Lead", {"LastName": "B", "Company": "B", "LeadSource": "Web"})
    org.insert("Lead", {"LastName": "C", "Company": "B", "LeadSource": "Other"})
    answer = caller.query("SELECT LeadSource, COUNT(Id) total FROM Lead WHERE Company = 'B' GROUP BY LeadSource").json()
    assert all(each["attributes"] == {"type": "AggregateResult"} for each in answer["records"])
    assert {each["LeadSource"]: each["total"] for each in answer["records"]} == {"Web": 2, "Other": 1}
    refused = caller.query("SELECT LeadSource, COUNT(Id) FROM Lead")
    assert refused.json()[0]["errorCode"] == "MALFORMED_QUERY"


def test_several_fields_are_counted_in_one_query_unless_one_cannot_be_counted(org, caller):
    """SOQL reference, field types in aggregate functions: no checkbox, no list of several options, no long text."""
    org.insert("Lead", {"LastName": "A", "Company": "C", "Phone": "1"})
    org.insert("Lead", {"LastName": "B", "Company": "C"})
    counted = caller.query("SELECT COUNT(Id), COUNT(Phone), COUNT(Fax) FROM Lead WHERE Company = 'C'").json()[
        "records"
    ][0]
    assert (counted["expr0"], counted["expr1"], counted["expr2"]) == (2, 1, 0)
    for name in ("HasOptedOutOfEmail", "Interests__c"):
        assert caller.query(f"SELECT COUNT(Id), COUNT({name}) FROM Lead").status_code == 400
