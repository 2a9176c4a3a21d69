"""Files of bulk jobs of real orgs, of this interface and the one before it, as the client reads them."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from sidecar.salesforce.bulk_csv import column, parse_error, read_rows
from sidecar.salesforce.ids import is_record_id
from sidecar.salesforce.values import parse_datetime
from tests.recordings import exchange, recorded, recorded_text


@pytest.mark.parametrize(
    ("name", "count", "first"),
    [
        ("bulk2-failedResults-empty.csv", 0, None),
        ("bulk2-query-result.csv", 3, {"Name": "Boone625 Inc", "Phone": ""}),
        ("bulk2-successfulResults.csv", 2, {"sf__Created": "true", "NAME": "0501003", "TMS_LOCATION__C": "002"}),
    ],
)
def test_a_recorded_file_is_read_row_by_row(name, count, first):
    rows = list(read_rows(recorded_text(name).encode()))
    assert len(rows) == count
    if first:
        assert rows[0].items() >= first.items()
        assert all(is_record_id(row.get("Id") or row["sf__Id"]) for row in rows)


def test_our_own_column_is_found_again_in_another_case():
    header = next(csv.reader(io.StringIO(recorded_text("bulk2-successfulResults.csv"))))
    assert column(header, "Tms_Location__c") == "TMS_LOCATION__C"
    assert column(header, "Phone") is None


def test_the_error_of_a_row_is_taken_apart_into_code_and_fields():
    [row] = read_rows(recorded_text("bulk2-failedResults.csv").encode())
    assert row["sf__Id"] == ""
    assert parse_error(row["sf__Error"]) == [{"statusCode": "INVALID_CROSS_REFERENCE_KEY", "fields": []}]


def test_rows_of_the_older_interface_are_read_by_the_same_rules():
    rows = list(read_rows(recorded("bulk1-batch-result-csv")["body"].encode()))
    assert len(rows) > 10
    assert all(is_record_id(row["Id"]) for row in rows)
    assert {(row["Success"], row["Created"], row["Error"]) for row in rows} == {("true", "true", "")}


@pytest.mark.parametrize("name", ["bulk1-job-xml", "bulk1-csv-insert-lifecycle-2016"])
def test_the_older_interface_dates_its_jobs_with_a_z_and_numbers_them_with_whole_ids(name):
    found = exchange(name)
    bodies = [each["response"]["body"] for each in found.get("interactions", [found])]
    created = [parse_datetime(text) for body in bodies for text in re.findall(r"<createdDate>(.*?)<", body)]
    jobs = {text for body in bodies for text in re.findall(r"<(?:id|jobId)>(750.*?)<", body)}
    assert created
    assert (
        created[0]
        == {
            "bulk1-job-xml": datetime(2024, 11, 21, 9, 28, 59, tzinfo=UTC),
            "bulk1-csv-insert-lifecycle-2016": datetime(2016, 7, 13, 22, 23, 53, tzinfo=UTC),
        }[name]
    )
    assert len(jobs) == 1
    assert all(is_record_id(job) for job in jobs)
