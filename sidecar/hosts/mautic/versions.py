"""Which versions of Mautic we know, and the one table of what differs between them. Pure."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from sidecar.errors import SetupError

DIFFERENCES_BY_MAJOR: Mapping[int, str] = MappingProxyType(
    {
        5: "date_modified moves on most edits (from 5.2 on not with an opt-out) and is empty after creation",
        6: "date_modified stands still at the moment of creation; webhooks to private addresses need an allow-list",
        7: "as 6; a batch edit of a merged id writes to the survivor; a batch delete of one deletes the survivor",
    }
)
"""What we met in each major version. Nothing here needs a switch: the change feed goes by the log, and every id that comes
back is compared with the one that was sent, whatever the version."""


def require_known(version: str) -> None:
    """Accept a version such as "5.2.7"; SetupError for a major version that nobody has looked at."""
    major = re.match(r"(\d+)\.", version)
    if major and int(major[1]) in DIFFERENCES_BY_MAJOR:
        return
    known = ", ".join(str(each) for each in sorted(DIFFERENCES_BY_MAJOR))
    shown = version if re.fullmatch(r"[\w.+-]{1,32}", version) else "unreadable"
    raise SetupError(
        f"This Mautic's version ({shown}) is not known to the sidecar, which works with {known}. Nothing was written.",
        code="mautic-version-unknown",
    )
