"""The set-up of an instance's org: check it, make what is missing, take away what was made. Start here.

Checking writes nothing. A set-up deploys the package that an administrator could download, and remembers which parts were not
there before; an undo removes those and nothing else.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sidecar.bootstrap import App
from sidecar.cache import MemoryCache
from sidecar.errors import SafetyError, SetupError
from sidecar.lines import dump_lines, parse_lines
from sidecar.records import Side
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.connection import API_VERSION, SalesforceConnection
from sidecar.salesforce.org.admin import GivenToken, open_admin
from sidecar.salesforce.org.deploy import WAITS_SECONDS, Deployed, start_deployment, wait_for_deployment
from sidecar.salesforce.org.holding import parts_in_use
from sidecar.salesforce.org.look import look, look_behind, read_user_id
from sidecar.salesforce.org.package import build_package, build_undoing
from sidecar.salesforce.org.permissions import assign, unassign
from sidecar.salesforce.org.plan import OrgPart, PartKind, Plan, build_whole
from sidecar.salesforce.org.report import Report, build_report
from sidecar.salesforce.org.seen import Seen
from sidecar.salesforce.org.trial import try_writing
from sidecar.salesforce.org.wanted import Kind, Wanted, build_wanted
from sidecar.salesforce.signin import Token, TokenSource
from sidecar.salesforce.transport import open_session
from sidecar.store.instances import Instance
from sidecar.store.org_parts import OrgParts
from sidecar.store.outbox import Outbox
from sidecar.sync.model import Reaction

_UNFINISHED: Final = "org-deployment-id"
_CHECK: Final = "org-check"
_KEPT: Final = timedelta(days=1)
_SIGHT_WAITS_SECONDS: Final = (0, 1, 2, 4, 8)
"""New fields come into sight some moments after they were granted."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at an org, and what it means."""

    wanted: Wanted
    seen: Seen
    report: Report

    def package(self, plan: Plan | None = None) -> bytes:
        """Return the package that makes what is missing; everything of ours if nothing is."""
        chosen = plan or (self.report.plan if self.report.plan.is_deployed else build_whole(self.wanted))
        return build_package(chosen, api_version=self.seen.api_version, prefix=self.seen.namespace)


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a set-up did: the parts it made, and how the org looks afterwards."""

    made: tuple[OrgPart, ...]
    after: Looked


def wanted_of(app: App, instance: Instance) -> Wanted:
    """Return what the instance's mapping documents need."""
    return build_wanted(app.mapping(instance, "people"), app.activities(instance))


def check_org(
    app: App, instance: Instance, *, tries_writing: bool = False, admin: SalesforceClient | None = None
) -> Looked:
    """Look at the org; `tries_writing` adds a call per object of people that Salesforce undoes itself."""
    with _our_client(app, instance) as client:
        wanted, seen = look(client, wanted_of(app, instance))
        if admin is not None:
            behind = Seen(user_id=None, objects={}, definitions=look_behind(admin, wanted, seen.objects))
            seen = seen.seen_by(behind)
        report = build_report(wanted, seen)
        if tries_writing:
            before = client.session.calls
            lines = try_writing(client, wanted.objects)
            calls = report.calls + client.session.calls - before
            report = replace(report, lines=(*report.lines, *lines), calls=calls)
        return Looked(wanted, seen, report)


def whole_package(app: App, instance: Instance) -> bytes:
    """Return the package with all our parts, for an org that was not looked at and need not be connected yet."""
    info = app.connections.load(instance.id, Side.SALESFORCE)
    version = str(info.settings.get("api_version") or API_VERSION) if info else API_VERSION
    return build_package(build_whole(wanted_of(app, instance)), api_version=version)


def set_up_org(
    app: App,
    instance: Instance,
    *,
    looked: Looked | None = None,
    admin: SalesforceClient | None = None,
    waits: Sequence[float] = WAITS_SECONDS,
) -> SetUp:
    """Make what was missing a moment ago (`looked`) or is now; a second time nothing is, and nothing is sent.

    Errors: SetupError without the rights, TransientError while Salesforce is still at it; then it can be repeated.
    """
    is_news = _settle_unfinished(app, instance, admin, waits)
    before = looked if looked and not is_news else check_org(app, instance, admin=admin)
    plan = before.report.plan
    if not plan.parts:
        return SetUp((), before)
    with _deployer(app, instance, admin) as client:
        made = _deploy(app, instance, client, before, waits) if plan.is_deployed else set()
        if plan.assign_to and assign(client, plan.assign_to):
            made.add(OrgPart(PartKind.ASSIGNMENT, plan.assign_to))
            OrgParts(app.database, instance.id).add([_key(part) for part in made], app.clock())
    app.forget(instance, Side.SALESFORCE)  # descriptions and tokens from before know nothing of the new fields
    _wait_until_visible(app, instance, plan)
    for lane in ("people", "activities"):
        Outbox(app.database).wake(instance.id, lane, Reaction.SETUP)
    return SetUp(tuple(sorted(made)), check_org(app, instance, admin=admin))


def keep_check(app: App, instance: Instance, looked: Looked) -> None:
    """Remember a check for the page, until tomorrow or until the connection changes."""
    report = looked.report
    kept = {
        "checked_at": app.clock().isoformat(),
        "is_green": report.is_green,
        "calls": report.calls,
        "lines": dump_lines(report.lines),
        "parts": [_key(part) for part in report.plan.parts],
        "package": b64encode(looked.package()).decode(),
    }
    app.cache(instance, Side.SALESFORCE).put(_CHECK, json.dumps(kept), expires_at=app.clock() + _KEPT)


def kept_check(app: App, instance: Instance) -> dict[str, Any] | None:
    """Return the remembered check, or None if there is none."""
    text = app.cache(instance, Side.SALESFORCE).get(_CHECK)
    if text is None:
        return None
    kept: dict[str, Any] = json.loads(text)
    return {
        **kept,
        "checked_at": datetime.fromisoformat(kept["checked_at"]),
        "lines": parse_lines(kept["lines"]),
        "parts": [OrgPart(PartKind(kind), name) for kind, name in kept["parts"]],
        "package": b64decode(kept["package"]),
    }


def made_parts(app: App, instance: Instance) -> list[OrgPart]:
    """Return what our set-up made and an undo would remove."""
    return [OrgPart(PartKind(kind), name) for kind, name in OrgParts(app.database, instance.id).load()]


def undo_set_up(
    app: App, instance: Instance, *, with_data: bool = False, admin: SalesforceClient | None = None
) -> list[OrgPart]:
    """Remove what our set-up made, and nothing else; SafetyError if that would lose data. Return what was removed."""
    _settle_unfinished(app, instance, admin)
    parts = made_parts(app, instance)
    if not parts:
        return []
    kept = OrgParts(app.database, instance.id)
    with _our_client(app, instance) as client:
        if not with_data:
            _require_unused(client, parts, wanted_of(app, instance))
        namespace = look(client, wanted_of(app, instance))[1].namespace
    with _deployer(app, instance, admin) as client:
        for part in parts:
            if part.kind is PartKind.ASSIGNMENT:
                unassign(client, part.name)
                kept.forget([_key(part)])
        rest = [part for part in parts if part.kind is not PartKind.ASSIGNMENT]
        if rest:
            package = build_undoing(rest, api_version=client.api_version, prefix=namespace)
            wait_for_deployment(client, start_deployment(client, package))
            kept.forget([_key(part) for part in rest])
    app.forget(instance, Side.SALESFORCE)
    return parts


@dataclass(frozen=True, slots=True)
class AdminGrant:
    """How an administrator lets us act for once: an access token, or an app that runs as an administrator."""

    access_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)


@contextmanager
def admin_of(app: App, instance: Instance, grant: AdminGrant) -> Iterator[SalesforceClient]:
    """Open an administrator's connection to the instance's own org. Nothing of it is kept."""
    adapter = app.adapters(Side.SALESFORCE)
    session = open_session(adapter)
    with _our_client(app, instance) as ours:
        settings = app.connections.load(instance.id, Side.SALESFORCE)
        tokens: TokenSource
        if grant.access_token:
            tokens = GivenToken(Token(grant.access_token, ours.tokens.token().instance_url))
        else:
            connection = SalesforceConnection(
                login_url=str(settings.settings["login_url"]) if settings else "",
                flow="client_credentials",
                client_id=grant.client_id,
                client_secret=grant.client_secret,
            )
            tokens = TokenSource(connection, session, MemoryCache(), app.clock)
        client = open_admin(tokens, session, api_version=ours.api_version, adapter=adapter, sleep=app.sleep)
    try:
        yield client
    finally:
        session.close()
        _count_calls(app, instance, client)


def _deploy(
    app: App, instance: Instance, client: SalesforceClient, before: Looked, waits: Sequence[float]
) -> set[OrgPart]:
    plan = before.report.plan
    deployment_id = start_deployment(client, before.package(plan))
    # If we end here, the next set-up or undo asks what became of it.
    cache = app.cache(instance, Side.SALESFORCE)
    parts = [_key(part) for part in plan.parts]
    kept = {"id": deployment_id, "parts": parts, "prefix": before.seen.namespace}
    cache.put(_UNFINISHED, json.dumps(kept), expires_at=app.clock() + _KEPT)
    done = wait_for_deployment(client, deployment_id, waits=waits)
    made = _made(plan.parts, done, before.seen.namespace)
    OrgParts(app.database, instance.id).add([_key(part) for part in made], app.clock())
    cache.drop(_UNFINISHED)
    return made


def _made(parts: Sequence[OrgPart], done: Deployed, prefix: str) -> set[OrgPart]:
    """Return the planned parts that were not there before; history was off, or it would not be planned."""
    named = {
        OrgPart(part.kind, ".".join(name.removeprefix(f"{prefix}__") for name in part.name.split("."))): part
        for part in parts
    }
    found = {named.get(part, part) for part in done.made}
    return found | {part for part in parts if part.kind is PartKind.HISTORY}


def _settle_unfinished(
    app: App, instance: Instance, admin: SalesforceClient | None, waits: Sequence[float] = WAITS_SECONDS
) -> bool:
    """Find out what became of a deployment whose end we did not see, remember what it made, and tell if there was one."""
    cache = app.cache(instance, Side.SALESFORCE)
    text = cache.get(_UNFINISHED)
    if text is None:
        return False
    kept = json.loads(text)
    parts = [OrgPart(PartKind(kind), name) for kind, name in kept["parts"]]
    with _deployer(app, instance, admin) as client:
        try:
            done = wait_for_deployment(client, kept["id"], waits=waits)
            made = _made(parts, done, kept["prefix"])
        except SetupError:
            made = set()  # it changed nothing, or nobody remembers it
    OrgParts(app.database, instance.id).add([_key(part) for part in made], app.clock())
    cache.drop(_UNFINISHED)
    return True


def _wait_until_visible(app: App, instance: Instance, plan: Plan) -> None:
    awaited = {object_name for object_name, _ in plan.fields}
    with _our_client(app, instance) as client:
        for seconds in _SIGHT_WAITS_SECONDS:
            if seconds:
                app.sleep(seconds)
            for name in sorted(awaited):
                answer = client.describe(name, {})
                visible = {each["name"] for each in answer[0]["fields"]} if answer and answer[0] else set()
                if {spec.name for object_name, spec in plan.fields if object_name == name} <= visible:
                    awaited.discard(name)
            if not awaited:
                return


def _require_unused(client: SalesforceClient, parts: list[OrgPart], wanted: Wanted) -> None:
    specs = [spec for name in (*wanted.objects, wanted.timeline) for spec in wanted.specs(name)]
    boxes = [spec.name for spec in specs if spec.kind is Kind.CHECKBOX]
    used = parts_in_use(client, parts, boxes, read_user_id(client))
    if used:
        listed = ", ".join(f"{part.name} ({'unknown' if count is None else count})" for part, count in used.items())
        raise SafetyError(
            f"Removing these would lose what they hold: {listed}. Nothing was removed; --with-data removes them all the same.",
            code="org-parts-hold-data",
        )


@contextmanager
def _our_client(app: App, instance: Instance) -> Iterator[SalesforceClient]:
    with app.open_salesforce(instance) as side:
        yield side.client


@contextmanager
def _deployer(app: App, instance: Instance, admin: SalesforceClient | None) -> Iterator[SalesforceClient]:
    if admin is not None:
        yield admin
        return
    with _our_client(app, instance) as client:
        yield client


def _count_calls(app: App, instance: Instance, client: SalesforceClient) -> None:
    session = client.session
    used, allowed = session.usage or (None, None)
    app.usage.add(instance.id, Side.SALESFORCE, app.clock(), session.calls, used=used, allowed=allowed)


def _key(part: OrgPart) -> tuple[str, str]:
    return part.kind.value, part.name
