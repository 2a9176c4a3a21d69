"""What monitors are told."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sidecar.bootstrap import App, bootstrap
from sidecar.config import Settings
from sidecar.store.instances import InstanceState
from sidecar.store.users import Role
from sidecar.web import create_app
from tests.conftest import NewDatabase
from tests.web_app import NOW, add_instance, add_run, add_user, log_in, make_app


@pytest.fixture
def app(tmp_path: Path) -> App:
    return make_app(tmp_path)


@pytest.fixture
def client(app: App) -> FlaskClient:
    return create_app(app).test_client()


def test_a_live_process_says_so_without_asking_anyone(tmp_path: Path) -> None:
    client = create_app(Settings(home=tmp_path)).test_client()
    assert client.get("/live").status_code == 200
    assert not (tmp_path / "sidecar.sqlite3").exists()


def test_ready_names_what_is_missing(client: FlaskClient) -> None:
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "unavailable", "database": "ok", "redis": "unreachable"}


def test_ready_tells_a_database_without_our_tables(tmp_path: Path) -> None:
    client = create_app(bootstrap(Settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0"))).test_client()
    assert client.get("/ready").get_json()["database"] == "not-upgraded"


def test_ready_when_everything_answers(tmp_path: Path, new_redis_database: NewDatabase) -> None:
    client = create_app(make_app(tmp_path, redis_url=new_redis_database())).test_client()
    assert client.get("/ready").status_code == 200


def test_fresh_holds_each_lane_to_its_own_promise(app: App, client: FlaskClient) -> None:
    instance = add_instance(app, "acme", InstanceState.ENABLED)
    app.schedules.set_interval(instance.id, "activities", 86400)
    add_run(app, instance, at=NOW - timedelta(minutes=70))
    add_run(app, instance, lane="activities", at=NOW - timedelta(hours=24))
    answer = client.get("/fresh")
    ages = {lane["lane"]: (lane["age_seconds"], lane["promise_seconds"]) for lane in answer.get_json()["lanes"]}
    assert ages == {"people": (70 * 60, 75 * 60), "activities": (24 * 3600, 24 * 3600 + 15 * 60)}
    assert answer.status_code == 200


def test_one_stale_lane_is_an_alarm(app: App, client: FlaskClient) -> None:
    add_run(app, add_instance(app, "acme", InstanceState.ENABLED, lanes=("people",)))
    late = add_instance(app, "late", InstanceState.ENABLED, lanes=("people",))
    add_run(app, late, at=NOW - timedelta(minutes=76))
    answer = client.get("/fresh")
    assert answer.status_code == 503
    assert [lane["instance"] for lane in answer.get_json()["lanes"] if lane["is_stale"]] == [late.id]


def test_a_lane_whose_turn_came_and_went_without_any_run_is_an_alarm(app: App, client: FlaskClient) -> None:
    never = add_instance(app, "never", InstanceState.ENABLED, lanes=("people",))
    app.schedules.postpone(never.id, "people", NOW - timedelta(minutes=16))
    assert client.get("/fresh").status_code == 503


@pytest.mark.parametrize("state", [InstanceState.PAUSED, InstanceState.DRAFT])
def test_what_shall_not_run_cannot_be_stale(app: App, client: FlaskClient, state: InstanceState) -> None:
    instance = add_instance(app, "acme", state, lanes=("people",))
    add_run(app, instance, at=NOW - timedelta(days=2))
    assert client.get("/fresh").get_json() == {"status": "ok", "lanes": []}


def test_only_who_logged_in_is_told_names(app: App, client: FlaskClient) -> None:
    add_run(app, add_instance(app, "acme", InstanceState.ENABLED, lanes=("people",)))
    assert "acme" not in client.get("/fresh").text
    log_in(client, add_user(app, "sup", Role.SUPPORT))
    assert client.get("/fresh").get_json()["lanes"][0]["instance"] == "acme"
