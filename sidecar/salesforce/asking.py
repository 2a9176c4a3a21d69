"""Asking about many records: queries as short as an address for some, far longer ones where many would cost many calls.

A long query travels inside a composite call, where no address limits it. An org that finds one too long or too complicated
after all is asked in halves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from sidecar.errors import SetupError, SidecarError
from sidecar.salesforce import soql
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.parts import PARTS_PER_CALL

MAX_LONG_CHARACTERS: Final = 60_000
"""A query may have 100,000 characters (SOQL and SOSL reference, limits)."""

_TOO_LONG: Final = frozenset({"salesforce-request-too-long", "salesforce-request-refused"})

Item = TypeVar("Item")
Tag = TypeVar("Tag")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many items go into one query: `some` usually, `many` once there are more than `many_from` items."""

    some: int
    many: int
    many_from: int


@dataclass(frozen=True, slots=True)
class Question(Generic[Tag, Item]):
    """One query about some items; `tag` is for whoever takes the answer."""

    tag: Tag
    items: Sequence[Item]
    build: Callable[[Sequence[Item]], str]
    soql: str
    least: int

    def halves(self) -> list["Question[Tag, Item]"]:
        """Return the same question as two."""
        middle = len(self.items) // 2
        return [
            replace(self, items=items, soql=self.build(items)) for items in (self.items[:middle], self.items[middle:])
        ]


def questions(
    tag: Tag, items: Sequence[Item], build: Callable[[Sequence[Item]], str], sizes: Sizes
) -> list[Question[Tag, Item]]:
    """Return the queries that ask about all items."""
    if len(items) > sizes.many_from:
        chunks = soql.in_chunks(items, build, most=sizes.many, limit=MAX_LONG_CHARACTERS, measure=len)
    else:
        chunks = soql.in_chunks(items, build, most=sizes.some)
    return [Question(tag, some, build, query, sizes.some) for some, query in chunks]


def ask(
    client: SalesforceClient, asked: Sequence[Question[Tag, Item]], *, with_deleted: bool = False
) -> Iterator[tuple[Tag, list[dict[str, Any]]]]:
    """Yield the rows that answer each question, call by call."""
    waiting = list(asked)
    while waiting:
        now, waiting = waiting[:PARTS_PER_CALL], waiting[PARTS_PER_CALL:]
        for question, answer in zip(now, _answers(client, now, with_deleted=with_deleted), strict=True):
            if not isinstance(answer, SidecarError):
                yield question.tag, answer
            elif answer.code in _TOO_LONG and len(question.items) > question.least:
                waiting += question.halves()
            else:
                raise answer


def _answers(
    client: SalesforceClient, asked: Sequence[Question[Tag, Item]], *, with_deleted: bool
) -> Sequence[list[dict[str, Any]] | SidecarError]:
    try:
        return client.try_each([question.soql for question in asked], with_deleted=with_deleted)
    except SetupError as error:  # the call that carries them is refused as a whole
        return [error] * len(asked)
