"""Who was taken out by hand, on every engine."""

from datetime import timedelta

from sidecar.records import Record, Side
from sidecar.store.exclusions import Exclusions
from tests.builders_store import NOW, Worker, a_pair, an_instance, an_outcome, host, lead


def test_records_are_out_until_taken_in_and_merges_take_it_along(database):
    exclusions, worker = Exclusions(database), Worker(database, an_instance(database).id)
    instance_id = worker.instance_id
    exclusions.add(instance_id, Side.HOST, [host(1), host(2)], "ana", NOW)
    exclusions.add(instance_id, Side.HOST, [host(1)], "bo", NOW + timedelta(days=1))
    exclusions.add(instance_id, Side.SALESFORCE, [lead(1)], "ana", NOW)
    first = exclusions.get(instance_id, Side.HOST, host(1))
    assert (first.who, first.at) == ("ana", NOW)
    assert [each.ref for each in exclusions.list_all(instance_id, after=first.id)] == [host(2), lead(1)]
    store = worker.take()
    assert store.load_excluded(Side.HOST, [host(1), host(2), host(3)]) == {host(1), host(2)}
    moved = a_pair(trigger=Side.HOST, trigger_ref=host(3), host=Record(host(3)), excluded_as=host(2))
    store.settle([an_outcome(pair=moved)])
    assert store.load_excluded(Side.HOST, [host(2), host(3)]) == {host(3)}
    assert exclusions.remove(instance_id, Side.HOST, [host(1), host(9)]) == 1
    assert exclusions.get(instance_id, Side.HOST, host(1)) is None
