"""The health of one instance: API calls with their limits and forecast, what blocks data, how fresh each lane is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from sidecar.budget import Budget, HourOfCalls
from sidecar.errors import UsageError
from sidecar.limits import LANE, Standing, set_budget, standing
from sidecar.store.users import Role
from sidecar.web.access import at_least, require_visible
from sidecar.web.app import overview, sidecar
from sidecar.web.instances_page import grace

bp = Blueprint("budget_page", __name__)

WIDTH = 1000
CHART_HEIGHT = 120
LABEL_EVERY_HOURS = 4


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a gauge: where it begins, how long it is, and what it stands for."""

    name: str
    count: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class HourBar:
    """One hour of the chart."""

    hour: datetime
    calls: int
    x: float
    height: float
    is_labelled: bool


class BudgetForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """What an instance may use."""

    calls = IntegerField(validators=[Optional(), NumberRange(min=0)])
    percent = IntegerField(validators=[Optional(), NumberRange(1, 100)])
    reserve_percent = IntegerField(validators=[InputRequired(), NumberRange(0, 100)])
    alert_percent = IntegerField(validators=[InputRequired(), NumberRange(1, 100)])
    operations_per_month = IntegerField(validators=[Optional(), NumberRange(min=1)])
    reason = StringField(validators=[InputRequired(), Length(max=500)])


@bp.get("/instances/<slug>/health")
@at_least(Role.VIEWER)
def show_health(slug: str) -> ResponseReturnValue:
    """Show limits and use of the org's calls, what blocks data, and freshness."""
    now = sidecar().clock()
    view = require_visible(overview().find(slug, now))
    found = standing(sidecar(), view.id)
    return render_template(
        "health.html",
        view=view,
        found=found,
        calls=found.calls,
        ours=allocation_gauge(found),
        everybody=org_gauge(found),
        bars=bars(found.hours),
        limit_line=_limit_line(found),
        limits=[each for name in ("DailyBulkApiBatches", "DataStorageMB") if (each := found.limits.get(name))],
        budget_lane=LANE,
        form=_form(found.calls.budget) if current_user.may(Role.SUPPORT) else None,
        now=now,
        grace=grace(),
    )


@bp.post("/instances/<slug>/budget")
@at_least(Role.SUPPORT)
def change_budget(slug: str) -> ResponseReturnValue:
    """Set what an instance may use, for a stated reason."""
    view = require_visible(overview().find(slug, sidecar().clock()))
    form = BudgetForm()
    if not form.validate() or not form.reason.data.strip():
        flash(
            gettext("Nothing was changed: numbers are whole, percentages from 1 to 100, and a reason is needed."), "bad"
        )
        return redirect(url_for("budget_page.show_health", slug=slug))
    names = ("calls", "percent", "reserve_percent", "alert_percent", "operations_per_month")
    budget = Budget(**{name: form[name].data for name in names})
    try:
        set_budget(sidecar(), view.id, budget, who=current_user.name, reason=form.reason.data.strip())
    except UsageError as error:
        flash(gettext("Nothing was changed: %(why)s", why=error.message), "bad")
    else:
        flash(gettext("Saved. It holds from the next call on."), "good")
    return redirect(url_for("budget_page.show_health", slug=slug))


def allocation_gauge(found: Standing) -> list[Part]:
    """Return our allocation as used and left; empty without one."""
    allocation = found.calls.allocation
    if allocation is None:
        return []
    used = found.calls.planned
    return _parts([("ours", used), ("free", max(0, allocation - used))])


def org_gauge(found: Standing) -> list[Part]:
    """Return the org's calls as ours, others' and free; empty while the org told nothing."""
    calls = found.calls
    if calls.others is None or calls.free is None:
        return []
    return _parts([("ours", calls.ours), ("others", calls.others), ("free", calls.free)])


def bars(hours: Sequence[HourOfCalls]) -> list[HourBar]:
    """Return the chart of calls per hour."""
    most = max((each.calls for each in hours), default=0) or 1
    step = WIDTH / max(1, len(hours))
    return [
        HourBar(
            hour=each.hour,
            calls=each.calls,
            x=round(number * step, 1),
            height=round(each.calls / most * CHART_HEIGHT, 1),
            is_labelled=each.hour.hour % LABEL_EVERY_HOURS == 0,
        )
        for number, each in enumerate(hours)
    ]


def _parts(counts: Sequence[tuple[str, int]]) -> list[Part]:
    total = sum(count for _, count in counts) or 1
    parts: list[Part] = []
    x = 0.0
    for name, count in counts:
        # What is there at all can be seen, however little it is of the whole.
        width = max(6.0, count / total * WIDTH) if count else 0.0
        parts.append(Part(name, count, round(x, 1), round(min(width, WIDTH - x), 1)))
        x += width
    return parts


def _limit_line(found: Standing) -> dict[str, Any]:
    """Say what the forecast comes to, against the nearest limit there is."""
    limit = found.calls.allocation if found.calls.allocation is not None else found.calls.org_allowed
    return {"limit": limit, "is_over": limit is not None and found.forecast.calls > limit}


def _form(budget: Budget) -> BudgetForm:
    return BudgetForm(formdata=None, obj=budget)
