"""The order in which contacts are written when they share or hand over an e-mail address."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.hosts.mautic.waves import Item, unique_keys, waves_of_creations, waves_of_edits


def creation(place: int, email: str) -> Item:
    return Item(place, {"email": email}, keys=unique_keys({"email": email}, {"email"}))


def edit(contact_id: int, email: str) -> Item:
    return Item(contact_id, {"id": contact_id, "email": email}, contact_id, unique_keys({"email": email}, {"email"}))


def order(items: list[Item], holders: dict[str, int]) -> list[list[tuple[int | None, object]]]:
    waves = waves_of_edits(items, {("email", email): contact_id for email, contact_id in holders.items()})
    return [[(item.contact_id, item.body["email"]) for item in wave] for wave in waves]


def test_one_address_is_never_created_twice_at_once() -> None:
    items = [
        creation(0, "a@x.example"),
        creation(1, "b@x.example"),
        creation(2, " A@X.example"),
        creation(3, "a@x.example"),
    ]
    assert [[item.place for item in wave] for wave in waves_of_creations(items)] == [[0, 1], [2], [3]]


@given(st.lists(st.sampled_from("abcd")))
def test_every_creation_is_sent_once(letters: list[str]) -> None:
    items = [creation(place, f"{letter}@x.example") for place, letter in enumerate(letters)]
    waves = list(waves_of_creations(items))
    assert sorted(item.place for wave in waves for item in wave) == list(range(len(letters)))
    assert all(len({key for item in wave for key in item.keys}) == len(wave) for wave in waves)


def test_edits_that_do_not_touch_each_other_go_together() -> None:
    assert order([edit(1, "a"), edit(2, "b")], {"a": 1, "c": 2}) == [[(1, "a"), (2, "b")]]


def test_who_gives_an_address_up_goes_first() -> None:
    assert order([edit(1, "b"), edit(2, "c")], {"a": 1, "b": 2}) == [[(2, "c")], [(1, "b")]]


def test_two_who_swap_their_addresses_both_get_them() -> None:
    assert order([edit(1, "b"), edit(2, "a")], {"a": 1, "b": 2}) == [[(1, None)], [(2, "a")], [(1, "b")]]


def test_an_address_of_somebody_who_keeps_it_is_left_to_mautic_to_refuse() -> None:
    assert order([edit(1, "b")], {"b": 9}) == [[(1, "b")]]


@given(st.permutations(range(6)))
def test_any_exchange_of_addresses_ends_as_wished(goals: list[int]) -> None:
    held = {contact: f"{contact}@x" for contact in range(6)}
    items = [edit(contact, f"{goal}@x") for contact, goal in enumerate(goals)]
    for wave in order(items, {email: contact for contact, email in held.items()}):
        for contact_id, email in wave:
            assert email is None or email not in [value for other, value in held.items() if other != contact_id]
            held[contact_id] = email
    assert held == {contact: f"{goal}@x" for contact, goal in enumerate(goals)}
