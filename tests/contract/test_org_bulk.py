"""Bulk API 2.0 ingest jobs of the sandbox org: life of a job, CSV, rows by the usual rules, results that add up."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from sidecar.sandbox.org import Clock, Fault, Org
from sidecar.sandbox.org.ids import make_id
from tests.contract.bulk_caller import BulkCaller
from tests.wsgi import serve

RECORDINGS = Path(__file__).parents[1] / "recordings" / "salesforce"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TWO = "LastName,Company\nStone,Acme\nReed,Acme\n"


@pytest.fixture
def org():
    org = Org(clock=Clock(NOON))
    yield org
    org.close()


@pytest.fixture
def caller(org):
    return BulkCaller(org)


def recorded(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["response"]


def refusal(answer):
    return answer.status_code, answer.json()[0]["errorCode"], answer.json()[0]["message"]


def numbered(count, start=0):
    return "LastName,Company,Mautic_Id__c\n" + "".join(f"L{n},Acme,{n}\n" for n in range(start, start + count))


# The life of a job


def test_a_job_tells_about_itself_as_recorded_at_every_step(org, caller):
    steps = recorded("bulk2-ingest-lifecycle")["body"]["steps"]
    ids = org.insert_many("Account", [{"Name": name} for name in "ABCD"])
    created = caller.create("update", "Account", contentType="CSV", lineEnding="LF")
    job = created.json()
    opened = caller.look(job["id"])
    put = caller.upload(job, "Id,Phone\n" + "".join(f"{one},1\n" for one in ids))
    closed = caller.close(job).json()
    seen = [job, opened, None, closed, caller.look(job["id"]), caller.look(job["id"])]
    for step, given in zip(steps, seen, strict=False):
        if given is not None:
            assert set(given) == set(step["body"]), step["do"]
            assert {name: type(value) for name, value in given.items()} == {
                name: type(value) for name, value in step["body"].items()
            }
            assert given["state"] == step["body"]["state"]
    assert (created.status_code, put.status_code, put.content) == (200, 201, b"")
    assert job["contentUrl"] == f"services/data/v66.0/jobs/ingest/{job['id']}/batches"
    for step, which in zip(steps[-2:], ("failedResults", "unprocessedrecords"), strict=True):
        assert caller.ask("GET", f"/jobs/ingest/{job['id']}/{which}/").text == step["csv"]


def test_a_file_of_failed_rows_looks_as_recorded(caller):
    nobody = make_id("00Q", 999)
    job_id = caller.started(f"Id,LastName\n{nobody},value\n", "update")
    caller.ended(job_id)
    wanted = (RECORDINGS / "bulk2-failedResults.csv").read_text()
    given = caller.ask("GET", f"/jobs/ingest/{job_id}/failedResults/").text
    assert given == wanted.replace("My_Field__c", "LastName").replace("001xxx", nobody)


def test_a_file_of_good_rows_looks_as_recorded(org, caller):
    wanted = (RECORDINGS / "bulk2-successfulResults.csv").read_text().splitlines()
    job_id = caller.started('"NAME","PHONE"\n"0501003","002"\n', "insert", "Account")
    caller.ended(job_id)
    given = caller.ask("GET", f"/jobs/ingest/{job_id}/successfulResults/").text.splitlines()
    assert given[0] == wanted[0].replace("TMS_LOCATION__C", "PHONE")
    assert given[1] == wanted[1].replace("a1Mfc000001IKfjEAG", org.rows("Account")[0]["Id"])


def test_an_empty_file_of_failed_rows_is_its_header(caller):
    one = caller.org.insert("Account", {"Name": "A"})
    job_id = caller.started(f"Id,Phone\n{one},1\n", "update", "Account")
    caller.ended(job_id)
    answer = caller.ask("GET", f"/jobs/ingest/{job_id}/failedResults/")
    assert answer.text == (RECORDINGS / "bulk2-failedResults-empty.csv").read_text()
    assert answer.headers["Content-Type"].startswith("text/csv")


def test_the_error_of_a_field_names_the_field(caller):
    job = caller.done("LastName,Company\nStone,\n")
    assert job["bad"][0]["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --"


def test_a_complete_job_may_have_failed_rows_and_counts_them_as_processed(caller):
    job = caller.done(TWO + "Bad,\n")
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 3, 1)


def test_results_do_not_come_in_the_order_of_the_upload(caller):
    job = caller.done(numbered(50))
    keys = [row["Mautic_Id__c"] for row in job["good"]]
    assert sorted(keys, key=int) == [str(n) for n in range(50)]
    assert keys != sorted(keys, key=int)


def test_an_insert_an_upsert_an_update_and_a_delete_do_what_they_say(org, caller):
    made = caller.done(numbered(2))["good"]
    upserted = caller.done(numbered(2, 1), "upsert", externalIdFieldName="Mautic_Id__c")["good"]
    assert {row["Mautic_Id__c"]: row["sf__Created"] for row in upserted} == {"1": "false", "2": "true"}
    caller.done("Id,Title\n" + "".join(f"{row['sf__Id']},Boss\n" for row in made), "update")
    assert [row["Title"] for row in org.rows("Lead")] == ["Boss", "Boss", None]
    caller.done("Id\n" + "".join(f"{row['sf__Id']}\n" for row in made), "delete")
    assert [row["Mautic_Id__c"] for row in org.rows("Lead")] == ["2"]


def test_what_a_job_is_created_with_must_fit(caller):
    wanted = recorded("bulk2-create-job-invalid-external-id-400")
    answer = caller.create("upsert", "Account", externalIdFieldName="Website")
    assert (answer.status_code, answer.json()) == (wanted["status"], wanted["body"])
    assert refusal(caller.create("upsert"))[1] == "INVALIDJOB"
    assert refusal(caller.create("insert", "Nothing__c")) == (
        400,
        "INVALIDJOB",
        "InvalidJob : Unable to find object: Nothing__c",
    )
    assert refusal(caller.create("explode"))[:2] == (400, "INVALIDJOB")
    assert refusal(caller.create(lineEnding="CR"))[:2] == (400, "INVALIDJOB")


def test_data_is_put_once_and_only_while_the_job_is_open(org, caller):
    job = caller.create().json()
    assert caller.upload(job, TWO).status_code == 201
    assert refusal(caller.upload(job, TWO))[0] == 400
    caller.close(job)
    assert refusal(caller.upload(job, TWO))[1] == "INVALIDJOBSTATE"
    old = caller.create().json()
    org.clock.advance(25 * 3600)
    caller.session.headers["Authorization"] = f"Bearer {org.token()}"
    assert refusal(caller.upload(old, TWO))[1] == "INVALIDJOBSTATE"


def test_an_upload_that_is_too_big_in_base64_is_refused(org, caller):
    org.bulk.ingest.max_upload = 10
    assert caller.upload(caller.create().json(), TWO).status_code == 413


def test_an_ended_job_can_be_neither_closed_nor_aborted(caller):
    job_id = caller.started(TWO)
    assert refusal(caller.close({"id": job_id}))[1] == "INVALIDJOBSTATE"
    caller.ended(job_id)
    answer = refusal(caller.close({"id": job_id}, "Aborted"))
    assert answer == (400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")


def test_an_aborted_job_writes_nothing_more_and_returns_the_rest(org, caller):
    org.bulk.plan(is_held=True)
    job_id = caller.started(numbered(400))
    assert caller.look(job_id)["state"] == caller.look(job_id)["state"] == "InProgress"
    assert caller.close({"id": job_id}, "Aborted").json()["state"] == "Aborted"
    job = caller.look(job_id)
    good, rest = caller.results(job_id, "successfulResults"), caller.results(job_id, "unprocessedrecords")
    assert (job["state"], len(good), len(rest), len(org.rows("Lead"))) == ("Aborted", 200, 200, 200)
    assert {row["Mautic_Id__c"] for row in good + rest} == {str(n) for n in range(400)}


def test_a_job_aborted_before_it_began_has_all_rows_unprocessed(caller):
    job = caller.create().json()
    caller.upload(job, TWO)
    caller.close(job, "Aborted")
    assert [row["LastName"] for row in caller.results(job["id"], "unprocessedrecords")] == ["Stone", "Reed"]


def test_a_deleted_job_is_gone_and_a_running_one_stays(org, caller):
    wanted = {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
    job_id = caller.started(TWO)
    org.bulk.jobs[job_id].course.is_held = True
    caller.look(job_id)
    assert caller.ask("DELETE", f"/jobs/ingest/{job_id}").status_code == 400
    org.bulk.release()
    caller.ended(job_id)
    assert caller.ask("DELETE", f"/jobs/ingest/{job_id}").status_code == 204
    answer = caller.ask("GET", f"/jobs/ingest/{job_id}")
    assert (answer.status_code, answer.json()) == (404, [wanted])


def test_an_ended_job_is_kept_for_seven_days(org, caller):
    job_id = caller.done(TWO)["id"]
    for days, status in ((6, 200), (2, 404)):
        org.clock.advance(days * 86400)
        caller.session.headers["Authorization"] = f"Bearer {org.token()}"
        assert caller.ask("GET", f"/jobs/ingest/{job_id}").status_code == status


def test_the_list_of_jobs_comes_in_pages_of_a_thousand(caller):
    for _ in range(1001):
        caller.create()
    first = caller.ask("GET", "/jobs/ingest").json()
    second = caller.ask("GET", first["nextRecordsUrl"].partition("v66.0")[2]).json()
    assert (len(first["records"]), first["done"], len(second["records"]), second["done"]) == (1000, False, 1, True)
    assert "nextRecordsUrl" not in second
    assert {job["jobType"] for job in first["records"]} == {"V2Ingest"}
    assert caller.ask("GET", "/jobs/ingest", params={"jobType": "Classic"}).json()["records"] == []
    assert caller.ask("GET", "/jobs/ingest", params={"isPkChunkingEnabled": "true"}).json()["records"] == []


def test_every_call_of_a_job_counts(org, caller):
    caller.done(TWO)
    assert org.calls == 8  # create, upload, close, two polls, three results


def test_a_job_may_take_its_time_by_the_clock_of_the_org(org, caller):
    org.bulk.plan(seconds=60)
    job_id = caller.started(numbered(100))
    assert caller.look(job_id)["state"] == "UploadComplete"
    org.clock.advance(30)
    assert caller.look(job_id)["numberRecordsProcessed"] == 50
    org.clock.advance(30)
    assert caller.look(job_id)["state"] == "JobComplete"


# What goes wrong


@pytest.mark.parametrize("prepare", [lambda org: "Name2", lambda org: org.hide_field("Lead", "Title") or "Title"])
def test_an_unknown_or_hidden_column_fails_the_whole_job(org, caller, prepare):
    name = prepare(org)
    job = caller.done(f"LastName,Company,{name}\nStone,Acme,x\n")
    wanted = recorded("bulk2-job-failed-invalidbatch")["body"]
    assert job["state"] == wanted["state"]
    assert job["errorMessage"] == wanted["errorMessage"].removesuffix("Name") + name
    assert (job["good"], job["bad"], len(job["rest"]), org.rows("Lead")) == ([], [], 1, [])


def test_a_byte_order_mark_hides_the_first_column(org, caller):
    job = caller.done(b"\xef\xbb\xbf" + TWO.encode())
    assert (job["state"], org.rows("Lead")) == ("Failed", [])
    assert job["errorMessage"] == "InvalidBatch : Field name not found : \ufeffLastName"


@pytest.mark.parametrize(("ending", "data"), [("LF", TWO.replace("\n", "\r\n")), ("CRLF", TWO)])
def test_other_line_ends_than_promised_fail_the_job(org, caller, ending, data):
    job_id = caller.started(data, lineEnding=ending)
    job = caller.ended(job_id)
    wanted = f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {ending}"
    assert (job["state"], job["errorMessage"], org.rows("Lead")) == ("Failed", wanted, [])


def test_a_delete_takes_ids_alone(caller):
    assert "only ids" in caller.done("Id,LastName\n,x\n", "delete")["errorMessage"]


def test_a_job_fails_as_a_whole_when_told_to(org, caller):
    org.bulk.plan(error="InternalServerError : the job could not be processed")
    job = caller.done(TWO)
    assert (job["state"], job["good"], job["bad"], len(job["rest"])) == ("Failed", [], [], 2)
    assert job["errorMessage"].startswith("InternalServerError")


def test_rows_fail_and_stay_unprocessed_as_arranged_and_all_are_accounted_for(org, caller):
    org.bulk.plan(failing=7, code="UNABLE_TO_LOCK_ROW", unprocessed=5)
    job = caller.done(numbered(300))
    assert (job["state"], len(job["good"]), len(job["bad"]), len(job["rest"])) == ("Failed", 288, 7, 5)
    assert {row["sf__Error"].partition(":")[0] for row in job["bad"]} == {"UNABLE_TO_LOCK_ROW"}
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (295, 7)
    assert {row["Mautic_Id__c"] for row in job["good"] + job["bad"] + job["rest"]} == {str(n) for n in range(300)}
    assert len(org.rows("Lead")) == 288


@pytest.mark.parametrize("ending", ["Failed", "Aborted"])
def test_a_job_may_end_halfway_either_way(org, caller, ending):
    org.bulk.plan(unprocessed=3, ending=ending)
    job = caller.done(numbered(10))
    assert (job["state"], len(job["good"]), len(job["rest"])) == (ending, 7, 3)
    assert ("errorMessage" in job) is (ending == "Failed")


def test_an_administrator_may_abort_a_job(org, caller):
    org.bulk.plan(is_held=True)
    job_id = caller.started(numbered(10))
    caller.look(job_id)
    org.bulk.abort(job_id)
    assert caller.look(job_id)["state"] == "Aborted"
    assert (len(caller.results(job_id, "successfulResults")), len(org.rows("Lead"))) == (5, 5)


def test_one_row_can_be_locked(org, caller):
    org.faults.add(Fault("PUT /jobs/ingest", "row_error", row_match={"Mautic_Id__c": "3"}))
    job = caller.done(numbered(5))
    assert [row["Mautic_Id__c"] for row in job["bad"]] == ["3"]
    assert job["bad"][0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access")


# Rows


def test_an_empty_cell_leaves_a_value_alone_and_a_mark_clears_it(org, caller):
    one = org.insert("Lead", {"LastName": "Stone", "Company": "Acme", "Title": "Boss", "Phone": "1"})
    assert caller.done(f"Id,Title,Phone\n{one},,#N/A\n", "update")["state"] == "JobComplete"
    assert (org.row("Lead", one)["Title"], org.row("Lead", one)["Phone"]) == ("Boss", None)


def test_values_of_every_kind_are_read_as_the_org_keeps_them(org, caller):
    header = "LastName,Company,HasOptedOutOfEmail,Score__c,Birthday__c,Last_Visit__c,Interests__c,Email"
    values = "Stone,Acme,true,1.505,1990-02-03,2026-04-01T10:00:00.123+02:00,Art;Music,A@Example.com"
    assert caller.done(f"{header}\n{values}\n")["bad"] == []
    row = org.rows("Lead")[0]
    assert (row["HasOptedOutOfEmail"], row["Score__c"], row["Birthday__c"]) == (True, 1.51, "1990-02-03")
    assert (row["Last_Visit__c"], row["Email"]) == ("2026-04-01T08:00:00.000+0000", "a@example.com")
    assert row["Interests__c"] == "Music;Art"


def test_a_value_of_the_wrong_kind_fails_its_row(caller):
    job = caller.done("LastName,Company,Birthday__c\nStone,Acme,soon\n")
    wanted = "INVALID_TYPE_ON_FIELD_IN_RECORD:Birthday: value not of required type: soon:Birthday__c --"
    assert job["bad"][0]["sf__Error"] == wanted


def test_quotes_hold_delimiters_line_ends_and_quotes(org, caller):
    job = caller.done('LastName,Company,Description\n"Stone, ""Al""",Acme,"one\ntwo"\n')
    assert job["bad"] == []
    assert (org.rows("Lead")[0]["LastName"], org.rows("Lead")[0]["Description"]) == ('Stone, "Al"', "one\ntwo")
    assert job["good"][0]["Description"] == "one\ntwo"


def test_a_blank_beside_a_quote_fails_the_row_and_no_other(org, caller):
    job = caller.done('LastName,Company\n"Stone", "Acme"\nReed, Acme\nShort\n')
    assert (len(job["good"]), len(job["bad"])) == (1, 2)
    assert [row["LastName"] for row in org.rows("Lead")] == ["Reed"]


def test_another_delimiter_and_line_end_work_in_both_directions(caller):
    data = "LastName;Company\r\nStone;Acme\r\n"
    job_id = caller.started(data, lineEnding="CRLF", columnDelimiter="SEMICOLON")
    caller.ended(job_id)
    answer = caller.ask("GET", f"/jobs/ingest/{job_id}/successfulResults/").text
    assert answer.startswith('"sf__Id";"sf__Created";LastName;Company\r\n')
    assert answer.endswith(';"Stone";"Acme"\r\n')


def test_the_same_key_twice_among_200_rows_fails_both_and_further_away_the_last_wins(org, caller):
    rows = numbered(250).splitlines()
    rows[3] = rows[2]  # both in the first 200
    rows[250] = rows[6].replace("L5", "Later")  # its like is in the first 200, it is not
    job = caller.done("\n".join(rows) + "\n", "upsert", externalIdFieldName="Mautic_Id__c")
    assert (
        sorted(row["sf__Error"] for row in job["bad"])
        == ["DUPLICATE_VALUE:Duplicate external id specified: 1:Mautic_Id__c --"] * 2
    )
    assert {row["Mautic_Id__c"]: row["LastName"] for row in org.rows("Lead")}["5"] == "Later"


def test_rows_keep_the_rules_of_any_write(org, caller):
    org.add_validation_rule("Lead", lambda row: row["LastName"] == "No", "not him", "LastName")
    org.set_duplicate_rule("Lead")
    org.insert("Lead", {"LastName": "Old", "Company": "Acme", "Email": "old@example.com", "Mautic_Id__c": "7"})
    header = "LastName,Company,Email,Mautic_Id__c\n"
    job = caller.done(header + "No,Acme,,1\nDouble,Acme,old@example.com,2\nClash,Acme,,7\nBad,Acme,bad,4\n")
    found = {row["LastName"]: row["sf__Error"].partition(":")[0] for row in job["bad"]}
    assert found == {
        "No": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "Double": "DUPLICATES_DETECTED",
        "Clash": "DUPLICATE_VALUE",
        "Bad": "INVALID_EMAIL_ADDRESS",
    }


def test_assignment_rules_run_only_when_the_job_names_one(org, caller):
    org.set_assignment_rule(org.user_ids["seller"])
    caller.done(numbered(1))
    caller.done(numbered(1, 1), assignmentRuleId="01Q000000000001AAA")
    assert [row["OwnerId"] for row in org.rows("Lead")] == [org.user_ids["api"], org.user_ids["seller"]]


def test_a_parent_can_be_named_by_a_key_of_its_own(org, caller):
    lead = org.insert("Lead", {"LastName": "Stone", "Company": "Acme", "Mautic_Id__c": "5"})
    data = "Name,WhoId__r.Mautic_Id__c\nA,5\nB,6\n"
    job = caller.done(data, "insert", "mautic_timeline__c")
    assert [row["WhoId__c"] for row in org.rows("mautic_timeline__c")] == [lead]
    assert "Foreign key external ID: 6 not found for field Mautic_Id__c in entity Lead" in job["bad"][0]["sf__Error"]
    assert (
        "Field name not found"
        in caller.done("Name,Nothing__r.Id\nA,5\n", "insert", "mautic_timeline__c")["errorMessage"]
    )


def test_a_failed_update_names_its_record_from_version_53_on(org, caller):
    one = org.insert("Lead", {"LastName": "Stone", "Company": "Acme"})
    for version, named in (("66.0", one), ("52.0", "")):
        job = caller.ask("POST", "/jobs/ingest", {"operation": "update", "object": "Lead"}, version=version).json()
        caller.upload(job, f"Id,Email\n{one},bad\n")
        caller.close(job)
        caller.ended(job["id"])
        assert caller.results(job["id"], "failedResults")[0]["sf__Id"] == named


# Limits and size


def test_each_ten_thousand_rows_use_a_batch_of_the_day(org, caller):
    caller.done(numbered(10_001))
    caller.done(TWO)
    assert caller.ask("GET", "/limits").json()["DailyBulkApiBatches"] == {"Max": 15000, "Remaining": 14997}


def test_beyond_the_batches_of_the_day_the_job_fails_and_the_rows_are_in_no_result(org, caller):
    org.limits.set_maximum("DailyBulkApiBatches", 1)
    job = caller.done(numbered(10_005))
    assert (job["state"], len(job["good"]), job["bad"], job["rest"]) == ("Failed", 10_000, [], [])
    assert job["errorMessage"].startswith("ExceededQuota")


def test_fifty_thousand_rows_are_done_in_seconds(org, caller):
    org.bulk.plan(failing=1500, unprocessed=10)
    began = time.perf_counter()
    job = caller.done(numbered(50_000), "upsert", externalIdFieldName="Mautic_Id__c")
    assert time.perf_counter() - began < 60  # about 5 on an idle core; the bound only catches a change of order
    assert (len(job["good"]), len(job["bad"]), len(job["rest"])) == (48_490, 1500, 10)


def test_another_process_steers_jobs_over_http(org):
    with serve(org.app) as address:
        plan = requests.post(f"{address}/sandbox/plan_bulk_jobs", json={"is_held": True, "times": 1}, timeout=5)
        assert plan.status_code == 200
        caller = BulkCaller(org)
        job_id = caller.started(TWO)
        assert caller.look(job_id)["state"] == caller.look(job_id)["state"] == "InProgress"
        requests.post(f"{address}/sandbox/release_bulk_jobs", timeout=5)
        assert caller.ended(job_id)["state"] == "JobComplete"
