"""All scenarios against every host, one after the other: `make matrix`. Prints what each came to, and what a host cannot play."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.world import GENERIC, VERSIONS

ROOT = Path(__file__).parents[1]
SCENARIOS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "integration").glob("test_scenarios_*.py"))
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error)")
_TOLD = ("FAILED", "ERROR", "SKIPPED")


@dataclass(frozen=True)
class Played:
    """What one host came to."""

    host: str
    is_green: bool
    counts: dict[str, int]
    seconds: float
    told: tuple[str, ...]


def play(host: str, options: list[str]) -> Played:
    """Run every scenario against one host."""
    print(f"{host} …", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--timeout=90", "--tb=short", *options, *SCENARIOS]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TEST_HOST": host}, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    if done.returncode:
        print(done.stdout + done.stderr)
    return Played(host, not done.returncode, counted(lines), time.monotonic() - began, tuple(told(lines)))


def counted(lines: list[str]) -> dict[str, int]:
    """Return how many scenarios ended how, by the last line of a run."""
    return {what: int(number) for number, what in _COUNT.findall(lines[-1] if lines else "")}


def told(lines: list[str]) -> list[str]:
    """Return what failed, and what was left out with its reason."""
    return [line for line in lines if line.startswith(_TOLD)]


def main(options: list[str]) -> int:
    """Play everything and print the table; anything but green is a failure."""
    played = [play(host, options) for host in (*VERSIONS, GENERIC)]
    for each in played:
        if each.told:
            print(f"\n{each.host}:", *each.told, sep="\n  ")
    print(f"\n{'host':<10}{'passed':>8}{'failed':>8}{'left out':>10}{'seconds':>9}")
    for each in played:
        wrong = each.counts.get("failed", 0) + each.counts.get("error", 0)
        left_out = each.counts.get("skipped", 0)
        print(f"{each.host:<10}{each.counts.get('passed', 0):>8}{wrong:>8}{left_out:>10}{each.seconds:>9.0f}")
    return 0 if all(each.is_green for each in played) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
