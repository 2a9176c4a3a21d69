"""Statements of a bounded length: what is asked of a host's database goes in runs."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def chunked(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Yield the items in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
