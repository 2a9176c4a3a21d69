"""Settings → App: the only wiring. What web, jobs and the command line share; nothing connects before it is used."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from requests.adapters import BaseAdapter

from sidecar.budget import BUDGET_USED
from sidecar.clock import utc_now
from sidecar.config import Settings, load_settings
from sidecar.errors import SetupError
from sidecar.hosts.generic.connection import KIND as GENERIC
from sidecar.hosts.generic.connection import GenericConnection
from sidecar.hosts.generic.side import connect as connect_generic
from sidecar.hosts.mautic.connection import MauticConnection
from sidecar.hosts.mautic.side import MauticSide
from sidecar.hosts.mautic.side import connect as connect_mautic
from sidecar.hosts.port import HostSide
from sidecar.mapping.activities import ActivityMapping, load_activities, parse_activities
from sidecar.mapping.model import ObjectMapping
from sidecar.mapping.parse import load_mapping, parse_mapping
from sidecar.records import Side
from sidecar.salesforce.connection import SalesforceConnection
from sidecar.salesforce.events import open_bus
from sidecar.salesforce.events.bus import Bus
from sidecar.salesforce.side import SalesforceSide
from sidecar.salesforce.side import connect as connect_salesforce
from sidecar.store.alerts import Alerts
from sidecar.store.budget import Budgets, InstanceGate
from sidecar.store.cache import SqlCache
from sidecar.store.connections import Connections
from sidecar.store.crypto import Cipher
from sidecar.store.exclusions import Exclusions
from sidecar.store.instances import Instance, Instances
from sidecar.store.leases import Leases
from sidecar.store.ledger import Ledger
from sidecar.store.mappings import Mappings
from sidecar.store.pushes import Pushes
from sidecar.store.refresh_tokens import SqlRefreshTokens
from sidecar.store.replays import Replays
from sidecar.store.schedule import Schedules
from sidecar.store.session import Database
from sidecar.store.sign_ins import SignIns
from sidecar.store.usage import Usage
from sidecar.store.users import Users
from sidecar.sync.ports import SidePort

SHIPPED_MAPPINGS = Path(__file__).parent.parent / "mappings"
"""The shipped documents; an instance that saved its own version uses that."""

SIDECAR_URL = "sidecar_url"
"""The setting of a host's connection that says where that host reaches us, where it is not as for all others."""

Adapters = Callable[[Side], BaseAdapter | None]


@dataclass(frozen=True)
class OpenSides:
    """Both sides of one instance, connected for the length of a run."""

    host: HostSide
    salesforce: SalesforceSide
    gate: InstanceGate

    @property
    def mautic(self) -> MauticSide:
        """Return the host for what only Mautic has; SetupError if it is another platform."""
        return as_mautic(self.host)

    @property
    def by_side(self) -> dict[Side, SidePort]:
        """Return both as the engine takes them."""
        return {Side.HOST: self.host, Side.SALESFORCE: self.salesforce}


@dataclass(frozen=True)
class App:
    """Everything a deployment can do. `clock`, `adapters` (the network) and `sleep` are replaced in tests."""

    settings: Settings
    database: Database
    cipher: Cipher
    clock: Callable[[], datetime] = utc_now
    adapters: Adapters = lambda _side: None
    sleep: Callable[[float], None] = time.sleep

    @property
    def instances(self) -> Instances:
        """The instances of this deployment."""
        return Instances(self.database)

    @property
    def connections(self) -> Connections:
        """How each side of an instance is reached."""
        return Connections(self.database, self.cipher)

    @property
    def mappings(self) -> Mappings:
        """Saved versions of mapping documents."""
        return Mappings(self.database)

    @property
    def schedules(self) -> Schedules:
        """Switches, slots and leases."""
        return Schedules(self.database)

    @property
    def ledger(self) -> Ledger:
        """Runs, outcomes and field changes."""
        return Ledger(self.database, self.cipher)

    @property
    def alerts(self) -> Alerts:
        """What needs somebody's attention."""
        return Alerts(self.database)

    @property
    def pushes(self) -> Pushes:
        """Whom the host wants in Salesforce."""
        return Pushes(self.database)

    @property
    def exclusions(self) -> Exclusions:
        """Who was taken out by hand."""
        return Exclusions(self.database)

    @property
    def usage(self) -> Usage:
        """API calls per hour."""
        return Usage(self.database)

    @property
    def budgets(self) -> Budgets:
        """What each instance may use of its org, and what it used."""
        return Budgets(self.database)

    @property
    def sign_ins(self) -> SignIns:
        """Sign-ins at Salesforce that are under way."""
        return SignIns(self.database, self.cipher)

    @property
    def users(self) -> Users:
        """Who may sign in."""
        return Users(self.database)

    def mapping(self, instance: Instance, name: str) -> ObjectMapping:
        """Return the instance's own version of a mapping, else the shipped one."""
        saved = self.mappings.current(instance.id, name)
        return parse_mapping(saved.document) if saved else load_mapping(SHIPPED_MAPPINGS / f"{name}.toml")

    def activities(self, instance: Instance) -> ActivityMapping:
        """Return which timeline events of the instance travel, by its own document or the shipped one.

        A namespace in the document wins over the one of the org's connection.
        """
        saved = self.mappings.current(instance.id, "activities")
        document = parse_activities(saved.document) if saved else load_activities(SHIPPED_MAPPINGS / "activities.toml")
        namespace = self._connection(instance, Side.SALESFORCE).get("namespace", "")
        return document if document.namespace else replace(document, namespace=namespace)

    @contextmanager
    def open_sides(self, instance: Instance) -> Iterator[OpenSides]:
        """Connect both sides; nothing is called before it is needed."""
        host, gate = self.connect_host(instance), self.gate(instance)
        try:
            yield OpenSides(host, self.connect_salesforce(instance, gate), gate)
        finally:
            gate.flush()
            host.close()

    @contextmanager
    def open_salesforce(self, instance: Instance) -> Iterator[SalesforceSide]:
        """Connect the org alone; its calls are counted like any others."""
        gate = self.gate(instance)
        side = self.connect_salesforce(instance, gate)
        try:
            yield side
        finally:
            side.close()
            gate.flush()

    @contextmanager
    def open_host(self, instance: Instance) -> Iterator[HostSide]:
        """Connect the host alone; nothing is called before it is needed."""
        host = self.connect_host(instance)
        try:
            yield host
        finally:
            host.close()

    def connect_host(self, instance: Instance) -> HostSide:
        """Return the host side of an instance, of whatever kind; SetupError if nobody entered how to reach it."""
        settings = self._connection(instance, Side.HOST)
        if settings.get("kind") == GENERIC:
            return connect_generic(GenericConnection(**_known(GenericConnection, settings)), clock=self.clock)
        return connect_mautic(
            MauticConnection(**_known(MauticConnection, settings)),
            cache=self.cache(instance, Side.HOST),
            clock=self.clock,
            adapter=self.adapters(Side.HOST),
            sleep=self.sleep,
        )

    def sidecar_url(self, instance: Instance) -> str | None:
        """Return where an instance's host reaches us: as it was registered, else as for all; None if nobody said."""
        known = self.connections.load(instance.id, Side.HOST)
        return (known.settings.get(SIDECAR_URL) if known else None) or self.settings.public_url

    def connect_mautic(self, instance: Instance) -> MauticSide:
        """Return the host side of an instance for what only Mautic has; SetupError if it is another platform."""
        return as_mautic(self.connect_host(instance))

    def gate(self, instance: Instance) -> InstanceGate:
        """Return what counts the instance's calls to Salesforce, and stops them once its budget is used up."""
        is_paused = any(alert.code == BUDGET_USED for alert in self.alerts.list_open(instance.id))
        return InstanceGate(self.budgets, instance.id, self.clock, is_paused=is_paused)

    def connect_salesforce(self, instance: Instance, gate: InstanceGate | None = None) -> SalesforceSide:
        """Return the Salesforce side of an instance; SetupError if nobody entered how to reach it."""
        settings = self._connection(instance, Side.SALESFORCE)
        return connect_salesforce(
            SalesforceConnection(**settings),
            cache=self.cache(instance, Side.SALESFORCE),
            clock=self.clock,
            adapter=self.adapters(Side.SALESFORCE),
            sleep=self.sleep,
            gate=gate or self.gate(instance),
            refresh_tokens=self.refresh_tokens(instance),
        )

    def refresh_tokens(self, instance: Instance) -> SqlRefreshTokens:
        """The refresh token of an instance's org, one for all workers."""
        leases = Leases(self.database, instance.id, self.clock)
        return SqlRefreshTokens(self.connections, leases, instance.id, self.sleep)

    def open_events(self, instance: Instance) -> Bus:
        """Return the event bus of an instance's org; SetupError without the extra [cdc]."""
        address = SalesforceConnection(**self._connection(instance, Side.SALESFORCE)).events_address
        gate = self.gate(instance)
        try:
            return open_bus(address, self.connect_salesforce(instance, gate).client)
        finally:
            gate.flush()

    def replays(self, instance: Instance) -> Replays:
        """Up to where an instance's change events were handled."""
        return Replays(self.database, instance.id, self.clock)

    def cache(self, instance: Instance, side: Side) -> SqlCache:
        """What is remembered of a side: tokens, describes, and when something was last asked."""
        return SqlCache(self.database, self.cipher, instance.id, side, self.clock)

    def forget(self, instance: Instance, side: Side) -> None:
        """Drop what was remembered of a side, after its connection changed."""
        self.cache(instance, side).clear()

    def _connection(self, instance: Instance, side: Side) -> dict[str, Any]:
        info = self.connections.load(instance.id, side)
        if info is None:
            name = "Mautic" if side is Side.HOST else "Salesforce"
            raise SetupError(f"{name} is not connected yet", code=f"{side}-not-connected")
        return {**info.settings, **self.connections.load_secrets(instance.id, side)}


def as_mautic(host: HostSide) -> MauticSide:
    """Return a host as the Mautic it is; SetupError if it is another platform."""
    if isinstance(host, MauticSide):
        return host
    raise SetupError(
        "This works with Mautic only; the host of this instance is another platform", code="host-not-mautic"
    )


def _known(connection: type[Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a connection keeps beside what signs in, such as the secret of our webhook."""
    names = {each.name for each in fields(connection)}
    return {name: value for name, value in settings.items() if name in names}


def bootstrap(settings: Settings | None = None) -> App:
    """Wire the application of this process from its settings."""
    settings = settings or load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    return App(settings, Database(settings.database_url), Cipher(settings.load_keys()))
