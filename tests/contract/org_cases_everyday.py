"""The plain calls among the recordings, asked of the sandbox: reading pages, and saving and deleting single records and batches."""

import requests

from tests.contract.org_caller import Caller
from tests.contract.org_cases import Case, contact, lead, three_accounts


def middle_page(caller: Caller) -> requests.Response:
    caller.org.insert_many("Account", [{"Name": "Pyramid"}] * 2)
    first = three_accounts(caller).query("SELECT Name FROM Account").json()
    return caller.ask("GET", first["nextRecordsUrl"].partition("v66.0")[2])


def two_users(caller: Caller) -> requests.Response:
    return caller.query("SELECT Id, Username, Email, IsActive, SystemModstamp FROM User ORDER BY SystemModstamp ASC")


def contacts_with_blanks(caller: Caller) -> requests.Response:
    contact(caller, Email="a@example.com")
    answer = caller.query("SELECT Id, Email, MailingCity, SystemModstamp FROM Contact")
    assert answer.json()["records"][0]["MailingCity"] is None
    return answer


def delete_three(caller: Caller) -> requests.Response:
    ids = caller.org.insert_many("Account", [{"Name": name} for name in ("One", "Two", "Three")])
    return caller.ask("DELETE", "/composite/sobjects", params={"ids": ",".join(ids), "allOrNone": "true"})


def child_of_a_deleted_parent(caller: Caller) -> requests.Response:
    account = caller.org.insert("Account", {"Name": "Gone"})
    child = contact(caller, AccountId=account)
    caller.org.delete("Account", account)
    return caller.ask("DELETE", f"/sobjects/Contact/{child}")


EVERYDAY_CASES = (
    Case("query-200-account", lambda caller: three_accounts(caller).query("SELECT Id, Name FROM Account LIMIT 2")),
    Case("query-users", two_users),
    Case("query-contacts-v59", contacts_with_blanks),
    Case("sdk-query-with-next-records-url-2", middle_page),
    Case("sdk-create", lambda caller: caller.ask("POST", "/sobjects/Account", {"Name": "Test"}, version="53.0")),
    Case("create-topic-201", lambda caller: caller.ask("POST", "/sobjects/Contact", {"LastName": "A"}, version="42.0")),
    Case("update-account-204", lambda caller: caller.ask("PATCH", f"/sobjects/Lead/{lead(caller)}", {"Title": "Dr"})),
    Case("delete-account-204", lambda caller: caller.ask("DELETE", f"/sobjects/Contact/{contact(caller)}")),
    Case("collections-delete-allOrNone", delete_three),
    Case("collections-insert-many", lambda caller: caller.many("POST", "", "Account", *[{"Name": "Test"}] * 3)),
    Case("cascade-deleted-child-404", child_of_a_deleted_parent),
)
