"""The page of a person, and what the tab inside Mautic is told: how they stand, why, and what may be done by hand."""

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale

from sidecar import slots
from sidecar.people import PersonState, Standing, standing_of
from sidecar.records import Ref, Side
from sidecar.store.audit import AuditLog
from sidecar.store.instances import InstanceState
from sidecar.store.people import PersonFacts, WaitingHere
from sidecar.store.pushes import Push, PushState, PushWish
from sidecar.store.users import Role
from sidecar.sync.model import Link, LinkState, Reaction
from sidecar.web import create_app, hooks_page
from sidecar.web.person_wording import sentence_of
from tests.web_app import NOW, add_user, counted_queries, log_in
from tests.world import World, make_world

KEY = "k" * 40
PEOPLE = "/instances/acme/people"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    found = make_world()
    app, instance = found.app, found.instance
    app.instances.set_state(instance.id, InstanceState.ENABLED)
    app.schedules.switch(instance.id, "people", by_customer=True, by_support=True)
    app.connections.set_secrets(instance.id, Side.HOST, {"shared_key": KEY})
    for name, role in (("ada", Role.ADMINISTRATOR), ("vue", Role.VIEWER)):
        add_user(app, name, role)
    for _ in range(2):
        found.org.insert("Lead", {"LastName": "Twin", "Company": "-", "Email": "twin@example.org"})
    found.activate()
    yield found
    found.close()


@pytest.fixture(scope="module")
def flask(world: World) -> Flask:
    made = create_app(world.app)
    made.config.update(WTF_CSRF_ENABLED=False, HOOKS_IN_BACKGROUND=False)
    return made


@pytest.fixture
def as_(world: World, flask: Flask):
    def browser(name: str) -> FlaskClient:
        client = flask.test_client()
        log_in(client, next(user for user in world.app.users.list() if user.name == name))
        return client

    return browser


@pytest.fixture
def ana(world: World) -> tuple[int, str]:
    """Somebody new who is linked, and whose first name then differs on both sides."""
    email = f"ana.priv{len(world.host.contacts())}@example.org"
    contact, lead = world.link_person(email, firstname="Ana", lastname="Privat", company="Old")
    world.host.edit_contact(contact, {"firstname": "Anna"})
    return contact, lead


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def calls(world: World) -> int:
    return sum(hour.calls for hour in world.app.budgets.calls(world.instance.id, world.now).hours)


def test_what_is_stored_is_shown_at_once_and_values_only_on_the_button(world, as_, ana, caplog):
    contact, lead = ana
    viewer = as_("vue")
    before = calls(world)
    with caplog.at_level(logging.DEBUG):
        page = viewer.get(f"{PEOPLE}/{contact}")
        assert calls(world) == before
        assert "Kept in step" in words(page.text)
        assert f'href="http://127.0.0.1:8001/s/contacts/view/{contact}"' in page.text
        assert f'/{lead}"' in page.text
        assert "new-in-host" in page.text
        assert "Privat" not in page.text
        live = viewer.post(f"{PEOPLE}/{contact}")
    assert live.headers["Cache-Control"] == "no-store"
    row = words(live.text[live.text.index("firstname ↔ FirstName") :])
    told = r"firstname ↔ FirstName Anna Ana changed in Mautic since .*? is written changed-in-host"
    assert re.match(told, row), row[:200]
    assert "cannot be followed" not in live.text  # a field that is only warned of travels
    assert calls(world) > before
    assert not any("Privat" in record.getMessage() or "ana.priv" in record.getMessage() for record in caplog.records)
    assert viewer.get(f"{PEOPLE}/{lead[:15]}").headers["Location"] == f"{PEOPLE}/{contact}"
    code = re.search(r'href="(/reasons/changed-in-host)"', live.text)[1]
    assert "value changed, and it may travel" in words(viewer.get(code).text)
    assert viewer.get("/reasons/no-such-code").status_code == 404


def test_somebody_is_found_by_address_or_either_id_and_the_address_stays_out_of_every_url(world, as_, ana):
    contact, lead = ana
    viewer, before = as_("vue"), calls(world)

    def found(text):
        answer = viewer.post(PEOPLE, data={"person": text})
        return answer.headers.get("Location") or words(answer.text)

    address = world.host.contact(contact)["email"]
    assert found(f" {address.title()} ") == f"{PEOPLE}/{contact}"
    assert found(str(contact)) == f"{PEOPLE}/{contact}"
    assert found(lead) == f"{PEOPLE}/{lead}"
    assert calls(world) == before
    alone = world.org.insert("Lead", {"LastName": "Alone", "Company": "-", "Email": "alone@example.org"})
    assert found("alone@example.org") == f"{PEOPLE}/{alone}"
    assert "Not linked" in words(viewer.get(f"{PEOPLE}/{alone}").text)
    assert "no-such-person" in found("nobody@example.org")
    assert "person-unreadable" in found("what?")
    assert viewer.get(f"{PEOPLE}/701000000000001").status_code == 404


def test_an_administrator_stops_and_resumes_a_person_and_asks_for_a_run(world, as_, ana, monkeypatch):
    contact, _ = ana
    queued: list = []
    monkeypatch.setattr(slots, "enqueue", lambda job, *args, **_: queued.append(job) or True)
    page, ada, vue = f"{PEOPLE}/{contact}", as_("ada"), as_("vue")
    for act in ("sync", "exclude", "include", "push"):
        assert vue.post(f"{page}/{act}").status_code == 403
    assert "Stop syncing" not in vue.get(page).text

    told = words(ada.post(f"{page}/exclude", follow_redirects=True).text)
    assert "left alone from now on" in told
    assert "Left out by hand" in words(vue.get(page).text)
    assert f"contact {contact}" in words(vue.get(PEOPLE).text)
    world.hourly()
    assert world.twin(contact)["FirstName"] == "Ana"

    assert "takes part again" in words(ada.post(f"{page}/include", follow_redirects=True).text)
    world.hourly()
    assert world.twin(contact)["FirstName"] == "Anna"

    world.later(minutes=10)
    world.app.schedules.claim_due(world.now)
    assert "within seconds" in words(ada.post(f"{page}/sync", follow_redirects=True).text)
    assert "asked-for" in ada.get(page).text
    world.later(seconds=10)
    hooks = ada.application.extensions["hooks"]
    hooks.intake.work_off()
    assert queued == ["jobs.sync.sync_people"]
    entries = AuditLog(world.app.database).entries(world.instance.id, limit=2)
    assert [(each.who, each.what, each.after) for each in entries] == [
        ("ada", "person-included", f"contact {contact}"),
        ("ada", "person-excluded", f"contact {contact}"),
    ]


def test_who_is_not_in_salesforce_is_pushed_as_what_was_chosen(world, as_):
    world.change_document(lambda document: document.setdefault("push", {}).update(required=True))
    contact = world.host.create_contact({"email": "bo@example.org", "lastname": "Bo"})
    world.hourly()
    page, ada = f"{PEOPLE}/{contact}", as_("ada")
    shown = words(ada.get(page).text)
    assert "nobody pushed this one" in shown
    assert "Push to Salesforce as what the mapping says Contact Lead" in shown
    assert ada.post(f"{page}/push", data={"as": "Account"}).status_code == 400
    assert "pushed in the next run" in words(ada.post(f"{page}/push", data={"as": "Lead"}, follow_redirects=True).text)
    world.hourly()
    shown = words(ada.get(page).text)
    assert "Kept in step" in shown
    assert re.search(r"Last push done", shown)
    world.change_document(lambda document: document.setdefault("push", {}).update(required=False))


def ask(
    flask: Flask,
    contact: object,
    at: int,
    *,
    key: str = KEY,
    path: str = "/hooks/acme/contact/{}?at={}",
    sign: str = "",
):
    question = path.format(contact, at)
    signed = (sign or "GET {}").format(question).encode()
    signature = base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()
    address = {"REMOTE_ADDR": f"10.1.{ask.count // 200}.{ask.count % 200}"}
    ask.count += 1
    return flask.test_client().get(question, headers={"Webhook-Signature": signature}, environ_base=address)


ask.count = 0


def test_the_tab_is_told_what_is_stored_in_both_languages(world, flask, ana):
    contact, lead = ana
    settings = world.app.connections.load(world.instance.id, Side.SALESFORCE).settings
    now, before = int(world.now.timestamp()), calls(world)
    hooks_page.init_app(flask, world.app)
    with counted_queries() as few:
        answer = ask(flask, contact, now)
    assert len([each for each in few if each.startswith("SELECT")]) <= 18
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert set(answer.json) == {
        "state", "record_url", "record", "last_synced_at", "reason", "sentence", "waiting_for",
    }  # fmt: skip
    assert (answer.json["state"], answer.json["record"]) == ("linked", f"Lead {lead}")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.json["last_synced_at"])
    assert answer.json["record_url"] is None  # a sandbox at http://127.0.0.1 is no place to send people to
    assert answer.json["sentence"] == {
        "en": "This person is kept in step with Salesforce.",
        "fr": "Cette personne est tenue en accord avec Salesforce.",
    }
    nameless = world.host.create_contact({"firstname": "Nobody"})
    twin = world.host.create_contact({"email": "twin@example.org", "lastname": "Twin"})
    world.hourly()
    now = int(world.now.timestamp())
    told = ask(flask, nameless, now).json
    assert (told["state"], told["reason"], told["waiting_for"]) == ("unknown", "no-identity", None)
    assert "Without an e-mail address" in told["sentence"]["en"]
    told = ask(flask, twin, now).json
    assert (told["state"], told["reason"]) == ("waiting", "ambiguous-match")
    assert set(told["waiting_for"]) == {"en", "fr"}
    assert ask(flask, 999_999, now).json["state"] == "unknown"
    live = {"login_url": "https://acme.my.salesforce.com", "flow": "client_credentials", "client_id": "sidecar"}
    world.app.connections.save(world.instance.id, Side.SALESFORCE, live)
    assert ask(flask, contact, now).json["record_url"] == f"https://acme.my.salesforce.com/{lead}"
    world.app.connections.save(world.instance.id, Side.SALESFORCE, settings)
    assert before <= calls(world)


def test_how_somebody_stands_is_told_from_their_side_and_every_reason_in_words(flask):
    with flask.test_request_context(headers={"Accept-Language": "en"}):
        waiting = Standing(PersonState.WAITING, "another-is-preferred", Reaction.PERSON)
        assert sentence_of(waiting, Side.SALESFORCE).startswith("This person is not in Mautic yet. Another record")
        assert sentence_of(waiting, Side.HOST).startswith("This person is not in Salesforce yet.")
        held = Standing(PersonState.LINKED, "too-long", Reaction.DATA)
        assert "The text is longer than its target" in sentence_of(held, Side.HOST)
        assert "<" not in sentence_of(held, Side.HOST)
        with force_locale("fr"):
            assert "Le texte est plus long que sa cible" in sentence_of(held, Side.HOST)


def test_a_question_is_answered_only_to_the_bundle_and_only_for_a_minute(world, flask, ana):
    contact, _ = ana
    now = int(world.now.timestamp())
    assert [ask(flask, contact, now + off).status_code for off in (-60, 60)] == [200, 200]
    refused = [
        ask(flask, contact, now - 61),
        ask(flask, contact, now + 61),
        ask(flask, contact, now, key="x" * 40),
        ask(flask, contact, now, sign="POST {}"),
        ask(flask, contact, now, path="/hooks/nobody/contact/{}?at={}"),
        ask(flask, contact, "soon"),
        ask(flask, contact, "٣"),
        flask.test_client().get(f"/hooks/acme/contact/{contact}?at={now}"),
    ]
    assert {(each.status_code, each.get_data(as_text=True).strip()) for each in refused} == {
        (401, '{"error":"hook-refused"}')
    }


CONTACT, LEAD = Ref("contact", "1"), Ref("Lead", "00Q000000000001AAA")


def waits(reason: str, waits_for: Reaction | None) -> tuple[WaitingHere, ...]:
    return (WaitingHere(Side.HOST, reason, waits_for, 0, None),)


def pushed(state: PushState, reason: str | None) -> Push:
    return Push(1, PushWish(CONTACT), state, reason, NOW, None)


@pytest.mark.parametrize(
    ("known", "state", "reason"),
    [
        ({}, PersonState.UNKNOWN, None),
        ({"link": Link(CONTACT, LEAD)}, PersonState.LINKED, None),
        ({"link": Link(CONTACT, LEAD), "waiting": waits("webhook", None)}, PersonState.LINKED, None),
        ({"link": Link(CONTACT, LEAD), "waiting": waits("conflict-held", Reaction.PERSON)}, PersonState.LINKED, "conflict-held"),
        ({"link": Link(CONTACT, LEAD, LinkState.DELETED_IN_SALESFORCE)}, PersonState.UNKNOWN, "deleted-in-salesforce"),
        ({"push": pushed(PushState.WAITING, None)}, PersonState.WAITING, "pushed"),
        ({"push": pushed(PushState.REFUSED, "no-identity")}, PersonState.UNKNOWN, "no-identity"),
        ({"waiting": waits("out-of-scope", Reaction.RULES)}, PersonState.UNKNOWN, "out-of-scope"),
        ({"waiting": waits("no-identity", Reaction.DATA)}, PersonState.WAITING, "no-identity"),
    ],
)  # fmt: skip
def test_how_a_person_stands_follows_from_what_is_stored(known, state, reason):
    standing = standing_of(PersonFacts(Side.HOST, CONTACT, **known))
    assert (standing.state, standing.reason) == (state, reason)
