"""What a timeline record holds, field by field."""

from datetime import timedelta
from decimal import Decimal

import pytest

from sidecar.activities.build import build_row, fit_text
from sidecar.activities.model import TimelineEvent
from sidecar.activities.target import build_target, check_target, require_usable
from sidecar.errors import SetupError
from sidecar.hosts.mautic.timeline_sources import TIMELINE_SOURCES
from sidecar.mapping.activities import EVENT_TYPES
from sidecar.records import FieldInfo, FieldType, ObjectSchema, Ref
from tests.activities import CONTACT, LEAD, NOW, a_mapping, a_schema, an_event

URL = "https://m/s/contacts/view/7"


def row_of(event: TimelineEvent, person: Ref = LEAD, schema: ObjectSchema | None = None, **mapping: object):
    return build_row(event, person, build_target(schema or a_schema(), a_mapping(**mapping)), URL)


def test_all_fields_are_filled() -> None:
    assert row_of(an_event(description="No answer")) == {
        "Name": "Form submitted - Contact us",
        "ActivityDate__c": NOW - timedelta(hours=1),
        "WhoId__c": LEAD.id,
        "Description__c": "https://m/f/3\nNo answer",
        "MauticLead__c": Decimal(7),
        "Mautic_url__c": URL,
        "ReferenceId__c": f"FormSubmitted123-{LEAD.id}",
    }


def test_a_contact_goes_into_its_own_lookup() -> None:
    row = row_of(an_event(), CONTACT)
    assert row["contact_id__c"] == CONTACT.id
    assert "WhoId__c" not in row


@pytest.mark.parametrize("short", ["ActivityDate", "Description", "MauticLead", "Mautic_url"])
def test_a_field_that_is_hidden_is_left_out(short: str) -> None:
    row = row_of(an_event(), schema=a_schema(without=[short]))
    assert f"{short}__c" not in row
    assert len(row) == 6


def test_the_namespace_stands_before_every_custom_field_and_not_before_name() -> None:
    row = row_of(an_event(), schema=a_schema("acme__"), namespace="acme")
    assert {name for name in row if not name.startswith("acme__")} == {"Name"}
    assert len(row) == 7


@pytest.mark.parametrize(
    ("event_type", "row_id", "expected"),
    [
        ("form.submitted", 123, "FormSubmitted123"),
        ("point.gained", 55, "PointGained55"),
        ("email.read", 9, "EmailRead9"),
        ("campaign.event.scheduled", 7, "CampaignEventScheduled7"),
        ("campaign_membership", 5, "Campaign_membership5"),
        ("page.hit", 4711, "4711"),
        ("focus.on_view", 1, "FocusOn_view1"),
        ("page.videohit", 3, "PageVideohit3"),
    ],
)
def test_event_ids_are_those_of_mautics_own_plugin(event_type: str, row_id: int, expected: str) -> None:
    assert TIMELINE_SOURCES[event_type].event_id(row_id) == expected


def test_no_two_types_give_the_same_event_id() -> None:
    assert len({source.event_id(1) for source in TIMELINE_SOURCES.values()}) == len(TIMELINE_SOURCES)


def test_every_type_a_mapping_may_name_has_a_source() -> None:
    assert set(TIMELINE_SOURCES) == set(EVENT_TYPES)


@pytest.mark.parametrize("end", ["e\u0301", "👍🏽", "👩‍👩‍👧", "🇫🇷", "é", "😀"])
@pytest.mark.parametrize("before", range(70, 82))
def test_a_name_is_never_cut_inside_a_letter_or_an_emoji(end: str, before: int) -> None:
    name = fit_text("x" * before + end + "tail" * 5, 80)
    assert len(name) <= 80
    assert len(name.encode("utf-16-le")) // 2 <= 80
    rest = name.lstrip("x")
    assert rest == "" or rest.startswith(end)


def test_a_name_of_eighty_accents_stays_whole() -> None:
    assert fit_text("é" * 81, 80) == "é" * 80


def test_a_name_fits_the_described_length_and_stands_on_one_line() -> None:
    row = row_of(an_event(label="a\nb " * 60))
    assert len(row["Name"]) == 80
    assert row["Name"].startswith("Form submitted - a b a b")


def test_an_address_that_is_too_long_is_left_out_and_a_description_cut() -> None:
    schema = a_schema()
    short = {name: FieldInfo(name, name, info.type, 10) for name, info in schema.fields.items()}
    row = build_row(an_event(), LEAD, build_target(ObjectSchema(schema.object, short), a_mapping()), URL)
    assert "Mautic_url__c" not in row
    assert row["Description__c"] == "https://m/"


def test_everything_missing_is_named_at_once() -> None:
    schema = a_schema(without=["ReferenceId", "WhoId", "contact_id", "MauticLead"])
    problems = check_target(schema, build_target(schema, a_mapping()), a_mapping())
    with pytest.raises(SetupError) as caught:
        require_usable(problems)
    assert {"ReferenceId__c", "WhoId__c", "contact_id__c", "MauticLead__c"} <= set(caught.value.message.split())


def test_missing_optional_fields_are_problems_that_stop_nothing() -> None:
    schema = a_schema(without=["MauticLead", "WhoId"])
    problems = check_target(schema, build_target(schema, a_mapping()), a_mapping())
    require_usable(problems)
    assert [problem.code for problem in problems] == ["timeline-field-missing"] * 2


def test_a_reference_that_is_no_external_id_is_a_problem_that_stops_nothing() -> None:
    schema = a_schema(is_key=False)
    problems = check_target(schema, build_target(schema, a_mapping()), a_mapping())
    require_usable(problems)
    assert [problem.code for problem in problems] == ["timeline-reference-not-external-id"]


def test_a_name_that_numbers_itself_is_left_alone() -> None:
    schema = a_schema()
    numbered = FieldInfo("Name", "Name", FieldType.TEXT, 80, is_createable=False)
    schema = ObjectSchema(schema.object, {**schema.fields, "Name": numbered})
    assert "Name" not in row_of(an_event(), schema=schema)
