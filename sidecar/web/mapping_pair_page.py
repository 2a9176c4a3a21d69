"""One pair of fields: added, changed, removed, and looked at with a few of its values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from sidecar.errors import SidecarError
from sidecar.field_mapping.filling import KnownFilling, known_filling, read_samples
from sidecar.field_mapping.saving import Standing, refused
from sidecar.mapping.editing import new_name, with_pair, without_pair
from sidecar.mapping.filled import Filled
from sidecar.mapping.model import FieldPair, Priority, TooLong
from sidecar.mapping.offers import free_host_fields, free_salesforce_fields
from sidecar.records import FieldInfo
from sidecar.store.overview import InstanceView
from sidecar.store.users import Role
from sidecar.web import mapping_words as words
from sidecar.web.access import at_least
from sidecar.web.app import sidecar
from sidecar.web.mapping_page import (
    VersionForm,
    cell,
    findings_of,
    problem_lines,
    save_version,
    standing_of,
    tell_saved,
    visible,
)

bp = Blueprint("mapping_pair_page", __name__)

_FAILED = 422
Groups = list[tuple[str, list[tuple[str, str]]]]


class PairForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """The settings of a pair. The fields it joins are read beside it: which there are depends on the mapping."""

    version = IntegerField(validators=[InputRequired()])
    host = StringField(validators=[Length(max=80)])
    priority = SelectField(choices=words.choices(words.PRIORITY_CHOICES))
    conflict_policy = SelectField(choices=words.policy_choices())
    too_long = SelectField(choices=words.choices(words.TOO_LONG))
    transform = SelectField(choices=words.choices(words.TRANSFORMS))
    placeholder = StringField(validators=[Length(max=255)])
    propagate_blanks = BooleanField()
    enforce = BooleanField()
    is_match = BooleanField()
    find_host = StringField(validators=[Length(max=80)])
    find_salesforce = StringField(validators=[Length(max=80)])


@dataclass(frozen=True, slots=True)
class Draft:
    """A pair as somebody is about to save it: its form, and the Salesforce field chosen per object."""

    form: PairForm
    salesforce: Mapping[str, str]
    name: str | None = None

    def values(self, objects: Sequence[str]) -> dict[str, Any]:
        """Return the keys of the document; None takes one away, because it says the usual."""
        form, chosen = self.form, self.salesforce
        is_same = set(chosen) == set(objects) and len(set(chosen.values())) == 1
        is_two_way = form.priority.data == Priority.BOTH
        return {
            "host": form.host.data,
            "salesforce": next(iter(chosen.values())) if is_same else dict(chosen),
            "priority": None if is_two_way else form.priority.data,
            "conflict_policy": (form.conflict_policy.data or None) if is_two_way else None,
            "propagate_blanks": form.propagate_blanks.data or None,
            "enforce": form.enforce.data or None,
            "too_long": None if form.too_long.data == TooLong.HOLD else form.too_long.data,
            "placeholder": (form.placeholder.data or "").strip() or None,
            "transform": form.transform.data or None,
        }


@bp.get("/instances/<slug>/mapping/add")
@at_least(Role.ADMINISTRATOR)
def show_add(slug: str) -> ResponseReturnValue:
    """Show what suggests itself, and the form for a new pair, filled in if one of those was chosen."""
    view = visible(slug)
    found = standing_of(view)
    name = request.args.get("recommended", "")
    chosen = next((pair for pair in found.recommended if pair.name == name), FieldPair("", "", {}))
    return _page(view, found, _draft_of(found, chosen, None))


@bp.post("/instances/<slug>/mapping/add")
@at_least(Role.ADMINISTRATOR)
def add(slug: str) -> ResponseReturnValue:
    """Add a pair, or narrow the lists to choose from."""
    view = visible(slug)
    found = standing_of(view)
    return _take(view, found, _draft_sent(found, None))


@bp.get("/instances/<slug>/mapping/pairs/<name>")
@at_least(Role.ADMINISTRATOR)
def show(slug: str, name: str) -> ResponseReturnValue:
    """Show one pair with its settings."""
    view = visible(slug)
    found = standing_of(view)
    return _page(view, found, _draft_of(found, _pair(found, name), name))


@bp.post("/instances/<slug>/mapping/pairs/<name>")
@at_least(Role.ADMINISTRATOR)
def change(slug: str, name: str) -> ResponseReturnValue:
    """Save one pair."""
    view = visible(slug)
    found = standing_of(view)
    _pair(found, name)
    return _take(view, found, _draft_sent(found, name))


@bp.post("/instances/<slug>/mapping/pairs/<name>/remove")
@at_least(Role.ADMINISTRATOR)
def remove(slug: str, name: str) -> ResponseReturnValue:
    """Take a pair out of the mapping. Its values stay where they are, on both sides."""
    found = standing_of(visible(slug))
    _pair(found, name)
    try:
        tell_saved(save_version(found, without_pair(found.document, name), VersionForm().version.data))
    except SidecarError as error:
        for line in problem_lines(error):
            flash(line, "bad")
        return redirect(url_for("mapping_pair_page.show", slug=slug, name=name))
    return redirect(url_for("mapping_page.show", slug=slug))


@bp.post("/instances/<slug>/mapping/pairs/<name>/samples")
@at_least(Role.ADMINISTRATOR)
def samples(slug: str, name: str) -> ResponseReturnValue:
    """Show a few values of the pair's fields in this answer, and nowhere else."""
    view = visible(slug)
    found = standing_of(view)
    pair = _pair(found, name)
    try:
        seen = read_samples(sidecar(), found.instance, found.mapping, pair, current_user.name)
    except SidecarError as error:
        return _page(view, found, _draft_of(found, pair, name), problems=problem_lines(error))
    return _page(view, found, _draft_of(found, pair, name), seen=seen)


def _take(view: InstanceView, found: Standing, draft: Draft) -> ResponseReturnValue:
    if request.form.get("do") == "narrow":
        return _page(view, found, draft)
    if not (draft.form.validate() and draft.form.host.data and draft.salesforce):
        return _page(view, found, draft, problems=[gettext("Choose a Mautic field and at least one Salesforce field.")])
    name = draft.name or new_name(found.document, draft.form.host.data)
    values = draft.values(found.mapping.salesforce_objects)
    document = with_pair(found.document, name, values, is_match=draft.form.is_match.data)
    try:
        refusals = refused(found, document, name)
        if not refusals:
            tell_saved(save_version(found, document, draft.form.version.data))
    except SidecarError as error:
        return _page(view, found, draft, problems=problem_lines(error))
    if refusals:
        told = [f"{words.say_refusal(each)} ({each.why.code})" for each in refusals]
        return _page(view, found, draft, problems=told)
    return redirect(url_for("mapping_page.show", slug=view.slug))


def _page(
    view: InstanceView,
    found: Standing,
    draft: Draft,
    *,
    problems: Sequence[str] = (),
    seen: Mapping[str, Sequence[str]] | None = None,
) -> ResponseReturnValue:
    filling = known_filling(sidecar(), found.instance)
    pair = found.pair(draft.name) if draft.name else None
    response = make_response(
        render_template(
            "mapping_pair.html",
            view=view,
            found=found,
            draft=draft,
            form=draft.form,
            pair=pair,
            findings=findings_of(found, pair.name) if pair else [],
            hosts=_host_groups(found, filling, draft),
            objects={name: _object_groups(found, filling, draft, name) for name in found.mapping.salesforce_objects},
            recommended=[] if pair else _recommended(found, filling),
            problems=problems,
            seen=seen or {},
            words=words,
        )
    )
    response.headers["Cache-Control"] = "no-store"
    response.status_code = _FAILED if problems else 200
    return response


def _recommended(found: Standing, filling: KnownFilling) -> list[dict[str, Any]]:
    host = found.mapping.host_object
    return [
        {
            "pair": pair,
            "host": cell(found, filling, host, pair.host),
            "salesforce": [cell(found, filling, name, each) for name, each in pair.salesforce.items()],
        }
        for pair in found.recommended
    ]


def _host_groups(found: Standing, filling: KnownFilling, draft: Draft) -> Groups:
    schema, chosen = found.fields.host, draft.form.host.data or ""
    infos = free_host_fields(found.mapping, schema) if schema else []
    known = {info.name: info for info in infos} | _chosen(schema.fields if schema else {}, chosen)
    return _groups(
        known.values(), filling.of(found.mapping.host_object), draft.form.find_host.data or "", {chosen} - {""}
    )


def _object_groups(found: Standing, filling: KnownFilling, draft: Draft, name: str) -> Groups:
    schema, chosen = found.fields.objects.get(name), draft.salesforce.get(name, "")
    before = found.pair(draft.name) if draft.name else None
    infos = free_salesforce_fields(found.mapping, schema) if schema else []
    fields = schema.fields if schema else {}
    known = {info.name: info for info in infos} | _chosen(fields, chosen)
    if before and name in before.salesforce:
        known |= _chosen(fields, before.salesforce[name])
    return _groups(known.values(), filling.of(name), draft.form.find_salesforce.data or "", {chosen} - {""})


def _chosen(fields: Mapping[str, FieldInfo], name: str) -> dict[str, FieldInfo]:
    return {name: fields[name]} if name in fields else {}


def _groups(infos: Iterable[FieldInfo], filled: Filled, text: str, chosen: set[str]) -> Groups:
    """Return the fields that a search finds, by type, each said with its label, name and filling; what is chosen stays."""
    sought, by_type = text.strip().casefold(), dict[str, list[tuple[str, str]]]()
    known = sorted(infos, key=lambda info: info.label.casefold())
    for info in known:
        if info.name in chosen or sought in info.label.casefold() or sought in info.name.casefold():
            parts = (
                f"{info.label} ({info.name})",
                gettext("required") if info.is_required else "",
                words.say_filled(filled, info.name),
            )
            by_type.setdefault(str(words.TYPES[info.type]), []).append((info.name, " · ".join(filter(None, parts))))
    gone = [(name, name) for name in chosen - {info.name for info in known}]
    return [*([(gettext("Gone or hidden"), gone)] if gone else []), *sorted(by_type.items())]


def _pair(found: Standing, name: str) -> FieldPair:
    return found.pair(name) or abort(404)


def _draft_of(found: Standing, pair: FieldPair, name: str | None) -> Draft:
    form = PairForm(
        formdata=None,
        version=found.version,
        host=pair.host,
        priority=pair.priority.value,
        conflict_policy=pair.conflict_policy.value if pair.conflict_policy else "",
        too_long=pair.too_long.value,
        transform=pair.transform or "",
        placeholder=pair.placeholder or "",
        propagate_blanks=pair.propagate_blanks,
        enforce=pair.enforce,
        is_match=pair.name in found.mapping.match_on,
    )
    return Draft(form, pair.salesforce, name)


def _draft_sent(found: Standing, name: str | None) -> Draft:
    chosen = {each: request.form.get(f"on_{each}", "").strip() for each in found.mapping.salesforce_objects}
    return Draft(PairForm(), {each: field for each, field in chosen.items() if field}, name)
