"""Salesforce's errors: matched by code only, and nothing of their texts gets through."""

import pytest

from sidecar.errors import SetupError, TransientError
from sidecar.records import Ref
from sidecar.salesforce.errors import REACTION_BY_CODE, row_error, whole_error
from sidecar.sync.model import Reaction
from tests.salesforce_stub import recorded


def row(code, *fields, message="Jane Roe"):
    return {"statusCode": code, "message": message, "fields": list(fields)}


@pytest.mark.parametrize(
    ("code", "reaction"),
    [
        ("UNABLE_TO_LOCK_ROW", Reaction.RETRY),
        ("STRING_TOO_LONG", Reaction.DATA),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", Reaction.SETUP),
        ("DUPLICATES_DETECTED", Reaction.PERSON),
        ("SOMETHING_NOBODY_HEARD_OF", Reaction.DATA),
    ],
)
def test_each_code_waits_for_what_can_mend_it(code, reaction):
    assert row_error([row(code)]).reaction is reaction


def test_the_code_is_salesforces_own_in_our_spelling():
    assert row_error([row("FIELD_CUSTOM_VALIDATION_EXCEPTION")]).code == "salesforce-field-custom-validation-exception"


@pytest.mark.parametrize("name", ["duplicates-detected-v54", "duplicates-detected-v56-blocked-localised"])
def test_a_possible_duplicate_is_for_a_person_whatever_the_language(name):
    error = row_error(recorded(name)["body"])
    assert (error.code, error.reaction) == ("salesforce-duplicates-detected", Reaction.PERSON)


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("duplicates-detected-v50", Ref("Contact", "0038M0000016Wv8QAE")),
        ("duplicates-detected-v54", Ref("Contact", "0038M0000016Wv8QAE")),
        ("duplicates-detected-v56-blocked-localised", Ref("Account", "0015c00002Lz9mUAAR")),
    ],
)
def test_the_record_a_duplicate_rule_names_is_read_in_both_spellings_of_its_key(name, twin):
    body = recorded(name)["body"]
    assert row_error(body).twins == (twin,)
    [error] = body
    assert row_error([{"statusCode": "DUPLICATES_DETECTED", "duplicateResult": error["duplicateResut"]}]).twins == (
        twin,
    )


def test_a_duplicate_rule_that_names_nobody_names_nobody():
    assert row_error(recorded("collections-allOrNone-rolled-back")["body"][0]["errors"]).twins == ()


def test_a_key_that_several_records_carry_is_ambiguous():
    error = row_error([row("DUPLICATE_EXTERNAL_ID")])
    assert (error.code, error.reaction) == ("ambiguous-match", Reaction.PERSON)


def test_the_fields_to_blame_are_named():
    error = row_error(recorded("collections-update-mixed-invalid-email")["body"][1]["errors"])
    assert error.fields == ("email_field__c",)
    assert error.code == "salesforce-invalid-email-address"


def test_all_failing_rules_are_read_not_only_the_first():
    errors = [row("FIELD_CUSTOM_VALIDATION_EXCEPTION", "A__c"), row("REQUIRED_FIELD_MISSING", "B__c", "A__c")]
    assert row_error(errors).fields == ("A__c", "B__c")
    assert row_error(recorded("validation-rule-multiple-400")["body"]).reaction is Reaction.DATA


def test_the_gravest_of_several_errors_counts():
    errors = [row("UNABLE_TO_LOCK_ROW"), row("INVALID_FIELD_FOR_INSERT_UPDATE", "A__c"), row("STRING_TOO_LONG")]
    assert row_error(errors).code == "salesforce-invalid-field-for-insert-update"


def test_a_converted_lead_is_looked_at_again():
    error = row_error(recorded("update-converted-lead")["body"][0]["errors"])
    assert (error.code, error.reaction) == ("salesforce-lead-converted", Reaction.RETRY)


def test_a_record_that_is_gone_is_looked_at_again():
    error = row_error(recorded("collections-update-unknown-id")["body"][0]["errors"])
    assert (error.code, error.reaction) == ("salesforce-record-gone", Reaction.RETRY)


@pytest.mark.parametrize("has_id", [True, False])
def test_a_bad_reference_is_the_records_own_data(has_id):
    fields = ["AccountId"] if has_id else []
    error = row_error([row("INVALID_CROSS_REFERENCE_KEY", *fields)], has_id=has_id)
    assert (error.code, error.reaction) == ("salesforce-reference-unknown", Reaction.DATA)


def test_the_value_salesforce_echoes_is_not_passed_on():
    [echoed] = recorded("string-too-long-400")["body"]
    error = row_error([echoed])
    assert error.code == "salesforce-string-too-long"
    assert echoed["message"][:20] not in repr(error)


def test_a_code_or_field_name_that_is_none_is_not_passed_on_either():
    error = row_error([row("jane@example.com", "Jane Roe", "Email")])
    assert error.code == "salesforce-refused"
    assert error.fields == ("Email",)


def test_a_failed_row_without_reasons_is_still_an_error():
    assert row_error([]).reaction is Reaction.DATA


def test_every_known_code_has_the_shape_of_a_code():
    assert all(code == code.upper() and " " not in code for code in REACTION_BY_CODE)


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("request-limit-exceeded-403", TransientError, "salesforce-limit-reached"),
        ("api-currently-disabled-403", SetupError, "salesforce-api-disabled"),
        ("api-disabled-for-org-403", SetupError, "salesforce-api-disabled"),
        ("sdk-query-unknown-column", SetupError, "salesforce-field-unknown"),
        ("invalid-session-401", SetupError, "salesforce-session-refused"),
    ],
)
def test_a_call_refused_as_a_whole_is_translated(name, kind, code):
    response = recorded(name)
    error = whole_error(response["status"], response["body"])
    assert (type(error), error.code) == (kind, code)
    assert "SELECT" not in error.message


def test_an_exhausted_limit_pauses_for_an_hour():
    response = recorded("request-limit-exceeded-403")
    assert whole_error(response["status"], response["body"]).retry_after_seconds == 3600


def test_an_api_that_is_off_for_everybody_comes_back_by_itself():
    error = whole_error(403, [{"errorCode": "API_CURRENTLY_DISABLED", "message": "API is currently disabled"}])
    assert isinstance(error, TransientError)


@pytest.mark.parametrize("code", ["INVALID_QUERY_LOCATOR", "QUERY_LOCATOR_EXPIRED", "QUERY_LOCATOR_NOT_FOUND"])
def test_a_dropped_result_is_asked_for_again_later(code):
    assert whole_error(400, [{"errorCode": code}]).code == "salesforce-query-expired"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, TransientError), (503, TransientError), (410, SetupError), (404, SetupError), (414, SetupError)],
)
def test_a_status_without_a_known_code_is_translated_too(status, kind):
    assert type(whole_error(status, [])) is kind
