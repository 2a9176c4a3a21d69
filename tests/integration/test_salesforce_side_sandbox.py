"""The Salesforce side against the sandbox org: whole promises, over the wire format."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sidecar.cache import MemoryCache
from sidecar.errors import SetupError, TransientError
from sidecar.records import Ref, Side
from sidecar.salesforce.side import SalesforceSide
from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.faults import Fault
from sidecar.sandbox.org.org import Org
from sidecar.sync.model import ConsentChange, Reaction, Wanted, Window, Write
from tests.salesforce_builders import Pauses, a_connection, a_side, people_rules
from tests.wsgi import WsgiAdapter, serve

START = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)


@pytest.fixture
def org():
    org = Org(clock=Clock(START))
    org.add_client("key", "s3cret")
    yield org
    org.close()


@pytest.fixture
def side(org) -> SalesforceSide:
    """A side whose descriptions are known already, and an org that counts from now."""
    side = a_side(WsgiAdapter(org.app), clock=org.clock.now)
    side.describe("Lead")
    side.describe("Contact")
    org.reset_calls()
    return side


RULES = people_rules("email", "lastname", "company", "interests", "score")


def a_lead(org, number=1, **values):
    return org.insert("Lead", {"LastName": "Roe", "Company": "Acme", "Email": f"p{number}@example.com"} | values)


def everything(side, feed="Lead", *, rules=RULES, hours=24):
    window = Window(START - timedelta(hours=hours), side.now() + timedelta(seconds=1))
    return [record for page in side.read_changes(rules, feed, window) for record in page.records]


def creation(number, **values):
    fields = {"LastName": "Roe", "Company": "Acme", "Email": f"P{number}@Example.com"} | values
    return Write(Side.SALESFORCE, "Lead", None, fields, external_id=str(number))


def update(lead_id, consent=None, **values):
    return Write(Side.SALESFORCE, "Lead", Ref("Lead", lead_id), values, consent=consent)


# -- clock and schema ------------------------------------------------------------------------------------------------


def test_the_clock_is_the_orgs_and_free(org, side):
    assert side.now() == START
    org.clock.advance(90)
    assert side.now() == START + timedelta(seconds=90)
    assert org.calls == 0


def test_the_schema_tells_what_an_administrator_would_expect(side):
    fields = side.describe("Lead").fields
    assert fields["Mautic_Id__c"].is_key
    assert fields["LastName"].is_required
    assert fields["Interests__c"].options == ("Music", "Sport", "Art", "Travel")
    assert side.describe("Nothing__c") is None
    assert side.feeds(RULES.mapping) == ("Lead", "Contact")


def test_a_schema_that_did_not_change_costs_one_short_answer_a_day(org, side):
    org.clock.advance(25 * 3600)
    assert side.describe("Lead") is not None
    assert org.calls == 1
    assert org.requests[-1].status == 304


def test_a_field_taken_from_us_is_gone_after_a_fresh_look(org, side):
    org.clock.advance(5)
    org.hide_field("Lead", "HasOptedOutOfEmail")
    assert "HasOptedOutOfEmail" in side.describe("Lead").fields
    assert "HasOptedOutOfEmail" not in side.refresh_describe("Lead").fields


# -- changes ---------------------------------------------------------------------------------------------------------


def test_an_idle_run_is_one_call_per_object(org, side):
    side.now()
    for feed in side.feeds(RULES.mapping):
        assert everything(side, feed) == []
    assert org.calls == 2


@pytest.mark.parametrize(("rows", "calls"), [(2001, 2), (4500, 3)])
def test_thousands_of_changes_in_one_second_all_come(org, side, rows, calls):
    people = [{"LastName": "Roe", "Company": "Acme", "Email": f"p{n}@example.com"} for n in range(rows)]
    org.insert_many("Lead", people)
    found = everything(side)
    assert len({record.ref for record in found}) == rows
    assert org.calls == calls


def test_a_page_smaller_than_asked_for_is_followed_to_its_end(org, side):
    org.set_page_size(3)
    ids = [a_lead(org, number) for number in range(10)]
    assert [record.ref.id for record in everything(side)] == ids


def test_a_thousand_changes_are_one_call(org, side):
    org.insert_many("Lead", [{"LastName": "Roe", "Company": "Acme"}] * 1000)
    assert len(everything(side)) == 1000
    assert org.calls == 1


def test_a_window_cut_short_resumes_exactly_after_its_cursor(org, side):
    ids = [a_lead(org, number) for number in range(5)]
    whole = Window(START - timedelta(hours=1), START + timedelta(seconds=1))
    [page] = side.read_changes(RULES, "Lead", whole)
    middle = page.records[2]
    rest = Window(whole.start, whole.end, type(page.cursor)(START, middle.ref.id))
    [after] = side.read_changes(RULES, "Lead", rest)
    assert [record.ref.id for record in after.records] == ids[3:]


def test_what_was_saved_early_and_committed_late_is_seen_by_the_next_overlap(org, side):
    with org.late_commit() as late:
        lead_id = a_lead(org)
    org.clock.advance(600)
    assert everything(side) == []
    late.commit()
    assert [record.ref.id for record in everything(side)] == [lead_id]


def test_a_deletion_a_merge_and_a_conversion_are_told_apart(org, side):
    deleted, winner, loser, converted = (a_lead(org, number) for number in range(4))
    org.delete("Lead", deleted)
    org.merge("Lead", winner, [loser])
    contact = org.convert_lead(converted)
    found = {record.ref.id: record for record in everything(side)}
    assert found[deleted].is_deleted
    assert (found[loser].successor, found[loser].is_deleted) == (Ref("Lead", winner), False)
    assert (found[converted].successor, found[converted].is_deleted) == (Ref("Contact", contact), False)
    assert found[winner].successor is None


def test_an_undeleted_record_lives_again(org, side):
    lead_id = a_lead(org)
    org.delete("Lead", lead_id)
    org.undelete("Lead", lead_id)
    assert not everything(side)[0].is_deleted


def test_a_field_hidden_meanwhile_stops_the_feed_loudly_and_mends_itself(org, side):
    a_lead(org)
    org.clock.advance(5)
    org.hide_field("Lead", "HasOptedOutOfEmail")
    with pytest.raises(SetupError):
        everything(side)
    assert everything(side)[0].consent is None


# -- reading and finding ---------------------------------------------------------------------------------------------


def test_records_are_read_as_they_are_now_deleted_ones_marked(org, side):
    living, deleted = a_lead(org, 1, HasOptedOutOfEmail=True), a_lead(org, 2)
    org.delete("Lead", deleted)
    org.reset_calls()
    never_an_id, unknown = Ref("Lead", "00Q00000000ZZZZAAA"), Ref("Lead", "00Q000000999999EAA")
    found = side.read(RULES, [Ref("Lead", living), Ref("Lead", deleted), never_an_id, unknown])
    assert {ref.id: record.is_deleted for ref, record in found.items()} == {living: False, deleted: True}
    assert found[Ref("Lead", living)].consent.opted_out
    assert org.calls == 1


def test_a_thousand_twins_are_found_in_one_call(org, side):
    people = [
        {"LastName": "Roe", "Company": "Acme", "Email": f"P{n}@Example.com", "Mautic_Id__c": None if n % 2 else str(n)}
        for n in range(1000)
    ]
    ids = org.insert_many("Lead", people)
    org.reset_calls()
    found = side.find(RULES, [Wanted(str(n), {"email": f"p{n}@example.com"}) for n in range(1000)])
    assert [[record.ref.id for record in records] for records in found] == [[lead_id] for lead_id in ids]
    assert org.calls == 1


def test_gone_and_converted_people_are_not_found(org, side):
    deleted, converted = a_lead(org, 1), a_lead(org, 1)
    org.delete("Lead", deleted)
    contact = org.convert_lead(converted)
    [found] = side.find(RULES, [Wanted("1", {"email": "p1@example.com"})])
    assert [record.ref for record in found] == [Ref("Contact", contact)]


@pytest.mark.parametrize("name", ["O'Hara", 'Roe "Jo"', "Back\\slash", "per%_cent", "Zoë 漢字 🎉", "' OR Id != '"])
def test_odd_names_find_their_owner_and_nobody_else(org, side, name):
    a_lead(org, 1, LastName="perxxcent")
    lead_id = a_lead(org, 2, LastName=name)
    [found] = side.find(people_rules(match_on=("lastname",)), [Wanted(None, {"lastname": name})])
    assert [record.ref.id for record in found] == [lead_id]


def test_an_opt_out_is_dated_by_its_history(org, side):
    tracked, untouched = a_lead(org, 1), a_lead(org, 2)
    org.clock.advance(3600)
    org.update("Lead", tracked, {"HasOptedOutOfEmail": True})
    org.reset_calls()
    refs = [Ref("Lead", tracked), Ref("Lead", untouched)]
    assert side.read_evidence(RULES, refs) == {refs[0]: START + timedelta(hours=1), refs[1]: None}
    assert org.calls == 1


def test_without_a_history_there_is_no_evidence(org, side):
    lead_id = a_lead(org, 1, HasOptedOutOfEmail=True)
    org.drop_object("LeadHistory")
    ref = Ref("Lead", lead_id)
    assert side.read_evidence(RULES, [ref]) == {ref: None}


# -- writing ---------------------------------------------------------------------------------------------------------


def test_a_thousand_new_people_are_found_and_made_in_at_most_four_calls(org, side):
    side.find(RULES, [Wanted(str(n), {"email": f"p{n}@example.com"}) for n in range(1000)])
    results = side.write(RULES, [creation(n) for n in range(1000)])
    assert org.calls <= 4
    assert all(result.was_created and result.error is None for result in results)
    rows = {row["Id"]: row["Mautic_Id__c"] for row in org.rows("Lead")}
    assert [rows[result.ref.id] for result in results] == [str(n) for n in range(1000)]


def test_a_thousand_changed_people_are_one_call(org, side):
    ids = org.insert_many("Lead", [{"LastName": "Roe", "Company": "Acme"}] * 1000)
    org.reset_calls()
    results = side.write(RULES, [update(lead_id, LastName=f"Doe{n}") for n, lead_id in enumerate(ids)])
    assert org.calls == 1
    assert not any(result.error for result in results)
    assert [row["LastName"] for row in org.rows("Lead")] == [f"Doe{n}" for n in range(1000)]


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_lost_connection_neither_loses_nor_doubles_anybody(org, side, kind):
    org.faults.add(Fault("POST /composite", kind))
    results = side.write(RULES, [creation(n) for n in range(400)])
    assert len(org.rows("Lead")) == 400
    assert not any(result.error for result in results)


def test_a_timeout_after_the_commit_is_settled_when_the_writes_are_repeated(org, side):
    org.faults.add(Fault("POST /composite", "timeout_after"))
    writes = [creation(n) for n in range(400)]
    assert {result.error.reaction for result in side.write(RULES, writes)} == {Reaction.RETRY}
    again = side.write(RULES, writes)
    assert not any(result.error or result.was_created for result in again)
    assert len(org.rows("Lead")) == 400


def test_an_org_that_is_briefly_away_is_waited_for(org):
    pauses = Pauses()
    side = a_side(WsgiAdapter(org.app), clock=org.clock.now, sleep=pauses)
    org.faults.add(Fault("/queryAll", "status", times=2, status=503))
    assert everything(side) == []
    assert len(pauses) == 2


def test_a_used_up_allocation_stops_the_run_for_an_hour(org, side):
    org.set_api_limit(0)
    with pytest.raises(TransientError) as caught:
        side.write(RULES, [creation(1)])
    assert caught.value.retry_after_seconds == 3600


def test_an_expired_session_is_renewed_without_anybody_noticing(org, side):
    org.expire_tokens()
    [result] = side.write(RULES, [creation(1)])
    assert result.was_created


def test_one_bad_row_fails_alone_and_names_its_field(org, side):
    good, bad, after = side.write(RULES, [creation(1), creation(2, Email="not an address"), creation(3)])
    assert good.was_created
    assert after.was_created
    assert bad.error.reaction is Reaction.DATA
    assert bad.error.fields == ("Email",)


def test_a_validation_rule_keeps_a_record_and_not_its_opt_out(org, side):
    lead_id = a_lead(org)
    org.add_validation_rule("Lead", lambda row: row["LastName"] == "Bad", "Jane Roe may not be bad", "LastName")
    [result] = side.write(RULES, [update(lead_id, ConsentChange.OPT_OUT, LastName="Bad")])
    assert result.error.code == "salesforce-field-custom-validation-exception"
    assert "Jane" not in repr(result)
    assert result.consent_error is None
    assert org.row("Lead", lead_id)["HasOptedOutOfEmail"]


def test_a_locked_row_is_saved_by_the_second_try(org, side):
    lead_id = a_lead(org)
    org.faults.add(Fault("/composite/sobjects", "row_error", row_match={"id": lead_id}))
    [result] = side.write(RULES, [update(lead_id, LastName="Doe")])
    assert result.error is None
    assert org.row("Lead", lead_id)["LastName"] == "Doe"


def test_a_possible_duplicate_waits_for_a_person(org, side):
    a_lead(org, 1)
    org.set_duplicate_rule("Lead")
    [result] = side.write(RULES, [creation(1)])
    assert result.error.reaction is Reaction.PERSON


def test_writes_to_what_was_converted_or_deleted_are_looked_at_again(org, side):
    converted, deleted = a_lead(org, 1), a_lead(org, 2)
    org.convert_lead(converted)
    org.delete("Lead", deleted)
    results = side.write(RULES, [update(converted, LastName="Doe"), update(deleted, LastName="Doe")])
    assert [(one.error.code, one.error.reaction) for one in results] == [
        ("salesforce-lead-converted", Reaction.RETRY),
        ("salesforce-record-gone", Reaction.RETRY),
    ]


def test_a_read_only_opt_out_does_not_keep_the_other_values_back(org, side):
    lead_id = a_lead(org)
    org.make_read_only("Lead", "HasOptedOutOfEmail")
    [result] = side.write(RULES, [update(lead_id, ConsentChange.OPT_OUT, LastName="Doe")])
    assert result.error is None
    assert result.consent_error.reaction is Reaction.SETUP
    assert org.row("Lead", lead_id)["LastName"] == "Doe"


def test_values_survive_the_way_there_and_back(org, side):

    values = {"LastName": "Zoë  d'Été", "Interests__c": ("Music", "Art"), "Score__c": Decimal("12.34")}
    [result] = side.write(RULES, [creation(1, **values)])
    record = side.read(RULES, [result.ref])[result.ref]
    assert {name: record.values[name] for name in values} == values
    assert record.values["Email"] == "p1@example.com"
    assert record.values["Mautic_Id__c"] == "1"


def test_without_an_external_id_people_are_inserted(org, side):
    org.set_external_id("Lead", "Mautic_Id__c", False)
    side.refresh_describe("Lead")
    results = side.write(RULES, [creation(1), creation(2)])
    assert all(result.was_created for result in results)
    assert {row["Mautic_Id__c"] for row in org.rows("Lead")} == {"1", "2"}


def test_two_thousand_timeline_rows_are_two_calls_and_can_be_repeated(org, side):
    rows = [{"ReferenceId__c": f"{n}-x", "Name": "Mail read"} for n in range(2000)]
    first = side.client.upsert_rows("mautic_timeline__c", "ReferenceId__c", rows)
    assert org.calls == 2
    assert all(row.was_created for row in first)
    again = side.client.upsert_rows("mautic_timeline__c", "ReferenceId__c", rows)
    assert [row.id for row in again] == [row.id for row in first]
    assert len(org.rows("mautic_timeline__c")) == 2000


# -- signing in ------------------------------------------------------------------------------------------------------


def test_a_signed_assertion_opens_the_org(org):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    org.add_client("jwt", public_key=public)
    side = a_side(
        WsgiAdapter(org.app),
        clock=org.clock.now,
        flow="jwt_bearer",
        client_id="jwt",
        private_key=private,
        username="integration@example.com",
    )
    assert side.describe("Lead") is not None


def test_wrong_secrets_are_refused_by_name(org):
    with pytest.raises(SetupError) as caught:
        a_side(WsgiAdapter(org.app), client_secret="wrong").describe("Lead")
    assert caught.value.code == "salesforce-client-refused"


def test_the_same_holds_over_a_real_socket(org):
    with serve(org.app) as url:
        connection = a_connection(login_url=url)
        side = a_side(None, cache=MemoryCache(), clock=org.clock.now, login_url=connection.login_url)
        results = side.write(RULES, [creation(n) for n in range(300)])
        found = everything(side)
        side.close()
    assert not any(result.error for result in results)
    assert len(found) == 300
