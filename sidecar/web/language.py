"""Which language a page speaks: the one the person chose, else the best of what the browser asks for."""

from flask import Blueprint, Response, redirect, request, session
from flask_babel import Babel, Locale, get_locale
from flask_login import current_user

from sidecar.web.access import anyone

LANGUAGES = {"en": "English", "fr": "Français"}

babel = Babel()
bp = Blueprint("language", __name__)


def select_language() -> str:
    """Return the language of this request."""
    chosen = session.get("language") or getattr(current_user, "language", None)
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(list(LANGUAGES), "en")


@bp.post("/language")
@anyone
def choose() -> Response:
    """Speak another language from now on, on the page the person came from."""
    if request.form.get("language") in LANGUAGES:
        session["language"] = request.form["language"]
    return redirect(path_within(request.form.get("back", "/")))  # type: ignore[return-value]  # werkzeug's response is Flask's


def path_within(text: str) -> str:
    """Return the text if it is a path of ours, else the home page: nobody is sent elsewhere by a forged link."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if is_ours else "/"


def current_locale() -> Locale:
    """Return the locale of this request."""
    locale = get_locale()
    return locale if locale is not None else Locale("en")
