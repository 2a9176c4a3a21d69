"""Coming in from Mautic with a signed ticket. The session it opens is short, and belongs to one instance."""

from datetime import datetime, timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_login import login_user

from sidecar.errors import UsageError
from sidecar.launching import Visit, enter, is_key_in_use
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.users import Role, User
from sidecar.web.access import Person, anyone
from sidecar.web.app import sidecar
from sidecar.web.security import limiter

bp = Blueprint("launch_page", __name__)

VISIT_LENGTH = timedelta(hours=8)
PREFIX = "mautic-"
_VISIT = "visit"
_FAILED = 403


def _has_failed(response: Response) -> bool:
    return response.status_code == _FAILED


@bp.get("/launch")
@limiter.limit("20 per minute;100 per hour", deduct_when=_has_failed)
@anyone
def launch() -> Response:
    """Open a session for whoever shows a ticket, and send them on to an address without it."""
    try:
        visit = enter(sidecar(), request.args.get("token", ""))
    except UsageError as error:
        return _guarded(make_response(_refusal(error), _FAILED))
    _begin(visit)
    slug = visit.instance.slug
    if visit.contact_id is None:
        return _guarded(make_response(redirect(url_for("instances_page.show_instance", slug=slug))))
    return _guarded(make_response(redirect(url_for("person_page.show", slug=slug, record_id=visit.contact_id))))


def load_visitor(session_id: str) -> Person | None:
    """Return the person of a session that a ticket opened, unless it is over or its key is not in use any more."""
    kept = session.get(_VISIT)
    if not isinstance(kept, dict) or session_id != _session_id(kept):
        return None
    app = sidecar()
    if app.clock() >= datetime.fromisoformat(kept["until"]) or not is_key_in_use(app, kept["instance"], kept["key"]):
        return None
    return Person(_user(kept), session_id)


def _begin(visit: Visit) -> None:
    now = sidecar().clock()
    session.clear()  # nobody keeps more rights than the ticket gives, nor a language the last person chose
    session.permanent = True
    kept: dict[str, str | int] = {
        "instance": visit.instance.id,
        "host_user": visit.host_user,
        "name": visit.name,
        "role": (Role.ADMINISTRATOR if visit.is_administrator else Role.VIEWER).value,
        "language": visit.language,
        "since": now.isoformat(),
        "until": (now + VISIT_LENGTH).isoformat(),
        "key": visit.key_mark,
    }
    session[_VISIT] = kept
    person = Person(_user(kept), _session_id(kept))
    login_user(person)
    after = {"mautic_user": visit.host_user, "role": kept["role"]}
    AuditLog(sidecar().database).add(AuditEntry(person.name, "launch", now, None, after, "", visit.instance.id))


def _session_id(kept: dict[str, str | int]) -> str:
    return f"{PREFIX}{kept['instance']}-{kept['host_user']}"


def _user(kept: dict[str, str | int]) -> User:
    """Return the visitor as a user that is in no table."""
    return User(
        id=0,
        name=f"{kept['name']} (Mautic)",
        role=Role(str(kept["role"])),
        language=str(kept["language"]),
        instance_id=int(kept["instance"]),
        created_at=datetime.fromisoformat(str(kept["since"])),
    )


def _refusal(error: UsageError) -> str:
    text = gettext(
        "Close this tab and open the sidecar again from Mautic: each link there is good for one minute and one use."
    )
    return render_template("problem.html", title=gettext("This link cannot be used"), text=f"{text} ({error.code})")


def _guarded(response: Response) -> Response:
    """Keep the ticket in the address from being told or stored."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response
