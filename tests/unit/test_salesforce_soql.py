"""SOQL is only ever built from checked names and quoted values, and always fits into an address."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import UsageError
from sidecar.salesforce import soql

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}


def unquoted(literal):
    """Read a string literal by the rules of the SOQL reference (quoted string escape sequences)."""
    assert literal[0] == literal[-1] == "'"
    inner = literal[1:-1]
    assert re.fullmatch(r"(?:[^'\\]|\\[nrtbf'\"\\])*", inner, re.DOTALL)
    return re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]], inner)


@given(st.text())
def test_any_text_comes_back_out_of_its_literal_unchanged(text):
    assert unquoted(soql.quoted(text)) == text


def test_a_value_cannot_end_its_literal_and_go_on_as_query():
    assert soql.compare("Email", "=", "o'hara' OR Name != '") == r"Email = 'o\'hara\' OR Name != \''"


def test_moments_are_written_in_utc_whole_seconds_and_unquoted():
    auckland = timezone(timedelta(hours=12))
    moment = datetime(2026, 5, 2, 0, 30, 15, 987654, tzinfo=auckland)
    assert soql.compare("SystemModstamp", ">=", moment) == "SystemModstamp >= 2026-05-01T12:30:15+00:00"


def test_a_moment_without_a_zone_is_refused_because_it_would_be_taken_for_local_time():
    with pytest.raises(UsageError):
        soql.quoted(datetime(2026, 5, 2))  # noqa: DTZ001  (what must be refused)


def test_days_numbers_and_booleans_are_written_unquoted():
    assert soql.quoted(date(2026, 5, 1)) == "2026-05-01"
    assert soql.quoted(Decimal("1E+3")) == "1000"
    assert soql.quoted(False) == "false"


@pytest.mark.parametrize("name", ["Id FROM User--", "Email'", "", "1st", "a b", "x" * 81, "Ünicode"])
def test_a_name_that_cannot_be_one_is_refused(name):
    with pytest.raises(UsageError):
        soql.select([name], "Lead", "Id != null")
    with pytest.raises(UsageError):
        soql.select(["Id"], name, "Id != null")


def test_an_empty_list_never_becomes_a_query():
    with pytest.raises(UsageError):
        soql.is_in("Id", [])


def test_a_field_mapped_twice_is_selected_once():
    assert soql.select(["Id", "Email", "Id"], "Lead", "Id != null") == "SELECT Id,Email FROM Lead WHERE Id != null"


def _by_email(emails):
    return soql.select(["Id"], "Lead", soql.is_in("Email", emails))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=80), max_size=450))
def test_chunks_hold_every_item_once_in_order_and_fit_into_an_address(emails):
    chunks = list(soql.in_chunks(emails, _by_email, most=200))
    assert [email for some, _ in chunks for email in some] == emails
    assert all(len(some) <= 200 for some, _ in chunks)
    assert all(len(quote(query, safe="")) <= 15_500 for _, query in chunks)


def test_short_items_share_one_query():
    assert len(list(soql.in_chunks([f"p{n}@example.com" for n in range(200)], _by_email, most=200))) == 1


def test_long_items_are_spread_over_more_queries():
    long = [f"{n:04d}{'ü' * 70}@example.com" for n in range(200)]
    assert 2 < len(list(soql.in_chunks(long, _by_email, most=200))) < 10


@pytest.mark.parametrize("text", ["a\x00b", "a\x1fb", "\ud800"])
def test_text_that_salesforce_cannot_hold_is_not_asked_for(text):
    assert not soql.is_sayable(text)


def test_ordinary_text_and_line_ends_are_asked_for():
    assert soql.is_sayable("Zoë\r\n\t'%_\\")
    assert soql.is_sayable(datetime(2026, 1, 1, tzinfo=UTC))
    assert not soql.is_sayable(None)
