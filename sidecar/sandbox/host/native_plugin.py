"""Mautic's own Salesforce plugin as it leaves a Mautic behind: its settings, its secrets and its links. It does not sync."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from sqlalchemy import insert, update

from sidecar.sandbox.host import php
from sidecar.sandbox.host.work import Work

if TYPE_CHECKING:
    from sidecar.sandbox.host.people import People

INSTALLATION_KEY = "68c7e75470c02cba06dd543431411e0de94e04fdf2b3a2eac05957060edb66d0"
"""What this Mautic has as `secret_key` in its local.php, unless told else."""

DEFAULT_FEATURES = ("push_lead", "get_leads", "push_leads")
NO_FEATURES: Mapping[str, Any] = {
    "sandbox": [],
    "updateOwner": [],
    "updateBlanks": [],
    "updateDncByDate": [],
    "objects": ["Lead", "Contact"],
    "activityEvents": [],
    "namespace": None,
    "leadFields": {},
    "update_mautic": {},
    "companyFields": {},
    "update_mautic_company": {},
}


def install(
    host: People,
    feature_settings: Mapping[str, Any],
    *,
    api_keys: Mapping[str, str],
    supported: Sequence[str],
    is_published: bool,
    secret_key: str,
) -> None:
    """Write the plugin's row as its form does: texts of PHP, each secret encrypted by itself."""

    def do(work: Work) -> None:
        plugin_id = work.add(
            "plugins", name="CRM", bundle="MauticCrmBundle", version="1.0", author="Mautic", is_missing=0
        )
        work.add(
            "plugin_integration_settings",
            plugin_id=plugin_id,
            name="Salesforce",
            is_published=int(is_published),
            supported_features=php.serialize(list(supported)),
            api_keys=php.serialize({name: encrypted(value, secret_key) for name, value in api_keys.items()}),
            feature_settings=php.serialize({**NO_FEATURES, **feature_settings}),
        )

    host.act(do)


def publish(host: People, *, is_published: bool) -> None:
    """Switch the plugin on or off, as on the plugins page."""

    def do(work: Work) -> None:
        table = work.schema["plugin_integration_settings"]
        named = table.c.name == "Salesforce"
        work.connection.execute(update(table).where(named).values(is_published=int(is_published)))

    host.act(do)


def add_links(host: People, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write links as the plugin keeps them; whatever a row does not say is as for a Lead that was just synced."""

    def do(work: Work) -> None:
        usual = {
            "integration": "Salesforce",
            "integration_entity": "Lead",
            "internal_entity": "lead",
            "internal": php.EMPTY,
            "date_added": work.stamp,
            "last_sync_date": work.stamp,
        }
        filled = [work.row("integration_entity", **{**usual, **row}) for row in rows]
        work.connection.execute(insert(work.schema["integration_entity"]), filled)

    host.act(do)


def encrypted(value: Any, secret_key: str) -> str:
    """Return a value as Mautic keeps secrets: what PHP calls AES-256-CBC, with an HMAC behind the text, base64 twice."""
    message = php.serialize(value).encode()
    sealed = message + hmac.new(secret_key[-32:].encode(), message, hashlib.sha256).hexdigest().encode()
    padder, vector = PKCS7(128).padder(), secrets.token_bytes(16)
    block = Cipher(algorithms.AES(bytes.fromhex(secret_key)), modes.CBC(vector)).encryptor()
    raw = block.update(padder.update(sealed) + padder.finalize()) + block.finalize()
    return f"{base64.b64encode(base64.b64encode(raw)).decode()}|{base64.b64encode(vector).decode()}"
