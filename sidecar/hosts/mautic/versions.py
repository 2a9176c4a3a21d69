"""Which versions of Mautic we know, and the one table of what must be handled differently in some of them. Pure.

Nobody else compares version numbers: code that must behave differently asks `differences_of`, by the name of the difference.
Most of what differs is not here, because one way of working is right in all of them; docs/mautic.md tells it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sidecar.errors import SetupError

Version = tuple[int, int, int]
Spans = tuple[tuple[Version, Version | None], ...]
"""From a version on, up to another one that is not meant any more; None: for good."""

OLDEST: Version = (5, 1, 0)
KNOWN_MAJORS = (5, 6, 7)


@dataclass(frozen=True, slots=True)
class Differences:
    """What a Mautic of one version does. Each name is a fact about Mautic, not a wish of ours.

    `date_modified_is_frozen`: leads.date_modified stands still at the moment of creation.
    `private_targets_refused`: webhooks to private addresses need `webhook_allowed_private_addresses`.
    `auto_unpublish_switch`: the configuration has `disable_auto_unpublish`, which keeps failing webhooks on.
    `has_soft_deletion`: segments and companies that are about to be deleted carry a date in `deleted`, until a command ends it.
    """

    date_modified_is_frozen: bool
    private_targets_refused: bool
    auto_unpublish_switch: bool
    has_soft_deletion: bool


TRUE_IN: Mapping[str, Spans] = MappingProxyType(
    {
        "date_modified_is_frozen": (((6, 0, 0), None),),
        # 5.2.8 by inference: the same round of security fixes as 6.0.5.
        "private_targets_refused": (((5, 2, 8), (6, 0, 0)), ((6, 0, 5), None)),
        "auto_unpublish_switch": (((7, 0, 0), None),),
        "has_soft_deletion": (((7, 1, 0), None),),
    }
)
"""In which versions each difference is true. The only place that knows numbers of versions."""


def require_known(version: str) -> None:
    """Accept a version such as "5.2.7"; SetupError for one that nobody has looked at: before 5.1, or another major."""
    number = _parse(version)
    if number and number >= OLDEST and number[0] in KNOWN_MAJORS:
        return
    known = ", ".join(str(each) for each in KNOWN_MAJORS)
    shown = version if re.fullmatch(r"[\w.+-]{1,32}", version) else "unreadable"
    raise SetupError(
        f"This Mautic's version ({shown}) is not known to the sidecar, which works with {known} from 5.1 on. "
        "Nothing was written.",
        code="mautic-version-unknown",
    )


def differences_of(version: str) -> Differences:
    """Return what a known version does; a pre-release counts as its release. SetupError for an unknown one."""
    require_known(version)
    number = _parse(version) or OLDEST
    return Differences(**{name: _is_in(number, spans) for name, spans in TRUE_IN.items()})


def _parse(version: str) -> Version | None:
    found = re.match(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?!\d)", version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def _is_in(number: Version, spans: Spans) -> bool:
    return any(first <= number and (until is None or number < until) for first, until in spans)
