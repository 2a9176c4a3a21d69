"""Connecting an instance to its Mautic, and registering there: the form, what a look found line by line, and the button."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import IntegerField, PasswordField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from sidecar.checks import check_side
from sidecar.connecting import save_mautic
from sidecar.errors import SidecarError
from sidecar.lines import Line, LineStatus
from sidecar.records import Side
from sidecar.registering import Wishes, check_mautic, keep_check, kept_check, made_parts, register
from sidecar.store.connections import ConnectionInfo
from sidecar.store.instances import Instance
from sidecar.store.overview import InstanceView
from sidecar.store.users import Role
from sidecar.web.access import at_least, require_visible
from sidecar.web.app import errors_flashed, overview, sidecar
from sidecar.web.connect_page import BADGES, NOT_CONNECTED, UNCHECKED
from sidecar.web.org_page import STATUS_BADGES, PlainForm, say

bp = Blueprint("mautic_page", __name__)

_FAILED = 422
WORST_FIRST = (LineStatus.FIX, LineStatus.UNKNOWN, LineStatus.NOTE, LineStatus.OK)
PART_NAMES = {
    "webhook": lazy_gettext("Webhook"),
    "field": lazy_gettext("Field"),
    "segment": lazy_gettext("Segment"),
    "contact": lazy_gettext("Contact of a trial"),
}
KEY_NAMES = {
    "shared_key": lazy_gettext("Shared key, for the plugin inside Mautic"),
    "push_key": lazy_gettext("Push key, for the webhook action of a campaign"),
}


class MauticForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """How a Mautic is reached. Secrets that are left empty stay as they are."""

    base_url = StringField(validators=[InputRequired(), Length(max=300)])
    client_id = StringField(validators=[InputRequired(), Length(max=500)])
    client_secret = PasswordField(validators=[Length(max=1000)])
    database_url = PasswordField(validators=[Length(max=1000)])
    table_prefix = StringField(validators=[Length(max=60)])
    parallel = IntegerField(validators=[InputRequired(), NumberRange(1, 16)], default=4)


@bp.get("/instances/<slug>/mautic")
@at_least(Role.ADMINISTRATOR)
def show(slug: str) -> ResponseReturnValue:
    """Show how Mautic is reached, the last check, and the form."""
    view = _view(slug)
    return _page(view, MauticForm(data=_known_values(_known(view))))


@bp.post("/instances/<slug>/mautic")
@at_least(Role.ADMINISTRATOR)
def connect(slug: str) -> ResponseReturnValue:
    """Save how Mautic is reached, and try it at once."""
    view, form = _view(slug), MauticForm()
    if not form.validate():
        return _page(
            view, form, problem=gettext("Give Mautic's address, the client's public key, and 1 to 16 requests.")
        ), _FAILED
    instance = sidecar().instances.get_by_id(view.id)
    settings = {
        "base_url": form.base_url.data.strip(),
        "table_prefix": (form.table_prefix.data or "").strip(),
        "auth": "oauth2",
        "client_id": form.client_id.data.strip(),
        "username": "",
        "parallel": form.parallel.data,
    }
    secrets = {"client_secret": form.client_secret.data or "", "database_url": (form.database_url.data or "").strip()}
    try:
        # Who may connect from here need not be trusted with addresses of this very machine.
        save_mautic(
            sidecar(), instance, settings, secrets, current_user.name, allow_loopback=current_user.may(Role.OPERATOR)
        )
    except SidecarError as error:
        return _page(view, form, problem=f"{error.message} ({error.code})"), _FAILED
    found = check_side(sidecar(), instance, Side.HOST)
    if found.is_ok:
        flash(gettext("The connection works: %(what)s", what=found.message), "good")
    return redirect(url_for("mautic_page.show", slug=slug))


@bp.post("/instances/<slug>/mautic/check")
@at_least(Role.ADMINISTRATOR)
def check(slug: str) -> ResponseReturnValue:
    """Look at everything now; nothing is changed in Mautic."""
    instance = _instance(slug)
    with errors_flashed():
        keep_check(sidecar(), instance, check_mautic(sidecar(), instance))
    return redirect(url_for("mautic_page.show", slug=slug))


@bp.post("/instances/<slug>/mautic/register")
@at_least(Role.ADMINISTRATOR)
def register_now(slug: str) -> ResponseReturnValue:
    """Make what is missing. New keys are shown in the answer itself and nowhere else."""
    return _register(slug, Wishes())


@bp.post("/instances/<slug>/mautic/segment")
@at_least(Role.ADMINISTRATOR)
def make_segment(slug: str) -> ResponseReturnValue:
    """Make the segment of those who were deleted in Salesforce."""
    return _register(slug, Wishes(segment=True))


def _register(slug: str, wishes: Wishes) -> ResponseReturnValue:
    view, instance = _view(slug), _instance(slug)
    try:
        done = register(sidecar(), instance, current_user.name, wishes)
    except SidecarError as error:
        flash(f"{error.message} ({error.code})", "bad")
        return redirect(url_for("mautic_page.show", slug=slug))
    keep_check(sidecar(), instance, done.after)
    flash(gettext("Made or mended in Mautic: %(count)s.", count=len(done.made)), "good")
    if not done.keys:
        return redirect(url_for("mautic_page.show", slug=slug))
    return _page(view, MauticForm(formdata=None, data=_known_values(_known(view))), keys=dict(done.keys))


def _page(view: InstanceView, form: MauticForm, *, problem: str = "", keys: dict[str, str] | None = None) -> Response:
    known, instance = _known(view), sidecar().instances.get_by_id(view.id)
    response = make_response(
        render_template(
            "mautic.html",
            view=view,
            form=form,
            plain=PlainForm(formdata=None),
            known=known,
            badge=BADGES.get(known.state, UNCHECKED) if known else NOT_CONNECTED,
            secret_names=known.secret_names if known else frozenset(),
            check=kept_check(sidecar(), instance) if known else None,
            made=made_parts(sidecar(), instance),
            problem=problem,
            keys=keys or {},
            key_names=KEY_NAMES,
            part_names=PART_NAMES,
            status_badges=STATUS_BADGES,
            say=say,
            worst_first=_worst_first,
            name_of=lambda about: str(gettext(about)),
        )
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _worst_first(lines: Sequence[Line]) -> list[Line]:
    """Return what must be put right first; a page of twenty lines in order hides the one that is not."""
    return sorted(lines, key=lambda line: WORST_FIRST.index(line.status))


def _view(slug: str) -> InstanceView:
    return require_visible(overview().find(slug, sidecar().clock()))


def _instance(slug: str) -> Instance:
    return sidecar().instances.get_by_id(_view(slug).id)


def _known(view: InstanceView) -> ConnectionInfo | None:
    return sidecar().connections.load(view.id, Side.HOST)


def _known_values(known: ConnectionInfo | None) -> dict[str, Any]:
    if known is None:
        return {"parallel": 4}
    return {name: known.settings.get(name) for name in ("base_url", "client_id", "table_prefix", "parallel")}
