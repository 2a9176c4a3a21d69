"""Wishes to have people pushed: none is doubled, none is lost, and each one has its end."""

from datetime import timedelta

import pytest

from sidecar.store.pushes import Pushes, PushState, PushWish
from tests.builders_store import NOW, an_instance, host

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def instance_id(database):
    return an_instance(database).id


@pytest.fixture
def pushes(database):
    return Pushes(database)


def test_a_wish_is_remembered_once_until_it_has_its_end(pushes, instance_id):
    wish = PushWish(host(1), "Contact", "701000000000001AAA", "Responded", source="campaign:3")
    other = PushWish(host(1), source="form:2")
    assert pushes.request(instance_id, [wish, wish, other], NOW) == 2
    assert pushes.request(instance_id, [wish], LATER) == 0
    first, second = pushes.waiting(instance_id)
    assert (first.wish, second.wish) == (wish, other)
    assert (first.state, first.reason, first.requested_at, first.finished_at) == (PushState.WAITING, None, NOW, None)
    assert pushes.finish(instance_id, [first.id], PushState.DONE, None, LATER) == 1
    assert pushes.finish(instance_id, [first.id], PushState.REFUSED, "too-late", LATER) == 0
    assert pushes.request(instance_id, [wish], LATER) == 1
    assert [push.wish for push in pushes.waiting(instance_id)] == [other, wish]


def test_what_waits_can_be_asked_for_by_person_and_in_pages(pushes, instance_id, database):
    stranger = an_instance(database, "stranger").id
    pushes.request(instance_id, [PushWish(host(number)) for number in (1, 2, 3)], NOW)
    pushes.request(stranger, [PushWish(host(1))], NOW)
    assert [push.wish.host for push in pushes.waiting(instance_id, [host(3), host(9), host(1)])] == [host(1), host(3)]
    page = pushes.waiting(instance_id, limit=2)
    assert [push.wish.host for push in page] == [host(1), host(2)]
    assert [push.wish.host for push in pushes.waiting(instance_id, after=page[-1].id)] == [host(3)]
    assert pushes.finish(stranger, [page[0].id], PushState.DONE, None, NOW) == 0


def test_the_last_push_of_a_person_is_told_with_its_end(pushes, instance_id):
    assert pushes.last(instance_id, host(1)) is None
    pushes.request(instance_id, [PushWish(host(1), "Lead"), PushWish(host(1), "Contact")], NOW)
    lead, contact = pushes.waiting(instance_id)
    pushes.note(instance_id, [lead.id, contact.id], "row-locked")
    assert {push.reason for push in pushes.waiting(instance_id)} == {"row-locked"}
    pushes.finish(instance_id, [contact.id], PushState.REFUSED, "no-identity", LATER)
    last = pushes.last(instance_id, host(1))
    assert (last.wish.wanted_object, last.state, last.reason, last.finished_at) == (
        "Contact",
        PushState.REFUSED,
        "no-identity",
        LATER,
    )
