"""JSON as PHP writes it: slashes and everything beyond ASCII escaped, no blanks. Pure."""

import json
from typing import Any


def encode(value: Any) -> bytes:
    """Return the bytes of a body as Mautic sends it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace("/", "\\/").encode("ascii")
