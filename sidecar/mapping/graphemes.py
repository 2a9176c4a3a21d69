"""Where a text may be cut: never inside an accented letter, an emoji sequence, a flag or a line end. Pure.

An approximation of Unicode's extended grapheme clusters (UAX #29) that needs no table beyond `unicodedata`.
"""

import unicodedata

_ZERO_WIDTH_JOINER = "\u200d"


def cut(text: str, length: int) -> str:
    """Return the longest beginning of at most `length` characters that ends between two graphemes."""
    if len(text) <= length:
        return text
    end = max(length, 0)
    while end > 0 and not _is_boundary(text, end):
        end -= 1
    return text[:end]


def _is_boundary(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if before == _ZERO_WIDTH_JOINER or _is_extender(after) or _is_surrogate_pair(before, after):
        return False
    if before == "\r" and after == "\n":
        return False
    if _is_regional(after) and _is_regional(before):
        return _count_regional_before(text, at) % 2 == 0
    return not _is_hangul_sequence(before, after)


def _is_extender(character: str) -> bool:
    """Tell whether it joins the character before it: accents, variation selectors, skin tones, tags, the joiner."""
    code = ord(character)
    return (
        character == _ZERO_WIDTH_JOINER
        or unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
        or character in "\u200c\uff9e\uff9f"
    )


def _is_surrogate_pair(before: str, after: str) -> bool:
    """Tell whether two halves of one character stand there, as JSON may bring them."""
    return "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff"


def _is_regional(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _count_regional_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_regional(text[at - 1 - count]):
        count += 1
    return count


def _is_hangul_sequence(before: str, after: str) -> bool:
    """Tell whether two conjoining Korean letters stand there: leading, vowel, trailing."""
    first, second = ord(before), ord(after)
    if 0x1160 <= second <= 0x11FF:
        return 0x1100 <= first <= 0x11FF or 0xAC00 <= first <= 0xD7A3
    return 0x1100 <= first <= 0x115F and (0x1100 <= second <= 0x115F or 0xAC00 <= second <= 0xD7A3)
