"""The home page: every instance, the worst first; and the page of one instance, where support pauses and resumes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import RUNNING_STATES, InstanceState
from sidecar.store.overview import PAGE_ROWS, InstanceView, LaneView
from sidecar.store.users import Role
from sidecar.sync.model import Status
from sidecar.web import wording
from sidecar.web.access import at_least, require_visible
from sidecar.web.app import history, overview, sidecar
from sidecar.web.new_instance_page import may_add
from sidecar.web.wording import Badge

bp = Blueprint("instances_page", __name__)


@dataclass(frozen=True, slots=True)
class Row:
    """An instance and what is to be said about it as a whole."""

    view: InstanceView
    badge: Badge

    def lane(self, name: str) -> LaneView | None:
        """Return a lane of the instance, if it has been touched."""
        return next((lane for lane in self.view.lanes if lane.lane == name), None)

    @property
    def seen_until(self) -> datetime | None:
        """The oldest moment up to which a running lane was seen."""
        return min((lane.seen_until for lane in self.view.lanes if lane.is_on and lane.seen_until), default=None)

    @property
    def next_run_at(self) -> datetime | None:
        """When the next lane runs, if any does."""
        if self.view.state not in RUNNING_STATES:
            return None
        return min((lane.next_run_at for lane in self.view.lanes if lane.is_on and lane.next_run_at), default=None)


class SwitchForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Why an instance is paused or resumed."""

    reason = StringField(validators=[InputRequired(), Length(max=500)])


@bp.get("/")
@bp.get("/instances")
@at_least(Role.VIEWER)
def list_instances() -> ResponseReturnValue:
    """Show all instances this person works with, the worst first."""
    now = sidecar().clock()
    rows = [row_of(view, now, grace()) for view in overview().instances(now, current_user.user.instance_id)]
    rows.sort(key=lambda row: (row.badge.rank, row.view.label.lower()))
    return render_template("instances.html", rows=rows, now=now, grace=grace(), may_add=may_add())


@bp.get("/instances/<slug>")
@at_least(Role.VIEWER)
def show_instance(slug: str) -> ResponseReturnValue:
    """Show one instance: what needs someone, its lanes, what is held back, its runs."""
    now = sidecar().clock()
    view = require_visible(overview().find(slug, now))
    runs = history().runs(view.id, limit=PAGE_ROWS, before=request.args.get("before", type=int))
    may_switch = current_user.may(Role.SUPPORT)
    return render_template(
        "instance.html",
        row=row_of(view, now, grace()),
        runs=runs,
        older=last_id(runs),
        statuses=list(Status),
        now=now,
        grace=grace(),
        switch_form=SwitchForm() if may_switch else None,
        can_connect=current_user.may(Role.ADMINISTRATOR),
        can_pause=view.state in RUNNING_STATES,
        can_resume=view.state in (InstanceState.PAUSED, InstanceState.BLOCKED),
    )


@bp.get("/instances/<slug>/waiting/<lane>")
@at_least(Role.VIEWER)
def show_waiting(slug: str, lane: str) -> ResponseReturnValue:
    """List the records of a lane that are held back for one reason."""
    view = require_visible(overview().find(slug, sidecar().clock()))
    reason = request.args.get("reason", "")
    records = overview().waiting(view.id, lane, reason, after=request.args.get("after", 0, type=int))
    return render_template("waiting.html", view=view, lane=lane, reason=reason, records=records, later=last_id(records))


@bp.post("/instances/<slug>/switch")
@at_least(Role.SUPPORT)
def switch(slug: str) -> ResponseReturnValue:
    """Pause or resume all lanes of an instance, for a stated reason."""
    now = sidecar().clock()
    view = require_visible(overview().find(slug, now))
    form, wanted = SwitchForm(), request.form.get("to")
    if wanted not in ("pause", "resume"):
        abort(400)
    if not form.validate() or not form.reason.data.strip():
        flash(gettext("Nothing was changed: say why."), "bad")
        return redirect(url_for("instances_page.show_instance", slug=slug))
    change = sidecar().instances.pause if wanted == "pause" else sidecar().instances.resume
    change(view.id)
    after = overview().instances(now, view.id)[0].state
    what = f"instance-{wanted}"
    AuditLog(sidecar().database).add(
        AuditEntry(current_user.name, what, now, view.state, after, form.reason.data.strip(), view.id)
    )
    flash(gettext("Paused.") if wanted == "pause" else gettext("Resumed."), "good")
    return redirect(url_for("instances_page.show_instance", slug=slug))


def row_of(view: InstanceView, now: datetime, allowed: timedelta) -> Row:
    """Say in one word how an instance is."""
    return Row(view, _badge(view, now, allowed))


def _badge(view: InstanceView, now: datetime, allowed: timedelta) -> Badge:
    fixed = {
        InstanceState.DRAFT: wording.DRAFT,
        InstanceState.PAUSED: wording.PAUSED,
        InstanceState.BLOCKED: wording.BLOCKED,
    }
    if view.state in fixed:
        return fixed[view.state]
    if view.alerts or any(lane.is_stale(now, allowed) for lane in view.lanes):
        return wording.ATTENTION
    if not any(lane.is_on for lane in view.lanes):
        return wording.WAITING if any(lane.on_by_customer for lane in view.lanes) else wording.OFF
    return wording.RUNNING if any(lane.is_running for lane in view.lanes) else wording.HEALTHY


def grace() -> timedelta:
    """Return what a lane may be late."""
    return timedelta(minutes=sidecar().settings.grace_minutes)


def last_id(entries: Sequence[object]) -> int | None:
    """Return where the next page goes on, or None if this one was the last."""
    return getattr(entries[-1], "id", None) if len(entries) == PAGE_ROWS else None
