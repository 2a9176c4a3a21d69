"""Fingerprints: equal exactly when two values count as the same, and telling nothing else."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.mapping.fingerprint import EMPTY, Fingerprinter, comparable_text
from sidecar.records import FieldType as T
from tests.builders import a_field

PRINTS = Fingerprinter(b"one salt")
TEXT, EMAIL, NUMBER = a_field(), a_field("email", T.EMAIL), a_field("score", T.NUMBER, scale=2)
values = st.one_of(
    st.none(),
    st.text(alphabet=st.characters(), max_size=5) | st.sampled_from(["a", "A", " a", "a\r\nb", "a\nb"]),
    st.booleans(),
    st.decimals() | st.integers(-2, 2).map(Decimal) | st.sampled_from([Decimal("1.004"), Decimal("1e30")]),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.lists(st.sampled_from(["Music", "Sport"]), max_size=3).map(tuple),
)
infos = st.sampled_from([TEXT, EMAIL, NUMBER, a_field("any", T.NUMBER)])


@settings(deadline=None, max_examples=300)
@given(values, values, infos)
def test_fingerprints_are_equal_exactly_when_the_comparable_texts_are(a, b, info):
    same = comparable_text(a, info) == comparable_text(b, info)
    assert (PRINTS.of(a, info) == PRINTS.of(b, info)) is same


@settings(deadline=None)
@given(
    st.decimals() | st.sampled_from([Decimal("Infinity"), Decimal("sNaN"), Decimal("9e26")]),
    st.none() | st.integers(0, 18),
)
def test_every_number_has_a_fingerprint(number, scale):
    assert PRINTS.of(number, a_field("score", T.NUMBER, scale=scale)) != ""


SAME = [
    ("e-mail in another case", "Ana@Example.org", "ana@example.org", EMAIL),
    ("outer blanks", " Anna\n", "Anna", TEXT),
    ("line ends", "a\r\nb\rc", "a\nb\nc", TEXT),
    ("zeros at the end", Decimal("12.50"), Decimal("12.5"), NUMBER),
    ("beyond the decimals kept", Decimal("12.504"), Decimal("12.5"), NUMBER),
    ("halves go up", Decimal("0.125"), Decimal("0.13"), NUMBER),
    ("minus zero", Decimal("-0"), Decimal(0), NUMBER),
    ("another order", ("a", "b"), ("b", "a"), a_field("interests", T.MULTI_PICKLIST)),
    ("parts of a second", datetime(2026, 5, 1, 7, 0, 0, 900000, tzinfo=UTC), datetime(2026, 5, 1, 7, tzinfo=UTC), TEXT),
    (
        "another zone",
        datetime(2026, 5, 1, 9, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 5, 1, 7, tzinfo=UTC),
        TEXT,
    ),
    ("an unset and an unticked box", None, False, a_field("box", T.BOOLEAN)),
]
DIFFERENT = [
    ("a name in another case", "ANNA", "Anna", TEXT),
    ("inner blanks", "a  b", "a b", TEXT),
    ("zero and blank", Decimal(0), None, NUMBER),
    ("the text 0 and blank", "0", None, TEXT),
    ("ticked and unticked", True, False, a_field("box", T.BOOLEAN)),
    ("two days", date(2026, 5, 1), date(2026, 5, 2), TEXT),
    ("one option more", ("a",), ("a", "b"), a_field("interests", T.MULTI_PICKLIST)),
]


@pytest.mark.parametrize(("a", "b", "info"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_what_both_systems_would_store_alike_has_one_fingerprint(a, b, info):
    assert PRINTS.of(a, info) == PRINTS.of(b, info)


@pytest.mark.parametrize(("a", "b", "info"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_a_real_difference_shows(a, b, info):
    assert PRINTS.of(a, info) != PRINTS.of(b, info)


@pytest.mark.parametrize("blank", [None, "", "  ", (), False])
def test_blanks_share_one_fingerprint_that_no_value_has(blank):
    assert PRINTS.of(blank, TEXT) == EMPTY
    assert PRINTS.of(EMPTY, TEXT) != EMPTY


def test_two_instances_cannot_compare_their_fingerprints():
    assert PRINTS.of("Anna", TEXT) != Fingerprinter(b"another salt").of("Anna", TEXT)


def test_a_fingerprint_does_not_show_the_value():
    assert PRINTS.of("Anna", TEXT) == PRINTS.of("Anna", TEXT)
    assert len(PRINTS.of("Anna", TEXT)) == 16
    assert "anna" not in PRINTS.of("Anna", TEXT).lower()
