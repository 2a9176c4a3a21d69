"""Opens the platform's database, and says in our words what went wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    NoSuchTableError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from sidecar.errors import SetupError, TransientError

CONNECT_SECONDS = 5
READ_SECONDS = 60
_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite",
}
_REFUSED = {1044, 1045, 1049, 1142, 1143, 1227, 1698}  # MariaDB: rights and sign-in
_REFUSED_STATES = ("28", "42501", "3D000")  # PostgreSQL: the same


def require_address(url: str) -> URL:
    """Return the address with our driver in it; SetupError if it is none of a database that we can use."""
    try:
        parsed = make_url(url)
        driver = _DRIVERS.get(parsed.drivername.partition("+")[0])
    except ArgumentError:
        driver = None
    if driver is None:
        raise SetupError(
            "The address of the host's database is not understood; it must look like postgresql://user:password@host/name, "
            "mysql://… or sqlite:///file",
            code="host-database-address-wrong",
        )
    return parsed.set(drivername=driver)


@lru_cache(maxsize=64)
def open_database(url: str) -> Engine:
    """Return an engine whose sessions tell and take every moment in UTC; the same for the same address."""
    parsed = require_address(url)
    if parsed.drivername == "sqlite":
        engine = create_engine(parsed)
        event.listen(engine, "connect", _be_patient)
        return engine
    is_mysql = parsed.drivername.startswith("mysql")
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS}
    if is_mysql:
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
        arguments |= {"read_timeout": READ_SECONDS, "write_timeout": READ_SECONDS}
        arguments["init_command"] = "SET time_zone = '+00:00'"
    else:
        arguments["options"] = f"-c timezone=UTC -c statement_timeout={READ_SECONDS * 1000}"
    return create_engine(
        parsed, isolation_level="READ COMMITTED", pool_pre_ping=True, pool_recycle=1800, connect_args=arguments
    )


class RefusedError(Exception):
    """The database does not take the values of one statement; `is_clash`: because of a rule about several rows."""

    def __init__(self, *, is_clash: bool) -> None:
        super().__init__("refused")
        self.is_clash = is_clash


@contextmanager
def talking(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is committed at the end.

    Errors become SetupError, TransientError or RefusedError, without any value in them.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except NoSuchTableError:
        raise SetupError("The host's database has no such table", code="host-table-missing") from None
    except (IntegrityError, DataError) as error:
        raise RefusedError(is_clash=isinstance(error, IntegrityError)) from None
    except DBAPIError as error:
        raise _translate(error) from None
    except NoSuchModuleError:
        raise SetupError("There is no driver for the host's database", code="host-database-address-wrong") from None
    except SQLAlchemyError as error:
        raise _unreachable(type(error).__name__) from None


def _translate(error: DBAPIError) -> SetupError | TransientError:
    number = error.orig.args[0] if error.orig is not None and error.orig.args else None
    state = str(getattr(error.orig, "sqlstate", None) or "")
    is_readonly = isinstance(error, OperationalError) and "readonly database" in str(error.orig)
    if number in _REFUSED or state.startswith(_REFUSED_STATES) or is_readonly:
        return SetupError("The host's database refuses our user", code="host-database-refused", fixed_by="host_admin")
    if isinstance(error, ProgrammingError) or "no such" in str(error.orig):
        return SetupError(
            "The host's table is not as it was; check the connection", code="host-table-missing", fixed_by="host_admin"
        )
    return _unreachable(f"error {number}" if isinstance(number, int) else type(error).__name__)


def _unreachable(shown: str) -> TransientError:
    return TransientError(f"The host's database did not answer ({shown})", code="host-database-unreachable")


def _be_patient(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
