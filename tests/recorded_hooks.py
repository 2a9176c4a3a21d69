"""What a real Mautic 5.1.1 posted to a webhook with all triggers, byte for byte, with the signature it sent."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recordings" / "mautic" / "webhooks"
SECRET = "s3cr3t!"


@dataclass(frozen=True)
class RecordedDelivery:
    """One POST: what was done in Mautic, the raw body, and the header that signs it."""

    action: str
    body: bytes
    signature: str
    parsed: dict[str, list[dict[str, Any]]]


@cache
def recorded_deliveries() -> tuple[RecordedDelivery, ...]:
    """Return all of them, by name of what caused them."""
    files = sorted(path for path in FOLDER.glob("*.json") if not path.name.startswith("_"))
    actions = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return tuple(_delivery(action["action"], each) for action in actions for each in action["deliveries"])


def _delivery(action: str, recorded: dict[str, Any]) -> RecordedDelivery:
    body = as_sent(recorded["body"])
    assert len(body) == recorded["body_bytes"], action
    return RecordedDelivery(action, body, recorded["headers"]["Webhook-Signature"], recorded["body"])


def as_sent(body: object) -> bytes:
    """Write JSON as PHP does: no spaces, slashes escaped, nothing beyond ASCII."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def signed(body: bytes, secret: str) -> str:
    """Sign a body as Mautic does."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
