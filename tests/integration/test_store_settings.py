"""Instances, mappings, usage, alerts, users and the audit log."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from sidecar.errors import UsageError
from sidecar.mapping.rules import Problem
from sidecar.records import Side
from sidecar.store.alerts import Alerts
from sidecar.store.audit import AuditEntry, AuditLog
from sidecar.store.instances import Instances, InstanceState
from sidecar.store.mappings import Mappings
from sidecar.store.usage import Usage
from sidecar.store.users import Role, Users
from tests.builders_store import NOW, an_instance, at_once

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def instances(database):
    return Instances(database)


@pytest.fixture
def alerts(database):
    return Alerts(database)


@pytest.fixture
def users(database):
    return Users(database, PasswordHasher.from_parameters(CHEAPEST))


def test_a_new_instance_is_a_draft_that_begins_now_with_a_salt_of_its_own(instances):
    acme, other = instances.add("acme", "Acme", NOW), instances.add("other-2", "Other", NOW)
    assert (acme.state, acme.synced_from, acme.created_at) == (InstanceState.DRAFT, NOW, NOW)
    assert len(acme.salt) == 32
    assert acme.salt != other.salt
    assert instances.list() == [acme, other]
    assert instances.get_by_id(acme.id) == instances.get("acme") == acme


@pytest.mark.parametrize("slug", ["", "Acme", "a b", "ümlaut", "a/b", "x" * 65, "a\n"])
def test_a_short_name_that_could_not_stand_in_a_url_is_refused(instances, slug):
    with pytest.raises(UsageError) as caught:
        instances.add(slug, "Acme", NOW)
    assert caught.value.code == "instance-name-invalid"


def test_a_short_name_is_given_once(instances):
    instances.add("acme", "Acme", NOW)
    with pytest.raises(UsageError) as caught:
        instances.add("acme", "Again", NOW)
    assert caught.value.code == "instance-exists"


@pytest.mark.parametrize(
    "act",
    [
        lambda instances: instances.get("nobody"),
        lambda instances: instances.get_by_id(4711),
        lambda instances: instances.pause(4711),
    ],
)
def test_an_unknown_instance_is_a_mistake_of_the_caller(instances, act):
    with pytest.raises(UsageError) as caught:
        act(instances)
    assert caught.value.code == "no-such-instance"


def test_an_instance_can_be_paused_and_resumed(instances):
    acme = instances.add("acme", "Acme", NOW)
    instances.pause(acme.id)
    assert instances.get("acme").state is InstanceState.PAUSED
    instances.resume(acme.id)
    assert instances.get("acme").state is InstanceState.ENABLED


def test_every_version_of_a_mapping_is_kept(database):
    mappings, instance = Mappings(database), an_instance(database)
    assert mappings.current(instance.id, "people") is None
    document = {"fields": {"email": {"host": "email", "label": "E-Mail ☂"}}}
    assert mappings.save(instance.id, "people", document, "ada", NOW) == 1
    assert mappings.save(instance.id, "people", {}, "bob", LATER) == 2
    assert mappings.save(instance.id, "companies", {}, "bob", LATER) == 1
    assert mappings.current(instance.id, "people").version == 2
    old = mappings.history(instance.id, "people")[1]
    assert (old.document, old.author, old.valid_from) == (document, "ada", NOW)


def test_two_who_save_a_mapping_at_once_get_two_versions_or_a_message(database):
    instance = an_instance(database)

    def save(own, number):
        try:
            return Mappings(own).save(instance.id, "people", {}, f"user-{number}", NOW)
        except UsageError as error:
            return error.code

    results = at_once(database, 3, save)
    saved = sorted(result for result in results if result != "mapping-changed")
    assert saved == list(range(1, len(saved) + 1)) != []


def test_calls_add_up_per_hour_and_the_last_limit_is_remembered(database):
    usage, instance = Usage(database), an_instance(database)
    usage.add(instance.id, Side.SALESFORCE, NOW, 3, used=100, allowed=15000)
    usage.add(instance.id, Side.SALESFORCE, NOW + timedelta(minutes=59), 4, used=None, allowed=None)
    usage.add(instance.id, Side.SALESFORCE, LATER, 5, used=None, allowed=None)
    usage.add(instance.id, Side.HOST, NOW, 50, used=None, allowed=None)
    hours = usage.hours(instance.id, Side.SALESFORCE, NOW)
    assert [(hour.hour, hour.calls) for hour in hours] == [(NOW, 7), (LATER, 5)]
    assert usage.calls_in_last_day(instance.id, Side.SALESFORCE, LATER) == 12
    assert usage.calls_in_last_day(instance.id, Side.SALESFORCE, NOW + timedelta(hours=24)) == 5
    limit = usage.limit(instance.id, Side.SALESFORCE)
    assert (limit.used, limit.allowed) == (100, 15000)


def test_an_alert_opens_once_however_often_it_is_seen(alerts, database):
    instance = an_instance(database)
    alerts.open(instance.id, "people", "signin-refused", "Refused", "salesforce_admin", NOW)
    alerts.open(instance.id, "people", "signin-refused", "Refused again", "salesforce_admin", LATER)
    (alert,) = alerts.list_open(instance.id)
    assert (alert.message, alert.first_seen_at, alert.last_seen_at) == ("Refused again", NOW, LATER)
    assert alert.closed_at is None


def test_a_closed_alert_stays_in_the_history_when_it_opens_anew(alerts, database):
    instance = an_instance(database)
    for _ in range(3):
        alerts.open(instance.id, "people", "signin-refused", "Refused", "operator", NOW)
        alerts.close(instance.id, "people", "signin-refused", LATER)
    alerts.open(instance.id, "people", "signin-refused", "Refused", "operator", LATER)
    assert [alert.closed_at for alert in alerts.history(instance.id)] == [None, LATER, LATER, LATER]
    assert len(alerts.list_open()) == 1


def test_a_run_replaces_the_alerts_of_its_lane_only(alerts, database):
    instance = an_instance(database)
    alerts.open(instance.id, "activities", "no-object", "Missing", "salesforce_admin", NOW)
    first = [Problem("field-missing", "No A", "host_admin"), Problem("too-long", "B", "host_admin")]
    alerts.replace(instance.id, "people", first, NOW)
    again = [Problem("field-missing", "No A", "host_admin"), Problem("field-missing", "No C", "host_admin")]
    alerts.replace(instance.id, "people", again, LATER)
    open_ = {alert.code: alert for alert in alerts.list_open(instance.id)}
    assert set(open_) == {"no-object", "field-missing"}
    assert (open_["field-missing"].message, open_["field-missing"].first_seen_at) == ("No A\nNo C", NOW)
    alerts.replace(instance.id, "people", [], LATER)
    assert [alert.code for alert in alerts.list_open(instance.id)] == ["no-object"]


def test_a_user_signs_in_with_their_own_password_only(users):
    ada = users.add("Ada@Example.org ", "correct horse battery", Role.SUPPORT, NOW, language="fr")
    assert users.check("ada@example.org", "correct horse battery") == ada
    assert users.check("ada@example.org", "wrong horse battery") is None
    assert users.check("bob@example.org", "correct horse battery") is None
    assert (ada.role, ada.language, ada.instance_id) == (Role.SUPPORT, "fr", None)


def test_a_user_name_is_given_once_in_whatever_case(users):
    users.add("ada", "correct horse battery", Role.VIEWER, NOW)
    with pytest.raises(UsageError) as caught:
        users.add("ADA", "correct horse battery", Role.VIEWER, NOW)
    assert caught.value.code == "user-exists"


def test_a_short_password_is_refused(users):
    with pytest.raises(UsageError) as caught:
        users.add("ada", "short", Role.VIEWER, NOW)
    assert caught.value.code == "password-too-short"


def test_a_user_can_be_changed_and_removed(users, database):
    instance = an_instance(database)
    ada = users.add("ada", "correct horse battery", Role.OPERATOR, NOW)
    users.set_role(ada.id, Role.ADMINISTRATOR, instance.id)
    users.set_language(ada.id, "fr")
    users.set_password(ada.id, "another horse battery")
    found = users.check("ada", "another horse battery")
    assert (found.role, found.instance_id, found.language) == (Role.ADMINISTRATOR, instance.id, "fr")
    assert users.check("ada", "correct horse battery") is None
    users.remove(ada.id)
    assert users.list() == []
    with pytest.raises(UsageError):
        users.get_by_id(ada.id)


def test_an_old_hash_is_renewed_at_the_next_sign_in(users, database):
    users.add("ada", "correct horse battery", Role.VIEWER, NOW)
    stronger = Users(database, PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert stronger.check("ada", "correct horse battery") is not None
    assert stronger._hasher.check_needs_rehash(_hash_of_ada(database)) is False


def _hash_of_ada(database):
    from sidecar.store.tables import users as table

    with database.read() as connection:
        return connection.scalar(table.select().with_only_columns(table.c.password_hash))


def test_the_audit_log_tells_who_changed_what_newest_first(database):
    log, instance = AuditLog(database), an_instance(database)
    log.add(AuditEntry("ada", "schedule.interval", NOW, 3600, 600, "asked by phone", instance.id))
    log.add(AuditEntry("bob", "users.add", LATER, None, {"name": "eve"}))
    newest, oldest = log.entries()
    assert (newest.who, newest.after, newest.instance_id) == ("bob", {"name": "eve"}, None)
    assert (oldest.before, oldest.after, oldest.reason, oldest.at) == (3600, 600, "asked by phone", NOW)
    assert log.entries(instance.id) == log.entries(before=newest.id) == [oldest]
