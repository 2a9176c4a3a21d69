"""Real database and queue servers for the tests: private ports, temporary data, stopped afterwards.

`python -m tests.services run -- CMD…` starts them all, tells CMD where they are (TEST_MARIADB_URL, TEST_POSTGRES_URL,
TEST_REDIS_URL), and returns its exit code. The machine's own servers are never used and never touched.
"""

import contextlib
import ctypes
import fcntl
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1  # linux/prctl.h

START_SECONDS = 60
STOP_SECONDS = 20


class MissingPart(SystemExit):
    """A program the tests need is neither here nor installable."""


@dataclass(frozen=True)
class Part:
    """A program the tests need: where it may be found, and the Debian package that brings it."""

    package: str
    patterns: tuple[str, ...]

    def find(self) -> Path | None:
        """Return the newest match, or None."""
        for pattern in self.patterns:
            if matches := sorted(glob.glob(pattern)):  # noqa: PTH207  (absolute patterns)
                return Path(matches[-1])
        return None

    def require(self) -> Path:
        """Return the program, installing it if we may; MissingPart names what to install otherwise."""
        found = self.find()
        if found is None:
            _install(self.package)
            found = self.find()
        if found is None:
            raise MissingPart(f"The tests need {self.package}, which is not installed. Install it and try again.")
        return found


def _anywhere(*names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names for folder in ("/usr/local/sbin", *_PATH))


_PATH = (*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/bin", "/usr/local/bin")
MARIADB = Part("mariadb-server", _anywhere("mariadbd"))
MARIADB_INSTALL = Part("mariadb-server", _anywhere("mariadb-install-db"))
POSTGRES = Part("postgresql", ("/usr/lib/postgresql/*/bin/postgres", *_anywhere("postgres")))
REDIS = Part("redis-server", _anywhere("redis-server", "valkey-server"))
CHROMIUM = Part("chromium", _anywhere("chromium", "chromium-browser", "google-chrome"))
PHP = Part("php-cli", _anywhere("php"))
PHPUNIT = Part("phpunit", _anywhere("phpunit"))
PHP_SQLITE = Part("php-sqlite3", ("/usr/lib/php/*/pdo_sqlite.so",))
PHP_MBSTRING = Part("php-mbstring", ("/usr/lib/php/*/mbstring.so",))


def require_php() -> None:
    """Make sure that the bundle's tests can run: PHP, two of its extensions, PHPUnit."""
    for part in (PHP, PHP_SQLITE, PHP_MBSTRING, PHPUNIT):
        part.require()


def _install(package: str) -> None:
    """Install a Debian package when we are allowed to, without starting the service it brings."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    with Path(tempfile.gettempdir(), "sidecar-tests-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        print(f"Installing {package} for the tests …", file=sys.stderr)
        updated = Path("/var/lib/apt/periodic-sidecar-tests-updated")
        if not updated.exists() or time.time() - updated.stat().st_mtime > 3600:
            if subprocess.run(["apt-get", "update", "-q"], env=environment, stdout=sys.stderr, check=False).returncode:
                raise MissingPart(f"The tests need {package}; `apt-get update` failed, so it could not be installed.")
            updated.touch()
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
        if subprocess.run([*command, package], env=environment, stdout=sys.stderr, check=False).returncode:
            raise MissingPart(f"The tests need {package}; `apt-get install {package}` failed.")


@dataclass(frozen=True)
class Running:
    """A server that answers, and where."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals

    def stop(self) -> None:
        """End the server and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_mariadb(folder: Path) -> Running:
    """Start MariaDB on a fresh data directory; root has no password."""
    data, port = folder / "data", _free_port()
    own = ["--no-defaults", f"--datadir={data}"] + (["--user=root"] if os.geteuid() == 0 else [])
    installer = [str(MARIADB_INSTALL.require()), *own, "--auth-root-authentication-method=normal", "--skip-test-db"]
    _check(installer, folder)
    fast = [
        "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0",
        "--innodb-buffer-pool-size=96M", "--innodb-log-file-size=32M", "--skip-log-bin", "--performance-schema=0",
        "--max-connections=300",
    ]  # fmt: skip
    where = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/server.sock", f"--pid-file={folder}/pid"]
    words = ["--character-set-server=utf8mb4", "--skip-name-resolve", f"--tmpdir={folder}"]
    process = _spawn([str(MARIADB.require()), *own, *where, *fast, *words], folder)
    _wait("MariaDB", folder, process, lambda: _answers_mysql(port))
    return Running("mariadb", f"mysql+pymysql://root@127.0.0.1:{port}/", process, signal.SIGTERM)


def start_postgres(folder: Path) -> Running:
    """Start PostgreSQL on a fresh data directory; it refuses to run as root, so a system user runs it."""
    server, data, port, user = POSTGRES.require(), folder / "data", _free_port(), _unprivileged_user()
    if user is not None:
        os.chown(folder, user, -1)
    initdb = [str(server.with_name("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    _check([*initdb, "--no-sync", "--locale=C.UTF-8"], folder, user)
    settings = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off",
        "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": 300,
        "autovacuum": "off",
    }  # fmt: skip
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    process = _spawn([str(server), "-D", str(data), *options], folder, user)
    _wait("PostgreSQL", folder, process, lambda: _answers_postgres(port))
    return Running("postgres", f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres", process, signal.SIGINT)


def start_redis(folder: Path) -> Running:
    """Start Redis with room for one numbered database per test, keeping nothing on disk."""
    port = _free_port()
    where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    process = _spawn([str(REDIS.require()), *where, "--save", "", "--databases", "10000"], folder)
    _wait("Redis", folder, process, lambda: _answers_redis(port))
    return Running("redis", f"redis://127.0.0.1:{port}/0", process, signal.SIGTERM)


STARTERS: dict[str, Callable[[Path], Running]] = {
    "TEST_MARIADB_URL": start_mariadb,
    "TEST_POSTGRES_URL": start_postgres,
    "TEST_REDIS_URL": start_redis,
}


@contextlib.contextmanager
def running(start: Callable[[Path], Running]) -> Iterator[Running]:
    """Run one server in a temporary directory for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="sidecar-tests-", ignore_cleanup_errors=True) as name:
        server = start(Path(name))
        try:
            yield server
        finally:
            server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unprivileged_user() -> int | None:
    """Return the id of a user that may run PostgreSQL, or None when we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return names.get("postgres", names.get("nobody", 65534))


def _spawn(command: Sequence[str], folder: Path, user: int | None = None) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=user,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  (one system call, its library loaded before)
        )


def _die_with_parent() -> None:
    """Have the kernel end a server whose test process was killed without a chance to stop it."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _check(command: Sequence[str], folder: Path, user: int | None = None) -> None:
    """Run a command to its end; its output is shown if it fails."""
    if _spawn(command, folder, user).wait():
        raise MissingPart(f"{command[0]} failed:\n{(folder / 'log').read_text(errors='replace')[-3000:]}")


def _wait(name: str, folder: Path, process: subprocess.Popen[bytes], answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers():
            return
        time.sleep(0.05)
    process.kill()
    process.wait()
    log = (folder / "log").read_text(errors="replace")[-3000:]
    raise MissingPart(f"{name} did not start within {START_SECONDS} seconds:\n{log}")


def _exchange(port: int, question: bytes) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(question)
            return connection.recv(64)
    except OSError:
        return b""


def _answers_mysql(port: int) -> bool:
    import pymysql

    try:
        pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2).close()
    except (pymysql.err.OperationalError, OSError):
        return False
    return True


def _answers_postgres(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _answers_redis(port: int) -> bool:
    return _exchange(port, b"PING\r\n").startswith(b"+PONG")


def run(command: Sequence[str]) -> int:
    """Start what is not already given by the environment, run the command, stop everything, return its exit code."""
    CHROMIUM.require()
    require_php()
    with contextlib.ExitStack() as stack:
        environment = dict(os.environ)
        for variable, start in STARTERS.items():
            if variable not in environment:
                environment[variable] = stack.enter_context(running(start)).url
        with subprocess.Popen(command, env=environment) as process:
            return _wait_through_interrupt(process)


def _wait_through_interrupt(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        raise


def _stop_in_order(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    if sys.argv[1:3] != ["run", "--"] or len(sys.argv) < 4:
        raise SystemExit("Usage: python -m tests.services run -- COMMAND [ARGUMENT …]")
    signal.signal(signal.SIGTERM, _stop_in_order)
    raise SystemExit(run(sys.argv[3:]))
