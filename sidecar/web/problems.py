"""What is shown when a page cannot be: in words, with a way back, without anything of the inside."""

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from sidecar.errors import SetupError, TransientError

TITLES = {
    400: lazy_gettext("The form could not be used"),
    403: lazy_gettext("This page is not open to you"),
    404: lazy_gettext("There is no such page"),
    429: lazy_gettext("Too many tries"),
}
TEXTS = {
    400: lazy_gettext("Go back, load the page again and repeat what you did."),
    403: lazy_gettext("Ask someone with the right to do this."),
    404: lazy_gettext("The address may be misspelt, or belong to an instance that you do not work with."),
    429: lazy_gettext("Wait a minute, then try again."),
}


def register(app: Flask) -> None:
    """Give every kind of failure its page."""
    app.register_error_handler(HTTPException, _show)
    app.register_error_handler(CSRFError, _show)
    app.register_error_handler(TransientError, _show_unavailable)
    app.register_error_handler(SetupError, _show_unavailable)


def _show(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if code not in TITLES:
        return error.get_response()
    return _page(str(TITLES[code]), str(TEXTS[code]), code)


def _show_unavailable(error: TransientError | SetupError) -> ResponseReturnValue:
    return _page(gettext("The sidecar cannot answer now"), f"{error.message} ({error.code})", 503)


def _page(title: str, text: str, code: int) -> ResponseReturnValue:
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return {"error": title}, code
    return render_template("problem.html", title=title, text=text), code
