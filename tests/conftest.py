"""Servers and databases for every test that wants one. Nothing is skipped: a missing server is an error."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import sqlalchemy

from tests import services

NewDatabase = Callable[[], str]


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
    yield from _new_sql_database(mariadb_url, "CREATE DATABASE {} CHARACTER SET utf8mb4", "DROP DATABASE {}")


@pytest.fixture
def new_postgres_database(postgres_url: str) -> Iterator[NewDatabase]:
    """Call it for the URL of an empty database of your own; it is dropped after the test."""
    yield from _new_sql_database(postgres_url, "CREATE DATABASE {}", "DROP DATABASE {} WITH (FORCE)")


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
