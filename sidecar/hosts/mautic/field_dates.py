"""When fields of contacts last changed: the audit log keeps the old and the new value of each, with a time."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from sidecar.hosts.mautic.php import unserialize
from sidecar.hosts.mautic.schema import OWNER
from sidecar.hosts.mautic.tables import Tables
from sidecar.hosts.mautic.values import utc

_OURS = {"owner": OWNER}


def read_field_dates(
    connection: Connection, tables: Tables, ids: Sequence[int], is_own_name: Callable[[str], bool]
) -> dict[int, dict[str, datetime]]:
    """Return, by contact and field, when somebody else last changed it. One statement.

    After a write of ours nothing is known of a field until somebody changes it again: an older date would be of an older value.
    """
    if not ids:
        return {}
    log = tables.audit_log
    wanted = select(log.c.object_id, log.c.date_added, log.c.details, log.c.user_name).where(
        log.c.bundle == "lead", log.c.object == "lead", log.c.object_id.in_(ids), log.c.details.is_not(None)
    )
    found: dict[int, dict[str, datetime]] = {}
    for row in connection.execute(wanted.order_by(log.c.id)):
        dates = found.setdefault(int(row.object_id), {})
        at, is_own = utc(row.date_added), is_own_name(row.user_name)
        for name in changed_fields(row.details):
            if is_own or at is None:
                dates.pop(name, None)
            else:
                dates[name] = at
    return found


def changed_fields(details: str | bytes | None) -> set[str]:
    """Return the names of the fields that a row of the log says were changed: each with its old and its new value."""
    content = unserialize(details)
    if not isinstance(content, dict):
        return set()
    return set(_diffs(content)) | set(_diffs(content.get("fields")))


def _diffs(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for name, values in content.items():
            if isinstance(values, dict) and values.keys() == {0, 1}:
                yield _OURS.get(str(name), str(name))
