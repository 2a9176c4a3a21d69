"""Links between records: unique both ways, moved and swapped in bulk, ended with tombstones."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sidecar.errors import LeaseLostError
from sidecar.records import Ref, Side
from sidecar.store.tables import links, outcomes, tombstones
from sidecar.sync.model import Link, LinkState, Reaction, Status
from tests.builders_store import NOW, Worker, a_pair, an_instance, an_outcome, host, lead, linked


@pytest.fixture
def worker(database):
    return Worker(database, an_instance(database).id)


def found(store, number):
    return store.load_links(Side.HOST, [host(number)]).get(host(number))


def moved(link, **ends):
    """An outcome about a linked pair whose link changes."""
    return an_outcome(link=replace(link, **ends), pair=a_pair(link=link))


def test_a_link_is_found_from_both_sides_as_it_was_saved(worker):
    store = worker.take()
    link = Link(
        host(1), lead(1), LinkState.DELETED_IN_HOST, "created-in-salesforce", True, {Side.HOST: {"email": "a1b2"}}
    )
    store.settle([an_outcome(link=link)])
    from_host = store.load_links(Side.HOST, [host(1), host(2)])
    assert {ref: replace(found, id=None) for ref, found in from_host.items()} == {host(1): link}
    assert store.load_links(Side.SALESFORCE, [lead(1)]) == {lead(1): from_host[host(1)]}


def test_a_changed_link_keeps_its_id_and_its_birthday(worker, database):
    store = worker.take()
    store.settle([linked(1)])
    before = found(store, 1)
    worker.clock.pass_(minutes=1)
    store.settle([moved(before, opted_out=True)])
    after = found(store, 1)
    assert (after.id, after.opted_out) == (before.id, True)
    with database.read() as connection:
        row = connection.execute(sa.select(links.c.created_at, links.c.updated_at)).one()
    assert (row.created_at, row.updated_at) == (NOW, NOW + timedelta(minutes=1))


@pytest.mark.parametrize("column", ["host_id", "salesforce_id"])
def test_the_database_itself_refuses_a_second_link_of_one_record(worker, database, column):
    worker.take().settle([linked(1), linked(2)])
    value = {"host_id": host(1).id, "salesforce_id": lead(1).id}[column]
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        connection.execute(sa.update(links).where(links.c.host_id == host(2).id).values({column: value}))


def test_the_same_ids_may_be_linked_in_another_instance(worker, database):
    worker.take().settle([linked(1)])
    other = Worker(database, an_instance(database, "other").id).take()
    other.settle([linked(1, to=2)])
    assert found(other, 1).salesforce == lead(2)


def test_two_links_can_swap_their_ends_in_one_batch(worker):
    store = worker.take()
    store.settle([linked(1), linked(2)])
    first, second = found(store, 1), found(store, 2)
    store.settle([moved(first, salesforce=lead(2)), moved(second, salesforce=lead(1))])
    assert (found(store, 1).salesforce, found(store, 2).salesforce) == (lead(2), lead(1))
    assert (found(store, 1).id, found(store, 2).id) == (first.id, second.id)


def test_a_whole_page_can_shift_by_one(worker):
    store = worker.take()
    store.settle([linked(number) for number in range(600)])
    old = store.load_links(Side.HOST, [host(number) for number in range(600)])
    store.settle([moved(link, salesforce=lead(int(ref.id) + 1)) for ref, link in old.items()])
    new = store.load_links(Side.HOST, list(old))
    assert all(link.salesforce == lead(int(ref.id) + 1) for ref, link in new.items())
    assert len(new) == 600


def test_a_lead_conversion_moves_the_link_to_the_contact(worker):
    store = worker.take()
    store.settle([linked(1)])
    contact = Ref("Contact", "003000000000000001")
    store.settle([moved(found(store, 1), salesforce=contact)])
    assert found(store, 1).salesforce == contact
    assert store.load_links(Side.SALESFORCE, [lead(1)]) == {}


def test_a_merge_hands_the_end_of_the_retired_link_to_the_survivor(worker, database):
    store = worker.take()
    store.settle([linked(1), linked(2)])
    loser, winner = found(store, 1), found(store, 2)
    pair = a_pair(2, link=winner, retired=(loser,))
    store.settle([an_outcome(link=replace(winner, salesforce=lead(1)), pair=pair, reason="merged-in-host")])
    assert found(store, 1) is None
    assert found(store, 2).salesforce == lead(1)
    with database.read() as connection:
        stones = connection.execute(sa.select(tombstones).order_by(tombstones.c.side)).all()
    assert [(stone.side, stone.record_id, stone.reason) for stone in stones] == [
        ("host", host(1).id, "merged-in-host"),
        ("salesforce", lead(1).id, "merged-in-host"),
    ]


def test_a_link_is_not_retired_before_what_it_knew_was_passed_on(worker):
    store = worker.take()
    store.settle([linked(1), linked(2)])
    pair = a_pair(2, link=found(store, 2), retired=(found(store, 1),))
    store.settle([an_outcome(pair=pair, status=Status.DEFERRED, waits_for=Reaction.RETRY, try_again_at=NOW)])
    assert found(store, 1) is not None


def test_a_record_that_is_linked_elsewhere_fails_alone(worker, database):
    store = worker.take()
    store.settle([linked(1)])
    store.settle([linked(7, to=1), linked(8)])
    assert found(store, 7) is None
    assert found(store, 8) is not None
    assert found(store, 1).salesforce == lead(1)
    with database.read() as connection:
        row = connection.execute(sa.select(outcomes).where(outcomes.c.host_id == "7")).one()
    assert (row.status, row.reason, row.waits_for) == ("failed", "link-taken", "person")


def test_a_link_that_cannot_move_stays_as_it_was(worker):
    store = worker.take()
    store.settle([linked(1), linked(2)])
    before = found(store, 2)
    store.settle([moved(before, salesforce=lead(1))])
    assert found(store, 2) == before
    assert found(store, 1).salesforce == lead(1)


def test_linking_what_is_linked_already_is_harmless(worker):
    store = worker.take()
    store.settle([linked(1)])
    before = found(store, 1)
    store.settle([linked(1), linked(1)])
    assert found(store, 1) == before


def test_only_living_links_of_the_lane_are_counted(worker, database):
    store = worker.take()
    store.settle([linked(1), linked(2), an_outcome(link=Link(host(3), lead(3), LinkState.DELETED_IN_HOST))])
    companies = Worker(database, worker.instance_id, lane="companies").take()
    assert (store.count_links(), companies.count_links()) == (2, 0)


def test_a_page_of_any_size_takes_a_constant_number_of_statements(worker, database):
    store = worker.take()

    def statements(first, count):
        seen = []
        listen = (database._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        page = [linked(first + number, changes=((Side.HOST, "email", "a", "b"),)) for number in range(count)]
        sa.event.listen(*listen)
        store.intend([outcome.decision for outcome in page])
        store.settle(page)
        sa.event.remove(*listen)
        return len(seen)

    small, page, large = statements(0, 2), statements(1000, 200), statements(2000, 1000)
    assert small == page
    assert large <= 2 * page


def test_nothing_is_settled_once_the_lease_is_lost(worker, database):
    slow = worker.take()
    worker.take_over()
    with pytest.raises(LeaseLostError):
        slow.settle([linked(1)])
    assert slow.load_links(Side.HOST, [host(1)]) == {}
    with database.read() as connection:
        assert connection.execute(sa.select(outcomes)).all() == []
