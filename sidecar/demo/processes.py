"""The sidecar's own commands as child processes: what a reader would type, run with the demo's settings."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from sidecar.errors import SetupError
from sidecar.valkey import TIE_TO_PARENT

SIDECAR = (sys.executable, "-m", "sidecar")
STOP_SECONDS = 10


class Children:
    """Runs commands to their end, and keeps others running until the block is left.

    They have a process group of their own, so that Ctrl-C reaches us alone and we stop them in order; on Linux the kernel
    stops them should we be killed.
    """

    def __init__(self, environment: Mapping[str, str], logs: Path, console: Console) -> None:
        self._environment = environment
        self._logs = logs
        self._console = console
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Children":
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, *words: str) -> None:
        """Show a command, run it in front of the reader, and go on only if it went well."""
        self._run(words, [], None)

    def ask(self, *words: str) -> Any:
        """Show a command, run it, and return what it answers to machines."""
        return json.loads(self._run(words, ["--json"], subprocess.PIPE))

    def _run(self, words: Sequence[str], more: Sequence[str], output: int | None) -> bytes:
        self._console.print(f"\n[bold cyan]$ sidecar {shlex.join(words)}[/]", soft_wrap=True)
        self._console.file.flush()
        done = subprocess.run(  # noqa: S603  (our own commands)
            [*SIDECAR, *words, *more], env=self._environment, stdin=subprocess.DEVNULL, stdout=output, check=False
        )
        if done.returncode:
            raise SetupError(f"`sidecar {words[0]}` ended with {done.returncode}", code="demo-command-failed")
        return done.stdout or b""

    def start(self, name: str, *words: str) -> None:
        """Start a command that goes on in the background; what it says goes to a file of that name."""
        tied = [sys.executable, "-I", "-S", "-c", TIE_TO_PARENT, str(os.getpid())] if sys.platform == "linux" else []
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603  (our own commands)
                [*tied, *SIDECAR, *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def require_alive(self) -> None:
        """Raise SetupError if one of them ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise SetupError(f"{name} ended by itself; see {self._log(name)}", code="demo-process-ended")

    def stop(self) -> None:
        """Ask all of them to stop, the latest first, and see to it that they do."""
        for process in reversed(self._running.values()):
            process.terminate()
        for process in reversed(self._running.values()):
            _wait(process)
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _wait(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the end; a second request makes a worker give up its job, and after that the whole group is killed."""
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal_)
    process.wait()
