"""Who there is in the host to take part in the sync: counted when somebody asks, remembered with its time."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sidecar.bootstrap import App
from sidecar.field_mapping.fields import KEPT
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
    with app.open_sides(instance) as sides:
        audience = sides.host.read_audience()
    now = app.clock()
    text = json.dumps({"counted_at": now.isoformat(), "audience": asdict(audience)})
    app.cache(instance, Side.HOST).put(_AUDIENCE, text, expires_at=now + KEPT)


def known_audience(app: App, instance: Instance) -> KnownAudience | None:
    """Return who there was when somebody asked last; asks nobody."""
    text = app.cache(instance, Side.HOST).get(_AUDIENCE)
    if text is None:
        return None
    kept = json.loads(text)
    return KnownAudience(datetime.fromisoformat(kept["counted_at"]), Audience(**kept["audience"]))
