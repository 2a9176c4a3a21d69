"""The sandbox Mautic in one object: its database, its REST API, and what people and visitors do in it.

Start here: `Host(...)`, then `host.app` for HTTP calls and `host.create_contact(...)`, `host.opt_out(...)` … for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.sandbox.host import auth, native_plugin
from sidecar.sandbox.host.acts import Acts
from sidecar.sandbox.host.bundle_acts import BundleActs
from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.company_acts import CompanyActs
from sidecar.sandbox.host.faults import Faults
from sidecar.sandbox.host.fields import EXAMPLE_FIELDS, Field, NewField
from sidecar.sandbox.host.profiles import Profile, profile_of
from sidecar.sandbox.host.rest import Api
from sidecar.sandbox.host.setup import ADMIN_ACTOR, add_field, open_database
from sidecar.sandbox.host.tables import build_schema
from sidecar.sandbox.host.webhooks import Deliver, Hooks, add_hook
from sidecar.sandbox.host.work import Database, Work


class Host(Acts, BundleActs, CompanyActs):
    """A Mautic installation. Safe to use from several threads.

    `profile` names the version it is, or says how it behaves; `requests` lists (method, path with query) of every call.
    """

    def __init__(
        self,
        database_url: str = "sqlite://",
        *,
        clock: HostClock | None = None,
        table_prefix: str = "",
        custom_fields: Sequence[NewField] = EXAMPLE_FIELDS,
        admin_password: str = "sandbox",  # noqa: S107 - a sandbox has no secrets
        profile: str | Profile = "5.1",
    ) -> None:
        self.clock = clock or HostClock()
        wished = profile_of(profile)
        schema = build_schema(table_prefix, wished.columns, wished.dropped_columns)
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.database_url = database_url
        super().__init__(Database(database_url, schema, self.clock, wished))
        open_database(self.database, custom_fields, admin_password)
        self.hooks = self.database.hooks = Hooks(self.database)
        self.app = Api(self)

    @property
    def profile(self) -> Profile:
        """How it behaves where versions differ."""
        return self.database.profile

    @profile.setter
    def profile(self, profile: Profile) -> None:
        self.database.profile = profile

    @property
    def deliver(self) -> Deliver:
        """What sends a webhook's body to its address; a real HTTP call unless something else is put here."""
        return self.hooks.deliver

    @deliver.setter
    def deliver(self, deliver: Deliver) -> None:
        self.hooks.deliver = deliver

    def add_hook(self, url: str, triggers: Sequence[str], *, secret: str | None = None, name: str = "hook") -> int:
        """Make a webhook as an administrator does; return its id."""
        values = {"name": name, "webhook_url": url, "secret": secret}
        self.hooks.may_have_any = True
        return self.act(lambda work: add_hook(work, values, triggers, ADMIN_ACTOR))

    def process_webhooks(self) -> int:
        """Send what waits in the queue, as Mautic's cron job does; return how many deliveries were tried."""
        return self.hooks.process()

    def hooks_off(self) -> None:
        """Cut the webhooks off: what happens from now on is neither sent nor queued."""
        self.hooks.is_on = False

    def hooks_on(self) -> None:
        """Let webhooks work again."""
        self.hooks.is_on = True

    def add_oauth_client(self, name: str = "sync sidecar") -> tuple[str, str]:
        """Make an API client; return its client id and secret."""
        return self.act(lambda work: auth.add_client(work, name))

    def add_user(
        self, username: str, *, email: str = "", first_name: str = "", last_name: str = "", password: str = ""
    ) -> int:
        """Make a user, who may own contacts and sign in with basic auth; return the id."""
        names = {"first_name": first_name or username.title(), "last_name": last_name or "Lab"}
        address = email or f"{username}@example.com"
        stored = auth.hashed(password or username)

        def do(work: Work) -> int:
            values = {"username": username, "email": address, "password": stored, "role_id": 1, "is_published": 1}
            return work.add("users", **values, **names, date_added=work.stamp, timezone="", locale="")

        return self.act(do)

    def add_field(self, wish: NewField) -> Field:
        """Add a custom contact field."""
        with self.database.work() as work:
            return add_field(self.database, work, wish, ADMIN_ACTOR)

    def install_native_plugin(
        self,
        feature_settings: Mapping[str, Any],
        *,
        api_keys: Mapping[str, str] | None = None,
        supported: Sequence[str] = native_plugin.DEFAULT_FEATURES,
        is_published: bool = True,
        secret_key: str = native_plugin.INSTALLATION_KEY,
    ) -> None:
        """Let Mautic's own Salesforce plugin have been set up here; it keeps its settings and does nothing."""
        native_plugin.install(
            self,
            feature_settings,
            api_keys=api_keys or {},
            supported=supported,
            is_published=is_published,
            secret_key=secret_key,
        )

    def publish_native_plugin(self, *, is_published: bool) -> None:
        """Switch that plugin on or off."""
        native_plugin.publish(self, is_published=is_published)

    def add_native_links(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Let that plugin have linked contacts; each row names what is not as for a Lead that was just synced."""
        native_plugin.add_links(self, rows)

    def close(self) -> None:
        """Let go of the database."""
        self.database.engine.dispose()
