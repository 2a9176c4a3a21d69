"""The brake: a plan that would delete, blank or re-subscribe implausibly many is not carried out. Pure but for its tally."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sidecar.errors import SafetyError
from sidecar.sync.model import Action, ConsentChange, Decision, FieldOutcome

LEAST = 20
SHARE = 0.02
"""A run may do at most LEAST or this share of the linked records, whichever is more, of each alarming kind."""


@dataclass(slots=True)
class Brake:
    """Counts alarming decisions over a whole run; a person may confirm a run, which releases the brake for it."""

    link_count: int
    is_released: bool = False
    tally: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("deletions", "blanks", "lifts"), 0))

    def require_plausible(self, plan: Sequence[Decision]) -> None:
        """Add a plan to the tally; SafetyError before anything of it is written if a limit is passed."""
        for decision in plan:
            self.tally["deletions"] += decision.action is Action.DELETE and bool(decision.writes)
            self.tally["blanks"] += any(
                field.outcome is FieldOutcome.WRITE and field.new_value is None for field in decision.fields
            )
            changes = decision.consent.changes if decision.consent else {}
            self.tally["lifts"] += ConsentChange.LIFT in changes.values()
        limit = max(LEAST, int(self.link_count * SHARE))
        for kind, count in self.tally.items():
            if count > limit and not self.is_released:
                raise SafetyError(
                    f"{count} {kind} in one run are more than the limit of {limit}; a person must confirm this run",
                    code=f"too-many-{kind}",
                )
