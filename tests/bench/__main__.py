"""`python -m tests.bench [CASE …] [--write FILE]`, all cases by default; exits with 1 if an aim is missed."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import cases
from tests.bench.cases import Row
from tests.bench.hooks import bench_hooks
from tests.bench.push_now import bench_push_now

CASES = {**cases.CASES, "hooks": bench_hooks, "pushes": bench_push_now}
COLUMNS = ("What", "The plugin of Mautic 5.1.1", "The sidecar", "Better by", "Aim", "Met")
PREFACE = """# What a sync costs

`make bench` measures it, beside what Mautic's own Salesforce plugin (version 5.1.1) was measured to cost. Last run: {date}, on a
machine with {cores} cores that did other work too.

Calls to Salesforce are the same everywhere; requests to Mautic and statements differ by a few, because batches grow and shrink with
the time Mautic takes. The plugin's statements were not counted: at least one per person.

Times are wall clock between two sandboxes over HTTP on the
same machine, so they hold the sandboxes' work too; where it matters it is told apart. **The sandbox Mautic is not Mautic**: a real
one takes 114 to 156 contacts per second in batches from four clients on two cores, whoever sends them, and that decides how long a
pull takes. The plugin was measured inside a real Mautic, against a look-alike of Salesforce that answers in under a millisecond.
Every run of ours has a process of its own; its peak memory holds the interpreter and all libraries (some 95 MiB).

"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure what a sync costs.")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="only these; all by default")
    parser.add_argument("--write", type=Path, help="write the table into this document as well")
    wishes = parser.parse_args()
    console, rows = Console(), []
    for name in wishes.cases or CASES:
        for row in CASES[name]():
            console.print(f"{row.what}: {row.ours}{'' if row.is_met else '  ✗'}", highlight=False)
            rows.append(row)
    table = Table(*COLUMNS, title="Bench")
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    if wishes.write:
        wishes.write.write_text(as_markdown(rows), encoding="utf-8")
    return 0 if all(row.is_met for row in rows) else 1


def cells(row: Row) -> tuple[str, ...]:
    return row.what, row.native or "–", row.ours, row.ratio or "–", row.aim or "–", "yes" if row.is_met else "no"


def as_markdown(rows: Sequence[Row]) -> str:
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(cells(row) for row in rows)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return PREFACE.format(date=f"{datetime.now(UTC):%Y-%m-%d}", cores=os.cpu_count()) + table + "\n"


if __name__ == "__main__":
    sys.exit(main())
