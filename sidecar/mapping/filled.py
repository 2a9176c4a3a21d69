"""How many records have something in each field: what tells a field that is worth mapping from one that nobody fills. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Filled:
    """How many records of an object there are, and how many of them have each field filled; what was not counted is absent."""

    records: int
    by_field: Mapping[str, int] = field(default_factory=dict)

    def share(self, name: str) -> float | None:
        """Return the part of the records that have the field filled, 0 to 1; None if nobody counted it or nobody is there."""
        count = self.by_field.get(name)
        return None if count is None or not self.records else count / self.records
