"""Values that surprised somebody once: what becomes of each on its way to the other side. One row per surprise."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from sidecar.mapping.convert import Converted, convert
from sidecar.mapping.model import TooLong
from sidecar.records import FieldType as T
from tests.builders import a_field, a_pair_of_fields

CUT = a_pair_of_fields(too_long=TooLong.CUT)
HOLD = a_pair_of_fields()
HOT_WARM = {"options": ("Hot", "Warm"), "is_restricted": True}
OPEN_LIST = {"options": ("Web", "Phone Inquiry")}
MUSIC_SPORT = {"options": ("Music", "Sport"), "is_restricted": True}
FAMILY = "👨‍👩‍👧‍👦"

SURPRISES = [
    # a text is not touched, whatever it looks like
    ("semicolons stay in text", "a;b", T.TEXT, T.TEXT, {}, Converted("a;b")),
    ("entities stay in text", "R&#38;D <x>", T.TEXT, T.TEXT, {}, Converted("R&#38;D <x>")),
    ("line ends stay", "a\r\nb\n", T.LONG_TEXT, T.LONG_TEXT, {}, Converted("a\r\nb\n")),
    ("the text 0 is a value", "0", T.TEXT, T.TEXT, {}, Converted("0")),
    ("a blank stays blank", None, T.TEXT, T.NUMBER, {}, Converted(None)),
    ("80 characters fit 80", "é" * 80, T.TEXT, T.TEXT, {"length": 80}, Converted("é" * 80)),
    ("81 do not", "é" * 81, T.TEXT, T.TEXT, {"length": 80}, Converted(held="too-long")),
    ("outer blanks do not count", "Anna   ", T.TEXT, T.TEXT, {"length": 4}, Converted("Anna")),
    ("an unknown length is no limit", "x" * 999, T.TEXT, T.TEXT, {"length": None}, Converted("x" * 999)),
    # e-mail
    ("capitals stay in an e-mail", "Ana@Example.org", T.EMAIL, T.EMAIL, {}, Converted("Ana@Example.org")),
    ("an apostrophe is a letter", "o'neil@example.org", T.TEXT, T.EMAIL, {}, Converted("o'neil@example.org")),
    ("sandbox addresses", "ana@example.org.invalid", T.EMAIL, T.EMAIL, {}, Converted("ana@example.org.invalid")),
    ("a domain has a dot", "ana@localhost", T.EMAIL, T.EMAIL, {}, Converted(held="not-an-email")),
    ("no name around it", "Ana <ana@example.org>", T.TEXT, T.EMAIL, {}, Converted(held="not-an-email")),
    ("two are none", "a@example.org;b@example.org", T.TEXT, T.EMAIL, {}, Converted(held="not-an-email")),
    ("no half e-mail", "ana@example.org", T.EMAIL, T.EMAIL, {"length": 9}, Converted(held="too-long")),
    # phone and web address
    ("a phone is free text", "+33 1 (0) 23 x4", T.PHONE, T.PHONE, {}, Converted("+33 1 (0) 23 x4")),
    ("no half phone", "+33123456789", T.PHONE, T.PHONE, {"length": 5}, Converted(held="too-long")),
    ("a web address", "https://example.org/a?b=1#c", T.URL, T.URL, {}, Converted("https://example.org/a?b=1#c")),
    ("without scheme to Salesforce", "www.example.org", T.TEXT, T.URL, {}, Converted("www.example.org")),
    ("no sentence is an address", "not a url", T.TEXT, T.URL, {}, Converted(held="not-a-url")),
    ("no script either", "javascript:alert(1)", T.TEXT, T.URL, {}, Converted(held="not-a-url")),
    ("nor a data address", "data://x.example.org", T.TEXT, T.URL, {}, Converted(held="not-a-url")),
    # numbers
    ("zero is a value", Decimal(0), T.NUMBER, T.NUMBER, {"scale": 2}, Converted(Decimal(0))),
    ("halves go up", Decimal("0.125"), T.NUMBER, T.NUMBER, {"scale": 2}, Converted(Decimal("0.13"), note="rounded")),
    ("and down below zero", Decimal("-2.5"), T.NUMBER, T.NUMBER, {"scale": 0}, Converted(Decimal(-3), note="rounded")),
    ("1.10 is not rounded", Decimal("1.10"), T.NUMBER, T.NUMBER, {"scale": 1}, Converted(Decimal("1.1"))),
    (
        "six whole digits of 8,2",
        Decimal(999999),
        T.NUMBER,
        T.NUMBER,
        {"length": 8, "scale": 2},
        Converted(Decimal(999999)),
    ),
    ("not seven", Decimal(1000000), T.NUMBER, T.NUMBER, {"length": 8, "scale": 2}, Converted(held="number-too-large")),
    (
        "rounding can grow it",
        Decimal("999999.999"),
        T.NUMBER,
        T.NUMBER,
        {"length": 8, "scale": 2},
        Converted(held="number-too-large"),
    ),
    ("nineteen digits", Decimal(10**18), T.NUMBER, T.NUMBER, {}, Converted(held="number-too-large")),
    ("no number at all", Decimal("NaN"), T.NUMBER, T.NUMBER, {"scale": 2}, Converted(held="not-a-number")),
    ("a plain number", " -12.50 ", T.TEXT, T.NUMBER, {"scale": 2}, Converted(Decimal("-12.50"))),
    ("a comma is ambiguous", "12,5", T.TEXT, T.NUMBER, {}, Converted(held="not-a-number")),
    ("so is a thousand", "1 000", T.TEXT, T.NUMBER, {}, Converted(held="not-a-number")),
    ("no exponents", "1e3", T.TEXT, T.NUMBER, {}, Converted(held="not-a-number")),
    ("no other digits", "١٢", T.TEXT, T.NUMBER, {}, Converted(held="not-a-number")),
    ("a number as people write it", Decimal("1200.50"), T.NUMBER, T.TEXT, {}, Converted("1200.5")),
    ("a round number stays plain", Decimal("1E+3"), T.NUMBER, T.TEXT, {}, Converted("1000")),
    ("no half number", Decimal(12345), T.NUMBER, T.TEXT, {"length": 3}, Converted(held="too-long")),
    # true and false
    ("false is a value", False, T.BOOLEAN, T.BOOLEAN, {}, Converted(False)),
    ("false as text", False, T.BOOLEAN, T.TEXT, {}, Converted("false")),
    ("false as number", False, T.BOOLEAN, T.NUMBER, {}, Converted(Decimal(0))),
    ("yes", " Yes", T.TEXT, T.BOOLEAN, {}, Converted(True)),
    ("0 is false", "0", T.TEXT, T.BOOLEAN, {}, Converted(False)),
    ("maybe is neither", "maybe", T.TEXT, T.BOOLEAN, {}, Converted(held="not-a-boolean")),
    ("two is neither", Decimal(2), T.NUMBER, T.BOOLEAN, {}, Converted(held="not-a-boolean")),
    ("0.0 is false", Decimal("0.0"), T.NUMBER, T.BOOLEAN, {}, Converted(False)),
    # days and moments
    ("a day is its midnight", date(2026, 5, 1), T.DATE, T.DATETIME, {}, Converted(datetime(2026, 5, 1, tzinfo=UTC))),
    (
        "a moment is its day in UTC",
        datetime(2026, 5, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))),
        T.DATETIME,
        T.DATE,
        {},
        Converted(date(2026, 4, 30), note="time-dropped"),
    ),
    ("midnight loses nothing", datetime(2026, 5, 1, tzinfo=UTC), T.DATETIME, T.DATE, {}, Converted(date(2026, 5, 1))),
    ("a day as text", date(2026, 5, 1), T.DATE, T.TEXT, {}, Converted("2026-05-01")),
    (
        "a moment as text",
        datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC),
        T.DATETIME,
        T.TEXT,
        {},
        Converted("2026-05-01T07:25:37Z"),
    ),
    ("30 February", "2026-02-30", T.TEXT, T.DATE, {}, Converted(held="not-a-date")),
    ("which month comes first?", "01/05/2026", T.TEXT, T.DATE, {}, Converted(held="not-a-date")),
    (
        "Salesforce's offset",
        "2026-05-01T07:25:37.000+0000",
        T.TEXT,
        T.DATETIME,
        {},
        Converted(datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)),
    ),
    ("whose clock?", "2026-05-01 07:25:37", T.TEXT, T.DATETIME, {}, Converted(held="not-a-date")),
    ("no calendar goes so far", "0001-01-01T00:00:00+14:00", T.TEXT, T.DATETIME, {}, Converted(held="not-a-date")),
    # options
    ("the option itself", "Hot", T.PICKLIST, T.PICKLIST, HOT_WARM, Converted("Hot")),
    ("another case", "hOT ", T.TEXT, T.PICKLIST, HOT_WARM, Converted("Hot")),
    ("not on the list", "Cold", T.PICKLIST, T.PICKLIST, HOT_WARM, Converted(held="not-in-picklist")),
    ("an open list takes it", "Fair", T.PICKLIST, T.PICKLIST, OPEN_LIST, Converted("Fair")),
    ("an open list still knows case", "web", T.PICKLIST, T.PICKLIST, OPEN_LIST, Converted("Web")),
    ("but not without end", "x" * 300, T.TEXT, T.PICKLIST, {"length": 255}, Converted(held="too-long")),
    ("a closed empty list", "Hot", T.TEXT, T.PICKLIST, {"is_restricted": True}, Converted(held="not-in-picklist")),
    (
        "some options",
        ("sport", "Music"),
        T.MULTI_PICKLIST,
        T.MULTI_PICKLIST,
        MUSIC_SPORT,
        Converted(("Sport", "Music")),
    ),
    (
        "one bad option holds all",
        ("Music", "Chess"),
        T.MULTI_PICKLIST,
        T.MULTI_PICKLIST,
        MUSIC_SPORT,
        Converted(held="not-in-picklist"),
    ),
    (
        "the same option twice",
        ("Music", "MUSIC"),
        T.MULTI_PICKLIST,
        T.MULTI_PICKLIST,
        MUSIC_SPORT,
        Converted(("Music",)),
    ),
    ("options as text", ("Music", "Sport"), T.MULTI_PICKLIST, T.TEXT, {}, Converted("Music;Sport")),
    ("options do not fit", ("Music", "Sport"), T.MULTI_PICKLIST, T.TEXT, {"length": 8}, Converted(held="too-long")),
    ("text as options", "Music; Sport;", T.TEXT, T.MULTI_PICKLIST, MUSIC_SPORT, Converted(("Music", "Sport"))),
    (
        "a bar separates nothing",
        "Music|Sport",
        T.TEXT,
        T.MULTI_PICKLIST,
        MUSIC_SPORT,
        Converted(held="not-in-picklist"),
    ),
    ("only separators", " ; ", T.TEXT, T.MULTI_PICKLIST, {}, Converted(held="not-in-picklist")),
    ("an option with a semicolon", ("a;b",), T.MULTI_PICKLIST, T.TEXT, {}, Converted(held="separator-in-option")),
    ("one of one", ("Hot",), T.MULTI_PICKLIST, T.PICKLIST, HOT_WARM, Converted("Hot")),
    ("one of two", ("Hot", "Warm"), T.MULTI_PICKLIST, T.PICKLIST, HOT_WARM, Converted(held="not-in-picklist")),
    # what never fits
    ("an id is read as text", "003000000000001AAA", T.ID, T.TEXT, {}, Converted("003000000000001AAA")),
    ("a reference is never written", "005x", T.TEXT, T.REFERENCE, {}, Converted(held="no-converter")),
    ("a number is no day", Decimal(20260501), T.NUMBER, T.DATE, {}, Converted(held="no-converter")),
    ("a value of another type than declared", "12", T.NUMBER, T.TEXT, {}, Converted(held="no-converter")),
]


@pytest.mark.parametrize(
    ("value", "source", "target", "info", "expected"), [row[1:] for row in SURPRISES], ids=[row[0] for row in SURPRISES]
)
def test_a_surprising_value_travels_as_expected(value, source, target, info, expected):
    assert convert(value, a_field("phone", source), a_field("Phone", target, **info), HOLD) == expected


CUTS = [
    ("cut at a letter", "abcdef", 3, "abc"),
    ("an accent belongs to its letter", "cafe\u0301s", 4, "caf"),
    ("a family is one", f"ab{FAMILY}", 5, "ab"),
    ("a flag is two letters", "a🇫🇷🇩🇪", 4, "a🇫🇷"),
    ("a skin tone is not left behind", "ok 👍🏽", 4, "ok"),
    ("a heart keeps its colour", "I ❤️ you", 3, "I"),
    ("the blank at the cut goes too", "Head of  sales", 8, "Head of"),
    ("Korean syllables", "\u1112\u1161\u11ab\u1100", 2, None),
    ("nothing readable fits", FAMILY, 3, None),
]


@pytest.mark.parametrize(("text", "length", "expected"), [row[1:] for row in CUTS], ids=[row[0] for row in CUTS])
def test_a_text_is_cut_between_characters_as_people_see_them(text, length, expected):
    converted = convert(text, a_field(), a_field("Phone", T.TEXT, length=length), CUT)
    assert converted == (Converted(expected, note="cut") if expected else Converted(held="too-long"))


@pytest.mark.parametrize("kind", [T.EMAIL, T.PHONE, T.URL, T.PICKLIST])
def test_only_plain_text_is_ever_cut(kind):
    value = "ana@example.org" if kind is T.EMAIL else "http://example.org"
    assert convert(value, a_field(), a_field("Phone", kind, length=5), CUT) == Converted(held="too-long")
