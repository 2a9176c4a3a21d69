"""Named value functions a field pair may ask for; without a name a text travels byte-identical. Pure.

A transform sees the text as its own side holds it, before it is converted to the target's type. It has no parameters:
a document can name one, never program one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import phonenumbers

_ENTITIES = MappingProxyType(
    {"&#39;": "'", "&#34;": '"', "&#38;": "&", "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"'}
)
_ENTITY = re.compile("|".join(_ENTITIES))
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Transform:
    """A value function. One that is *from the host only* undoes what the host does and leaves the way back alone."""

    apply: Callable[[str], str]
    is_from_host_only: bool = False


def _lower_text(text: str) -> str:
    return text.lower()


def _upper_text(text: str) -> str:
    return text.upper()


def _title_text(text: str) -> str:
    """Give a capital to words in one case only: "ANNA de Vries-SMITH" → "Anna De Vries-Smith", but McDonald stays."""
    return _WORD.sub(lambda found: _titled(found.group()), text)


def _titled(word: str) -> str:
    if not (word.isupper() or word.islower()):
        return word
    first, *rest = re.split(r"(['’])", word)
    if len(first) > 1:  # it's, but O'Neil and D'Angelo
        return word.capitalize()
    return "".join(part.capitalize() for part in (first, *rest))


def _digits_only(text: str) -> str:
    """Keep decimal digits of any script, as ASCII."""
    return "".join(str(int(character)) for character in text if character.isdecimal())


def _strip_text(text: str) -> str:
    return text.strip()


def _unescape_entities(text: str) -> str:
    """Undo, once, the entities the host's own cleaning writes; every other ampersand is the person's."""
    return _ENTITY.sub(lambda found: _ENTITIES[found.group()], text)


def _e164_phone(text: str) -> str:
    """Write an international number as +33123456789; what has no country code or an extension stays as it is."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return text
    if number.extension or not phonenumbers.is_valid_number(number):
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


TRANSFORMS: Mapping[str, Transform] = MappingProxyType(
    {
        "digits_only": Transform(_digits_only),
        "e164_phone": Transform(_e164_phone),
        "lower_text": Transform(_lower_text),
        "strip_text": Transform(_strip_text),
        "title_text": Transform(_title_text),
        "unescape_entities": Transform(_unescape_entities, is_from_host_only=True),
        "upper_text": Transform(_upper_text),
    }
)
"""Every transform a document may name."""
