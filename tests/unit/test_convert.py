"""What converting promises for every value, and when the values of two sides mean the same."""

import string
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.mapping.convert import Converted, can_convert, convert, same_value
from sidecar.mapping.graphemes import cut
from sidecar.mapping.model import TooLong
from sidecar.mapping.transforms import TRANSFORMS
from sidecar.records import FieldInfo
from sidecar.records import FieldType as T
from tests.builders import a_field, a_pair_of_fields

PAIR = a_pair_of_fields()
any_text = st.text(alphabet=st.characters(), max_size=40)  # halves of characters included
some_values = st.one_of(
    st.none(),
    any_text,
    st.booleans(),
    st.decimals() | st.sampled_from([Decimal(text) for text in ("NaN", "sNaN", "Infinity", "1e30", "1e-99", "-0")]),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.lists(any_text, max_size=4).map(tuple),
)
fields = st.builds(
    FieldInfo,
    name=st.sampled_from(["phone", "Phone"]),
    label=st.just(""),
    type=st.sampled_from(T),
    length=st.none() | st.integers(0, 50),
    scale=st.none() | st.integers(0, 10),
    options=st.lists(any_text, max_size=3).map(tuple),
    is_restricted=st.booleans(),
    is_updateable=st.booleans(),
)
pairs = st.builds(
    a_pair_of_fields,
    transform=st.none() | st.sampled_from(sorted(TRANSFORMS)),
    too_long=st.sampled_from(TooLong),
)
generous = settings(deadline=None)


@generous
@given(some_values, fields, fields, pairs)
def test_converting_never_raises_and_a_held_value_is_never_written(value, source, target, pair):
    converted = convert(value, source, target, pair)
    assert converted.held is None or converted.value is None


@generous
@given(
    any_text.filter(str.strip), st.sampled_from([T.TEXT, T.LONG_TEXT, T.PHONE]), st.sampled_from([T.TEXT, T.LONG_TEXT])
)
def test_free_text_is_byte_identical(text, source, target):
    assert convert(text, a_field("a", source), a_field("b", target), PAIR) == Converted(text)


@generous
@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_a_number_comes_back_from_text(number):
    text = convert(number, a_field("a", T.NUMBER), a_field("b"), PAIR).value
    assert convert(text, a_field("b"), a_field("a", T.NUMBER), PAIR).value == number


@generous
@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_of_whole_seconds_comes_back_from_text(moment):
    whole = moment.replace(microsecond=0)
    text = convert(whole, a_field("a", T.DATETIME), a_field("b"), PAIR).value
    assert convert(text, a_field("b"), a_field("a", T.DATETIME), PAIR).value == whole


@generous
@given(
    st.lists(
        st.text(string.ascii_letters + " é|,", min_size=1).filter(lambda text: text == text.strip()),
        min_size=1,
        unique=True,
    )
)
def test_several_options_come_back_from_text(options):
    several = tuple(options)
    text = convert(several, a_field("a", T.MULTI_PICKLIST), a_field("b"), PAIR).value
    assert convert(text, a_field("b"), a_field("a", T.MULTI_PICKLIST), PAIR).value == several


CLUSTERS = [
    "a",
    "é",
    "e\u0301",
    "👍🏽",
    "👨‍👩‍👧‍👦",
    "🇫🇷",
    "❤️",
    "ก็",
    "한",
    "\u1112\u1161\u11ab",
    "\r\n",
    "🏴\U000e0067\U000e007f",
    "9️⃣",
]


@generous
@given(st.lists(st.sampled_from(CLUSTERS), max_size=12), st.integers(0, 30))
def test_a_cut_keeps_as_many_whole_graphemes_as_fit(clusters, length):
    expected = ""
    for cluster in clusters:
        if len(expected) + len(cluster) > length:
            break
        expected += cluster
    assert cut("".join(clusters), length) == expected


@generous
@given(any_text, st.integers(1, 20))
def test_a_cut_text_fits_and_is_a_beginning(text, length):
    pair = a_pair_of_fields(too_long=TooLong.CUT)
    converted = convert(text, a_field(), a_field("Phone", length=length), pair)
    if converted.value is not None:
        assert len(converted.value) <= length
        assert converted.value in text


def test_a_field_that_nobody_may_write_takes_nothing():
    target = a_field("Phone", is_createable=False, is_updateable=False)
    assert convert("1", a_field(), target, PAIR) == Converted(held="target-read-only")


def test_a_field_that_can_only_be_created_takes_a_value():
    assert convert("1", a_field(), a_field("Phone", is_updateable=False), PAIR) == Converted("1")


def test_a_web_address_towards_the_host_gets_the_scheme_the_host_would_add():
    pair = a_pair_of_fields("website", salesforce={"Lead": "Website"})
    to_host = convert("example.org", a_field("Website", T.URL), a_field("website", T.URL), pair)
    assert to_host == Converted("http://example.org", note="scheme-added")
    assert same_value("http://example.org", a_field("website", T.URL), "example.org", a_field("Website", T.URL), pair)


def test_a_transform_works_before_the_conversion():
    pair = a_pair_of_fields(transform="digits_only")
    assert convert("no. 12", a_field(), a_field("Phone", T.NUMBER), pair) == Converted(Decimal(12))


def test_a_transform_that_leaves_nothing_does_not_blank_the_other_side():
    pair = a_pair_of_fields(transform="digits_only")
    assert convert("call me", a_field(), a_field("Phone"), pair) == Converted(held="nothing-left")


def test_entities_are_only_undone_on_the_way_from_the_host():
    pair = a_pair_of_fields(transform="unescape_entities")
    assert convert("O&#39;Neil", a_field("phone"), a_field("Phone"), pair).value == "O'Neil"
    assert convert("O&#39;Neil", a_field("Phone"), a_field("phone"), pair).value == "O&#39;Neil"


def test_every_type_can_be_read_as_text_and_no_reference_can_be_written():
    assert all(can_convert(source, T.TEXT) for source in T)
    assert not any(can_convert(source, target) for source in T for target in (T.ID, T.REFERENCE))


SAME = [
    ("e-mail in another case", "Ana@Example.org", T.EMAIL, "ana@example.org", T.EMAIL, True),
    ("outer blanks", "Anna ", T.TEXT, "Anna", T.TEXT, True),
    ("line ends of a browser", "a\nb", T.LONG_TEXT, "a\r\nb", T.LONG_TEXT, True),
    ("another case of a name", "ANNA", T.TEXT, "Anna", T.TEXT, False),
    ("a number and its text", Decimal("12.50"), T.NUMBER, "12.5", T.TEXT, True),
    ("a number and another text", Decimal("12.50"), T.NUMBER, "12.6", T.TEXT, False),
    ("two blanks", None, T.TEXT, None, T.NUMBER, True),
    ("a blank and a zero", None, T.NUMBER, Decimal(0), T.NUMBER, False),
    ("an unset and an unticked box", None, T.BOOLEAN, False, T.BOOLEAN, True),
    ("no and its text", False, T.BOOLEAN, "false", T.TEXT, True),
    ("no and nothing written", False, T.BOOLEAN, None, T.TEXT, True),
    ("yes and nothing written", True, T.BOOLEAN, None, T.TEXT, False),
    ("options in another order", ("a", "b"), T.MULTI_PICKLIST, ("b", "a"), T.MULTI_PICKLIST, True),
    ("a moment and its day", datetime(2026, 5, 1, 9, tzinfo=UTC), T.DATETIME, date(2026, 5, 1), T.DATE, True),
    ("a moment and the day after", datetime(2026, 5, 1, 9, tzinfo=UTC), T.DATETIME, date(2026, 5, 2), T.DATE, False),
    ("the same bad e-mail on both sides", "nobody", T.EMAIL, "nobody", T.EMAIL, True),
]


@pytest.mark.parametrize(
    ("a", "a_type", "b", "b_type", "expected"), [row[1:] for row in SAME], ids=[row[0] for row in SAME]
)
def test_values_mean_the_same_whichever_side_is_asked_first(a, a_type, b, b_type, expected):
    a_info, b_info = a_field("phone", a_type), a_field("Phone", b_type)
    assert same_value(a, a_info, b, b_info, PAIR) is expected
    assert same_value(b, b_info, a, a_info, PAIR) is expected


def test_a_rounded_number_means_what_it_was_rounded_from():
    fine, coarse = a_field("a", T.NUMBER, scale=3), a_field("b", T.NUMBER, scale=2)
    assert same_value(Decimal("0.125"), fine, Decimal("0.13"), coarse, PAIR)


def test_a_read_only_field_can_still_be_compared():
    formula = a_field("Phone", T.TEXT, is_createable=False, is_updateable=False)
    assert same_value(Decimal(12), a_field("phone", T.NUMBER), "12", formula, PAIR)


@generous
@given(some_values.filter(lambda value: not isinstance(value, datetime) or value.tzinfo is not None), fields, pairs)
def test_a_value_means_the_same_as_what_it_becomes(value, source, pair):
    target = a_field("Phone", source.type)
    converted = convert(value, source, target, pair)
    if not converted.held:
        assert same_value(value, source, converted.value, target, pair)
