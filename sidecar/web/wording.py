"""How states and times are said: each state has a word, a colour and an icon, so that none has to carry it alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import format_datetime, format_timedelta, gettext, lazy_gettext
from markupsafe import Markup

from sidecar.records import Ref
from sidecar.web.app import sidecar
from sidecar.web.icons import icon


@dataclass(frozen=True, slots=True)
class Badge:
    """How one state looks. `rank` sorts lists: the worst first."""

    word: Any
    colour: str
    icon: str
    rank: int = 0

    def __html__(self) -> str:
        return Markup('<span class="state state-{}">{} {}</span>').format(self.colour, icon(self.icon), self.word)


BLOCKED = Badge(lazy_gettext("Blocked"), "bad", "x-octagon-fill", 0)
ATTENTION = Badge(lazy_gettext("Attention"), "warn", "exclamation-triangle-fill", 1)
WAITING = Badge(lazy_gettext("Waiting for support"), "run", "hourglass-split", 2)
RUNNING = Badge(lazy_gettext("Running"), "run", "arrow-repeat", 3)
HEALTHY = Badge(lazy_gettext("Healthy"), "good", "check-circle-fill", 4)
PAUSED = Badge(lazy_gettext("Paused"), "calm", "pause-circle-fill", 5)
DRAFT = Badge(lazy_gettext("Draft"), "calm", "pencil", 6)
ON = Badge(lazy_gettext("On"), "good", "check-circle-fill")
OFF = Badge(lazy_gettext("Off"), "calm", "slash-circle", 5)
STALE = Badge(lazy_gettext("Late"), "warn", "exclamation-triangle-fill")

STATUS_BADGES = {
    "written": Badge(lazy_gettext("Written"), "good", "check-circle-fill"),
    "skipped": Badge(lazy_gettext("Nothing to do"), "calm", "skip-forward-fill"),
    "held": Badge(lazy_gettext("Held back"), "warn", "hourglass-split"),
    "rejected": Badge(lazy_gettext("Rejected"), "bad", "x-circle-fill"),
    "deferred": Badge(lazy_gettext("Will be tried again"), "run", "arrow-repeat"),
    "failed": Badge(lazy_gettext("Failed"), "bad", "x-octagon-fill"),
}
RUN_BADGES = {
    "running": RUNNING,
    "done": Badge(lazy_gettext("Done"), "good", "check-circle-fill"),
    "attention": ATTENTION,
    "failed": STATUS_BADGES["failed"],
    "postponed": Badge(lazy_gettext("Goes on later by itself"), "run", "hourglass-split"),
    "blocked": BLOCKED,
    "held": Badge(lazy_gettext("Waits for a person"), "warn", "hourglass-split"),
    "stopped": Badge(lazy_gettext("Another worker took over"), "calm", "dash-circle"),
}
LANE_NAMES = {
    "": lazy_gettext("All lanes"),
    "people": lazy_gettext("People: Mautic ⇄ Salesforce"),
    "activities": lazy_gettext("Activities: Mautic → Salesforce"),
    "budget": lazy_gettext("API calls and other limits"),
    "reconcile": lazy_gettext("Nightly comparison"),
    "hooks": lazy_gettext("Mautic's webhook"),
}
SIDE_NAMES = {"host": "Mautic", "salesforce": "Salesforce"}
FIXERS = {
    "operator": lazy_gettext("Someone who runs the sidecar can fix this"),
    "host_admin": lazy_gettext("A Mautic administrator can fix this"),
    "salesforce_admin": lazy_gettext("A Salesforce administrator can fix this"),
    "administrator": lazy_gettext("An administrator of the instance must decide this"),
}
REACTIONS = {
    "retry": lazy_gettext("will be tried again by itself"),
    "data": lazy_gettext("a change of the record"),
    "setup": lazy_gettext("a change of the set-up"),
    "person": lazy_gettext("a person's decision"),
    "rules": lazy_gettext("a change of the mapping"),
}
ACTIONS = {
    "create": lazy_gettext("Create"),
    "update": lazy_gettext("Update"),
    "adopt": lazy_gettext("Link without a change"),
    "delete": lazy_gettext("Mark as deleted"),
    "skip": lazy_gettext("Leave as it is"),
    "hold": lazy_gettext("Hold back"),
}
PAUSES = {
    "budget-used": lazy_gettext("The API calls allotted to this instance are used up."),
    "org-calls-used": lazy_gettext("The org has hardly any API calls left."),
    "operations-used": lazy_gettext("This month's quota of records written is used up."),
}
TRIGGERS = {
    "schedule": lazy_gettext("Schedule"),
    "manual": lazy_gettext("A person"),
    "webhook": lazy_gettext("Webhook"),
    "demo": lazy_gettext("Demo"),
}


def ref(record: Ref | None) -> str:
    """Name a record the way its own system does."""
    return "–" if record is None else f"{record.object} {record.id}"


def ago(moment: datetime | None) -> Markup | str:
    """Say how long ago or ahead a moment is, with the exact time at hand."""
    if moment is None:
        return str(gettext("never"))
    distance = moment - sidecar().clock()
    is_now = abs(distance) < timedelta(seconds=1)
    spoken = gettext("just now") if is_now else format_timedelta(distance, granularity="second", add_direction=True)
    exact = format_datetime(moment, "medium", rebase=False)
    shape = '<time datetime="{}" title="{} UTC">{}</time>'
    return Markup(shape).format(moment.isoformat(), exact, spoken)  # noqa: S704  (format escapes)


def length(seconds: int) -> str:
    """Say how long something lasts."""
    return str(format_timedelta(seconds, granularity="second", threshold=0.99))


def _words(by_code: Mapping[str, Any]) -> Callable[[str], str]:
    """Return a function that says a code in words, or as it is when it is news to us."""
    return lambda code: str(by_code.get(code, code))


TEMPLATE_NAMES: Mapping[str, Any] = {
    "ago": ago,
    "length": length,
    "ref": ref,
    "badges": {"on": ON, "off": OFF, "stale": STALE, "running": RUNNING, "waiting": WAITING},
    "status_badge": STATUS_BADGES.__getitem__,
    "run_badge": RUN_BADGES.__getitem__,
    "lane_name": _words(LANE_NAMES),
    "side_name": _words(SIDE_NAMES),
    "who": _words(FIXERS),
    "waits_for": _words(REACTIONS),
    "action_name": _words(ACTIONS),
    "trigger_name": _words(TRIGGERS),
    "pause_reason": _words(PAUSES),
}
