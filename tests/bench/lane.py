"""Runs one lane once in a process of its own, at a later time, and prints what it cost us, as JSON.

`python -m tests.bench.lane INSTANCE LANE HOURS_AHEAD`
"""

import json
import re
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from sidecar.bootstrap import bootstrap
from sidecar.clock import utc_now
from sidecar.lanes import run_lane
from sidecar.records import Side


def main(instance_id: int, lane: str, hours_ahead: int) -> None:
    app = replace(bootstrap(), clock=lambda: utc_now() + timedelta(hours=hours_ahead))
    instance = app.instances.get_by_id(instance_id)
    statements = count_statements()
    began, cpu = time.perf_counter(), time.process_time()
    report = run_lane(app, instance, lane, "bench")
    cost = {
        "state": str(report.state),
        "counts": {str(status): dict(reasons) for status, reasons in report.counts.items()},
        "salesforce_calls": report.calls[Side.SALESFORCE],
        "mautic_calls": report.calls[Side.HOST],
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": peak_mib(),
        "statements": dict(statements),
    }
    sys.stdout.write(json.dumps(cost) + "\n")


def peak_mib() -> float:
    """Return the most memory this process ever held.

    getrusage() would tell of the process that started us too, if that was larger: Linux keeps its mark across exec.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def count_statements() -> Counter[str]:
    """Count from now on what is asked of our database and of Mautic's."""
    found: Counter[str] = Counter()

    def count(connection: Any, _cursor: Any, _statement: str, *_: Any) -> None:
        found["mautic" if "mautic" in str(connection.engine.url.database) else "ours"] += 1

    event.listen(Engine, "before_cursor_execute", count)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
