"""A mapping held against what both sides show: what is followed, what is suspended, what stops everything."""

from pathlib import Path

import pytest

from sidecar.mapping.model import Priority
from sidecar.mapping.parse import load_mapping, parse_mapping
from sidecar.mapping.preflight import WARNINGS, preflight
from sidecar.records import FieldType as T
from sidecar.records import ObjectSchema, Side
from tests.builders import FINGERPRINT, a_field

DOCUMENT = {
    "mapping": {
        "name": "people",
        "lane": "people",
        "host_object": "contact",
        "salesforce_objects": ["Contact", "Lead"],
        "create_in_salesforce": "Lead",
        "match_on": ["email"],
        "external_id": "Mautic_Id__c",
    },
    "consent": {"salesforce_field": "HasOptedOutOfEmail"},
    "deletion": {"host_field": "gone", "salesforce_field": "Gone__c"},
    "fields": {
        "email": {"host": "email", "salesforce": "Email"},
        "company": {"host": "company", "salesforce": {"Lead": "Company"}, "placeholder": "Unknown"},
    },
}
HOST = [a_field("email", T.EMAIL), a_field("company"), a_field("gone", T.BOOLEAN)]
SALESFORCE = [
    a_field("Email", T.EMAIL),
    a_field("Company"),
    a_field("Mautic_Id__c", is_key=True),
    a_field("HasOptedOutOfEmail", T.BOOLEAN),
    a_field("Gone__c", T.BOOLEAN),
]


def schema(name, fields):
    return ObjectSchema(name, {field.name: field for field in fields})


def check(*, host=(), lead=(), contact=(), without=(), document=None, **pair):
    """Preflight the small mapping; extra fields replace those of the same name, `pair` is one more field pair."""
    document = dict(document or DOCUMENT)
    if pair:
        document["fields"] = document["fields"] | {
            "extra": {"host": "extra", "salesforce": {"Lead": "Extra__c"}} | pair
        }
    return preflight(
        parse_mapping(document),
        schema("contact", [*(field for field in HOST if field.name not in without), *host]),
        {
            "Lead": schema("Lead", [*(field for field in SALESFORCE if f"Lead.{field.name}" not in without), *lead]),
            "Contact": schema(
                "Contact", [*(field for field in SALESFORCE if f"Contact.{field.name}" not in without), *contact]
            ),
        },
        fingerprint=FINGERPRINT,
    )


def found(rules):
    return [(str(problem.code), problem.object, problem.pair) for problem in rules.problems]


def names(rules, salesforce_object="Lead"):
    return [rule.pair.name for rule in rules.fields[salesforce_object]]


def extra(rules):
    """Return the extra pair's rule, None while it is suspended."""
    return next((rule for rule in rules.fields["Lead"] if rule.pair.name == "extra"), None)


def test_a_mapping_that_fits_has_no_problem_and_may_do_everything():
    rules = check()
    assert rules.problems == ()
    assert (names(rules), names(rules, "Contact")) == (["email", "company"], ["email"])
    assert rules.is_consent_known
    assert rules.can_mark_host_deletion
    assert rules.can_mark_salesforce_deletion == rules.external_id_on == {"Lead", "Contact"}
    assert rules.may_write == set(Side)


def test_a_rule_knows_both_its_fields():
    rule = check().fields["Lead"][1]
    assert (rule.host.name, rule.salesforce.name) == ("company", "Company")


def test_a_field_missing_in_salesforce_suspends_its_pair_there_alone():
    rules = check(without=["Lead.Company"])
    assert found(rules) == [("salesforce-field-missing", "Lead", "company")]
    assert names(rules) == ["email"]
    assert rules.mapping.pair("company").salesforce == {"Lead": "Company"}


def test_a_field_missing_in_the_host_suspends_its_pair():
    rules = check(without=["company"])
    assert found(rules) == [("host-field-missing", "Lead", "company")]
    assert rules.problems[0].fixed_by == "host_admin"


def test_a_missing_field_is_told_with_the_one_that_was_meant():
    rules = check(host=[a_field("extra")], lead=[a_field("EXTRA__c")], priority="both")
    assert "Is EXTRA__c meant?" in rules.problems[0].message


def test_no_match_field_stops_the_lane():
    (missing, blocking) = check(without=["Contact.Email"]).problems
    assert (missing.code, missing.is_blocking) == ("salesforce-field-missing", False)
    assert (blocking.code, blocking.object, blocking.is_blocking) == ("match-field-unusable", "Contact", True)


def test_a_hidden_object_is_left_alone_and_the_other_goes_on():
    rules = preflight(
        parse_mapping(DOCUMENT),
        schema("contact", HOST),
        {"Contact": schema("Contact", SALESFORCE), "Lead": None},
        fingerprint=FINGERPRINT,
    )
    assert found(rules) == [("salesforce-object-hidden", "Lead", None)]
    assert not rules.problems[0].is_blocking
    assert rules.mapping.salesforce_objects == ("Contact",)
    assert rules.mapping.create_in_salesforce is None
    assert set(rules.fields) == {"Contact"}


def test_no_visible_object_stops_the_lane():
    rules = preflight(parse_mapping(DOCUMENT), schema("contact", HOST), {}, fingerprint=FINGERPRINT)
    assert [(str(problem.code), problem.is_blocking) for problem in rules.problems] == [
        ("salesforce-object-hidden", True)
    ] * 2


def test_a_hidden_host_object_stops_the_lane():
    rules = preflight(parse_mapping(DOCUMENT), None, {"Lead": schema("Lead", SALESFORCE)}, fingerprint=FINGERPRINT)
    assert ("host-object-hidden", True) in [(problem.code, problem.is_blocking) for problem in rules.problems]
    assert rules.fields == {"Lead": ()}
    assert not rules.can_mark_host_deletion


READ_ONLY = {"is_updateable": False, "is_createable": False}


@pytest.mark.parametrize("priority", ["both", "host"])
def test_a_read_only_salesforce_field_only_travels_to_the_host(priority):
    rules = check(host=[a_field("extra")], lead=[a_field("Extra__c", **READ_ONLY)], priority=priority)
    assert found(rules) == [("salesforce-field-read-only", "Lead", "extra")]
    assert extra(rules).pair.priority is Priority.SALESFORCE
    assert rules.mapping.pair("extra").priority == priority


@pytest.mark.parametrize("priority", ["both", "salesforce"])
def test_a_read_only_host_field_only_travels_to_salesforce(priority):
    rules = check(host=[a_field("extra", **READ_ONLY)], lead=[a_field("Extra__c")], priority=priority)
    assert found(rules) == [("host-field-read-only", "Lead", "extra")]
    assert extra(rules).pair.priority is Priority.HOST


def test_a_read_only_field_the_arrow_comes_from_is_no_problem():
    rules = check(host=[a_field("extra", **READ_ONLY)], lead=[a_field("Extra__c")], priority="host")
    assert rules.problems == ()
    assert extra(rules).pair.priority is Priority.HOST


def test_a_turned_arrow_enforces_nothing():
    rules = check(host=[a_field("extra")], lead=[a_field("Extra__c", **READ_ONLY)], priority="host", enforce=True)
    assert not extra(rules).pair.enforce


def test_two_read_only_fields_have_nowhere_to_go():
    rules = check(host=[a_field("extra", **READ_ONLY)], lead=[a_field("Extra__c", **READ_ONLY)], priority="both")
    assert found(rules) == [("pair-read-only", "Lead", "extra")]
    assert extra(rules) is None


def test_a_field_that_can_only_be_set_at_creation_gets_no_updates():
    rules = check(host=[a_field("extra")], lead=[a_field("Extra__c", is_updateable=False)], priority="both")
    assert found(rules) == [("salesforce-field-read-only", "Lead", "extra")]
    document = DOCUMENT | {"mapping": DOCUMENT["mapping"] | {"update": ["host"]}}
    creating = check(
        host=[a_field("extra")], lead=[a_field("Extra__c", is_updateable=False)], document=document, priority="both"
    )
    assert creating.problems == ()


def test_types_that_do_not_fit_suspend_the_pair():
    rules = check(host=[a_field("extra", T.NUMBER)], lead=[a_field("Extra__c", T.DATE)], priority="both")
    assert found(rules) == [("no-converter", "Lead", "extra")]
    assert extra(rules) is None


def test_only_the_way_the_arrow_goes_needs_a_converter():
    fields = {"host": [a_field("extra")], "lead": [a_field("Extra__c", T.REFERENCE)]}
    assert extra(check(**fields, priority="salesforce")) is not None
    assert extra(check(**fields, priority="host")) is None


def test_a_required_field_nobody_fills_is_told_before_salesforce_refuses():
    rules = check(lead=[a_field("Extra__c", is_required=True)])
    assert found(rules) == [("required-field-unmapped", "Lead", None)]


def test_a_required_field_of_an_object_that_is_never_created_is_none_of_our_business():
    assert check(contact=[a_field("Extra__c", is_required=True)]).problems == ()


def test_a_required_field_that_is_only_suspended_counts_as_unfilled():
    rules = check(lead=[a_field("Extra__c", is_required=True)], priority="both")
    assert ("required-field-unmapped", "Lead", None) in found(rules)


def test_a_required_field_needs_a_placeholder():
    fields = {"host": [a_field("extra")], "lead": [a_field("Extra__c", is_required=True)]}
    assert found(check(**fields, priority="both")) == [("required-field-without-placeholder", "Lead", "extra")]
    assert check(**fields, placeholder="Unknown").problems == ()


def test_a_required_host_field_must_be_filled_too():
    assert found(check(host=[a_field("segment", is_required=True)])) == [("required-field-unmapped", "contact", None)]


@pytest.mark.parametrize(
    ("host", "lead", "code"),
    [
        (a_field("extra", length=191), a_field("Extra__c", length=80), "target-shorter"),
        (a_field("extra", T.LONG_TEXT), a_field("Extra__c", length=255), "target-shorter"),
        (a_field("extra", T.NUMBER, scale=4), a_field("Extra__c", T.NUMBER, scale=2), "decimals-lost"),
        (
            a_field("extra", T.PICKLIST, options=("Hot", "Cold")),
            a_field("Extra__c", T.PICKLIST, options=("hot",), is_restricted=True),
            "options-differ",
        ),
    ],
)
def test_what_a_value_may_lose_is_said_without_suspending_the_pair(host, lead, code):
    rules = check(host=[host], lead=[lead], priority="host")
    assert found(rules) == [(code, "Lead", "extra")]
    assert extra(rules) is not None
    assert rules.problems[0].code in WARNINGS
    assert check(host=[host], lead=[lead], priority="salesforce").problems == ()


def test_a_field_mapped_twice_is_followed_once():
    mapping = parse_mapping(DOCUMENT)
    first = mapping.pair("company")
    twice = type(first)(name="again", host="email", salesforce={"Lead": "Company"})
    changed = type(mapping)(
        **{name: getattr(mapping, name) for name in mapping.__slots__} | {"fields": (*mapping.fields, twice)}
    )
    schemas = {name: schema(name, SALESFORCE) for name in ("Lead", "Contact")}
    rules = preflight(changed, schema("contact", HOST), schemas, fingerprint=FINGERPRINT)
    assert found(rules) == [("field-mapped-twice", "Lead", "again")]
    assert names(rules) == ["email", "company"]


def test_a_missing_external_id_is_told_and_does_not_stop_anything():
    rules = check(without=["Lead.Mautic_Id__c"])
    assert found(rules) == [("external-id-missing", "Lead", None)]
    assert not rules.problems[0].is_blocking
    assert rules.external_id_on == {"Contact"}


def test_an_external_id_that_is_no_key_can_be_written_but_is_told():
    rules = check(without=["Lead.Mautic_Id__c"], lead=[a_field("Mautic_Id__c")])
    assert found(rules) == [("external-id-missing", "Lead", None)]
    assert rules.external_id_on == {"Lead", "Contact"}


@pytest.mark.parametrize("field", [[], [a_field("HasOptedOutOfEmail", T.TEXT)]])
def test_a_hidden_opt_out_is_never_taken_for_opted_in(field):
    rules = check(without=["Contact.HasOptedOutOfEmail"], contact=field)
    assert found(rules) == [("opt-out-hidden", "Contact", None)]
    assert rules.problems[0].fixed_by == "salesforce_admin"
    assert not rules.is_consent_known


def test_a_read_only_opt_out_is_known_and_told():
    rules = check(
        without=["Lead.HasOptedOutOfEmail"], lead=[a_field("HasOptedOutOfEmail", T.BOOLEAN, is_updateable=False)]
    )
    assert found(rules) == [("opt-out-read-only", "Lead", None)]
    assert rules.is_consent_known


def test_a_mapping_without_consent_asks_for_no_opt_out_field():
    document = {key: value for key, value in DOCUMENT.items() if key != "consent"}
    rules = check(without=["Lead.HasOptedOutOfEmail", "Contact.HasOptedOutOfEmail"], document=document)
    assert rules.problems == ()


@pytest.mark.parametrize("field", [[], [a_field("gone")], [a_field("gone", T.BOOLEAN, is_updateable=False)]])
def test_a_host_mark_that_cannot_be_ticked_marks_nothing(field):
    rules = check(without=["gone"], host=field)
    assert found(rules) == [("deletion-mark-missing", "contact", None)]
    assert not rules.can_mark_host_deletion


def test_a_salesforce_mark_is_judged_per_object():
    rules = check(without=["Lead.Gone__c"])
    assert found(rules) == [("deletion-mark-missing", "Lead", None)]
    assert rules.can_mark_salesforce_deletion == {"Contact"}


def test_a_mapping_that_does_nothing_on_deletion_needs_no_host_mark():
    document = DOCUMENT | {"deletion": {"on_salesforce_delete": "nothing", "host_field": "gone"}}
    rules = check(without=["gone"], document=document)
    assert rules.problems == ()
    assert not rules.can_mark_host_deletion


@pytest.mark.parametrize(
    ("head", "sides"),
    [
        ({}, set(Side)),
        ({"direction": "to_salesforce", "create_in_host": False}, {Side.SALESFORCE}),
        ({"direction": "to_host", "create_in_salesforce": False}, {Side.HOST}),
        ({"update": [], "create_in_salesforce": False}, {Side.HOST}),
    ],
)
def test_a_direction_says_which_side_may_be_written_to(head, sides):
    rules = check(document=DOCUMENT | {"mapping": DOCUMENT["mapping"] | head})
    assert rules.may_write == sides


def test_the_shipped_mapping_against_an_empty_org_suspends_every_pair_and_deletes_none():
    mapping = load_mapping(Path(__file__).parents[2] / "mappings" / "people.toml")
    empty = {name: ObjectSchema(name) for name in mapping.salesforce_objects}
    rules = preflight(mapping, ObjectSchema("contact"), empty, fingerprint=FINGERPRINT)
    assert rules.fields == {"Contact": (), "Lead": ()}
    assert rules.mapping.fields == mapping.fields
    assert any(problem.is_blocking for problem in rules.problems)
