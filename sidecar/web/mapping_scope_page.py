"""Who of Mautic takes part: everybody or who has an address, and the segments that let people in or keep them out."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, RadioField, SelectField
from wtforms.validators import InputRequired

from sidecar.errors import SidecarError
from sidecar.field_mapping.audience import KnownAudience, known_audience, read_audience
from sidecar.field_mapping.saving import Standing
from sidecar.mapping.editing import Participants, with_participants
from sidecar.mapping.model import ScopeWho
from sidecar.records import Side
from sidecar.store.overview import InstanceView
from sidecar.store.users import Role
from sidecar.web import mapping_words as words
from sidecar.web.access import at_least
from sidecar.web.app import errors_flashed, sidecar
from sidecar.web.mapping_page import problem_lines, save_version, standing_of, tell_saved, visible

bp = Blueprint("mapping_scope_page", __name__)

_FAILED = 422


class ScopeForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Who takes part. Segments get their choices from those that were read, and the one that holds now."""

    version = IntegerField(validators=[InputRequired()])
    who = RadioField(choices=words.choices(words.WHO))
    only_in_segment = SelectField()
    not_in_segment = SelectField()
    is_meant = BooleanField()


@bp.get("/instances/<slug>/mapping/scope")
@at_least(Role.ADMINISTRATOR)
def show(slug: str) -> ResponseReturnValue:
    """Show who takes part. Neither system is asked anything."""
    view = visible(slug)
    found = standing_of(view)
    scope = found.mapping.host_scope
    values = {
        "version": found.version,
        "who": scope.who.value,
        "only_in_segment": scope.only_in_segment or "",
        "not_in_segment": scope.not_in_segment or "",
    }
    known = known_audience(sidecar(), found.instance)
    return _page(view, found, _with_choices(ScopeForm(formdata=None, data=values), found, known), known, [])


@bp.post("/instances/<slug>/mapping/scope/read")
@at_least(Role.ADMINISTRATOR)
def read(slug: str) -> ResponseReturnValue:
    """Count who there is in Mautic, and read its segments."""
    instance = sidecar().instances.get_by_id(visible(slug).id)
    with errors_flashed():
        read_audience(sidecar(), instance)
    return redirect(url_for("mapping_scope_page.show", slug=slug))


@bp.post("/instances/<slug>/mapping/scope")
@at_least(Role.ADMINISTRATOR)
def change(slug: str) -> ResponseReturnValue:
    """Save who takes part; everybody only by whoever saw how many that are, and says so."""
    view = visible(slug)
    found = standing_of(view)
    known = known_audience(sidecar(), found.instance)
    form = _with_choices(ScopeForm(), found, known)
    problems = _problems(form, found, known)
    if not problems:
        chosen = Participants(form.who.data, form.only_in_segment.data or None, form.not_in_segment.data or None)
        try:
            tell_saved(save_version(found, with_participants(found.document, chosen), form.version.data))
        except SidecarError as error:
            problems = problem_lines(error)
    if problems:
        return _page(view, found, form, known, problems), _FAILED
    return redirect(url_for("mapping_page.show", slug=slug))


def _problems(form: ScopeForm, found: Standing, known: KnownAudience | None) -> list[str]:
    if not form.validate():
        return [gettext("Choose one of the values of each list.")]
    if form.who.data != ScopeWho.EVERYONE or found.mapping.host_scope.who is ScopeWho.EVERYONE:
        return []
    if known is None:
        return [gettext("Count first: nobody knows how many people would become Leads.")]
    return [] if form.is_meant.data else [gettext("Tick that you want people without an e-mail address in Salesforce.")]


def _with_choices(form: ScopeForm, found: Standing, known: KnownAudience | None) -> ScopeForm:
    """Offer the segments that were read, and those that hold now whether they were read or not."""
    scope = found.mapping.host_scope
    segments = {alias: f"{name} ({alias})" for alias, name in known.audience.segments.items()} if known else {}
    for field, current in (
        (form.only_in_segment, scope.only_in_segment),
        (form.not_in_segment, scope.not_in_segment),
    ):
        held = {current: current} if current and current not in segments else {}
        field.choices = words.choices({"": gettext("no segment"), **held, **segments})
    return form


def _page(
    view: InstanceView, found: Standing, form: ScopeForm, known: KnownAudience | None, problems: list[str]
) -> str:
    connection = sidecar().connections.load(view.id, Side.HOST)
    base_url = str(connection.settings.get("base_url", "")).rstrip("/") if connection else ""
    return render_template(
        "mapping_scope.html",
        view=view,
        found=found,
        form=form,
        problems=problems,
        known=known,
        new_segment=f"{base_url}/s/segments/new" if base_url else "",
    )
