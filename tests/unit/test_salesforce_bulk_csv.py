"""The CSV of bulk jobs: what goes out arrives as it is, and what comes back is read as it was meant."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import TransientError
from sidecar.records import FieldInfo, FieldType
from sidecar.salesforce.bulk_csv import (
    as_answered,
    can_carry,
    cell,
    column,
    columns_of,
    parse_error,
    read_rows,
    write_rows,
)

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**15), 10**15), st.floats(-1e15, 1e15), st.text(max_size=30)
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["A__c", "B__c", "C__c"]), VALUES), min_size=1, max_size=8)


def recorded_rows(name: str) -> list[dict[str, str]]:
    return list(read_rows((RECORDINGS / name).read_bytes()))


@given(ROWS)
def test_whatever_can_be_carried_is_read_back_by_anybody_as_it_was(rows):
    rows = [row for row in rows if row and can_carry(row)]
    columns = columns_of(rows)
    content = write_rows(columns, rows)
    header, *read = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    assert header == columns
    assert read == [[cell(row[name]) if name in row else "" for name in columns] for row in rows]
    assert list(read_rows(content)) == [dict(zip(columns, cells, strict=True)) for cells in read]


@given(st.lists(st.text(min_size=1, max_size=20).filter(lambda text: can_carry({"A": text})), min_size=1))
def test_every_row_is_one_record_however_its_text_looks(texts):
    assert [row["A"] for row in read_rows(write_rows(["A"], [{"A": text} for text in texts]))] == texts


def test_a_file_has_no_mark_one_header_and_line_feeds():
    content = write_rows(["Email", "LastName"], [{"LastName": "Müller", "Email": "a@example.org"}])
    assert content == b"Email,LastName\na@example.org,M\xc3\xbcller\n"


def test_columns_are_the_same_whatever_order_rows_name_them_in():
    assert columns_of([{"B": 1, "A": 2}, {"C": 3}]) == columns_of([{"C": 3}, {"A": 2, "B": 1}]) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "#N/A"),
        ("", "#N/A"),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (1.5e-7, "0.00000015"),
        ("2026-05-01", "2026-05-01"),
    ],
)
def test_values_are_spelled_as_salesforce_reads_them(value, text):
    assert cell(value) == text


def test_what_a_row_does_not_name_is_left_alone():
    assert write_rows(["A", "B"], [{"A": "1"}, {"B": None}]) == b"A,B\n1,\n,#N/A\n"


@pytest.mark.parametrize(
    "value",
    ["#N/A", ' "quoted"', 'Acme "Best" Ltd', " before", "after ", "a\rb", "bell\x07", "\ud800", "x" * 131_073, {"a": 1}],
)  # fmt: skip
def test_what_might_not_arrive_as_it_is_goes_another_way(value):
    assert not can_carry({"A": value})


@pytest.mark.parametrize("value", ["a,b", 'a"b', "a\nb", "Ünïcödé 😀", "=SUM(A1)", "-", None, 1.5])
def test_what_is_merely_unusual_is_carried(value):
    assert can_carry({"A": value})


def test_a_record_may_be_too_large_though_no_field_is():
    assert not can_carry({f"F{number}": "x" * 100_001 for number in range(4)})


def test_recorded_results_are_read():
    assert recorded_rows("bulk2-failedResults-empty.csv") == []
    [failed] = recorded_rows("bulk2-failedResults.csv")
    assert (failed["sf__Id"], failed["Id"], failed["My_Field__c"]) == ("", "001xxx", "value")
    assert recorded_rows("bulk2-successfulResults.csv")[0]["sf__Id"] == "a1Mfc000001IKfjEAG"
    assert [row["Phone"] for row in recorded_rows("bulk2-query-result.csv")] == ["", "881-222-2391", "882-222-2392"]


def test_a_header_may_come_back_in_another_case():
    assert column(recorded_rows("bulk2-successfulResults.csv")[0], "Tms_Location__c") == "TMS_LOCATION__C"
    assert column(["Id"], "Email") is None


def test_a_mark_at_the_beginning_of_a_result_is_no_part_of_its_header():
    assert list(read_rows(b"\xef\xbb\xbfId\n001\n")) == [{"Id": "001"}]


@pytest.mark.parametrize("content", [b'A,B\n"x', b"A,B\n1\n", b"A,B\n1,2,3\n", b"A\n\xff\n"])
def test_half_a_result_is_no_result(content):
    with pytest.raises(TransientError):
        list(read_rows(content))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--", [("INVALID_CROSS_REFERENCE_KEY", [])]),
        ("REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --", [("REQUIRED_FIELD_MISSING", ["LastName"])]),
        ("STRING_TOO_LONG:a: b -- c:City Street--", [("STRING_TOO_LONG", ["City", "Street"])]),
        ("A_B:m:X --C_D:n:Y --", [("A_B", ["X"]), ("C_D", ["Y"])]),
        ("", []),
    ],
)  # fmt: skip
def test_an_error_is_its_code_and_its_fields(text, found):
    assert parse_error(text) == [{"statusCode": code, "fields": fields} for code, fields in found]


def test_query_results_become_what_a_query_by_rest_answers():
    fields = {
        "Name": FieldInfo("Name", "Name", FieldType.TEXT),
        "Score__c": FieldInfo("Score__c", "Score", FieldType.NUMBER),
        "Fan__c": FieldInfo("Fan__c", "Fan", FieldType.BOOLEAN),
        "At__c": FieldInfo("At__c", "At", FieldType.DATETIME),
    }
    row = {
        "Name": "",
        "Score__c": "1.50",
        "Fan__c": "true",
        "At__c": "1546659785000",
        "IsDeleted": "false",
        "Out": "true",
    }
    answered = as_answered(row, fields, ["Out"])
    assert answered["Name"] is None
    assert Decimal(answered["Score__c"]) == Decimal("1.5")
    assert (answered["Fan__c"], answered["IsDeleted"], answered["Out"]) == (True, False, True)
    assert answered["At__c"].startswith("2019-01-05T03:43:05")


def test_digits_that_are_a_text_stay_a_text():
    fields = {"Phone": FieldInfo("Phone", "Phone", FieldType.TEXT)}
    assert as_answered({"Phone": "1546659785000"}, fields)["Phone"] == "1546659785000"


def test_the_recorded_course_of_a_job_is_what_the_tests_take_it_for():
    steps = json.loads((RECORDINGS / "bulk2-ingest-lifecycle.json").read_text())["response"]["body"]["steps"]
    assert [step["body"]["state"] for step in steps if isinstance(step.get("body"), dict)] == [
        "Open", "Open", "UploadComplete", "InProgress", "JobComplete",
    ]  # fmt: skip
