"""Which versions of Mautic we know, and the one table of what differs between them. Pure."""

import re
from dataclasses import dataclass

from sidecar.errors import SetupError


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a major version does differently, as far as it matters to us.

    `moves_date_modified`: an edit moves leads.date_modified (from 6 on it stays at the moment of creation).
    `edits_follow_merges`: a batch edit of a merged id writes to the survivor instead of answering 404.
    """

    moves_date_modified: bool
    edits_follow_merges: bool


BEHAVIOUR_BY_MAJOR = {
    5: Behaviour(moves_date_modified=True, edits_follow_merges=False),
    6: Behaviour(moves_date_modified=False, edits_follow_merges=False),
    7: Behaviour(moves_date_modified=False, edits_follow_merges=True),
}


def behaviour_of(version: str) -> Behaviour:
    """Return what is known of a version such as "5.2.7"; SetupError for one that nobody has looked at."""
    major = re.match(r"(\d+)\.", version)
    behaviour = BEHAVIOUR_BY_MAJOR.get(int(major[1])) if major else None
    if behaviour is None:
        known = ", ".join(str(each) for each in sorted(BEHAVIOUR_BY_MAJOR))
        shown = version if re.fullmatch(r"[\w.+-]{1,32}", version) else "unreadable"
        raise SetupError(
            f"This Mautic's version ({shown}) is not known to the sidecar, which works with {known}. Nothing was written.",
            code="mautic-version-unknown",
        )
    return behaviour
