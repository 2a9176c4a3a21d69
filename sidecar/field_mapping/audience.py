"""Who there is in the host to take part in the sync: counted when somebody asks, remembered with its time."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sidecar.bootstrap import App
from sidecar.field_mapping.kept import keep, load_kept
from sidecar.hosts.port import Audience
from sidecar.records import Side
from sidecar.store.instances import Instance

_AUDIENCE: Final = "mapping-audience"


@dataclass(frozen=True, slots=True)
class KnownAudience:
    """Who there was at `counted_at`."""

    counted_at: datetime
    audience: Audience


def read_audience(app: App, instance: Instance) -> None:
    """Ask the host who there is, and remember it."""
    with app.open_host(instance) as host:
        audience = host.read_audience()
    kept = {"counted_at": app.clock().isoformat(), "audience": asdict(audience)}
    keep(app, instance, Side.HOST, _AUDIENCE, kept)


def known_audience(app: App, instance: Instance) -> KnownAudience | None:
    """Return who there was when somebody asked last; asks nobody."""
    kept = load_kept(app, instance, Side.HOST, _AUDIENCE)
    if kept is None:
        return None
    return KnownAudience(datetime.fromisoformat(kept["counted_at"]), Audience(**kept["audience"]))
