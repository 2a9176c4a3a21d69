"""PHP's serialized text, in which Mautic keeps field properties, audit details and other arrays. Pure."""

from datetime import datetime
from typing import Any

import phpserialize

EMPTY = "a:0:{}"


def serialize(value: Any) -> str:
    """Return PHP's text for a value; a datetime becomes a PHP DateTime object."""
    return str(phpserialize.dumps(value, object_hook=_date_time).decode())


def unserialize(text: str | None) -> Any:
    """Return the value a text stands for: arrays with keys 0..n-1 as lists, the others as dicts; "" and None as {}."""
    if not text:
        return {}
    return _lists(phpserialize.loads(text.encode(), decode_strings=True, object_hook=phpserialize.phpobject))


def _date_time(value: object) -> object:
    if isinstance(value, datetime):
        parts = {"date": value.strftime("%Y-%m-%d %H:%M:%S.000000"), "timezone_type": 3, "timezone": "UTC"}
        return phpserialize.phpobject("DateTime", parts)
    raise TypeError(f"PHP has no text for {type(value).__name__}")


def _lists(value: Any) -> Any:
    if isinstance(value, phpserialize.phpobject):
        return _lists(value.__php_vars__)
    if not isinstance(value, dict):
        return value
    if list(value) == list(range(len(value))):
        return [_lists(item) for item in value.values()]
    return {key: _lists(item) for key, item in value.items()}
