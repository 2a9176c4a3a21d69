"""For monitors: is the process alive, can it work, is everything as fresh as promised. No names of people, no values."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from flask_login import current_user

from sidecar.errors import SidecarError
from sidecar.queue import queue_answers
from sidecar.store.instances import RUNNING_STATES
from sidecar.store.overview import InstanceView, LaneView
from sidecar.web.access import anyone
from sidecar.web.app import overview, sidecar

bp = Blueprint("health", __name__)


@bp.get("/live")
@anyone
def live() -> ResponseReturnValue:
    """Tell that the process answers."""
    return jsonify(status="ok")


@bp.get("/ready")
@anyone
def ready() -> ResponseReturnValue:
    """Tell whether database and queue can be used; 503 if one cannot."""
    parts = {"database": _database(), "redis": "ok" if queue_answers(sidecar().settings) else "unreachable"}
    is_ready = all(state == "ok" for state in parts.values())
    return jsonify(status="ok" if is_ready else "unavailable", **parts), 200 if is_ready else 503


@bp.get("/fresh")
@anyone
def fresh() -> ResponseReturnValue:
    """Tell, per instance and lane that is on, up to when everything was seen and what is promised; 503 if one is stale.

    Instances go by number; only who has logged in sees short names.
    """
    now, grace = sidecar().clock(), timedelta(minutes=sidecar().settings.grace_minutes)
    views = [view for view in overview().instances(now) if view.state in RUNNING_STATES]
    lanes = [_freshness(view, lane, now, grace) for view in views for lane in view.lanes if lane.is_on]
    is_fresh = not any(entry["is_stale"] for entry in lanes)
    return jsonify(status="ok" if is_fresh else "stale", lanes=lanes), 200 if is_fresh else 503


def _database() -> str:
    try:
        return "ok" if sidecar().database.is_current() else "not-upgraded"
    except SidecarError as error:
        return error.code


def _freshness(view: InstanceView, lane: LaneView, now: datetime, grace: timedelta) -> dict[str, Any]:
    age = lane.age(now)
    return {
        "instance": view.slug if current_user.is_authenticated and current_user.may_see(view.id) else view.id,
        "lane": lane.lane,
        "age_seconds": None if age is None else int(age.total_seconds()),
        "promise_seconds": int(lane.promise(now, grace).total_seconds()),
        "is_stale": lane.is_stale(now, grace),
    }
