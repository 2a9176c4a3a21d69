"""What the pages show, who may see it, and what support may change."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sidecar.bootstrap import App
from sidecar.store.audit import AuditLog
from sidecar.store.instances import Instance, InstanceState
from sidecar.store.users import Role
from sidecar.sync.model import Status
from sidecar.web import create_app
from tests.web_app import (
    NOW,
    PASSWORD,
    a_world,
    add_instance,
    add_run,
    add_user,
    an_outcome,
    counted_queries,
    log_in,
    make_app,
)

As = Callable[..., FlaskClient]


@pytest.fixture
def app(tmp_path: Path) -> App:
    return make_app(tmp_path)


@pytest.fixture
def flask(app: App) -> Flask:
    flask = create_app(app)
    flask.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    return flask


@pytest.fixture
def as_(flask: Flask, app: App) -> As:
    """as_(role) is a browser in which somebody of that role has logged in."""

    def browser(role: Role, *, instance: Instance | None = None, language: str = "en") -> FlaskClient:
        client = flask.test_client()
        log_in(
            client, add_user(app, f"{role}-{language}", role, instance_id=instance and instance.id, language=language)
        )
        return client

    return browser


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_every_page_is_closed_to_strangers_unless_it_says_otherwise(flask: Flask, app: App) -> None:
    a_world(app)
    values = {"slug": "acme", "run_id": 1, "lane": "people", "filename": "sidecar.css"}
    values |= {"record_id": "1", "contact_id": 1, "code": "unchanged", "number": 1, "name": "people"}
    open_pages = set()
    for rule in flask.url_map.iter_rules():
        _, path = rule.build({name: values[name] for name in rule.arguments}) or ("", "")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = flask.test_client().open(path, method=method)
            answer.close()
            is_refused = answer.status_code == 403 or answer.headers.get("Location", "").startswith("/login?")
            if not is_refused:
                open_pages.add(f"{method} {rule.endpoint}")
    assert open_pages == {
        "GET static",
        "GET bootstrap.static",
        "GET login_page.log_in",
        "POST login_page.log_in",
        "POST login_page.log_out",
        "POST language.choose",
        "GET health.live",
        "GET health.ready",
        "GET health.fresh",
        "POST hooks_page.mautic",
        "POST hooks_page.push",
        "GET hooks_page.contact",
    }


def test_a_view_that_forgets_to_say_who_may_see_it_is_closed_even_to_operators(flask: Flask, as_: As) -> None:
    flask.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert as_(Role.OPERATOR).get("/forgotten").status_code == 403


@pytest.mark.parametrize("word", ["Healthy", "Attention", "Blocked", "Waiting for support", "Draft"])
def test_the_home_page_says_in_a_word_how_each_instance_is(app: App, as_: As, word: str) -> None:
    instance = a_world(app)[word]
    rows = as_(Role.SUPPORT).get("/").text.split("<tr>")
    row = next(row for row in rows if f"/instances/{instance.slug}" in row)
    assert re.search(rf'class="state state-\w+"><svg.*?</svg> {word}</span>', row)


def test_the_worst_comes_first(app: App, as_: As) -> None:
    a_world(app)
    slugs = re.findall(r'href="/instances/(\w+)">', as_(Role.SUPPORT).get("/").text)
    assert slugs == ["gamma", "beta", "delta", "acme", "epsilon"]


def test_a_lane_that_is_later_than_promised_needs_attention(app: App, as_: As) -> None:
    late = add_instance(app, "late", InstanceState.ENABLED, lanes=("people",))
    add_run(app, late, at=NOW - timedelta(minutes=76))
    page = text_of(as_(Role.VIEWER), "/")
    assert "Attention" in page
    assert "Late" in page


def test_whoever_belongs_to_one_instance_sees_only_that_one(app: App, as_: As) -> None:
    world = a_world(app)
    client = as_(Role.ADMINISTRATOR, instance=world["Healthy"])
    assert "/instances/beta" not in client.get("/").text
    assert client.get("/instances/acme").status_code == 200
    assert client.get("/instances/beta").status_code == 404
    assert client.get(f"/instances/beta/runs/{3}").status_code == 404
    assert client.get("/instances/nowhere").status_code == 404


def test_the_page_of_an_instance_says_what_is_wrong_and_who_can_fix_it(app: App, as_: As) -> None:
    a_world(app)
    page = text_of(as_(Role.VIEWER), "/instances/beta")
    assert "The object is missing" in page
    assert "A Salesforce administrator can fix this" in page
    assert "not-in-picklist" in page


def test_what_is_wrong_and_what_a_code_means_are_told_in_the_language_of_the_page(app: App, as_: As) -> None:
    a_world(app)
    viewer, lectrice = as_(Role.VIEWER), as_(Role.VIEWER, language="fr")
    assert '<strong lang="en">The object is missing</strong>' in viewer.get("/instances/beta").text
    french = lectrice.get("/instances/beta").text
    assert re.search(r"<strong>L’organisation n’a pas .*</strong><br>.*The object is missing", french)
    assert "Le texte" in text_of(lectrice, "/reasons/too-long")
    assert "Qui peut agir, et comment" in text_of(lectrice, "/reasons/too-long")


def test_a_code_is_explained_by_itself_or_by_its_family_and_one_of_problems_names_who_can_act(
    app: App, as_: As
) -> None:
    a_world(app)
    viewer = as_(Role.VIEWER)
    assert "Any code of Salesforce's that is not listed" in text_of(viewer, "/reasons/salesforce-quite-new").replace(
        "&#39;", "'"
    )
    problem = text_of(viewer, "/reasons/options-differ")
    assert "A Mautic administrator can fix this" in problem
    assert "A Salesforce administrator can fix this" in problem
    assert "meanwhile" not in problem
    assert "What the sidecar does meanwhile" in text_of(viewer, "/reasons/no-identity")
    assert viewer.get("/reasons/no-such-code").status_code == 404


def test_numbers_lead_to_the_records_behind_them(app: App, as_: As) -> None:
    a_world(app)
    client = as_(Role.VIEWER)
    links = re.findall(r'href="([^"]+)">2</a>', client.get("/instances/beta").text)
    waiting = next(link for link in links if "/waiting/" in link).replace("&amp;", "&")
    assert re.findall(r"contact \d", text_of(client, waiting)) == ["contact 2", "contact 3"]


def test_a_run_counts_its_decisions_by_status_and_reason(app: App, as_: As) -> None:
    instance = add_instance(app, "acme", InstanceState.ENABLED)
    outcomes = [*(an_outcome(n) for n in range(4)), an_outcome(9, Status.HELD, "several-matches")]
    run_id = add_run(app, instance, [*outcomes, an_outcome(10, Status.SKIPPED, "unchanged")])
    client = as_(Role.VIEWER)
    page = text_of(client, f"/instances/acme/runs/{run_id}")
    assert re.search(r"4\s+Written", page)
    assert re.search(r"1\s+Held back\s+several-matches", page)
    assert "(counted, not listed)" in page
    filtered = text_of(client, f"/instances/acme/runs/{run_id}?status=held&reason=several-matches")
    assert re.findall(r"contact (\d+)", filtered) == ["9"]


def test_decisions_come_in_pages_without_gaps_or_repetition(app: App, as_: As) -> None:
    instance = add_instance(app, "acme", InstanceState.ENABLED)
    run_id = add_run(app, instance, [an_outcome(n) for n in range(120)])
    client, path, seen = as_(Role.VIEWER), f"/instances/acme/runs/{run_id}", []
    while path:
        page = client.get(path).text
        seen += re.findall(r"<td><a [^>]+>contact (\d+)</a></td>", page)
        more = re.search(r'href="([^"]+)#outcomes">More decisions', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert seen == [str(n) for n in reversed(range(120))]


@pytest.mark.parametrize("path", ["/", "/instances/acme", "/instances/acme/runs/1"])
def test_the_number_of_queries_does_not_grow_with_what_is_shown(app: App, as_: As, path: str) -> None:
    first = add_instance(app, "acme", InstanceState.ENABLED)
    add_run(app, first, [an_outcome(1)])
    client = as_(Role.SUPPORT)
    with counted_queries() as few:
        client.get(path)
    for number in range(8):
        instance = add_instance(app, f"more-{number}", InstanceState.ENABLED)
        add_run(app, instance, [an_outcome(n, Status.HELD, f"reason-{n}") for n in range(5)])
        add_run(app, first, [an_outcome(n, Status.HELD, f"reason-{n}") for n in range(5)])
    with counted_queries() as many:
        assert client.get(path).status_code == 200
    assert len(many) == len(few) <= 15


def test_support_pauses_and_resumes_for_a_reason_that_is_kept(app: App, as_: As) -> None:
    acme = a_world(app)["Healthy"]
    client = as_(Role.SUPPORT)
    client.post("/instances/acme/switch", data={"to": "pause", "reason": "quarter end"})
    assert app.instances.get("acme").state is InstanceState.PAUSED
    client.post("/instances/acme/switch", data={"to": "resume", "reason": "it is over"})
    assert app.instances.get("acme").state is InstanceState.ENABLED
    entries = AuditLog(app.database).entries(acme.id)
    assert [(entry.who, entry.what, entry.reason, entry.before, entry.after) for entry in entries] == [
        ("support-en", "instance-resume", "it is over", "paused", "enabled"),
        ("support-en", "instance-pause", "quarter end", "enabled", "paused"),
    ]


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_switched(app: App, as_: As, reason: str) -> None:
    a_world(app)
    client = as_(Role.SUPPORT)
    client.post("/instances/acme/switch", data={"to": "pause", "reason": reason})
    assert app.instances.get("acme").state is InstanceState.ENABLED
    assert "say why" in text_of(client, "/instances/acme")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMINISTRATOR])
def test_whoever_is_not_support_sees_no_switch_and_has_none(app: App, as_: As, role: Role) -> None:
    a_world(app)
    client = as_(role)
    assert "/switch" not in client.get("/instances/acme").text
    assert client.post("/instances/acme/switch", data={"to": "pause", "reason": "x"}).status_code == 403
    assert app.instances.get("acme").state is InstanceState.ENABLED


def test_support_of_one_instance_cannot_switch_another(app: App, as_: As) -> None:
    world = a_world(app)
    client = as_(Role.SUPPORT, instance=world["Healthy"])
    assert client.post("/instances/beta/switch", data={"to": "pause", "reason": "x"}).status_code == 404
    assert app.instances.get("beta").state is InstanceState.ENABLED


def test_logging_in_leads_to_the_page_that_was_asked_for(app: App, flask: Flask) -> None:
    add_user(app, "Ana", Role.VIEWER)
    a_world(app)
    client = flask.test_client()
    login = client.get("/instances/acme").headers["Location"]
    answer = client.post(login, data={"name": "ana", "password": PASSWORD})
    assert answer.headers["Location"].startswith("/instances/acme")
    assert client.get("/instances/acme").status_code == 200
    client.post("/logout")
    assert client.get("/instances/acme").status_code == 302


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere_after_logging_in(app: App, flask: Flask, back: str) -> None:
    add_user(app, "ana", Role.VIEWER)
    answer = flask.test_client().post("/login", query_string={"back": back}, data={"name": "ana", "password": PASSWORD})
    assert answer.headers["Location"] == "/"


def test_wrong_names_and_wrong_passwords_look_the_same(app: App, flask: Flask) -> None:
    add_user(app, "ana", Role.VIEWER)
    wrong = [
        {"name": "ana", "password": "not hers at all"},
        {"name": "nobody", "password": "not hers at all"},
        {"name": ""},
    ]
    answers = [flask.test_client().post("/login", data=data) for data in wrong]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    shown = [re.sub(r'value="[^"]*"', "", answer.text) for answer in answers]
    assert shown[0] == shown[1]


def test_a_session_ends_with_its_user(app: App, flask: Flask) -> None:
    client, user = flask.test_client(), add_user(app, "ana", Role.VIEWER)
    log_in(client, user)
    assert client.get("/").status_code == 200
    app.users.remove(user.id)
    assert client.get("/").status_code == 302


def test_guessing_passwords_is_slowed_down_but_knowing_them_is_not(app: App) -> None:
    flask = create_app(app)
    flask.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    add_user(app, "ana", Role.VIEWER)
    codes = [
        flask.test_client().post("/login", data={"name": "ANA ", "password": "a wrong one"}).status_code
        for _ in range(7)
    ]
    assert codes[:5] == [401] * 5
    assert codes[5:] == [429] * 2
    add_user(app, "ben", Role.VIEWER)
    knowing = [
        flask.test_client().post("/login", data={"name": "ben", "password": PASSWORD}).status_code for _ in range(8)
    ]
    assert knowing == [302] * 8


def test_forms_without_our_token_are_refused(app: App) -> None:
    flask = create_app(app)
    a_world(app)
    client = flask.test_client()
    log_in(client, add_user(app, "sup", Role.SUPPORT))
    answer = client.post("/instances/acme/switch", data={"to": "pause", "reason": "forged"})
    assert answer.status_code == 400
    assert app.instances.get("acme").state is InstanceState.ENABLED


def test_pages_may_run_no_script_and_be_framed_by_nobody(as_: As) -> None:
    answer = as_(Role.VIEWER).get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert "<script" not in answer.text
    assert not re.search(r'\b(style|on\w+)="', answer.text)
    assert answer.headers["Cache-Control"] == "no-store"


def test_nothing_is_loaded_from_elsewhere(as_: As) -> None:
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*', as_(Role.VIEWER).get("/").text) == []


def test_cookies_are_for_https_and_not_for_scripts(tmp_path: Path) -> None:
    app = make_app(tmp_path, bind="0.0.0.0:8000")
    add_user(app, "ana", Role.VIEWER)
    flask = create_app(app)
    flask.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    cookie = (
        flask.test_client()
        .post("/login", data={"name": "ana", "password": PASSWORD}, base_url="https://x")
        .headers["Set-Cookie"]
    )
    assert cookie.startswith("__Host-session=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def test_the_page_speaks_the_language_of_its_user_and_can_be_told_another(app: App, as_: As) -> None:
    client = as_(Role.VIEWER, language="fr")
    assert '<html lang="fr">' in client.get("/").text
    client.post("/language", data={"language": "en", "back": "/"})
    assert '<html lang="en">' in client.get("/").text


def test_strangers_are_greeted_in_the_language_of_their_browser(flask: Flask) -> None:
    page = flask.test_client().get("/login", headers={"Accept-Language": "fr-CH, fr;q=0.9"}).text
    assert "Se connecter" in page


def test_a_missing_page_leads_back(as_: As) -> None:
    answer = as_(Role.VIEWER).get("/nowhere")
    assert answer.status_code == 404
    assert 'href="/instances"' in answer.text
