"""The activities lane as a marketing administrator sees it: every event of a linked person arrives once."""

from collections import Counter
from datetime import timedelta

import pytest

from sidecar.activities import run
from sidecar.activities.model import ActivityReport, LogState
from sidecar.errors import SetupError, TransientError
from sidecar.records import Ref
from sidecar.sync.model import Reaction, Status, WriteError
from tests.activities import (
    CONTACT,
    LEAD,
    LOCKED,
    NOW,
    MemoryActivityStore,
    MemoryFeed,
    MemoryOrg,
    a_mapping,
    a_schema,
    an_event,
)

REFERENCE = f"FormSubmitted123-{LEAD.id}"


class Lane:
    """One instance: contact 7 is linked to a Lead."""

    def __init__(self, *events: object, **mapping: object) -> None:
        self.feed = MemoryFeed(list(events))
        self.store = MemoryActivityStore({"7": LEAD})
        self.org = MemoryOrg()
        self.mapping = a_mapping(**mapping)
        self.seen = []

    def run(self, hours_later: float = 0) -> ActivityReport:
        self.feed.time += timedelta(hours=hours_later)
        return run.push_activities(
            self.mapping, self.feed, self.store, self.org, now=self.feed.time, on_outcomes=self.seen.extend
        )

    @property
    def references(self) -> list[object]:
        return sorted(self.org.values("ReferenceId__c"))


def test_an_event_of_a_linked_person_becomes_a_timeline_record() -> None:
    lane = Lane(an_event())
    report = lane.run()
    assert lane.references == [REFERENCE]
    assert report.counts == {Status.WRITTEN: 1}
    assert report.written_by_type == {"form.submitted": 1}


def test_people_without_a_link_stay_out() -> None:
    lane = Lane(an_event(contact_id="8"))
    assert lane.run().counts == {}
    assert lane.org.records == []


def test_the_first_run_looks_back_seven_days() -> None:
    lane = Lane(an_event(1, at=NOW - timedelta(days=6.9)), an_event(2, at=NOW - timedelta(days=7.1)))
    lane.run()
    assert lane.references == [f"FormSubmitted1-{LEAD.id}"]


def test_with_zero_days_only_what_comes_later_travels() -> None:
    lane = Lane(an_event(1), first_run_days=0)
    lane.run()
    lane.feed.events.append(an_event(2, at=NOW + timedelta(minutes=30)))
    lane.run(hours_later=1)
    assert lane.references == [f"FormSubmitted2-{LEAD.id}"]


def test_a_second_run_sends_nothing_and_asks_salesforce_nothing() -> None:
    lane = Lane(an_event(at=NOW - timedelta(minutes=1)))
    lane.run()
    lane.org.calls = lane.org.describes = 0
    assert lane.run(hours_later=0.1).counts == {}
    assert (lane.org.calls, lane.org.describes) == (0, 0)


def test_an_event_committed_late_with_an_earlier_stamp_is_still_seen() -> None:
    lane = Lane()
    lane.run()
    lane.feed.events.append(an_event(at=NOW - timedelta(minutes=15)))
    lane.run(hours_later=1)
    assert lane.references == [REFERENCE]


def test_a_failure_that_shows_days_after_its_date_is_still_seen() -> None:
    lane = Lane()
    lane.feed.late = timedelta(days=7)
    lane.run()
    lane.run(hours_later=24)
    lane.feed.events.append(an_event(at=NOW - timedelta(days=2)))
    lane.run(hours_later=24)
    assert lane.references == [REFERENCE]


def test_waiting_for_late_failures_never_reaches_behind_the_beginning() -> None:
    lane = Lane(an_event(at=NOW - timedelta(days=2)), first_run_days=0)
    lane.feed.late = timedelta(days=7)
    lane.run()
    lane.run(hours_later=1)
    assert lane.references == []


def test_a_person_linked_later_brings_a_look_back_along() -> None:
    lane = Lane(an_event(contact_id="8", at=NOW - timedelta(days=3)))
    lane.run()
    lane.store.links["8"] = CONTACT
    lane.run(hours_later=1)
    assert lane.references == [f"FormSubmitted123-{CONTACT.id}"]


def test_a_person_is_looked_back_at_once_only() -> None:
    lane = Lane()
    lane.run()
    lane.store.links["8"] = CONTACT
    lane.run(hours_later=1)
    assert lane.store.started == {"7", "8"}


def test_a_crash_between_write_and_log_doubles_nothing_and_loses_nothing() -> None:
    lane = Lane(an_event(1), an_event(2))
    lane.store.crash_at_add = True
    with pytest.raises(KeyboardInterrupt):
        lane.run()
    assert len(lane.org.records) == 2
    lane.store.crash_at_add = False
    assert lane.run(hours_later=1).counts == {Status.WRITTEN: 2}
    assert len(lane.org.records) == 2
    assert lane.run(hours_later=1).counts == {}


def test_where_the_reference_is_only_unique_a_refused_double_counts_as_done() -> None:
    lane = Lane(an_event(1), an_event(2))
    lane.org.schema = a_schema(is_key=False)
    lane.store.crash_at_add = True
    with pytest.raises(KeyboardInterrupt):
        lane.run()
    lane.store.crash_at_add = False
    assert lane.run().counts == {Status.WRITTEN: 2}
    assert len(lane.org.records) == 2


def test_a_double_of_some_other_unique_field_is_not_taken_for_done() -> None:
    lane = Lane(an_event())
    lane.org.schema = a_schema(is_key=False)
    lane.org.refuse[REFERENCE] = WriteError("salesforce-duplicate-value", Reaction.DATA, ("Own_Number__c",))
    assert Status.WRITTEN not in lane.run().counts


def test_after_a_conversion_new_events_go_to_the_contact_and_old_ones_are_not_sent_again() -> None:
    lane = Lane(an_event(1, at=NOW - timedelta(minutes=5)))
    lane.run()
    lane.store.links["7"] = CONTACT
    lane.feed.events.append(an_event(2, at=NOW - timedelta(minutes=1)))
    lane.run(hours_later=0.1)
    assert lane.references == [f"FormSubmitted1-{LEAD.id}", f"FormSubmitted2-{CONTACT.id}"]


def test_a_merge_that_moves_a_link_to_another_contact_brings_its_events() -> None:
    lane = Lane(an_event(1, contact_id="7"), an_event(2, contact_id="9"))
    lane.run()
    lane.store.links = {"9": LEAD}
    lane.feed.events = [an_event(1, contact_id="9"), an_event(2, contact_id="9")]
    lane.run(hours_later=5)
    assert lane.references == [f"FormSubmitted1-{LEAD.id}", f"FormSubmitted2-{LEAD.id}"]


def test_an_event_refused_by_a_lock_arrives_after_the_window_has_moved_on() -> None:
    lane = Lane(an_event())
    lane.org.refuse[REFERENCE] = LOCKED
    assert lane.run().counts == {Status.DEFERRED: 1}
    assert lane.seen[-1].waits_for is Reaction.RETRY
    lane.run(hours_later=48)
    lane.org.refuse.clear()
    assert lane.run(hours_later=48).counts == {Status.WRITTEN: 1}
    assert lane.references == [REFERENCE]
    assert lane.run(hours_later=1).counts == {}


def test_a_retry_goes_to_the_person_as_he_is_linked_now() -> None:
    lane = Lane(an_event())
    lane.org.refuse[REFERENCE] = WriteError("salesforce-reference-unknown", Reaction.DATA)
    lane.run()
    lane.store.links["7"] = CONTACT
    lane.run(hours_later=24)
    assert lane.references == [f"FormSubmitted123-{CONTACT.id}"]


def test_waiting_ends_after_two_weeks() -> None:
    lane = Lane(an_event())
    lane.org.refuse[REFERENCE] = LOCKED
    lane.run()
    assert lane.run(hours_later=24 * 15).counts == {Status.FAILED: 1}
    assert lane.run(hours_later=1).counts == {}


def test_a_waiting_event_that_vanished_from_the_host_is_let_go() -> None:
    lane = Lane(an_event())
    lane.org.refuse[REFERENCE] = LOCKED
    lane.run()
    lane.feed.events.clear()
    lane.run(hours_later=24)
    assert lane.store.log["FormSubmitted123"].state is LogState.REJECTED


def test_a_waiting_event_of_a_person_without_link_does_not_block_the_others() -> None:
    lane = Lane(an_event())
    lane.org.refuse[REFERENCE] = LOCKED
    lane.run()
    lane.store.links.clear()
    lane.run(hours_later=24)
    assert lane.store.log["FormSubmitted123"].at == lane.feed.time
    assert lane.store.log["FormSubmitted123"].state is LogState.WAITING


def test_a_row_can_only_fail_itself() -> None:
    lane = Lane(an_event(1), an_event(2), an_event(3))
    lane.org.refuse[f"FormSubmitted2-{LEAD.id}"] = WriteError("salesforce-field-custom-validation", Reaction.DATA)
    assert lane.run().counts == {Status.WRITTEN: 2, Status.REJECTED: 1}
    assert lane.run(hours_later=0.1).counts == {}


def test_a_broken_connection_leaves_what_was_logged_and_the_next_run_goes_on() -> None:
    lane = Lane(*(an_event(number, at=NOW - timedelta(hours=5, seconds=-number)) for number in range(2500)))
    lane.org.upsert_rows, whole = _failing_at_call(lane.org, 2), lane.org.upsert_rows
    with pytest.raises(TransientError):
        lane.run()
    assert len(lane.store.log) == 1000
    lane.org.upsert_rows = whole
    assert lane.run(hours_later=1).counts == {Status.WRITTEN: 1500}
    assert len(set(lane.references)) == len(lane.references) == 2500


def test_four_thousand_events_cost_four_calls() -> None:
    people = {str(number): Ref("Lead", f"00Q{number:012}AAA") for number in range(200)}
    types = [f"{kind}" for kind in ("form.submitted", "email.read", "page.hit", "point.gained")]
    events = [
        an_event(number, contact_id=str(number % 200), event_type=types[number % 4], event_id=f"E{number}")
        for number in range(4000)
    ]
    lane = Lane(*events)
    lane.mapping = a_mapping(*types)
    lane.store.links = people
    assert lane.run().counts == {Status.WRITTEN: 4000}
    assert lane.org.calls == 4


def test_a_person_linked_while_a_window_was_cut_short_misses_nothing() -> None:
    early = [an_event(number, at=NOW - timedelta(hours=5, seconds=-number)) for number in range(4500)]
    lane = Lane(an_event(9000, contact_id="8", at=NOW - timedelta(hours=6)), *early)
    lane.org.upsert_rows, whole = _failing_at_call(lane.org, 4), lane.org.upsert_rows
    with pytest.raises(TransientError):
        lane.run()
    assert lane.store.windows["form.submitted"].after is not None
    lane.org.upsert_rows = whole
    lane.store.links["8"] = CONTACT
    lane.run(hours_later=1)
    assert f"FormSubmitted9000-{CONTACT.id}" in lane.references


def test_many_small_types_share_a_call() -> None:
    types = ("form.submitted", "email.read", "page.hit", "point.gained", "stage.changed", "asset.download")
    lane = Lane(*(an_event(event_type=each, event_id=each) for each in types))
    lane.mapping = a_mapping(*types)
    lane.run()
    assert lane.org.calls == 1


def test_an_org_without_the_object_is_told_what_to_make() -> None:
    lane = Lane(an_event())
    lane.org.schema = None
    with pytest.raises(SetupError) as caught:
        lane.run()
    assert (caught.value.code, caught.value.fixed_by) == ("timeline-object-missing", "salesforce_admin")
    assert "mautic_timeline__c" in caught.value.message
    assert "ReferenceId__c" in caught.value.message
    lane.org.schema = a_schema()
    lane.run(hours_later=24 * 30)
    assert lane.references == [REFERENCE]


def test_the_only_object_with_a_namespace_is_found_when_none_was_set() -> None:
    lane = Lane(an_event())
    lane.org.schema = a_schema("acme__")
    lane.run()
    assert lane.org.records[0]["acme__ReferenceId__c"] == REFERENCE


def test_a_lead_waits_where_only_contacts_can_be_looked_up() -> None:
    lane = Lane(an_event(1), an_event(2, contact_id="8"))
    lane.store.links["8"] = CONTACT
    lane.org.schema = a_schema(without=["WhoId"])
    assert lane.run().counts == {Status.HELD: 1, Status.WRITTEN: 1}
    lane.org.schema = a_schema()
    assert lane.run(hours_later=24).counts == {Status.WRITTEN: 1}


def test_a_type_the_host_does_not_have_is_a_problem_and_not_the_end() -> None:
    lane = Lane(an_event())
    lane.mapping = a_mapping("form.submitted", "focus.on_view")
    lane.feed.missing = ("focus.on_view",)
    assert [problem.code for problem in lane.run().problems] == ["timeline-type-unknown"]
    assert lane.references == [REFERENCE]


def test_a_type_added_later_looks_back_for_everybody() -> None:
    lane = Lane(an_event(), an_event(event_type="email.read", event_id="EmailRead9"))
    lane.run()
    lane.mapping = a_mapping("form.submitted", "email.read")
    lane.run(hours_later=24)
    assert lane.references == [f"EmailRead9-{LEAD.id}", REFERENCE]


def test_every_outcome_is_told() -> None:
    lane = Lane(an_event(1), an_event(2))
    lane.run()
    assert Counter(outcome.reason for outcome in lane.seen) == {"timeline-written": 2}


def _failing_at_call(org: MemoryOrg, number: int):
    whole = org.upsert_rows

    def upsert_rows(*arguments: object):
        if org.calls + 1 >= number:
            raise TransientError("gone", code="salesforce-unreachable")
        return whole(*arguments)

    return upsert_rows
