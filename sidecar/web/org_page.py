"""What an instance's org must have: the check line by line, the set-up with what it would make, and the package."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm

from sidecar.errors import SetupError, SidecarError
from sidecar.orgs import check_org, keep_check, kept_check, made_parts, set_up_org, whole_package
from sidecar.salesforce.org.deploy import NOT_ALLOWED
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import Instance
from sidecar.store.users import Role
from sidecar.web.access import at_least, require_visible
from sidecar.web.app import errors_flashed, overview, sidecar
from sidecar.web.wording import Badge

bp = Blueprint("org_page", __name__)

STATUS_BADGES: Mapping[str, Badge] = {
    "ok": Badge(lazy_gettext("In order"), "good", "check-circle-fill"),
    "note": Badge(lazy_gettext("Good to know"), "calm", "pencil"),
    "fix": Badge(lazy_gettext("To put right"), "bad", "x-octagon-fill"),
    "unknown": Badge(lazy_gettext("Not visible"), "warn", "exclamation-triangle-fill"),
}
PART_NAMES: Mapping[str, Any] = {
    "object": lazy_gettext("Object"),
    "field": lazy_gettext("Field"),
    "history": lazy_gettext("Field history"),
    "permission_set": lazy_gettext("Permission set"),
    "assignment": lazy_gettext("Permission set for our user"),
}
WAITS_SECONDS = (1, 2, 4, 6)
"""A page cannot be waited for as long as a command; an unfinished deployment is taken up by the next try."""


class PlainForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """A button."""


@bp.get("/instances/<slug>/org")
@at_least(Role.VIEWER)
def show_org(slug: str) -> ResponseReturnValue:
    """Show the last check; looking anew costs calls, so it is a button."""
    view = require_visible(overview().find(slug, sidecar().clock()))
    instance = sidecar().instances.get(slug)
    return render_template(
        "org.html",
        view=view,
        check=kept_check(sidecar(), instance),
        made=made_parts(sidecar(), instance),
        form=PlainForm() if current_user.may(Role.ADMINISTRATOR) else None,
        status_badges=STATUS_BADGES,
        part_names=PART_NAMES,
        say=say,
    )


@bp.post("/instances/<slug>/org/check")
@at_least(Role.ADMINISTRATOR)
def check(slug: str) -> ResponseReturnValue:
    """Look at the org now."""
    instance = _visible(slug)
    with errors_flashed():
        keep_check(sidecar(), instance, check_org(sidecar(), instance))
    return redirect(url_for("org_page.show_org", slug=slug))


@bp.post("/instances/<slug>/org/set-up")
@at_least(Role.ADMINISTRATOR)
def set_up(slug: str) -> ResponseReturnValue:
    """Make what is missing, by our own user's rights."""
    instance = _visible(slug)
    try:
        done = set_up_org(sidecar(), instance, waits=WAITS_SECONDS)
    except SetupError as error:
        flash(f"{error.message} ({error.code})", "bad")
        if error.code == NOT_ALLOWED:
            flash(gettext("Download the package below and hand it to a Salesforce administrator."), "bad")
    except SidecarError as error:
        flash(f"{error.message} ({error.code})", "bad")
    else:
        keep_check(sidecar(), instance, done.after)
        made = [f"{part.kind} {part.name}" for part in done.made]
        entry = AuditEntry(current_user.name, "org-set-up", sidecar().clock(), None, made, "", instance.id)
        AuditLog(sidecar().database).add(entry)
        flash(gettext("%(count)s parts were made in Salesforce.", count=len(made)), "good")
    return redirect(url_for("org_page.show_org", slug=slug))


@bp.get("/instances/<slug>/org/mautic-sidecar.zip")
@at_least(Role.VIEWER)
def download(slug: str) -> ResponseReturnValue:
    """Hand out the package of the last check; without one, the package with everything."""
    instance = _visible(slug)
    kept = kept_check(sidecar(), instance)
    data = kept["package"] if kept else whole_package(sidecar(), instance)
    headers = {"Content-Disposition": 'attachment; filename="mautic-sidecar.zip"'}
    return Response(data, mimetype="application/zip", headers=headers)


def say(text: str, values: Mapping[str, Any]) -> str:
    """Say a sentence of the check in the reader's language."""
    return str(gettext(text)) % values if text else ""


def _visible(slug: str) -> Instance:
    require_visible(overview().find(slug, sidecar().clock()))
    return sidecar().instances.get(slug)
