"""How long Mautic waits for the answer to a webhook, when many come and our own database is slow."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.cases import Row
from tests.hook_load import prepare, run_load, served_by_gunicorn, told

SECONDS, PER_SECOND, STATEMENT_SECONDS = 60, 100, 0.15
LONGEST_SECONDS = 0.2


def bench_hooks() -> Iterator[Row]:
    """Post deliveries for a minute to two web processes, each statement of whose database takes 150 ms."""
    with tempfile.TemporaryDirectory(prefix="sidecar-hooks-") as folder:
        home = Path(folder) / "home"
        prepare(home)
        with served_by_gunicorn(home, STATEMENT_SECONDS) as port:
            answers, seconds = run_load(port, SECONDS, PER_SECOND)
        found = told(home, answers, seconds)
    is_lossless = found.answers == {200: len(seconds)} and found.noted == len(seconds)
    yield Row(
        f"Answer to a webhook, 95th percentile of {len(seconds):,} at {PER_SECOND}/s, 150 ms per statement",
        "",
        f"{found.p95_seconds * 1000:.0f} ms (longest {max(seconds) * 1000:.0f} ms)",
        "< 200 ms",
        found.p95_seconds < LONGEST_SECONDS,
        f"{LONGEST_SECONDS / found.p95_seconds:.0f} ×",
    )
    yield Row(
        "… lost of them, and runs queued in the minute",
        "",
        f"{len(seconds) - found.noted} lost, {len(found.runs)} runs at least {found.least_gap_seconds:.1f} s apart",
        "none, 7 runs 10 s apart",
        is_lossless and len(found.runs) <= 7 and found.least_gap_seconds >= 9.9,
    )
