"""What a description tells us about an object, on recorded descriptions."""

import pytest

from sidecar.records import FieldType
from sidecar.salesforce.schema import parse_field, parse_schema, trimmed
from tests.salesforce_builders import a_described_field
from tests.salesforce_stub import recorded


def schema(name):
    return parse_schema(recorded(name)["body"])


def test_a_lead_needs_a_name_and_a_company_and_nothing_that_is_filled_by_default():
    fields = schema("describe-lead-cumulusci").fields
    assert {name for name, info in fields.items() if info.is_required} == {"LastName", "Company"}


def test_only_an_external_id_is_an_upsert_key():
    custom = schema("describe-contact-v42-custom-fields").fields
    assert [name for name, info in custom.items() if info.is_key] == ["Custom_External_ID__c"]


def test_unique_alone_is_no_upsert_key():
    fields = schema("describe-unique-versus-idLookup").fields
    assert fields["d5__Unique_Email__c"].is_key
    assert not fields["d5__Drupal_ID__c"].is_key


def test_fields_hidden_from_our_user_do_not_exist():
    assert "HasOptedOutOfEmail" not in schema("describe-lead-cumulusci").fields


def test_compound_fields_are_not_offered():
    fields = schema("describe-lead-cumulusci").fields
    assert "Address" not in fields
    assert "Street" in fields


def test_lengths_come_from_the_description():
    fields = schema("describe-lead-cumulusci").fields
    assert (fields["Email"].length, fields["Company"].length, fields["IsConverted"].length) == (80, 255, None)


def test_what_is_calculated_cannot_be_written():
    name = schema("describe-lead-cumulusci").fields["Name"]
    assert not name.is_createable
    assert not name.is_updateable


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("string", FieldType.TEXT),
        ("textarea", FieldType.LONG_TEXT),
        ("int", FieldType.NUMBER),
        ("currency", FieldType.NUMBER),
        ("percent", FieldType.NUMBER),
        ("multipicklist", FieldType.MULTI_PICKLIST),
        ("reference", FieldType.REFERENCE),
    ],
)
def test_types_are_translated(kind, expected):
    assert parse_field(a_described_field("X__c", kind)).type is expected


def test_only_active_options_are_offered_by_their_api_names():
    options = [{"value": "hot", "label": "Hot!", "active": True}, {"value": "old", "label": "Old", "active": False}]
    info = parse_field(a_described_field("X__c", "picklist", picklistValues=options, restrictedPicklist=True))
    assert info.options == ("hot",)
    assert info.is_restricted


def test_a_checkbox_is_never_required():
    assert not parse_field(a_described_field("X__c", "boolean", nillable=False)).is_required


def test_what_is_kept_of_a_description_says_the_same():
    for name in ("describe-lead-cumulusci", "describe-contact-v42-custom-fields"):
        body = recorded(name)["body"]
        assert parse_schema(trimmed(body)) == parse_schema(body)
