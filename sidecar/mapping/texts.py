"""Converters of texts and options. Pure.

Texts are never changed to fit, except that a plain text may be cut where its pair says so. Outer blanks are dropped only
where the length demands it: both systems trim them anyway.
"""

from typing import cast

from sidecar.mapping.converted import Converted, Held, Note
from sidecar.mapping.graphemes import cut
from sidecar.mapping.model import FieldPair, TooLong
from sidecar.mapping.syntax import is_email, is_url, with_scheme
from sidecar.records import FieldInfo, FieldType, Value

_SEPARATOR = ";"


def text_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the text byte-identical; too long, it is held or, where the pair says so, cut."""
    text = cast(str, value)
    fitted = _fitted(text, target)
    if fitted is not None:
        return Converted(fitted)
    if pair.too_long is TooLong.HOLD:
        return Converted(held=Held.TOO_LONG)
    shortened = cut(text.strip(), target.length or 0).rstrip()
    return Converted(shortened, note=Note.CUT) if shortened else Converted(held=Held.TOO_LONG)


def text_to_email(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return an e-mail address, its capitals kept."""
    text = cast(str, value)
    return _whole(text, target) if is_email(text.strip()) else Converted(held=Held.NOT_AN_EMAIL)


def text_to_phone(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the text as it is: telephone numbers have no form both sides agree on."""
    return _whole(cast(str, value), target)


def text_to_url(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return a web address; towards the host with the scheme the host would add."""
    text = cast(str, value)
    if not is_url(text.strip()):
        return Converted(held=Held.NOT_A_URL)
    complete = with_scheme(text) if target.name == pair.host else text  # the host stores it so anyway
    return _whole(complete, target, note=Note.SCHEME_ADDED if complete != text else None)


def text_to_picklist(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the option meant."""
    option = _option(cast(str, value), target)
    return Converted(held=Held.NOT_IN_PICKLIST) if option is None else _whole(option, target)


def text_to_options(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the options between the semicolons."""
    parts = tuple(part for piece in cast(str, value).split(_SEPARATOR) if (part := piece.strip()))
    return options_to_options(parts, target, pair) if parts else Converted(held=Held.NOT_IN_PICKLIST)


def options_to_options(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the target's options in the source's order; one that is unknown holds them all."""
    found = [_option(option, target) for option in cast(tuple[str, ...], value)]
    known = tuple(dict.fromkeys(option for option in found if option is not None))
    if None in found:
        return Converted(held=Held.NOT_IN_PICKLIST)
    if any(_SEPARATOR in option for option in known):
        return Converted(held=Held.SEPARATOR_IN_OPTION)
    return Converted(known)


def options_to_text(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the options with semicolons between them."""
    options = cast(tuple[str, ...], value)
    if any(_SEPARATOR in option for option in options):
        return Converted(held=Held.SEPARATOR_IN_OPTION)
    return _whole(_SEPARATOR.join(options), target)


def options_to_picklist(value: Value, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the one option, if it is one."""
    options = cast(tuple[str, ...], value)
    return text_to_picklist(options[0], target, pair) if len(options) == 1 else Converted(held=Held.NOT_IN_PICKLIST)


def plain_to_text(text: str, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return a written-out value; cutting it would make another value of it."""
    if target.type is FieldType.PICKLIST:
        return text_to_picklist(text, target, pair)
    return _whole(text, target)


def _whole(text: str, target: FieldInfo, *, note: str | None = None) -> Converted:
    """Return a text that may not be cut, since half an address is another address."""
    fitted = _fitted(text, target)
    return Converted(held=Held.TOO_LONG) if fitted is None else Converted(fitted, note=note)


def _fitted(text: str, target: FieldInfo) -> str | None:
    if not target.length or len(text) <= target.length:
        return text
    stripped = text.strip()
    return stripped if len(stripped) <= target.length else None


def _option(text: str, target: FieldInfo) -> str | None:
    """Return the API value meant: exact, else but for case, else the text itself where others are allowed."""
    if text in target.options:
        return text
    folded = text.strip().casefold()
    for option in target.options:
        if option.casefold() == folded:
            return option
    return None if target.is_restricted else text
