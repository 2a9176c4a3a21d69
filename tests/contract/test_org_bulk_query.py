"""Bulk API 2.0 query jobs of the sandbox org: life of a job, pages of its result, what it cannot ask."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecar.sandbox.org import Clock, Org
from tests.contract.bulk_caller import BulkCaller

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def org():
    org = Org(clock=Clock(NOON))
    yield org
    org.close()


@pytest.fixture
def caller(org):
    return BulkCaller(org)


def recorded(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]["body"]


def refused(caller, soql):
    answer = caller.ask("POST", "/jobs/query", {"operation": "query", "query": soql})
    assert answer.status_code == 400
    return answer.json()[0]["message"]


def test_a_query_job_tells_about_itself_as_recorded_at_every_step(caller):
    steps = recorded("bulk2-query-lifecycle")["steps"]
    made = caller.ask("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"}).json()
    for step, given in zip(steps, [made, *(caller.look(made["id"], "query") for _ in range(2))], strict=False):
        assert set(given) - {"isPkChunkingSupported"} == set(step["body"]), step["do"]
        assert given["state"] == step["body"]["state"]
    newer = recorded("bulk2-query-create-v59-2024")
    assert set(made) <= set(newer)
    assert made["createdDate"][19:] == newer["createdDate"][19:]


def test_a_result_looks_as_recorded(org, caller):
    wanted = (RECORDINGS / "bulk2-query-result.csv").read_text()
    known = [line.split(",") for line in wanted.splitlines()[1:]]
    for _, name, phone in known:
        org.insert("Account", {"Name": name.strip('"'), "Phone": phone.strip('"') or None})
    job = caller.asked("SELECT Id, Name, Phone FROM Account ORDER BY Name")
    given = caller.page(job["id"])
    for row, (old_id, name, _) in zip(org.rows("Account"), known, strict=True):
        assert row["Name"] == name.strip('"')
        wanted = wanted.replace(old_id, f'"{row["Id"]}"')
    assert sorted(given.text.splitlines()) == sorted(wanted.splitlines())
    assert (given.headers["Sforce-NumberOfRecords"], given.headers["Sforce-Locator"]) == ("3", "null")
    assert job["numberRecordsProcessed"] == 3


def test_values_come_as_text(org, caller):
    account = org.insert("Account", {"Name": 'The "A", Ltd'})
    org.insert("Contact", {"LastName": "Stone", "AccountId": account, "HasOptedOutOfEmail": True, "Score__c": 2})
    org.insert("Contact", {"LastName": "Reed"})
    soql = "SELECT LastName, Account.Name, HasOptedOutOfEmail, Score__c, Birthday__c, SystemModstamp FROM Contact"
    lines = sorted(caller.page(caller.asked(soql)["id"]).text.splitlines())
    assert lines == [
        '"LastName","Account.Name","HasOptedOutOfEmail","Score__c","Birthday__c","SystemModstamp"',
        '"Reed","","false","","","2026-05-01T12:00:00.000Z"',
        '"Stone","The ""A"", Ltd","true","2.0","","2026-05-01T12:00:00.000Z"',
    ]


def test_pages_follow_the_locator_until_it_is_the_word_null(org, caller):
    org.insert_many("Lead", [{"LastName": f"L{n}", "Company": "A"} for n in range(5)])
    job = caller.asked("SELECT LastName FROM Lead")
    found, locator, pages = [], None, 0
    while locator != "null":
        page = caller.page(job["id"], maxRecords=2, **({"locator": locator} if locator else {}))
        rows = page.text.splitlines()[1:]
        assert len(rows) == int(page.headers["Sforce-NumberOfRecords"])
        found += rows
        locator, pages = page.headers["Sforce-Locator"], pages + 1
    assert (sorted(found), pages) == ([f'"L{n}"' for n in range(5)], 3)
    assert caller.page(job["id"], locator="nonsense").status_code == 404


def test_a_result_is_a_snapshot_and_can_be_read_again(org, caller):
    org.insert("Lead", {"LastName": "Stone", "Company": "A"})
    job = caller.asked("SELECT LastName FROM Lead")
    org.insert("Lead", {"LastName": "Reed", "Company": "A"})
    assert caller.page(job["id"]).text == caller.page(job["id"]).text == '"LastName"\n"Stone"\n'


def test_an_empty_result_is_its_header(caller):
    assert caller.page(caller.asked("SELECT Id FROM Lead")["id"]).text == '"Id"\n'


def test_only_query_all_sees_deleted_records(org, caller):
    org.delete("Lead", org.insert("Lead", {"LastName": "Stone", "Company": "A"}))
    counts = [caller.asked("SELECT Id FROM Lead", kind)["numberRecordsProcessed"] for kind in ("query", "queryAll")]
    assert counts == [0, 1]


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT COUNT() FROM Lead",
        "SELECT COUNT(Id) FROM Lead",
        "SELECT Id FROM Lead OFFSET 5",
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT TYPEOF Who WHEN Lead THEN Company END FROM Task",
        "SELECT Company FROM Lead GROUP BY Company",
        "SELECT FIELDS(ALL) FROM Lead LIMIT 200",
    ],
)
def test_what_a_bulk_query_cannot_ask_is_refused_when_the_job_is_made(caller, soql):
    assert refused(caller, soql).endswith("not supported in Bulk Query")


@pytest.mark.parametrize("clause", ["ORDER BY LastName", "LIMIT 1", "WHERE LastName = 'GROUP BY OFFSET'"])
def test_order_limit_and_mere_words_are_no_reason_to_refuse(caller, clause):
    assert caller.asked(f"SELECT Id FROM Lead {clause}")["state"] == "JobComplete"


def test_limits_and_compound_fields_are_refused_in_the_recorded_words(org, caller):
    compound, unsupported, volume, jobs = recorded("bulk2-query-limit-errors")
    assert refused(caller, "SELECT MailingAddress FROM Contact") == compound
    org.bulk.queries.unsupported.add("Task")
    assert unsupported.removeprefix("... ") in refused(caller, "SELECT Id FROM Task")
    org.limits.use_by_others(976_562, "DailyBulkV2QueryFileStorageMB")
    assert refused(caller, "SELECT Id FROM Lead") == volume
    org.limits.use_by_others(10_000, "DailyBulkV2QueryJobs")
    assert refused(caller, "SELECT Id FROM Lead") == jobs


def test_jobs_of_the_day_are_counted(caller):
    caller.asked("SELECT Id FROM Lead")
    assert caller.ask("GET", "/limits").json()["DailyBulkV2QueryJobs"] == {"Max": 10000, "Remaining": 9999}


def test_a_result_is_read_with_the_version_of_the_job_and_only_when_there_is_one(org, caller):
    org.bulk.plan(is_held=True)
    job = caller.ask("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM Lead"}).json()
    assert caller.page(job["id"]).status_code == 400
    org.bulk.run()
    assert caller.page(job["id"]).status_code == 200
    assert caller.ask("GET", f"/jobs/query/{job['id']}/results", version="65.0").status_code == 409


def test_a_query_job_is_aborted_while_it_runs_and_deleted_when_it_ended(org, caller):
    org.bulk.plan(is_held=True)
    url = f"/jobs/query/{caller.ask('POST', '/jobs/query', {'operation': 'query', 'query': 'SELECT Id FROM Lead'}).json()['id']}"
    refusal = caller.ask("DELETE", url)
    assert (refusal.status_code, refusal.json()[0]["errorCode"]) == (400, "API_ERROR")
    assert caller.ask("PATCH", url, {"state": "Aborted"}).json()["state"] == "Aborted"
    again = caller.ask("PATCH", url, {"state": "Aborted"})
    assert again.json() == [{"errorCode": "INVALIDJOBSTATE", "message": "Aborting already Completed Job not allowed"}]
    assert (caller.ask("DELETE", url).status_code, caller.ask("GET", url).status_code) == (204, 404)


def test_a_query_job_can_fail(org, caller):
    org.bulk.plan(error="QUERY_TIMEOUT : Your query request was running for too long.")
    job = caller.asked("SELECT Id FROM Lead")
    assert (job["state"], job["errorMessage"][:13]) == ("Failed", "QUERY_TIMEOUT")


def test_a_query_that_is_wrong_is_refused_like_any_other(caller):
    assert "No such column 'Nope'" in refused(caller, "SELECT Nope FROM Lead")
    assert "not supported" in refused(caller, "SELECT Id FROM Nothing__c")
