"""The bundle's bulk endpoint in the sandbox Mautic: the traces of core's own calls, and errors that stay with their item."""

from typing import Any

import pytest

from sidecar.sandbox.host import php
from sidecar.sandbox.host.faults import Fault
from tests.contract.bundle_site import Site

OWN = {"id", "email", "salesforce_id"}


@pytest.fixture
def site() -> Site:
    return Site()


# -- the same effects as core's own calls ----------------------------------------------------------------------------


def effects(site: Site, contact_id: int) -> dict[str, Any]:
    """Return everything a write leaves, but for the id and the words on where it came from."""
    row = site.host.contact(contact_id)
    assert row
    audits = []
    for audit in site.host.rows("audit_log", object="lead", object_id=contact_id):
        details = php.unserialize(audit["details"])
        if isinstance(details, dict):
            details = {k: v for k, v in details.items() if k not in {"manipulator_key", "email"}}
            details["fields"] = {k: v for k, v in details.get("fields", {}).items() if k not in OWN}
        audits.append((audit["action"], details, audit["user_name"], audit["date_added"]))
    bare = {"id", "lead_id", "object", "bundle", "object_id"}
    tables = ("lead_donotcontact", "lead_tags_xref", "lead_stages_change_log", "companies_leads", "lead_event_log")
    hanging = {
        name: [{k: v for k, v in each.items() if k not in bare} for each in site.host.rows(name, lead_id=contact_id)]
        for name in tables
    }
    return {"row": {k: v for k, v in row.items() if k not in OWN}, "audits": audits, **hanging}


WHOLE = {
    "firstname": "Zoë <b>",
    "lastname": "Kontakt",
    "company": "Acme",
    "birthday": "1990-02-03",
    "last_call": "2026-03-04T15:06:07+02:00",
    "annual_spend": 12.345,
    "tier": "gold",
    "interests": ["music", "art"],
    "is_customer": True,
    "points": 7,
}
OPT_OUT = {"channel": "email", "reason": 3, "comments": "Asked for it"}
EDITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # what is done: core's body, the bundle's item
    "fields": (WHOLE, {"fields": WHOLE}),
    "the same again": (WHOLE, {"fields": WHOLE}),
    "blanks": (
        {"birthday": None, "tier": None, "points": None, "overwriteWithBlank": True},
        {"fields": {"birthday": None, "tier": "", "points": None}},
    ),
    "tags": ({"tags": ["a", "b"]}, {"fields": {}, "tags": ["a", "b"]}),
    "a tag away": ({"tags": ["-a", "c"]}, {"fields": {}, "tags": ["-a", "c"]}),
    "an owner": ({"owner": 2}, {"fields": {}, "owner": 2}),
    "no owner": ({"owner": None}, {"fields": {}, "owner": None}),
    "an opt-out with a field": (
        {"city": "Wien", "doNotContact": [OPT_OUT]},
        {"fields": {"city": "Wien"}, "do_not_contact": OPT_OUT},
    ),
    "a weaker opt-out": (
        {"doNotContact": [{"channel": "email", "reason": 3, "comments": "Again"}]},
        {"fields": {}, "do_not_contact": {"channel": "email", "reason": 3, "comments": "Again"}},
    ),
}


def test_an_edit_in_bulk_leaves_what_cores_own_edit_leaves(site: Site) -> None:
    for name, (body, item) in EDITS.items():
        site.host.clock.advance(minutes=1)
        site.patch(site.ana, body, site.own)
        [result] = site.bulk({"id": site.bob, **item})
        is_change = name not in {"the same again", "a weaker opt-out"}
        assert (name, result) == (name, {"id": site.bob, "created": False, "changed": is_change})
        assert (name, effects(site, site.bob)) == (name, effects(site, site.ana))
    assert len(site.host.rows("audit_log", object="lead", object_id=site.bob)) > len(EDITS) - 2


def test_a_creation_in_bulk_leaves_what_cores_own_creation_leaves(site: Site) -> None:
    more = {"tags": ["a"], "owner": 2}
    core = site.call(
        "POST", "/api/contacts/new", {**WHOLE, **more, "email": "core@example.com", "doNotContact": [OPT_OUT]}
    )
    [result] = site.bulk({"fields": {**WHOLE, "email": "bulk@example.com"}, **more, "do_not_contact": OPT_OUT})
    assert (result["created"], result["changed"]) == (True, True)
    assert effects(site, result["id"]) == effects(site, core["contact"]["id"])
    [event] = site.host.rows("lead_event_log", lead_id=result["id"])
    assert (event["bundle"], event["object"], event["action"]) == ("sidecar", "bulk", "identified_contact")


def test_lifting_an_opt_out_in_bulk_deletes_the_row_and_is_logged(site: Site) -> None:
    site.host.opt_out(site.ana)
    lift = {"id": site.ana, "fields": {}, "do_not_contact": {"channel": "email", "remove": True}}
    assert site.bulk(lift)[0]["changed"] is True
    assert site.host.dnc(site.ana) == []
    audit = php.unserialize(site.host.rows("audit_log")[-1]["details"])
    assert audit["dnc_channel_status"] == {"email": {"reason": 0, "old_reason": 1, "comments": ""}}
    assert site.bulk(lift)[0]["changed"] is False


def test_what_a_person_asked_for_is_not_overridden(site: Site) -> None:
    site.host.opt_out(site.ana, comments="No more")
    assert site.bulk({"id": site.ana, "fields": {}, "do_not_contact": OPT_OUT})[0]["changed"] is False
    site.call("POST", f"/api/contacts/{site.ana}/dnc/email/add", {"reason": 3, "comments": "x"})
    [row] = site.host.dnc(site.ana)
    assert (row["reason"], row["comments"]) == (1, "No more")


def test_without_an_id_a_contact_is_found_by_its_unique_values(site: Site) -> None:
    site.host.edit_contact(site.bob, {"salesforce_id": "00Q1"})
    found = site.bulk(
        {"fields": {"email": " ANA@example.com", "city": "Wien"}},
        {"fields": {"salesforce_id": "00q1", "city": "Graz"}},
        {"fields": {"email": "new@example.com"}},
        {"fields": {"city": "Nobody"}},
    )
    assert [(r["id"], r["created"]) for r in found[:2]] == [(site.ana, False), (site.bob, False)]
    assert [r["created"] for r in found[2:]] == [True, True]


# -- errors ----------------------------------------------------------------------------------------------------------


def test_each_error_stays_with_its_item_and_says_why(site: Site) -> None:
    site.host.edit_contact(site.bob, {"salesforce_id": "00Q1"})
    gone = site.host.create_contact({"email": "gone@example.com"})
    site.host.merge_contacts(site.bob, gone)
    people = len(site.host.contacts())
    bad = {
        "email": "no",
        "country": "Nowhere",
        "firstname": "x" * 192,
        "birthday": "31/31/2020",
        "annual_spend": "much",
    }
    cases: dict[str, tuple[Any, dict[str, Any]]] = {
        "bad values": ({"id": site.ana, "fields": bad}, error(400, "invalid", *sorted(bad))),
        "a list for a text": ({"fields": {"email": ["a"], "city": ["b"]}}, error(400, "invalid", "city", "email")),
        "an object for a text": ({"fields": {"city": {}}}, error(400, "invalid", "fields")),
        "an owner who is nobody": ({"id": site.ana, "fields": {}, "owner": 99}, error(400, "invalid", "owner")),
        "no such reason": (
            {"fields": {}, "do_not_contact": {"channel": "email", "reason": 9}},
            error(400, "invalid", "do_not_contact"),
        ),
        "no object": ("x", error(400, "invalid", "fields")),
        "no fields": ({"id": site.ana}, error(400, "invalid", "fields")),
        "other members": ({"fields": {}, "stage": 2, "tags": "a"}, error(400, "invalid", "stage", "tags")),
        "an unknown field": ({"id": site.ana, "fields": {"shoe": 1, "city": "W"}}, error(400, "unknown-field", "shoe")),
        "an unknown id": ({"id": 9999, "fields": {"city": "W"}}, error(404, "not-found")),
        "a merged id": ({"id": gone, "fields": {"city": "W"}}, {**error(409, "merged"), "into": site.bob}),
        "another's value": (
            {"id": site.ana, "fields": {"email": "bob@example.com"}},
            error(422, "not-unique", "email"),
        ),
        "values of two": (
            {"fields": {"email": "ana@example.com", "salesforce_id": "00Q1"}},
            error(422, "not-unique", "email", "salesforce_id"),
        ),
        # The company and the tag are made before the contact is saved, which fails.
        "what no column takes": (
            {"id": site.ana, "fields": {"points": 10**30, "company": "Never Inc."}, "tags": ["never"]},
            error(500, "failed"),
        ),
    }
    for name, (item, expected) in cases.items():
        before, neighbour = site.host.contact(site.ana), {"fields": {"email": f"{len(name)}@example.com"}}
        audits = len(site.host.rows("audit_log"))
        results = site.bulk(item, neighbour)
        found = {k: v for k, v in results[0]["error"].items() if k != "message"}
        assert (name, found) == (name, expected)
        assert "id" in results[1]
        assert site.host.contact(site.ana) == before
        made = site.host.rows("audit_log")[audits:]
        assert {row["object_id"] for row in made} <= {results[1]["id"]}
    assert (site.host.rows("lead_tags"), site.host.rows("companies")) == ([], [])
    contact = site.host.contact(site.bob)
    assert contact
    assert contact["city"] is None
    assert len(site.host.contacts()) == people + len({len(name) for name in cases})


def error(code: int, reason: str, *fields: str) -> dict[str, Any]:
    return {"code": code, "reason": reason, "fields": list(fields)}


def test_of_two_items_for_one_contact_or_value_the_second_is_refused(site: Site) -> None:
    results = site.bulk(
        {"id": site.ana, "fields": {"city": "First"}},
        {"id": site.ana, "fields": {"city": "Second"}},
        {"fields": {"email": "ana@example.com", "city": "Third"}},
        {"fields": {"email": "new@example.com"}},
        {"fields": {"email": "NEW@example.com"}},
    )
    reasons = [(r["error"]["reason"], r["error"]["fields"]) if "error" in r else "written" for r in results]
    assert reasons == ["written", ("twice", ["id"]), ("twice", ["id"]), "written", ("twice", ["email"])]
    ana = site.host.contact(site.ana)
    assert ana
    assert ana["city"] == "First"


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "invalid"), (403, "forbidden"), (422, "not-unique"), (500, "failed")]
)
def test_any_item_can_be_made_to_fail(site: Site, status: int, reason: str) -> None:
    site.host.faults.add(Fault("/contacts/bulk", "row_error", row=1, status=status))
    results = site.bulk({"id": site.ana, "fields": {"city": "A"}}, {"id": site.bob, "fields": {"city": "B"}})
    assert results[0]["changed"] is True
    assert (results[1]["error"]["code"], results[1]["error"]["reason"]) == (status, reason)


def test_a_failed_item_is_not_told_and_five_hundred_are_taken(site: Site) -> None:
    items: list[dict[str, Any]] = [{"fields": {"email": f"{number}@example.com"}} for number in range(499)]
    results = site.bulk({"id": site.ana, "fields": {"points": 10**30, "company": "Never Inc."}}, *items)
    assert results[0]["error"]["reason"] == "failed"
    assert site.told() == [("contact", "changed", r["id"]) for r in results[1:]]
