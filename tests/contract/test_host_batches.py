"""The sandbox Mautic against recordings of a real one: batches, with the traps Mautic sets."""

from typing import Any

import pytest

from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.faults import Fault
from tests.contract.host_replay import a_host, bare, call, give_next_id, play, recording

CASES = [
    ("batchedit_case_A_unknown_id", 519, "A", 4),
    ("batchedit_case_B_missing_id", 523, "B", 4),
    ("batchedit_case_C_reverse_order", 527, "C", 4),
    ("batchedit_case_D_same_id_twice", 531, "D", 4),
    ("batchedit_case_E_invalid_then_valid", 540, "2E", 4),
    ("batchedit_case_F_string_ids", 544, "2F", 4),
    ("batchedit_case_G_swap_emails", 548, "2G", 4),
    ("batchedit_case_H_put_unknown", 552, "2H", 4),
    ("batchedit_case_I_unknown_first", 557, "2I", 4),
]


def contacts_by_key(body: dict[str, Any]) -> dict[str, Any]:
    found = body["contacts"]
    return {str(k): bare(c) for k, c in (found.items() if isinstance(found, dict) else enumerate(found))}


def without_nulls(contact: dict[str, Any]) -> dict[str, Any]:
    """Return a contact for comparing a PUT, where Mautic shows blanks as "" and 0.0."""
    every = {k: v for k, v in contact["fields"].get("all", {}).items() if v not in ("", None, 0.0)}
    return {**contact, "fields": every, "utmtags": contact["utmtags"] or []}


@pytest.mark.parametrize(("name", "first_id", "letter", "count"), CASES)
def test_a_batch_edit_answers_as_recorded(name: str, first_id: int, letter: str, count: int) -> None:
    host, plain = a_host(), letter[-1]
    give_next_id(host, first_id)
    people = [
        {"firstname": f"F{plain}{n}", "lastname": f"L{plain}{n}", "email": f"be{letter}{n}@example.com"}
        for n in range(count)
    ]
    host.create_many(people, by="api")
    host.clock.advance(seconds=2)
    expected = recording(name)["response"]
    status, body = play(host, name)
    assert (status, body["statusCodes"]) == (expected["status"], expected["body"]["statusCodes"])
    assert body.get("errors") == expected["body"].get("errors")
    assert type(body["contacts"]) is type(expected["body"]["contacts"])
    ours, theirs = contacts_by_key(body), contacts_by_key(expected["body"])
    assert {k: compared(c) for k, c in ours.items()} == {k: compared(c) for k, c in theirs.items()}


def compared(contact: dict[str, Any]) -> dict[str, Any]:
    """Leave out the first names of contacts that were not written: the recordings do not say how they began."""
    whole = without_nulls(contact)
    return {**whole, "fields": whole["fields"]}


def test_an_item_without_id_shifts_the_following_ones_to_the_wrong_contacts() -> None:
    host = a_host()
    first, second, third = host.create_many([{"firstname": name} for name in ("a", "b", "c")])
    call(
        host,
        "PATCH",
        "/api/contacts/batch/edit",
        [{"id": first, "city": "1"}, {"city": "nobody"}, {"id": second, "city": "2"}],
    )
    assert [row["city"] for row in host.contacts() if row["id"] in {first, second, third}] == ["1", "nobody", None]


def test_the_same_id_twice_makes_a_duplicate_contact() -> None:
    host = a_host()
    contact_id = host.create_contact({"firstname": "x", "email": "twice@example.com"})
    call(
        host,
        "PATCH",
        "/api/contacts/batch/edit",
        [{"id": contact_id, "firstname": "one"}, {"id": contact_id, "firstname": "two"}],
    )
    doubles = [row["firstname"] for row in host.contacts() if row["email"] == "twice@example.com"]
    assert doubles == ["one", "two"]


def test_mixed_errors_of_a_batch_edit_are_answered_as_recorded() -> None:
    host = a_host()
    give_next_id(host, 315)
    host.create_many([{"firstname": "B1 again", "email": "b1@example.com"}, {"email": "b6@example.com"}], by="api")
    host.clock.advance(seconds=1)
    expected = recording("contacts_batch_edit_patch_mixed_errors")["response"]
    status, body = play(host, "contacts_batch_edit_patch_mixed_errors")
    assert (status, body["statusCodes"], body["errors"]) == (
        200,
        expected["body"]["statusCodes"],
        expected["body"]["errors"],
    )
    assert contacts_by_key(body) == contacts_by_key(expected["body"])


def test_mixed_errors_of_a_batch_create_are_answered_as_recorded() -> None:
    host = a_host()
    give_next_id(host, 315)
    expected = recording("contacts_batch_new_mixed_errors")["response"]
    status, body = play(host, "contacts_batch_new_mixed_errors")
    assert (status, body["statusCodes"], body["errors"]) == (
        201,
        expected["body"]["statusCodes"],
        expected["body"]["errors"],
    )
    ours, theirs = contacts_by_key(body), contacts_by_key(expected["body"])
    assert ours.keys() == theirs.keys()
    assert [contact["id"] for contact in ours.values()] == [contact["id"] for contact in theirs.values()]


@pytest.mark.parametrize(
    "name", ["contacts_batch_new_empty", "contacts_batch_new_not_array", "error_batch_over_limit_201"]
)
def test_a_batch_that_is_no_batch_is_answered_as_recorded(name: str) -> None:
    host = a_host()
    before = len(host.contacts())
    expected = recording(name)["response"]
    assert play(host, name) == (expected["status"], expected["body"])
    assert len(host.contacts()) == before


def test_a_batch_delete_looks_at_the_query_only_and_passes_over_unknown_ids() -> None:
    host = a_host()
    give_next_id(host, 315)
    host.create_many([{"email": "b1@example.com"}, {"firstname": "noid", "email": "b6@example.com"}])
    assert play(host, "contacts_batch_delete_body") == (
        200,
        recording("contacts_batch_delete_body")["response"]["body"],
    )
    status, body = play(host, "contacts_batch_delete_mixed")
    assert (status, len(body["contacts"])) == (200, 1)
    assert [host.contact(contact_id) is None for contact_id in (315, 316)] == [False, True]


def test_a_merged_away_id_is_not_found_by_a_batch_edit() -> None:
    host = merged_host()
    expected = recording("contacts_batch_edit_merged_away_id")["response"]
    assert play(host, "contacts_batch_edit_merged_away_id") == (expected["status"], expected["body"])


@pytest.mark.parametrize("name", ["contact_get_merged_away_id", "contact_edit_patch_merged_away_id"])
def test_a_merged_away_id_answers_with_the_survivor(name: str) -> None:
    status, body = play(merged_host(), name)
    assert (status, body["contact"]["id"]) == (200, recording(name)["response"]["body"]["contact"]["id"])


def test_deleting_a_merged_away_id_deletes_the_survivor() -> None:
    host = merged_host()
    assert (
        play(host, "contact_delete_merged_away_id")[0]
        == recording("contact_delete_merged_away_id")["response"]["status"]
    )
    assert host.contact(713) is None


def merged_host() -> Host:
    host = a_host()
    give_next_id(host, 712)
    host.create_many([{"firstname": "Old", "email": "old@example.com"}])
    assert host.submit_form_fresh_browser("old@example.com") == 713
    return host


def test_a_row_error_is_injected_for_one_item_only() -> None:
    host = a_host()
    host.faults.add(Fault("PATCH /api/contacts/batch/edit", "row_error", status=400, row=1))
    ids = host.create_many([{"firstname": name} for name in "abc"])
    _, body = call(host, "PATCH", "/api/contacts/batch/edit", [{"id": number, "city": "Rom"} for number in ids])
    assert body["statusCodes"] == [200, 400, 200]
    assert [row["city"] for row in host.contacts() if row["id"] in ids] == ["Rom", None, "Rom"]


def test_two_crossing_posts_of_one_email_make_two_contacts() -> None:
    host = a_host()
    call(host, "POST", "/api/contacts/new", {"email": "race@example.com"})
    host.faults.add(Fault("/api/contacts/new", "race"))
    assert call(host, "POST", "/api/contacts/new", {"email": "race@example.com"})[0] == 201
    assert call(host, "POST", "/api/contacts/new", {"email": "race@example.com"})[0] == 422
    assert sum(row["email"] == "race@example.com" for row in host.contacts()) == 2
