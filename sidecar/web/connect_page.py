"""Connecting an instance to its org by signing in at Salesforce: what the app there needs, the button, and the report after it."""

import secrets
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from sidecar.checks import check_side
from sidecar.connecting import CALLBACK_PATH, begin_sign_in, finish_sign_in
from sidecar.errors import SidecarError, UsageError
from sidecar.records import Side
from sidecar.salesforce.environments import environment_of, login_url_for
from sidecar.store.connections import ConnectionInfo, ConnectionState
from sidecar.store.instances import Instance
from sidecar.store.overview import InstanceView
from sidecar.store.users import Role
from sidecar.web.access import at_least, require_visible
from sidecar.web.app import overview, sidecar
from sidecar.web.security import CONTENT_SECURITY_POLICY
from sidecar.web.wording import Badge

bp = Blueprint("connect_page", __name__)

POLICY = f"{CONTENT_SECURITY_POLICY}; script-src 'self'"
"""This page alone has a script: it copies the callback URL."""

_NONCE = "connecting"
_SLUG = "connecting-slug"
_FAILED = 422

UNCHECKED = Badge(lazy_gettext("Not checked yet"), "calm", "hourglass-split")
BADGES = {
    ConnectionState.WORKING: Badge(lazy_gettext("Connected"), "good", "check-circle-fill"),
    ConnectionState.BROKEN: Badge(lazy_gettext("Does not work"), "bad", "x-octagon-fill"),
    ConnectionState.UNCHECKED: UNCHECKED,
}
NOT_CONNECTED = Badge(lazy_gettext("Not connected"), "calm", "dash-circle")
FLOWS = {
    "web_server": lazy_gettext("Somebody signed in (web server flow)"),
    "jwt_bearer": lazy_gettext("With a key (JWT bearer)"),
    "client_credentials": lazy_gettext("With the app's secret (client credentials)"),
}


class ConnectForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Where to sign in, and the app that asks for it."""

    environment = RadioField(
        choices=[
            SelectChoice("production", lazy_gettext("Production (login.salesforce.com)")),
            SelectChoice("sandbox", lazy_gettext("Sandbox (test.salesforce.com)")),
            SelectChoice("my_domain", lazy_gettext("The org's own address (My Domain)")),
        ],
        validators=[InputRequired()],
    )
    my_domain = StringField(validators=[Length(max=300)])
    client_id = StringField(validators=[InputRequired(), Length(max=500)])
    client_secret = PasswordField(validators=[Length(max=1000)])


@bp.get("/instances/<slug>/connect")
@at_least(Role.ADMINISTRATOR)
def show(slug: str) -> ResponseReturnValue:
    """Show how the org is reached, and the form to connect it."""
    view = _view(slug)
    known = sidecar().connections.load(view.id, Side.SALESFORCE)
    form = ConnectForm(data=_known_values(known))
    return _page(view, form)


@bp.post("/instances/<slug>/connect")
@at_least(Role.ADMINISTRATOR)
def begin(slug: str) -> ResponseReturnValue:
    """Send the person to Salesforce's own log-in page."""
    view, form = _view(slug), ConnectForm()
    if not form.validate():
        return _page(view, form, gettext("Choose where to sign in, and give the consumer key.")), _FAILED
    session[_NONCE], session[_SLUG] = secrets.token_urlsafe(32), slug
    app = sidecar()
    try:
        begun = begin_sign_in(
            app, app.instances.get_by_id(view.id), _settings(view, form), form.client_secret.data or "",
            _callback_url(), _bound_to(),
        )  # fmt: skip
    except SidecarError as error:
        return _page(view, form, _told(error)), _FAILED
    # Not a redirect: a browser would hold the whole way through Salesforce against this form's policy.
    return render_template("departure.html", view=view, url=begun.url)


@bp.get(CALLBACK_PATH)
@at_least(Role.ADMINISTRATOR)
def callback() -> ResponseReturnValue:
    """Take the person back from Salesforce, save the connection, and try it at once."""
    app, back_to = sidecar(), session.pop(_SLUG, None)
    try:
        instance = finish_sign_in(app, request.args.to_dict(), _bound_to(), current_user.name)
    except SidecarError as error:
        flash(_told(error), "bad")
        page = url_for("connect_page.show", slug=back_to) if back_to else "/"
        return redirect(page)
    finally:
        session.pop(_NONCE, None)
    flash(gettext("Salesforce is connected."), "good")
    return _report(instance)


@bp.post("/instances/<slug>/connect/check")
@at_least(Role.ADMINISTRATOR)
def check(slug: str) -> ResponseReturnValue:
    """Try the connection anew."""
    view = _view(slug)
    return _report(sidecar().instances.get_by_id(view.id))


def _report(instance: Instance) -> ResponseReturnValue:
    """Try the connection, and show what was found."""
    found = check_side(sidecar(), instance, Side.SALESFORCE)
    if found.is_ok:
        flash(gettext("The connection works: %(what)s", what=found.message), "good")
    return redirect(url_for("connect_page.show", slug=instance.slug))


def _view(slug: str) -> InstanceView:
    return require_visible(overview().find(slug, sidecar().clock()))


def _callback_url() -> str:
    return url_for("connect_page.callback", _external=True)


def _bound_to() -> str:
    """Return who began: this user, in this very session."""
    return f"user {current_user.get_id()} {session.get(_NONCE, secrets.token_urlsafe(32))}"


def _settings(view: InstanceView, form: ConnectForm) -> dict[str, Any]:
    """Return the settings to connect with; what the form does not ask for stays as it is."""
    known = sidecar().connections.load(view.id, Side.SALESFORCE)
    # Who may connect from here need not be trusted with addresses of this very machine.
    allow_loopback = current_user.may(Role.OPERATOR)
    if form.environment.data == "my_domain" and not (form.my_domain.data or "").strip():
        raise UsageError("Give the org's own address.", code="environment-unclear")
    chosen = {
        "login_url": login_url_for(form.environment.data, form.my_domain.data or "", allow_loopback=allow_loopback),
        "client_id": form.client_id.data.strip(),
        "username": "",
    }
    return {**(known.settings if known else {}), **chosen}


def _known_values(known: ConnectionInfo | None) -> dict[str, str]:
    if known is None:
        return {"environment": "production"}
    login_url = str(known.settings["login_url"])
    environment = environment_of(login_url)
    my_domain = login_url if environment == "my_domain" else ""
    return {"environment": environment, "my_domain": my_domain, "client_id": str(known.settings["client_id"])}


def _told(error: SidecarError) -> str:
    return f"{error.message} ({error.code})"


def _page(view: InstanceView, form: ConnectForm, problem: str = "") -> Response:
    known = sidecar().connections.load(view.id, Side.SALESFORCE)
    badge = BADGES.get(known.state, UNCHECKED) if known else NOT_CONNECTED
    response = make_response(
        render_template(
            "connect.html",
            view=view,
            form=form,
            known=known,
            badge=badge,
            flow=FLOWS.get(known.settings["flow"]) if known else None,
            has_secret=bool(known and "client_secret" in known.secret_names),
            callback_url=_callback_url(),
            problem=problem,
        )
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response
