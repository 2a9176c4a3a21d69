"""Finding twins: external id first, e-mail as Salesforce stores it, living records only, few calls."""

from urllib.parse import unquote

import pytest

from sidecar.sync.model import Wanted
from tests.salesforce_builders import a_description, a_row, a_side, an_org, people_rules, salesforce_id
from tests.salesforce_stub import Answer, composite, result


def org_with(leads=(), contacts=(), **descriptions):
    org = an_org(**descriptions)

    def body(part):
        rows = leads if " FROM Lead " in unquote(part["url"]) else contacts
        return result(*rows)

    org.on("POST", ".*/composite", lambda sent: composite(*[body(part) for part in sent.parts]))
    org.on("GET", ".*/query/", lambda sent: Answer(result(*(leads if " FROM Lead " in sent.soql else contacts))))
    return org


def find(org, *wanted, rules=None):
    found = a_side(org).find(rules or people_rules(), wanted)
    return [[(record.ref.object, record.ref.id) for record in records] for records in found]


def person(number=None, email=None):
    return Wanted(external_id=str(number) if number else None, values={"email": email} if email else {})


def queries(org):
    return [unquote(part["url"]).partition("?q=")[2] for part in org.sent[-1].parts]


def test_one_question_per_object_looks_for_ids_and_addresses_among_the_living():
    org = org_with()
    find(org, person(7, "jane@example.com"), person(8))
    contact, lead = queries(org)
    either = "(Mautic_Id__c IN ('7','8') OR Email IN ('jane@example.com'))"
    assert contact.endswith(f"FROM Contact WHERE {either} AND IsDeleted = false")
    assert lead.endswith(f"FROM Lead WHERE {either} AND IsDeleted = false AND IsConverted = false")
    assert all(part["url"].startswith("/services/data/v66.0/query/?q=") for part in org.sent[-1].parts)


def test_who_carries_the_id_comes_alone():
    org = org_with(leads=[a_row(1, Mautic_Id__c="7", Email="old@example.com"), a_row(2, Email="jane@example.com")])
    assert find(org, person(7, "jane@example.com")) == [[("Lead", salesforce_id(1))]]


def test_without_a_carrier_everybody_with_the_address_is_found_contacts_first():
    org = org_with(
        leads=[a_row(1, Email="jane@example.com"), a_row(2, Email="jane@example.com")],
        contacts=[a_row(3, prefix="003", Email="jane@example.com")],
    )
    assert find(org, person(7, "jane@example.com")) == [
        [("Contact", salesforce_id(3, "003")), ("Lead", salesforce_id(1)), ("Lead", salesforce_id(2))]
    ]


def test_the_mapping_says_which_object_comes_first():
    org = org_with(
        leads=[a_row(1, Email="jane@example.com")], contacts=[a_row(3, prefix="003", Email="jane@example.com")]
    )
    [found] = find(org, person(7, "jane@example.com"), rules=people_rules(objects=("Lead", "Contact")))
    assert [name for name, _ in found] == ["Lead", "Contact"]


def test_capitals_in_an_external_id_do_not_matter():
    org = org_with(leads=[a_row(1, Mautic_Id__c="AB-7")])
    assert find(org, person("ab-7")) == [[("Lead", salesforce_id(1))]]


def test_capitals_in_an_address_do_not_matter():
    org = org_with(leads=[a_row(1, Email="jane@example.com")])
    assert find(org, person(7, "Jane@Example.com ")) == [[("Lead", salesforce_id(1))]]


def test_each_wanted_gets_only_its_own():
    org = org_with(leads=[a_row(1, Email="a@example.com"), a_row(2, Mautic_Id__c="9", Email="c@example.com")])
    found = find(org, person(7, "a@example.com"), person(8, "b@example.com"), person(9))
    assert found == [[("Lead", salesforce_id(1))], [], [("Lead", salesforce_id(2))]]


def test_an_apostrophe_stays_inside_its_literal():
    org = org_with(leads=[a_row(1, Email="o'hara@example.com")])
    assert find(org, person(None, "o'hara@example.com")) == [[("Lead", salesforce_id(1))]]
    assert r"'o\'hara@example.com'" in queries(org)[0]


@pytest.mark.parametrize("email", ["a\x00b@example.com", "\ud800@example.com"])
def test_an_address_salesforce_cannot_hold_spoils_nobody_elses_search(email):
    org = org_with(leads=[a_row(1, Email="a@example.com")])
    wanted = person(None, email), person(8, email), person(None, "a@example.com")
    assert find(org, *wanted) == [[], [], [("Lead", salesforce_id(1))]]
    assert "Email IN ('a@example.com')" in queries(org)[0]


@pytest.mark.parametrize(("people", "calls", "are_short"), [(400, 1, True), (500, 2, True), (1000, 1, False)])
def test_some_are_looked_for_by_short_questions_and_many_by_few_long_ones(people, calls, are_short):
    org = org_with()
    side = a_side(org)
    side.describe("Lead"), side.describe("Contact")
    before = side.calls
    side.find(people_rules(), [person(100000 + n, f"firstname.lastname{n}@example.com") for n in range(people)])
    assert side.calls - before == calls
    addresses = [part["url"] for sent in org.metered[2:] if sent.body for part in sent.parts]
    assert all(len(address) < 16_384 for address in addresses) is are_short


def test_a_hidden_external_id_leaves_the_address():
    hidden = {name: a_description(name, without=["Mautic_Id__c"]) for name in ("Lead", "Contact")}
    org = org_with(leads=[a_row(1, Email="jane@example.com")], **hidden)
    assert find(org, person(7, "jane@example.com")) == [[("Lead", salesforce_id(1))]]
    assert "Mautic_Id__c" not in queries(org)[0]


def test_nobody_is_asked_for_when_nothing_is_known():
    org = org_with()
    assert find(org, person(), person()) == [[], []]
    assert not any("query" in sent.path or "composite" in sent.path for sent in org.sent)


def test_an_object_that_does_not_exist_is_not_searched():
    org = org_with(contacts=[a_row(3, prefix="003", Email="jane@example.com")], Lead=None)
    assert find(org, person(7, "jane@example.com")) == [[("Contact", salesforce_id(3, "003"))]]


def test_thousands_are_asked_about_by_few_long_queries_and_in_halves_where_those_are_refused():
    org = an_org()
    complicated = [{"errorCode": "QUERY_TOO_COMPLICATED", "message": "…"}]
    asked = []

    def answer(sent):
        queries = [unquote(part["url"]) for part in sent.parts]
        asked.extend(queries)
        parts = [
            {"body": complicated, "httpStatusCode": 400, "httpHeaders": {}, "referenceId": "x"}
            if len(query) > 30_000
            else {"body": result(), "httpStatusCode": 200, "httpHeaders": {}, "referenceId": "x"}
            for query in queries
        ]
        return Answer({"compositeResponse": parts})

    org.on("POST", ".*/composite", answer)
    wanted = [Wanted(str(number), {"email": f"p{number}@example.org"}) for number in range(3000)]
    assert a_side(org).find(people_rules(), wanted) == [[]] * 3000
    fits = [query for query in asked if len(query) <= 30_000]
    assert all(sum(f"'p{number}@example.org'" in query for query in fits) == 2 for number in (0, 1500, 2999))
    assert max(len(query) for query in asked) <= 62_000
    assert len(asked) < 30
