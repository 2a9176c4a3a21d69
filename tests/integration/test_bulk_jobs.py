"""Bulk jobs between the sidecar and an org: a backlog read by one query, refusals that lead back to pages, a worker killed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy

from sidecar.bootstrap import OpenSides
from sidecar.lanes import prepare_rules
from sidecar.salesforce.client import SalesforceClient
from sidecar.sandbox.org.ids import make_id
from sidecar.store.history import RunState
from sidecar.store.tables import bulk_jobs, links, outbox
from sidecar.sync.model import Window
from tests.conftest import NewDatabase
from tests.deployment import deploy, open_systems
from tests.unit.test_salesforce_bulk import Log
from tests.world import World

MANY = 60


@pytest.fixture
def reader(world: World) -> Iterator:
    """A side that reads ten rows a page, and takes a job from thirty on."""
    side = world.app.connect_salesforce(world.instance)
    side._reader._page_size, side._reader._worth_a_job = 10, 30
    side.use_jobs(Log())
    yield side
    side.close()


def read_all(world: World, side, window: Window | None = None) -> list:
    world.later(minutes=1)
    host = world.app.connect_host(world.instance)
    rules = prepare_rules(world.app, world.instance, "people", OpenSides(host, side, None))
    host.close()
    window = window or Window(world.instance.synced_from, world.now)
    return list(side.read_changes(rules, "Lead", window))


def make_leads(world: World, count: int = MANY) -> list[str]:
    rows = [{"LastName": f'Roe "{i}", Jr.', "Company": "C", "HasOptedOutOfEmail": i % 2 == 0} for i in range(count)]
    return world.org.insert_many("Lead", rows)


def test_a_backlog_is_read_by_one_job_and_is_the_same_as_by_pages(world: World, reader) -> None:
    ids = make_leads(world)
    by_job = read_all(world, reader)
    [job] = world.org.bulk.jobs.values()
    reader._reader.jobs = None
    by_pages = read_all(world, reader)
    assert [record for page in by_job for record in page.records] == [r for page in by_pages for r in page.records]
    assert [page.cursor for page in by_job] == [page.cursor for page in by_pages]
    assert {record.ref.id for page in by_job for record in page.records} == set(ids)
    assert (job.operation, job.state) == ("queryAll", "JobComplete")


def test_a_small_backlog_is_read_by_pages_at_no_extra_call(world: World, reader) -> None:
    make_leads(world, 30)
    read_all(world, reader)
    world.org.reset_calls()
    assert len(read_all(world, reader)) == 3
    assert world.org.calls == 4
    assert not world.org.bulk.jobs


@pytest.mark.parametrize("course", ["refused", "failed"])
def test_whatever_happens_to_the_job_the_rest_is_read_by_pages(world: World, reader, course: str) -> None:
    ids = make_leads(world)
    if course == "refused":
        world.org.bulk.queries.unsupported.add("Lead")
    else:
        world.org.bulk.plan(error="InternalServerError : gone")
    pages = read_all(world, reader)
    assert [record.ref.id for page in pages for record in page.records] == sorted(ids)


def test_a_window_cut_short_goes_on_after_its_cursor(world: World, reader) -> None:
    ids = make_leads(world)
    first = read_all(world, reader)
    window = Window(world.instance.synced_from, world.now, after=first[2].cursor)
    rest = read_all(world, reader, window)
    assert sorted(record.ref.id for page in [*first[:3], *rest] for record in page.records) == sorted(ids)


# -- whole lanes -------------------------------------------------------------------------------------------------------


def with_threshold(world: World, count: int) -> None:
    world.app = replace(world.app, settings=world.app.settings.model_copy(update={"bulk_threshold": count}))


def test_a_column_that_is_hidden_meanwhile_blocks_the_lane_once_and_then_it_does_without(world: World) -> None:
    with_threshold(world, 50)
    world.sync()
    world.host.create_many([{"email": f"p{i}@example.org", "lastname": f"N{i}", "phone": "1"} for i in range(MANY)])
    world.org.hide_field("Lead", "Phone")
    report = world.hourly()
    assert (report.state, report.error.code) == (RunState.BLOCKED, "salesforce-field-unknown")
    assert world.hourly().error is None
    assert len(world.org.rows("Lead")) == MANY


def test_changed_people_go_by_a_job_too(world: World) -> None:
    with_threshold(world, 50)
    ids = world.host.create_many([{"email": f"p{i}@example.org", "lastname": "N"} for i in range(MANY)])
    world.hourly()
    for number in ids:
        world.host.edit_contact(number, {"lastname": 'The "Rock", Jr.\nRoe', "phone": "+1"})
    world.hourly()
    assert {(row["LastName"], row["Phone"]) for row in world.org.rows("Lead")} == {('The "Rock", Jr.\nRoe', "+1")}


class Gone(BaseException):
    """The worker is dead: nothing catches this."""


def die(*_: object) -> None:
    raise Gone


def test_a_job_that_was_opened_and_never_filled_is_aborted_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_threshold(world, 50)
    world.sync()
    world.host.create_many([{"email": f"p{i}@example.org", "lastname": "N"} for i in range(MANY)])
    with monkeypatch.context() as patch:
        patch.setattr(SalesforceClient, "put_file", die)
        with pytest.raises(Gone):
            world.hourly()
    world.hourly()
    assert [job.state for job in world.org.bulk.jobs.values()] == ["Aborted", "JobComplete"]
    assert len(world.org.rows("Lead")) == MANY


def test_a_worker_killed_while_its_job_runs(tmp_path: Path, new_redis_database: NewDatabase) -> None:
    with open_systems(tmp_path) as systems, deploy(redis_url=new_redis_database()) as deployment:
        deployment.environment["SIDECAR_BULK_THRESHOLD"] = "200"
        instance = deployment.add_instance(systems)
        systems.new_contacts(300)
        with systems.org_gate.holding(f"PATCH /jobs/ingest/{make_id('750', 1)}", is_after=True) as held:
            deployment.make_due(instance)
            assert deployment.tick() == 1
            worker = deployment.start_worker()
            held.wait()
            worker.kill()
        [job] = systems.org.bulk.jobs.values()
        systems.org.bulk.run()
        assert job.state == "JobComplete"
        deployment.end_lease(instance)
        deployment.run_due(instance)
        new, dead = deployment.runs(instance)
        assert (dead.error_code, new.state) == ("worker-died", RunState.DONE)
        assert len(systems.org.bulk.jobs) == 1, "nothing is uploaded twice"
        assert len(systems.org.rows("Lead")) == 300
        with deployment.app.database.read() as connection:
            assert connection.scalar(sqlalchemy.select(sqlalchemy.func.count()).select_from(links)) == 300
            assert connection.scalar(sqlalchemy.select(sqlalchemy.func.count()).select_from(outbox)) == 0
            assert connection.scalars(sqlalchemy.select(bulk_jobs.c.state)).all() == ["jobcomplete"]
