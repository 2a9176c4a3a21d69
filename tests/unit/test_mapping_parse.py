"""A document becomes a mapping, or everything that is wrong with it is told at once."""

import copy
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.errors import UsageError
from sidecar.mapping.model import (
    ConflictPolicy,
    ConsentRule,
    DeletionRule,
    LiftPolicy,
    ObjectMapping,
    OnSalesforceDelete,
    Priority,
    TooLong,
)
from sidecar.mapping.parse import MappingError, dump_mapping, load_mapping, parse_mapping, parse_mapping_text
from sidecar.records import Side

SMALL = """
[mapping]
name = "people"
lane = "people"
host_object = "contact"
salesforce_objects = ["Contact", "Lead"]
create_in_salesforce = "Lead"
match_on = ["email"]
external_id = "Mautic_Id__c"
[consent]
salesforce_field = "Opt_Out__c"
[deletion]
host_field = "gone"
salesforce_field = "Gone__c"
[fields.email]
host = "email"
salesforce = "Email"
[fields.company]
host = "company"
salesforce = { Lead = "Company" }
"""


def small(**changes):
    """Return the small document with dotted keys set: small(fields__company__host="x"); None removes a key."""
    document = copy.deepcopy(tomllib.loads(SMALL))
    for dotted, value in changes.items():
        *tables, key = dotted.split("__", 2)
        table = document
        for name in tables:
            table = table.setdefault(name, {})
        if value is None:
            table.pop(key)
        else:
            table[key] = value
    return document


def problems_of(document):
    with pytest.raises(MappingError) as caught:
        parse_mapping(document)
    return caught.value.problems


def paths_of(document):
    return [problem.path for problem in problems_of(document)]


def test_a_small_document_is_filled_with_careful_defaults():
    mapping = parse_mapping(small())
    assert mapping.salesforce_objects == ("Contact", "Lead")
    assert mapping.create_in_salesforce == "Lead"
    assert mapping.create_in_host
    assert mapping.update == frozenset(Side)
    assert mapping.conflict_policy is ConflictPolicy.SALESFORCE_WINS
    assert mapping.consent == ConsentRule("email", "Opt_Out__c", LiftPolicy.NEVER)
    assert mapping.deletion == DeletionRule(OnSalesforceDelete.MARK, "gone", "Gone__c")
    email = mapping.pair("email")
    assert (email.priority, email.too_long, email.propagate_blanks) == (Priority.BOTH, TooLong.HOLD, False)


def test_one_name_is_the_field_of_every_object_and_a_table_names_some():
    mapping = parse_mapping(small())
    assert mapping.pair("email").salesforce == {"Contact": "Email", "Lead": "Email"}
    assert mapping.pair("company").salesforce == {"Lead": "Company"}


def test_a_mapping_without_consent_and_deletion_has_neither():
    mapping = parse_mapping(small(consent=None, deletion=None))
    assert mapping.consent is None
    assert mapping.deletion.host_field is None


@pytest.mark.parametrize(
    ("direction", "update", "creates_in_host"),
    [("both", {Side.HOST, Side.SALESFORCE}, True), ("to_salesforce", {Side.SALESFORCE}, False)],
)
def test_a_direction_narrows_what_is_written(direction, update, creates_in_host):
    mapping = parse_mapping(small(mapping__direction=direction))
    assert (mapping.update, mapping.create_in_host) == (update, creates_in_host)


def test_a_mapping_to_the_host_creates_nothing_in_salesforce():
    mapping = parse_mapping(small(mapping__direction="to_host", mapping__create_in_salesforce=None))
    assert mapping.create_in_salesforce is None
    assert mapping.update == {Side.HOST}


def a_criterion(**criterion):
    """Return a change of the document: one criterion for Leads."""
    return {"scope": {"Lead": {"records": "matching", "criteria": [criterion]}}}


WRONG = [
    ("no host field", {"fields__email__host": None}, "fields.email.host"),
    ("no salesforce field", {"fields__email__salesforce": None}, "fields.email.salesforce"),
    ("an unknown priority", {"fields__email__priority": "left"}, "fields.email.priority"),
    ("an unknown transform", {"fields__email__transform": "lowertext"}, "fields.email.transform"),
    ("a flag that is a text", {"fields__email__enforce": "yes"}, "fields.email.enforce"),
    ("enforcing nobody's value", {"fields__email__enforce": True}, "fields.email.enforce"),
    ("a blank placeholder", {"fields__email__placeholder": " "}, "fields.email.placeholder"),
    ("half a character", {"fields__email__placeholder": "\ud800"}, "fields.email.placeholder"),
    ("a query instead of a field", {"fields__email__salesforce": "Email FROM Lead"}, "fields.email.salesforce"),
    (
        "a field of an object not mapped",
        {"fields__company__salesforce": {"Account": "Name"}},
        "fields.company.salesforce",
    ),
    ("a field with a strange name", {"fields__company__salesforce": {"Lead": "a b"}}, "fields.company.salesforce.Lead"),
    ("no field at all", {"fields__company__salesforce": {}}, "fields.company.salesforce"),
    ("a pair that is no table", {"fields__email": "Email"}, "fields.email"),
    ("a pair with a strange name", {"fields": {"E-mail": {}}}, "fields.E-mail"),
    ("no match field", {"mapping__match_on": []}, "mapping.match_on"),
    ("a match field that is not there", {"mapping__match_on": ["phone"]}, "mapping.match_on"),
    ("a match field one object lacks", {"mapping__match_on": ["company"]}, "mapping.match_on"),
    ("a match field named twice", {"mapping__match_on": ["email", "email"]}, "mapping.match_on"),
    ("creating an object not mapped", {"mapping__create_in_salesforce": "Account"}, "mapping.create_in_salesforce"),
    ("not choosing what to create", {"mapping__create_in_salesforce": None}, "mapping.create_in_salesforce"),
    ("true is no object", {"mapping__create_in_salesforce": True}, "mapping.create_in_salesforce"),
    ("creating against the direction", {"mapping__direction": "to_host"}, "mapping.create_in_salesforce"),
    ("an unknown side", {"mapping__update": ["mautic"]}, "mapping.update"),
    ("no name", {"mapping__name": None}, "mapping.name"),
    ("a name with a blank", {"mapping__name": "our people"}, "mapping.name"),
    ("an unknown lift policy", {"consent__lift": "always"}, "consent.lift"),
    ("an unknown channel", {"consent__channel": "pigeon"}, "consent.channel"),
    ("a mark without its field", {"deletion__host_field": None}, "deletion.host_field"),
    (
        "an opt-out field among the fields",
        {"fields__company__salesforce": {"Lead": "Opt_Out__c"}},
        "fields.company.salesforce",
    ),
    (
        "Salesforce's own opt-out field",
        {"fields__company__salesforce": {"Lead": "HasOptedOutOfEmail"}},
        "fields.company.salesforce",
    ),
    (
        "the external id among the fields",
        {"fields__company__salesforce": {"Lead": "mautic_id__C"}},
        "fields.company.salesforce",
    ),
    (
        "the deletion mark among the fields",
        {"fields__company__salesforce": {"Lead": "Gone__c"}},
        "fields.company.salesforce",
    ),
    ("the host's deletion mark", {"fields__company__host": "gone"}, "fields.company.host"),
    ("a Salesforce field twice", {"fields__company__salesforce": {"Lead": "EMAIL"}}, "fields.company.salesforce"),
    ("a host field twice", {"fields__company__host": "email"}, "fields.company.host"),
    ("owners by name", {"owners": {"aliases": {"Jane": "jane@example.org"}}}, "owners.aliases"),
    (
        "an owner twice",
        {"owners": {"aliases": {"a@b.example": "c@d.example", "A@b.example": "x@y.example"}}},
        "owners.aliases",
    ),
    ("aliases in a list", {"owners": {"aliases": ["a@b.example"]}}, "owners.aliases"),
    ("a fallback that is no address", {"owners": {"fallback": "the office"}}, "owners.fallback"),
    ("an unknown key of owners", {"owners": {"alias": {}}}, "owners.alias"),
    ("the scope of an object not mapped", {"scope": {"Account": {"records": "none"}}}, "scope.Account"),
    ("an unknown kind of scope", {"scope": {"Lead": {"records": "some"}}}, "scope.Lead.records"),
    ("a flagged scope without its flag", {"scope": {"Lead": {"records": "flagged"}}}, "scope.Lead.flag"),
    ("a flag nobody asks for", {"scope": {"Lead": {"flag": "Sync__c"}}}, "scope.Lead.flag"),
    ("a flag that is a query", {"scope": {"Lead": {"records": "flagged", "flag": "A = true OR B"}}}, "scope.Lead.flag"),
    ("since some day", {"scope": {"Lead": {"records": "new", "since": "last week"}}}, "scope.Lead.since"),
    ("matching nothing", {"scope": {"Lead": {"records": "matching"}}}, "scope.Lead.criteria"),
    ("an empty list of criteria", {"scope": {"Lead": {"records": "matching", "criteria": []}}}, "scope.Lead.criteria"),
    (
        "SOQL for a criterion",
        {"scope": {"Lead": {"records": "matching", "criteria": ["Rating = 'Hot'"]}}},
        "scope.Lead.criteria.1",
    ),
    ("a criterion with two tests", a_criterion(field="A", **{"is": 1, "in": [1]}), "scope.Lead.criteria.1"),
    ("a criterion without a test", a_criterion(field="A"), "scope.Lead.criteria.1"),
    ("a criterion without a field", a_criterion(is_blank=True), "scope.Lead.criteria.1.field"),
    ("a criterion with an unknown test", a_criterion(field="A", is_blank=True, like="x"), "scope.Lead.criteria.1.like"),
    ("blank by a text", a_criterion(field="A", is_blank="yes"), "scope.Lead.criteria.1.is_blank"),
    ("one of no list", a_criterion(field="A", **{"in": "Hot"}), "scope.Lead.criteria.1.in"),
    ("one of nothing", a_criterion(field="A", **{"in": []}), "scope.Lead.criteria.1.in"),
    ("a criterion about a table", a_criterion(field="A", **{"is": {}}), "scope.Lead.criteria.1.is"),
    ("a number that is none", a_criterion(field="A", at_least=float("nan")), "scope.Lead.criteria.1.at_least"),
    ("a tag that is no text", {"scope": {"host": {"only_with_tag": 7}}}, "scope.host.only_with_tag"),
    ("a segment by its name", {"scope": {"host": {"only_in_segment": "My list"}}}, "scope.host.only_in_segment"),
    ("an address for a domain", {"scope": {"host": {"not_email_domains": ["a@b.c"]}}}, "scope.host.not_email_domains"),
    ("a criterion of the host", {"scope": {"host": {"criteria": [{"field": "city"}]}}}, "scope.host.criteria.1"),
    ("a push that is no table", {"push": True}, "push"),
    ("a tag without a name", {"tags": {"added_to_lead": ""}}, "tags.added_to_lead"),
    ("an unknown key of the host's scope", {"scope": {"host": {"records": "all"}}}, "scope.host.records"),
    ("an unknown table", {"tranforms": {}}, "tranforms"),
    ("no fields", {"fields": None}, "fields"),
]


@pytest.mark.parametrize(("changes", "path"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_mistake_is_told_with_its_place_and_nothing_else_is(changes, path):
    assert paths_of(small(**changes)) == [path]


@pytest.mark.parametrize("objects", [[], ["Account"]])
def test_people_need_lead_or_contact(objects):
    fields = {"email": {"host": "email", "salesforce": "Email"}}
    document = small(mapping__salesforce_objects=objects, mapping__create_in_salesforce=False, fields=fields)
    assert "mapping.salesforce_objects" in paths_of(document)


def test_opportunities_are_refused_until_there_is_a_lane_for_them():
    assert paths_of(small(mapping__lane="opportunities")) == ["mapping.lane"]


def test_everybody_without_an_address_needs_the_hosts_id():
    everyone = {"scope": {"host": {"who": "everyone"}}}
    assert paths_of(small(**everyone, mapping__external_id=None)) == ["scope.host.who"]
    assert parse_mapping(small(**everyone)).host_scope.who == "everyone"


def test_what_is_said_of_the_host_comes_back_as_it_was():
    scope = {"only_in_segment": "a-list", "not_with_tag": "x", "not_owners": ["a@b.example"], "who": "everyone"}
    scope["criteria"] = [{"field": "city", "in": ["Rome", "Oslo"]}]
    parts = {"push": {"required": True, "refused_tag": "no"}, "tags": {"write": True, "converted": "c"}}
    mapping = parse_mapping(small(scope={"host": scope}, host={"add_to_segment": "new"}, **parts))
    assert (mapping.push.refused_tag, mapping.tags.converted, mapping.host.add_to_segment) == ("no", "c", "new")
    assert parse_mapping(dump_mapping(mapping)) == mapping


def test_companies_need_neither():
    fields = {"email": {"host": "companyemail", "salesforce": "Email__c"}}
    head = {"mapping__lane": "companies", "mapping__salesforce_objects": ["Account"]}
    assert parse_mapping(small(**head, mapping__create_in_salesforce="Account", fields=fields)).lane == "companies"


def test_all_mistakes_are_told_at_once():
    document = small(mapping__name=None, fields__email__priority="left", consent__lift="always")
    assert sorted(paths_of(document)) == ["consent.lift", "fields.email.priority", "mapping.name"]


def test_a_misspelt_key_comes_with_the_one_that_was_meant():
    (problem,) = problems_of(small(fields__email__prioritiy="both"))
    assert (problem.path, problem.suggestion) == ("fields.email.prioritiy", "priority")


def test_a_wrong_word_comes_with_the_allowed_ones():
    (problem,) = problems_of(small(fields__email__priority="sales_force"))
    assert problem.allowed == ("salesforce", "host", "both")
    assert problem.suggestion == "salesforce"


def test_the_error_names_every_problem_in_its_message_and_has_a_stable_code():
    with pytest.raises(UsageError) as caught:
        parse_mapping(small(mapping__name=None))
    assert caught.value.code == "mapping-invalid"
    assert "mapping.name: is missing" in caught.value.message


def test_a_host_field_may_feed_two_salesforce_fields_if_neither_writes_it_back():
    twice = {"host": "company", "salesforce": {"Lead": "Firm__c"}, "priority": "host"}
    assert paths_of(small(fields__firm=twice)) == ["fields.firm.host"]
    assert parse_mapping(small(fields__firm=twice, fields__company__priority="host"))


def test_a_host_field_may_have_one_pair_per_object():
    firm = {"host": "company", "salesforce": {"Contact": "Firm__c"}}
    assert parse_mapping(small(fields__firm=firm)).pair("firm").salesforce == {"Contact": "Firm__c"}


@pytest.mark.parametrize(
    "text", ["[mapping", "{", '{"mapping": {', "a = 1\na = 2", "[" * 3000, '{"a":' + "[" * 100000, "x" * 600_000]
)
def test_what_is_no_document_is_told_as_such(text):
    with pytest.raises(MappingError):
        parse_mapping_text(text)


def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.toml", "binary.toml"):
        with pytest.raises(MappingError, match="cannot be read"):
            load_mapping(tmp_path / name)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(junk)
def test_junk_is_refused_and_never_crashes(document):
    with pytest.raises(MappingError):
        parse_mapping(document)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(
        [(table, key) for table, keys in tomllib.loads(SMALL).items() for key in (*keys, "update", "direction", "x")]
        + [("fields", "email", key) for key in ("host", "salesforce", "priority", "transform", "placeholder", "x")]
    ),
    junk,
)
def test_junk_in_one_place_is_refused_or_understood(path, value):
    try:
        mapping = parse_mapping(small(**{"__".join(path): value})) if value is not None else None
    except MappingError:
        return
    assert mapping is None or isinstance(mapping, ObjectMapping)


SHIPPED = Path(__file__).parents[2] / "mappings" / "people.toml"


def test_the_shipped_people_mapping_shows_every_kind_of_arrow():
    mapping = load_mapping(SHIPPED)
    assert {pair.priority for pair in mapping.fields} == set(Priority)
    assert mapping.pair("company").salesforce == {"Lead": "Company"}
    assert mapping.pair("street").salesforce == {"Contact": "MailingStreet", "Lead": "Street"}
    assert mapping.pair("contact_url").priority is Priority.HOST


def test_the_shipped_people_mapping_never_lifts_an_opt_out_by_itself():
    consent = load_mapping(SHIPPED).consent
    assert consent == ConsentRule("email", "HasOptedOutOfEmail", LiftPolicy.NEVER)
