"""A value of one side in the words of the other, or the reason why it cannot go there. Pure.

Start here: `convert()` picks a converter by the pair of declared types (`converters.py`); one field that cannot be
converted is held back and never spoils the others.
"""

from sidecar.mapping.converted import Converted, Converter, Held, Note
from sidecar.mapping.converters import CONVERTERS, value_class
from sidecar.mapping.fingerprint import comparable_text
from sidecar.mapping.model import FieldPair
from sidecar.mapping.transforms import TRANSFORMS
from sidecar.records import FieldInfo, FieldType, Value

__all__ = ["Converted", "Held", "Note", "can_convert", "convert", "same_value"]


def convert(value: Value, source: FieldInfo, target: FieldInfo, pair: FieldPair) -> Converted:
    """Return the value as the target can hold it; a blank stays blank. Never raises, whatever the value."""
    if not (target.is_createable or target.is_updateable):
        return Converted(held=Held.TARGET_READ_ONLY)
    return _convert(value, source, target, pair)


def can_convert(source: FieldType, target: FieldType) -> bool:
    """Tell whether values of one type can ever become values of the other."""
    return _converter(source, target) is not None


def same_value(a: Value, a_info: FieldInfo, b: Value, b_info: FieldInfo, pair: FieldPair) -> bool:
    """Tell whether the values of two sides mean the same: equal as they are, or once one is carried to the other side."""
    a_text, b_text = comparable_text(a, a_info), comparable_text(b, b_info)
    if a_text == b_text and (a_text is None or type(a) is type(b)):
        return True
    if a is None or b is None:
        return False
    return _becomes(a, a_info, b_text, b_info, pair) or _becomes(b, b_info, a_text, a_info, pair)


def _becomes(value: Value, source: FieldInfo, wanted: str | None, target: FieldInfo, pair: FieldPair) -> bool:
    converted = _convert(value, source, target, pair)
    return not converted.held and comparable_text(converted.value, target) == wanted


def _convert(value: Value, source: FieldInfo, target: FieldInfo, pair: FieldPair) -> Converted:
    if value is None or value in ("", ()):
        return Converted()
    converter = _converter(source.type, target.type)
    if converter is None or type(value) is not value_class(source.type):
        return Converted(held=Held.NO_CONVERTER)
    transformed = _transform(value, source, pair)
    if transformed == "":  # the transform left nothing, and a filled value must not blank the other side
        return Converted(held=Held.NOTHING_LEFT)
    return converter(transformed, target, pair)


def _converter(source: FieldType, target: FieldType) -> Converter | None:
    return CONVERTERS.get((value_class(source), target))


def _transform(value: Value, source: FieldInfo, pair: FieldPair) -> Value:
    transform = TRANSFORMS.get(pair.transform) if pair.transform else None
    if transform is None or not isinstance(value, str):
        return value
    if transform.is_from_host_only and source.name != pair.host:
        return value
    return transform.apply(value)
