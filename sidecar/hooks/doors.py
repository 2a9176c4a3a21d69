"""Which secrets the callers of an instance hold, remembered for a while, so that no answer waits for the database."""

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sidecar.bootstrap import App
from sidecar.errors import SidecarError, UsageError
from sidecar.hosts.mautic.webhooks import is_signed
from sidecar.records import Side

REMEMBER = timedelta(minutes=1)
STALE = timedelta(minutes=10)
"""How long a door may be used while it is looked up anew elsewhere; or longer, while the database does not answer."""
LOOK_AGAIN = timedelta(seconds=2)
"""A caller who is refused may hold a secret made since we looked, or be one of many who guess: we look this often."""
FAILED = timedelta(seconds=3)
"""For how long a database that did not answer is not asked again."""
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Door:
    """The secrets of one instance. Without any it stays shut, and so does that of an instance that does not exist."""

    instance_id: int | None = None
    client_id: str = ""
    hook_secrets: tuple[str, ...] = field(default=(), repr=False)
    shared_keys: tuple[str, ...] = field(default=(), repr=False)
    push_keys: tuple[str, ...] = field(default=(), repr=False)

    def lets_webhook_in(self, body: bytes, signature: str) -> bool:
        """Tell whether Mautic signed this with its webhook's secret."""
        return is_signed(body, signature, self.hook_secrets or (_NOBODYS,)) and bool(self.hook_secrets)

    def lets_bundle_in(self, body: bytes, signature: str) -> bool:
        """Tell whether the bundle inside Mautic signed this."""
        return is_signed(body, signature, self.shared_keys or (_NOBODYS,)) and bool(self.shared_keys)

    def lets_push_in(self, key: str) -> bool:
        """Tell whether this is the key of campaigns that push."""
        given = key.encode("utf-8", "surrogateescape")
        return any(hmac.compare_digest(each.encode(), given) for each in self.push_keys)


_NOBODYS = "the work of checking is done for those who do not exist, too"
Check = Callable[[Door], bool]


@dataclass(slots=True)
class Doors:
    """All doors this process has seen."""

    app: App
    _known: dict[str, tuple[datetime, Door]] = field(default_factory=dict)
    _failed: tuple[datetime, SidecarError] | None = None
    _stale: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, slug: str) -> Door:
        """Return the door of a short name as far as known; one not known at all is looked up.

        Errors: TransientError or SetupError when the database does not answer and nothing is remembered.
        """
        known = self._known.get(slug)
        if known is None or self.app.clock() - known[0] >= STALE:
            return self._look(slug, known[1] if known else None)
        if self.app.clock() - known[0] >= REMEMBER:
            self._stale.add(slug)
        return known[1]

    def knows(self, slug: str) -> bool:
        """Tell whether a door can be found without the database."""
        return slug in self._known

    def find_anew(self, slug: str) -> Door:
        """Return the door as it is now, unless it was looked up a moment ago."""
        known = self._known.get(slug)
        if known is not None and self.app.clock() - known[0] < LOOK_AGAIN:
            return known[1]
        return self._look(slug, known[1] if known else None)

    def refresh(self) -> None:
        """Look up what was used although it was old."""
        while self._stale:
            self._look(self._stale.pop(), None)

    def _look(self, slug: str, fallback: Door | None) -> Door:
        try:
            door = self._try(slug)
        except UsageError:
            door = Door()
        except SidecarError:
            if fallback is None:
                raise
            return fallback  # better an old secret than an answer that has Mautic switch its webhook off
        with self._lock:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[slug] = (self.app.clock(), door)
        return door

    def _try(self, slug: str) -> Door:
        """Look it up, unless that failed a moment ago: who does not answer is not waited for by every caller."""
        failed = self._failed
        if failed is not None and self.app.clock() - failed[0] < FAILED:
            raise failed[1]
        try:
            return self._load(slug)
        except UsageError:
            raise
        except SidecarError as error:
            self._failed = (self.app.clock(), error)
            raise

    def _load(self, slug: str) -> Door:
        instance = self.app.instances.get(slug)
        info = self.app.connections.load(instance.id, Side.HOST)
        secrets = self.app.connections.load_secrets(instance.id, Side.HOST)

        def named(name: str) -> tuple[str, ...]:
            """A secret, and the one before it while both are in use."""
            return tuple(secrets[each] for each in (name, f"previous_{name}") if secrets.get(each))

        client_id = str(info.settings.get("client_id", "")) if info else ""
        return Door(instance.id, client_id, named("hook_secret"), named("shared_key"), named("push_key"))
