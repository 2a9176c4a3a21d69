"""Somebody comes in from Mautic with a signed ticket: once, within the minute, into one instance, with their rights there."""

import base64
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sidecar.bootstrap import App
from sidecar.records import Side
from sidecar.store.audit import AuditLog
from sidecar.store.instances import InstanceState
from sidecar.store.launches import Launches
from sidecar.store.users import Role
from sidecar.web import create_app
from tests.web_app import NOW, add_instance, add_user, log_in, make_app

KEY, OTHER_KEY = "k" * 64, "o" * 64


@dataclass
class Desk:
    """A deployment with two instances that are registered, and the Mautic of the first, which signs tickets."""

    app: App
    flask: Flask
    now: object = NOW
    number: int = 0

    def ticket(self, *, key: str = KEY, algorithm: str = "HS256", **changes: object) -> str:
        self.number += 1
        at = int(NOW.timestamp())
        claims = {
            "iss": "mautic", "aud": "acme", "iat": at, "exp": at + 60, "jti": f"{self.number:032x}", "sub": "7",
            "name": "Zoë Ünal", "email": "zoe@example.org", "locale": "fr", "admin": True, "edit_others": False,
            "path": "",
        }  # fmt: skip
        kept = {name: value for name, value in (claims | changes).items() if value is not ...}
        return jwt.encode(kept, key, algorithm=algorithm)

    def show(self, ticket: str, client: FlaskClient | None = None) -> TestResponse:
        """Show a ticket: in a browser of its own and from an address of its own, unless one is given."""
        self.number += 1
        address = "127.0.0.1" if client else f"10.0.{self.number // 250}.{self.number % 250}"
        client = client or self.flask.test_client()
        return client.get("/launch", query_string={"token": ticket}, environ_base={"REMOTE_ADDR": address})

    def code(self, ticket: str) -> str:
        """Return by which code a ticket is refused, or "" if it is not."""
        answer = self.show(ticket)
        found = re.search(r"\(([a-z]+(?:-[a-z]+)+)\)", answer.text) if answer.status_code == 403 else None
        assert (answer.status_code == 302) is (found is None), answer.text
        return found[1] if found else ""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_app(tmp_path)
    found: Desk
    app = App(made.settings, made.database, made.cipher, clock=lambda: found.now)
    for slug, key in (("acme", KEY), ("beta", OTHER_KEY)):
        instance = add_instance(app, slug, InstanceState.ENABLED)
        settings = {"base_url": "https://m.example", "client_id": "1_a"}
        app.connections.save(instance.id, Side.HOST, settings, {"shared_key": key})
    app.instances.add("bare", "Bare", NOW)
    flask = create_app(app)
    flask.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    found = Desk(app, flask)
    yield found
    app.database.close()


def test_a_ticket_opens_the_instance_once_at_a_clean_address_and_leaves_a_trace(desk: Desk) -> None:
    client, ticket = desk.flask.test_client(), desk.ticket()
    answer = desk.show(ticket, client)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/instances/acme")
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    page = client.get("/instances/acme").text
    assert "Zoë Ünal (Mautic)" in page
    assert '<html lang="fr">' in page
    again = desk.show(ticket)
    assert (again.status_code, "launch-used" in again.text) == (403, True)
    assert again.headers["Referrer-Policy"] == "no-referrer"
    assert ticket not in again.text
    entry = AuditLog(desk.app.database).entries(desk.app.instances.get("acme").id)[0]
    assert (entry.who, entry.what, entry.after) == (
        "Zoë Ünal (Mautic)", "launch", {"mautic_user": "7", "role": "administrator"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("contact/17", "/instances/acme/people/17"),
        ("contact/017", "/instances/acme"),
        ("contact/17/../../beta", "/instances/acme"),
        ("//evil.example", "/instances/acme"),
        ("https://evil.example", "/instances/acme"),
        (["contact/17"], "/instances/acme"),
    ],
)
def test_it_leads_to_the_instance_or_a_contact_and_nowhere_else(desk: Desk, path: object, where: str) -> None:
    assert desk.show(desk.ticket(path=path)).headers["Location"] == where


def test_no_ticket_opens_more_than_its_one_instance_whoever_had_the_browser_before(desk: Desk) -> None:
    client = desk.flask.test_client()
    log_in(client, add_user(desk.app, "ope", Role.OPERATOR))
    desk.show(desk.ticket(), client)
    assert "/instances/beta" not in client.get("/").text
    assert client.get("/instances/beta").status_code == 404
    assert client.get("/instances/acme/mautic").status_code == 200
    assert client.get("/add-connection").status_code == 403
    assert client.post("/instances/acme/switch", data={"to": "pause", "reason": "x"}).status_code == 403
    desk.show(desk.ticket(admin=False, sub="8"), client)
    assert client.get("/instances/acme/mautic").status_code == 403
    assert client.get("/instances/acme/people/17").status_code == 200
    assert client.post("/instances/acme/people/17/exclude").status_code == 403


NONE = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"none","typ":"JWT"}', b'{"aud":"acme","iss":"mautic","sub":"7","admin":true}', b"")
)
DEEP = base64.urlsafe_b64encode(b"[" * 2500).decode()


def test_what_is_not_genuine_is_refused_in_the_same_words(desk: Desk) -> None:
    at = int(NOW.timestamp())
    head, body, signature = desk.ticket().split(".")
    forged = json.dumps({"aud": "acme", "iss": "mautic", "sub": "1", "admin": True, "iat": at, "exp": at + 60})
    wrong = {
        "another instance's key": desk.ticket(key=OTHER_KEY),
        "our key for another instance": desk.ticket(aud="beta"),
        "no such instance": desk.ticket(aud="nobody"),
        "an instance without a key": desk.ticket(aud="bare"),
        "several instances": desk.ticket(aud=["acme", "beta"]),
        "another issuer": desk.ticket(iss="somebody"),
        "a longer life": desk.ticket(exp=at + 61),
        "no life": desk.ticket(exp=at),
        "a life that is no number": desk.ticket(exp=f"{at + 60}"),
        "a truth that is no truth": desk.ticket(admin="false"),
        "another kind of id": desk.ticket(jti="x"),
        "nobody's number": desk.ticket(sub="../7"),
        **{f"no {name}": desk.ticket(**{name: ...}) for name in ("iss", "aud", "iat", "exp", "jti", "sub", "admin")},
        "no algorithm": NONE,
        "another algorithm": desk.ticket(algorithm="HS512"),
        "another body": f"{head}.{base64.urlsafe_b64encode(forged.encode()).decode().rstrip('=')}.{signature}",
        "no signature": f"{head}.{body}.",
        "nothing": "",
        "much": "a" * 100_000,
        "deep": f"{DEEP}.{DEEP}.x",
        "letters of all kinds": "é.\x00.\ud7ff",
    }  # fmt: skip
    pages = {name: desk.show(ticket) for name, ticket in wrong.items()}
    assert {name: page.status_code for name, page in pages.items() if page.status_code != 403} == {}
    assert len({page.text for page in pages.values()}) == 1
    assert "launch-refused" in pages["nothing"].text
    assert "open the sidecar again from Mautic" in pages["nothing"].text


def test_it_is_good_for_a_minute_by_its_own_clock_and_for_a_clock_that_is_a_little_ahead(desk: Desk) -> None:
    moments = {-5: "", -6: "launch-expired", 0: "", 59: "", 60: "launch-expired", 3600: "launch-expired"}
    found = {}
    for seconds in moments:
        desk.now = NOW + timedelta(seconds=seconds)
        found[seconds] = desk.code(desk.ticket())
    assert found == moments


def test_of_many_who_show_the_same_ticket_at_once_one_is_let_in(desk: Desk) -> None:
    launches, instance = Launches(desk.app.database), desk.app.instances.get("acme")
    until = NOW + timedelta(seconds=60)
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda _: launches.use(instance.id, "a" * 32, until), range(16)))
    assert got.count(True) == 1
    assert launches.use(desk.app.instances.get("beta").id, "a" * 32, until)
    assert launches.prune(until) == 0
    assert launches.prune(until + timedelta(seconds=1)) == 2


def test_a_session_ends_after_eight_hours_or_with_the_key_that_opened_it(desk: Desk) -> None:
    first, second = desk.flask.test_client(), desk.flask.test_client()
    desk.show(desk.ticket(), first)
    desk.now = NOW + timedelta(hours=7, minutes=59)
    assert first.get("/instances/acme").status_code == 200
    desk.now = NOW + timedelta(hours=8)
    assert first.get("/instances/acme").headers["Location"].startswith("/login")
    desk.now = NOW
    desk.show(desk.ticket(), second)
    instance = desk.app.instances.get("acme")
    keys = {"shared_key": "n" * 40, "previous_shared_key": KEY}
    desk.app.connections.set_secrets(instance.id, Side.HOST, keys)
    assert second.get("/instances/acme").status_code == 200
    assert desk.code(desk.ticket()) == ""
    desk.app.connections.set_secrets(instance.id, Side.HOST, {"previous_shared_key": ""})
    assert second.get("/instances/acme").headers["Location"].startswith("/login")
    assert desk.code(desk.ticket()) == "launch-refused"


def test_a_user_id_in_a_cookie_does_not_turn_a_visit_into_another(desk: Desk) -> None:
    client = desk.flask.test_client()
    desk.show(desk.ticket(admin=False), client)
    with client.session_transaction() as session:
        session["_user_id"] = "mautic-2-7"
    assert client.get("/instances/acme").headers["Location"].startswith("/login")


def test_guessing_is_slowed_down_but_coming_in_is_not(desk: Desk) -> None:
    client = desk.flask.test_client()
    assert [desk.show(desk.ticket(), client).status_code for _ in range(25)] == [302] * 25
    codes = [desk.show("guess", client).status_code for _ in range(22)]
    assert codes == [403] * 20 + [429] * 2
