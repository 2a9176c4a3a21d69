"""50,000 people become Leads by bulk jobs, and everything goes wrong that can: nobody is lost, and the calls stay few.

3 % of the rows are refused by the org, one job ends before its last ten rows, results come shuffled, and the worker dies
while a job runs.
"""

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import func, insert, select

from sidecar.store.tables import bulk_jobs, links, outbox
from tests.world import World

PEOPLE = 50_000
BAD = 33
"""Every so manieth is refused."""
UNPROCESSED = "salesforce-row-unprocessed"
REFUSED = "salesforce-field-custom-validation-exception"
KEPT_FIELDS = {"email", "last_name", "company"}


class Killed(BaseException):
    """The worker is gone: nothing catches this, and nothing runs after it."""


def keep_few_fields(document: dict) -> None:
    """Map few fields: how many there are changes the time and nothing else."""
    document["fields"] = {name: each for name, each in document["fields"].items() if name in KEPT_FIELDS}


def seed(world: World, count: int) -> None:
    """Put contacts straight into Mautic's table: one import, within seconds."""
    [first] = world.host.create_many([{"email": "p0@example.org", "lastname": "Good 0"}])
    table = world.host.database.schema["leads"]
    with world.host.database.work() as work:
        row = dict(work.rows("leads", table.c.id == first)[0])
        row.pop("generated_email_domain", None)  # the database fills it
        rows = [
            row
            | {"id": first + i, "email": f"p{i}@example.org", "lastname": f"{'Bad' if i % BAD == 0 else 'Good'} {i}"}
            for i in range(1, count)
        ]
        work.connection.execute(insert(table), rows)


def kill_during_the_first_job(world: World) -> None:
    """Let the worker die after its first look at a job that is under way: Salesforce goes on without it."""

    def sleep(_: float) -> None:
        if any(job.polls for job in world.org.bulk.jobs.values()):
            raise Killed

    world.app = replace(world.app, sleep=sleep)


def waiting(world: World, reason: str) -> set[str]:
    """Return the contacts that wait for this reason."""
    with world.app.database.read() as connection:
        return set(connection.scalars(select(outbox.c.record_id).where(outbox.c.reason == reason)))


def count(world: World, table, *where) -> int:
    with world.app.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*where))


@pytest.mark.timeout(300)
def test_fifty_thousand_people_arrive_whatever_happens(world: World) -> None:
    world.change_document(keep_few_fields)
    world.sync()
    world.org.add_validation_rule("Lead", lambda row: row["LastName"].startswith("Bad"), "refused")
    seed(world, PEOPLE)
    world.org.bulk.plan(polls=2)
    world.org.bulk.plan(polls=2, unprocessed=10)
    world.org.reset_calls()

    kill_during_the_first_job(world)
    with pytest.raises(Killed):
        world.sync()
    assert count(world, bulk_jobs, bulk_jobs.c.state == "open") == 1
    assert count(world, links) == 0, "the worker died before it heard anything"
    world.app = replace(world.app, sleep=lambda _: None)
    report = world.sync()

    assert report.state == "attention", "some were rejected"
    assert world.org.calls <= 60
    unprocessed, rejected = waiting(world, UNPROCESSED), waiting(world, REFUSED)
    assert report.counts["deferred"] == {UNPROCESSED: 10}
    assert report.counts["rejected"] == {REFUSED: len(rejected)}
    saved = {row["Mautic_Id__c"] for row in world.org.rows("Lead")}
    bad = {str(row["id"]) for row in world.host.contacts() if row["lastname"].startswith("Bad")}
    assert rejected == bad - unprocessed
    assert len(saved) + len(rejected) + len(unprocessed) == PEOPLE, "everybody is there, or waits and for a reason"
    assert len(world.org.rows("Lead")) == len(saved) == count(world, links), "nobody is there twice"
    assert count(world, bulk_jobs, bulk_jobs.c.state == "open") == 0
    assert Counter(job.state for job in world.org.bulk.jobs.values()) == {"JobComplete": 4, "Failed": 1}
