"""Which field goes with which, and who wins: the table, the settings of the whole, and every version ever saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, SelectField
from wtforms.validators import InputRequired

from sidecar.errors import SidecarError
from sidecar.field_mapping.counting import ask_count, known_counting
from sidecar.field_mapping.fields import read_fields
from sidecar.field_mapping.filling import KnownFilling, known_filling
from sidecar.field_mapping.saving import SHIPPED, Standing, document_of, history, save, standing
from sidecar.mapping.editing import Change, Settings, with_settings
from sidecar.mapping.model import FieldPair
from sidecar.mapping.problems import WARNINGS
from sidecar.mapping.rules import Problem
from sidecar.records import FieldInfo
from sidecar.store.overview import InstanceView
from sidecar.store.users import Role
from sidecar.web import mapping_words as words
from sidecar.web.access import at_least, require_visible
from sidecar.web.app import errors_flashed, overview, sidecar
from sidecar.web.org_page import PlainForm

bp = Blueprint("mapping_page", __name__)

VERSIONS = 20
_FAILED = 422


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a pair as its system describes it; `info` is None where it is gone, hidden, or was never read."""

    object: str
    name: str
    info: FieldInfo | None
    filled: str

    @property
    def label(self) -> str:
        """What people know the field by."""
        return self.info.label if self.info else self.name


@dataclass(frozen=True, slots=True)
class Finding:
    """What preflight found once, or the same on several objects."""

    what: Problem
    objects: Sequence[str]

    @property
    def is_warning(self) -> bool:
        """Tell whether everything goes on all the same."""
        return self.what.code in WARNINGS


@dataclass(frozen=True, slots=True)
class Row:
    """One field pair of the table."""

    pair: FieldPair
    host: Cell
    salesforce: Sequence[Cell]
    findings: Sequence[Finding]
    extras: Sequence[str]

    def has(self, text: str) -> bool:
        """Tell whether a search finds the pair: by its name, or by a field's name or label."""
        cells = (self.host, *self.salesforce)
        told = (self.pair.name, *(each.name for each in cells), *(each.label for each in cells))
        return any(text in each.casefold() for each in told)


class SettingsForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """What holds for the mapping as a whole. `create_in_salesforce` gets its choices from the mapping's objects."""

    version = IntegerField(validators=[InputRequired()])
    direction = SelectField(choices=words.choices(words.DIRECTIONS))
    create_in_salesforce = SelectField()
    create_in_host = BooleanField()
    conflict_policy = SelectField(choices=words.choices(words.POLICIES))
    fill_if_empty = BooleanField()
    on_duplicate = SelectField(choices=words.choices(words.DUPLICATES))


class VersionForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """A button that changes the version somebody looked at, and no other."""

    version = IntegerField(validators=[InputRequired()])


@bp.get("/instances/<slug>/mapping")
@at_least(Role.VIEWER)
def show(slug: str) -> ResponseReturnValue:
    """Show every pair, or those that a search finds. Neither system is asked anything."""
    view = visible(slug)
    found = standing_of(view)
    filling = known_filling(sidecar(), found.instance)
    rows = rows_of(found, filling)
    text, only_problems = request.args.get("q", "").strip(), bool(request.args.get("problems"))
    chosen = [row for row in rows if row.has(text.casefold()) and (row.findings or not only_problems)]
    return render_template(
        "mapping.html",
        view=view,
        found=found,
        filling=filling,
        counting=known_counting(sidecar(), found.instance),
        now=sidecar().clock(),
        rows=chosen,
        total=len(rows),
        general=findings_of(found, None),
        text=text,
        only_problems=only_problems,
        form=PlainForm(formdata=None) if current_user.may(Role.ADMINISTRATOR) else None,
        words=words,
    )


@bp.post("/instances/<slug>/mapping/read")
@at_least(Role.ADMINISTRATOR)
def read(slug: str) -> ResponseReturnValue:
    """Ask both systems for their fields."""
    instance = sidecar().instances.get_by_id(visible(slug).id)
    with errors_flashed():
        read_fields(sidecar(), instance, sidecar().mapping(instance, "people"))
        flash(gettext("Both systems were read."), "good")
    return redirect(url_for("mapping_page.show", slug=slug))


@bp.post("/instances/<slug>/mapping/count")
@at_least(Role.ADMINISTRATOR)
def count(slug: str) -> ResponseReturnValue:
    """Have a worker count on both sides how many people have each field filled; the page tells how far it came."""
    instance = sidecar().instances.get_by_id(visible(slug).id)
    with errors_flashed():
        ask_count(sidecar(), instance)
    return redirect(url_for("mapping_page.show", slug=slug))


@bp.get("/instances/<slug>/mapping/settings")
@at_least(Role.ADMINISTRATOR)
def show_settings(slug: str) -> ResponseReturnValue:
    """Show what holds for the whole."""
    view = visible(slug)
    found = standing_of(view)
    mapping = found.mapping
    form = _settings_form(
        found,
        version=found.version,
        direction=found.document["mapping"].get("direction", "both"),
        create_in_salesforce=mapping.create_in_salesforce or "",
        create_in_host=mapping.create_in_host,
        conflict_policy=mapping.conflict_policy.value,
        fill_if_empty=mapping.fill_if_empty,
        on_duplicate=mapping.on_duplicate.value,
    )
    return render_template("mapping_settings.html", view=view, found=found, form=form, problems=[], words=words)


@bp.post("/instances/<slug>/mapping/settings")
@at_least(Role.ADMINISTRATOR)
def change_settings(slug: str) -> ResponseReturnValue:
    """Save what holds for the whole."""
    view = visible(slug)
    found = standing_of(view)
    form = _settings_form(found)
    problems = [] if form.validate() else [gettext("Choose one of the values of each list.")]
    if not problems:
        names = ("direction", "create_in_host", "conflict_policy", "fill_if_empty", "on_duplicate")
        settings = Settings(
            create_in_salesforce=form.create_in_salesforce.data or None, **{name: form[name].data for name in names}
        )
        try:
            tell_saved(save_version(found, with_settings(found.document, settings), form.version.data))
        except SidecarError as error:
            problems = problem_lines(error)
    if problems:
        page = render_template(
            "mapping_settings.html", view=view, found=found, form=form, problems=problems, words=words
        )
        return page, _FAILED
    return redirect(url_for("mapping_page.show", slug=slug))


@bp.get("/instances/<slug>/mapping/versions")
@at_least(Role.VIEWER)
def versions(slug: str) -> ResponseReturnValue:
    """List who saved which version when, with what it changed."""
    view = visible(slug)
    found = standing_of(view)
    saved = history(sidecar(), found.instance, limit=VERSIONS, before=request.args.get("before", type=int))
    return render_template(
        "mapping_versions.html",
        view=view,
        found=found,
        saved=saved,
        older=saved[-1].version if len(saved) == VERSIONS and saved[-1].version > 1 else None,
        shipped=SHIPPED,
        form=VersionForm(formdata=None, version=found.version) if current_user.may(Role.ADMINISTRATOR) else None,
        words=words,
    )


@bp.post("/instances/<slug>/mapping/versions/<int:number>")
@at_least(Role.ADMINISTRATOR)
def go_back(slug: str, number: int) -> ResponseReturnValue:
    """Save the document of an earlier version as the newest one."""
    found = standing_of(visible(slug))
    form = VersionForm()
    try:
        document = document_of(sidecar(), found.instance, number)
        tell_saved(save_version(found, document, form.version.data))
    except SidecarError as error:
        for line in problem_lines(error):
            flash(line, "bad")
    return redirect(url_for("mapping_page.versions", slug=slug))


def visible(slug: str) -> InstanceView:
    """Return the instance, or answer 404."""
    return require_visible(overview().find(slug, sidecar().clock()))


def standing_of(view: InstanceView) -> Standing:
    """Return the instance's mapping as it stands."""
    return standing(sidecar(), sidecar().instances.get_by_id(view.id))


def save_version(found: Standing, document: Mapping[str, Any], version: int | None) -> list[Change]:
    """Save a document as a new version, by whoever is logged in; a form that names no version changes nothing."""
    return save(sidecar(), found, document, -1 if version is None else version, current_user.name)


def tell_saved(changed: Sequence[Change]) -> None:
    """Say on the next page what a save changed."""
    if not changed:
        flash(gettext("Nothing was changed."), "good")
        return
    told = "; ".join(words.say_change(change) for change in changed)
    flash(gettext("Saved. It holds from the next run on: %(what)s", what=told), "good")


def problem_lines(error: SidecarError) -> list[str]:
    """Return what is wrong, a line each."""
    lines = error.message.splitlines()
    return [f"{line} ({error.code})" for line in lines]


def rows_of(found: Standing, filling: KnownFilling) -> list[Row]:
    """Return the pairs as the table shows them."""
    return [
        Row(
            pair=pair,
            host=cell(found, filling, found.mapping.host_object, pair.host),
            salesforce=[cell(found, filling, name, each) for name, each in pair.salesforce.items()],
            findings=findings_of(found, pair.name),
            extras=words.say_extras(pair, found.mapping),
        )
        for pair in found.mapping.fields
    ]


def findings_of(found: Standing, pair: str | None) -> list[Finding]:
    """Return what preflight found of a pair, or of none, each sentence once."""
    by_message: dict[str, list[Problem]] = {}
    for problem in found.problems:
        if problem.pair == pair:
            by_message.setdefault(problem.message, []).append(problem)
    return [Finding(same[0], [each.object for each in same if each.object]) for same in by_message.values()]


def cell(found: Standing, filling: KnownFilling, object_name: str, name: str) -> Cell:
    """Return one field with what is known of it."""
    fields = found.fields
    schema = fields.host if object_name == found.mapping.host_object else fields.objects.get(object_name)
    info = schema.fields.get(name) if schema else None
    return Cell(object_name, name, info, words.say_filled(filling.of(object_name), name))


def _settings_form(found: Standing, **values: object) -> SettingsForm:
    form = SettingsForm(formdata=None, data=values) if values else SettingsForm()
    objects = {name: name for name in found.mapping.salesforce_objects}
    form.create_in_salesforce.choices = words.choices({"": gettext("nobody"), **objects})
    return form
