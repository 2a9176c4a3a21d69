"""What Mautic calls by itself: its webhooks, the wake-up of the bundle inside it, and campaigns that push somebody.

Whoever can prove to be the host is answered with 200 at once, whatever happens behind: one error has Mautic switch a new
webhook off. Everybody else is told nothing, not even whether there is such an instance.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from flask import Blueprint, Flask, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from sidecar.bootstrap import App
from sidecar.errors import SidecarError
from sidecar.hooks.background import Background
from sidecar.hooks.doors import Door, Doors
from sidecar.hooks.intake import Delivery, Intake, Item, PushOrder
from sidecar.hosts.mautic.webhooks import SIGNATURE_HEADER, id_text
from sidecar.slots import EarlyRuns
from sidecar.web import contact_tab
from sidecar.web.access import anyone
from sidecar.web.security import csrf

bp = Blueprint("hooks_page", __name__, url_prefix="/hooks")
csrf.exempt(bp)

MOST_BYTES = 5_000_000
REFUSALS_PER_MINUTE = 30
"""Of one address: those who guess are stopped before they cost us a look into the database."""
PUSHES_PER_MINUTE = 30_000
"""Of one instance, and more than a campaign can call in turn: Mautic does not ask again for a push that was refused."""
DELIVERIES_PER_MINUTE = 30_000
"""Of one instance. Beyond that only the fact that there was news is kept: the run finds what it was."""
MINUTE = timedelta(minutes=1)
MOST_CALLERS = 10_000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Pace:
    """Counts what callers do in a minute. In this process alone: an answer never waits for another server."""

    most: int
    _began: datetime | None = None
    _counts: dict[str, int] = field(default_factory=dict)

    def allows(self, caller: str, now: datetime) -> bool:
        """Tell whether the caller has room left."""
        return self._count_of(caller, now) < self.most

    def note(self, caller: str, now: datetime) -> bool:
        """Count one more; tell whether it was still allowed."""
        count = self._count_of(caller, now)
        self._counts[caller] = count + 1
        return count < self.most

    def _count_of(self, caller: str, now: datetime) -> int:
        if self._began is None or now >= self._began + MINUTE or len(self._counts) >= MOST_CALLERS:
            self._began, self._counts = now, {}
        return self._counts.get(caller, 0)


class Hooks:
    """What the endpoints of one process share."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.doors = Doors(app)
        self.intake = Intake(app, self.doors, EarlyRuns(app))
        self.background = Background(self.intake)
        self.refusals = Pace(REFUSALS_PER_MINUTE)
        self.pushes = Pace(PUSHES_PER_MINUTE)
        self.deliveries = Pace(DELIVERIES_PER_MINUTE)

    def take(self, item: Item) -> bool:
        """Keep something and see to it that it is worked off; False if there is no room, or the instance tells too much."""
        pace = self.pushes if isinstance(item, PushOrder) else self.deliveries
        is_kept = pace.note(item.slug, item.at) and self.intake.put(item)
        if not is_kept:
            self.intake.drop(item.slug)
        if current_app.config.get("HOOKS_IN_BACKGROUND", True):
            self.background.notify()
        return is_kept


def init_app(flask: Flask, app: App) -> None:
    """Give the web application what its hooks share; nothing starts before the first of them."""
    flask.extensions["hooks"] = Hooks(app)


@bp.post("/<slug>/mautic")
@anyone
def mautic(slug: str) -> ResponseReturnValue:
    """Take a delivery of Mautic's webhook."""
    signature = request.headers.get(SIGNATURE_HEADER, "")
    return _take_signed(slug, signature, is_wake_up=False)


@bp.post("/<slug>/push")
@anyone
def push(slug: str) -> ResponseReturnValue:
    """Take the bundle's wake-up, or a campaign's wish to push somebody."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _take_push(slug, key.strip())
    return _take_signed(slug, request.headers.get(SIGNATURE_HEADER, ""), is_wake_up=True)


@bp.get("/<slug>/contact/<int:contact_id>")
@anyone
def contact(slug: str, contact_id: int) -> ResponseReturnValue:
    """Tell the tab of a contact what is known of it. The question carries the time it was signed at, as that is all of it."""
    asked_at, signature = request.args.get("at", ""), request.headers.get(SIGNATURE_HEADER, "")
    question = f"GET {request.path}?at={asked_at}".encode()
    now = _hooks().app.clock()

    def is_theirs(door: Door) -> bool:
        return door.lets_bundle_in(question, signature) and is_recent(asked_at, now)

    if refusal := _refusal(slug, is_theirs):
        return refusal
    instance_id = _hooks().doors.find(slug).instance_id
    answer = jsonify(contact_tab.tell(_hooks().app, instance_id or 0, contact_id))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def is_recent(seconds: str, now: datetime) -> bool:
    """Tell whether a text is a moment, in seconds since 1970, that is no further than a minute from now."""
    is_moment = seconds.isascii() and seconds.isdigit() and len(seconds) < 12
    return is_moment and abs(now.timestamp() - int(seconds)) <= MINUTE.total_seconds()


@bp.errorhandler(RequestEntityTooLarge)
def _too_large(_error: HTTPException) -> ResponseReturnValue:
    return _refuse(413, code="hook-too-large")


def _take_signed(slug: str, signature: str, *, is_wake_up: bool) -> ResponseReturnValue:
    hooks, body = _hooks(), _body()
    now = hooks.app.clock()

    def is_theirs(door: Door) -> bool:
        return (door.lets_bundle_in if is_wake_up else door.lets_webhook_in)(body, signature)

    unchecked = None
    try:
        if refusal := _refusal(slug, is_theirs):
            return refusal
    except SidecarError as error:
        # Nobody can tell now who this is. It is checked as soon as the database answers, and thrown away if it must.
        _log.warning("A caller could not be checked yet", extra={"code": error.code})
        unchecked = signature
    try:
        kept = hooks.take(Delivery(slug, body, now, is_wake_up, unchecked))
    except Exception:  # noqa: BLE001  (our fault must not cost the host its webhook; every run finds what changed)
        _log.exception("A delivery was answered and not kept")
        kept = False
    return jsonify(status="ok", kept=kept)


def _take_push(slug: str, key: str) -> ResponseReturnValue:
    hooks, now = _hooks(), _hooks().app.clock()
    if refusal := _refusal(slug, lambda door: door.lets_push_in(key)):
        return refusal
    order = _read_order(slug, now)
    if order is None:
        return _refuse(400, code="hook-push-unreadable")
    if not hooks.take(order):
        return _refuse(429, code="hook-rate-exceeded")
    return jsonify(status="ok", kept=True)


def _refusal(slug: str, is_theirs: Callable[[Door], bool]) -> ResponseReturnValue | None:
    """Return how to refuse a caller, or None for the host itself: the same words for a wrong name and a wrong secret."""
    hooks = _hooks()
    caller, now = request.remote_addr or "", hooks.app.clock()
    is_slowed = not hooks.refusals.allows(caller, now)
    if (not is_slowed or hooks.doors.knows(slug)) and is_theirs(hooks.doors.find(slug)):
        return None
    if is_slowed:
        return _refuse(429, code="hook-rate-exceeded")
    if is_theirs(hooks.doors.find_anew(slug)):
        return None
    hooks.refusals.note(caller, now)
    return _refuse(401, code="hook-refused")


def _refuse(status: int, *, code: str) -> ResponseReturnValue:
    headers = {"Retry-After": "60"} if status == 429 else {}
    return jsonify(error=code), status, headers


def _body() -> bytes:
    request.max_content_length = MOST_BYTES
    return request.get_data(cache=True)


def _read_order(slug: str, now: datetime) -> PushOrder | None:
    """Return whom to push, as JSON or form data tell it; None if they name nobody."""
    document: Any = request.get_json(silent=True, force=True) if not request.form else request.form
    if not hasattr(document, "get"):
        return None

    def text(name: str, longest: int = 200) -> str | None:
        value = document.get(name)
        return value.strip()[:longest] or None if isinstance(value, str) else None

    contact_id, email = id_text(document.get("contact_id")), text("email")
    if contact_id is None and (email is None or "@" not in email):
        return None
    return PushOrder(slug, now, contact_id, email, text("as", 80), text("campaign_id", 64), text("member_status", 80))


def _hooks() -> Hooks:
    return cast(Hooks, current_app.extensions["hooks"])
