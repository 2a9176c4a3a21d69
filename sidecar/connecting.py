"""Connecting an instance to its org by a person's sign-in: begun here, carried on at Salesforce, finished here.

The web page and the command line share it. The present connection goes on working until the new one is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sidecar.bootstrap import SIDECAR_URL, App
from sidecar.errors import SetupError, UsageError
from sidecar.hosts.mautic.connection import MauticConnection, require_own_machine_spared
from sidecar.records import Side
from sidecar.salesforce.connection import SalesforceConnection
from sidecar.salesforce.environments import require_own_address
from sidecar.salesforce.web_server import arrive, depart
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import Instance
from sidecar.store.sign_ins import SignIn

CALLBACK_PATH = "/oauth/salesforce/callback"


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun: where the person goes, and what the answer must carry."""

    url: str
    state: str


def save_salesforce(
    app: App, instance: Instance, settings: Mapping[str, Any], secrets: Mapping[str, str], who: str
) -> None:
    """Replace how an instance reaches its org, forget what was seen by the old way, and let a blocked instance go on."""
    everything: dict[str, Any] = {**settings, **secrets}
    require_own_address(SalesforceConnection(**everything))
    before = app.connections.load(instance.id, Side.SALESFORCE)
    forgotten = dict.fromkeys(("client_secret", "private_key", "refresh_token", "previous_refresh_token"), "")
    app.connections.save(instance.id, Side.SALESFORCE, settings, forgotten | dict(secrets))
    app.forget(instance, Side.SALESFORCE)
    app.instances.unblock(instance.id)
    changed = (before.settings if before else None), dict(settings)
    AuditLog(app.database).add(AuditEntry(who, "salesforce-connected", app.clock(), *changed, instance_id=instance.id))


def save_mautic(
    app: App,
    instance: Instance,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    who: str,
    *,
    allow_loopback: bool,
) -> None:
    """Replace how an instance reaches its Mautic, and forget what was seen by the old way. An empty secret stays as it was.

    SetupError for an address that is not safe; without `allow_loopback` also for one of this machine, or of a file on it.
    """
    before = app.connections.load(instance.id, Side.HOST)
    kept = app.connections.load_secrets(instance.id, Side.HOST)
    given = {name: text for name, text in secrets.items() if text}
    everything: dict[str, Any] = {"database_url": kept.get("database_url", ""), **settings, **given}
    connection = MauticConnection(**everything)
    require_own_machine_spared(connection.base_url, connection.database_url, allow_loopback=allow_loopback)
    is_elsewhere = before is not None and before.settings.get("base_url") != settings["base_url"]
    if not given.get("client_secret") and (is_elsewhere or not kept.get("client_secret")):
        # A secret is never sent to another address than the one it was entered for.
        raise SetupError("Give the secret key of the API client", code="mautic-sign-in-missing")
    if not connection.database_url:
        raise SetupError("Give the address of Mautic's database", code="mautic-database-address-wrong")
    changed = save_host(app, instance, settings, given)
    AuditLog(app.database).add(AuditEntry(who, "mautic-connected", app.clock(), *changed, instance_id=instance.id))


def save_host(
    app: App, instance: Instance, settings: Mapping[str, Any], secrets: Mapping[str, str]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Save how a host is reached, and forget what was seen by the old way; where it reaches us stays as it was.

    Return the settings before and after.
    """
    known = app.connections.load(instance.id, Side.HOST)
    before = dict(known.settings) if known else None
    after = {**{name: value for name, value in (before or {}).items() if name == SIDECAR_URL}, **settings}
    app.connections.save(instance.id, Side.HOST, after, secrets)
    app.forget(instance, Side.HOST)
    return before, after


def begin_sign_in(
    app: App, instance: Instance, settings: Mapping[str, Any], client_secret: str, redirect_uri: str, bound_to: str
) -> Begun:
    """Begin a sign-in for these settings; an empty secret means the one that is known for the same client id."""
    kept = app.connections.load(instance.id, Side.SALESFORCE)
    if not client_secret and kept and kept.settings.get("client_id") == settings["client_id"]:
        client_secret = app.connections.load_secrets(instance.id, Side.SALESFORCE).get("client_secret", "")
    wanted = {**settings, "flow": "web_server"}
    departure = depart(SalesforceConnection(**wanted, client_secret=client_secret), redirect_uri)
    sign_in = SignIn(instance.id, bound_to, redirect_uri, wanted, departure.verifier, client_secret)
    app.sign_ins.begin(departure.state, sign_in, app.clock())
    return Begun(departure.url, departure.state)


def finish_sign_in(app: App, answer: Mapping[str, str], bound_to: str, who: str) -> Instance:
    """Finish the sign-in that a callback answers, and save the connection it gave; return its instance.

    UsageError if it was not begun by the same person or is too old; SetupError if Salesforce or a person refused.
    """
    sign_in = app.sign_ins.finish(answer.get("state", ""), bound_to, app.clock())
    instance = app.instances.get_by_id(sign_in.instance_id)
    connection = SalesforceConnection(**sign_in.settings, client_secret=sign_in.client_secret)
    arrival = arrive(connection, sign_in.redirect_uri, sign_in.verifier, answer, app.adapters(Side.SALESFORCE))
    secrets = {"client_secret": sign_in.client_secret, "refresh_token": arrival.refresh_token}
    save_salesforce(app, instance, {**sign_in.settings, "signed_in_as": arrival.signed_in_as}, secrets, who)
    return instance


def read_callback(url: str) -> dict[str, str]:
    """Return the parameters of a callback address that somebody pasted."""
    answer = dict(parse_qsl(urlsplit(url.strip()).query))
    if "state" not in answer:
        raise UsageError(
            "That is not the address Salesforce sent the browser to: it has ?code=… and state=… in it.",
            code="callback-unreadable",
        )
    return answer
