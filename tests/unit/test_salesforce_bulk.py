"""Writing by bulk jobs: every row uploaded gets its own result, whatever the job tells, and in whatever order."""

import csv
import io
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.bulk_log import KnownJob
from sidecar.errors import BudgetError, SetupError, TransientError
from sidecar.salesforce.bulk import BulkWriter
from sidecar.salesforce.bulk_jobs import Jobs
from sidecar.salesforce.parts import PartAnswer
from sidecar.salesforce.rows import Kind, Row, RowWriter
from sidecar.sync.model import Reaction
from tests.salesforce_builders import Pauses, a_creation, a_side, an_org, people_rules, salesforce_id
from tests.salesforce_stub import Answer, recorded, saved

JOB = "7503h00000CV7GpAAL"
STEPS = [
    step["body"] for step in recorded("bulk2-ingest-lifecycle")["body"]["steps"] if isinstance(step.get("body"), dict)
]
CREATED, DONE = STEPS[0], STEPS[-1]
REFUSED = [{"errorCode": "INVALIDJOB", "message": "InvalidJob : …"}]


class Log:
    """A JobLog in memory."""

    def __init__(self, *known, is_free=True):
        self.known = list(known)
        self.free = is_free
        self.states = {}
        self.signs_of_life = 0

    def is_free(self):
        return self.free

    def opened(self, job_id, kind, object_name, row_count):
        self.states[job_id] = "open"

    def closed(self, job_id, state):
        self.states[job_id] = state

    def unfinished(self):
        return self.known

    def keep_alive(self):
        self.signs_of_life += 1


class BulkOrg:
    """Speaks the recorded course of an ingest job; a test says how the job goes and what its results are."""

    def __init__(self, **course):
        self.course = {"polls": 2, "fate": lambda index: "saved"} | course
        self.sleep = Pauses()
        self.sent = []
        self.content = b""
        self.state = "Open"

    # what a job does

    def rows(self):
        return list(csv.DictReader(io.StringIO(self.content.decode())))

    def fates(self):
        return [self.course["fate"](index) for index in range(len(self.rows()))]

    def told(self):
        fates = self.fates()
        body = DONE | {
            "state": self.course.get("end", "JobComplete"),
            "numberRecordsProcessed": sum(fate != "unprocessed" for fate in fates),
            "numberRecordsFailed": sum(":" in fate for fate in fates),
        }
        return body | self.course.get("numbers", {})

    # FileCaller

    def send(self, part, *, is_repeatable):
        self.sent.append(f"{part.method} {part.path.replace(JOB, 'JOB')}")
        if raised := self.course.get(self.sent[-1]):
            raise raised
        if part.path.startswith("composite/"):
            return PartAnswer(200, [saved(salesforce_id(900 + n)) for n in range(len(part.body["records"]))])
        match part.method:
            case "POST":
                self.job = part.body
                return self.course.get("created", PartAnswer(200, CREATED))
            case "PATCH":
                self.state = part.body["state"]
                return PartAnswer(200, {"state": self.state})
        if self.course.get("gone"):
            return PartAnswer(404, [{"errorCode": "NOT_FOUND", "message": "…"}])
        if self.state != "UploadComplete":
            return PartAnswer(200, CREATED | {"state": self.state})
        self.course["polls"] -= 1
        return PartAnswer(200, DONE | {"state": "InProgress"} if self.course["polls"] >= 0 else self.told())

    def composite(self, parts, *, is_repeatable=True):
        return [self.send(part, is_repeatable=True) for part in parts]

    def put_file(self, path, content):
        self.sent.append("PUT")
        if raised := self.course.get("PUT"):
            raise raised
        self.content = content

    def get_file(self, path):
        which = path.rpartition("/")[2]
        self.sent.append(which)
        if raised := self.course.get(which):
            raise raised
        lines = []
        for index, (row, fate) in enumerate(zip(self.rows(), self.fates(), strict=True)):
            if fate == "saved" and which == "successfulResults":
                lines.append([salesforce_id(index), "true", *row.values()])
            elif ":" in fate and which == "failedResults":
                lines.append(["", fate, *row.values()])
            elif fate == "unprocessed" and which == "unprocessedrecords":
                lines.append(list(row.values()))
        lines += self.course.get("more", {}).get(which, [])
        random.Random(1).shuffle(lines)
        names = list(self.rows()[0])
        extra = {"successfulResults": ["sf__Id", "sf__Created"], "failedResults": ["sf__Id", "sf__Error"]}.get(
            which, []
        )
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([[*extra, *names], *lines])
        return text.getvalue().encode(), {}


def upserts(count, **values):
    return [
        Row(Kind.UPSERT, "Lead", {"LastName": f"N{n}", "Mautic_Id__c": str(n)} | values, "Mautic_Id__c")
        for n in range(count)
    ]


def updates(count):
    return [Row(Kind.UPDATE, "Lead", {"id": salesforce_id(n), "LastName": f"N{n}"}) for n in range(count)]


def write(org, rows, *, log=None, threshold=5, **options):
    return BulkWriter(Jobs(org, log or Log()), RowWriter(org), threshold=threshold, **options).write(rows)


def codes(results):
    return [result.error.code if result.error else None for result in results]


# -- the job -----------------------------------------------------------------------------------------------------------


def test_many_upserts_are_one_job_and_few_calls():
    org, log = BulkOrg(), Log()
    results = write(org, upserts(20), log=log)
    assert [result.id for result in results] == [salesforce_id(n) for n in range(20)]
    assert all(result.was_created for result in results)
    assert org.job == {
        "object": "Lead", "operation": "upsert", "externalIdFieldName": "Mautic_Id__c", "contentType": "CSV", "lineEnding": "LF",
    }  # fmt: skip
    assert org.sent == [
        "POST jobs/ingest", "PUT", "PATCH jobs/ingest/JOB", *["GET jobs/ingest/JOB"] * 3, "successfulResults",
    ]  # fmt: skip
    assert log.states == {JOB: "JobComplete"}


def test_updates_are_joined_by_their_id():
    org = BulkOrg(fate=lambda n: "saved" if n % 2 else "STRING_TOO_LONG:too long:LastName--")
    results = write(org, updates(10))
    assert [result.error is None for result in results] == [bool(n % 2) for n in range(10)]
    assert results[0].error.fields == ("LastName",)
    assert "Id" in org.rows()[0]


@pytest.mark.parametrize(("count", "is_job"), [(4, False), (5, True)])
def test_few_rows_go_by_collections(count, is_job):
    org = BulkOrg()
    assert codes(write(org, upserts(count))) == [None] * count
    assert ("POST jobs/ingest" in org.sent) is is_job


def test_the_threshold_is_2000_rows_unless_it_is_set():
    for count, is_job in ((1999, False), (2000, True)):
        org = BulkOrg()
        BulkWriter(Jobs(org, Log()), RowWriter(org)).write(upserts(count))
        assert ("POST jobs/ingest" in org.sent) is is_job


def test_inserts_have_no_key_of_their_own_and_stay_with_collections():
    org = BulkOrg()
    write(org, [Row(Kind.INSERT, "Lead", {"LastName": "N"})] * 10)
    assert "POST jobs/ingest" not in org.sent


def test_a_key_that_comes_twice_is_uploaded_once_and_written_again_after():
    org = BulkOrg()
    rows = [*upserts(6), *upserts(2)]
    assert codes(write(org, rows)) == [None] * 8
    assert len(org.rows()) == 6
    assert org.sent[-1] == "PATCH composite/sobjects/Lead/Mautic_Id__c"


def test_a_row_that_csv_might_not_carry_travels_as_json():
    org = BulkOrg()
    rows = [*upserts(6), *upserts(1, Mautic_Id__c="7", LastName='The "Rock" Roe')]
    assert codes(write(org, rows)) == [None] * 7
    assert len(org.rows()) == 6


def test_an_org_takes_one_of_our_jobs_at_a_time():
    org = BulkOrg()
    assert codes(write(org, upserts(6), log=Log(is_free=False))) == [None] * 6
    assert "POST jobs/ingest" not in org.sent


def test_a_file_that_is_too_large_becomes_two_jobs():
    org = BulkOrg()
    write(org, upserts(8), max_bytes=60)
    assert org.sent.count("POST jobs/ingest") == 2


def test_looks_at_a_job_are_few_and_the_lane_stays_ours_meanwhile():
    org, log = BulkOrg(polls=6), Log()
    write(org, upserts(10), log=log)
    assert org.sent.count("GET jobs/ingest/JOB") == 7
    assert sum(org.sleep) > 90
    assert max(org.sleep) <= 3
    assert log.signs_of_life == len(org.sleep)


# -- its results -------------------------------------------------------------------------------------------------------


FATES = st.sampled_from(
    ["saved", "STRING_TOO_LONG:m:LastName--", "FIELD_CUSTOM_VALIDATION_EXCEPTION:m:--", "unprocessed", "lost"]
)


@given(st.lists(FATES, min_size=5, max_size=40))
def test_successful_failed_and_unprocessed_are_all_that_was_uploaded_and_the_rest_is_lost(fates):
    org = BulkOrg(fate=fates.__getitem__)
    expected = {
        "saved": None,
        "STRING_TOO_LONG:m:LastName--": "salesforce-string-too-long",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION:m:--": "salesforce-field-custom-validation-exception",
        "unprocessed": "salesforce-row-unprocessed",
        "lost": "salesforce-answer-lost",
    }
    if not any(fate != "unprocessed" for fate in fates):
        org.course["end"] = "Failed"
    assert codes(write(org, upserts(len(fates)))) == [expected[fate] for fate in fates]


def test_what_is_lost_or_unprocessed_is_tried_again():
    org = BulkOrg(fate=lambda n: "lost" if n == 1 else "unprocessed" if n == 2 else "saved")
    results = write(org, upserts(6))
    assert [results[n].error.reaction for n in (1, 2)] == [Reaction.RETRY] * 2


def test_a_row_told_twice_is_saved_if_it_ever_was_and_strange_rows_are_nobodys():
    more = {
        "failedResults": [["", "UNKNOWN_EXCEPTION:m:--", "N0", "0"]],
        "successfulResults": [[salesforce_id(77), "true", "N99", "99"]],
    }
    org = BulkOrg(fate=lambda n: "STRING_TOO_LONG:m:LastName--" if n == 1 else "saved", more=more)
    results = write(org, upserts(6))
    assert codes(results) == [None, "salesforce-string-too-long", None, None, None, None]


def test_results_that_promise_nothing_are_not_fetched_and_all_are_if_nothing_is_promised():
    org = BulkOrg(fate=lambda n: "STRING_TOO_LONG:m:--" if n else "saved")
    write(org, upserts(6))
    assert org.sent[-2:] == ["successfulResults", "failedResults"]
    org = BulkOrg(numbers={"numberRecordsProcessed": None})
    write(org, upserts(6))
    assert org.sent[-3:] == ["successfulResults", "failedResults", "unprocessedrecords"]


def test_rows_that_locked_each_other_are_sent_once_more():
    org = BulkOrg(fate=lambda n: "saved" if n else "UNABLE_TO_LOCK_ROW:m:--")
    assert codes(write(org, upserts(6))) == [None] * 6


def test_a_result_that_cannot_be_read_makes_every_row_be_looked_at_again():
    org, log = BulkOrg(successfulResults=TransientError("gone", code="salesforce-unreachable")), Log()
    assert codes(write(org, upserts(6), log=log)) == ["salesforce-answer-lost"] * 6
    assert log.states == {JOB: "open"}, "the next run sees to it"


# -- a job that fails --------------------------------------------------------------------------------------------------


def failing(error):
    return BulkOrg(end="Failed", fate=lambda n: "unprocessed", numbers={"errorMessage": error})


def test_an_unknown_column_is_a_matter_of_set_up():
    message = recorded("bulk2-job-failed-invalidbatch")["body"]["errorMessage"]
    log = Log()
    with pytest.raises(SetupError) as caught:
        write(failing(message), upserts(6), log=log)
    assert caught.value.code == "salesforce-field-unknown"
    assert log.states == {JOB: "Failed"}


def test_data_that_a_job_does_not_understand_goes_by_collections():
    org = failing("InvalidBatch : LineEnding is invalid on user data")
    assert codes(write(org, upserts(6))) == [None] * 6
    assert org.sent[-1].startswith("PATCH composite")


def test_batches_that_are_used_up_free_again():
    with pytest.raises(TransientError) as caught:
        write(failing("ExceededQuota : ApiBatchItems Limit exceeded."), upserts(6))
    assert caught.value.retry_after_seconds


def test_a_job_that_failed_for_itself_is_tried_again():
    results = write(failing("TooManyLockFailure : Too many lock failures"), upserts(6))
    assert codes(results) == ["salesforce-row-unprocessed"] * 6


def test_a_key_that_is_none_is_a_matter_of_set_up():
    answer = recorded("bulk2-create-job-invalid-external-id-400")
    with pytest.raises(SetupError) as caught:
        write(BulkOrg(created=PartAnswer(answer["status"], answer["body"])), upserts(6))
    assert caught.value.code == "salesforce-key-unusable"


def test_an_org_that_takes_no_jobs_takes_collections():
    org = BulkOrg(created=PartAnswer(400, [{"errorCode": "FEATURENOTENABLED", "message": "…"}]))
    assert codes(write(org, upserts(6))) == [None] * 6


@pytest.mark.parametrize("error", [TransientError("x", code="salesforce-unreachable"), SetupError("x", code="x")])
def test_a_job_whose_data_did_not_arrive_is_given_up_and_nothing_was_written(error):
    org, log = BulkOrg(PUT=error), Log()
    with pytest.raises(type(error)):
        write(org, upserts(6), log=log)
    assert org.state == "Aborted"
    assert log.states == {JOB: "Aborted"}


def test_without_calls_a_job_is_left_for_the_next_run():
    org, log = BulkOrg(PUT=BudgetError("x", code="budget-used")), Log()
    with pytest.raises(BudgetError):
        write(org, upserts(6), log=log)
    assert log.states == {JOB: "open"}


def test_a_lost_answer_to_the_last_word_is_found_out_by_looking():
    org = BulkOrg()
    lost = TransientError("x", code="salesforce-unreachable")
    org.course["PATCH jobs/ingest/JOB"] = lost
    org.state = "UploadComplete"  # it was heard
    assert codes(write(org, upserts(6))) == [None] * 6


# -- what a crash leaves -----------------------------------------------------------------------------------------------


def finish(org, *known):
    log = Log(*known)
    Jobs(org, log).finish_left_behind()
    return log.states


def test_a_job_that_never_got_its_data_is_aborted():
    org = BulkOrg()
    assert finish(org, KnownJob(JOB, "ingest")) == {JOB: "Aborted"}
    assert org.state == "Aborted"


def test_a_running_job_is_waited_for_and_nothing_is_uploaded_again():
    org = BulkOrg()
    org.content, org.state = b"LastName,Mautic_Id__c\nN,1\n", "UploadComplete"
    assert finish(org, KnownJob(JOB, "ingest")) == {JOB: "JobComplete"}
    assert {call.split()[0] for call in org.sent} == {"GET"}


def test_a_job_that_the_org_forgot_or_that_is_too_old_is_closed():
    assert finish(BulkOrg(gone=True), KnownJob(JOB, "ingest")) == {JOB: "Unknown"}
    org = BulkOrg()
    assert finish(org, KnownJob(JOB, "ingest", is_too_old=True)) == {JOB: "Unknown"}
    assert org.sent == []


def test_nobody_wants_the_result_of_a_dead_workers_query():
    org = BulkOrg()
    assert finish(org, KnownJob(JOB, "query")) == {JOB: "Aborted"}


def test_a_job_that_does_not_end_postpones_the_run():
    org = BulkOrg(polls=10_000)
    org.content, org.state = b"LastName\nN\n", "UploadComplete"
    with pytest.raises(TransientError) as caught:
        finish(org, KnownJob(JOB, "ingest"))
    assert caught.value.code == "salesforce-bulk-job-running"
    assert sum(org.sleep) < 2 * 3600


# -- over HTTP ---------------------------------------------------------------------------------------------------------


def test_files_are_carried_as_bytes_whatever_their_label_says():
    org = an_org()
    org.on(
        "GET",
        ".*/jobs/ingest/1/successfulResults",
        Answer('Name\n"Müller\nRoe"\n', headers={"Content-Type": "text/csv"}),
    )
    org.on("PUT", ".*/jobs/ingest/1/batches", Answer(None, 201))
    client = a_side(org).client
    client.put_file("jobs/ingest/1/batches", "Name\nMüller\n".encode())
    assert org.sent[-1].headers["Content-Type"] == "text/csv; charset=UTF-8"
    content, _ = client.get_file("jobs/ingest/1/successfulResults")
    assert content.decode() == 'Name\n"Müller\nRoe"\n'
    assert len(org.metered) == 2


def test_a_mapping_that_chooses_about_rules_of_the_org_keeps_to_collections():
    org = an_org()
    org.on(
        "PATCH",
        ".*/composite/sobjects/Lead/Mautic_Id__c",
        lambda sent: Answer([saved(salesforce_id(n)) for n in range(len(sent.body["records"]))]),
    )
    side = a_side(org)
    side.use_jobs(Log(), threshold=5)
    rules = people_rules()
    rules = replace(rules, mapping=replace(rules.mapping, assignment_rules=True))
    results = side.write(rules, [a_creation(n, LastName="Roe") for n in range(6)])
    assert [result.error for result in results] == [None] * 6
    assert all("/jobs/" not in sent.path for sent in org.sent)
