"""Two tickers and three workers, ten instances due at once: each lane runs exactly once, on each kind of database."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from sidecar.store.history import RunState
from tests.conftest import NewDatabase
from tests.deployment import Systems, deploy, open_systems, wait_until
from tests.gate import PATIENCE_SECONDS

CUSTOMERS = tuple(f"customer-{number}" for number in range(10))
LANES = ("people", "activities")
LEAP_DAY = "0 0 29 2 *"
"""When lanes are planned for: no slot of the hour's shall be met, whatever the clock says."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("engine", ["sqlite", "mariadb", "postgres"])
def test_each_due_lane_runs_once_and_in_its_own_systems(
    engine: str, new_redis_database: NewDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database_url = None if engine == "sqlite" else request.getfixturevalue(f"new_{engine}_database")()
    with (
        ExitStack() as stack,
        deploy(database_url=database_url, redis_url=new_redis_database()) as deployment,
    ):
        systems: dict[str, Systems] = {}
        for slug in CUSTOMERS:
            systems[slug] = stack.enter_context(open_systems(tmp_path, slug))
            systems[slug].new_contacts(1, domain=f"{slug}.example")
        instances = [deployment.add_instance(systems[slug], slug, LANES) for slug in CUSTOMERS]
        for instance in instances:
            for lane in LANES:
                deployment.app.schedules.set_cron(instance.id, lane, LEAP_DAY)
                deployment.make_due(instance, lane)

        workers = [deployment.start_worker() for _ in range(3)]
        tickers = [deployment.start("tick", "--json") for _ in range(2)]
        said = [ticker.communicate(timeout=PATIENCE_SECONDS)[0] for ticker in tickers]
        assert [ticker.returncode for ticker in tickers] == [0, 0], said

        def all_done() -> bool:
            runs = [run for instance in instances for lane in LANES for run in deployment.runs(instance, lane)]
            return len(runs) == 20 and all(run.finished_at for run in runs)

        wait_until(all_done, "twenty runs", 200)
        assert deployment.tick() == 0
        assert sum(int("".join(filter(str.isdigit, text))) for text in said) == 20
        assert all(worker.is_alive for worker in workers)
        for slug, instance in zip(CUSTOMERS, instances, strict=True):
            assert [run.state for lane in LANES for run in deployment.runs(instance, lane)] == [RunState.DONE] * 2
            assert [row["Email"] for row in systems[slug].org.rows("Lead")] == [f"p0@{slug}.example"]
