"""What an instance needs in its org, and the package that makes it, read back as Salesforce would read it."""

import io
import tomllib
import zipfile
from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest

from sidecar.bootstrap import SHIPPED_MAPPINGS
from sidecar.mapping.activities import load_activities, parse_activities
from sidecar.mapping.parse import load_mapping, parse_mapping
from sidecar.salesforce.org.package import NAMESPACE, build_package, build_undoing
from sidecar.salesforce.org.plan import OrgPart, PartKind, build_plan, build_whole
from sidecar.salesforce.org.report import build_report
from sidecar.salesforce.org.seen import Seen, SeenField, SeenObject
from sidecar.salesforce.org.wanted import Kind, build_wanted

SF = {"": NAMESPACE}
TIMELINE = "mautic_timeline__c"


@pytest.fixture
def wanted():
    people = load_mapping(SHIPPED_MAPPINGS / "people.toml")
    return build_wanted(people, load_activities(SHIPPED_MAPPINGS / "activities.toml"))


def files_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: Xml.fromstring(archive.read(name)) for name in archive.namelist()}


def members(manifest):
    return {
        types.findtext("name", namespaces=SF): [member.text for member in types.findall("members", SF)]
        for types in manifest.findall("types", SF)
    }


def fields_of(element):
    """Return the fields of an object file: name → everything else it says."""
    found = {}
    for field in element.findall("fields", SF):
        said = {child.tag.removeprefix(f"{{{NAMESPACE}}}"): child.text for child in field}
        found[said.pop("fullName")] = said
    return found


def whole(wanted, **options):
    return files_of(build_package(build_whole(wanted), api_version="66.0", **options))


def an_object(name, *fields):
    return SeenObject(name, True, True, {field.name: field for field in fields})


# -- wanted ------------------------------------------------------------------------------------------------------------


def test_the_seven_fields_are_those_that_mautics_documentation_names(wanted):
    said = {spec.name: (spec.kind, spec.length, spec.refers_to) for spec in wanted.timeline_fields}
    assert said == {
        "ActivityDate__c": (Kind.DATETIME, None, None),
        "contact_id__c": (Kind.LOOKUP, None, "Contact"),
        "Description__c": (Kind.LONG_TEXT, 131_072, None),
        "WhoId__c": (Kind.LOOKUP, None, "Lead"),
        "MauticLead__c": (Kind.NUMBER, 18, None),
        "Mautic_url__c": (Kind.URL, 255, None),
        "ReferenceId__c": (Kind.TEXT, 255, None),
    }


def test_names_come_from_the_mapping_documents():
    document = tomllib.loads((SHIPPED_MAPPINGS / "people.toml").read_text())
    document["mapping"]["external_id"] = "Marketing_Id__c"
    document["deletion"]["salesforce_field"] = "Gone__c"
    activities = tomllib.loads((SHIPPED_MAPPINGS / "activities.toml").read_text())
    activities["activities"] |= {"object": "History", "namespace": "acme"}
    activities["activities"]["fields"]["description"] = "Story"
    wanted = build_wanted(parse_mapping(document), parse_activities(activities))
    assert [spec.name for spec in wanted.people_fields["Lead"]] == ["Marketing_Id__c", "Gone__c"]
    assert wanted.timeline == "acme__History__c"
    assert "acme__Story__c" in {spec.name for spec in wanted.timeline_fields}


def test_history_is_only_insisted_on_where_dates_decide(wanted):
    document = tomllib.loads((SHIPPED_MAPPINGS / "people.toml").read_text())
    document["consent"]["lift"] = "staff"
    activities = load_activities(SHIPPED_MAPPINGS / "activities.toml")
    assert not wanted.is_history_needed
    assert build_wanted(parse_mapping(document), activities).is_history_needed


# -- package -----------------------------------------------------------------------------------------------------------


def test_the_manifest_lists_exactly_what_the_files_hold(wanted):
    files = whole(wanted)
    listed = members(files["package.xml"])
    held = {
        f"{path.removeprefix('objects/').removesuffix('.object')}.{name}"
        for path, element in files.items()
        if path.startswith("objects/")
        for name in fields_of(element)
    }
    assert set(listed["CustomField"]) == held
    assert listed["PermissionSet"] == ["Mautic_Sidecar"]
    assert set(listed["CustomObject"]) == {TIMELINE, "Lead", "Contact"}
    assert files["package.xml"].findtext("version", namespaces=SF) == "66.0"


def test_the_timeline_object_is_one_that_the_sidecar_can_fill(wanted):
    timeline = whole(wanted)[f"objects/{TIMELINE}.object"]
    assert timeline.findtext("label", namespaces=SF) == "Timeline"
    assert timeline.findtext("nameField/type", namespaces=SF) == "Text"
    assert timeline.findtext("deploymentStatus", namespaces=SF) == "Deployed"
    fields = fields_of(timeline)
    assert len(fields) == 7
    reference = {"type": "Text", "length": "255", "unique": "true", "caseSensitive": "false", "externalId": "true"}
    assert reference.items() <= fields["ReferenceId__c"].items()
    assert {"type": "Number", "precision": "18", "scale": "0", "externalId": "true"}.items() <= fields[
        "MauticLead__c"
    ].items()
    assert "unique" not in fields["MauticLead__c"]
    assert {"type": "LongTextArea", "length": "131072"}.items() <= fields["Description__c"].items()
    assert {"type": "Lookup", "referenceTo": "Lead", "deleteConstraint": "SetNull"}.items() <= fields[
        "WhoId__c"
    ].items()
    names = {fields[name]["relationshipName"] for name in ("WhoId__c", "contact_id__c")}
    assert len(names) == 2


def test_people_get_their_key_their_mark_and_history_of_the_opt_out(wanted):
    lead = whole(wanted)["objects/Lead.object"]
    fields = fields_of(lead)
    key = {"type": "Text", "length": "40", "unique": "true", "caseSensitive": "false", "externalId": "true"}
    assert key.items() <= fields["Mautic_Id__c"].items()
    assert {"type": "Checkbox", "defaultValue": "false"}.items() <= fields["Deleted_in_Mautic__c"].items()
    assert fields["HasOptedOutOfEmail"] == {"trackHistory": "true"}
    assert lead.findtext("enableHistory", namespaces=SF) == "true"


def test_the_permission_set_grants_what_is_ours_and_the_opt_out_and_deletes_nothing(wanted):
    granted = whole(wanted)["permissionsets/Mautic_Sidecar.permissionset"]
    fields = {each.findtext("field", namespaces=SF) for each in granted.findall("fieldPermissions", SF)}
    assert {"Lead.HasOptedOutOfEmail", "Contact.Mautic_Id__c", f"{TIMELINE}.ReferenceId__c"} <= fields
    assert not any(name.endswith((".LastName", ".Company")) for name in fields), "a required field cannot be granted"
    objects = {each.findtext("object", namespaces=SF): each for each in granted.findall("objectPermissions", SF)}
    assert set(objects) == {"Lead", "Contact", "Account", TIMELINE}
    assert {each.findtext("allowDelete", namespaces=SF) for each in objects.values()} == {"false"}
    assert {each.findtext("modifyAllRecords", namespaces=SF) for each in objects.values()} == {"false"}
    assert objects["Account"].findtext("allowEdit", namespaces=SF) == "false"
    assert objects["Lead"].findtext("allowCreate", namespaces=SF) == "true"


def test_the_same_plan_is_always_the_same_file(wanted):
    plan = build_whole(wanted)
    assert build_package(plan, api_version="66.0") == build_package(plan, api_version="66.0")


def test_an_org_with_a_namespace_of_its_own_gets_bare_names(wanted):
    ours = replace(
        wanted,
        timeline=f"acme__{TIMELINE}",
        timeline_fields=tuple(replace(spec, name=f"acme__{spec.name}") for spec in wanted.timeline_fields),
        namespace="acme",
    )
    objects = {"Lead": an_object("Lead"), "Contact": an_object("Contact")}
    seen = Seen(user_id="005", objects=objects, organization={"NamespacePrefix": "acme"})
    files = files_of(build_package(build_plan(ours, seen), api_version="66.0", prefix="acme"))
    assert f"objects/{TIMELINE}.object" in files
    assert f"{TIMELINE}.ReferenceId__c" in members(files["package.xml"])["CustomField"]
    foreign = build_plan(ours, replace(seen, organization={"NamespacePrefix": None}))
    assert foreign.timeline is None, "what belongs to another package can only be installed"
    assert not any("acme" in part.name for part in foreign.parts)


# -- plan --------------------------------------------------------------------------------------------------------------


def test_a_field_that_is_there_but_hidden_is_granted_and_not_made_again(wanted):
    hidden = {"QualifiedApiName": "Mautic_Id__c", "IsFieldHistoryTracked": False}
    definitions = {"Lead": {"Mautic_Id__c": hidden}, "Contact": {}}
    seen = Seen(user_id="005", objects={n: an_object(n) for n in ("Lead", "Contact")}, definitions=definitions)
    plan = build_plan(wanted, seen)
    assert OrgPart(PartKind.FIELD, "Lead.Mautic_Id__c") not in plan.parts
    assert OrgPart(PartKind.FIELD, "Contact.Mautic_Id__c") in plan.parts
    assert ("Lead.Mautic_Id__c", True) in plan.access.fields


def test_a_mapped_field_that_was_granted_before_stays_granted(wanted):
    score = SeenField("Score__c", "double", is_createable=True, is_updateable=True)
    name = SeenField("LastName", "string", is_permissionable=False, is_createable=True, is_updateable=True)
    seen = Seen(user_id="005", objects={"Lead": an_object("Lead", score, name), "Contact": an_object("Contact")})
    granted = dict(build_plan(wanted, seen).access.fields)
    assert granted["Lead.Score__c"] is True
    assert "Lead.LastName" not in granted


def test_a_formula_is_mapped_for_reading_with_a_warning(wanted):
    formula = SeenField("Score__c", "double", is_calculated=True, is_plain=False)
    seen = Seen(
        user_id="005",
        objects={"Lead": an_object("Lead", formula), "Contact": an_object("Contact")},
        versions=["66.0"],
        api_version="66.0",
    )
    assert dict(build_plan(wanted, seen).access.fields)["Lead.Score__c"] is False
    warned = [line for line in build_report(wanted, seen).lines if line.code == "org-formula"]
    assert [line.about for line in warned] == ["Lead.Score__c"]


def test_the_timeline_object_of_a_package_is_found_by_its_name(wanted):
    found = wanted.as_found(["Lead", f"pkg__{TIMELINE}"]).with_fields_as_found(["pkg__ReferenceId__c", "WhoId__c"])
    assert (found.timeline, found.reference_field) == (f"pkg__{TIMELINE}", "pkg__ReferenceId__c")
    assert "WhoId__c" in {spec.name for spec in found.timeline_fields}
    assert wanted.as_found([f"a__{TIMELINE}", f"b__{TIMELINE}"]).timeline == TIMELINE


# -- undoing -----------------------------------------------------------------------------------------------------------


def test_an_undoing_names_exactly_the_parts_and_only_stops_history():
    parts = [
        OrgPart(PartKind.FIELD, "Lead.Mautic_Id__c"),
        OrgPart(PartKind.HISTORY, "Lead.HasOptedOutOfEmail"),
        OrgPart(PartKind.PERMISSION_SET, "Mautic_Sidecar"),
        OrgPart(PartKind.OBJECT, TIMELINE),
        OrgPart(PartKind.FIELD, f"{TIMELINE}.WhoId__c"),
        OrgPart(PartKind.ASSIGNMENT, "005000000000001AAA"),
    ]
    files = files_of(build_undoing(parts, api_version="66.0"))
    assert members(files["destructiveChanges.xml"]) == {
        "CustomField": ["Lead.Mautic_Id__c"],
        "CustomObject": [TIMELINE],
        "PermissionSet": ["Mautic_Sidecar"],
    }
    assert members(files["package.xml"]) == {"CustomField": ["Lead.HasOptedOutOfEmail"]}
    assert fields_of(files["objects/Lead.object"]) == {"HasOptedOutOfEmail": {"trackHistory": "false"}}
