"""What was once asked of real orgs, asked of the sandbox: a recording each, and how to bring the sandbox to the same point."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sidecar.sandbox.org import Fault
from tests.contract.org_caller import Caller

UNKNOWN_ACCOUNT = "001xx000003DHP0AAO"
LEAD = {"LastName": "Stone", "Company": "Acme"}
LONG_TAIL = "TOPIC" + "EXAMPLE_COMP_OPPORTUNITY_PUSH_TOPIC" * 2 + " ("
CREATED = frozenset({"created"})
DUPLICATE = frozenset({"duplicateResult"})
DUPLICATE_WORDS = {
    "Use one of these records?": "You're creating a duplicate record. We recommend you use an existing record instead."
}


@dataclass(frozen=True)
class Case:
    """A recording, how to ask the sandbox the same, and the recorded names that are other names here.

    `extra` are keys the sandbox adds because live answers have them where this shortened or documented one has not.
    """

    recording: str
    ask: Callable[[Caller], requests.Response]
    names: Mapping[str, str] = field(default_factory=dict)
    extra: frozenset[str] = frozenset()


def lead(caller: Caller, **values: Any) -> str:
    return caller.org.insert("Lead", LEAD | values)


def contact(caller: Caller, **values: Any) -> str:
    return caller.org.insert("Contact", {"LastName": "Stone"} | values)


def three_accounts(caller: Caller) -> Caller:
    caller.org.insert_many("Account", [{"Name": name} for name in ("Edge", "Pyramid", "Acme")])
    caller.org.set_page_size(2)
    return caller


def last_page(caller: Caller) -> requests.Response:
    first = three_accounts(caller).query("SELECT Id, Name FROM Account").json()
    return caller.ask("GET", first["nextRecordsUrl"].partition("v66.0")[2])


def deleted_account(caller: Caller) -> str:
    account = caller.org.insert("Account", {"Name": "Gone"})
    caller.org.delete("Account", account)
    return account


def delete_two(caller: Caller) -> requests.Response:
    ids = caller.org.insert_many("Account", [{"Name": "One"}, {"Name": "Two"}])
    return caller.ask("DELETE", "/composite/sobjects", params={"ids": ",".join(ids), "allOrNone": "false"})


def delete_one_of_two(caller: Caller) -> requests.Response:
    account = caller.org.insert("Account", {"Name": "One"})
    return caller.ask(
        "DELETE", "/composite/sobjects", params={"ids": f"{account},001RM000003oLrB000", "allOrNone": "true"}
    )


def update_good_and_bad(caller: Caller) -> requests.Response:
    good, bad = lead(caller), lead(caller)
    return caller.many("PATCH", "", "Lead", {"id": good, "LastName": "New"}, {"id": bad, "Email": "badone"})


def retrieve_two_of_three(caller: Caller) -> requests.Response:
    ids = caller.org.insert_many("Account", [{"Name": "One"}, {"Name": "Two"}])
    return caller.ask(
        "POST", "/composite/sobjects/Account", {"ids": [*ids, "001xx000003DGb9AAG"], "fields": ["id", "name"]}
    )


def upsert_again(caller: Caller) -> requests.Response:
    for email in ("person21@example.com", "person23@example.com", "person11@example.com"):
        contact(caller, Email=email)
    emails = ("Person21@example.com", "Person23@example.com", "person11@example.com", "person27@example.com")
    return caller.many(
        "PATCH", "/Contact/Email", "Contact", *({"LastName": "Family", "Email": email} for email in emails)
    )


def upsert_all_or_none(caller: Caller) -> requests.Response:
    rows = ({"Id": contact(caller), "LastName": "New"}, {"Id": "001xx0000004GxEAAU", "LastName": "New"})
    return caller.many("PATCH", "/Contact/Id", "Contact", *rows, allOrNone=True)


def create_all_or_none(caller: Caller) -> requests.Response:
    caller.org.set_duplicate_rule("Contact")
    contact(caller, Email="known@example.com")
    rows = ({"LastName": "A", "Email": "known@example.com"}, {"LastName": "B"})
    return caller.many("POST", "", "Contact", *rows, allOrNone=True)


def same_key_twice(caller: Caller) -> requests.Response:
    return caller.many("PATCH", "/Lead/Mautic_Id__c", "Lead", *[LEAD | {"Mautic_Id__c": "k1"}] * 2)


def key_of_another(caller: Caller) -> requests.Response:
    lead(caller, Mautic_Id__c="7")
    return caller.ask("POST", "/sobjects/Lead", LEAD | {"Mautic_Id__c": "7"})


def upsert_ambiguous(caller: Caller) -> requests.Response:
    contact(caller, Email="two@example.com")
    contact(caller, Email="two@example.com")
    return caller.ask("PATCH", "/sobjects/Contact/Email/two%40example.com", {"LastName": "Who"})


def upsert_known(caller: Caller, version: str) -> requests.Response:
    lead(caller, Mautic_Id__c="7")
    return caller.ask("PATCH", "/sobjects/Lead/Mautic_Id__c/7", {"LastName": "New"}, version=version)


def update_converted(caller: Caller) -> requests.Response:
    converted = lead(caller)
    caller.org.convert_lead(converted)
    return caller.many("PATCH", "", "Lead", {"id": converted, "LastName": "New"})


def read_converted(caller: Caller) -> requests.Response:
    converted = lead(caller)
    caller.org.convert_lead(converted)
    return caller.ask("GET", f"/sobjects/Lead/{converted}", version="42.0")


def update_locked(caller: Caller) -> requests.Response:
    caller.org.faults.add(Fault("PATCH /sobjects/Lead", "row_error", code="UNABLE_TO_LOCK_ROW"))
    return caller.ask("PATCH", f"/sobjects/Lead/{lead(caller)}", {"LastName": "New"})


def break_two_rules(caller: Caller) -> requests.Response:
    caller.org.add_validation_rule("Account", lambda row: "ACME" in row["Name"], "no 'ACME' accounts")
    caller.org.add_validation_rule("Account", lambda row: "123" in (row["Phone"] or ""), "no '123' phone")
    return caller.ask("POST", "/sobjects/Account", {"Name": "ACME", "Phone": "123"})


def create_duplicate(caller: Caller) -> requests.Response:
    caller.org.set_duplicate_rule("Contact")
    contact(caller, Email="known@example.com")
    return caller.ask("POST", "/sobjects/Contact", {"LastName": "A", "Email": "known@example.com"})


def read_history(caller: Caller) -> requests.Response:
    caller.org.update("Lead", lead(caller), {"HasOptedOutOfEmail": True})
    return caller.query(
        "SELECT Id, OldValue, NewValue, Field, LeadId, CreatedById, CreatedDate, IsDeleted FROM LeadHistory"
    )


def composite_undone(caller: Caller) -> requests.Response:
    caller.org.set_duplicate_rule("Contact")
    contact(caller, Email="known@example.com")
    rows = [
        {"attributes": {"type": "Contact"}, "LastName": "A"} | more for more in ({}, {"Email": "known@example.com"})
    ]
    base = "/services/data/v66.0"
    first = {
        "method": "POST",
        "url": f"{base}/composite/sobjects",
        "referenceId": "collection1",
        "body": {"records": rows},
    }
    second = {
        "method": "POST",
        "url": f"{base}/sobjects/Contact",
        "referenceId": "newContact",
        "body": {"LastName": "B"},
    }
    answer = caller.composite(first, second, allOrNone=True)
    assert len(caller.org.rows("Contact")) == 1
    return answer


def count_two(caller: Caller) -> requests.Response:
    base = "/services/data/v66.0/query/?q=select count() from"
    parts = (("refAccount", "Account"), ("refXYZZY", "XYZZY"))
    return caller.composite(*({"method": "GET", "url": f"{base} {name}", "referenceId": ref} for ref, name in parts))


def over_the_limit(caller: Caller) -> requests.Response:
    caller.org.set_api_limit(0)
    return caller.query("SELECT Id FROM Lead")


def expired(caller: Caller) -> requests.Response:
    caller.org.expire_tokens()
    return caller.ask("GET", "/sobjects/User/describe")


def signed_in(caller: Caller) -> requests.Response:
    caller.org.add_client("app", "secret")
    return caller.sign_in(grant_type="client_credentials", client_id="app", client_secret="secret")


def wrong_secret(caller: Caller) -> requests.Response:
    caller.org.add_client("app", "secret")
    return caller.sign_in(grant_type="client_credentials", client_id="app", client_secret="other")


def no_run_as_user(caller: Caller) -> requests.Response:
    caller.org.add_client("app", "secret", username="nobody@example.com")
    return caller.sign_in(grant_type="client_credentials", client_id="app", client_secret="secret")


def an_assertion(caller: Caller, **changes: Any) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    caller.org.add_client("app", "secret", public_key=public)
    expires = int(caller.org.clock.now().timestamp()) + 180
    claims = {"iss": "app", "sub": "integration@example.com", "aud": "https://login.salesforce.com", "exp": expires}
    return jwt.encode(claims | changes, private, algorithm="RS256")


def wrong_audience(caller: Caller) -> requests.Response:
    assertion = an_assertion(caller, aud="https://elsewhere.example.com")
    return caller.sign_in(grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion)


CASES = (
    Case("sdk-query", lambda caller: three_accounts(caller).query("SELECT Name FROM Account LIMIT 2")),
    Case("sdk-query-with-next-records-url", lambda caller: three_accounts(caller).query("SELECT Name FROM Account")),
    Case("query-more-last-page", last_page),
    Case(
        "queryAll-200",
        lambda caller: three_accounts(caller).query("SELECT Id, Name FROM Account LIMIT 2", everything=True),
    ),
    Case(
        "doc-queryAll-page-1",
        lambda caller: three_accounts(caller).query("SELECT Id, Name FROM Account", everything=True),
    ),
    Case(
        "sdk-query-with-associated-data",
        lambda caller: three_accounts(caller).query("SELECT Name, Owner.Name from Account LIMIT 1"),
    ),
    Case("query-count-expr0", lambda caller: three_accounts(caller).query("select count(Id) from Account")),
    Case("sdk-query-malformed-soql", lambda caller: caller.query("SELEKT Name FROM Account")),
    Case("sdk-query-unknown-column", lambda caller: caller.query("SELECT Bacon__c FROM Account LIMIT 2")),
    Case("composite-count-and-invalid-type", count_two),
    Case(
        "composite-not-found",
        lambda caller: caller.composite(
            {"method": "GET", "url": "/services/data/v66.0/sobjects/Foo", "referenceId": "CCI__RefId__0__"}
        ),
    ),
    Case("doc-composite-collections-success-true-but-rolled-back", composite_undone, DUPLICATE_WORDS, DUPLICATE),
    Case("collections-create-200", lambda caller: caller.many("POST", "", "Account", {"Name": "Test"})),
    Case("collections-insert-required-missing", lambda caller: caller.many("POST", "", "Account", {"Name": None})),
    Case(
        "collections-update-mixed-invalid-email",
        update_good_and_bad,
        {"email_field__c": "Email", "email_field:": "Email:"},
    ),
    Case(
        "collections-update-unknown-id",
        lambda caller: caller.many("PATCH", "", "Account", {"id": UNKNOWN_ACCOUNT, "Name": "A"}),
    ),
    Case("collections-delete-200", delete_two),
    Case("doc-collections-delete-rolled-back-with-id", delete_one_of_two),
    Case("collections-allOrNone-rolled-back", create_all_or_none, DUPLICATE_WORDS, DUPLICATE),
    Case("doc-collections-retrieve-null", retrieve_two_of_three),
    Case(
        "collections-upsert-missing-attributes",
        lambda caller: caller.ask(
            "PATCH", "/composite/sobjects/Account/Id", {"records": [{"Id": "001000000000000000", "Name": "T"}]}
        ),
    ),
    Case(
        "collections-upsert-by-Email-created",
        lambda caller: caller.many(
            "PATCH",
            "/Contact/Email",
            "Contact",
            *({"LastName": "F", "Email": f"Person{n}@example.com"} for n in range(16)),
        ),
    ),
    Case("collections-upsert-by-Email-mixed", upsert_again),
    Case(
        "collections-upsert-Id-null-creates",
        lambda caller: caller.many("PATCH", "/Account/Id", "Account", {"Name": "S", "Id": None}),
    ),
    Case("doc-collections-upsert-rolled-back-with-id", upsert_all_or_none, extra=CREATED),
    Case("duplicate-external-id-same-request-row", same_key_twice, {"Ext_Id__c": "Mautic_Id__c"}, CREATED),
    Case("update-converted-lead", update_converted),
    Case("task-whoid-wrong-type-row", lambda caller: caller.many("POST", "", "Task", {"WhoId": "001000000000001AAA"})),
    Case("create-account-201", lambda caller: caller.ask("POST", "/sobjects/Account/", {"Name": "Test"})),
    Case("sdk-create-invalid-field", lambda caller: caller.ask("POST", "/sobjects/Account", {"FavoritePet__c": "Dog"})),
    Case(
        "sdk-create-required-field-missing",
        lambda caller: caller.ask("POST", "/sobjects/Contact", {"FirstName": "A"}),
        {"Website__c": "LastName"},
    ),
    Case(
        "sdk-create-invalid-picklist-value",
        lambda caller: caller.ask("POST", "/sobjects/Lead", LEAD | {"Rating": "Terrible"}),
        {"Rating__c": "Rating"},
    ),
    Case("sdk-create-unknown-object", lambda caller: caller.ask("POST", "/sobjects/PlayingCard__c", {"Name": "Ace"})),
    Case(
        "string-too-long-400",
        lambda caller: caller.ask("POST", "/sobjects/Contact", {"LastName": "EXAMPLE_COMP_OPPORTUNITY_PUSH_TOPIC" * 3}),
        {"Topic Name": "Last Label", "Name": "LastName", "Label": "Name", "TOPIC (": LONG_TAIL, "=25": "=80"},
    ),
    Case("duplicate-value-unique-400", key_of_another, {"Ext_Id__c": "Mautic_Id__c"}),
    Case("sdk-update", lambda caller: caller.ask("PATCH", f"/sobjects/Lead/{lead(caller)}", {"Title": "Dr"})),
    Case(
        "sdk-update-malformed-id",
        lambda caller: caller.ask("PATCH", "/sobjects/Lead/a00B000000FSjVUIB1", {"Title": "Dr"}),
    ),
    Case(
        "sdk-update-invalid-field",
        lambda caller: caller.ask("PATCH", "/sobjects/Lead/a00B000000FSjVUIB1", {"Color__c": "Red"}),
        {"Movie__c": "Lead"},
    ),
    Case(
        "invalid-field-for-insert-update",
        lambda caller: caller.ask("PATCH", f"/sobjects/Lead/{lead(caller)}", {"IsDeleted": True}),
    ),
    Case(
        "notfound-bad-id-or-bad-extid-field",
        lambda caller: caller.ask("PATCH", "/sobjects/Contact/INVALID%20ID", {"LastName": "A"}),
    ),
    Case("sdk-delete", lambda caller: caller.ask("DELETE", f"/sobjects/Lead/{lead(caller)}")),
    Case(
        "sdk-delete-already-deleted",
        lambda caller: caller.ask("DELETE", f"/sobjects/Account/{deleted_account(caller)}"),
    ),
    Case("get-deleted-record-404", lambda caller: caller.ask("GET", f"/sobjects/Account/{deleted_account(caller)}")),
    Case(
        "upsert-contact-by-Email-201",
        lambda caller: caller.ask("PATCH", "/sobjects/Contact/Email/p%40example.com", {"LastName": "F"}),
    ),
    Case("upsert-existing-200-created-false", lambda caller: upsert_known(caller, "66.0")),
    Case(
        "upsert-201-old-api",
        lambda caller: caller.ask("PATCH", "/sobjects/Lead/Mautic_Id__c/CustomObject::1", LEAD, version="42.0"),
    ),
    Case("upsert-204-old-api", lambda caller: upsert_known(caller, "42.0")),
    Case("upsert-300-multiple", upsert_ambiguous),
    Case("unable-to-lock-row", update_locked, {"001XXXXXXXXXXXXXX": "001XXXXXXXXXXXXXXX"}),
    Case("validation-rule-multiple-400", break_two_rules),
    Case("duplicates-detected-v54", create_duplicate),
    Case("accounthistory-record-shape", read_history, extra=frozenset({"totalSize", "done"})),
    Case("request-limit-exceeded-403", over_the_limit),
    Case("invalid-session-401-2016", expired),
    Case("oauth-client-credentials-200-opaque", signed_in),
    Case("oauth-invalid-client-400", wrong_secret),
    Case("oauth-no-client-credentials-user-400", no_run_as_user),
    Case("oauth-jwt-audience-400", wrong_audience),
)
