"""Record ids: 15 case-sensitive characters, and three more that say which of them are capitals."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECK_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
POD = "Sb0"  # characters 4 to 6 of every id of this org


def suffix(id15: str) -> str:
    """Return the three check characters: one per group of five, bit j set when character j is a capital."""
    groups = (id15[start : start + 5] for start in (0, 5, 10))
    return "".join(
        CHECK_ALPHABET[sum(1 << j for j, char in enumerate(group) if "A" <= char <= "Z")] for group in groups
    )


def full_id(text: object) -> str | None:
    """Return the 18-character form of an id, or None if it is none."""
    if not isinstance(text, str) or not text.isascii() or not text.isalnum():
        return None
    if len(text) == 15:
        return text + suffix(text)
    if len(text) == 18 and text[15:] == suffix(text[:15]):
        return text
    return None


def looks_like_id(text: str) -> bool:
    """Say whether a part of a URL is taken for an id at all, right or wrong."""
    return len(text) in {15, 18} and text.isascii() and text.isalnum()


def make_id(prefix: str, number: int) -> str:
    """Return the id of the n-th record of an object."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
    id15 = prefix + POD + digits.rjust(9, "0")
    return id15 + suffix(id15)


def number_of(record_id: str) -> int:
    """Return which number an id was made from."""
    number = 0
    for char in record_id[6:15]:
        number = number * 62 + ALPHABET.index(char)
    return number
