"""The page that connects an org: who may, what it shows, and the way to Salesforce and back."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sidecar.bootstrap import App
from sidecar.records import Side
from sidecar.sandbox.org import Org
from sidecar.store.audit import AuditLog
from sidecar.store.connections import ConnectionState
from sidecar.store.instances import InstanceState
from sidecar.store.users import Role
from sidecar.web import create_app
from tests.sign_in_person import press
from tests.web_app import NOW, add_instance, add_user, log_in, make_app
from tests.wsgi import serve

CALLBACK = "http://localhost/oauth/salesforce/callback"
PAGE = "/instances/acme/connect"


@pytest.fixture
def app(tmp_path) -> App:
    app = make_app(tmp_path)
    add_instance(app, "acme", InstanceState.ENABLED)
    return app


@pytest.fixture
def flask(app: App) -> Flask:
    flask = create_app(app)
    flask.config["WTF_CSRF_ENABLED"] = False
    return flask


@pytest.fixture
def client(app: App, flask: Flask) -> FlaskClient:
    client = flask.test_client()
    log_in(client, add_user(app, "op", Role.OPERATOR))
    return client


@pytest.fixture
def org() -> Iterator[Org]:
    org = Org()
    org.clock.set(NOW)
    org.add_client("web", "web secret", redirect_uri=CALLBACK, rotates=True)
    yield org
    org.close()


@pytest.fixture
def org_url(org: Org) -> Iterator[str]:
    with serve(org.app) as url:
        yield url


def form(org_url: str, **changes: str) -> dict[str, str]:
    return {
        "environment": "my_domain",
        "my_domain": org_url,
        "client_id": "web",
        "client_secret": "web secret",
    } | changes


def go(client: FlaskClient, org_url: str, **changes: str) -> str:
    """Press the button; return the address of Salesforce's page."""
    page = client.post(PAGE, data=form(org_url, **changes))
    assert page.status_code == 200, page.text
    return unescape(re.search(r'<a class="btn btn-primary[^"]*" href="([^"]+)"', page.text)[1])


def come_back(client: FlaskClient, address: str):
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}", follow_redirects=True)


def saved(app: App):
    return app.connections.load(app.instances.get("acme").id, Side.SALESFORCE)


def test_signing_in_at_salesforce_connects_the_instance_and_shows_the_report(app, client, org, org_url):
    page = come_back(client, press(go(client, org_url)))
    assert "Salesforce is connected." in page.text
    assert "signed in, " in page.text
    known = saved(app)
    assert (known.state, known.settings["flow"]) == (ConnectionState.WORKING, "web_server")
    assert known.secret_names == {"client_secret", "refresh_token", "previous_refresh_token"}  # the check rotated it
    assert "web secret" not in page.text
    [entry] = AuditLog(app.database).entries(app.instances.get("acme").id)
    assert (entry.who, entry.what) == ("op", "salesforce-connected")
    assert "web secret" not in str(entry)


def test_the_request_carries_a_challenge_and_the_scopes_and_no_secret(client, org_url):
    url = go(client, org_url)
    asked = {name: texts[0] for name, texts in parse_qs(urlsplit(url).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "api refresh_token"
    assert asked["redirect_uri"] == CALLBACK
    assert len(asked["state"]) >= 32
    assert "secret" not in url


def test_production_and_sandbox_have_their_own_address(client):
    for choice, host in (("production", "login.salesforce.com"), ("sandbox", "test.salesforce.com")):
        assert urlsplit(go(client, "", environment=choice)).hostname == host


def test_the_state_and_verifier_are_not_readable_in_the_database(app, client, org_url):
    from sqlalchemy import select

    from sidecar.store.tables import sign_ins

    state = parse_qs(urlsplit(go(client, org_url)).query)["state"][0]
    with app.database.read() as connection:
        [row] = connection.execute(select(sign_ins)).all()
    assert state not in str(row)
    assert "web secret" not in str(row)


def refused(page) -> bool:
    return "sign-in-unknown" in page.text


def test_a_callback_counts_once(client, org_url):
    address = press(go(client, org_url))
    assert not refused(come_back(client, address))
    assert refused(come_back(client, address))


def test_a_callback_counts_only_in_the_session_that_began(app, flask, client, org_url):
    address = press(go(client, org_url))
    again = flask.test_client()  # the same person, somewhere else: a forged link would arrive like this
    log_in(again, app.users.get("op"))
    assert refused(come_back(again, address))
    assert saved(app) is None


def test_a_callback_counts_for_ten_minutes(tmp_path, app, org_url):
    from datetime import timedelta

    moments = [NOW]
    late = App(app.settings, app.database, app.cipher, clock=lambda: moments[0])
    flask = create_app(late)
    flask.config["WTF_CSRF_ENABLED"] = False
    client = flask.test_client()
    log_in(client, add_user(app, "op", Role.OPERATOR))
    address = press(go(client, org_url))
    moments[0] = NOW + timedelta(minutes=10, seconds=1)
    assert refused(come_back(client, address))


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=made-up", "?error=access_denied&state=made-up"])
def test_a_made_up_callback_changes_nothing(app, client, query):
    page = client.get(f"/oauth/salesforce/callback{query}", follow_redirects=True)
    assert refused(page)
    assert saved(app) is None


def test_a_person_who_presses_deny_is_told_who_can_allow_it(app, client, org_url):
    page = come_back(client, press(go(client, org_url), "deny"))
    assert "salesforce-access-denied" in page.text
    assert saved(app) is None


def test_a_wrong_secret_leaves_the_present_connection_as_it_is(app, client, org_url):
    come_back(client, press(go(client, org_url)))
    page = come_back(client, press(go(client, org_url, client_secret="wrong")))
    assert "salesforce-client-refused" in page.text
    assert saved(app).state is ConnectionState.WORKING


def test_an_empty_secret_keeps_the_stored_one_for_the_same_app(client, org_url):
    come_back(client, press(go(client, org_url)))
    page = come_back(client, press(go(client, org_url, client_secret="")))
    assert "Salesforce is connected." in page.text


def test_a_stored_secret_is_not_sent_for_another_app(app, client, org, org_url):
    org.add_client("other", "", redirect_uri=CALLBACK)
    come_back(client, press(go(client, org_url)))
    come_back(client, press(go(client, org_url, client_id="other", client_secret="")))
    instance_id = app.instances.get("acme").id
    assert "client_secret" not in app.connections.load_secrets(instance_id, Side.SALESFORCE)


def test_a_blocked_instance_goes_on_once_it_is_connected_again(app, client, org, org_url):
    come_back(client, press(go(client, org_url)))
    app.instances.block(app.instances.get("acme").id)
    org.revoke_tokens()
    come_back(client, press(go(client, org_url)))
    assert app.instances.get("acme").state is InstanceState.ENABLED


def test_check_again_shows_what_is_wrong_now(client, org, org_url):
    come_back(client, press(go(client, org_url)))
    org.revoke_tokens()
    page = client.post(f"{PAGE}/check", follow_redirects=True)
    assert "salesforce-sign-in-expired" in page.text
    assert "Does not work" in page.text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"my_domain": "https://evil.example.com"}, "salesforce-address-not-allowed"),
        ({"my_domain": ""}, "environment-unclear"),
    ],
)
def test_an_address_that_cannot_be_is_told_beside_the_form(client, changes, code):
    page = client.post(PAGE, data=form("", **changes))
    assert page.status_code == 422
    assert code in page.text


def test_only_an_operator_may_point_at_this_very_machine(app, flask, org_url):
    client = flask.test_client()
    log_in(client, add_user(app, "adm", Role.ADMINISTRATOR, instance_id=app.instances.get("acme").id))
    assert "salesforce-address-not-allowed" in client.post(PAGE, data=form(org_url)).text
    assert client.get(PAGE).status_code == 200


def test_a_viewer_may_not_and_an_administrator_of_another_instance_sees_nothing(app, flask):
    other = app.instances.add("beta", "Beta", NOW)
    for name, role, instance_id, status in (
        ("view", Role.VIEWER, None, 403),
        ("adm", Role.ADMINISTRATOR, other.id, 404),
    ):
        client = flask.test_client()
        log_in(client, add_user(app, name, role, instance_id=instance_id))
        assert client.get(PAGE).status_code == status
        assert client.post(PAGE, data=form("")).status_code == status


def test_the_callback_url_is_there_to_copy_and_no_secret_is(app, client, org_url):
    come_back(client, press(go(client, org_url)))
    page = client.get(PAGE)
    assert re.search(rf'<input[^>]*value="{CALLBACK}" readonly', page.text)
    assert "web secret" not in page.text
    for token in app.connections.load_secrets(app.instances.get("acme").id, Side.SALESFORCE).values():
        assert token not in page.text


def test_an_app_that_does_not_ask_for_pkce_is_connected_too(client, org, org_url):
    org.add_client("web", "web secret", redirect_uri=CALLBACK, needs_pkce=False)
    assert "Salesforce is connected." in come_back(client, press(go(client, org_url))).text


def test_a_connection_that_works_has_its_check_mark(client, org_url):
    come_back(client, press(go(client, org_url)))
    page = client.get(PAGE).text
    assert re.search(r'state-good"><svg[^>]*><use href="#check-circle-fill"></use></svg> Connected<', page)


def test_a_sandbox_that_answers_for_production_is_named(app, client, monkeypatch):
    from sidecar.salesforce import web_server

    class Stub:
        def __init__(self, *_):
            pass

        def fetch(self, *_, **__):
            return {
                "access_token": "a",
                "refresh_token": "r",
                "instance_url": "https://acme--qa.sandbox.my.salesforce.com",
            }

    monkeypatch.setattr(web_server, "TokenEndpoint", Stub)
    state = parse_qs(urlsplit(go(client, "", environment="production")).query)["state"][0]
    page = client.get(f"/oauth/salesforce/callback?code=c&state={state}", follow_redirects=True)
    assert "salesforce-wrong-environment" in page.text
    assert saved(app) is None
