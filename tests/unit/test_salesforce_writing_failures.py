"""Writing while calls fail as a whole: what was written is known, nothing is repeated blindly, and one row is found guilty."""

import pytest
import requests

from sidecar.errors import SetupError, TransientError
from sidecar.sync.model import Reaction, WriteError
from tests.salesforce_builders import (
    a_creation,
    a_description,
    an_update,
    salesforce_id,
)
from tests.salesforce_stub import Answer, composite
from tests.salesforce_writes import COLLECTION, COMPOSITE, UPSERT, accepting, save_all, write, writes_sent


def flaky(*replies):
    """Return an org whose composite calls get these replies in turn; None means fine."""
    org = accepting()
    queue = list(replies)

    def reply(sent):
        fate = queue.pop(0) if queue else None
        if isinstance(fate, Exception):
            raise fate
        return fate or composite(*[save_all(part["body"]["records"]) for part in sent.parts])

    org.on("POST", COMPOSITE, reply)
    return org


RESET = requests.exceptions.ConnectionError("reset")
THOUSANDS = [an_update(n, Email="a") for n in range(3000)]


def test_an_answer_lost_on_the_way_is_asked_for_again_because_upserts_may_be():
    org = flaky(RESET)
    written = write(org, *(a_creation(n, LastName="Roe") for n in range(400)))
    assert all(one.error is None for one in written)
    assert len(writes_sent(org)) == 2


def test_an_insert_is_never_blindly_repeated():
    org = accepting(Lead=a_description("Lead", without=["Mautic_Id__c"]))
    org.on("POST", COLLECTION, RESET)
    [written] = write(org, a_creation(1, LastName="Roe"))
    assert written.error == WriteError("salesforce-answer-lost", Reaction.RETRY)
    assert len(writes_sent(org)) == 1


def test_a_call_that_fails_for_good_fails_its_own_rows_and_later_ones_are_still_sent():
    slow = requests.exceptions.ReadTimeout("slow")
    written = write(flaky(None, slow, None), *THOUSANDS)
    assert [one.error is None for one in written] == [True] * 1000 + [False] * 1000 + [True] * 1000
    assert {one.error for one in written[1000:2000]} == {WriteError("salesforce-unreachable", Reaction.RETRY)}


def test_after_two_failures_in_a_row_nothing_more_is_sent():
    slow = requests.exceptions.ReadTimeout("slow")
    org = flaky(slow, slow)
    written = write(org, *THOUSANDS)
    assert all(one.error.reaction is Reaction.RETRY for one in written)
    assert len(writes_sent(org)) == 2


def test_failures_with_successes_between_them_do_not_stop_the_rest():
    slow = requests.exceptions.ReadTimeout("slow")
    org = flaky(slow, None, slow, None)
    written = write(org, *(an_update(n, Email="a") for n in range(4000)))
    assert [written[n].error is None for n in (0, 1000, 2000, 3000)] == [False, True, False, True]


def test_a_used_up_limit_before_the_first_row_stops_the_run():
    with pytest.raises(TransientError) as caught:
        write(flaky(Answer.of("request-limit-exceeded-403")), *THOUSANDS)
    assert caught.value.retry_after_seconds == 3600


def test_a_used_up_limit_half_way_keeps_what_was_written():
    org = flaky(None, Answer.of("request-limit-exceeded-403"))
    written = write(org, *THOUSANDS)
    assert [one.error is None for one in written] == [True] * 1000 + [False] * 2000
    assert {one.error.retry_after_seconds for one in written[1000:]} == {3600}
    assert len(writes_sent(org)) == 2


def test_a_setup_problem_before_the_first_row_stops_the_run():
    with pytest.raises(SetupError):
        write(flaky(Answer.of("api-disabled-for-org-403")), *THOUSANDS)


def test_a_setup_problem_half_way_keeps_what_was_written():
    written = write(flaky(None, Answer.of("api-disabled-for-org-403")), *THOUSANDS)
    assert [one.error is None for one in written] == [True] * 1000 + [False] * 2000
    assert written[-1].error == WriteError("salesforce-api-disabled", Reaction.SETUP)


def test_a_part_that_was_halted_fails_only_its_own_rows():
    org = accepting()

    def reply(sent):
        answer = composite(*[save_all(part["body"]["records"]) for part in sent.parts])
        halted = [{"errorCode": "PROCESSING_HALTED", "message": "The transaction was rolled back"}]
        answer.body["compositeResponse"][1] |= {"httpStatusCode": 400, "body": halted}
        return answer

    org.on("POST", COMPOSITE, reply)
    written = write(org, *(an_update(n, Email="a") for n in range(400)))
    assert [one.error is None for one in written] == [True] * 200 + [False] * 200
    assert written[-1].error.reaction is Reaction.RETRY


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (503, "<html>later</html>", WriteError("salesforce-unreachable", Reaction.RETRY)),
        (404, [{"errorCode": "NOT_FOUND"}], WriteError("salesforce-not-found", Reaction.SETUP)),
    ],
)
def test_a_part_that_fails_as_a_whole_is_no_row_of_its_own(status, body, expected):
    org = accepting()

    def reply(sent):
        answer = composite(*[save_all(part["body"]["records"]) for part in sent.parts])
        answer.body["compositeResponse"][0] |= {"httpStatusCode": status, "body": body}
        return answer

    org.on("POST", COMPOSITE, reply)
    written = write(org, *(an_update(n, Email="a") for n in range(400)))
    assert {one.error for one in written[:200]} == {expected}
    assert {one.error for one in written[200:]} == {None}


@pytest.mark.parametrize("position", [0, 1, 77, 198, 199])
def test_one_row_for_which_a_whole_collection_is_refused_is_found(position):
    poison = salesforce_id(position)

    def reply(sent):
        if any(row["id"] == poison for row in sent.body["records"]):
            return Answer([{"errorCode": "JSON_PARSER_ERROR", "message": "Unexpected character"}], 400)
        return Answer(save_all(sent.body["records"]))

    org = accepting()
    org.on("PATCH", COLLECTION, reply)
    written = write(org, *(an_update(n, Email="a") for n in range(200)))
    assert [n for n, one in enumerate(written) if one.error] == [position]
    assert len(writes_sent(org)) <= 17


def test_looking_for_the_rows_to_blame_ends():
    org = accepting()
    org.on("PATCH", COLLECTION, Answer([{"errorCode": "JSON_PARSER_ERROR", "message": ""}], 400))
    written = write(org, *(an_update(n, Email="a") for n in range(200)))
    assert all(one.error.reaction is Reaction.DATA for one in written)
    assert len(writes_sent(org)) <= 17


def test_a_key_that_cannot_be_one_waits_for_setup():
    org = accepting()
    missing = [{"errorCode": "NOT_FOUND", "message": "Provided external ID field does not exist or is not accessible"}]
    org.on("PATCH", UPSERT, Answer(missing, 404))
    [written] = write(org, a_creation(1, LastName="Roe"))
    assert written.error == WriteError("salesforce-key-unusable", Reaction.SETUP, ("Mautic_Id__c",))
