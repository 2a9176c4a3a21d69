"""What each named transform does to a text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.mapping.transforms import TRANSFORMS

CASES = [
    ("lower_text", "Ana@EXAMPLE.org", "ana@example.org"),
    ("upper_text", "fr", "FR"),
    ("strip_text", "\t Anna \n", "Anna"),
    ("title_text", "ANNA DE VRIES-SMITH", "Anna De Vries-Smith"),
    ("title_text", "o'neil d’angelo it's", "O'Neil D’Angelo It's"),
    ("title_text", "Ronald McDonald", "Ronald McDonald"),
    ("title_text", "  élodie  ", "  Élodie  "),
    ("digits_only", "+33 (0)1 23", "330123"),
    ("digits_only", "١٢٣", "123"),
    ("digits_only", "x²", ""),
    ("unescape_entities", "R&#38;D &lt;3 O&#39;Neil &quot;x&#34;", 'R&D <3 O\'Neil "x"'),
    ("unescape_entities", "&amp;lt;", "&lt;"),
    ("unescape_entities", "&eacute; & &#233;", "&eacute; & &#233;"),
    ("e164_phone", "+33 1 42 68 53 00", "+33142685300"),
    ("e164_phone", "01 42 68 53 00", "01 42 68 53 00"),
    ("e164_phone", "+33 1 42 68 53 00 ext. 12", "+33 1 42 68 53 00 ext. 12"),
    ("e164_phone", "call Anna", "call Anna"),
]


@pytest.mark.parametrize(("name", "text", "expected"), CASES)
def test_a_transform_does_what_its_name_says(name, text, expected):
    assert TRANSFORMS[name].apply(text) == expected


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
@settings(deadline=None)
@given(text=st.text(alphabet=st.characters()))
def test_a_transform_takes_any_text(name, text):
    assert isinstance(TRANSFORMS[name].apply(text), str)


@pytest.mark.parametrize("name", sorted(set(TRANSFORMS) - {"unescape_entities"}))
@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(max_codepoint=0x17F, exclude_characters="ŉ")))
def test_a_two_way_transform_is_done_after_once_so_that_values_never_swing(name, text):
    once = TRANSFORMS[name].apply(text)
    assert TRANSFORMS[name].apply(once) == once
