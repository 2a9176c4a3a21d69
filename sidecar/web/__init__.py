"""The pages: server-rendered, usable without scripts, in English and French. Start here: this is the table of contents.

`gunicorn 'sidecar.web:create_app()'`. Nothing connects before the first request.
"""

from pathlib import Path

from flask import Flask
from flask_bootstrap import Bootstrap5

from sidecar.bootstrap import App, bootstrap
from sidecar.config import Settings
from sidecar.logs import configure_logs
from sidecar.web import (
    access,
    budget_page,
    connect_page,
    explanations,
    health,
    hooks_page,
    instances_page,
    language,
    launch_page,
    login_page,
    mapping_page,
    mapping_pair_page,
    mapping_scope_page,
    mautic_page,
    new_instance_page,
    org_page,
    person_page,
    problems,
    reasons_page,
    runs_page,
    security,
    wording,
)
from sidecar.web.icons import icon, load_sprite

FOLDER = Path(__file__).parent


def create_app(app: App | Settings | None = None) -> Flask:
    """Make the web application of a deployment."""
    sidecar = app if isinstance(app, App) else bootstrap(app)
    if app is None:
        configure_logs(sidecar.settings)  # a process of its own; otherwise logs are the caller's business
    flask = Flask(__name__)
    flask.extensions["sidecar"] = sidecar
    flask.config.update(BOOTSTRAP_SERVE_LOCAL=True, BABEL_TRANSLATION_DIRECTORIES=str(FOLDER / "translations"))
    security.secure(flask, sidecar.settings)
    Bootstrap5(flask)
    language.babel.init_app(flask, locale_selector=language.select_language)
    login_page.login_manager.init_app(flask)
    flask.before_request(access.check_access)
    for page in (
        instances_page,
        budget_page,
        connect_page,
        mapping_page,
        mapping_pair_page,
        mapping_scope_page,
        mautic_page,
        new_instance_page,
        org_page,
        runs_page,
        person_page,
        reasons_page,
        login_page,
        launch_page,
        language,
        health,
        hooks_page,
    ):
        flask.register_blueprint(page.bp)
    hooks_page.init_app(flask, sidecar)
    problems.register(flask)
    flask.jinja_env.globals.update(
        icon=icon, icon_sprite=load_sprite(), get_locale=language.current_locale, languages=language.LANGUAGES,
        explain=explanations.explain, **wording.TEMPLATE_NAMES,
    )  # fmt: skip
    return flask
