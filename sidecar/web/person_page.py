"""One person: how they stand by what is stored, why field by field once somebody asks for it, and what may be done by hand.

Values are shown in the answer to the button that reads both sides, and nowhere else; neither they nor addresses are in any URL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user

from sidecar.errors import SidecarError, UsageError
from sidecar.lanes import open_preview
from sidecar.mapping.preflight import WARNINGS
from sidecar.people import (
    LANE,
    addresses_of,
    find_person,
    look_at,
    ref_of,
    side_of,
    standing_of,
    take_in,
    take_out,
)
from sidecar.records import Ref, Side
from sidecar.slots import EarlyRuns
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import Instance
from sidecar.store.overview import InstanceView
from sidecar.store.people import People, PersonFacts
from sidecar.store.pushes import PushWish
from sidecar.store.users import Role
from sidecar.sync.explain import Explanation, explain
from sidecar.web import person_wording
from sidecar.web.access import at_least, require_visible
from sidecar.web.app import overview, sidecar
from sidecar.web.org_page import PlainForm
from sidecar.web.security import limiter

bp = Blueprint("person_page", __name__)

_FAILED = 422
LIVE_LIMIT = "30 per minute"
"""Reading both sides costs calls: no one address uses up an instance's budget by it."""
PAGE = "page"
"""Where a push came from, when it was wished here."""


@dataclass(frozen=True, slots=True)
class Live:
    """What both sides show now: the story, or why there is none."""

    story: Explanation | None = None
    problem: str = ""

    @property
    def suspended(self) -> Mapping[str, str]:
        """The fields that are left out, and why; what is only warned of travels."""
        found = self.story.suspended if self.story else {}
        return {name: code for name, code in found.items() if code not in WARNINGS}


@bp.get("/instances/<slug>/people")
@at_least(Role.VIEWER)
def ask(slug: str) -> ResponseReturnValue:
    """Ask whom to show, and list who was taken out by hand."""
    return _search_page(_view(slug))


@bp.post("/instances/<slug>/people")
@limiter.limit(LIVE_LIMIT)
@at_least(Role.VIEWER)
def search(slug: str) -> ResponseReturnValue:
    """Find somebody by e-mail address or id: an address is in the form alone, and in no address of a page."""
    view, text = _view(slug), (request.form.get("person") or "").strip()
    try:
        found = _named(sidecar().instances.get_by_id(view.id), text)
    except SidecarError as error:
        return _search_page(view, problem=f"{error.message} ({error.code})"), _FAILED
    if len(found) == 1:
        return redirect(url_for("person_page.show", slug=slug, record_id=found[0].id))
    return _search_page(view, found=found)


@bp.get("/instances/<slug>/people/<record_id>")
@at_least(Role.VIEWER)
def show(slug: str, record_id: str) -> ResponseReturnValue:
    """Show what is stored about a person. Neither side is asked."""
    view = _view(slug)
    facts = _facts(view, record_id)
    if facts.side is Side.SALESFORCE and facts.link is not None:
        return redirect(url_for("person_page.show", slug=slug, record_id=facts.link.host.id))
    return _page(view, facts)


@bp.post("/instances/<slug>/people/<record_id>")
@limiter.limit(LIVE_LIMIT)
@at_least(Role.VIEWER)
def read(slug: str, record_id: str) -> ResponseReturnValue:
    """Read both sides now, and show what a run would do and why. Nothing is written."""
    view = _view(slug)
    facts = _facts(view, record_id)
    return _page(view, facts, live=_read_live(sidecar().instances.get_by_id(view.id), facts))


@bp.post("/instances/<slug>/people/<record_id>/sync")
@at_least(Role.ADMINISTRATOR)
def sync_now(slug: str, record_id: str) -> ResponseReturnValue:
    """Have the next run look at the person, and let it come soon."""
    view = _view(slug)
    facts = _facts(view, record_id)
    look_at(sidecar(), sidecar().instances.get_by_id(view.id), facts.side, facts.ref)
    return _done(view, facts, _soon(view, gettext("This person is looked at in the next run")))


@bp.post("/instances/<slug>/people/<record_id>/exclude")
@at_least(Role.ADMINISTRATOR)
def exclude(slug: str, record_id: str) -> ResponseReturnValue:
    """Take the person out of the sync."""
    view = _view(slug)
    facts = _facts(view, record_id)
    take_out(sidecar(), sidecar().instances.get_by_id(view.id), facts.side, facts.ref, current_user.name)
    _note(view, facts, "person-excluded")
    return _done(view, facts, gettext("This person is left alone from now on. Opt-outs of e-mail still travel."))


@bp.post("/instances/<slug>/people/<record_id>/include")
@at_least(Role.ADMINISTRATOR)
def include(slug: str, record_id: str) -> ResponseReturnValue:
    """Take the person in again."""
    view = _view(slug)
    facts = _facts(view, record_id)
    if not take_in(sidecar(), sidecar().instances.get_by_id(view.id), facts.side, facts.ref):
        return _done(view, facts, gettext("This person takes part already."))
    _note(view, facts, "person-included")
    return _done(view, facts, _soon(view, gettext("This person takes part again, and is looked at in the next run")))


@bp.post("/instances/<slug>/people/<record_id>/push")
@at_least(Role.ADMINISTRATOR)
def push(slug: str, record_id: str) -> ResponseReturnValue:
    """Have the contact created or updated in Salesforce."""
    view = _view(slug)
    facts, wanted = _facts(view, record_id), request.form.get("as") or None
    contact = facts.end(Side.HOST)
    if contact is None or (wanted is not None and wanted not in _objects(view)):
        abort(400)
    sidecar().pushes.request(view.id, [PushWish(contact, wanted, source=PAGE)], sidecar().clock())
    _note(view, facts, "person-pushed")
    return _done(view, facts, _soon(view, gettext("This person is pushed in the next run")))


def _view(slug: str) -> InstanceView:
    return require_visible(overview().find(slug, sidecar().clock()))


def _facts(view: InstanceView, record_id: str) -> PersonFacts:
    side = side_of(record_id)
    try:
        ref = ref_of(record_id, side)
    except UsageError:
        abort(404)
    return People(sidecar().database, sidecar().cipher).load(view.id, side, ref)


def _named(instance: Instance, text: str) -> list[Ref]:
    """Return whom a text means. The host is asked first: only who is not there costs calls to Salesforce."""
    if "@" not in text:
        return [ref_of(text, side_of(text))]
    with sidecar().open_host(instance) as host:
        contacts = host.find_by_email(text)
    if contacts:
        return contacts
    with open_preview(sidecar(), instance, LANE) as lane:
        return [record.ref for _, record in find_person(lane, text)]


def _read_live(instance: Instance, facts: PersonFacts) -> Live:
    """Explain whichever record of the person can be read, the contact first."""
    try:
        with open_preview(sidecar(), instance, LANE) as lane:
            for side in Side:
                end = facts.end(side)
                record = lane.sides[side].read(lane.rules, [end]).get(end) if end else None
                if record is not None:
                    return Live(explain(lane, side, record))
    except SidecarError as error:
        return Live(problem=f"{error.message} ({error.code})")
    return Live(problem=gettext("Neither side shows this person any more."))


def _soon(view: InstanceView, what: str) -> str:
    """Ask for an early run, as the host's own calls do, and say when it comes."""
    hooks = current_app.extensions["hooks"]
    lane = next((lane for lane in view.lanes if lane.lane == LANE), None)
    if lane is None or not lane.is_on:
        return str(gettext("%(what)s; but the lane is switched off.", what=what))
    early: EarlyRuns = hooks.intake.early
    early.want(view.id, LANE, 1)
    if current_app.config.get("HOOKS_IN_BACKGROUND", True):
        hooks.background.notify()
    return str(gettext("%(what)s, within seconds if a worker is free.", what=what))


def _note(view: InstanceView, facts: PersonFacts, what: str) -> None:
    who = f"{facts.ref.object} {facts.ref.id}"
    entry = AuditEntry(current_user.name, what, sidecar().clock(), None, who, "", view.id)
    AuditLog(sidecar().database).add(entry)


def _done(view: InstanceView, facts: PersonFacts, told: str) -> ResponseReturnValue:
    flash(told, "good")
    return redirect(url_for("person_page.show", slug=view.slug, record_id=facts.ref.id))


def _objects(view: InstanceView) -> tuple[str, ...]:
    return tuple(sidecar().mapping(sidecar().instances.get_by_id(view.id), LANE).salesforce_objects)


def _search_page(view: InstanceView, *, found: list[Ref] | None = None, problem: str = "") -> str:
    return render_template(
        "people.html",
        view=view,
        form=PlainForm(formdata=None),
        found=found,
        problem=problem,
        excluded=sidecar().exclusions.list_all(view.id),
    )


def _page(view: InstanceView, facts: PersonFacts, *, live: Live | None = None) -> str:
    standing = standing_of(facts)
    lane = next((lane for lane in view.lanes if lane.lane == LANE), None)
    words: dict[str, Callable[..., str]] = {
        "agreed": person_wording.agreed, "rule": person_wording.rule, "value": person_wording.value,
    }  # fmt: skip
    return render_template(
        "person.html",
        view=view,
        facts=facts,
        standing=standing,
        badge=person_wording.badge_of(standing),
        sentence=person_wording.sentence_of(standing, facts.side),
        addresses=addresses_of(sidecar(), sidecar().instances.get_by_id(view.id), facts.ends),
        seen_until=lane.seen_until if lane else None,
        objects=_objects(view),
        live=live,
        sides=list(Side),
        form=PlainForm(formdata=None),
        may_act=current_user.may(Role.ADMINISTRATOR),
        words=words,
        field_outcomes=person_wording.FIELD_OUTCOMES,
        push_states=person_wording.PUSH_STATES,
    )
