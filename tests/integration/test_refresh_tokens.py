"""Refresh tokens that rotate, with real processes, a real database and a real org over HTTP: nobody is ever locked out."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from sidecar.connecting import begin_sign_in, finish_sign_in, read_callback
from sidecar.errors import SetupError, TransientError
from sidecar.records import Side
from sidecar.store.leases import Leases
from sidecar.store.refresh_tokens import LEASE, LEASE_SECONDS, SqlRefreshTokens
from tests.deployment import Deployment, Systems, deploy, open_systems
from tests.sign_in_person import press

CALLBACK = "https://sidecar.example.com/oauth/salesforce/callback"
ROUNDS = 200


@pytest.fixture
def systems(tmp_path) -> Iterator[Systems]:
    with open_systems(tmp_path) as systems:
        systems.org.add_client("web", "secret", redirect_uri=CALLBACK, rotates=True)
        yield systems


@pytest.fixture(params=["sqlite", "mariadb"])
def deployment(request) -> Iterator[Deployment]:
    url = request.getfixturevalue("new_mariadb_database")() if request.param == "mariadb" else None
    with deploy(database_url=url) as deployment:
        yield deployment


def sign_in(deployment: Deployment, systems: Systems, slug: str = "acme"):
    """Connect an instance by browser."""
    app = deployment.app
    instance = app.instances.add(slug, slug.title(), app.clock())
    settings = {"login_url": systems.org_url, "client_id": "web"}
    begun = begin_sign_in(app, instance, settings, "secret", CALLBACK, "a test")
    finish_sign_in(app, read_callback(press(begun.url)), "a test", "a test")
    return instance


@contextmanager
def workers(deployment: Deployment, count: int, slug: str = "acme") -> Iterator[list["subprocess.Popen[str]"]]:
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.refreshing_worker", slug],
            env=deployment.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for _ in range(count)
    ]
    try:
        yield started
    finally:
        for each in started:
            each.stdin.close()
            each.wait(60)
            each.stdout.close()


def all_at_once(processes) -> list[str]:
    """Let every worker ask the org now; return what each says."""
    for each in processes:
        each.stdin.write("go\n")
        each.stdin.flush()
    return [each.stdout.readline().strip() for each in processes]


@pytest.mark.timeout(300)
def test_two_processes_that_renew_at_the_same_time_200_times_are_never_locked_out(deployment, systems):
    sign_in(deployment, systems)
    with workers(deployment, 2) as pair:
        for number in range(ROUNDS):
            systems.org.expire_tokens()
            assert all_at_once(pair) == ["ok", "ok"], f"round {number}"
    [grant] = systems.org.sign_in.web.grants
    assert not grant.is_revoked
    assert len(grant.used) >= ROUNDS  # each round needed a new token


class Unguarded(SqlRefreshTokens):
    """What would be without the lease."""

    @contextmanager
    def alone(self):
        yield


def test_without_the_lease_two_at_once_would_be_locked_out(systems):
    with deploy() as deployment:
        instance = sign_in(deployment, systems)
        app = deployment.app
        tokens = Unguarded(app.connections, Leases(app.database, instance.id, app.clock), instance.id, app.sleep)
        first = tokens.known()
        with systems.org_gate.holding("POST /services/oauth2/token", is_after=True) as hold:
            said: list[object] = []
            slow = threading.Thread(target=lambda: said.append(ask(deployment, instance, tokens)))
            systems.org.expire_tokens()
            slow.start()
            hold.wait()
            said.append(ask(deployment, instance, tokens))  # uses the token that the slow one has used already
        slow.join()
    assert tokens_of(systems)[0] not in first
    assert "salesforce-sign-in-expired" in said


def ask(deployment, instance, tokens=None):
    from sidecar.salesforce.connection import SalesforceConnection
    from sidecar.salesforce.side import connect
    from sidecar.store.cache import SqlCache

    app = deployment.app
    known = app.connections.load(instance.id, Side.SALESFORCE)
    connection = SalesforceConnection(**known.settings, **app.connections.load_secrets(instance.id, Side.SALESFORCE))
    cache = SqlCache(app.database, app.cipher, instance.id, Side.SALESFORCE, app.clock)
    side = connect(connection, cache=cache, clock=app.clock, refresh_tokens=tokens or app.refresh_tokens(instance))
    try:
        side.refresh_describe("Lead")
    except (SetupError, TransientError) as error:
        return error.code
    finally:
        side.close()
    return "ok"


def tokens_of(systems: Systems) -> list[str]:
    return [grant.token for grant in systems.org.sign_in.web.grants]


def test_what_was_stored_is_what_the_org_gave_last_and_the_one_before(systems):
    with deploy() as deployment:
        instance = sign_in(deployment, systems)
        [first] = tokens_of(systems)
        assert ask(deployment, instance) == "ok"
        assert deployment.app.refresh_tokens(instance).known() == (*tokens_of(systems), first)


def test_a_lost_answer_of_a_rotation_ends_in_a_named_problem_and_connecting_again_mends_it(systems):
    """The one hole that is left: the org has replaced the token, and nobody here ever heard of the new one."""
    with deploy() as deployment:
        instance = sign_in(deployment, systems)
        systems.org.expire_tokens()
        with systems.org_gate.holding("POST /services/oauth2/token", is_after=True) as hold:
            asking = threading.Thread(target=lambda: ask(deployment, instance))
            asking.start()
            hold.wait()
            hold.drop()
        asking.join()
        assert ask(deployment, instance) == "salesforce-sign-in-expired"
        app = deployment.app
        begun = begin_sign_in(app, instance, {"login_url": systems.org_url, "client_id": "web"}, "", CALLBACK, "a test")
        finish_sign_in(app, read_callback(press(begun.url)), "a test", "a test")
        assert ask(deployment, instance) == "ok"


def test_a_request_that_never_arrived_leaves_the_token_good(systems):
    with deploy() as deployment:
        instance = sign_in(deployment, systems)
        systems.org.expire_tokens()
        with systems.org_gate.holding("POST /services/oauth2/token") as hold:
            asking = threading.Thread(target=lambda: ask(deployment, instance))
            asking.start()
            hold.wait()
            hold.drop()
        asking.join()
        assert ask(deployment, instance) == "ok"


def test_a_worker_that_died_while_it_had_the_right_holds_others_up_until_the_lease_runs_out(deployment, systems):
    instance = sign_in(deployment, systems)
    app = deployment.app
    now = app.clock()
    leases = Leases(app.database, instance.id, lambda: now)
    assert leases.take(LEASE, "a worker that dies", LEASE_SECONDS)
    pauses: list[float] = []
    with pytest.raises(TransientError) as caught, leases.hold(LEASE, 10, pauses.append, looks=3):
        pass
    assert (caught.value.code, len(pauses)) == ("lease-busy", 2)
    later = Leases(app.database, instance.id, lambda: now + timedelta(seconds=LEASE_SECONDS))
    with later.hold(LEASE, 10, pauses.append, looks=1):
        assert not later.take(LEASE, "another", 10)
    assert later.take(LEASE, "another", 10)
