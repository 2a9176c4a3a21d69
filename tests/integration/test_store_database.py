"""The state database itself: migrations, time stamps, transactions, on all three engines."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from sidecar.errors import SetupError, TransientError
from sidecar.store.bulk import chunks, upsert
from sidecar.store.instances import Instances
from sidecar.store.session import Database
from sidecar.store.tables import api_usage, instances, metadata
from tests.builders_store import NOW, an_instance


def test_migrations_from_nothing_make_exactly_the_tables_of_the_program(database):
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_changes_nothing(database):
    database.upgrade()
    assert database.is_current()


def test_a_database_that_was_never_upgraded_says_what_to_do(tmp_path: Path):
    empty = Database(f"sqlite:///{tmp_path}/empty.sqlite3")
    assert not empty.is_current()
    with pytest.raises(SetupError) as caught:
        Instances(empty).list()
    assert caught.value.code == "database-not-upgraded"
    empty.close()


@pytest.mark.parametrize("new", ["new_mariadb_database", "new_postgres_database"])
def test_an_empty_server_database_says_what_to_do(new, request):
    empty = Database(request.getfixturevalue(new)())
    with pytest.raises(SetupError) as caught:
        Instances(empty).list()
    assert caught.value.code == "database-not-upgraded"
    empty.close()


def test_a_mariadb_url_means_the_same_as_a_mysql_one():
    assert Database("mariadb+pymysql://nobody@127.0.0.1:1/nothing").dialect == "mysql"


@pytest.mark.parametrize("url", ["mysql+pymysql://x@127.0.0.1:1/y", "postgresql+psycopg://x@127.0.0.1:1/y"])
def test_a_server_that_is_away_is_something_to_wait_for(url):
    with pytest.raises(TransientError) as caught:
        Instances(Database(url)).list()
    assert caught.value.code == "database-unavailable"


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x/y"])
def test_a_url_that_cannot_be_used_is_a_setup_problem(url):
    with pytest.raises(SetupError) as caught:
        Database(url)
    assert caught.value.code == "database-url-unreadable"


def test_time_stamps_come_back_in_utc_to_the_microsecond(database):
    there = datetime(2026, 3, 29, 4, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    found = Instances(database).add("acme", "Acme", NOW, synced_from=there)
    assert found.synced_from == there
    assert found.synced_from.tzinfo is UTC
    assert found.synced_from.microsecond == 123456


def test_a_time_stamp_without_a_time_zone_is_refused(database):
    with pytest.raises(sa.exc.StatementError, match="without a time zone"):
        Instances(database).add("acme", "Acme", datetime(2026, 1, 1))  # noqa: DTZ001  (what must be refused)
    assert Instances(database).list() == []


def test_a_transaction_left_by_an_exception_changes_nothing(database):
    def write_half():
        with database.write() as connection:
            connection.execute(
                instances.insert(),
                {"slug": "a", "label": "A", "state": "draft", "salt": b"", "synced_from": NOW, "created_at": NOW},
            )
            raise KeyError("a bug")

    with pytest.raises(KeyError):
        write_half()
    assert Instances(database).list() == []


def test_ids_that_differ_in_case_are_different(database):
    Instances(database).add("acme", "Acme", NOW)
    with database.read() as connection:
        assert connection.scalar(sa.select(instances.c.id).where(instances.c.slug == "ACME")) is None


def test_names_in_any_script_are_kept(database):
    assert Instances(database).add("acme", "Ærø 株式会社 😀", NOW).label == "Ærø 株式会社 😀"


def test_an_upsert_replaces_adds_and_keeps(database):
    row = {"instance_id": an_instance(database).id, "side": "host", "hour": NOW, "calls": 3, "used": 10, "seen_at": NOW}
    keys = ("instance_id", "side", "hour")
    with database.write() as connection:
        upsert(connection, api_usage, [row], keys, update=("used",), add=("calls",))
        upsert(connection, api_usage, [row | {"used": 20}], keys, update=("used",), add=("calls",))
        upsert(connection, api_usage, [row | {"used": 30, "calls": 99}], keys)
        found = connection.execute(sa.select(api_usage.c.calls, api_usage.c.used)).one()
    assert (found.calls, found.used) == (6, 20)


def test_an_error_does_not_tell_the_values_that_caused_it(database):
    an_instance(database)
    row = {
        "slug": "acme",
        "label": "ada@example.org",
        "state": "draft",
        "salt": b"",
        "synced_from": NOW,
        "created_at": NOW,
    }
    with pytest.raises(sa.exc.IntegrityError) as caught, database.write() as connection:
        connection.execute(instances.insert(), row)
    assert "ada@example.org" not in str(caught.value)


def test_chunks_lose_nothing():
    assert [list(some) for some in chunks([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
