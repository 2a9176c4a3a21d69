"""Every sentence of the pages exists in every language we offer."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from sidecar.web.language import LANGUAGES

WEB = Path(__file__).parents[2] / "sidecar/web"
CHECKS = (WEB.parent / "salesforce/org", WEB.parent / "hosts/mautic/registration")
"""Their lines are shown on pages; they mark their sentences by themselves, since they know nothing of pages."""
WAYS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None}
OTHERS = sorted(set(LANGUAGES) - {"en"})


def sentences() -> set[str]:
    found = [
        *extract_from_dir(str(WEB), WAYS, keywords=KEYWORDS),
        *(each for check in CHECKS for each in extract_from_dir(str(check), WAYS[:1], keywords={"told": None})),
    ]
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


def translations(language: str) -> dict[str, str]:
    text = (WEB / f"translations/{language}/LC_MESSAGES/messages.po").read_bytes()
    return {str(message.id): str(message.string) for message in read_po(BytesIO(text)) if message.id}


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_untranslated_and_nothing_is_left_over(language: str) -> None:
    translated = {sentence for sentence, text in translations(language).items() if text}
    assert translated == sentences()
    assert len(translated) > 50


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_the_places_for_values(language: str) -> None:
    for sentence, text in translations(language).items():
        assert sorted(re.findall(r"%\(\w+\)s", sentence)) == sorted(re.findall(r"%\(\w+\)s", text)), sentence


@pytest.mark.parametrize("language", OTHERS)
def test_a_percent_sign_in_a_template_is_doubled_since_its_sentences_are_always_filled_in(language: str) -> None:
    known = translations(language)
    for _, _, sentence, _, _ in extract_from_dir(str(WEB), WAYS[1:], keywords=KEYWORDS):
        assert isinstance(sentence, str)
        for text in (sentence, known[sentence]):
            assert not re.search(r"%(?!\()", text.replace("%%", "")), text


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_words_are_those_of_the_source(language: str) -> None:
    compiled = read_mo(BytesIO((WEB / f"translations/{language}/LC_MESSAGES/messages.mo").read_bytes()))
    assert {str(message.id): str(message.string) for message in compiled if message.id} == translations(language)
