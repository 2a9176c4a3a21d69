"""What a registration asks of a Mautic, answered by the sandbox as a real one did: segments with filters, fields that go again."""

import pytest

from tests.contract.host_replay import a_host, call, play, recording, timeless


def test_a_segment_with_a_filter_is_made_as_recorded_and_can_be_read_and_deleted() -> None:
    host = a_host()
    host.join_segment(1, "Static list")  # the recorded one was the second
    expected = recording("segments_new_filter")["response"]
    status, body = play(host, "segments_new_filter")
    assert (status, timeless(body)) == (expected["status"], timeless(expected["body"]))
    assert call(host, "GET", "/api/segments/2")[1] == body
    assert call(host, "GET", "/api/segments")[1]["lists"]["2"] == body["list"]
    assert call(host, "DELETE", "/api/segments/2/delete")[1]["list"]["id"] is None
    assert call(host, "GET", "/api/segments/2")[0] == 404


@pytest.mark.parametrize("name", ["text", "boolean"])
def test_a_field_that_is_deleted_takes_its_column_along(name: str) -> None:
    host = a_host()
    made = call(host, "POST", "/api/fields/contact/new", {"label": "Bf1", "alias": "bf1", "type": name})[1]["field"]
    contact = host.create_contact({"lastname": "Lee"})
    path = f"/api/fields/contact/{made['id']}/delete"
    status, body = play(host, "fields_contact_delete", path=path)
    expected = recording("fields_contact_delete")["response"]
    assert (status, body["field"]["id"], body["field"].keys()) == (200, None, expected["body"]["field"].keys())
    assert "bf1" not in host.contact(contact)
    assert call(host, "GET", f"/api/contacts/{contact}")[0] == 200
    assert call(host, "DELETE", path)[0] == 404
    assert call(host, "POST", "/api/fields/contact/new", {"label": "Bf1", "alias": "bf1", "type": name})[0] == 201
