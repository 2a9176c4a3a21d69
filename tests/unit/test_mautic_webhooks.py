"""A delivery of Mautic's webhook proves itself by its signature, and names whom to look at; no bytes can do harm."""

import json
import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.hosts.mautic.webhooks import TRIGGERS, is_signed, parse_delivery
from tests.recorded_hooks import SECRET, as_sent, recorded_deliveries

OURS = "1_abc"


def hints_of(document, client_id=""):
    return [(hint.object, hint.id) for hint in parse_delivery(as_sent(document), client_id)]


def test_every_recorded_delivery_is_signed_with_the_secret_and_no_other():
    for each in recorded_deliveries():
        assert is_signed(each.body, each.signature, ["another", SECRET]), each.action
        assert not is_signed(each.body, each.signature, ["another", ""]), each.action


def test_one_flipped_bit_is_refused_wherever_it_is():
    chance = random.Random(4)
    for each in recorded_deliveries():
        flipped = bytearray(each.body)
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        assert not is_signed(bytes(flipped), each.signature, [SECRET]), each.action
        signature = each.signature.swapcase()
        assert not is_signed(each.body, signature, [SECRET]), each.action


@pytest.mark.parametrize("signature", ["", "=", "é" * 44, "a" * 10_000, "\udcff"])
def test_a_signature_may_be_anything(signature):
    assert not is_signed(b"{}", signature, [SECRET])


def ids_in(action_name, trigger):
    return [
        hint.id
        for each in recorded_deliveries()
        if each.action == action_name
        for hint in parse_delivery(each.body)
        if hint.trigger == trigger
    ]


def test_every_trigger_tells_its_records():
    seen = defaultdict(set)
    for each in recorded_deliveries():
        for hint in parse_delivery(each.body):
            seen[hint.trigger].add((hint.object, int(hint.id) > 0, hint.at is not None))
    assert set(seen) == set(TRIGGERS)
    companies = {"mautic.company_post_save", "mautic.company_post_delete"}
    for trigger, kinds in seen.items():
        objects = {kind for kind, _, _ in kinds}
        wanted = {"company"} if trigger in companies else {"contact"}
        assert objects == (wanted | {"company"} if trigger == "mautic.lead_company_change" else wanted), trigger
        assert {(is_id, has_time) for _, is_id, has_time in kinds} == {(True, True)}


@pytest.mark.parametrize(
    ("action", "trigger", "ids"),
    [
        ("batch_delete_3", "mautic.lead_post_delete", ["568", "569", "570"]),
        ("company_delete", "mautic.company_post_delete", ["18"]),
        ("company_contact_add", "mautic.lead_company_change", ["564", "18"]),
        ("form_submit_new_contact", "mautic.form_on_submit", ["566"]),
        ("email_send_api", "mautic.email_on_send", ["564"]),
        ("email_open", "mautic.email_on_open", ["564"]),
        ("page_hit_landing", "mautic.page_on_hit", None),
    ],
)
def test_ids_are_those_of_what_happened(action, trigger, ids):
    found = ids_in(action, trigger)
    assert found == ids if ids else found


def test_only_our_own_client_is_told_by_name_and_only_where_a_save_tells_it():
    by_action = {each.action: parse_delivery(each.body, OURS) for each in recorded_deliveries()}
    assert all(hint.is_own_name for hint in by_action["contact_patch_by_oauth_client"])
    assert not any(hint.is_own_name for hint in by_action["segment_add_by_oauth_client"])
    assert not any(hint.is_own_name for hint in by_action["contact_delete"])
    others = {name: hints for name, hints in by_action.items() if "oauth" not in name}
    assert not any(hint.is_own_name for hints in others.values() for hint in hints)
    again = [each for each in recorded_deliveries() if each.action == "contact_patch_by_oauth_client"]
    assert not any(hint.is_own_name for each in again for hint in parse_delivery(each.body, "11_abc"))


def test_a_person_called_like_our_client_is_not_taken_for_it():
    contact = {"id": 3, "modifiedBy": 7, "modifiedByUser": "Ana [1]"}
    found = parse_delivery(as_sent({"mautic.lead_post_save_update": [{"contact": contact}]}), OURS)
    assert [hint.is_own_name for hint in found] == [False]


@pytest.mark.parametrize(
    "document",
    [
        {"mautic.something_new": [{"contact": {"id": 3}}]},
        {"mautic.lead_post_save_new": {"contact": {"id": 3}}},
        {"mautic.lead_post_save_new": [{"contact": 3}, None, [], {"contact": {"id": None}}]},
        {"mautic.lead_post_save_new": [{"contact": {"id": each}} for each in (True, -1, 0, 1.5, "x", "٣", 2**64, [])]},
        [{"mautic.lead_post_save_new": []}],
        "text",
    ],
)
def test_what_is_not_understood_is_passed_over(document):
    assert hints_of(document) == []


def test_what_is_understood_counts_beside_what_is_not():
    items = [{"contact": None}, {"contact": {"id": "17"}, "timestamp": "yesterday"}, {"contact": {"id": 17}}]
    assert hints_of({"mautic.unknown": 1, "mautic.lead_points_change": items}) == [("contact", "17")]


def test_ten_thousand_random_bodies_raise_nothing():
    chance = random.Random(10)
    samples = [each.body for each in recorded_deliveries() if len(each.body) < 3000]
    for number in range(10_000):
        body = bytearray(chance.choice(samples)) if number % 2 else bytearray(chance.randbytes(chance.randrange(60)))
        for _ in range(3):
            if body:
                body[chance.randrange(len(body))] = chance.randrange(256)
        parse_delivery(bytes(body), OURS)
    parse_delivery(b"[" * 100_000)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["contact", "id", "company", "hit", "lead", "timestamp", "modifiedByUser"]), inner
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(TRIGGERS), anything, max_size=3), st.text(max_size=5))
def test_no_shape_of_a_document_raises_and_ids_are_numbers(document, client_id):
    for hint in parse_delivery(json.dumps(document).encode(), client_id):
        assert int(hint.id) > 0
