"""Whether Mautic's own plugin still syncs beside us: two writers overwrite each other. One statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, func, select

from sidecar.errors import SidecarError
from sidecar.hosts.mautic.database import reading
from sidecar.hosts.mautic.native.tables import NATIVE_NAME, NativeTables
from sidecar.hosts.mautic.values import utc
from sidecar.mapping.rules import Problem

RUNNING = "native-plugin-running"
FRESH = timedelta(hours=2)
"""Its cron is told to run every hour: one that left a mark within two has not been switched off for long."""


@dataclass(frozen=True, slots=True)
class PluginState:
    """Whether the plugin is published, and when it last left a mark on any link."""

    is_published: bool
    last_push_at: datetime | None

    def is_cron_running(self, now: datetime) -> bool:
        """Tell whether its cron left a mark lately. It runs whether the plugin is published or not."""
        return self.last_push_at is not None and self.last_push_at > now - FRESH

    def problem(self, now: datetime) -> Problem | None:
        """Return what is wrong with it, or None once it is switched off and silent."""
        wrong = []
        if self.is_published:
            wrong.append("it is still published, so that forms and campaigns push through it")
        if self.is_cron_running(now):
            wrong.append(f"its cron still runs (last seen {self.last_push_at:%Y-%m-%d %H:%M} UTC)")
        if not wrong:
            return None
        message = f"Mautic's own Salesforce plugin writes beside the sidecar: {'; '.join(wrong)}."
        return Problem(RUNNING, message, "host_admin")


def read_state(engine: Engine, tables: NativeTables) -> PluginState | None:
    """Return the plugin's state; None if it was never set up. Errors as for any read."""
    with reading(engine) as connection:
        row = connection.execute(_question(tables)).one_or_none()
    if row is None:
        return None
    newest = row.newest_added if row.newest_of == NATIVE_NAME else None
    seen = [moment for each in (row.last_sync, newest) if (moment := utc(each))]
    return PluginState(bool(row.is_published), max(seen, default=None))


def watch(engine: Engine, tables: NativeTables, now: datetime) -> Problem | None:
    """Return the warning that the plugin still syncs. Whoever may not read its tables is not warned: never a reason to fail."""
    try:
        state = read_state(engine, tables)
    except SidecarError:
        return None
    return state.problem(now) if state else None


def _question(tables: NativeTables) -> Select[Any]:
    """Ask for the row, the end of the index over sync dates, and the newest link of all: three look-ups by key."""
    rows, links = tables.settings, tables.links
    last_sync = select(func.max(links.c.last_sync_date)).where(links.c.integration == NATIVE_NAME).scalar_subquery()
    newest = select(func.max(links.c.id)).scalar_subquery()
    return (
        select(
            rows.c.is_published,
            last_sync.label("last_sync"),
            select(links.c.date_added).where(links.c.id == newest).scalar_subquery().label("newest_added"),
            select(links.c.integration).where(links.c.id == newest).scalar_subquery().label("newest_of"),
        )
        .where(rows.c.name == NATIVE_NAME)
        .order_by(rows.c.id)
        .limit(1)
    )
