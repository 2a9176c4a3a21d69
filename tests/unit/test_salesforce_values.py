"""Salesforce's JSON and canonical values turn into each other by the described type."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.records import FieldInfo, FieldType
from sidecar.salesforce.values import from_json, parse_datetime, to_json
from tests.salesforce_stub import recorded


@pytest.mark.parametrize("kind", list(FieldType))
@pytest.mark.parametrize("blank", [None, ""])
def test_null_and_empty_text_are_both_blank(kind, blank):
    assert from_json(blank, kind) is None


@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        ("0", FieldType.TEXT, "0"),
        (" kept as it is\r\n", FieldType.LONG_TEXT, " kept as it is\r\n"),
        (0, FieldType.NUMBER, Decimal(0)),
        (24.0, FieldType.NUMBER, Decimal(24)),
        (Decimal("0.10"), FieldType.NUMBER, Decimal("0.1")),
        (False, FieldType.BOOLEAN, False),
        ("2026-05-01", FieldType.DATE, date(2026, 5, 1)),
        ("Music;Art", FieldType.MULTI_PICKLIST, ("Music", "Art")),
        ("a;b", FieldType.TEXT, "a;b"),
    ],
)
def test_a_value_is_read_by_its_declared_type(raw, kind, value):
    assert from_json(raw, kind) == value


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01T07:25:37.000+0000",
        "2026-05-01T07:25:37.000Z",
        "2026-05-01T07:25:37.999Z",
        "2026-05-01T07:25:37Z",
        "2026-05-01T09:25:37.000+02:00",
    ],
)
def test_a_moment_is_read_in_utc_and_whole_seconds(text):
    assert parse_datetime(text) == datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)


def test_recorded_audit_stamps_can_be_read():
    row = recorded("get-contact-all-fields")["body"]
    assert parse_datetime(row["SystemModstamp"]).tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (None, None),
        ("text;text", "text;text"),
        (Decimal("12.34"), 12.34),
        (Decimal("3.00"), 3),
        (Decimal(0), 0),
        (True, True),
        (date(2026, 5, 1), "2026-05-01"),
        (datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC), "2026-05-01T07:25:37Z"),
        (("Music", "Art"), "Music;Art"),
    ],
)
def test_a_value_is_written_as_rest_takes_it(value, raw):
    written = to_json(value)
    assert (written, type(written)) == (raw, type(raw))


def test_a_blank_checkbox_is_written_as_unchecked():
    assert to_json(None, FieldInfo("X__c", "X", FieldType.BOOLEAN)) is False


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_numbers_survive_the_round_trip(number):
    assert from_json(to_json(number), FieldType.NUMBER) == number
