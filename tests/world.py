"""Both sandboxes and one deployment of the sidecar in this process: everything but the network is the real thing.

One clock drives all three. `world.sync()` is an hourly run; `world.later(minutes=…)` lets time pass.
"""

import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet

from sidecar.bootstrap import SHIPPED_MAPPINGS, App
from sidecar.config import Settings
from sidecar.lanes import RunReport, run_lane
from sidecar.records import Ref, Side
from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.profiles import Profile
from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.org import Org
from sidecar.store.crypto import Cipher
from sidecar.store.history import OutcomeFilter
from sidecar.store.instances import Instance
from sidecar.store.session import Database
from tests.builders import NOON
from tests.generic_host import DOCUMENT, GenericHost
from tests.wsgi import WsgiAdapter

KEY = Fernet.generate_key().decode()
HOST_URL = "http://127.0.0.1:8001"
ORG_URL = "http://127.0.0.1:8002"
START = NOON - timedelta(days=1)
VERSIONS = ("5.1", "5.2", "6.0", "7.2")
"""The versions of Mautic that every scenario holds for."""
GENERIC = "generic"
"""The other host platform: people in one table."""
_host_kind = ContextVar("kind of host", default=VERSIONS[0])


@dataclass
class World:
    """A Mautic (or another host), an org, and a sidecar between them."""

    folder: Path
    host: Host | GenericHost
    org: Org
    app: App
    instance: Instance
    adapters: dict[Side, WsgiAdapter]

    @property
    def now(self) -> datetime:
        return self.org.clock.now()

    def later(self, **span: float) -> datetime:
        """Let time pass for everybody."""
        moment = self.now + timedelta(**span)
        self.org.clock.set(moment)
        self.host.clock.set(moment)
        return moment

    def sync(self, lane: str = "people", **options) -> RunReport:
        """Run a lane once, now; the next minute begins."""
        self.later(minutes=1)
        report = run_lane(self.app, self.instance, lane, "test", **options)
        self.later(minutes=1)
        return report

    def settle(self, *, runs: int = 3, **span: float) -> list[RunReport]:
        """Run until nothing is left to do, an hour apart."""
        return [(self.later(**(span or {"minutes": 58})), self.sync())[1] for _ in range(runs)]

    def hourly(self, **options) -> RunReport:
        """Run the people lane an hour after the last run."""
        self.later(minutes=58)
        return self.sync(**options)

    def activate(self) -> RunReport:
        """Begin here: what happened earlier is not imported, but can be found."""
        self.later(days=1)
        self.app.instances.set_synced_from(self.instance.id, self.now)
        return self.sync()

    def change_document(self, change: Callable[[dict], object], name: str = "people") -> None:
        """Save a version of a mapping document that differs from the shipped one as `change` makes it."""
        document = tomllib.loads((SHIPPED_MAPPINGS / f"{name}.toml").read_text(encoding="utf-8"))
        change(document)
        self.app.mappings.save(self.instance.id, name, document, "a test", self.now)

    def link_person(self, email: str = "ana@example.org", **values) -> tuple[int, str]:
        """Make a contact and let it become a Lead; return both ids."""
        contact = self.host.create_contact({"email": email, "lastname": "Lee"} | values)
        self.hourly()
        return contact, self.twin(contact)["Id"]

    # -- looking --

    def contact_of(self, object_name: str, record_id: str) -> dict:
        """Return the contact that a Salesforce record is linked to, as Mautic has it."""
        link = self.link_of_salesforce(object_name, record_id)
        assert link is not None, f"{object_name} {record_id} has no link"
        return self.host.contact(int(link.host.id))

    def why(self, contact_id: int | str) -> dict[str, str]:
        """Return what the ledger last said of each field of a contact: name → reason."""
        wanted = OutcomeFilter(side=Side.HOST, ref=Ref("contact", str(contact_id)))
        rows = self.app.ledger.history.outcomes(self.instance.id, wanted, limit=1)
        return {field["name"]: field["reason"] for field in rows[0].fields}

    def link_of(self, contact_id: int | str):
        """Return the link of a contact, or None."""
        return self._links(Side.HOST, Ref("contact", str(contact_id)))

    def link_of_salesforce(self, object_name: str, record_id: str):
        return self._links(Side.SALESFORCE, Ref(object_name, record_id))

    def _links(self, side: Side, ref: Ref):
        from sidecar.store.links import load_links

        with self.app.database.read() as connection:
            return load_links(connection, self.instance.id, side, [ref]).get(ref)

    def twin(self, contact_id: int | str) -> dict:
        """Return the Salesforce record a contact is linked to, as the org has it."""
        link = self.link_of(contact_id)
        assert link is not None, f"contact {contact_id} has no link"
        return self.org.row(link.salesforce.object, link.salesforce.id)

    def people_in_org(self) -> list[dict]:
        return [*self.org.rows("Lead"), *self.org.rows("Contact")]

    def is_opted_out(self, contact_id: int | str) -> bool:
        return any(row["channel"] == "email" for row in self.host.dnc(int(contact_id)))

    def tags_of(self, contact_id: int) -> set[str]:
        """Return the tags a person has in the host."""
        if isinstance(self.host, GenericHost):
            return set((self.host.contact(contact_id)["tags"] or "").split("|")) - {""}

        def read(work) -> set[str]:
            mine = work.rows("lead_tags_xref", work.schema["lead_tags_xref"].c.lead_id == contact_id)
            return {row["tag"] for row in work.rows("lead_tags") if row["id"] in {each["tag_id"] for each in mine}}

        return self.host.act(read)

    def written(self, report: RunReport) -> int:
        return sum(report.counts.get("written", {}).values())

    def close(self) -> None:
        self.app.database.close()
        self.host.close()
        self.org.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@lru_cache
def _template(kind: str) -> Path:
    """Make an empty state database and an empty host of a kind once; worlds begin as copies of them."""
    folder = Path(tempfile.mkdtemp(prefix="sidecar-template-"))
    database = Database(f"sqlite:///{folder}/state.sqlite3")
    database.upgrade()
    database.close()
    _host(f"sqlite:///{folder}/host.sqlite3", profile=kind).close()
    return folder


def _host(url: str, profile: str | Profile, **options) -> Host | GenericHost:
    if profile == GENERIC:
        return GenericHost(url, clock=_host_clock(), **options)
    return Host(url, clock=_host_clock(), profile=profile, **options)


def _host_clock() -> HostClock:
    clock = HostClock()
    clock.set(START)
    return clock


@contextmanager
def hosted_by(kind: str) -> Iterator[None]:
    """Let every world made inside the block, unless it says otherwise, have this host: a version of Mautic, or GENERIC."""
    token = _host_kind.set(kind)
    try:
        yield
    finally:
        _host_kind.reset(token)


def make_world(
    *, database_url: str | None = None, host_url: str | None = None, is_empty_org: bool = False, **options
) -> World:
    """Return a fresh world at START; an empty org is as the vendor delivers it. Our first window begins an hour before."""
    folder = Path(tempfile.mkdtemp(prefix="sidecar-world-"))
    options.setdefault("profile", _host_kind.get())
    template = _template(options["profile"])
    for name in ("state.sqlite3", "host.sqlite3"):
        shutil.copy(template / name, folder / name)
    org = Org(clock=Clock(START), is_empty=is_empty_org)
    host = _host(host_url or f"sqlite:///{folder}/host.sqlite3", **options)
    adapters = {Side.SALESFORCE: WsgiAdapter(org.app)}
    if isinstance(host, Host):
        adapters[Side.HOST] = WsgiAdapter(host.app)
    settings = Settings(home=folder, database_url=database_url or f"sqlite:///{folder}/state.sqlite3", keys=KEY)
    database = Database(settings.database_url)
    if database_url:
        database.upgrade()
    app = App(settings, database, Cipher([KEY]), clock=org.clock.now, adapters=adapters.get, sleep=lambda _: None)
    instance = app.instances.add("acme", "Acme", START, synced_from=START - timedelta(hours=1))
    world = World(folder, host, org, app, instance, adapters)
    connect(world, instance)
    return world


def connect(world: World, instance: Instance) -> None:
    """Tell an instance how to reach both sides."""
    secrets = {"database_url": world.host.database_url}
    if isinstance(world.host, GenericHost):
        settings = {"kind": GENERIC, "document": DOCUMENT}
    else:
        client_id, secrets["client_secret"] = world.host.add_oauth_client("Sidecar")
        settings = {"base_url": HOST_URL, "client_id": client_id, "parallel": 1}
    world.app.connections.save(instance.id, Side.HOST, settings, secrets)
    world.org.add_client("sidecar", "a secret of the org")
    world.app.connections.save(
        instance.id,
        Side.SALESFORCE,
        {"login_url": ORG_URL, "flow": "client_credentials", "client_id": "sidecar"},
        {"client_secret": "a secret of the org"},
    )


def install_bundle(world: World, **options) -> None:
    """Put our bundle into the world's Mautic, serving this sidecar's API client."""
    info = world.app.connections.load(world.instance.id, Side.HOST)
    world.host.install_bundle(info.settings["client_id"], "k" * 32, "https://sidecar.example", "acme", **options)
