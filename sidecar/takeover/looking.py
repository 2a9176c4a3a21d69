"""What the plugin has, what it would become, and whether it still runs. Reads Mautic's database only."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sidecar.bootstrap import App
from sidecar.hosts.mautic.native.convert import Conversion, convert
from sidecar.hosts.mautic.native.rows import Counted, LinkRows
from sidecar.hosts.mautic.native.settings import NativeSettings, read_settings
from sidecar.hosts.mautic.native.tables import NativeTables
from sidecar.hosts.mautic.native.watch import PluginState, read_state
from sidecar.hosts.mautic.side import MauticSide
from sidecar.mapping.rules import Problem
from sidecar.store.instances import Instance


@dataclass(frozen=True, slots=True)
class Looked:
    """The plugin as it is, and what our documents would be."""

    settings: NativeSettings
    conversion: Conversion
    links: tuple[Counted, ...]
    state: PluginState
    warning: Problem | None


def look(app: App, instance: Instance) -> Looked:
    """Read the plugin's settings and count its links; UsageError if it was never set up."""
    with open_plugin(app, instance) as (host, rows):
        return look_at(app, host, rows)


def look_at(app: App, host: MauticSide, rows: LinkRows) -> Looked:
    """Do the same over a host that is open already."""
    settings = read_settings(host.reader.engine, rows.tables)
    state = read_state(rows.engine, rows.tables) or PluginState(settings.is_published, None)
    return Looked(settings, convert(settings), tuple(rows.count()), state, state.problem(app.clock()))


@contextmanager
def open_plugin(app: App, instance: Instance) -> Iterator[tuple[MauticSide, LinkRows]]:
    """Connect Mautic alone."""
    host = app.connect_mautic(instance)
    try:
        yield host, rows_of(host)
    finally:
        host.close()


def rows_of(host: MauticSide) -> LinkRows:
    """Return the plugin's links in a Mautic."""
    return LinkRows(host.reader.engine, NativeTables(host.reader.tables.prefix))
