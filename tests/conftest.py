"""Servers and databases for every test that wants one. Nothing is skipped: a missing server is an error."""

import gc
import ipaddress
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
import sqlalchemy

from tests import services

if TYPE_CHECKING:
    from sidecar.store.session import Database

# Worlds are made and thrown away by the thousand: looking for cycles rarely saves a fifth of the suite's time.
gc.set_threshold(100_000, 50, 100)

NewDatabase = Callable[[], str]

_MARIADB = ("CREATE DATABASE {} CHARACTER SET utf8mb4", "DROP DATABASE {}")
_POSTGRES = ("CREATE DATABASE {}", "DROP DATABASE {} WITH (FORCE)")


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuse every connection that would leave this machine: no test may depend on the world outside, or disturb it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(variable: str) -> Iterator[str]:
    if given := os.environ.get(variable):
        yield given
        return
    with services.running(services.STARTERS[variable]) as server:
        yield server.url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """A MariaDB server; root may do everything."""
    yield from _url("TEST_MARIADB_URL")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server; its user may do everything."""
    yield from _url("TEST_POSTGRES_URL")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis server; use new_redis_database() for one of its databases to yourself."""
    yield from _url("TEST_REDIS_URL")


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The browser's program."""
    return services.CHROMIUM.require()


@pytest.fixture
def new_mariadb_database(mariadb_url: str) -> Iterator[NewDatabase]:
    """Call it for the URL of an empty database of your own; it is dropped after the test."""
    yield from _new_sql_database(mariadb_url, *_MARIADB)


@pytest.fixture
def new_postgres_database(postgres_url: str) -> Iterator[NewDatabase]:
    """Call it for the URL of an empty database of your own; it is dropped after the test."""
    yield from _new_sql_database(postgres_url, *_POSTGRES)


@pytest.fixture
def new_redis_database(redis_url: str) -> Iterator[NewDatabase]:
    """Call it for the URL of an empty Redis database of your own; it is emptied after the test."""
    made: list[str] = []

    def new() -> str:
        with redis.Redis.from_url(redis_url) as server:
            number = int(server.incr("tests:databases"))
        made.append(f"{redis_url.rpartition('/')[0]}/{number}")
        return made[-1]

    yield new
    for url in made:
        with redis.Redis.from_url(url) as server:
            server.flushdb()


def _new_sql_database(server_url: str, create: str, drop: str) -> Iterator[NewDatabase]:
    engine = sqlalchemy.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    made: list[str] = []

    def execute(statement: str) -> None:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(statement))

    def new() -> str:
        made.append(f"test_{uuid.uuid4().hex}")
        execute(create.format(made[-1]))
        return sqlalchemy.make_url(server_url).set(database=made[-1]).render_as_string(hide_password=False)

    yield new
    for name in made:
        execute(drop.format(name))
    engine.dispose()


@pytest.fixture(scope="session")
def _sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Database]":
    yield from _upgraded(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.sqlite3")


@pytest.fixture(scope="session")
def _mariadb_store(mariadb_url: str) -> "Iterator[Database]":
    for new in _new_sql_database(mariadb_url, *_MARIADB):
        yield from _upgraded(new())


@pytest.fixture(scope="session")
def _postgres_store(postgres_url: str) -> "Iterator[Database]":
    for new in _new_sql_database(postgres_url, *_POSTGRES):
        yield from _upgraded(new())


@pytest.fixture(params=["sqlite", "mariadb", "postgres"])
def database(request: pytest.FixtureRequest) -> "Iterator[Database]":
    """An empty, upgraded state database; the test runs on each of the three engines."""
    store = request.getfixturevalue(f"_{request.param}_store")
    yield store
    _empty(store)


@pytest.fixture
def sqlite_database(_sqlite_store: "Database") -> "Iterator[Database]":
    """An empty, upgraded state database on SQLite, for tests to which the engine does not matter."""
    yield _sqlite_store
    _empty(_sqlite_store)


def _upgraded(url: str) -> "Iterator[Database]":
    from sidecar.store.session import Database

    store = Database(url)
    store.upgrade()
    yield store
    store.close()


def _empty(store: "Database") -> None:
    from sidecar.store.tables import metadata

    with store.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
