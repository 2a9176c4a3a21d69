"""The sidecar's bundle as it sits in this Mautic: its settings, whether it is switched on, and how it calls for attention."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sidecar.sandbox.host.listeners import Listeners, iso

VERSION: Final = "0.1.0"
PROTOCOL: Final = 1
OWN_WRITE_HEADER: Final = "X-Sidecar-Write"
SHORTEST_KEY = 32
Sender = Callable[[str, Mapping[str, str], bytes], object]
"""Posts a body to a URL with headers; what it raises as an OSError is forgotten, as nothing depends on it."""


@dataclass(slots=True)
class Bundle:
    """The integration `SalesforceSidecar` with what an administrator entered."""

    client_id: str
    shared_key: str
    sidecar_url: str
    instance: str
    repair_merges: bool = True
    is_published: bool = True
    sender: Sender | None = None

    def __post_init__(self) -> None:
        if len(self.shared_key) < SHORTEST_KEY:
            raise ValueError(f"the shared key has fewer than {SHORTEST_KEY} characters")

    def listen(self, row_ids: Iterator[int] | None = None) -> Listeners | None:
        """Return listeners for one transaction; there are none while the integration is switched off."""
        return Listeners(self.repair_merges, row_ids=row_ids) if self.is_published else None

    def is_own(self, client_id: str | None) -> bool:
        """Tell whether a caller is the client named in the settings."""
        return bool(client_id) and client_id == self.client_id

    def wake(self, now: datetime) -> None:
        """Tell the sidecar that a push waits, if anybody carries the message."""
        if self.sender is None:
            return
        body = json.dumps({"wake": True, "at": iso(now), "id": secrets.token_hex(16)}).encode()
        headers = {"Content-Type": "application/json", "Webhook-Signature": signature(self.shared_key, body)}
        try:
            self.sender(f"{self.sidecar_url.rstrip('/')}/hooks/{self.instance}/push", headers, body)
        except OSError:
            return


def signature(key: str, body: bytes) -> str:
    """Sign a body as Mautic signs its webhooks."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
