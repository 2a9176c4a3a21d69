"""What a change event's header hints at."""

import json
from pathlib import Path

import pytest

from sidecar.errors import SetupError, TransientError
from sidecar.salesforce.connection import require_events_address
from sidecar.salesforce.events.bus import Fetched
from sidecar.salesforce.events.hints import Hint, hint_of, topic_of
from sidecar.salesforce.events.subscribe import Subscription, pause_seconds

RECORDED = json.loads((Path(__file__).parents[1] / "recordings/salesforce/cdc-event-shape.json").read_text())
HEADER = RECORDED["response"]["body"]["payload"]["ChangeEventHeader"]
LEAD = "00Q000000000001EAA"


def test_the_documented_event_names_its_records():
    assert hint_of(HEADER | {"recordIds": [LEAD]}, "Contact") == Hint("Contact", (LEAD,))


def test_one_event_may_name_many_records():
    ids = [LEAD, "00Q000000000002EAA"]
    assert hint_of(HEADER | {"entityName": "Lead", "recordIds": ids}, "Lead") == Hint("Lead", tuple(ids))


@pytest.mark.parametrize(
    ("origin", "is_ours"),
    [
        ("com/salesforce/api/rest/66.0;client=mautic-sidecar", True),
        ("com/salesforce/api/rest/66.0;client=mautic-sidecar;", True),
        ("com/salesforce/api/rest/66.0;client=mautic-sidecar-2", False),
        ("com/salesforce/api/rest/66.0;client=another", False),
        ("client=mautic-sidecar", False),
        ("", False),
        (None, False),
    ],
)
def test_only_what_our_own_calls_changed_is_an_echo(origin, is_ours):
    found = hint_of({"entityName": "Lead", "recordIds": [LEAD], "changeOrigin": origin}, "Lead")
    assert (found is None) is is_ours


@pytest.mark.parametrize(
    "header",
    [
        {"changeType": "GAP_OVERFLOW", "recordIds": []},
        {"changeType": "GAP_OVERFLOW", "recordIds": [LEAD]},
        {"changeType": "GAP_UPDATE", "recordIds": ["00Q*"]},
        {"changeType": "UPDATE"},
        {},
    ],
)
def test_an_event_that_does_not_say_which_records_means_everything(header):
    found = hint_of(header, "Lead")
    assert found == Hint("Lead")
    assert found.is_everything


def test_topics_are_named_after_objects():
    assert topic_of("Lead") == "/data/LeadChangeEvent"
    assert topic_of("Score__c") == "/data/Score__ChangeEvent"


@pytest.mark.parametrize(
    ("address", "target", "is_plain"),
    [
        ("api.pubsub.salesforce.com:7443", "api.pubsub.salesforce.com:7443", False),
        ("api.deu.pubsub.salesforce.com:443", "api.deu.pubsub.salesforce.com:443", False),
        ("127.0.0.1:50051", "127.0.0.1:50051", True),
        ("localhost:50051", "localhost:50051", True),
    ],
)
def test_only_this_machine_is_spoken_to_in_plain_text(address, target, is_plain):
    assert require_events_address(address) == (target, is_plain)


@pytest.mark.parametrize("address", ["10.0.0.1:7443", "pubsub.example.com:7443", "api.pubsub.salesforce.com/x:1"])
def test_no_other_machine_gets_our_token(address):
    with pytest.raises(SetupError, match="Pub/Sub"):
        require_events_address(address)


class Script:
    """A bus that does one thing after the other, then stops."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.asked = []

    @property
    def is_stopped(self):
        return not self.steps

    def require_topic(self, topic):
        pass

    def fetch(self, topic, after):
        self.asked.append(after)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        yield from step


class Places(dict):
    """Keeps places in memory."""

    load = dict.get
    save = dict.__setitem__

    def forget(self, topic):
        self.pop(topic, None)


def follow(*steps):
    """Follow a scripted bus; return it, what was put, and the pauses."""
    bus, put, pauses = Script(*steps), [], []
    Subscription(bus, "Lead", Places(), put.append, pauses.append).follow()
    return bus, put, pauses


def test_each_failure_in_a_row_waits_longer_and_success_begins_anew():
    broken = TransientError("broken", code="change-events-interrupted")
    _, _, pauses = follow(broken, broken, broken, [Fetched((), b"1")], broken)
    ranges = [(1, 2), (2, 4), (4, 8), (1, 2), (2, 4)]
    assert [low <= pause <= high for pause, (low, high) in zip(pauses, ranges, strict=False)] == [True] * len(pauses)
    assert len(pauses) == 4


def test_the_pause_is_never_longer_than_a_minute():
    assert 30 <= pause_seconds(50) <= 60


def test_a_used_up_allocation_is_waited_out():
    limited = TransientError("used up", code="change-events-limit-reached", retry_after_seconds=3600)
    assert follow(limited, [])[2] == [3600]


def test_an_answer_without_a_place_changes_nothing():
    bus, put, _ = follow([Fetched((), b"7"), Fetched((), b"")], [])
    assert (bus.asked, put) == ([None, b"7"], [])
