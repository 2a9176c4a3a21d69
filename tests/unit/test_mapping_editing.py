"""Changing a document: only what the change is about, and every difference told."""

from sidecar.mapping.editing import Change, Settings, changes, new_name, with_pair, with_settings, without_pair

DOCUMENT = {
    "mapping": {
        "name": "people",
        "lane": "people",
        "host_object": "contact",
        "salesforce_objects": ["Contact", "Lead"],
        "create_in_salesforce": "Lead",
        "update": ["host"],
        "match_on": ["email"],
    },
    "fields": {"email": {"host": "email", "salesforce": "Email"}, "note": {"host": "note", "salesforce": "Note__c"}},
}


def test_an_edit_leaves_the_document_it_began_with_alone() -> None:
    changed = with_pair(DOCUMENT, "note", {"priority": "host", "too_long": None}, is_match=True)
    assert changed["fields"]["note"] == {"host": "note", "salesforce": "Note__c", "priority": "host"}
    assert changed["mapping"]["match_on"] == ["email", "note"]
    assert DOCUMENT["mapping"]["match_on"] == ["email"]
    assert "priority" not in DOCUMENT["fields"]["note"]


def test_a_pair_that_goes_is_no_match_any_more() -> None:
    assert without_pair(DOCUMENT, "email")["mapping"]["match_on"] == []


def test_a_new_pair_is_named_after_its_field_and_no_name_is_given_twice() -> None:
    assert new_name(DOCUMENT, "fax") == "fax"
    assert new_name(DOCUMENT, "note") == "note_2"
    assert new_name(DOCUMENT, "2nd-Phone") == "field_2nd_phone"


def test_another_direction_takes_what_contradicts_it_along_and_the_same_one_leaves_it() -> None:
    def settings(direction: str) -> Settings:
        return Settings(direction, "Lead", True, "hold", True, "link")

    assert with_settings(DOCUMENT, settings("both"))["mapping"]["update"] == ["host"]
    head = with_settings(DOCUMENT, settings("to_host"))["mapping"]
    assert (head["create_in_salesforce"], head["create_in_host"], "update" in head) == (False, True, False)


def test_differences_are_told_by_place_and_a_pair_that_came_or_went_once() -> None:
    after = with_pair(without_pair(DOCUMENT, "note"), "fax", {"host": "fax", "salesforce": "Fax"}, is_match=False)
    after["fields"]["email"]["priority"] = "salesforce"
    assert changes(DOCUMENT, after) == [
        Change("fields.email.priority", None, "salesforce"),
        Change("fields.fax", None, {"host": "fax", "salesforce": "Fax"}),
        Change("fields.note", {"host": "note", "salesforce": "Note__c"}, None),
    ]
    assert changes(DOCUMENT, DOCUMENT) == []
