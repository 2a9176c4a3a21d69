"""Measures calls, time and memory against the sandboxes, and prints them beside what is aimed at.

`python -m tests.bench [people]`. Times hold both sandboxes' own work too, so they are upper bounds; calls are exact.
"""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.world import World, make_world


@dataclass
class Bench:
    """One world, and what was measured in it."""

    world: World
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def measure(self, what: str, aim: int, work: Callable[[], object]) -> None:
        """Note what some work costs: calls to the org, seconds, memory that stayed."""
        before, memory, began = self.world.org.calls, _memory_mib(), time.perf_counter()
        work()
        calls, seconds = self.world.org.calls - before, time.perf_counter() - began
        grown = _memory_mib() - memory
        self.rows.append(
            (what, f"{calls} (≤ {aim}){'' if calls <= aim else ' ✗'}", f"{seconds:.1f} s", f"+{grown:.0f} MiB")
        )

    def show(self) -> None:
        """Print the table."""
        table = Table("What", "Calls to Salesforce (aim)", "Time", "Memory", title="Bench")
        for row in self.rows:
            table.add_row(*row)
        Console().print(table)


def _memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def aim(calls: int, people: int) -> int:
    """Return how many calls we allow ourselves: aims are set per 1,000 people, begun thousands count as whole."""
    return calls * -(-people // 1000)


def bench_people(people: int) -> Bench:
    """Push new people, push changes, pull changes, and do nothing."""
    world = make_world()
    bench = Bench(world)
    contacts = [{"email": f"p{n}@example.org", "firstname": "Pat", "lastname": f"Person {n}"} for n in range(people)]
    world.host.create_many(contacts)
    bench.measure(f"Mautic → Salesforce, {people} new people", aim(8, people), world.sync)
    for contact in world.host.contacts():
        world.host.edit_contact(int(contact["id"]), {"firstname": "Kim"})
    bench.measure(f"Mautic → Salesforce, {people} changed people", aim(6, people), world.sync)
    world.settle(runs=1)
    bench.measure("An hour in which nothing changed", 2, world.sync)
    for lead in world.org.rows("Lead"):
        world.org.update("Lead", lead["Id"], {"FirstName": "Sam"})
    bench.measure(f"Salesforce → Mautic, {people} changed people", aim(8, people), world.sync)
    return bench


if __name__ == "__main__":
    bench = bench_people(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    bench.show()
    bench.world.close()
