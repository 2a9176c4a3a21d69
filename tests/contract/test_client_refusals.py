"""Every refusal a real org is on record with becomes the one class of problem that says who or what can mend it."""

import re
from dataclasses import dataclass

import pytest

from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.salesforce.parts import Part, PartAnswer
from sidecar.salesforce.rows import Kind, Row, RowWriter
from sidecar.sync.model import Reaction
from tests.recordings import recorded
from tests.salesforce_builders import Pauses, a_creation, a_row, a_side, an_org, an_update, people_rules
from tests.salesforce_stub import Answer, result, saved

MANY = ".*/composite/sobjects.*"


# -- calls refused as a whole ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RefusedCall:
    """A recorded refusal, and what the client says of a call that got it."""

    recording: str
    error: type[SidecarError]
    code: str
    fixed_by: str | None = "operator"
    waits: int | None = None


ADMIN = "salesforce_admin"
REFUSED_CALLS = (
    RefusedCall("api-currently-disabled-403", SetupError, "salesforce-api-disabled", ADMIN),
    RefusedCall("api-disabled-for-org-403", SetupError, "salesforce-api-disabled", ADMIN),
    RefusedCall("invalid-session-401", SetupError, "salesforce-session-refused", ADMIN),
    RefusedCall("invalid-session-401-2016", SetupError, "salesforce-session-refused", ADMIN),
    RefusedCall("request-limit-exceeded-403", TransientError, "salesforce-limit-reached", None, 3600),
    RefusedCall("error-500-network", TransientError, "salesforce-unreachable", None),
    RefusedCall("sdk-query-unknown-column", SetupError, "salesforce-field-unknown", ADMIN),
    RefusedCall("sdk-query-unexpected-response", SetupError, "salesforce-not-found"),
    RefusedCall("bulk1-upsert-without-external-id-400", SetupError, "salesforce-request-refused"),
    RefusedCall("sdk-query-malformed-soql", SetupError, "salesforce-request-refused"),
)


@pytest.mark.parametrize("case", REFUSED_CALLS, ids=lambda case: case.recording)
def test_a_call_that_was_refused_is_one_named_problem(case):
    answer = Answer.of(case.recording)
    org = an_org()
    org.on("GET", ".*/query/", answer)
    with pytest.raises(case.error) as caught:
        a_side(org).client.query_each(["SELECT Id FROM Lead"])
    assert caught.value.code == case.code
    assert getattr(caught.value, "fixed_by", None) == case.fixed_by
    assert getattr(caught.value, "retry_after_seconds", None) == case.waits
    assert not any(text in str(caught.value) for text in texts_of(answer.body))


def texts_of(body):
    """Return what Salesforce wrote for people: it may name them, so none of it goes on."""
    texts = [body] if isinstance(body, str) else [item["message"] for item in body]
    return [text for text in texts if text]


def test_a_session_that_ran_out_is_opened_anew_once():
    org = an_org()
    org.on("GET", ".*/query/", Answer.of("invalid-session-401"), Answer(result(a_row())))
    side = a_side(org)
    assert len(side.client.query_each(["SELECT Id FROM Lead"])[0]) == 1
    assert len(org.sign_ins) == 2


@pytest.mark.parametrize("name", ["delete-failed-cases-400", "cascade-deleted-child-404"])
def test_a_refused_deletion_tells_its_code_and_not_whom_it_was_about(name):
    answer = Answer.of(name)
    org = an_org()
    org.on("DELETE", ".*/sobjects/Contact/.*", answer)
    part = Part("DELETE", "sobjects/Contact/003000000000001AAA")
    found = a_side(org).client.send(part, is_repeatable=True)
    assert (found.status, [item["errorCode"] for item in found.body]) == (
        answer.status,
        ["DELETE_FAILED" if answer.status == 400 else "ENTITY_IS_DELETED"],
    )
    assert answer.body[0]["message"] not in f"{found!r} {found.error}"


# -- rows refused ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RefusedRow:
    """A recorded refusal of one record, and what the outcome of that record's write says."""

    recording: str
    code: str
    reaction: Reaction = Reaction.DATA
    fields: tuple[str, ...] = ()


REFUSED_ROWS = (
    RefusedRow("delete-failed-cases-400", "delete-failed"),
    RefusedRow("duplicate-value-campaign-member-400", "duplicate-value"),
    RefusedRow("duplicate-value-unique-400", "duplicate-value"),
    RefusedRow("duplicate-value-upsert-race-400", "duplicate-value"),
    RefusedRow("duplicates-detected-v50", "duplicates-detected", Reaction.PERSON),
    RefusedRow("duplicates-detected-v54", "duplicates-detected", Reaction.PERSON),
    RefusedRow("duplicates-detected-v56-blocked-localised", "duplicates-detected", Reaction.PERSON),
    RefusedRow("field-integrity-state-without-country-400", "field-integrity-exception", fields=("State",)),
    RefusedRow("field-integrity-state-without-country-contact-400", "field-integrity-exception"),
    RefusedRow("invalid-field-for-insert-update", "invalid-field-for-insert-update", Reaction.SETUP),
    RefusedRow("sdk-create-invalid-field", "invalid-field", Reaction.SETUP),
    RefusedRow("sdk-create-invalid-picklist-value", "invalid-or-null-for-restricted-picklist", fields=("Rating__c",)),
    RefusedRow("sdk-create-required-field-missing", "required-field-missing", fields=("Website__c",)),
    RefusedRow("sdk-update-malformed-id", "malformed-id"),
    RefusedRow("string-too-long-400", "string-too-long", fields=("Name",)),
    RefusedRow("unable-to-lock-row", "unable-to-lock-row", Reaction.RETRY),
    RefusedRow("validation-rule-multiple-400", "field-custom-validation-exception"),
)


@pytest.mark.parametrize("case", REFUSED_ROWS, ids=lambda case: case.recording)
def test_a_record_that_was_refused_waits_for_what_can_mend_it(case):
    answer = Answer.of(case.recording)
    no = {"success": False, "errors": [{"statusCode": item["errorCode"], **item} for item in answer.body]}
    bad, good = a_row(1)["Id"], a_row(2)["Id"]
    org = an_org()
    rows = {bad: no, good: saved(good)}
    org.on("PATCH", MANY, lambda sent: Answer([rows[record["id"]] for record in sent.body["records"]]))
    refused, other = a_side(org).write(people_rules(), [an_update(1, LastName="A"), an_update(2, LastName="B")])
    assert (refused.error.code, refused.error.reaction) == (f"salesforce-{case.code}", case.reaction)
    assert set(refused.error.fields) >= set(case.fields)
    assert other.error is None
    assert not any(item["message"].strip() in repr(refused) for item in answer.body)


@pytest.mark.parametrize("case", REFUSED_ROWS, ids=lambda case: case.recording)
def test_it_is_the_same_whether_the_record_or_its_whole_collection_was_refused(case):
    answer = Answer.of(case.recording)
    org = an_org()
    org.on("PATCH", MANY, answer)
    [refused] = a_side(org).write(people_rules(), [an_update(1, LastName="A")])
    assert (refused.error.code, refused.error.reaction) == (f"salesforce-{case.code}", case.reaction)


@pytest.mark.parametrize(
    ("name", "field"),
    [("field-integrity-bad-country-apex", "BillingCountry"), ("field-integrity-bad-state-apex", "BillingState")],
)
def test_a_place_the_orgs_list_does_not_know_is_the_records_data_and_its_field_is_named(name, field):
    code, words, fields = re.search(r"error: (\w+), (.+): \[(\w+)\]$", recorded(name)["body"]).groups()
    org = an_org()
    error = {"statusCode": code, "message": words, "fields": [fields]}
    org.on("PATCH", MANY, Answer([{"success": False, "errors": [error]}]))
    [refused] = a_side(org).write(people_rules(), [an_update(1, LastName="A")])
    assert (refused.error.code, refused.error.reaction) == ("salesforce-field-integrity-exception", Reaction.DATA)
    assert refused.error.fields == (field,)


def test_two_upserts_of_one_key_at_the_same_moment_are_settled_by_a_second_look():
    answer, pauses = Answer.of("duplicate-value-upsert-race-400"), Pauses()
    org = an_org()
    org.on("PATCH", MANY, answer, Answer([saved(a_row(1)["Id"], created=False)]))
    [written] = a_side(org, sleep=pauses).write(people_rules(), [a_creation(1, LastName="A")])
    assert written.error is None
    assert not written.was_created
    assert len(pauses) == 1


def test_a_batch_row_without_an_id_fails_alone():
    rows = recorded("bulk1-empty-id")["body"]
    org = an_org()
    org.on("PATCH", MANY, Answer(rows))
    refused, fine = a_side(org).write(people_rules(), [an_update(1, LastName="A"), an_update(2, LastName="B")])
    assert (refused.error.code, refused.error.reaction) == ("salesforce-invalid-id-field", Reaction.DATA)
    assert fine.error is None


@pytest.mark.parametrize("name", ["collections-insert-required-missing", "task-whoid-wrong-type-row"])
def test_a_recorded_row_of_a_collection_names_the_field_to_blame(name):
    rows = recorded(name)["body"]
    org = an_org()
    org.on("POST", MANY, Answer(rows))
    written = RowWriter(a_side(org).client).write([Row(Kind.INSERT, "Task", {}) for _ in rows])
    assert [found.error.fields for found in written] == [tuple(row["errors"][0]["fields"]) for row in rows]
    assert all(found.error.fields and found.error.reaction is Reaction.DATA for found in written)


# -- parts of a composite --------------------------------------------------------------------------------------------


def test_a_graph_that_failed_has_http_200_and_its_own_refusal_inside():
    org = an_org()
    org.on("POST", ".*/composite/graph", Answer.of("sdk-composite-graph-single-create-error"))
    answer = a_side(org).client.send(Part("POST", "composite/graph", {}), is_repeatable=False)
    assert answer.error is None
    [graph] = answer.body["graphs"]
    [part] = graph["graphResponse"]["compositeResponse"]
    inner = PartAnswer(part["httpStatusCode"], part["body"])
    assert not graph["isSuccessful"]
    assert inner.error.code == "salesforce-request-refused"
    assert "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" in str(inner.error)
    assert "Amazing" not in str(inner.error)


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("composite-graph-201-v66", [201]),
        ("sdk-composite-graph-create", [201]),
        ("sdk-composite-graph-create-tree", [201, 201, 201, 201]),
        ("sdk-composite-graph-single-delete", [204]),
        ("sdk-composite-graph-single-update", [204]),
    ],
)
def test_the_parts_of_a_graph_that_succeeded_are_no_errors_even_without_a_body(name, statuses):
    org = an_org()
    org.on("POST", ".*/composite/graph", Answer.of(name))
    answer = a_side(org).client.send(Part("POST", "composite/graph", {}), is_repeatable=False)
    [graph] = answer.body["graphs"]
    parts = [PartAnswer(p["httpStatusCode"], p["body"]) for p in graph["graphResponse"]["compositeResponse"]]
    assert graph["isSuccessful"]
    assert [part.status for part in parts] == statuses
    assert [part.error for part in parts] == [None] * len(statuses)
    assert all(part.body is None or part.body["success"] for part in parts)
