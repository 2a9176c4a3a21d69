"""The embedded queue server: found, started once, tied to whoever started it, and nothing is lost by its end."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from sidecar.errors import SetupError
from sidecar.valkey import EmbeddedValkey

START_AND_WAIT = """
import sys, time
from pathlib import Path
from sidecar.valkey import EmbeddedValkey
EmbeddedValkey(Path(sys.argv[1])).start()
print("started", flush=True)
time.sleep(60)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="valkey-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(home)
    yield server
    server.stop()


def eventually(fact: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.02)  # another process needs real time
    return fact()


def client_of(server: EmbeddedValkey) -> "redis.Redis":
    return redis.Redis(unix_socket_path=str(server.socket))


def test_it_is_ready_when_start_returns_and_gone_when_stop_returns(server: EmbeddedValkey) -> None:
    assert server.start() is True
    assert server.answers()
    server.stop()
    assert not server.answers()


def test_only_our_user_can_reach_it_and_only_through_the_file_system(server: EmbeddedValkey) -> None:
    server.start()
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    with client_of(server) as client:
        assert client.config_get("port") == {"port": "0"}


def test_a_second_start_uses_the_server_that_is_there(server: EmbeddedValkey, home: Path) -> None:
    server.start()
    other = EmbeddedValkey(home)
    assert other.start() is False
    other.stop()
    assert server.answers()


def test_what_waits_is_still_there_after_a_restart(server: EmbeddedValkey) -> None:
    server.start()
    with client_of(server) as client:
        client.set("waiting", "job")
    server.stop()
    server.start()
    with client_of(server) as client:
        assert client.get("waiting") == b"job"


def test_nobody_can_empty_it_by_one_command(server: EmbeddedValkey) -> None:
    server.start()
    with client_of(server) as client, pytest.raises(redis.ResponseError, match="unknown command"):
        client.flushall()


def test_it_ends_when_the_process_that_started_it_is_killed(server: EmbeddedValkey, home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", START_AND_WAIT, str(home)], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        assert server.answers()
        os.kill(starter.pid, signal.SIGKILL)
    assert eventually(lambda: not server.answers())


def test_a_watcher_starts_it_again_when_it_is_gone(server: EmbeddedValkey) -> None:
    server.keep_running()
    with client_of(server) as client:
        client.shutdown()
    assert eventually(server.answers)


def test_a_home_whose_socket_path_would_be_too_long_is_refused_in_words(home: Path) -> None:
    with pytest.raises(SetupError, match="too long"):
        EmbeddedValkey(home / ("x" * 120)).start()
