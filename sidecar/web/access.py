"""Who may see which page. What says nothing about itself is closed to everyone."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import UserMixin, current_user

from sidecar.store.overview import InstanceView
from sidecar.store.users import Role, User

View = TypeVar("View", bound=Callable[..., Any])

RANK = (Role.VIEWER, Role.ADMINISTRATOR, Role.SUPPORT, Role.OPERATOR)
"""From least to most: each may do what those before it may."""

OPEN_ENDPOINTS = frozenset({"static", "bootstrap.static"})
"""Views of others, which cannot carry our mark: style sheets."""


class Person(UserMixin):  # type: ignore[misc]  # flask_login has no types
    """Someone who has logged in, or came in from Mautic: then `session_id` names the session, as there is no row of a user."""

    def __init__(self, user: User, session_id: str | None = None) -> None:
        self.user = user
        self.session_id = session_id or str(user.id)
        self.name = user.name
        self.language = user.language

    def get_id(self) -> str:
        """Return what the session remembers."""
        return self.session_id

    def may(self, role: Role) -> bool:
        """Tell whether the person has this role or a greater one."""
        return RANK.index(self.user.role) >= RANK.index(role)

    def may_see(self, instance_id: int) -> bool:
        """Tell whether the instance is among those the person works with."""
        return self.user.instance_id in (None, instance_id)


def anyone(view: View) -> View:
    """Open a view to everyone, logged in or not."""
    view.needed_role = None  # type: ignore[attr-defined]  # a function takes any attribute
    return view


def at_least(role: Role) -> Callable[[View], View]:
    """Open a view to people of this role or a greater one."""

    def mark(view: View) -> View:
        view.needed_role = role  # type: ignore[attr-defined]  # a function takes any attribute
        return view

    return mark


def check_access() -> ResponseReturnValue | None:
    """Let a request pass, ask for a log-in, or refuse. Runs before every view."""
    if request.endpoint is None or request.endpoint in OPEN_ENDPOINTS:
        return None
    view = current_app.view_functions[request.endpoint]
    if not hasattr(view, "needed_role"):
        abort(403)
    if view.needed_role is None:
        return None
    if not current_user.is_authenticated:
        return redirect(
            url_for("login_page.log_in", back=request.full_path.rstrip("?") if request.method == "GET" else "/")
        )
    if not current_user.may(view.needed_role):
        abort(403)
    return None


def require_visible(view: InstanceView | None) -> InstanceView:
    """Return the instance, or answer 404 both if there is none and if it is not this person's to see."""
    if view is None or not current_user.may_see(view.id):
        abort(404)
    return view
