"""The client reads the descriptions of real orgs, of ten years and very different objects, as what a mapping may use."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from sidecar.records import FieldType
from sidecar.salesforce.owners import OWNER_EMAIL
from sidecar.sandbox.org import Org
from tests.contract.org_caller import Caller
from tests.recordings import recorded
from tests.salesforce_builders import NOON, a_side, an_org
from tests.salesforce_stub import Answer


@dataclass(frozen=True)
class Described:
    """A recorded description: what of it is offered to mappings, and facts about some of its fields."""

    recording: str
    object: str
    offered: int
    required: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    compound: set[str] = field(default_factory=set)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)


DESCRIBED = (
    Described(
        "describe-account-cumulusci",
        "Account",
        66,
        {"Name"},
        compound={"BillingAddress", "ShippingAddress"},
        facts={
            "Primary_Contact__c": {"type": FieldType.REFERENCE},
            "ns__Description__c": {"type": FieldType.LONG_TEXT, "length": 32000},
        },
    ),
    Described(
        "describe-account-v42",
        "Account",
        68,
        {"Name"},
        compound={"BillingAddress", "ShippingAddress"},
        facts={
            # Its name says that it is a key, its description that it is none.
            "Custom_External_ID__c": {"type": FieldType.TEXT, "length": 100, "is_key": False},
            "SLAExpirationDate__c": {"type": FieldType.DATE, "length": None},
            "AnnualRevenue": {"type": FieldType.NUMBER, "scale": 0},
        },
    ),
    Described(
        "describe-account-v58-2026-05",
        "Account",
        68,
        {"Name"},
        compound={"BillingAddress", "ShippingAddress"},
        facts={
            # State and country picklists are on: the code is a strict list, the text beside it is not.
            "BillingCountryCode": {"type": FieldType.PICKLIST, "is_restricted": True, "length": 10},
            "BillingState": {"type": FieldType.TEXT, "is_restricted": False},
            "Industry": {"type": FieldType.PICKLIST, "is_restricted": False},
        },
    ),
    Described(
        "describe-campaign-v42",
        "Campaign",
        33,
        {"Name"},
        facts={"ParentId": {"type": FieldType.REFERENCE}, "IsActive": {"is_required": False}},
    ),
    Described(
        "describe-contact-cumulusci",
        "Contact",
        41,
        {"LastName"},
        compound={"MailingAddress", "OtherAddress"},
        facts={"Email": {"type": FieldType.EMAIL, "length": 80, "is_key": False}},
    ),
    Described(
        "describe-contact-v42-custom-fields",
        "Contact",
        73,
        {"LastName"},
        {"Custom_External_ID__c"},
        {"MailingAddress", "OtherAddress"},
        {"picklist_field__c": {"is_restricted": True}, "checkbox_field__c": {"type": FieldType.BOOLEAN}},
    ),
    Described(
        "describe-custom__c-cumulusci",
        "Custom__c",
        3,
        facts={"CustomField__c": {"length": 80}, "Id": {"is_createable": False, "is_updateable": False}},
    ),
    Described(
        "describe-customobject-2015",
        "CustomObject__c",
        13,
        keys={"SynchronizationId__c"},
        facts={"SynchronizationId__c": {"length": 36}, "Friend__c": {"type": FieldType.REFERENCE}},
    ),
    Described(
        "describe-event-cumulusci",
        "Event",
        48,
        facts={
            "WhoId": {"type": FieldType.REFERENCE},
            # A combo box offers words and takes any.
            "Subject": {"type": FieldType.TEXT, "length": 255, "is_restricted": False},
            "ShowAs": {"options": ("Busy", "OutOfOffice", "Free"), "is_restricted": True},
        },
    ),
    Described(
        "describe-lead-cumulusci",
        "Lead",
        53,
        {"LastName", "Company"},
        compound={"Address"},
        facts={"ConvertedContactId": {"is_createable": False, "is_updateable": False}},
    ),
    Described(
        "describe-lead-v42",
        "Lead",
        58,
        {"LastName", "Company"},
        compound={"Address"},
        facts={
            "Primary__c": {"options": ("No", "Yes"), "is_restricted": False},
            "IsConverted": {"is_createable": True, "is_updateable": False, "is_required": False},
        },
    ),
    Described(
        "describe-unique-versus-idLookup",
        "Contact",
        4,
        keys={"d5__Unique_Email__c"},
        # Unique alone is not enough for an upsert, and an e-mail address alone not either.
        facts={"d5__Drupal_ID__c": {"is_key": False}, "Email": {"is_key": False}},
    ),
)


@pytest.mark.parametrize("case", DESCRIBED, ids=lambda case: case.recording)
def test_a_described_object_becomes_the_schema_a_mapping_is_checked_against(case):
    answer = Answer.of(case.recording)
    org = an_org()
    org.on("GET", f".*/sobjects/{case.object}/describe", answer)
    schema = a_side(org).describe(case.object)
    assert schema.object == case.object
    assert len(schema.fields.keys() - {OWNER_EMAIL}) == case.offered
    assert {each["name"] for each in answer.body["fields"]} - schema.fields.keys() == case.compound
    assert {name for name, info in schema.fields.items() if info.is_required} == case.required
    assert {name for name, info in schema.fields.items() if info.is_key} == case.keys
    for name, facts in case.facts.items():
        assert {fact: getattr(schema.fields[name], fact) for fact in facts} == facts


@pytest.mark.parametrize(
    "name", ["describe-account-v42", "describe-account-v58-2026-05", "describe-lead-v42", "describe-customobject-2015"]
)
def test_the_marks_of_a_description_are_sent_back_however_their_headers_are_spelt(name):
    answer = Answer.of(name)
    marks = {header.lower(): value for header, value in answer.headers.items()}
    org, moments = an_org(), [NOON]
    org.on("GET", ".*/sobjects/Any/describe", answer, Answer(status=304))
    side = a_side(org, clock=lambda: moments[-1])
    first = side.describe("Any")
    moments.append(NOON + timedelta(days=2))
    assert side.describe("Any") == first
    assert org.metered[1].headers["If-None-Match"] == marks["etag"]
    assert org.metered[1].headers["If-Modified-Since"] == marks["last-modified"]


@pytest.fixture
def caller():
    org = Org()
    yield Caller(org)
    org.close()


def test_the_sandbox_lists_its_objects_as_a_real_org_does(caller):
    real = recorded("describe-global-2026-05")["body"]
    ours = caller.ask("GET", "/sobjects").json()
    assert set(ours) == set(real) - {"_trimmed"}
    assert ours["maxBatchSize"] == real["maxBatchSize"]
    known = {each["name"]: each for each in ours["sobjects"]}
    shared = [each for each in real["sobjects"] if each["name"] in known]
    assert {"Account", "Contact", "ContactHistory", "Lead", "Task", "User"} <= {each["name"] for each in shared}
    same = ("keyPrefix", "custom", "createable", "deletable", "undeletable", "mergeable", "queryable")
    for each in shared:
        assert {key: known[each["name"]][key] for key in same} == {key: each[key] for key in same}
        assert known[each["name"]]["urls"]["sobject"].endswith(each["urls"]["sobject"].partition("v59.0")[2])


def test_the_sandbox_gives_the_short_description_of_an_object_as_a_real_org_does(caller):
    real = recorded("sobject-basic-info")["body"]
    ours = caller.ask("GET", "/sobjects/Account/", version="63.0").json()
    assert set(ours) == set(real)
    described = real["objectDescribe"]
    shared = described.keys() & ours["objectDescribe"].keys() - {"urls"}
    assert {"keyPrefix", "label", "createable", "undeletable"} <= shared
    assert {key: ours["objectDescribe"][key] for key in shared} == {key: described[key] for key in shared}
