"""Opens Mautic's database for reading only, and says in our words what went wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from sidecar.errors import SetupError, SidecarError, TransientError

CONNECT_SECONDS = 5
READ_SECONDS = 60

_REFUSED = {1044, 1045, 1049, 1142, 1143, 1227, 1251, 1698, 2059}  # MariaDB, "Error codes": rights and sign-in
_NO_TABLE = {1146}
_NO_COLUMN = {1054}


@lru_cache(maxsize=64)
def open_database(url: str) -> Engine:
    """Return an engine whose sessions cannot write: READ ONLY where the server knows it, query_only in SQLite.

    The same for the same address: its statements are compiled once, not in each run. Whoever is done lets go of its
    connections (`dispose`); the next use opens new ones.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed)
        event.listen(engine, "connect", _make_sqlite_read_only)
        return engine
    engine = create_engine(
        parsed.set(drivername="mysql+pymysql").update_query_dict({"charset": "utf8mb4"}),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "write_timeout": READ_SECONDS},
    )
    event.listen(engine, "connect", _make_mysql_read_only)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection; errors of the database become SetupError or TransientError without any value in them."""
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise _translate(error) from None
    except NoSuchTableError:
        raise _without_tables() from None
    except SQLAlchemyError as error:
        raise TransientError(
            f"Mautic's database did not answer ({type(error).__name__})", code="mautic-database-unreachable"
        ) from None


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        known = parsed.get_backend_name() in {"mysql", "mariadb", "sqlite"}
    except (ArgumentError, NoSuchModuleError):
        known = False
    if not known:
        raise SetupError(
            "The address of Mautic's database is not understood; it must look like mysql://user:password@host/name",
            code="mautic-database-address-wrong",
        )
    return parsed


def _make_mysql_read_only(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")


def _make_sqlite_read_only(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA busy_timeout = 5000")


def _translate(error: DBAPIError) -> SidecarError:
    number = error.orig.args[0] if error.orig is not None and error.orig.args else None
    text = str(number) if isinstance(number, str) else ""
    if number in _NO_TABLE or "no such table" in text:
        return _without_tables()
    if number in _NO_COLUMN or "no such column" in text:
        return TransientError("A field of Mautic's was removed while it was read", code="mautic-fields-changed")
    if number in _REFUSED:
        return SetupError(
            f"Mautic's database refuses our user (error {number})",
            code="mautic-database-refused",
            fixed_by="host_admin",
        )
    shown = f"error {number}" if isinstance(number, int) else type(error).__name__
    return TransientError(f"Mautic's database did not answer ({shown})", code="mautic-database-unreachable")


def _without_tables() -> SetupError:
    return SetupError(
        "The database has no table of Mautic's under the configured prefix", code="mautic-database-without-tables"
    )
