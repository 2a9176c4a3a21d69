"""The connection to the state database, the same on SQLite, MariaDB and PostgreSQL. Start here."""

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError as BadUrlError
from sqlalchemy.exc import DBAPIError, InterfaceError, NoSuchModuleError, OperationalError, ProgrammingError

from sidecar.errors import SetupError, TransientError

_UPGRADE_LOCK = 7_340_221
"""Any number will do, as long as it stays: two processes that upgrade at once must ask for the same lock."""


class Database:
    """Hands out transactions. Cheap to make, connects at first use, safe to share between threads, not after a fork."""

    def __init__(self, url: str) -> None:
        self._engine = _create_engine(url)
        self._writing = self._engine.execution_options(begin="BEGIN IMMEDIATE")

    @property
    def dialect(self) -> str:
        """sqlite, mysql (MariaDB too) or postgresql."""
        return self._engine.dialect.name

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction for reading."""
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction for writing; commits at the end of the block, rolls back if it is left by an exception.

        Errors: TransientError when the database is away, busy or chose us as a deadlock's victim.
        """
        with _translated(), self._writing.begin() as connection:
            yield connection

    def upgrade(self) -> None:
        """Bring the tables to this version of the program. Can be repeated; two at once wait for each other."""
        if self.dialect == "sqlite":
            self._use_write_ahead_log()
        from sidecar.store import upgrading  # noqa: PLC0415  (every command would wait for Alembic to load)

        with self.write() as connection, _upgrade_lock(connection):
            upgrading.upgrade(connection)

    def is_current(self) -> bool:
        """Tell whether the tables are those of this version of the program."""
        from sidecar.store import upgrading  # noqa: PLC0415  (every command would wait for Alembic to load)

        with self.read() as connection:
            return upgrading.is_current(connection)

    def close(self) -> None:
        """Close all idle connections; the next use opens new ones."""
        self._engine.dispose()

    def _use_write_ahead_log(self) -> None:
        """Let readers go on while one writes; SQLite remembers it in the file. Must happen outside a transaction."""
        with _translated(), contextlib.closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA journal_mode=WAL").close()


def _create_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except BadUrlError as error:
        raise SetupError("The database URL cannot be read", code="database-url-unreadable") from error
    if parsed.drivername.startswith("mariadb"):  # SQLAlchemy keeps a second dialect for what is one to us
        parsed = parsed.set(drivername=parsed.drivername.replace("mariadb", "mysql"))
    try:
        # Parameters hold personal data, which must not end up in an error's text.
        engine = create_engine(parsed, hide_parameters=True, **_options(parsed))
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise SetupError(f"No driver for {parsed.drivername} databases", code="database-url-unreadable") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _options(url: URL) -> dict[str, Any]:
    match url.get_backend_name():
        case "sqlite":
            return {"connect_args": {"timeout": 10}}
        case "mysql":
            # READ COMMITTED: no gap locks, and a waiting update sees what the winner left.
            arguments = {"charset": "utf8mb4", "connect_timeout": 10}
            return {"isolation_level": "READ COMMITTED", "pool_pre_ping": True, "pool_recycle": 1800,
                    "connect_args": arguments}  # fmt: skip
        case _:
            return {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10}}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late and is never IMMEDIATE
    for pragma in ("busy_timeout=10000", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once where we mean to write: upgrading a read lock later fails when two try."""
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if "no such table" in str(error.orig):
            raise SetupError("The database has no tables yet: run the upgrade", code="database-not-upgraded") from error
        raise TransientError("The state database does not answer or is busy", code="database-unavailable") from error
    except ProgrammingError as error:
        if _is_missing_table(error):
            raise SetupError("The database has no tables yet: run the upgrade", code="database-not-upgraded") from error
        raise


def _is_missing_table(error: DBAPIError) -> bool:
    arguments = getattr(error.orig, "args", ())
    return getattr(error.orig, "sqlstate", None) == "42P01" or arguments[:1] == (1146,)


@contextlib.contextmanager
def _upgrade_lock(connection: Connection) -> Iterator[None]:
    match connection.dialect.name:
        case "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
            yield
        case "mysql":
            name = {"lock": f"sidecar-{_UPGRADE_LOCK}"}
            connection.execute(text("SELECT GET_LOCK(:lock, 60)"), name)
            try:
                yield
            finally:
                connection.execute(text("SELECT RELEASE_LOCK(:lock)"), name)
        case _:
            yield  # BEGIN IMMEDIATE is the lock
