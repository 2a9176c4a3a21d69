"""The health page: API calls, what blocks data, freshness; and who may change what an instance may use."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sidecar.bootstrap import App
from sidecar.budget import Budget
from sidecar.records import Side
from sidecar.store.audit import AuditLog
from sidecar.store.instances import Instance
from sidecar.store.users import Role
from sidecar.web import create_app
from tests.web_app import NOW, a_world, add_user, log_in, make_app


@pytest.fixture
def app(tmp_path: Path) -> App:
    return make_app(tmp_path)


@pytest.fixture
def instance(app: App) -> Instance:
    return with_calls(app, a_world(app)["Attention"])


@pytest.fixture
def client(app: App) -> FlaskClient:
    flask = create_app(app)
    flask.config["WTF_CSRF_ENABLED"] = False
    return flask.test_client()


def with_calls(app: App, instance: Instance) -> Instance:
    """A week of calls: few at night, many in the morning; others use most of the org."""
    for ago in range(24 * 7):
        at = NOW - timedelta(hours=ago)
        count = (3, 2, 2, 2, 3, 8, 30, 52, 64, 41, 22, 18)[at.hour // 2]
        app.usage.add(instance.id, Side.SALESFORCE, at, count, used=6_100 + 40 * at.hour, allowed=15_000)
    app.budgets.save(instance.id, Budget(calls=600), NOW)
    app.budgets.save_limits(instance.id, NOW, {"DailyBulkApiBatches": (120, 15_000), "DataStorageMB": (800, 1_024)})
    app.budgets.add_operations(instance.id, NOW, 48_210)
    return instance


def page(client: FlaskClient, app: App, role: Role, language: str = "en") -> str:
    log_in(client, add_user(app, f"{role}-{language}", role, language=language))
    return client.get("/instances/beta/health").get_data(as_text=True)


def test_the_page_tells_ours_others_and_free_with_a_forecast(client: FlaskClient, app: App, instance: Instance) -> None:
    calls = app.budgets.calls(instance.id, NOW)
    text = page(client, app, Role.VIEWER)
    assert f"/ {calls.allocation}" in text
    assert f"<strong>{calls.others:,}</strong>" in text
    assert f"<strong>{calls.free:,}</strong>" in text
    assert "At this rate: up to" in text
    assert "48,210" in text


def test_the_page_speaks_french(client: FlaskClient, app: App, instance: Instance) -> None:
    text = page(client, app, Role.VIEWER, "fr")
    assert "À ce rythme" in text
    assert "Ce qui bloque des données" in text


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("calls", [None, 20, 5_000])
def test_every_state_can_be_shown_to_support_in_every_language(
    client: FlaskClient, app: App, instance: Instance, calls: int | None, language: str
) -> None:
    app.budgets.save(instance.id, Budget(calls=calls, operations_per_month=50_000), NOW)
    log_in(client, add_user(app, "sup", Role.SUPPORT, language=language))
    for slug in ("beta", "acme", "epsilon"):  # with calls, without, and never connected
        assert client.get(f"/instances/{slug}/health").status_code == 200
    paused = client.get("/instances/beta/health").get_data(as_text=True)
    assert (("Goes on by itself" in paused) or ("Reprend tout seul" in paused)) is (calls == 20)


def test_what_blocks_data_leads_to_the_records(client: FlaskClient, app: App, instance: Instance) -> None:
    text = page(client, app, Role.VIEWER)
    assert "/instances/beta/waiting/people?reason=not-in-picklist" in text
    assert 'href="/reasons/timeline-object-missing"' in text


@pytest.mark.parametrize(("role", "status"), [(Role.ADMINISTRATOR, 403), (Role.SUPPORT, 302), (Role.OPERATOR, 302)])
def test_only_support_and_operators_change_the_budget_and_it_is_noted(
    client: FlaskClient, app: App, instance: Instance, role: Role, status: int
) -> None:
    shown = page(client, app, role)
    assert ("budget" in shown and 'name="calls"' in shown) is (status == 302)
    sent = {"calls": "900", "reserve_percent": "10", "alert_percent": "75", "reason": "asked by phone"}
    assert client.post("/instances/beta/budget", data=sent).status_code == status
    changed = app.budgets.load(instance.id)
    entries = [each for each in AuditLog(app.database).entries(instance.id) if each.what == "budget-set"]
    if status == 403:
        assert (changed.calls, entries) == (600, [])
    else:
        assert (changed.calls, changed.alert_percent) == (900, 75)
        assert [(each.before["calls"], each.after["calls"], each.reason) for each in entries] == [
            (600, 900, "asked by phone")
        ]


@pytest.mark.parametrize(
    "sent", [{"calls": "5"}, {"calls": "100", "percent": "10"}, {"percent": "200"}, {"reason": " "}]
)
def test_a_budget_that_makes_no_sense_is_refused(
    client: FlaskClient, app: App, instance: Instance, sent: dict[str, str]
) -> None:
    log_in(client, add_user(app, "sup", Role.SUPPORT))
    whole = {"reserve_percent": "10", "alert_percent": "80", "reason": "because"} | sent
    answer = client.post("/instances/beta/budget", data=whole, follow_redirects=True).get_data(as_text=True)
    assert "Nothing was changed" in answer
    assert app.budgets.load(instance.id).calls == 600


def test_a_viewer_of_another_instance_sees_nothing(client: FlaskClient, app: App, instance: Instance) -> None:
    log_in(client, add_user(app, "stranger", Role.OPERATOR, instance_id=instance.id + 1))
    assert client.get("/instances/beta/health").status_code == 404
