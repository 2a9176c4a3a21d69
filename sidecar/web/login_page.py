"""Logging in and out. Only log-ins that fail count against the limits, per address and per name."""

from flask import Blueprint, Response, flash, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import LoginManager, login_user, logout_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from sidecar.errors import UsageError
from sidecar.web.access import Person, anyone
from sidecar.web.app import sidecar
from sidecar.web.language import path_within
from sidecar.web.launch_page import PREFIX, load_visitor
from sidecar.web.security import limiter

FAILED = 401

bp = Blueprint("login_page", __name__)
login_manager = LoginManager()


class LoginForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Who someone says to be."""

    name = StringField(validators=[InputRequired(), Length(max=200)])
    password = PasswordField(validators=[InputRequired(), Length(max=1000)])


@login_manager.user_loader  # type: ignore[untyped-decorator]  # flask_login has no types
def load_person(session_id: str) -> Person | None:
    """Return the person of a session, unless the user is gone."""
    if session_id.startswith(PREFIX):
        return load_visitor(session_id)
    try:
        return Person(sidecar().users.get_by_id(int(session_id)))
    except UsageError:
        return None


def _name() -> str:
    return f"name:{request.form.get('name', '').strip().lower()}"


def _has_failed(response: Response) -> bool:
    return response.status_code == FAILED


@bp.route("/login", methods=["GET", "POST"])
@limiter.limit("20 per minute;100 per hour", methods=["POST"], deduct_when=_has_failed)
@limiter.limit("5 per minute;30 per hour", key_func=_name, methods=["POST"], deduct_when=_has_failed)
@anyone
def log_in() -> ResponseReturnValue:
    """Ask for name and password; whoever knows them goes on to where they wanted to go."""
    form = LoginForm()
    if request.method == "GET":
        return render_template("login.html", form=form)
    user = sidecar().users.check(form.name.data, form.password.data) if form.validate() else None
    if user is None:
        problem = gettext("The name or the password is wrong.")
        return render_template("login.html", form=form, problem=problem), FAILED
    language = session.get("language")
    session.clear()  # nothing that was put here before the log-in stays
    session.permanent = True
    if language:
        session["language"] = language
    login_user(Person(user))
    return redirect(path_within(request.args.get("back", "/")))


@bp.post("/logout")
@anyone
def log_out() -> ResponseReturnValue:
    """Forget who is there."""
    logout_user()
    session.clear()
    flash(gettext("You have logged out."), "good")
    return redirect("/login")
