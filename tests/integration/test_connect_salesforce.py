"""Connecting an org as somebody types it, over real HTTP, for each of the three flows; and what is said to each refusal."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sidecar.cli.callback import CallbackListener
from sidecar.errors import UsageError
from sidecar.records import Side
from sidecar.sandbox.org import Fault
from sidecar.store.audit import AuditLog
from sidecar.store.connections import ConnectionState
from sidecar.store.history import RunState
from sidecar.store.instances import InstanceState
from tests.deployment import ORG_SECRET, Deployment, Systems, deploy, open_systems
from tests.sign_in_person import press

DONE, USAGE, CANNOT_CONNECT = 0, 2, 3


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    with open_systems(tmp_path_factory.mktemp("systems")) as systems:
        yield systems


@pytest.fixture
def deployment(systems: Systems) -> Iterator[Deployment]:
    with deploy() as deployment:
        app = deployment.app
        instance = app.instances.add("acme", "Acme", app.clock())
        deployment.connect(instance, systems)
        (deployment.folder / "secret").write_text(ORG_SECRET)
        yield deployment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def saved(deployment: Deployment):
    return deployment.app.connections.load(deployment.app.instances.get("acme").id, Side.SALESFORCE)


def connect(deployment: Deployment, systems: Systems, *options: str, typed: str | None = None):
    words = ("connect", "salesforce", "acme", "--url", systems.org_url, *options)
    return deployment.run(*words, typed=typed)


def is_green(deployment: Deployment) -> bool:
    checked = deployment.run("check", "acme", "--json")
    return checked.code == DONE and all(side["ok"] for side in checked.document)


def test_client_credentials_end_in_a_green_check(deployment, systems):
    secret = str(deployment.folder / "secret")
    done = connect(
        deployment, systems, "--flow", "client-credentials", "--client-id", "sidecar", "--secret-file", secret, "--json"
    )
    assert (done.code, done.document["flow"], done.document["secrets"]) == (
        DONE,
        "client_credentials",
        ["client_secret"],
    )
    assert ORG_SECRET not in done.said
    assert is_green(deployment)


def test_a_key_ends_in_a_green_check(deployment, systems):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    systems.org.add_client("jwt", public_key=public)
    path = deployment.folder / "key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    options = ("--client-id", "jwt", "--key-file", str(path), "--username", "integration@example.com")
    done = connect(deployment, systems, *options, "--json")
    assert (done.code, done.document["flow"], done.document["secrets"]) == (DONE, "jwt_bearer", ["private_key"])
    assert is_green(deployment)


@pytest.mark.parametrize("rotates", [False, True])
def test_signing_in_by_browser_ends_in_a_green_check(deployment, systems, rotates):
    port = free_port()
    callback = f"http://localhost:{port}/oauth/salesforce/callback"
    systems.org.add_client("web", "web secret", redirect_uri=callback, rotates=rotates)
    (deployment.folder / "secret").write_text("web secret")
    running = deployment.start(
        *("connect", "salesforce", "acme", "--url", systems.org_url, "--flow", "web", "--client-id", "web"),
        *("--secret-file", str(deployment.folder / "secret"), "--callback-port", str(port), "--json"),
    )
    said, url = read_until_address(running)
    assert callback in said
    back = requests.get(press(url), timeout=30)
    assert back.status_code == 200
    rest = running.communicate(timeout=60)[0]
    assert running.returncode == DONE, rest
    document = json.loads(rest)
    assert document["flow"] == "web_server"
    assert document["secrets"] == ["client_secret", "refresh_token"]
    assert document["signed_in_as"].endswith(systems.org.user_ids["api"])
    assert is_green(deployment)
    assert is_green(deployment)  # each check signs in anew


def read_until_address(running: "subprocess.Popen[str]") -> tuple[str, str]:
    said = ""
    while True:
        line = running.stdout.readline()
        assert line, said
        if line.startswith("http"):
            return said, line.strip()
        said += line


def test_the_address_can_be_pasted_where_no_browser_reaches_this_machine(deployment, systems):
    callback = "https://sidecar.example.com/oauth/salesforce/callback"
    systems.org.add_client("web", "web secret", redirect_uri=callback)
    (deployment.folder / "secret").write_text("web secret")
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "sidecar", "connect", "salesforce", "acme", "--url", systems.org_url),
            *("--flow", "web", "--client-id", "web", "--secret-file", str(deployment.folder / "secret")),
            *("--paste", "--callback-url", callback),
        ],
        env=deployment.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    _, url = read_until_address(running)
    rest = running.communicate(press(url) + "\n", timeout=60)[0]
    assert running.returncode == DONE, rest
    assert is_green(deployment)


def test_the_options_that_were_there_before_still_work(deployment, systems):
    done = connect(deployment, systems, "--client-id", "sidecar", "--secret-file", str(deployment.folder / "secret"))
    assert done.code == DONE
    assert saved(deployment).settings["flow"] == "client_credentials"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--flow", "jwt", "--client-id", "x"), "sign-in-unclear"),
        (("--key-file", "k", "--client-id", "x"), "sign-in-unclear"),
        (("--environment", "sandbox", "--client-id", "x"), "environment-unclear"),
    ],
)
def test_options_that_do_not_fit_are_refused(deployment, systems, options, code):
    done = connect(deployment, systems, *options)
    assert done.code == USAGE
    assert code in done.said


def test_client_credentials_at_a_common_host_are_refused_at_once(deployment):
    words = ("connect", "salesforce", "acme", "--environment", "production", "--client-id", "x")
    done = deployment.run(*words, "--secret-file", str(deployment.folder / "secret"))
    assert done.code == CANNOT_CONNECT
    assert "salesforce-wrong-environment" in done.said


def test_connecting_is_kept_in_the_audit_log_without_secrets(deployment, systems):
    connect(deployment, systems, "--client-id", "sidecar", "--secret-file", str(deployment.folder / "secret"))
    [entry] = AuditLog(deployment.app.database).entries(deployment.app.instances.get("acme").id)
    assert (entry.what, entry.who) == ("salesforce-connected", "command line")
    assert entry.after["client_id"] == "sidecar"
    assert ORG_SECRET not in str(entry)


@pytest.mark.parametrize(
    ("error", "description", "code", "who"),
    [
        ("invalid_grant", "expired access/refresh token", "salesforce-sign-in-expired", "salesforce admin"),
        ("invalid_grant", "ip restricted", "salesforce-ip-restricted", "salesforce admin"),
        ("invalid_grant", "inactive user", "salesforce-user-inactive", "salesforce admin"),
        ("invalid_grant", "user hasn't approved this consumer", "salesforce-app-not-approved", "salesforce admin"),
        (
            "invalid_grant",
            "no client credentials user enabled",
            "salesforce-client-credentials-off",
            "salesforce admin",
        ),
        ("invalid_grant", "Audience validation failed", "salesforce-wrong-environment", "operator"),
        ("invalid_client", "invalid client credentials", "salesforce-client-refused", "salesforce admin"),
        ("invalid_client_id", "client identifier invalid", "salesforce-client-refused", "salesforce admin"),
        ("invalid_grant", "login rate exceeded", "salesforce-limit-reached", "nobody"),
    ],
)
def test_check_names_each_refusal_and_who_fixes_it(systems, error, description, code, who):
    from sidecar.checks import check_side

    with deploy() as deployment:
        instance = deployment.app.instances.add("acme", "Acme", deployment.app.clock())
        deployment.connect(instance, systems)
        systems.org.refuse_sign_in(error, description)
        found = check_side(deployment.app, instance, Side.SALESFORCE)
        assert (found.code, found.fixed_by.replace("_", " ")) == (code, who)
        assert saved(deployment).check_code == code
        assert check_side(deployment.app, instance, Side.SALESFORCE).is_ok


# -- waiting for the browser -----------------------------------------------------------------------------------------


def test_whoever_knocks_with_another_state_is_sent_away():
    with CallbackListener(free_port()) as listener:
        answers: list[dict[str, str]] = []
        waiting = threading.Thread(target=lambda: answers.append(listener.wait("mine", 20)))
        waiting.start()
        base = listener.url.replace("localhost", "127.0.0.1")
        statuses = [
            requests.get(base, params={"state": each, "code": each}, timeout=10).status_code for each in ("x", "mine")
        ]
        waiting.join()
    assert statuses == [404, 200]
    assert answers == [{"state": "mine", "code": "mine"}]


def test_nobody_coming_back_is_said():
    with CallbackListener(free_port()) as listener, pytest.raises(UsageError):
        listener.wait("mine", 0.01)


# -- an org that lets nobody in --------------------------------------------------------------------------------------


def runs_of(world) -> list[str]:
    return [run.state for run in world.app.ledger.history.runs(world.instance.id)]


def sign_ins(world) -> int:
    return sum(seen.path == "/services/oauth2/token" for seen in world.org.requests)


def test_refused_for_ever_costs_one_refresh_and_then_the_instance_is_blocked(world):
    world.app.instances.set_state(world.instance.id, InstanceState.ENABLED)
    world.org.expire_tokens()
    world.org.reset_calls()
    world.org.faults.add(Fault("/services/data/v66.0/", "status", times=1000, status=401))
    report = world.hourly()
    assert (report.state, report.error.code) == (RunState.BLOCKED, "salesforce-session-refused")
    assert sign_ins(world) == 1
    instance = world.app.instances.get("acme")
    assert instance.state is InstanceState.BLOCKED
    [alert] = world.app.alerts.list_open(instance.id)
    assert (alert.code, alert.fixed_by) == ("salesforce-session-refused", "salesforce_admin")
    connection = world.app.connections.load(instance.id, Side.SALESFORCE)
    assert (connection.state, connection.check_code) == (ConnectionState.BROKEN, "salesforce-session-refused")


def test_a_blocked_instance_is_not_tried_again_until_a_check_is_green(world):
    from sidecar.checks import check_side
    from sidecar.slots import enqueue_due

    app, instance = world.app, world.instance
    app.instances.set_state(instance.id, InstanceState.ENABLED)
    app.schedules.switch(instance.id, "people", by_customer=True, by_support=True)
    world.org.faults.add(Fault("/services/data/v66.0/", "status", times=1000, status=401))
    world.hourly()
    app.schedules.postpone(instance.id, "people", world.now)
    assert enqueue_due(app, world.later(hours=5)) == 0
    assert check_side(app, instance, Side.SALESFORCE).code == "salesforce-session-refused"
    assert app.instances.get("acme").state is InstanceState.BLOCKED
    world.org.faults.clear()
    assert check_side(app, instance, Side.SALESFORCE).is_ok
    assert app.instances.get("acme").state is InstanceState.ENABLED
    assert world.hourly().state == RunState.DONE


def test_what_salesforce_can_mend_alone_is_tried_at_each_slot_and_heals_by_itself(world):
    app, instance = world.app, world.instance
    app.instances.set_state(instance.id, InstanceState.ENABLED)
    app.forget(instance, Side.SALESFORCE)
    world.org.refuse_sign_in("invalid_grant", "inactive user")
    assert world.hourly().error.code == "salesforce-user-inactive"
    assert app.instances.get("acme").state is InstanceState.ENABLED
    assert app.connections.load(instance.id, Side.SALESFORCE).state is ConnectionState.BROKEN
    assert world.hourly().state == RunState.DONE
    assert app.connections.load(instance.id, Side.SALESFORCE).state is ConnectionState.WORKING


def test_a_paused_instance_stays_paused_when_its_org_lets_nobody_in(world):
    app, instance = world.app, world.instance
    app.instances.pause(instance.id)
    world.org.faults.add(Fault("/services/data/v66.0/", "status", times=1000, status=401))
    world.hourly()
    assert app.instances.get("acme").state is InstanceState.PAUSED


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "timeout", "status"])
@pytest.mark.parametrize("where", ["/services/oauth2/token", "/services/data/v66.0/"])
def test_whatever_breaks_in_a_sign_in_or_a_call_is_waited_for(world, kind, where):
    world.app.forget(world.instance, Side.SALESFORCE)
    world.org.faults.add(Fault(where, kind, times=50))
    assert world.hourly().state == RunState.POSTPONED
    world.org.faults.clear()
    assert world.hourly().state == RunState.DONE
