"""What a look at an org means: one line for each thing that matters, with what is wrong, how it is put right and by whom.

Pure. Start here.
"""

from dataclasses import dataclass

from sidecar.lines import Line, LineStatus, told
from sidecar.salesforce.org.line import fix
from sidecar.salesforce.org.org_lines import org_lines, surroundings
from sidecar.salesforce.org.person_lines import person_lines
from sidecar.salesforce.org.plan import Plan, build_plan
from sidecar.salesforce.org.seen import Seen
from sidecar.salesforce.org.timeline_lines import timeline_lines
from sidecar.salesforce.org.wanted import PERMISSION_SET, Wanted


@dataclass(frozen=True, slots=True)
class Report:
    """A whole check: its lines, and what a set-up would make."""

    lines: tuple[Line, ...]
    plan: Plan
    calls: int

    @property
    def is_green(self) -> bool:
        """Whether nothing has to be put right."""
        return not any(line.status is LineStatus.FIX for line in self.lines)


def build_report(wanted: Wanted, seen: Seen) -> Report:
    """Return what a look means for an instance."""
    plan = build_plan(wanted, seen)
    lines = (
        *org_lines(seen),
        *(line for name in wanted.objects for line in person_lines(wanted, seen, name)),
        *timeline_lines(wanted, seen),
        _access_line(plan),
        *surroundings(wanted, seen),
    )
    return Report(lines, plan, seen.calls)


def _access_line(plan: Plan) -> Line:
    if plan.access is None:
        return Line("org-access", LineStatus.OK, PERMISSION_SET, told("Our user has the permissions it needs."))
    text = told("The permission set is missing, incomplete, or not assigned to our user.")
    remedy = told(
        "Let the sidecar set up the org. By hand: deploy the package, then Setup, Permission Sets, Mautic Sidecar, "
        "Manage Assignments, Add Assignment: the integration user, and nobody else."
    )
    return fix("org-access", PERMISSION_SET, text, remedy)
