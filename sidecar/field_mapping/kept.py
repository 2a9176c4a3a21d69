"""What a side told once is remembered for two weeks, and forgotten when its connection changes."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sidecar.bootstrap import App
from sidecar.records import Side
from sidecar.store.instances import Instance

KEPT: Final = timedelta(days=14)


def keep(app: App, instance: Instance, side: Side, name: str, document: Mapping[str, Any]) -> None:
    """Remember what a side told, under a name."""
    text = json.dumps(document, separators=(",", ":"))
    app.cache(instance, side).put(name, text, expires_at=app.clock() + KEPT)


def load_kept(app: App, instance: Instance, side: Side, name: str) -> dict[str, Any] | None:
    """Return what a side told, or None if it never did or that is too long ago."""
    text = app.cache(instance, side).get(name)
    return json.loads(text) if text else None


def forget(app: App, instance: Instance, side: Side, name: str) -> None:
    """Forget what a side told."""
    app.cache(instance, side).drop(name)
