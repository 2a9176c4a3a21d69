"""What Mautic calls by itself becomes hints, wishes and one early run; whoever cannot prove to be Mautic is told nothing."""

import json
import logging
import tempfile
from datetime import timedelta
from functools import cache

import pytest

from sidecar import slots
from sidecar.bootstrap import App
from sidecar.config import Settings
from sidecar.errors import TransientError
from sidecar.hooks import doors
from sidecar.hooks.intake import PushOrder
from sidecar.records import Ref, Side
from sidecar.store.host_events import HostEvents
from sidecar.store.instances import InstanceState
from sidecar.store.outbox import Outbox
from sidecar.store.pushes import Pushes
from sidecar.web import create_app, hooks_page
from tests.recorded_hooks import SECRET, as_sent, recorded_deliveries, signed
from tests.web_app import NOW, counted_queries, make_app
from tests.world import make_world

SHARED, PUSH = "the bundle's key", "the campaigns' key"
OURS = "1"
NOWHERE = "sqlite:////nowhere/at/all"


class Queue:
    """Takes jobs, until it is broken."""

    def __init__(self):
        self.jobs = []
        self.is_broken = False

    def enqueue(self, job, *args, job_id, settings, unless_waiting):
        if self.is_broken:
            raise TransientError("The queue does not answer", code="queue-unreachable")
        self.jobs.append((job, *args))
        return True


class Small:
    """A deployment without anything around it, with an instance that is connected; its clock goes when it is told to."""

    def __init__(self, home):
        self.now = NOW
        made = make_app(home)
        self.app = App(made.settings, made.database, made.cipher, clock=lambda: self.now)
        self.instance = self.app.instances.add("acme", "Acme", NOW)
        settings = {"base_url": "http://127.0.0.1:1", "client_id": f"{OURS}_abc"}
        self.app.connections.save(self.instance.id, Side.HOST, settings, {"database_url": NOWHERE})

    def later(self, **span):
        self.now += timedelta(**span)
        return self.now

    def close(self):
        self.app.database.close()


@cache
def web():
    """One web application for all tests: it is the same for every deployment, and making one takes long."""
    flask = create_app(Settings(home=tempfile.mkdtemp(prefix="sidecar-web-")))
    flask.config["HOOKS_IN_BACKGROUND"] = False
    return flask


class Lab:
    """A world whose Mautic calls our pages; what came in is worked off when the test says so."""

    def __init__(self, world, queue):
        self.world, self.queue, self.flask = world, queue, web()
        app, instance = world.app, world.instance
        known = app.connections.load(instance.id, Side.HOST).settings
        keys = {"hook_secret": SECRET, "shared_key": SHARED, "push_key": PUSH}
        app.connections.save(instance.id, Side.HOST, known, keys)
        app.instances.set_state(instance.id, InstanceState.ENABLED)
        app.schedules.switch(instance.id, "people", by_customer=True, by_support=True)
        self.hooks = self.new_process()
        world.later(minutes=10)
        app.schedules.claim_due(world.now)

    def new_process(self):
        """Begin with nothing but the database, as another web process does; return what the one before it shared."""
        self.flask.extensions["sidecar"] = self.world.app
        hooks_page.init_app(self.flask, self.world.app)
        return self.flask.extensions["hooks"]

    def post(self, path, body, *, slug="acme", client=None, **headers):
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        client = client or self.flask.test_client()
        return client.post(f"/hooks/{slug}/{path}", data=body, headers=names)

    def tell(self, document, path="mautic", secret=SECRET, **options):
        body = document if isinstance(document, bytes) else as_sent(document)
        return self.post(path, body, Webhook_Signature=signed(body, secret), **options)

    def saved(self, *ids, who=None, number=7):
        """Tell of saved contacts."""
        save = {"modifiedBy": None if who else number, "modifiedByUser": who or "Ana"}
        items = [{"contact": {"id": each, **save}, "timestamp": self.world.now.isoformat()} for each in ids]
        return self.tell({"mautic.lead_post_save_update": items})

    def order(self, key=PUSH, **wish):
        return self.post("push", json.dumps(wish).encode(), Authorization=f"Bearer {key}")

    def work_off(self):
        return self.hooks.intake.work_off()

    def hints(self):
        return Outbox(self.world.app.database).counts(self.world.instance.id, "people").get("", 0)

    def pushes(self):
        return [each.wish for each in Pushes(self.world.app.database).waiting(self.world.instance.id)]

    @property
    def next_run_at(self):
        return self.world.app.schedules.get(self.world.instance.id, "people").next_run_at


@pytest.fixture
def queue(monkeypatch):
    queue = Queue()
    monkeypatch.setattr(slots, "enqueue", queue.enqueue)
    return queue


@pytest.fixture
def lab(queue, tmp_path):
    small = Small(tmp_path / "home")
    yield Lab(small, queue)
    small.close()


@pytest.fixture
def wide(queue):
    """The same with a Mautic and an org around it."""
    world = make_world()
    yield Lab(world, queue)
    world.close()


RUN = ("jobs.sync.sync_people", 1, "webhook")


def test_recorded_deliveries_are_taken_once_and_hinted_once(wide):
    wide.world.later(days=(recorded_moment() - wide.world.now).days + 1)
    for each in recorded_deliveries():
        answer = wide.post("mautic", each.body, Webhook_Signature=each.signature)
        assert (answer.status_code, answer.get_json()["status"]) == (200, "ok"), each.action
    wide.work_off()
    told = {
        str(item.get("id") or item["contact"]["id"])
        for each in recorded_deliveries()
        for trigger, items in each.parsed.items()
        for item in items
        if trigger.startswith("mautic.lead_")
    }
    assert wide.hints() == len(told) > 10
    wide.world.sync()
    for each in recorded_deliveries():
        assert wide.post("mautic", each.body, Webhook_Signature=each.signature).status_code == 200
    before = wide.hints()
    wide.work_off()
    assert wide.hints() == before == 0


def recorded_moment():
    from sidecar.hosts.mautic.webhooks import parse_delivery

    return max(hint.at for each in recorded_deliveries() for hint in parse_delivery(each.body))


def test_an_edit_is_in_the_org_seconds_later_without_a_tick(wide):
    world = wide.world
    contact, _ = world.link_person()
    world.later(minutes=10)
    world.app.schedules.claim_due(world.now)
    world.host.edit_contact(contact, {"position": "Captain"})
    wide.saved(contact)
    assert wide.work_off() == wide.next_run_at == world.now + timedelta(seconds=10)
    assert wide.queue.jobs == []
    world.later(seconds=10)
    wide.work_off()
    assert wide.queue.jobs == [RUN]
    world.sync()
    assert world.twin(contact)["Title"] == "Captain"


def test_the_first_of_many_decides_when_the_run_comes_and_a_hundred_bring_it_at_once(lab):
    first = lab.world.now
    lab.saved(1)
    lab.work_off()
    lab.world.later(seconds=7)
    lab.saved(*range(2, 60))
    assert lab.work_off() == first + timedelta(seconds=10)
    lab.saved(*range(60, 120))
    lab.work_off()
    assert lab.queue.jobs == [RUN]
    lab.saved(*range(200, 400))
    assert lab.work_off() == first + timedelta(seconds=17), "and the one after that waits its ten seconds"
    assert lab.queue.jobs == [RUN]


def test_two_web_processes_bring_one_run(lab):
    one = lab.hooks
    other = lab.new_process()

    def saved(hooks, contact):
        lab.flask.extensions["hooks"] = lab.hooks = hooks
        lab.saved(contact)
        lab.work_off()

    saved(one, 1)
    lab.world.later(seconds=4)
    saved(other, 2)
    lab.world.later(seconds=6)
    one.intake.work_off()
    other.intake.work_off()
    lab.world.later(seconds=4)
    saved(other, 3)
    assert (lab.queue.jobs, lab.hints()) == ([RUN], 3)


@pytest.mark.parametrize("state", [InstanceState.PAUSED, InstanceState.BLOCKED])
def test_an_instance_that_shall_not_run_is_only_noted(lab, state):
    lab.world.app.instances.set_state(lab.world.instance.id, state)
    lab.saved(1)
    lab.work_off()
    lab.world.later(seconds=10)
    lab.work_off()
    assert (lab.queue.jobs, lab.hints()) == ([], 1)


def test_switches_and_reasons_to_wait_are_respected(lab):
    schedules, instance = lab.world.app.schedules, lab.world.instance
    later = lab.world.now + timedelta(minutes=20)
    schedules.postpone(instance.id, "people", later)
    lab.saved(1)
    lab.work_off()
    assert lab.next_run_at == later
    schedules.set_interval(instance.id, "people", 600)
    schedules.claim_due(lab.world.now)
    schedules.switch(instance.id, "people", by_support=False)
    lab.saved(2)
    lab.work_off()
    lab.world.later(seconds=10)
    lab.work_off()
    assert lab.queue.jobs == []


def test_a_lane_that_is_running_is_run_again_when_it_is_done(lab):
    world = lab.world
    lab.saved(1)
    lab.work_off()
    fence = world.app.schedules.claim_lease(world.instance.id, "people", "a worker", world.now, 300)
    world.later(seconds=10)
    assert lab.work_off() == world.now + timedelta(seconds=1)
    assert lab.queue.jobs == []
    world.app.schedules.release_lease(world.instance.id, "people", fence)
    world.later(seconds=1)
    assert lab.work_off() is None
    assert lab.queue.jobs == [RUN]


def test_a_queue_that_is_away_is_asked_again_and_the_slot_stays_due(lab):
    lab.queue.is_broken = True
    lab.saved(1)
    lab.work_off()
    lab.world.later(seconds=10)
    lab.work_off()
    assert lab.next_run_at == lab.world.now
    lab.queue.is_broken = False
    lab.world.later(seconds=10)
    lab.work_off()
    assert lab.queue.jobs == [RUN]


# -- echoes and what is no news --------------------------------------------------------------------------------------


def test_our_own_echo_wakes_nobody_but_a_visitor_whose_form_leaves_our_name_does(wide):
    world = wide.world
    planned = wide.next_run_at
    world.later(minutes=5)
    world.sync()
    world.later(seconds=-60)
    wide.saved(5, who=f"Sidecar [{OURS}]")
    wide.work_off()
    assert wide.hints() == 0
    assert wide.next_run_at == planned
    world.later(minutes=3)
    wide.saved(5, who=f"Sidecar [{OURS}]")
    wide.work_off()
    assert wide.hints() == 1


def test_what_somebody_did_and_companies_and_old_tales_are_no_reason_to_run(lab):
    at = lab.world.now.isoformat()
    old = (lab.world.now - timedelta(days=8)).isoformat()
    lab.tell({"mautic.page_on_hit": [{"hit": {"lead": {"id": 3}}, "timestamp": at}]})
    lab.tell({"mautic.company_post_save": [{"company": {"id": 3}, "timestamp": at}]})
    lab.tell({"mautic.lead_post_save_update": [{"contact": {"id": 3}, "timestamp": old}]})
    assert (lab.work_off(), lab.hints()) == (None, 0)


def test_a_contact_that_was_deleted_is_hinted_by_its_outer_id(wide):
    contact, lead = wide.world.link_person()
    wide.world.later(minutes=5)
    wide.world.host.delete_contact(contact)
    item = {"id": contact, "contact": {"id": None}, "timestamp": wide.world.now.isoformat()}
    wide.tell({"mautic.lead_post_delete": [item]})
    wide.work_off()
    wide.world.sync()
    assert wide.world.org.row("Lead", lead)["Deleted_in_Mautic__c"] is True


# -- pushes ----------------------------------------------------------------------------------------------------------


def test_the_wake_up_of_the_bundle_brings_a_run_within_two_seconds_and_once(lab):
    body = b'{"wake": true, "at": "2026-11-21T12:00:00+00:00"}'
    assert lab.tell(body, "push", SHARED).status_code == 200
    assert lab.work_off() == lab.world.now + timedelta(seconds=2)
    lab.world.later(seconds=2)
    lab.work_off()
    assert lab.queue.jobs == [RUN]
    lab.world.later(minutes=1)
    assert lab.tell(body, "push", SHARED).status_code == 200, "a replay is answered"
    assert lab.work_off() is None, "and does nothing"
    heard = HostEvents(lab.world.app.database).last_heard_at
    assert heard(lab.world.instance.id) is None, "a wake-up says nothing about the webhook"
    lab.saved(1)
    lab.work_off()
    assert heard(lab.world.instance.id) == lab.world.now


def test_a_campaign_without_the_bundle_pushes_by_number_or_address(wide):
    contact = wide.world.host.create_contact({"email": "Ana@Example.org", "lastname": "Lee"})
    assert wide.order(email="ana@example.org", member_status="Sent", campaign_id="701A").status_code == 200
    form = {"contact_id": "77", "as": "Lead"}
    client = wide.flask.test_client()
    answer = client.post("/hooks/acme/push", data=form, headers={"Authorization": f"Bearer {PUSH}"})
    assert answer.status_code == 200
    assert wide.work_off() == wide.world.now + timedelta(seconds=2)
    wishes = {(wish.host, wish.wanted_object, wish.campaign_id, wish.member_status) for wish in wide.pushes()}
    assert wishes == {
        (Ref("contact", str(contact)), None, "701A", "Sent"),
        (Ref("contact", "77"), "Lead", None, None),
    }
    wide.world.later(seconds=2)
    wide.work_off()
    assert wide.queue.jobs == [RUN]


def test_a_push_by_address_waits_for_mautic_and_not_for_ever(wide):
    connections, instance = wide.world.app.connections, wide.world.instance
    known = connections.load(instance.id, Side.HOST).settings
    secrets = connections.load_secrets(instance.id, Side.HOST)
    contact = wide.world.host.create_contact({"email": "ana@example.org", "lastname": "Lee"})
    connections.save(instance.id, Side.HOST, known, {"database_url": NOWHERE})
    wide.order(email="ana@example.org")
    assert wide.work_off() == wide.world.now + timedelta(seconds=5)
    connections.save(instance.id, Side.HOST, known, secrets)
    wide.world.later(seconds=5)
    wide.work_off()
    assert [wish.host.id for wish in wide.pushes()] == [str(contact)]
    connections.save(instance.id, Side.HOST, known, {"database_url": NOWHERE})
    wide.order(email="ben@example.org")
    for _ in range(3):
        wide.work_off()
        wide.world.later(minutes=6)
    wide.work_off()
    assert wide.hooks.intake.waiting == 0


@pytest.mark.parametrize("wish", [{}, {"contact_id": "x"}, {"email": "nobody"}, {"contact_id": 0}, {"email": ["a@b"]}])
def test_a_push_that_names_nobody_is_told_so(lab, wish):
    answer = lab.order(**wish)
    assert (answer.status_code, answer.get_json()) == (400, {"error": "hook-push-unreadable"})


# -- who may call ----------------------------------------------------------------------------------------------------


def test_a_wrong_secret_and_a_wrong_name_are_answered_alike(lab):
    lab.world.app.instances.add("draft", "Draft", lab.world.now)
    answers = [
        lab.tell({}, secret="wrong"),
        lab.tell({}, slug="nobody"),
        lab.tell({}, slug="draft"),
        *(lab.tell({}, slug=each, secret=doors._NOBODYS) for each in ("nobody", "draft")),
        lab.post("mautic", b"{}"),
        lab.tell({}, "push", SECRET),
        lab.tell({}, "mautic", SHARED),
        lab.order("wrong", contact_id=3),
        lab.order("", contact_id=3),
    ]
    told = {(each.status_code, each.text, str(sorted(each.headers))) for each in answers}
    assert len(told) == 1
    assert (answers[0].status_code, answers[0].get_json()) == (401, {"error": "hook-refused"})
    lab.work_off()
    assert (lab.hints(), lab.pushes()) == (0, [])


def test_who_guesses_is_slowed_down_and_costs_no_look_into_the_database(lab):
    codes = [lab.tell({}, secret="wrong").status_code for _ in range(31)]
    assert codes == [401] * 30 + [429]
    with counted_queries() as statements:
        answer = lab.tell({}, slug="somebody", secret="wrong")
    assert (answer.status_code, answer.get_json(), statements) == (429, {"error": "hook-rate-exceeded"}, [])
    assert answer.headers["Retry-After"] == "60"
    assert lab.saved(1).status_code == 200, "Mautic itself is let in, from wherever"
    lab.world.later(minutes=1)
    assert lab.tell({}, secret="wrong").status_code == 401


def test_a_body_that_is_too_large_is_refused(lab):
    answer = lab.tell(b"x" * 5_000_001)
    assert (answer.status_code, answer.get_json()) == (413, {"error": "hook-too-large"})
    assert lab.tell(b"x" * 4_900_000).status_code == 200


def test_a_new_secret_counts_at_once_and_the_old_one_until_it_is_forgotten(lab):
    assert lab.saved(1).status_code == 200
    app, instance = lab.world.app, lab.world.instance
    known = app.connections.load(instance.id, Side.HOST).settings
    app.connections.save(instance.id, Side.HOST, known, {"hook_secret": "new", "previous_hook_secret": SECRET})
    lab.world.later(seconds=2)
    assert [lab.tell({}, secret=each).status_code for each in ("new", SECRET)] == [200, 200]
    app.connections.save(instance.id, Side.HOST, known, {"previous_hook_secret": ""})
    lab.world.later(minutes=1)
    lab.saved(2)
    lab.work_off()
    assert lab.saved(3).status_code == 401


def test_nothing_is_asked_of_the_database_while_mautic_waits(lab):
    lab.saved(1)
    lab.world.later(minutes=2)
    with counted_queries() as statements:
        assert lab.saved(2).status_code == 200
    assert statements == []


def test_a_campaign_that_pushes_more_than_can_be_taken_is_told_to_come_back(lab, monkeypatch):
    monkeypatch.setattr("sidecar.hooks.intake.MOST_ITEMS", 1)
    answers = [lab.order(contact_id=number) for number in (1, 2)]
    assert [each.status_code for each in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "60"


# -- when things break -----------------------------------------------------------------------------------------------


def test_what_finds_no_room_is_answered_and_brings_a_run_at_once(lab, monkeypatch):
    monkeypatch.setattr("sidecar.hooks.intake.MOST_ITEMS", 1)
    assert [lab.saved(each).get_json() for each in (1, 2)] == [
        {"status": "ok", "kept": True},
        {"status": "ok", "kept": False},
    ]
    lab.work_off()
    assert lab.queue.jobs == [RUN]


def test_a_database_that_is_away_neither_shows_nor_loses_anything(lab, monkeypatch):
    lab.saved(1)

    def away(*_, **__):
        raise TransientError("The state database does not answer or is busy", code="database-unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("sidecar.store.session.Database.read", away)
        patch.setattr("sidecar.store.session.Database.write", away)
        assert lab.saved(2).status_code == 200
        lab.work_off()
        assert lab.tell({}, slug="forged", secret="wrong").status_code == 200, "nobody can tell"
    lab.world.later(seconds=5)
    lab.work_off()
    assert lab.hints() == 2


def test_what_could_not_be_checked_when_it_came_is_checked_later(lab, monkeypatch):
    def away(*_, **__):
        raise TransientError("The state database does not answer or is busy", code="database-unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("sidecar.store.session.Database.read", away)
        assert lab.saved(1).status_code == 200
        forged = {"mautic.lead_post_save_update": [{"contact": {"id": 2}, "timestamp": lab.world.now.isoformat()}]}
        assert lab.tell(forged, secret="wrong").status_code == 200
    assert lab.saved(3).status_code == 200, "and nobody is asked again at once"
    lab.work_off()
    assert lab.hints() == 0
    lab.world.later(seconds=5)
    lab.work_off()
    assert lab.hints() == 2


def test_a_fault_of_our_own_is_not_told_to_mautic(lab, monkeypatch):
    lab.saved(1)
    monkeypatch.setattr(lab.hooks.intake.__class__, "put", lambda *_: 1 / 0)
    assert lab.saved(2).get_json() == {"status": "ok", "kept": False}


def test_a_fault_with_one_instance_does_not_make_us_deaf_to_another(lab, monkeypatch):
    lab.saved(1)
    bad = PushOrder("a-before-acme", lab.world.now, contact_id="1")
    lab.hooks.intake.put(bad)
    find = lab.hooks.doors.find
    monkeypatch.setattr(lab.hooks.doors.__class__, "find", lambda _, slug: find(slug) if slug == "acme" else 1 / 0)
    lab.work_off()
    assert lab.hints() == 1


def test_a_delivery_is_forgotten_after_a_week(lab):
    lab.saved(1)
    lab.work_off()
    assert HostEvents(lab.world.app.database).prune(lab.world.now) == 0
    assert HostEvents(lab.world.app.database).prune(lab.world.now + timedelta(seconds=1)) == 1


def test_the_log_names_nobody(lab, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    lab.order(email="ana@example.org", contact_id="x")
    lab.tell({"mautic.lead_post_save_new": [{"contact": {"id": 1, "email": "ben@example.org"}}]})
    lab.work_off()
    monkeypatch.setattr(lab.hooks.intake.__class__, "put", lambda *_: 1 / 0)
    lab.saved(2)
    assert "@example.org" not in caplog.text
    assert SECRET not in caplog.text
