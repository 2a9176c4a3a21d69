"""What real orgs said of their changes, deletions and limits, and how the client reads it."""

from datetime import UTC, datetime

import pytest

from sidecar.salesforce.limits import read_limits
from sidecar.salesforce.replication import read_change_log
from tests.salesforce_builders import a_side, an_org
from tests.salesforce_stub import Answer

END = datetime(2015, 5, 18, 22, 45, tzinfo=UTC)


def log_of(start, updated, deleted):
    org = an_org()
    org.on("GET", ".*/updated/", updated)
    org.on("GET", ".*/deleted/", deleted)
    side = a_side(org)
    log = read_change_log(side.client, "CustomObject__c", start, END)
    assert side.calls == 2
    return log


def test_a_log_names_what_changed_and_was_deleted_and_ends_where_the_earlier_of_both_does():
    start = datetime(2015, 5, 18, 22, 0, tzinfo=UTC)
    log = log_of(start, Answer.of("getUpdated-200"), Answer.of("getDeleted-200"))
    assert log.updated == {"a0a79000000exLEAAY"}
    # Deleted at 22:31:17 though the log is sure of everything until 22:31:00 only: the next span tells of it again.
    assert log.deleted == {"a001a000001a5vOAAQ"}
    assert log.covered_until == datetime(2015, 5, 18, 22, 31, tzinfo=UTC)
    assert log.is_complete


def test_a_log_that_begins_after_the_span_is_not_complete():
    start = datetime(2015, 4, 11, 6, 43, tzinfo=UTC)  # the recorded log begins a minute later
    assert not log_of(start, Answer.of("getUpdated-200"), Answer.of("getDeleted-200")).is_complete


def test_a_span_from_before_the_log_is_no_failure_but_no_complete_log_either():
    gone = Answer.of("invalid-replication-date-400")
    log = log_of(datetime(2015, 1, 1, tzinfo=UTC), gone, gone)
    assert (log.updated, log.deleted, log.is_complete) == (set(), set(), False)


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("limits-2026-05", {"DailyApiRequests", "DailyBulkApiBatches", "DataStorageMB"}),
        ("limits-with-per-app", {"DailyApiRequests", "DailyBulkV2QueryJobs", "DataStorageMB"}),
    ],
)
def test_each_limit_is_read_as_used_and_allowed_whatever_else_stands_inside(name, limits):
    answer = Answer.of(name)
    org = an_org()
    org.on("GET", ".*/limits", answer)
    found = read_limits(a_side(org).client)
    assert limits <= found.keys()
    for limit in limits:
        most, rest = answer.body[limit]["Max"], answer.body[limit]["Remaining"]
        assert found[limit] == (most - rest, most)
    assert "TEST APP" not in found
