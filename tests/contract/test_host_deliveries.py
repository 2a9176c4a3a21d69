"""How the sandbox Mautic sends its webhooks, and how it loses events and switches webhooks off."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from sidecar.sandbox.host.clock import HostClock
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.webhooks import post, signature
from tests.contract.host_replay import START, call

NEW, UPDATE = "mautic.lead_post_save_new", "mautic.lead_post_save_update"
URL = "http://127.0.0.1:8099/hook"


class Receiver:
    """Takes deliveries and answers with a status; 0 stands for nobody there."""

    def __init__(self) -> None:
        self.status, self.bodies = 200, list[dict[str, Any]]()

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if not self.status:
            raise ConnectionRefusedError("Connection refused")
        self.bodies.append(json.loads(body))
        return self.status


def hooked(profile: str = "5.1", *triggers: str) -> tuple[Host, Receiver, int]:
    """Return a Mautic with a webhook, which may go to a private address whatever the version."""
    host, receiver = Host(clock=HostClock(START), profile=profile, custom_fields=()), Receiver()
    host.deliver = receiver
    host.hooks.allowed_private_addresses.add("127.0.0.1")
    return host, receiver, host.add_hook(URL, triggers or (NEW, UPDATE), secret="s")


def is_published(host: Host, hook_id: int) -> bool:
    return bool(call(host, "GET", f"/api/hooks/{hook_id}")[1]["hook"]["isPublished"])


def people(host: Host, count: int = 1) -> list[int]:
    start = len(host.contacts())
    return host.create_many([{"email": f"p{start + n}@example.com"} for n in range(count)])


def logs(host: Host) -> list[str]:
    return [row["status_code"] for row in host.rows("webhook_logs")]


# -- inside the request ----------------------------------------------------------------------------------------------


def test_an_event_is_sent_inside_the_call_when_others_can_already_see_the_change() -> None:
    host, _, _ = hooked()
    seen: list[Any] = []

    def look(url: str, headers: Mapping[str, str], body: bytes) -> int:
        other = threading.Thread(target=lambda: seen.append(call(host, "GET", "/api/contacts")[1]["total"]))
        other.start()
        other.join(timeout=10)
        seen.append("sent")
        return 200

    host.deliver = look
    call(host, "POST", "/api/contacts/new", {"email": "a@example.com"})
    seen.append("answered")
    assert seen == ["1", "sent", "answered"]


def test_a_delivery_goes_over_real_http() -> None:
    taken: list[tuple[str, str, bytes]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.path, self.headers["Webhook-Signature"], body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.handle_request).start()
    host = Host(clock=HostClock(START), custom_fields=())
    host.add_hook(f"http://127.0.0.1:{server.server_port}/hooks/acme?x=1", (NEW,), secret="s")
    people(host)
    server.server_close()
    [(path, signed, body)] = taken
    assert (path, signed, logs(host)) == ("/hooks/acme?x=1", signature("s", body), ["202"])
    with pytest.raises(ConnectionRefusedError):
        post(f"http://127.0.0.1:{server.server_port}/", {}, b"")


def test_only_published_webhooks_hear_only_what_they_ask_for_and_nothing_while_they_are_cut_off() -> None:
    host, receiver, hook_id = hooked("5.1", NEW)
    [contact] = people(host)
    host.edit_contact(contact, {"city": "Rom"})
    assert [list(body) for body in receiver.bodies] == [[NEW]]
    host.hooks_off()
    people(host)
    host.hooks_on()
    call(host, "PATCH", f"/api/hooks/{hook_id}/edit", {"isPublished": False})
    people(host)
    assert len(receiver.bodies) == 1


def test_what_commits_late_is_told_when_it_is_committed() -> None:
    host, receiver, _ = hooked()
    with host.late_commit() as late:
        people(host)
    assert receiver.bodies == []
    late.commit()
    assert [list(body) for body in receiver.bodies] == [[NEW]]


# -- failure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kills", "logged"), [(500, 1, ["500", "N/A"]), (404, 1, ["404", "N/A"]), (0, 2, ["N/A"])]
)
def test_a_new_webhook_is_switched_off_by_its_first_bad_answer_or_when_twice_nobody_is_there(
    status: int, kills: int, logged: list[str]
) -> None:
    host, receiver, hook_id = hooked()
    receiver.status = status
    for number in range(1, 3):
        people(host)
        assert is_published(host, hook_id) is (number < kills)
        if number == 1:
            assert logs(host) == logged
    assert host.rows("webhook_queue") == []  # the event is lost


def test_a_webhook_with_a_success_survives_failures_but_not_that_it_is_gone() -> None:
    host, receiver, hook_id = hooked()
    people(host)
    receiver.status = 503
    people(host, 3)
    assert is_published(host, hook_id)
    people(host, 48)  # two rows each: no success among the last hundred
    assert not is_published(host, hook_id)
    host, receiver, hook_id = hooked()
    people(host)
    receiver.status = 410
    people(host)
    assert not is_published(host, hook_id)


@pytest.mark.parametrize("profile", ["5.1", "5.2", "6.0", "7.2"])
def test_how_long_a_webhook_is_spared_after_it_was_made_or_changed(profile: str) -> None:
    host, receiver, hook_id = hooked(profile)
    is_newer = profile in {"6.0", "7.2"}
    receiver.status = 500
    people(host)
    assert is_published(host, hook_id) is is_newer
    assert logs(host) == (["500"] if profile == "7.2" else ["500", "N/A"])
    host.clock.advance(days=3)
    people(host)
    assert not is_published(host, hook_id)
    call(host, "PATCH", f"/api/hooks/{hook_id}/edit", {"isPublished": True})
    people(host)
    # A change counts while the date moves: from 6.0 on it is frozen.
    assert is_published(host, hook_id) is not is_newer


def test_a_webhook_stays_where_nothing_is_switched_off_by_itself() -> None:
    host, receiver, hook_id = hooked("7.2")
    host.hooks.disables_auto_unpublish = True
    host.clock.advance(days=3)
    receiver.status = 500
    people(host, 3)
    assert is_published(host, hook_id)


# -- private addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["5.1", "5.2", "6.0", "7.2"])
def test_a_private_address_hears_nothing_from_6_on_unless_the_settings_name_it(profile: str) -> None:
    host, receiver, _ = hooked(profile)
    host.hooks.allowed_private_addresses.clear()
    people(host)
    is_refused = profile in {"6.0", "7.2"}
    assert (len(receiver.bodies), logs(host)) == ((0, ["N/A"]) if is_refused else (1, ["200"]))
    host.hooks.allowed_private_addresses.add("127.0.0.1")
    people(host)
    assert receiver.bodies


@pytest.mark.parametrize(("addresses", "is_sent"), [(["93.184.216.34"], True), (["10.0.0.7"], False), ([], False)])
def test_a_host_name_is_judged_by_its_addresses(addresses: list[str], is_sent: bool) -> None:
    host, receiver = Host(clock=HostClock(START), profile="7.2", custom_fields=()), Receiver()
    host.deliver, host.hooks.resolve = receiver, lambda name: addresses
    host.add_hook("https://sidecar.example/hook", (NEW,))
    people(host)
    assert bool(receiver.bodies) is is_sent


# -- the queue -------------------------------------------------------------------------------------------------------


def queued(profile: str = "5.1", *triggers: str) -> tuple[Host, Receiver, int]:
    host, receiver, hook_id = hooked(profile, *triggers)
    host.hooks.mode = "command_process"
    return host, receiver, hook_id


def emails(body: dict[str, Any]) -> list[str]:
    return [item["contact"]["fields"]["core"]["email"]["value"] for item in body[NEW]]


def test_the_queue_is_sent_ten_at_a_time_with_several_triggers_in_a_body() -> None:
    host, receiver, _ = queued()
    ids = people(host, 12)
    for city in ("Rom", "Ulm"):
        host.edit_contact(ids[0], {"city": city})
    assert (receiver.bodies, len(host.rows("webhook_queue"))) == ([], 14)
    assert host.process_webhooks() == 2
    first, second = receiver.bodies
    assert emails(first) == [f"p{n}@example.com" for n in range(10)]
    assert {trigger: len(items) for trigger, items in second.items()} == {NEW: 2, UPDATE: 2}
    # Each has the state of its own moment.
    assert [item["contact"]["fields"]["core"]["city"]["value"] for item in second[UPDATE]] == ["Rom", "Ulm"]
    assert (host.rows("webhook_queue"), host.process_webhooks()) == ([], 0)


def test_a_webhook_may_want_the_newest_first() -> None:
    host, receiver, hook_id = queued()
    call(host, "PATCH", f"/api/hooks/{hook_id}/edit", {"eventsOrderbyDir": "DESC"})
    people(host, 3)
    host.process_webhooks()
    assert emails(receiver.bodies[0]) == ["p2@example.com", "p1@example.com", "p0@example.com"]


def test_before_7_a_bad_answer_loses_what_was_queued_and_nobody_there_keeps_it() -> None:
    host, receiver, _ = queued("5.2")
    people(host)
    host.process_webhooks()
    receiver.status = 0
    people(host)
    host.process_webhooks()
    assert len(host.rows("webhook_queue")) == 1
    receiver.status = 500
    host.process_webhooks()
    assert host.rows("webhook_queue") == []
    receiver.status = 200
    assert host.process_webhooks() == 0


def test_from_7_on_what_failed_comes_again_after_an_hour_behind_what_is_new() -> None:
    host, receiver, hook_id = queued("7.2")
    people(host, 2)
    receiver.status = 500
    assert host.process_webhooks() == 1
    assert [row["retries"] for row in host.rows("webhook_queue")] == [1, 1]
    people(host)
    receiver.status, receiver.bodies = 200, []
    host.clock.advance(minutes=4)
    assert host.process_webhooks() == 0  # it rests for five minutes after a failure
    host.clock.advance(minutes=2)
    host.process_webhooks()
    assert [emails(body) for body in receiver.bodies] == [["p2@example.com"]]
    people(host)
    host.clock.advance(minutes=60)
    host.process_webhooks()
    assert emails(receiver.bodies[-1]) == ["p3@example.com", "p0@example.com", "p1@example.com"]
    assert (host.rows("webhook_queue"), is_published(host, hook_id)) == ([], True)


CASES: list[tuple[str, Callable[[Host, int], Any]]] = [
    ("webhook_queue", lambda host, hook_id: call(host, "PATCH", f"/api/hooks/{hook_id}/edit", {"isPublished": False})),
    ("webhooks", lambda host, hook_id: call(host, "DELETE", f"/api/hooks/{hook_id}/delete")),
]


@pytest.mark.parametrize(("table", "stop"), CASES)
def test_an_unpublished_or_deleted_webhook_sends_nothing_from_its_queue(
    table: str, stop: Callable[[Host, int], Any]
) -> None:
    host, receiver, hook_id = queued()
    people(host)
    stop(host, hook_id)
    assert (host.process_webhooks(), receiver.bodies) == (0, [])
    assert len(host.rows(table)) == (1 if table == "webhook_queue" else 0)
