"""PHP-serialized text, as Mautic keeps it in its `array` columns, made into plain values. Pure."""

import io
from typing import Any

import phpserialize


def unserialize(text: str | bytes | None) -> Any:
    """Return the value: lists stay dicts with integer keys, objects become dicts, text is str. None if it cannot be read."""
    if not text:
        return None
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        return phpserialize.load(io.BytesIO(raw), decode_strings=True, errors="replace", object_hook=_as_dict)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


def _as_dict(_name: str, fields: dict[Any, Any]) -> dict[Any, Any]:
    return fields
