"""Adding an instance: its name, and from there to the page that connects its Mautic."""

import re
import unicodedata

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from sidecar.errors import UsageError
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.users import Role
from sidecar.sync.window import OVERLAP
from sidecar.web.access import at_least
from sidecar.web.app import sidecar

bp = Blueprint("new_instance_page", __name__)

_FAILED = 422


class NewInstanceForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """What people call the instance, and what addresses and commands do."""

    label = StringField(validators=[InputRequired(), Length(max=200)])
    slug = StringField(validators=[Length(max=64)])


@bp.get("/add-connection")
@at_least(Role.ADMINISTRATOR)
def ask() -> ResponseReturnValue:
    """Ask for the name."""
    _require_all_instances()
    return render_template("instance_new.html", form=NewInstanceForm(), problem="")


@bp.post("/add-connection")
@at_least(Role.ADMINISTRATOR)
def add() -> ResponseReturnValue:
    """Add the instance; its first run will read what changes from now on, and 20 minutes before."""
    _require_all_instances()
    form, app = NewInstanceForm(), sidecar()
    if not form.validate():
        problem = gettext("Give the instance a name.")
        return render_template("instance_new.html", form=form, problem=problem), _FAILED
    slug, now = (form.slug.data or "").strip() or _short(form.label.data), app.clock()
    try:
        instance = app.instances.add(slug, form.label.data, now, synced_from=now - OVERLAP)
    except UsageError as error:
        return render_template("instance_new.html", form=form, problem=f"{error.message} ({error.code})"), _FAILED
    entry = AuditEntry(current_user.name, "instance-added", now, None, instance.label, "", instance.id)
    AuditLog(app.database).add(entry)
    return redirect(url_for("mautic_page.show", slug=instance.slug))


def may_add() -> bool:
    """Tell whether this person may add instances: an administrator of all of them, or more."""
    return current_user.may(Role.ADMINISTRATOR) and current_user.user.instance_id is None


def _require_all_instances() -> None:
    if not may_add():
        abort(403)


def _short(label: str) -> str:
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64]
