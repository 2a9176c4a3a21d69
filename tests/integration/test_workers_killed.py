"""A worker is killed in the middle of its work, by kill -9: afterwards nothing is lost and nothing is doubled, on either side."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from sidecar.store.history import RunState
from sidecar.store.instances import Instance
from sidecar.store.tables import links, outbox, schedules
from tests.conftest import NewDatabase
from tests.deployment import Deployment, Systems, Worker, deploy, open_systems, wait_until

PUSH = "PATCH /composite/sobjects/Lead/Mautic_Id__c"
PUSH_OF_A_THOUSAND = "POST /composite"
STILL_TAKEN = 75
CREATE_IN_MAUTIC = "POST /api/contacts/batch/new"


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    with open_systems(tmp_path) as systems:
        yield systems


@pytest.fixture
def deployment(new_redis_database: NewDatabase) -> Iterator[Deployment]:
    with deploy(redis_url=new_redis_database()) as deployment:
        yield deployment


@pytest.fixture
def instance(deployment: Deployment, systems: Systems) -> Instance:
    return deployment.add_instance(systems)


def require_agreement(deployment: Deployment, systems: Systems, people: int) -> None:
    """Everybody is on both sides exactly once, linked, and nothing waits."""
    contacts, leads = systems.host.contacts(), systems.org.rows("Lead")
    assert len(contacts) == len(leads) == people
    assert {row["Mautic_Id__c"] for row in leads} == {str(contact["id"]) for contact in contacts}
    assert {row["Email"] for row in leads} == {contact["email"] for contact in contacts}
    with deployment.app.database.read() as connection:
        linked = connection.execute(sqlalchemy.select(links.c.host_id, links.c.salesforce_id)).all()
        assert connection.scalar(sqlalchemy.select(sqlalchemy.func.count()).select_from(outbox)) == 0
    assert {tuple(row) for row in linked} == {(row["Mautic_Id__c"], row["Id"]) for row in leads}


def require_rest(deployment: Deployment, systems: Systems, instance: Instance) -> None:
    """A further run finds nothing to do."""
    before = (len(systems.host.requests), systems.org.rows("Lead"), systems.host.contacts())
    report = deployment.run_here(instance)
    assert report.state == RunState.DONE
    assert "written" not in report.counts
    assert (len(systems.host.requests), systems.org.rows("Lead"), systems.host.contacts()) == before


def begin(deployment: Deployment, instance: Instance) -> Worker:
    """Let a worker begin a run."""
    deployment.make_due(instance)
    assert deployment.tick() == 1
    return deployment.start_worker()


def run_again(deployment: Deployment, instance: Instance) -> None:
    """Restart once the dead worker's lease ran out; its run is closed as failed, the new one does what is left."""
    deployment.end_lease(instance)
    deployment.run_due(instance)
    new, dead = deployment.runs(instance)
    assert (dead.state, dead.error_code) == (RunState.FAILED, "worker-died")
    assert new.state is RunState.DONE


@pytest.mark.parametrize("fate", ["never carried out", "carried out late", "answer never read"])
def test_killed_while_salesforce_is_written(
    deployment: Deployment, systems: Systems, instance: Instance, fate: str
) -> None:
    systems.new_contacts(30)
    with systems.org_gate.holding(PUSH, is_after=fate == "answer never read") as held:
        worker = begin(deployment, instance)
        held.wait()
        worker.kill()
        assert len(systems.org.rows("Lead")) == (30 if fate == "answer never read" else 0)
        if fate == "carried out late":
            run_again(deployment, instance)
        held.is_dropped = fate == "never carried out"
    if fate != "carried out late":
        run_again(deployment, instance)
    require_agreement(deployment, systems, 30)
    require_rest(deployment, systems, instance)


def test_killed_between_two_batches_to_salesforce(deployment: Deployment, systems: Systems, instance: Instance) -> None:
    systems.new_contacts(1010)
    with systems.org_gate.holding(PUSH) as held:
        worker = begin(deployment, instance)
        held.wait()
        worker.kill()
        held.is_dropped = True
        assert len(systems.org.rows("Lead")) == 1000
    run_again(deployment, instance)
    require_agreement(deployment, systems, 1010)
    require_rest(deployment, systems, instance)


@pytest.mark.parametrize("batch", ["first", "second"])
def test_killed_after_mautic_committed_a_batch(
    deployment: Deployment, systems: Systems, instance: Instance, batch: str
) -> None:
    systems.new_leads(220)
    with systems.host_gate.holding(CREATE_IN_MAUTIC, is_after=True, skip=int(batch == "second")) as held:
        worker = begin(deployment, instance)
        held.wait()
        worker.kill()
        assert systems.host.contacts()
    run_again(deployment, instance)
    require_agreement(deployment, systems, 220)
    require_rest(deployment, systems, instance)


@pytest.mark.parametrize("engine", ["mariadb", "postgres"])
def test_killed_between_the_write_and_its_settlement(
    systems: Systems, new_redis_database: NewDatabase, engine: str, request: pytest.FixtureRequest
) -> None:
    """The lane's row is locked by us, so that the worker, back from Salesforce, waits for it in the database."""
    new_database: NewDatabase = request.getfixturevalue(f"new_{engine}_database")
    systems.new_contacts(30)
    with deploy(database_url=new_database(), redis_url=new_redis_database()) as deployment:
        instance = deployment.add_instance(systems)
        with systems.org_gate.holding(PUSH, is_after=True) as held:
            worker = begin(deployment, instance)
            held.wait()
            with deployment.app.database.write() as connection:
                connection.execute(sqlalchemy.select(schedules.c.id).with_for_update()).all()
                held.open()
                wait_until(lambda: someone_waits(deployment), "the worker wants to settle")
                worker.kill()
        run_again(deployment, instance)
        require_agreement(deployment, systems, 30)
        require_rest(deployment, systems, instance)


def someone_waits(deployment: Deployment) -> bool:
    """Tell whether a transaction waits for a row."""
    question = {
        "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        " AND trx_query LIKE '%schedules%'",
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
    }[deployment.app.database.dialect]
    with deployment.app.database.read() as connection:
        return bool(connection.scalar(sqlalchemy.text(question)))


def test_a_worker_whose_job_was_killed_takes_the_next_one(
    deployment: Deployment, systems: Systems, instance: Instance
) -> None:
    systems.new_contacts(3)
    with systems.org_gate.holding(PUSH, is_after=True) as held:
        worker = begin(deployment, instance)
        held.wait()
        worker.kill_job()
    assert deployment.run("run", "people", "acme").code == STILL_TAKEN
    deployment.wait_for_lease(instance)
    deployment.make_due(instance)
    assert deployment.tick() == 1
    wait_until(lambda: deployment.runs(instance)[0].state is RunState.DONE, "the next run ends")
    assert worker.is_alive
    require_agreement(deployment, systems, 3)


def test_a_worker_that_was_only_believed_dead_writes_nothing_more(
    deployment: Deployment, systems: Systems, instance: Instance
) -> None:
    systems.new_contacts(30)
    with systems.org_gate.holding(PUSH, is_after=True) as held:
        worker = begin(deployment, instance)
        held.wait()
        deployment.end_lease(instance)  # it slept for longer than its lease
        assert deployment.run_here(instance).state == RunState.DONE
        before = systems.org.rows("Lead")
    wait_until(lambda: worker.is_idle, "the worker gives up")
    assert systems.org.rows("Lead") == before
    told = deployment.app.ledger.history.outcomes(instance.id, limit=100)
    assert len({row.host for row in told}) == len(told) == 30, "each decision is told once"
    assert [run.state for run in deployment.runs(instance)] == [RunState.DONE, RunState.FAILED]
    require_agreement(deployment, systems, 30)
    require_rest(deployment, systems, instance)
